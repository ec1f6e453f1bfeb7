//! Kernels as their text declares them, and whether what they are given fits.

use super::Arg;
use crate::ops::buffer;
use candle_core::{DType, Result};
use std::{collections::BTreeMap, sync::LazyLock};

/// What stands before each kernel.
pub(super) const PRELUDE: &str = include_str!("kernels/prelude.h");

/// The kernels, file by file.
pub(super) const FILES: [(&str, &str); 15] = [
    ("adamw", include_str!("kernels/adamw.cu")),
    ("adapters", include_str!("kernels/adapters.cu")),
    ("columns", include_str!("kernels/columns.cu")),
    ("depthwise", include_str!("kernels/depthwise.cu")),
    ("elementwise", include_str!("kernels/elementwise.cu")),
    ("gelu", include_str!("kernels/gelu.cu")),
    ("layer_norm", include_str!("kernels/layer_norm.cu")),
    ("linear", include_str!("kernels/linear.cu")),
    ("loss", include_str!("kernels/loss.cu")),
    ("nearest", include_str!("kernels/nearest.cu")),
    ("patches", include_str!("kernels/patches.cu")),
    ("pool", include_str!("kernels/pool.cu")),
    ("scale_residual", include_str!("kernels/scale_residual.cu")),
    ("variance_penalty", include_str!("kernels/variance_penalty.cu")),
    ("views", include_str!("kernels/views.cu")),
];

/// A kernel's parameters.
#[derive(Debug)]
pub(super) struct Signature {
    /// Its file.
    pub(super) file: &'static str,
    /// Type, and name, of each parameter: `const real *`, `x`.
    pub(super) params: Vec<(&'static str, &'static str)>,
}

/// A value as the kernel gets it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Value {
    Address(u64),
    Int(i32),
    Wide(i64),
    Float(f32),
}

/// A kernel with all that it is given.
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

/// The kernels that a text declares.
fn declared(file: &'static str, text: &'static str) -> impl Iterator<Item = (&'static str, Signature)> {
    text.split("\nKERNEL ").skip(1).map(move |text| {
        let (name, rest) = text.split_once('(').expect("a kernel has parameters");
        let (list, _) = rest.split_once(')').expect("parameters end");
        let param = |text: &'static str| {
            let text = text.trim();
            let at = text.rfind([' ', '*']).expect("a parameter has a type") + 1;
            (text[..at].trim(), &text[at..])
        };
        (name, Signature { file, params: list.split(',').map(param).collect() })
    })
}

/// Checks and addresses what a kernel is given.
///
/// # Errors
/// If a tensor is of another format than the parameter, lies scattered, or a number does not fit.
pub(super) fn bind(kernel: &'static str, args: &[Arg<'_>]) -> Result<Bound> {
    let signature = KERNELS.get(kernel).unwrap_or_else(|| panic!("there is no kernel `{kernel}`"));
    let (found, expected) = (args.len(), signature.params.len());
    assert_eq!(found, expected, "kernel `{kernel}` has another number of parameters");
    let mut format = None;
    let mut values = Vec::with_capacity(args.len());
    for (arg, (kind, name)) in args.iter().zip(&signature.params) {
        let misfit = |found: &dyn std::fmt::Debug| {
            candle_core::Error::msg(format!(
                "kernel `{kernel}`: expected `{kind}` for {name}, found {found:?}"
            ))
        };
        let pointed = kind.strip_suffix('*').map(|kind| kind.trim().trim_start_matches("const "));
        let value = match (arg, *kind, pointed) {
            (Arg::Nothing, _, Some(_)) => Value::Address(0),
            (Arg::Tensor(tensor), _, Some(pointed)) => {
                let dtype = tensor.dtype();
                let fits = match (pointed, dtype) {
                    ("real", DType::F32 | DType::BF16) => *format.get_or_insert(dtype) == dtype,
                    ("float", DType::F32)
                    | ("unsigned", DType::U32)
                    | ("int", DType::U32)
                    | ("wide", DType::I64)
                    | ("unsigned char", DType::U8) => true,
                    _ => false,
                };
                if !fits {
                    return Err(misfit(&dtype));
                }
                Value::Address(buffer::address(tensor)?)
            }
            (Arg::Whole(number), "int", None) => {
                Value::Int(i32::try_from(*number).map_err(|_| misfit(number))?)
            }
            (Arg::Whole(number), "wide", None) => Value::Wide(*number as i64),
            (Arg::Real(number), "float", None) => Value::Float(*number),
            (Arg::Whole(number), ..) => return Err(misfit(number)),
            (Arg::Real(number), ..) => return Err(misfit(number)),
            (Arg::Tensor(tensor), ..) => return Err(misfit(&tensor.dtype())),
            (Arg::Nothing, ..) => return Err(misfit(&"nothing")),
        };
        values.push(value);
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
        let expected = [("const real *", "x"), ("float *", "y"), ("int", "pixels"), ("int", "channels")];
        assert_eq!(signature.params, expected);
        let declared = FILES.iter().map(|(_, text)| text.matches("\nKERNEL ").count()).sum::<usize>();
        assert_eq!(KERNELS.len(), declared, "every kernel has a name of its own");
    }
}
