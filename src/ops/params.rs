//! The parameters of a model: their published names and shapes, and their values in the layout that kernels
//! use.
//!
//! Weights are published channels-first (NCHW) and kept channels-last. The permutation between the two
//! layouts is part of the parameter and is applied when weights are read or written, never in a step.

use crate::{
    buffer,
    format::Format,
    gpu::Gpu,
    seed::{Seed, Stream},
};
use candle_core::{DType, Device, Result, Tensor};
use std::ops::{Deref, DerefMut};

/// One of a model's parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ParamId(usize);

impl ParamId {
    /// Its index among the model's parameters.
    pub fn index(self) -> usize {
        self.0
    }
}

/// The name and shape of a parameter in published files.
#[derive(Clone, Debug)]
pub struct Published {
    /// The name in timm, or in the released code: `stages.0.blocks.0.conv_dw.weight`.
    pub name: String,
    /// The published shape.
    pub shape: Vec<usize>,
    /// The axes of the published shape in the order of our layout; empty: the same order.
    order: Vec<usize>,
}

impl Published {
    /// A parameter with the same layout as published.
    pub fn new(name: impl Into<String>, shape: &[usize]) -> Self {
        Self { name: name.into(), shape: shape.to_vec(), order: Vec::new() }
    }

    /// A parameter whose axes are kept in another order.
    pub fn permuted(name: impl Into<String>, shape: &[usize], order: &[usize]) -> Self {
        Self { name: name.into(), shape: shape.to_vec(), order: order.to_vec() }
    }

    /// Number of elements.
    pub fn count(&self) -> usize {
        self.shape.iter().product()
    }

    fn kernel_layout(&self) -> Vec<usize> {
        if self.order.is_empty() {
            self.shape.clone()
        } else {
            self.order.iter().map(|&axis| self.shape[axis]).collect()
        }
    }

    /// Values in the published layout as a tensor in ours.
    fn to_kernel_layout(&self, values: Vec<f32>, device: &Device) -> Result<Tensor> {
        let tensor = Tensor::from_vec(values, self.shape.as_slice(), &Device::Cpu)?;
        let ours = match self.order.as_slice() {
            [] => tensor,
            order => tensor.permute(order)?.contiguous()?,
        };
        ours.to_device(device)
    }

    /// A tensor in our layout (the parameter, its gradient) as values in the published one.
    ///
    /// # Errors
    /// If its number of elements differs from the parameter's.
    pub fn to_published(&self, tensor: &Tensor) -> Result<Vec<f32>> {
        if self.order.is_empty() {
            return buffer::copy(tensor);
        }
        let mut back = vec![0; self.order.len()];
        for (ours, &theirs) in self.order.iter().enumerate() {
            back[theirs] = ours;
        }
        let tensor =
            tensor.to_device(&Device::Cpu)?.reshape(self.kernel_layout())?.permute(back)?.contiguous()?;
        buffer::copy(&tensor)
    }
}

struct Param {
    published: Published,
    value: Tensor,
    trained: bool,
    /// Whether it is excluded from counts of parameters.
    measured: bool,
    rate_factor: f64,
}

/// All parameters of a model, in the order of creation.
pub struct Params {
    all: Vec<Param>,
    /// Prefix of the names of parameters that are added now.
    prefix: String,
    seed: Seed,
    device: Device,
    format: Format,
    /// Whether values are left out.
    shapes_only: bool,
}

impl Params {
    /// Shapes without values, to know how large a model is before anything is allocated.
    pub fn shapes() -> Self {
        Self { shapes_only: true, ..Self::new(Seed(0)) }
    }

    /// Without parameters; initial values will be drawn from streams of `seed` that have the parameters'
    /// names.
    pub fn new(seed: Seed) -> Self {
        Self::on(usual_device(), Format::F32, seed)
    }

    /// The same on a device, for computation in a format.
    pub fn on(device: Device, format: Format, seed: Seed) -> Self {
        Self { all: Vec::new(), prefix: String::new(), seed, device, format, shapes_only: false }
    }

    /// Moves them to a device, for computation in a format.
    ///
    /// # Errors
    /// If the device's memory is too small.
    pub fn go_to(&mut self, device: &Device, format: Format) -> Result<()> {
        for param in &mut self.all {
            param.value = param.value.to_device(device)?;
        }
        (self.device, self.format) = (device.clone(), format);
        Ok(())
    }

    /// The device of the values.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Whether they are on a GPU, which should be waited for only when necessary.
    pub fn on_a_gpu(&self) -> bool {
        Gpu::at(&self.device).is_some()
    }

