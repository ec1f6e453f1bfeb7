//! Kernel signatures, parsed from their text, and checks of arguments against them.

use super::Arg;
use crate::buffer;
use candle_core::{DType, Result};
use std::{collections::BTreeMap, sync::LazyLock};

/// Prefix of each kernel file.
pub(super) const PRELUDE: &str = include_str!("kernels/prelude.h");

/// The kernel files.
pub(super) const FILES: [(&str, &str); 21] = [
    ("adamw", include_str!("kernels/adamw.cu")),
    ("adapters", include_str!("kernels/adapters.cu")),
    ("attention", include_str!("kernels/attention.cu")),
    ("columns", include_str!("kernels/columns.cu")),
    ("convolution", include_str!("kernels/convolution.cu")),
    ("depthwise", include_str!("kernels/depthwise.cu")),
    ("distil", include_str!("kernels/distil.cu")),
    ("elementwise", include_str!("kernels/elementwise.cu")),
    ("gelu", include_str!("kernels/gelu.cu")),
    ("koleo", include_str!("kernels/koleo.cu")),
    ("layer_norm", include_str!("kernels/layer_norm.cu")),
    ("linear", include_str!("kernels/linear.cu")),
    ("loss", include_str!("kernels/loss.cu")),
    ("masked", include_str!("kernels/masked.cu")),
    ("nearest", include_str!("kernels/nearest.cu")),
    ("patches", include_str!("kernels/patches.cu")),
    ("pool", include_str!("kernels/pool.cu")),
    ("scale_residual", include_str!("kernels/scale_residual.cu")),
    ("tokens", include_str!("kernels/tokens.cu")),
    ("variance_penalty", include_str!("kernels/variance_penalty.cu")),
    ("views", include_str!("kernels/views.cu")),
];

/// A kernel's parameters.
#[derive(Debug)]
pub(super) struct Signature {
    /// Its file.
    pub(super) file: &'static str,
    /// The parameters in order.
    pub(super) params: Vec<Param>,
}

/// A parameter of a kernel.
#[derive(Debug, PartialEq)]
pub(super) struct Param {
    /// As declared: `const real *`.
    pub(super) kind: &'static str,
    name: &'static str,
    takes: Takes,
}

/// What a parameter accepts.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Takes {
    /// A tensor in the format of activations.
    Real,
    /// A tensor in that format.
    Tensor(DType),
    Int,
    Wide,
    Float,
}

impl Param {
    /// `const real *x`.
    fn of(text: &'static str) -> Self {
        let text = text.trim();
        let at = text.rfind([' ', '*']).expect("a parameter has a type") + 1;
        let (kind, name) = (text[..at].trim(), &text[at..]);
        let takes = match (kind, kind.strip_suffix('*')) {
            ("int", _) => Takes::Int,
            ("wide", _) => Takes::Wide,
            ("float", _) => Takes::Float,
            (_, Some(values)) => match values.trim().trim_start_matches("const ") {
                "real" => Takes::Real,
                "float" => Takes::Tensor(DType::F32),
                "unsigned" | "int" => Takes::Tensor(DType::U32),
                "wide" => Takes::Tensor(DType::I64),
                "unsigned char" => Takes::Tensor(DType::U8),
                other => panic!("no tensor holds `{other}`"),
            },
            (other, None) => panic!("no argument is `{other}`"),
        };
        Self { kind, name, takes }
    }
}

/// A value in the form that the kernel receives.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Value {
    Address(u64),
    Int(i32),
    Wide(i64),
    Float(f32),
}

/// A kernel with all its arguments.
pub(super) struct Bound {
    pub(super) kernel: &'static str,
    pub(super) file: &'static str,
    /// The number format of `real`.
    pub(super) format: DType,
    pub(super) values: Vec<Value>,
}

/// Every kernel by its name.
pub(super) static KERNELS: LazyLock<BTreeMap<&'static str, Signature>> =
    LazyLock::new(|| FILES.iter().flat_map(|(file, text)| declared(file, text)).collect());

/// The kernels declared in a text.
fn declared(file: &'static str, text: &'static str) -> impl Iterator<Item = (&'static str, Signature)> {
    text.split("\nKERNEL ").skip(1).map(move |text| {
        let (name, rest) = text.split_once('(').expect("a kernel has parameters");
        let (list, _) = rest.split_once(')').expect("parameters end");
        (name, Signature { file, params: list.split(',').map(Param::of).collect() })
    })
}

/// Checks the arguments of a kernel and converts tensors to addresses.
///
/// # Errors
/// If a tensor has another format than the parameter, is not contiguous, or a number does not fit.
pub(super) fn bind(kernel: &'static str, args: &[Arg<'_>]) -> Result<Bound> {
    let signature = KERNELS.get(kernel).unwrap_or_else(|| panic!("there is no kernel `{kernel}`"));
    let (found, expected) = (args.len(), signature.params.len());
    assert_eq!(found, expected, "kernel `{kernel}` has another number of parameters");
    let mut format = None;
    let mut values = Vec::with_capacity(args.len());
    for (arg, Param { kind, name, takes }) in args.iter().zip(&signature.params) {
        let misfit = |found: &dyn std::fmt::Debug| {
            let text = format!("kernel `{kernel}`: expected `{kind}` for {name}, found {found:?}");
            candle_core::Error::msg(text)
        };
        values.push(match (arg, takes) {
            (Arg::Nothing, Takes::Real | Takes::Tensor(_)) => Value::Address(0),
            (Arg::Tensor(tensor), Takes::Real | Takes::Tensor(_)) => {
                let dtype = tensor.dtype();
                let fits = match takes {
                    Takes::Tensor(expected) => dtype == *expected,
                    _ => matches!(dtype, DType::F32 | DType::BF16) && *format.get_or_insert(dtype) == dtype,
                };
                if !fits {
                    return Err(misfit(&dtype));
                }
                Value::Address(buffer::address(tensor)?)
            }
            (Arg::Whole(number), Takes::Int) => {
                Value::Int(i32::try_from(*number).map_err(|_| misfit(number))?)
            }
            (Arg::Whole(number), Takes::Wide) => Value::Wide(*number as i64),
            (Arg::Real(number), Takes::Float) => Value::Float(*number),
            (Arg::Whole(number), _) => return Err(misfit(number)),
            (Arg::Real(number), _) => return Err(misfit(number)),
            (Arg::Tensor(tensor), _) => return Err(misfit(&tensor.dtype())),
            (Arg::Nothing, _) => return Err(misfit(&"nothing")),
        });
    }
    Ok(Bound { kernel, file: signature.file, format: format.unwrap_or(DType::F32), values })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels_are_read_as_they_are_declared() {
        let signature = &KERNELS["mean_pixels"];
        assert_eq!(signature.file, "pool");
        let expected = ["const real *x", "float *y", "int pixels", "int channels"];
        assert_eq!(signature.params, expected.map(Param::of));
        let declared = FILES.iter().map(|(_, text)| text.matches("\nKERNEL ").count()).sum::<usize>();
        assert_eq!(KERNELS.len(), declared, "kernel names are unique");
    }
}
