//! The parameters of a model: their published names and shapes, and their values in the order that kernels like.
//!
//! Weights are published channels-first (NCHW). Ours lie channels-last; the permutation between the two is part
//! of the parameter and is applied when weights are read or written, never in a step.

use crate::{
    buffer,
    format::Format,
    gpu::Gpu,
    seed::{Seed, Stream},
};
use candle_core::{Device, Result, Tensor};
use std::ops::{Deref, DerefMut};

/// One of a model's parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ParamId(usize);

impl ParamId {
    /// Its place among the model's parameters.
    pub fn index(self) -> usize {
        self.0
    }
}

/// What a parameter is called and how it is shaped in the files that people exchange.
#[derive(Clone, Debug)]
pub struct Published {
    /// The name in timm, or in the released code: `stages.0.blocks.0.conv_dw.weight`.
    pub name: String,
    /// The shape there.
    pub shape: Vec<usize>,
    /// Axes of the published shape in the order in which we keep them; empty: the same order.
    order: Vec<usize>,
}

impl Published {
    /// A parameter that we keep in the published order.
    pub fn new(name: impl Into<String>, shape: &[usize]) -> Self {
        Self { name: name.into(), shape: shape.to_vec(), order: Vec::new() }
    }

    /// A parameter whose axes we keep in another order.
    pub fn permuted(name: impl Into<String>, shape: &[usize], order: &[usize]) -> Self {
        Self { name: name.into(), shape: shape.to_vec(), order: order.to_vec() }
    }

    /// Numbers in it.
    pub fn count(&self) -> usize {
        self.shape.iter().product()
    }

    fn ours(&self) -> Vec<usize> {
        if self.order.is_empty() {
            self.shape.clone()
        } else {
            self.order.iter().map(|&axis| self.shape[axis]).collect()
        }
    }

    /// Values in the published order as a tensor in ours.
    fn to_ours(&self, values: Vec<f32>, device: &Device) -> Result<Tensor> {
        let tensor = Tensor::from_vec(values, self.shape.as_slice(), &Device::Cpu)?;
        let ours = match self.order.as_slice() {
            [] => tensor,
            order => tensor.permute(order)?.contiguous()?,
        };
        ours.to_device(device)
    }

    /// A tensor in our order (the parameter, its gradient) as values in the published one.
    ///
    /// # Errors
    /// If it has not as many elements as the parameter.
    pub fn theirs(&self, tensor: &Tensor) -> Result<Vec<f32>> {
        if self.order.is_empty() {
            return buffer::copy(tensor);
        }
        let mut back = vec![0; self.order.len()];
        for (ours, &theirs) in self.order.iter().enumerate() {
            back[theirs] = ours;
        }
        let tensor = tensor.to_device(&Device::Cpu)?.reshape(self.ours())?.permute(back)?.contiguous()?;
        buffer::copy(&tensor)
    }
}

struct Param {
    published: Published,
    value: Tensor,
    trained: bool,
    /// Whether it is no parameter to those who count them.
    measured: bool,
    rate_factor: f64,
}

/// All parameters of a model, in the order in which the model made them.
pub struct Params {
    all: Vec<Param>,
    /// What the names of parameters that are added now begin with.
    prefix: String,
    seed: Seed,
    device: Device,
    format: Format,
}

impl Params {
    /// None yet; initial values will be drawn from streams of `seed` named after the parameters.
    pub fn new(seed: Seed) -> Self {
        Self::on(usual_device(), Format::F32, seed)
    }

    /// The same, to lie on a device and be computed with in a format.
    pub fn on(device: Device, format: Format, seed: Seed) -> Self {
        Self { all: Vec::new(), prefix: String::new(), seed, device, format }
    }

    /// Moves them to a device, to be computed with in a format.
    ///
    /// # Errors
    /// If there is no room for them.
    pub fn go_to(&mut self, device: &Device, format: Format) -> Result<()> {
        for param in &mut self.all {
            param.value = param.value.to_device(device)?;
        }
        (self.device, self.format) = (device.clone(), format);
        Ok(())
    }

