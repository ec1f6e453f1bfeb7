//! The only reverse pass of the program.
//!
//! An operation computes its value immediately and records how to turn the gradient of its output into
//! gradients of its inputs. Everything is on the tape: backbones, generated stems, heads, losses. Every
//! operation has a backward side, so a graph cannot be cut silently; a test trains every model for a step and
//! checks the gradient of every parameter.
//!
//! Saved activations belong to the recorded closures and are freed as soon as these have run. Gradients are
//! unique buffers ([`Grad`] cannot be cloned), so that a second contribution is added in place and a matrix
//! product can accumulate into one.

use crate::{
    Scalar, buffer,
    format::Format,
    gpu::Gpu,
    params::{ParamId, Params},
};
use candle_core::{Result, Shape, Tensor};
use rayon::prelude::*;
use std::ops::Range;

type Backward = Box<dyn FnOnce(Grad, &mut Gradients) -> Result<()>>;

/// A value on the tape.
#[derive(Clone, Debug)]
pub struct Node {
    /// The target of its gradient; `None` if nothing upstream needs one.
    slot: Option<usize>,
    value: Tensor,
}

impl Node {
    /// A value that needs no gradient: images, targets.
    pub fn constant(value: Tensor) -> Self {
        Self { slot: None, value }
    }

    /// The value.
    pub fn value(&self) -> &Tensor {
        &self.value
    }

    /// Its shape.
    pub fn dims(&self) -> &[usize] {
        self.value.dims()
    }

    /// Whether anything upstream needs a gradient.
    pub fn wants_gradient(&self) -> bool {
        self.slot.is_some()
    }

    /// The value of a scalar node, which may still be being computed.
    pub fn deferred(&self) -> Scalar {
        Scalar::Device(self.value.clone())
    }

    /// The value of a scalar node; on a GPU, waits for it.
    ///
    /// # Errors
    /// If the node is not a scalar.
    pub fn scalar(&self) -> Result<f32> {
        self.value.flatten_all()?.squeeze(0)?.to_scalar()
    }
}

/// Operations in the order of execution.
pub struct Tape {
    records: Vec<(usize, Backward)>,
    next: usize,
    recording: bool,
    format: Format,
}

impl Tape {
    /// A tape for training: every operation is recorded.
    pub fn recording(params: &Params) -> Self {
        let format = params.format();
        Self { records: Vec::new(), next: params.len(), recording: true, format }
    }

    /// A tape for inference: nothing is recorded, and values are freed as soon as the caller drops them.
    pub fn forgetting() -> Self {
        Self::forgetting_in(Format::F32)
    }

    /// The same in another number format.
    pub fn forgetting_in(format: Format) -> Self {
        Self { records: Vec::new(), next: 0, recording: false, format }
    }

    /// Whether this is training; only then are residual branches dropped.
    pub fn is_recording(&self) -> bool {
        self.recording
    }

    /// The number format of activations and of the factors of products.
    pub fn format(&self) -> Format {
        self.format
    }

    /// A parameter as a node. Its gradient outlives the tape: see [`Gradients`].
    pub fn param(&self, params: &Params, id: ParamId) -> Node {
        let wanted = self.recording && params.is_trained(id);
        Node { slot: wanted.then_some(id.index()), value: params.value(id).clone() }
    }

    /// Records one operation. `backward` receives the gradient of `value`; it runs at most once, and not at
    /// all if none of `inputs` needs a gradient.
    pub fn record(
        &mut self,
        value: Tensor,
        inputs: &[&Node],
        backward: impl FnOnce(Grad, &mut Gradients) -> Result<()> + 'static,
    ) -> Node {
        if !self.recording || inputs.iter().all(|input| input.slot.is_none()) {
            return Node::constant(value);
        }
        let slot = self.next;
        self.next += 1;
        self.records.push((slot, Box::new(backward)));
        Node { slot: Some(slot), value }
    }

    /// A value from another tape, whose gradient [`backward_to`](Self::backward_to) returns.
    pub fn leaf(&mut self, value: Tensor) -> Node {
        if !self.recording {
            return Node::constant(value);
        }
        let slot = self.next;
        self.next += 1;
        Node { slot: Some(slot), value }
    }

