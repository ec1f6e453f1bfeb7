//! KoLeo (Sablayrolles et al. 2019): rows keep away from their nearest neighbours.

use super::{buffer, gpu::Gpu};
use crate::tape::{Node, Tape};
use candle_core::{Device, Result, Tensor};
use rayon::prelude::*;

/// Added to each difference of two numbers and to the distance, as DINOv2 does (torch's `PairwiseDistance`).
pub(crate) const EPS: f32 = 1e-8;

impl Tape {
    /// The sum over groups of `-mean ln(|x - n + 1e-8| + 1e-8)`, where n is the row of its group with the largest product with
    /// x, itself left out. `x` (rows, width) has rows of length 1; row r is in group r % groups, so that views of an image are
    /// in different groups. Both ends of a distance have a gradient.
    ///
    /// # Errors
    /// If a group has fewer than two rows.
    pub fn koleo(&mut self, x: &Node, groups: usize) -> Result<Node> {
        let (rows, width) = x.value().dims2()?;
        if groups == 0 || !rows.is_multiple_of(groups) || rows / groups < 2 {
            candle_core::bail!("KoLeo: {rows} rows in {groups} groups; a row needs a neighbour");
        }
        if let Some(gpu) = Gpu::of(x.value()) {
            return self.koleo_on(gpu, x, groups);
        }
        let mut nearest = vec![0; rows];
        let distances: Vec<f32> = {
            let x = buffer::read(x.value())?;
            let row = |at: usize| &x[at * width..][..width];
            let one = |(at, nearest): (usize, &mut usize)| {
                let others = (at % groups..rows).step_by(groups).filter(|other| *other != at);
                let product =
                    |other: usize| -> f32 { row(at).iter().zip(row(other)).map(|(a, b)| a * b).sum() };
                let (mut most, mut found) = (f32::NEG_INFINITY, at);
                for other in others {
                    let product = product(other);
                    if product > most {
                        (most, found) = (product, other);
                    }
                }
                *nearest = found;
                let square = |(a, b): (&f32, &f32)| f64::from(a - b + EPS).powi(2);
                row(at).iter().zip(row(found)).map(square).sum::<f64>().sqrt() as f32
            };
            nearest.par_iter_mut().enumerate().map(one).collect()
        };
        let share = f64::from(groups as u32) / rows as f64;
        let sum: f64 = distances.iter().map(|distance| libm::log(f64::from(distance + EPS))).sum();
        let value = Tensor::from_vec(vec![(-share * sum) as f32], 1, &Device::Cpu)?;
        let input = x.clone();
        Ok(self.record(value, &[x], move |grad, gradients| {
            let slope = -share as f32 * buffer::read(grad.tensor())?[0];
            let slopes: Vec<f32> =
                distances.iter().map(|d| slope / (d * (d + EPS)).max(f32::MIN_POSITIVE)).collect();
            let x = buffer::read(input.value())?;
            let x = &*x;
            gradients.contribute(&input, |dx, add| {
                dx.par_chunks_mut(width).enumerate().for_each(|(at, dx)| {
                    let mut sum = vec![0f32; width];
                    let mut pull = |from: usize, to: usize, sign: f32| {
                        let (from, slope) = (&x[from * width..][..width], sign * slopes[from]);
                        let ends = from.iter().zip(&x[to * width..][..width]);
                        sum.iter_mut().zip(ends).for_each(|(sum, (a, b))| *sum += slope * (a - b + EPS));
                    };
                    pull(at, nearest[at], 1.0);
                    let of_others = (at % groups..rows).step_by(groups).filter(|other| nearest[*other] == at);
                    of_others.for_each(|other| pull(other, at, -1.0));
                    dx.iter_mut().zip(sum).for_each(|(dx, sum)| *dx = if add { *dx + sum } else { sum });
                });
            })
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        golden::{assert_close, device, everywhere},
        params::{Params, Published},
        seed::Seed,
        tape::Gradients,
    };

    /// `dinov2/loss/koleo_loss.py` on these rows: neighbours 1, 0, 1 and distances 0.894427187, 0.894427195, 1.199999990. The
    /// third row is not of length 1 there before it is normalised.
    #[test]
    fn rows_keep_away_from_their_nearest_neighbours() {
        everywhere(|| {
            let rows = [1.0f32, 0.0, 0.6, 0.8, -0.3, 0.4];
            let x = Node::constant(Tensor::from_slice(&rows, (3, 2), &device()).unwrap());
            let mut tape = Tape::forgetting();
            let x = tape.normalise_rows(&x).unwrap();
            let loss = tape.koleo(&x, 1).unwrap().scalar().unwrap();
            assert_close("loss", &[loss], &[0.013_607_324], 1e-5);
        });
    }

    /// Against the sum written out for each group, and slopes against differences.
    #[test]
    fn views_have_neighbours_among_their_own_kind() {
        everywhere(|| {
            const ROWS: usize = 10;
            const WIDTH: usize = 300;
            let mut params = Params::new(Seed(7));
            let id = params.add_normal(Published::new("x", &[ROWS, WIDTH]), 1.0);
            let values = params.export(id).unwrap();
            let loss = |values: &[f32]| -> f64 {
                let unit = |at: usize| -> Vec<f64> {
                    let row = values[at * WIDTH..][..WIDTH].iter().map(|x| f64::from(*x)).collect::<Vec<_>>();
                    let length = row.iter().map(|x| x * x).sum::<f64>().sqrt();
                    row.iter().map(|x| x / length).collect()
                };
                let mut sum = 0.0;
                for at in 0..ROWS {
                    let others = (0..ROWS).filter(|other| other % 2 == at % 2 && *other != at);
                    let apart = |other: usize| -> f64 {
                        unit(at).iter().zip(unit(other)).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
                    };
                    sum -= others.map(apart).fold(f64::INFINITY, f64::min).ln() / (ROWS / 2) as f64;
                }
                sum
            };
            let mut tape = Tape::recording(&params);
            let x = tape.param(&params, id);
            let x = tape.normalise_rows(&x).unwrap();
            let node = tape.koleo(&x, 2).unwrap();
            assert_close("loss", &[node.scalar().unwrap()], &[loss(&values) as f32], 1e-5);
            let mut gradients = Gradients::new(&params);
            tape.backward(&node, &mut gradients).unwrap();
            let found = gradients.of(id).unwrap().tensor().flatten_all().unwrap().to_vec1::<f32>().unwrap();
            let places: Vec<usize> = (0..ROWS * WIDTH).step_by(131).collect();
            let slope = |at: usize| {
                let (mut up, mut down) = (values.clone(), values.clone());
                (up[at], down[at]) = (up[at] + 0.01, down[at] - 0.01);
                ((loss(&up) - loss(&down)) / f64::from(up[at] - down[at])) as f32
            };
            let expected: Vec<f32> = places.iter().map(|at| slope(*at)).collect();
            let found: Vec<f32> = places.iter().map(|at| found[*at]).collect();
            assert_close("slopes", &found, &expected, 2e-3);
        });
    }

    #[test]
    fn equal_rows_have_a_finite_gradient() {
        everywhere(|| {
            let mut params = Params::new(Seed(7));
            let id = params.add_constant(Published::new("x", &[4, 8]), 0.5);
            let mut tape = Tape::recording(&params);
            let x = tape.param(&params, id);
            let x = tape.normalise_rows(&x).unwrap();
            let node = tape.koleo(&x, 2).unwrap();
            assert!(node.scalar().unwrap().is_finite());
            assert!(tape.koleo(&x, 4).is_err(), "a row without a neighbour");
            let mut gradients = Gradients::new(&params);
            tape.backward(&node, &mut gradients).unwrap();
            let slopes = gradients.of(id).unwrap().tensor().flatten_all().unwrap().to_vec1::<f32>().unwrap();
            assert!(slopes.iter().all(|slope| slope.is_finite()), "{slopes:?}");
        });
    }
}