    /// Where they lie.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Whether a GPU computes with them: nobody waits for it without need.
    pub fn on_a_gpu(&self) -> bool {
        Gpu::at(&self.device).is_some()
    }

    /// In which number format a tape computes with them.
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
        let mut values = vec![0.0; published.count()];
        init(&mut self.seed.stream(&format!("init/{}", published.name)), &mut values);
        let value = published.to_ours(values, &self.device).expect("as many values as the shape says");
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

    /// Adds what its network measured while it was trained, such as a running mean: it never learns, and nobody counts it.
    pub fn add_measured(&mut self, published: Published, value: f32) -> ParamId {
        let id = self.add_constant(published, value);
        (self.all[id.0].measured, self.all[id.0].trained) = (true, false);
        id
    }

    /// Where another network has its parameters: names that are added and looked for there carry the prefix, and so do the
    /// random streams of their start. Two networks of one kind are two prefixes.
    pub fn within(&mut self, prefix: &str) -> Scope<'_> {
        let outer = self.prefix.len();
        self.prefix.push_str(prefix);
        Scope { params: self, outer }
    }

    /// The name that a parameter has within the current prefix; none if it belongs to another network.
    pub fn local(&self, id: ParamId) -> Option<&str> {
        self.published(id).name.strip_prefix(self.prefix.as_str())
    }

    /// The random stream of the start of a parameter of that name within the current prefix.
    pub fn start_of(&self, name: &str) -> Stream {
        self.seed.stream(&format!("init/{}{name}", self.prefix))
    }

    /// How many parameters there are.
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

    /// The parameter of that published name, within the current prefix.
    pub fn find(&self, name: &str) -> Option<ParamId> {
        self.ids().find(|id| self.local(*id) == Some(name))
    }

    /// Its published name and shape.
    pub fn published(&self, id: ParamId) -> &Published {
        &self.all[id.0].published
    }

    /// Its value, in our order.
    pub fn value(&self, id: ParamId) -> &Tensor {
        &self.all[id.0].value
    }

    /// Numbers in all of them, but those that were measured.
    pub fn count(&self) -> usize {
        self.all.iter().filter(|param| !param.measured).map(|param| param.published.count()).sum()
    }

    /// Whether steps change it.
    pub fn is_trained(&self, id: ParamId) -> bool {
        self.all[id.0].trained
    }

    /// Keeps it as it is.
    pub fn freeze(&mut self, id: ParamId) {
        self.all[id.0].trained = false;
    }

    /// Lets it learn at so many times the peak rate.
    pub fn hurry(&mut self, id: ParamId, factor: f64) {
        self.all[id.0].rate_factor = factor;
    }

    /// At how many times the peak rate it learns.
    pub fn rate_factor(&self, id: ParamId) -> f64 {
        self.all[id.0].rate_factor
    }

    /// The same parameters with values of their own: steps that change these do not change the copy.
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
        Ok(Self { all, prefix, seed: self.seed, device, format: self.format })
    }

    /// What random values are drawn from.
    pub fn seed(&self) -> Seed {
        self.seed
    }

    /// Its values in the published order.
    ///
    /// # Errors
    /// If the tensor cannot be read.
    pub fn export(&self, id: ParamId) -> Result<Vec<f32>> {
        self.all[id.0].published.theirs(&self.all[id.0].value)
    }

    /// Replaces its values by `values` in the published order.
    ///
    /// # Errors
    /// If there are not as many values as the shape says.
    pub fn import(&mut self, id: ParamId, values: Vec<f32>) -> Result<()> {
        let value = self.all[id.0].published.to_ours(values, &self.device)?;
        self.all[id.0].value = value;
        Ok(())
    }
}

/// Parameters within a prefix, until it is dropped: see [`Params::within`].
pub struct Scope<'a> {
    params: &'a mut Params,
    /// Length of the prefix around it.
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

/// Where parameters lie of which nothing is said.
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