    /// Runs the backward pass from `root`, a scalar, adding to the parameters' gradients in `gradients`.
    ///
    /// # Errors
    /// If `root` is not a scalar, or an operation fails.
    pub fn backward(self, root: &Node, gradients: &mut Gradients) -> Result<()> {
        self.back_from_scalar(root, gradients, [])?;
        Ok(())
    }

    /// The same, and the gradient of each [`leaf`](Self::leaf); `None` if nothing between it and `root` reads
    /// it.
    ///
    /// # Errors
    /// If `root` is not a scalar, or an operation fails.
    pub fn backward_to<'a>(
        self,
        root: &Node,
        gradients: &mut Gradients,
        leaves: impl IntoIterator<Item = &'a Node>,
    ) -> Result<Vec<Option<Grad>>> {
        self.back_from_scalar(root, gradients, leaves)
    }

    /// Runs the backward pass from several values with known gradients.
    ///
    /// # Errors
    /// If a gradient has another shape than its value, or an operation fails.
    pub fn backward_from(self, known: Vec<(&Node, Grad)>, gradients: &mut Gradients) -> Result<()> {
        if let Some((node, grad)) = known.iter().find(|(node, grad)| node.dims() != grad.0.dims()) {
            candle_core::bail!("a value of shape {:?} got a gradient {:?}", node.dims(), grad.0.dims());
        }
        self.run(known, gradients, [])?;
        Ok(())
    }

    fn back_from_scalar<'a>(
        self,
        root: &Node,
        gradients: &mut Gradients,
        leaves: impl IntoIterator<Item = &'a Node>,
    ) -> Result<Vec<Option<Grad>>> {
        if root.value.elem_count() != 1 {
            candle_core::bail!("the backward pass starts at a scalar, found shape {:?}", root.dims());
        }
        let one = Tensor::ones(root.value.shape(), candle_core::DType::F32, root.value.device())?;
        self.run(vec![(root, Grad(one))], gradients, leaves)
    }

    fn run<'a>(
        self,
        known: Vec<(&Node, Grad)>,
        gradients: &mut Gradients,
        leaves: impl IntoIterator<Item = &'a Node>,
    ) -> Result<Vec<Option<Grad>>> {
        gradients.slots.resize_with(self.next.max(gradients.params), || None);
        for (node, grad) in known {
            gradients.give(node, grad)?;
        }
        for (slot, backward) in self.records.into_iter().rev() {
            if let Some(grad) = gradients.slots[slot].take() {
                backward(grad, gradients)?;
            }
        }
        let found = leaves.into_iter().map(|leaf| gradients.slots[leaf.slot?].take()).collect();
        gradients.slots.truncate(gradients.params);
        Ok(found)
    }
}

/// A gradient: a buffer with a single owner.
#[derive(Debug)]
pub struct Grad(Tensor);

impl Grad {
    /// Wraps a newly allocated buffer.
    pub fn fresh(values: Vec<f32>, shape: &Shape) -> Result<Self> {
        Ok(Self(Tensor::from_vec(values, shape, &candle_core::Device::Cpu)?))
    }

    /// Wraps the tensor of such a buffer.
    pub fn of(buffer: Tensor) -> Self {
        Self(buffer)
    }

    /// The values.
    pub fn tensor(&self) -> &Tensor {
        &self.0
    }

    /// A new buffer with a range of rows of the first axis.
    ///
    /// # Errors
    /// If there are fewer rows.
    pub fn rows(&self, rows: Range<usize>) -> Result<Self> {
        Ok(Self(self.0.narrow(0, rows.start, rows.len())?.force_contiguous()?))
    }

    /// A second buffer with the same values.
    ///
    /// # Errors
    /// If the copy fails.
    pub fn duplicate(&self) -> Result<Self> {
        Ok(Self(self.0.copy()?))
    }

    /// The same buffer with another shape.
    ///
    /// # Errors
    /// If the element counts differ.
    pub fn reshape(self, shape: &Shape) -> Result<Self> {
        Ok(Self(self.0.reshape(shape)?))
    }

    /// Changes the values in place.
    ///
    /// # Errors
    /// If the buffer is not contiguous 32-bit floats.
    pub fn update(&mut self, change: impl FnOnce(&mut [f32])) -> Result<()> {
        buffer::write(&self.0, change)
    }

