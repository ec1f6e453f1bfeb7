//! Self-distillation: softmax of centred logits, and the cross-entropy of each row of a student with rows of a teacher.

use super::{buffer, gpu::Gpu, linear::column_sums};
use crate::tape::{Node, Tape};
use candle_core::{Device, Result, Tensor};
use rayon::prelude::*;

/// Which rows of a teacher a student's rows learn from. The rows of a unit (an image, or a pair) are consecutive in both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meeting {
    /// The teacher's rows of a unit; the student's rows of the unit learn from each of them.
    pub teachers: usize,
    /// The student's rows of a unit.
    pub students: usize,
    /// Whether the two have seen the same views, in the same order: none learns from its own.
    pub same_views: bool,
}

impl Meeting {
    /// The rows of a teacher that a student's row learns from.
    fn of(self, row: usize) -> impl Iterator<Item = usize> {
        let (unit, place) = (row / self.students, row % self.students);
        (0..self.teachers)
            .filter(move |teacher| !(self.same_views && *teacher == place))
            .map(move |teacher| unit * self.teachers + teacher)
    }

    /// How many those are.
    fn each(self) -> usize {
        self.teachers - usize::from(self.same_views)
    }

    /// Pairs of views in a unit.
    pub fn pairs(self) -> usize {
        self.students * self.each()
    }
}

impl Tape {
    /// `factor` times the sum over rows of a student's logits and rows of a teacher's probabilities that meet, of
    /// `-Σ p log softmax(sharpness · logits)`.
    ///
    /// # Errors
    /// If the numbers of rows and columns do not fit.
    pub fn distil(
        &mut self,
        logits: &Node,
        sharpness: f32,
        teacher: &Tensor,
        meeting: Meeting,
        factor: f32,
    ) -> Result<Node> {
        let rows = logits.value().dims2()?.0;
        self.distil_weighted((logits, sharpness), teacher, meeting, factor, &vec![1.0; rows])
    }

    /// The same of a sum in which each row of the student's has a weight.
    ///
    /// # Errors
    /// If the numbers of rows and columns do not fit.
    pub fn distil_weighted(
        &mut self,
        (logits, sharpness): (&Node, f32),
        teacher: &Tensor,
        meeting: Meeting,
        factor: f32,
        weights: &[f32],
    ) -> Result<Node> {
        let ((rows, cols), (targets, width)) = (logits.value().dims2()?, teacher.dims2()?);
        let Meeting { teachers, students, same_views } = meeting;
        let fits = rows * teachers == targets * students && cols == width && rows % students.max(1) == 0;
        let fits = fits && weights.len() == rows;
        if !fits || students == 0 || (same_views && students != teachers) {
            candle_core::bail!("distillation: {rows} rows of {cols} meet {targets} of {width}, {meeting:?}");
        }
        if let Some(gpu) = Gpu::of(logits.value()) {
            return self.distil_on(gpu, (logits, sharpness), teacher, meeting, factor, weights);
        }
        let mut softmax = buffer::read(logits.value())?.to_vec();
        let sharp = f64::from(sharpness);
        let losses: Vec<f64> = {
            let teacher = buffer::read(teacher)?;
            let teacher = &*teacher;
            let one = |(row, p): (usize, &mut [f32])| {
                let top = p.iter().fold(f32::NEG_INFINITY, |top, p| top.max(*p));
                let mut along = 0f64;
                for q in meeting.of(row) {
                    let q = &teacher[q * cols..][..cols];
                    along += q.iter().zip(&*p).map(|(q, p)| f64::from(*q) * f64::from(*p - top)).sum::<f64>();
                }
                let mut sum = 0f64;
                for p in p.iter_mut() {
                    let e = (sharp * f64::from(*p - top)).exp();
                    sum += e;
                    *p = e as f32;
                }
                p.iter_mut().for_each(|p| *p = (f64::from(*p) / sum) as f32);
                f64::from(weights[row]) * (meeting.each() as f64 * sum.ln() - sharp * along)
            };
            softmax.par_chunks_mut(cols).enumerate().map(one).collect()
        };
        let total = losses.iter().sum::<f64>() * f64::from(factor);
        let value = Tensor::from_vec(vec![total as f32], 1, &Device::Cpu)?;
        let (input, teacher, weights) = (logits.clone(), teacher.clone(), weights.to_vec());
        Ok(self.record(value, &[logits], move |grad, gradients| {
            let slope = buffer::read(grad.tensor())?[0] * sharpness * factor;
            let teacher = buffer::read(&teacher)?;
            let (teacher, each) = (&*teacher, meeting.each() as f32);
            gradients.contribute(&input, |dx, add| {
                let rows = dx.par_chunks_mut(cols).zip(softmax.par_chunks(cols)).enumerate();
                rows.for_each(|(row, (dx, p))| {
                    let slope = slope * weights[row];
                    for (dx, p) in dx.iter_mut().zip(p) {
                        let slope = slope * each * p;
                        *dx = if add { *dx + slope } else { slope };
                    }
                    for q in meeting.of(row) {
                        let q = &teacher[q * cols..][..cols];
                        dx.iter_mut().zip(q).for_each(|(dx, q)| *dx -= slope * q);
                    }
                });
            })
        }))
    }
}

