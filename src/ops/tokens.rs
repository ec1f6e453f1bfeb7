//! Tokens of a transformer: patches with their positions behind tokens of their own, and ranges of tokens.

use super::{
    buffer::{self, CHUNK},
    gpu::Gpu,
};
use crate::tape::{Node, Tape};
use candle_core::{Result, Tensor};
use rayon::prelude::*;
use std::ops::Range;

impl Tape {
    /// Patches (N, T, C) behind the tokens that every image begins with: (N, F + T, C). Each token has a row of `table`
    /// (F + T, C): the first F are the tokens themselves, the others are added to the patches.
    ///
    /// # Errors
    /// If the table has fewer rows than there are patches, or another width.
    pub fn tokens(&mut self, patches: &Node, table: &Node) -> Result<Node> {
        let (n, count, width) = patches.value().dims3()?;
        let (all, columns) = table.value().dims2()?;
        if all < count || columns != width {
            candle_core::bail!(
                "tokens: {count} patches of width {width} meet a table of {all} rows of {columns}"
            );
        }
        let first = all - count;
        if let Some(gpu) = Gpu::of(patches.value()) {
            return self.tokens_on(gpu, patches, table);
        }
        let value = {
            let (patches, table) = (buffer::read(patches.value())?, buffer::read(table.value())?);
            let (patches, table) = (&*patches, &*table);
            let (own, added) = table.split_at(first * width);
            let mut y = buffer::uninit(n * all * width);
            y.par_chunks_mut(all * width).zip(patches.par_chunks(count * width)).for_each(|(y, patches)| {
                let (first, rest) = y.split_at_mut(own.len());
                first.copy_from_slice(own);
                for ((y, patch), added) in rest.iter_mut().zip(patches).zip(added) {
                    *y = patch + added;
                }
            });
            y
        };
        let value = Tensor::from_vec(value, (n, all, width), patches.value().device())?;
        let inputs = (patches.clone(), table.clone());
        Ok(self.record(value, &[patches, table], move |grad, gradients| {
            let grad = buffer::read(grad.tensor())?;
            let grad = &*grad;
            gradients.contribute(&inputs.1, |sum, add| {
                // Images are added in order, whichever thread has a part of the table.
                sum.par_chunks_mut(CHUNK).enumerate().for_each(|(part, sum)| {
                    if !add {
                        sum.fill(0.0);
                    }
                    for image in grad.chunks_exact(all * width) {
                        let own = &image[part * CHUNK..][..sum.len()];
                        sum.iter_mut().zip(own).for_each(|(sum, slope)| *sum += slope);
                    }
                });
            })?;
            gradients.contribute(&inputs.0, |dx, add| {
                let images = dx.par_chunks_mut(count * width).zip(grad.par_chunks(all * width));
                images.for_each(|(dx, grad)| set_or_add(dx, &grad[first * width..], add));
            })
        }))
    }

    /// Some of the tokens of each image: (N, T, C) to (N, `range`, C).
    ///
    /// # Errors
    /// If there are fewer tokens.
    pub fn token_range(&mut self, x: &Node, range: Range<usize>) -> Result<Node> {
        let (n, all, width) = x.value().dims3()?;
        if range.end > all {
            candle_core::bail!("tokens {range:?} of {all}");
        }
        if let Some(gpu) = Gpu::of(x.value()) {
            return self.token_range_on(gpu, x, range);
        }
        let within = range.start * width..range.end * width;
        let value = {
            let x = buffer::read(x.value())?;
            let mut y = buffer::uninit(n * within.len());
            let images = y.chunks_exact_mut(within.len().max(1)).zip(x.chunks_exact(all * width));
            images.for_each(|(y, x)| y.copy_from_slice(&x[within.clone()]));
            y
        };
        let value = Tensor::from_vec(value, (n, range.len(), width), x.value().device())?;
        let input = x.clone();
        Ok(self.record(value, &[x], move |grad, gradients| {
            let grad = buffer::read(grad.tensor())?;
            let grad = &*grad;
            gradients.contribute(&input, |dx, add| {
                let images = dx.par_chunks_mut(all * width).zip(grad.par_chunks(within.len()));
                images.for_each(|(dx, grad)| {
                    if !add {
                        dx[..within.start].fill(0.0);
                        dx[within.end..].fill(0.0);
                    }
                    set_or_add(&mut dx[within.clone()], grad, add);
                });
            })
        }))
    }
}