    /// The number format in which a tape computes with them.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Adds a parameter. `init(stream, values)` fills its values in the *published* order.
    pub fn add_with(
        &mut self,
        mut published: Published,
        init: impl FnOnce(&mut Stream, &mut [f32]),
    ) -> ParamId {
        published.name.insert_str(0, &self.prefix);
        if self.shapes_only {
            let value =
                Tensor::zeros(0, DType::F32, &Device::Cpu).expect("nothing is allocated for no numbers");
            self.all.push(Param { published, value, trained: true, measured: false, rate_factor: 1.0 });
            return ParamId(self.all.len() - 1);
        }
        let mut values = vec![0.0; published.count()];
        init(&mut self.seed.stream(&format!("init/{}", published.name)), &mut values);
        let value =
            published.to_kernel_layout(values, &self.device).expect("as many values as the shape says");
        self.all.push(Param { published, value, trained: true, measured: false, rate_factor: 1.0 });
        ParamId(self.all.len() - 1)
    }

    /// Adds a parameter whose values are all the same.
    pub fn add_constant(&mut self, published: Published, value: f32) -> ParamId {
        self.add_with(published, |_, values| values.fill(value))
    }

    /// Adds a parameter with independent normal values.
    pub fn add_normal(&mut self, published: Published, sd: f64) -> ParamId {
        self.add_with(published, |stream, values| {
            for value in values {
                *value = (stream.normal() * sd) as f32;
            }
        })
    }

    /// Adds a statistic that the network measured during training, such as a running mean: it is never
    /// trained, and not counted as a parameter.
    pub fn add_measured(&mut self, published: Published, value: f32) -> ParamId {
        let id = self.add_constant(published, value);
        (self.all[id.0].measured, self.all[id.0].trained) = (true, false);
        id
    }

    /// A scope for another network: names that are added or looked up in it have the prefix, and so have the
    /// random streams of initial values. Two networks of one kind need two prefixes.
    pub fn within(&mut self, prefix: &str) -> Scope<'_> {
        let outer = self.prefix.len();
        self.prefix.push_str(prefix);
        Scope { params: self, outer }
    }

    /// The name of a parameter within the current prefix; `None` if it belongs to another network.
    pub fn local(&self, id: ParamId) -> Option<&str> {
        self.published(id).name.strip_prefix(self.prefix.as_str())
    }

    /// The random stream of the initial values of a parameter with this name, within the current prefix.
    pub fn start_of(&self, name: &str) -> Stream {
        self.seed.stream(&format!("init/{}{name}", self.prefix))
    }

    /// The number of parameters.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Every parameter.
    pub fn ids(&self) -> impl Iterator<Item = ParamId> + use<> {
        (0..self.all.len()).map(ParamId)
    }

    /// The parameter with this published name, within the current prefix.
    pub fn find(&self, name: &str) -> Option<ParamId> {
        self.ids().find(|id| self.local(*id) == Some(name))
    }

    /// Its published name and shape.
    pub fn published(&self, id: ParamId) -> &Published {
        &self.all[id.0].published
    }

    /// Its value, in our layout.
    pub fn value(&self, id: ParamId) -> &Tensor {
        &self.all[id.0].value
    }

    /// The number of elements of all of them, except for measured statistics.
    pub fn count(&self) -> usize {
        self.all.iter().filter(|param| !param.measured).map(|param| param.published.count()).sum()
    }

    /// Bytes of the values of all of them; `None` above 2^64.
    pub fn bytes(&self) -> Option<u64> {
        let one = |param: &Param| {
            let mut shape = param.published.shape.iter();
            shape.try_fold(4u64, |bytes, length| bytes.checked_mul(*length as u64))
        };
        self.all.iter().try_fold(0u64, |all, param| all.checked_add(one(param)?))
    }

    /// Whether it is trained.
    pub fn is_trained(&self, id: ParamId) -> bool {
        self.all[id.0].trained
    }

    /// Freezes it: steps do not change it.
    pub fn freeze(&mut self, id: ParamId) {
        self.all[id.0].trained = false;
    }

    /// Sets its learning rate to `factor` times the peak rate.
    pub fn set_rate_factor(&mut self, id: ParamId, factor: f64) {
        self.all[id.0].rate_factor = factor;
    }

    /// Its learning rate as a multiple of the peak rate.
    pub fn rate_factor(&self, id: ParamId) -> f64 {
        self.all[id.0].rate_factor
    }

    /// A copy with its own values: steps that change these parameters do not change the copy.
    ///
    /// # Errors
    /// If a value cannot be copied.
    pub fn duplicate(&self) -> Result<Self> {
        let one = |param: &Param| {
            let Param { published, value, trained, measured, rate_factor } = param;
            Ok(Param {
                published: published.clone(),
                value: value.copy()?,
                trained: *trained,
                measured: *measured,
                rate_factor: *rate_factor,
            })
        };
        let all = self.all.iter().map(one).collect::<Result<_>>()?;
        let (prefix, device) = (self.prefix.clone(), self.device.clone());
        let shapes_only = self.shapes_only;
        Ok(Self { all, prefix, seed: self.seed, device, format: self.format, shapes_only })
    }

    /// The same parameters, of which some have other values; the rest is shared, not copied.
    pub fn with(&self, other: impl Fn(ParamId) -> Option<Tensor>) -> Self {
        let one = |(at, param): (usize, &Param)| {
            let Param { published, value, trained, measured, rate_factor } = param;
            Param {
                published: published.clone(),
                value: other(ParamId(at)).unwrap_or_else(|| value.clone()),
                trained: *trained,
                measured: *measured,
                rate_factor: *rate_factor,
            }
        };
        let all = self.all.iter().enumerate().map(one).collect();
        let (prefix, device) = (self.prefix.clone(), self.device.clone());
        let shapes_only = self.shapes_only;
        Self { all, prefix, seed: self.seed, device, format: self.format, shapes_only }
    }

    /// The seed of random values.
    pub fn seed(&self) -> Seed {
        self.seed
    }

    /// Its values in the published layout.
    ///
    /// # Errors
    /// If the tensor cannot be read.
    pub fn export(&self, id: ParamId) -> Result<Vec<f32>> {
        self.all[id.0].published.to_published(&self.all[id.0].value)
    }

    /// Replaces its values by `values` in the published layout.
    ///
    /// # Errors
    /// If the number of values does not match the shape.
    pub fn import(&mut self, id: ParamId, values: Vec<f32>) -> Result<()> {
        let value = self.all[id.0].published.to_kernel_layout(values, &self.device)?;
        self.all[id.0].value = value;
        Ok(())
    }
}