/// The softmax of `sharpness · (logits - centre)` of each row, and its entropy: (rows, columns) and (rows).
///
/// # Errors
/// If the centre has another width.
pub fn sharpened(logits: &Tensor, centre: &Tensor, sharpness: f32) -> Result<[Tensor; 2]> {
    let (rows, cols) = logits.dims2()?;
    if centre.elem_count() != cols {
        candle_core::bail!("logits of {cols} columns have a centre of {}", centre.elem_count());
    }
    if let Some(gpu) = Gpu::of(logits) {
        return gpu.sharpened(logits, centre, sharpness);
    }
    let (mut p, centre) = (buffer::read(logits)?.to_vec(), buffer::read(centre)?);
    let (centre, sharp) = (&*centre, f64::from(sharpness));
    let one = |p: &mut [f32]| {
        p.iter_mut().zip(centre).for_each(|(p, centre)| *p -= centre);
        let top = p.iter().fold(f32::NEG_INFINITY, |top, p| top.max(*p));
        let (mut sum, mut along) = (0f64, 0f64);
        for p in p.iter_mut() {
            let z = sharp * f64::from(*p - top);
            let e = z.exp();
            (sum, along) = (sum + e, along + e * z);
            *p = e as f32;
        }
        p.iter_mut().for_each(|p| *p = (f64::from(*p) / sum) as f32);
        (sum.ln() - along / sum) as f32
    };
    let entropies: Vec<f32> = p.par_chunks_mut(cols).map(one).collect();
    Ok([Tensor::from_vec(p, (rows, cols), &Device::Cpu)?, Tensor::from_vec(entropies, rows, &Device::Cpu)?])
}

/// The entropy of the mean of rows of probabilities, one number.
///
/// # Errors
/// If there are no two axes.
pub fn entropy_of_mean(p: &Tensor) -> Result<Tensor> {
    let (rows, cols) = p.dims2()?;
    if let Some(gpu) = Gpu::of(p) {
        return gpu.entropy_of_mean(p);
    }
    let sums = column_sums(&buffer::read(p)?, cols);
    let mean = sums.iter().map(|sum| f64::from(*sum) / rows as f64).filter(|p| *p > 0.0);
    Tensor::from_vec(vec![mean.map(|p| -p * p.ln()).sum::<f64>() as f32], 1, &Device::Cpu)
}