    /// Multiplies it by the only element of a tensor, which may still be being computed.
    ///
    /// # Errors
    /// If it cannot be computed.
    pub fn scale_by(&mut self, factor: &Tensor) -> Result<()> {
        self.0 = self.0.broadcast_mul(&factor.to_dtype(self.0.dtype())?)?;
        Ok(())
    }
}

/// The gradients of the parameters, and, during a backward pass, of everything else.
///
/// Several tapes may add to the same gradients (CHAMMI: one tape per data set of a batch).
pub struct Gradients {
    slots: Vec<Option<Grad>>,
    params: usize,
}

impl Gradients {
    /// Without gradients.
    pub fn new(params: &Params) -> Self {
        Self { slots: (0..params.len()).map(|_| None).collect(), params: params.len() }
    }

    /// The gradient of a parameter, if it received one.
    pub fn of(&self, id: ParamId) -> Option<&Grad> {
        self.slots[id.index()].as_ref()
    }

    /// Adds the gradients of another part of the batch.
    ///
    /// # Errors
    /// If they belong to another model.
    pub fn absorb(&mut self, other: Self) -> Result<()> {
        for (slot, more) in self.slots.iter_mut().zip(other.slots) {
            match (slot, more) {
                (_, None) => {}
                (Some(sum), Some(more)) => buffer::add_assign(&sum.0, &more.0)?,
                (empty, more) => *empty = more,
            }
        }
        Ok(())
    }

    /// Multiplies all of them by a number.
    ///
    /// # Errors
    /// If they are on a GPU: see [`scale_by`](Self::scale_by).
    pub fn scale(&mut self, factor: f32) -> Result<()> {
        self.slots.iter_mut().flatten().try_for_each(|grad| {
            grad.update(|values| {
                values
                    .par_chunks_mut(buffer::CHUNK)
                    .for_each(|part| part.iter_mut().for_each(|x| *x *= factor));
            })
        })
    }

    /// Multiplies all of them by the only element of a tensor, which may still be being computed.
    ///
    /// # Errors
    /// If it cannot be computed.
    pub fn scale_by(&mut self, factor: &Tensor) -> Result<()> {
        self.slots.iter_mut().flatten().try_for_each(|grad| grad.scale_by(factor))
    }

    /// Changes the gradient of one parameter, if it received one.
    ///
    /// # Errors
    /// If it cannot be changed.
    pub fn change(&mut self, id: ParamId, change: impl FnOnce(&mut Grad) -> Result<()>) -> Result<()> {
        self.slots[id.index()].as_mut().map_or(Ok(()), change)
    }

    /// Clears all of them for the next step.
    pub fn clear(&mut self) {
        self.slots.iter_mut().for_each(|slot| *slot = None);
    }

    /// Adds `grad` to the gradient of `node`.
    ///
    /// # Errors
    /// If the shapes differ.
    pub fn give(&mut self, node: &Node, grad: Grad) -> Result<()> {
        let Some(slot) = node.slot else { return Ok(()) };
        match &mut self.slots[slot] {
            Some(sum) => buffer::add_assign(&sum.0, &grad.0),
            empty => {
                *empty = Some(grad);
                Ok(())
            }
        }
    }

    /// Lets an operation write its contribution to the gradient of `node` directly: `write(buffer, add)` must
    /// set the buffer if `add` is false (its contents are then arbitrary) and add to it if `add` is true.
    ///
    /// # Errors
    /// If the buffer is not contiguous 32-bit floats.
    pub fn contribute(&mut self, node: &Node, write: impl FnOnce(&mut [f32], bool)) -> Result<()> {
        let Some(slot) = node.slot else { return Ok(()) };
        match &mut self.slots[slot] {
            Some(sum) => sum.update(|values| write(values, true)),
            empty => {
                let mut values = buffer::uninit(node.value.elem_count());
                write(&mut values, false);
                *empty = Some(Grad::fresh(values, node.value.shape())?);
                Ok(())
            }
        }
    }