/// A scope of parameters with a prefix, which ends when it is dropped: see [`Params::within`].
pub struct Scope<'a> {
    params: &'a mut Params,
    /// Length of the enclosing prefix.
    outer: usize,
}

impl Deref for Scope<'_> {
    type Target = Params;

    fn deref(&self) -> &Params {
        self.params
    }
}

impl DerefMut for Scope<'_> {
    fn deref_mut(&mut self) -> &mut Params {
        self.params
    }
}

impl Drop for Scope<'_> {
    fn drop(&mut self) {
        self.params.prefix.truncate(self.outer);
    }
}

/// The default device of parameters.
fn usual_device() -> Device {
    #[cfg(any(test, feature = "testing"))]
    return crate::golden::device();
    #[cfg(not(any(test, feature = "testing")))]
    Device::Cpu
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_permuted_parameter_comes_back_as_it_was() {
        let mut params = Params::new(Seed(1));
        let id = params.add_normal(Published::permuted("w", &[3, 2, 4, 5], &[0, 2, 3, 1]), 1.0);
        assert_eq!(params.value(id).dims(), [3, 4, 5, 2]);
        let values = params.export(id).unwrap();
        params.import(id, values.clone()).unwrap();
        assert_eq!(params.export(id).unwrap(), values);
        let ours = params.value(id).flatten_all().unwrap().to_vec1::<f32>().unwrap();
        assert_eq!(ours[1], values[4 * 5]); // second channel of the first pixel
    }

    #[test]
    fn two_networks_of_one_kind_are_two_prefixes() {
        let mut params = Params::new(Seed(1));
        let add = |params: &mut Params| params.add_normal(Published::new("w", &[4]), 1.0);
        let teacher = {
            let mut scope = params.within("teacher.");
            let outer = add(&mut scope);
            let inner = add(&mut scope.within("head."));
            assert_eq!((scope.find("w"), scope.local(inner)), (Some(outer), Some("head.w")));
            outer
        };
        let student = add(&mut params);
        let names = ["teacher.w", "teacher.head.w", "w"];
        assert_eq!(params.ids().map(|id| params.published(id).name.clone()).collect::<Vec<_>>(), names);
        assert_eq!([params.find("w"), params.find("teacher.w")], [Some(student), Some(teacher)]);
        assert_ne!(params.export(teacher).unwrap(), params.export(student).unwrap());
        let mut stream = params.within("teacher.").start_of("w");
        let values: Vec<f32> = (0..4).map(|_| stream.normal() as f32).collect();
        assert_eq!(params.export(teacher).unwrap(), values);
        assert_eq!(params.within("teacher.").local(student), None);
    }

    #[test]
    fn initial_values_depend_on_seed_and_name_only() {
        let draw = |seed, first: &str| {
            let mut params = Params::new(Seed(seed));
            params.add_normal(Published::new(first, &[2]), 1.0);
            let id = params.add_normal(Published::new("w", &[4]), 1.0);
            params.export(id).unwrap()
        };
        assert_eq!(draw(1, "a"), draw(1, "b"));
        assert_ne!(draw(1, "a"), draw(2, "a"));
    }
}