/// Moves a running mean of rows: `mean = keep · mean + (1 - keep) · (mean over all rows of these tensors)`.
///
/// # Errors
/// If they have another width.
pub fn follow_rows(mean: &Tensor, rows: &[Tensor], keep: f64) -> Result<()> {
    let count: usize = rows.iter().map(|rows| rows.dims()[0]).sum();
    let share = (1.0 - keep) / count.max(1) as f64;
    for (at, rows) in rows.iter().enumerate() {
        let keep = if at == 0 { keep } else { 1.0 };
        let sums = match Gpu::of(rows) {
            Some(gpu) => gpu.sums_of_columns(rows)?,
            None => {
                let sums = column_sums(&buffer::read(rows)?, mean.elem_count());
                Tensor::from_vec(sums, mean.elem_count(), &Device::Cpu)?
            }
        };
        buffer::blend(mean, &sums, keep as f32, share as f32)?;
    }
    Ok(())
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

    fn rows(count: usize, cols: usize, phase: f64) -> Vec<f32> {
        (0..count * cols).map(|at| (0.9 * (at as f64 * 0.7 + phase)).sin() as f32).collect()
    }

    /// Against the sum written out, and its slopes against differences.
    #[test]
    fn rows_meet_all_other_views_of_their_unit() {
        everywhere(|| {
            const COLS: usize = 300;
            let meetings = [
                Meeting { teachers: 2, students: 2, same_views: true },
                Meeting { teachers: 2, students: 3, same_views: false },
            ];
            for (meeting, number) in meetings.into_iter().zip([2, 6]) {
                assert_eq!(meeting.pairs(), number);
                let Meeting { teachers, students, .. } = meeting;
                let logits = rows(2 * students, COLS, 0.3);
                let centre = Tensor::new(rows(1, COLS, 2.0), &device()).unwrap();
                let teacher =
                    Tensor::from_vec(rows(2 * teachers, COLS, 1.0), (2 * teachers, COLS), &device());
                let [p, entropies] = sharpened(&teacher.unwrap(), &centre, 5.0).unwrap();
                let q: Vec<f32> = p.flatten_all().unwrap().to_vec1().unwrap();
                let entropy = |p: &[f32]| -p.iter().map(|p| p * p.ln()).sum::<f32>();
                let expected: Vec<f32> = q.chunks(COLS).map(entropy).collect();
                assert_close("entropies", &entropies.to_vec1().unwrap(), &expected, 1e-5);
                let mean: Vec<f32> = (0..COLS)
                    .map(|col| q.iter().skip(col).step_by(COLS).sum::<f32>() / 2.0 / teachers as f32)
                    .collect();
                let found = entropy_of_mean(&p).unwrap().to_vec1::<f32>().unwrap();
                assert_close("entropy of the mean", &found, &[entropy(&mean)], 1e-5);

                let weights: Vec<f32> = (0..2 * students).map(|row| 0.5 + 0.25 * row as f32).collect();
                let loss = |logits: &[f32]| -> f64 {
                    let mut sum = 0f64;
                    for row in 0..2 * students {
                        let row_of = |at: usize| 10.0 * f64::from(logits[row * COLS + at]);
                        let all: f64 = (0..COLS).map(|at| row_of(at).exp()).sum();
                        for teacher in meeting.of(row) {
                            let of = |at: usize| f64::from(q[teacher * COLS + at]) * (all.ln() - row_of(at));
                            sum += f64::from(weights[row]) * (0..COLS).map(of).sum::<f64>();
                        }
                    }
                    0.25 * sum
                };
                let mut params = Params::new(Seed(0));
                let id = params.add_with(Published::new("x", &[2 * students, COLS]), |_, out| {
                    out.copy_from_slice(&logits);
                });
                let mut tape = Tape::recording(&params);
                let x = tape.param(&params, id);
                let node = tape.distil_weighted((&x, 10.0), &p, meeting, 0.25, &weights).unwrap();
                assert_close("loss", &[node.scalar().unwrap()], &[loss(&logits) as f32], 1e-5);
                let mut gradients = Gradients::new(&params);
                tape.backward(&node, &mut gradients).unwrap();
                let found: Vec<f32> =
                    gradients.of(id).unwrap().tensor().flatten_all().unwrap().to_vec1().unwrap();
                let slope = |at: usize| {
                    let (mut up, mut down) = (logits.clone(), logits.clone());
                    (up[at], down[at]) = (up[at] + 0.01, down[at] - 0.01);
                    ((loss(&up) - loss(&down)) / f64::from(up[at] - down[at])) as f32
                };
                let places: Vec<usize> = (0..2 * students * COLS).step_by(97).collect();
                let expected: Vec<f32> = places.iter().map(|at| slope(*at)).collect();
                let found: Vec<f32> = places.iter().map(|at| found[*at]).collect();
                assert_close("slopes", &found, &expected, 5e-3);
            }
        });
    }

    #[test]
    fn a_mean_follows_all_rows_alike() {
        everywhere(|| {
            let mean = Tensor::new(&[1f32, -1.0], &device()).unwrap();
            let a = Tensor::new(&[[1f32, 2.0], [3.0, 4.0], [5.0, 6.0]], &device()).unwrap();
            let b = Tensor::new(&[[7f32, 8.0]], &device()).unwrap();
            follow_rows(&mean, &[a, b], 0.9).unwrap();
            assert_close("mean", &mean.to_vec1().unwrap(), &[0.9 + 0.4, -0.9 + 0.5], 1e-6);
        });
    }
}