fn set_or_add(sum: &mut [f32], values: &[f32], add: bool) {
    match add {
        true => sum.iter_mut().zip(values).for_each(|(sum, value)| *sum += value),
        false => sum.copy_from_slice(values),
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        golden::{assert_close, device, everywhere},
        params::{ParamId, Params, Published},
        seed::Seed,
        tape::{Gradients, Node, Tape},
    };
    use candle_core::Tensor;

    const SHAPE: [usize; 3] = [3, 5, 4];

    fn params() -> (Params, [ParamId; 2]) {
        let mut params = Params::new(Seed(5));
        let patches = params.add_normal(Published::new("patches", &SHAPE), 1.0);
        let table = params.add_normal(Published::new("table", &[7, 4]), 1.0);
        (params, [patches, table])
    }

    /// A scalar in which every number has its own weight, and the gradients of patches and table.
    fn slopes(
        params: &Params,
        [patches, table]: [ParamId; 2],
        range: std::ops::Range<usize>,
    ) -> [Vec<f32>; 3] {
        let mut tape = Tape::recording(params);
        let (patches_node, table_node) = (tape.param(params, patches), tape.param(params, table));
        let tokens = tape.tokens(&patches_node, &table_node).unwrap();
        // Both are read twice, so that gradients are also added.
        let some = tape.token_range(&tokens, range.clone()).unwrap();
        let again = tape.token_range(&tokens, range).unwrap();
        let both = tape.add(&some, &again).unwrap();
        let count = both.value().elem_count();
        let flat = tape.reshape(&both, (1, count)).unwrap();
        let weights = (0..count).map(|at| (at as f32 * 0.7).sin()).collect();
        let weights = Node::constant(Tensor::from_vec(weights, (1, count), &device()).unwrap());
        let sum = tape.linear(&flat, &weights, crate::Weight::OutIn, None).unwrap();
        let found = some.value().flatten_all().unwrap().to_vec1().unwrap();
        let mut gradients = Gradients::new(params);
        tape.backward(&sum, &mut gradients).unwrap();
        let of = |id| gradients.of(id).unwrap().tensor().flatten_all().unwrap().to_vec1().unwrap();
        [found, of(patches), of(table)]
    }

    #[test]
    fn tokens_and_their_gradients_are_where_they_belong() {
        everywhere(|| {
            let (params, ids) = params();
            let [n, count, width] = SHAPE;
            let all = 7;
            let (patches, table) = (params.export(ids[0]).unwrap(), params.export(ids[1]).unwrap());
            for range in [0..7, 0..1, 2..7, 1..4] {
                let [found, dpatches, dtable] = slopes(&params, ids, range.clone());
                let mut tokens = vec![];
                let (mut expected_patches, mut expected_table) =
                    (vec![0f32; patches.len()], vec![0f32; all * width]);
                for image in 0..n {
                    for token in range.clone() {
                        for channel in 0..width {
                            let own = table[token * width + channel];
                            let patch = token.checked_sub(2).map(|at| (image * count + at) * width + channel);
                            let slope = 2.0 * (tokens.len() as f32 * 0.7).sin();
                            tokens.push(own + patch.map_or(0.0, |at| patches[at]));
                            patch.into_iter().for_each(|at| expected_patches[at] += slope);
                            expected_table[token * width + channel] += slope;
                        }
                    }
                }
                assert_close("tokens", &found, &tokens, 1e-6);
                if expected_patches.iter().any(|slope| *slope != 0.0) {
                    assert_close("patches", &dpatches, &expected_patches, 1e-6);
                }
                assert_close("table", &dtable, &expected_table, 1e-6);
            }
        });
    }

    #[test]
    fn a_table_that_does_not_fit_is_refused() {
        let (params, [patches, _]) = params();
        let mut tape = Tape::recording(&params);
        let patches = tape.param(&params, patches);
        let table = Node::constant(Tensor::zeros((4, 4), candle_core::DType::F32, &device()).unwrap());
        let message = tape.tokens(&patches, &table).unwrap_err().to_string();
        assert!(message.contains("5 patches of width 4 meet a table of 4 rows"), "{message}");
        assert!(tape.token_range(&patches, 3..6).is_err());
    }
}
