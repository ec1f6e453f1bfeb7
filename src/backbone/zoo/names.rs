//! Maps the tensors that candle-transformers requests to timm's parameters, which have other names and are
//! split differently.

use super::Network;
use crate::params::Published;
use candle_core::{DType, Device, Error, Result, Shape, Tensor};
use candle_nn::{Init, VarBuilder, var_builder::SimpleBackend};
use std::{
    collections::BTreeMap,
    ops::Range,
    sync::{Arc, Mutex},
};

/// Where a tensor comes from.
pub(super) enum Source {
    /// From timm's file: one of its tensors, or rows of several, stacked.
    Published(Vec<Rows>),
    /// From no file; it follows from the network.
    Made(Vec<f32>),
    /// Absent: candle-transformers requests it in case it exists.
    Missing,
}

/// Rows of a tensor of timm's file.
pub(super) struct Rows {
    pub(super) name: String,
    /// The shape of the whole tensor.
    pub(super) shape: Vec<usize>,
    pub(super) rows: Range<usize>,
}

impl Source {
    /// A tensor with this name whose values are the requested ones.
    pub(super) fn whole(name: impl Into<String>, shape: &[usize]) -> Self {
        Self::Published(vec![Rows::all(name, shape)])
    }

    /// The identity matrix: for a classifier whose input is the features.
    pub(super) fn identity(shape: &[usize]) -> Self {
        let [outs, ins] = shape else { return Self::Made(vec![0.0; shape.iter().product()]) };
        Self::Made((0..outs * ins).map(|at| if at / ins == at % ins { 1.0 } else { 0.0 }).collect())
    }
}

impl Rows {
    pub(super) fn all(name: impl Into<String>, shape: &[usize]) -> Self {
        Self { name: name.into(), shape: shape.to_vec(), rows: 0..shape.first().copied().unwrap_or(1) }
    }
}

/// Records what a network requests.
#[derive(Clone, Default)]
pub(super) struct Asked(Arc<Mutex<Notes>>);

#[derive(Default)]
struct Notes {
    shapes: BTreeMap<String, Vec<usize>>,
    /// Layers without numbers that a network requests: convolutions of 0 × 0 pixels.
    absent: Vec<String>,
}

/// Provides the tensors that a network requests.
pub(super) struct Given<'a> {
    pub(super) network: &'a dyn Network,
    pub(super) value: &'a (dyn Fn(&str) -> Option<Tensor> + Sync + Send),
}

impl Asked {
    /// The parameters of a network under timm's names, sorted.
    pub(super) fn by(network: &dyn Network) -> Vec<Published> {
        let asked = Self::default();
        let noting = Noting { network, asked: asked.clone() };
        let weights = VarBuilder::from_backend(Box::new(noting), DType::F32, Device::Cpu);
        let _ = network.with(weights).expect("zeros have the shapes that are asked for");
        let Notes { shapes, absent } = std::mem::take(&mut *asked.0.lock().expect("no thread has panicked"));
        let is_there = |name: &str| !absent.iter().any(|layer| name.starts_with(layer));
        let there = shapes.into_iter().filter(|(name, _)| is_there(name));
        there.map(|(name, shape)| Published::new(name, &shape)).collect()
    }
}

struct Noting<'a> {
    network: &'a dyn Network,
    asked: Asked,
}

impl SimpleBackend for Noting<'_> {
    fn get(&self, shape: Shape, name: &str, _: Init, dtype: DType, device: &Device) -> Result<Tensor> {
        let mut notes = self.asked.0.lock().expect("no thread has panicked");
        if shape.elem_count() == 0 {
            // `blocks.2.1.dw_start.conv.weight`: both convolution and normalisation are absent.
            let layer = name.trim_end_matches("conv.weight");
            notes.absent.push(layer.to_owned());
            return Err(missing(name));
        }
        match self.network.source(name, shape.dims()) {
            Source::Missing => return Err(missing(name)),
            Source::Made(_) => {}
            Source::Published(rows) => {
                notes.shapes.extend(rows.into_iter().map(|rows| (rows.name, rows.shape)));
            }
        }
        Tensor::zeros(shape, dtype, device)
    }

    fn get_unchecked(&self, name: &str, _: DType, _: &Device) -> Result<Tensor> {
        Err(missing(name))
    }

    fn contains_tensor(&self, _: &str) -> bool {
        true
    }
}

impl SimpleBackend for Given<'_> {
    fn get(&self, shape: Shape, name: &str, _: Init, _: DType, device: &Device) -> Result<Tensor> {
        match self.network.source(name, shape.dims()) {
            Source::Missing => Err(missing(name)),
            Source::Made(values) => Tensor::from_vec(values, shape, device),
            Source::Published(rows) => {
                let one = |rows: &Rows| {
                    let value = (self.value)(&rows.name).ok_or_else(|| missing(&rows.name))?;
                    value.narrow(0, rows.rows.start, rows.rows.len())
                };
                match &rows[..] {
                    [all] => one(all)?.reshape(shape),
                    several => {
                        Tensor::cat(&several.iter().map(one).collect::<Result<Vec<_>>>()?, 0)?.reshape(shape)
                    }
                }
            }
        }
    }

    fn get_unchecked(&self, name: &str, _: DType, _: &Device) -> Result<Tensor> {
        Err(missing(name))
    }

    fn contains_tensor(&self, _: &str) -> bool {
        true
    }
}

fn missing(name: &str) -> Error {
    Error::CannotFindTensor { path: name.into() }
}