    /// The same on a GPU; `write` receives the buffer as a tensor in the format of the node's value.
    ///
    /// # Errors
    /// If it cannot be computed.
    pub(crate) fn contribute_on(
        &mut self,
        gpu: &Gpu,
        node: &Node,
        write: impl FnOnce(&Tensor, bool) -> Result<()>,
    ) -> Result<()> {
        let Some(slot) = node.slot else { return Ok(()) };
        match &mut self.slots[slot] {
            Some(sum) => write(&sum.0, true),
            empty => {
                let buffer = gpu.uninit(node.value.shape(), node.value.dtype())?;
                write(&buffer, false)?;
                *empty = Some(Grad::of(buffer));
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{params::Published, seed::Seed};
    use candle_core::Device;

    fn one_param(values: &[f32]) -> (Params, ParamId) {
        let mut params = Params::new(Seed(0));
        let id = params.add_with(Published::new("w", &[values.len()]), |_, out| out.copy_from_slice(values));
        (params, id)
    }

    #[test]
    fn a_value_used_twice_gets_both_gradients() {
        let (params, id) = one_param(&[1.0, 2.0]);
        let mut tape = Tape::recording(&params);
        let w = tape.param(&params, id);
        let twice = tape.add(&w, &w).unwrap();
        let thrice = tape.add(&twice, &w).unwrap();
        let total = tape.sum(&thrice).unwrap();
        let mut gradients = Gradients::new(&params);
        tape.backward(&total, &mut gradients).unwrap();
        assert_eq!(gradients.of(id).unwrap().tensor().to_vec1::<f32>().unwrap(), [3.0, 3.0]);
    }

    #[test]
    fn gradients_of_several_tapes_add_up_and_frozen_parameters_get_none() {
        let (mut params, id) = one_param(&[1.0]);
        let mut gradients = Gradients::new(&params);
        for _ in 0..2 {
            let mut tape = Tape::recording(&params);
            let w = tape.param(&params, id);
            let total = tape.sum(&w).unwrap();
            tape.backward(&total, &mut gradients).unwrap();
        }
        assert_eq!(gradients.of(id).unwrap().tensor().to_vec1::<f32>().unwrap(), [2.0]);
        params.freeze(id);
        assert!(!Tape::recording(&params).param(&params, id).wants_gradient());
    }

    #[test]
    fn a_pass_in_two_tapes_gives_the_gradients_of_one() {
        let (params, id) = one_param(&[1.0, -2.0, 3.0, 4.0]);
        let half = |tape: &mut Tape, x: &Node| {
            let sum = tape.sum(x).unwrap();
            tape.weighted_sum(&[(0.5, sum)]).unwrap()
        };
        let mut one = Gradients::new(&params);
        let mut tape = Tape::recording(&params);
        let w = tape.param(&params, id);
        let squares = tape.times_exp(&w, &Node::constant(Tensor::new(&[0.7f32], &Device::Cpu).unwrap()), 1.0);
        let root = half(&mut tape, &squares.unwrap());
        tape.backward(&root, &mut one).unwrap();

        let mut two = Gradients::new(&params);
        let mut lower = Tape::recording(&params);
        let w = lower.param(&params, id);
        let squares =
            lower.times_exp(&w, &Node::constant(Tensor::new(&[0.7f32], &Device::Cpu).unwrap()), 1.0);
        let squares = squares.unwrap();
        let mut upper = Tape::recording(&params);
        let leaf = upper.leaf(squares.value().clone());
        let root = half(&mut upper, &leaf);
        let slope = upper.backward_to(&root, &mut two, [&leaf]).unwrap().remove(0).unwrap();
        assert!(two.of(id).is_none());
        assert_eq!(slope.rows(1..3).unwrap().tensor().to_vec1::<f32>().unwrap(), [0.5, 0.5]);
        lower.backward_from(vec![(&squares, slope)], &mut two).unwrap();
        let of = |gradients: &Gradients| gradients.of(id).unwrap().tensor().to_vec1::<f32>().unwrap();
        assert_eq!(of(&one), of(&two));
    }

    #[test]
    fn the_backward_pass_starts_at_a_scalar() {
        let (params, id) = one_param(&[1.0, 2.0]);
        let tape = Tape::recording(&params);
        let w = tape.param(&params, id);
        assert!(tape.backward(&w, &mut Gradients::new(&params)).is_err());
    }

    #[test]
    fn inference_records_nothing() {
        let (params, id) = one_param(&[1.0]);
        let mut tape = Tape::forgetting();
        let w = tape.param(&params, id);
        let total = tape.sum(&w).unwrap();
        assert!(!total.wants_gradient() && tape.records.is_empty());
        assert_eq!(
            Node::constant(Tensor::zeros(1, candle_core::DType::F32, &Device::Cpu).unwrap()).dims(),
            [1]
        );
    }
}
