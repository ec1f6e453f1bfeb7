//! Running means of weights.

use crate::{
    ops::buffer,
    params::{ParamId, Params},
};
use candle_core::{Result, Tensor};

/// Values of all trained parameters.
pub(super) type Weights = Vec<Vec<f32>>;

/// The mean of weights, with equal shares.
#[derive(Clone, Debug, Default)]
pub(super) struct Average {
    mean: Weights,
    /// The mean on the GPU, if it is there.
    there: Vec<Tensor>,
    pub(super) count: u64,
}

impl Average {
    /// A mean of this many.
    pub(super) fn of(mean: Weights, count: u64) -> Self {
        Self { mean, there: Vec::new(), count }
    }

    /// The mean; waits for the GPU if it is there.
    pub(super) fn mean(&self) -> Result<Weights> {
        if self.there.is_empty() {
            Ok(self.mean.clone())
        } else {
            self.there.iter().map(buffer::copy).collect()
        }
    }

    /// The mean; nothing more can be added.
    pub(super) fn into_mean(self) -> Result<Weights> {
        if self.there.is_empty() { Ok(self.mean) } else { self.mean() }
    }

    /// Adds the current weights.
    pub(super) fn add_params(&mut self, params: &Params) -> Result<()> {
        self.count += 1;
        if params.on_a_gpu() {
            return self.add_there(params);
        }
        if self.count == 1 {
            self.mean = weights(params)?;
            return Ok(());
        }
        for (mean, id) in self.mean.iter_mut().zip(trained(params)) {
            approach(mean, &buffer::read(params.value(id))?, self.count);
        }
        Ok(())
    }

    fn add_there(&mut self, params: &Params) -> Result<()> {
        if self.count == 1 {
            self.there = trained(params).map(|id| params.value(id).copy()).collect::<Result<_>>()?;
            return Ok(());
        }
        // As restored from a checkpoint.
        for mean in std::mem::take(&mut self.mean) {
            self.there.push(Tensor::new(mean, params.device())?);
        }
        for (mean, id) in self.there.iter().zip(trained(params)) {
            buffer::approach(mean, params.value(id), self.count)?;
        }
        Ok(())
    }

    /// The mean of stored weights.
    pub(super) fn kept(self) -> Weights {
        self.mean
    }

    /// Adds stored weights.
    pub(super) fn add(&mut self, weights: &Weights) {
        self.count += 1;
        if self.count == 1 {
            self.mean.clone_from(weights);
            return;
        }
        for (mean, weights) in self.mean.iter_mut().zip(weights) {
            approach(mean, weights, self.count);
        }
    }
}

/// The mean of `count` values, of which `next` is the last and `mean` that of the others (PyTorch's `AveragedModel`).
fn approach(mean: &mut [f32], next: &[f32], count: u64) {
    let count = count as f32;
    for (mean, next) in mean.iter_mut().zip(next) {
        *mean += (next - *mean) / count;
    }
}

fn trained(params: &Params) -> impl Iterator<Item = ParamId> {
    params.ids().filter(|id| params.is_trained(*id))
}

/// The current weights.
pub(super) fn weights(params: &Params) -> Result<Weights> {
    trained(params).map(|id| buffer::copy(params.value(id))).collect()
}

/// Replaces the current weights.
pub(super) fn put(params: &Params, weights: &Weights) -> Result<()> {
    for (id, weights) in trained(params).zip(weights) {
        buffer::set(params.value(id), weights)?;
    }
    Ok(())
}

/// Weights by name, for a checkpoint.
pub(super) fn store(name: &str, weights: Weights) -> Vec<(String, Vec<f32>)> {
    weights.into_iter().enumerate().map(|(at, values)| (format!("{name}/{at}"), values)).collect()
}

/// The weights with this name in a checkpoint; empty if there are none.
pub(super) fn restore(name: &str, read: &dyn Fn(&str) -> Option<Vec<f32>>) -> Weights {
    (0..).map_while(|at: usize| read(&format!("{name}/{at}"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_are_those_of_pytorch() {
        let text = std::fs::read_to_string(crate::golden::folder().join("swa.json")).unwrap();
        let golden: serde_json::Value = serde_json::from_str(&text).unwrap();
        let floats = |value: &serde_json::Value| -> Vec<f32> {
            value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap() as f32).collect()
        };
        let mut average = Average::default();
        for update in golden["averaged_model"]["updates"].as_array().unwrap() {
            average.add(&vec![floats(&update["value"])]);
            crate::golden::assert_close("mean", &average.mean().unwrap()[0], &floats(&update["after"]), 1e-6);
        }
        assert_eq!(average.count, 5);
    }
}
