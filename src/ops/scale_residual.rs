//! The end of a residual block: `x + keep · scale · z`, with one factor per channel and one per image.

use super::{buffer, gpu::Gpu, linear::total};
use crate::tape::{Node, Tape};
use candle_core::{Result, Tensor};
use rayon::prelude::*;

/// Rows per task; fixed, so that the sums over rows do not depend on threads.
const ROWS: usize = 256;

impl Tape {
    /// `x + keep[n] · scale[c] · z` over (N, …, C). `keep` has one factor per image (drop path: 0, or the
    /// inverse of the keep probability); `None` is all ones.
    ///
    /// # Errors
    /// If the shapes do not fit.
    pub fn scale_residual(
        &mut self,
        x: &Node,
        z: &Node,
        scale: &Node,
        keep: Option<Vec<f32>>,
    ) -> Result<Node> {
        let channels = x.dims().last().copied().unwrap_or(0);
        let images = x.dims().first().copied().unwrap_or(0);
        if x.dims() != z.dims()
            || scale.dims() != [channels]
            || keep.as_ref().is_some_and(|k| k.len() != images)
        {
            candle_core::bail!(
                "scaled residual: {:?} meets branch {:?} and scale {:?}",
                x.dims(),
                z.dims(),
                scale.dims()
            );
        }
        if let Some(gpu) = Gpu::of(x.value()) {
            return self.scale_residual_on(gpu, x, z, None, scale, keep);
        }
        let rows_per_image = x.value().elem_count() / (channels * images).max(1);
        // The factor of a row; `row` counts over all images.
        let factor = move |keep: &Option<Vec<f32>>, row: usize| {
            keep.as_ref().map_or(1.0, |keep| keep[row / rows_per_image])
        };
        let part = ROWS * channels;
        let value = {
            let (x, z, scale) =
                (buffer::read(x.value())?, buffer::read(z.value())?, buffer::read(scale.value())?);
            let (scale, keep) = (&*scale, &keep);
            let mut y = buffer::uninit(x.len());
            y.par_chunks_mut(part).zip(x.par_chunks(part)).zip(z.par_chunks(part)).enumerate().for_each(
                |(task, ((y, x), z))| {
                    let rows = y.chunks_exact_mut(channels).zip(x.chunks_exact(channels));
                    for (row, ((y, x), z)) in rows.zip(z.chunks_exact(channels)).enumerate() {
                        let keep = factor(keep, task * ROWS + row);
                        for i in 0..channels {
                            y[i] = x[i] + keep * scale[i] * z[i];
                        }
                    }
                },
            );
            y
        };
        let value = Tensor::from_vec(value, x.value().shape(), x.value().device())?;
        let (stream, branch, gain) = (x.clone(), z.clone(), scale.clone());
        Ok(self.record(value, &[x, z, scale], move |grad, gradients| {
            let mut dscale = Vec::new();
            {
                let (g, z, scale) = (
                    buffer::read(grad.tensor())?,
                    buffer::read(branch.value())?,
                    buffer::read(gain.value())?,
                );
                let (g, z, scale, keep) = (&*g, &*z, &*scale, &keep);
                gradients.contribute(&branch, |dz, add| {
                    let parts = dz
                        .par_chunks_mut(part)
                        .zip(z.par_chunks(part))
                        .zip(g.par_chunks(part))
                        .enumerate()
                        .map(|(task, ((dz, z), g))| {
                            let mut sum = vec![0f32; channels];
                            let rows = dz.chunks_exact_mut(channels).zip(z.chunks_exact(channels));
                            for (row, ((dz, z), g)) in rows.zip(g.chunks_exact(channels)).enumerate() {
                                let keep = factor(keep, task * ROWS + row);
                                for i in 0..channels {
                                    let slope = keep * scale[i] * g[i];
                                    dz[i] = if add { dz[i] + slope } else { slope };
                                    sum[i] += keep * g[i] * z[i];
                                }
                            }
                            sum
                        })
                        .collect();
                    dscale = total(parts, channels);
                })?;
            }
            gradients.contribute(&gain, |sum, add| super::linear::set_or_add(sum, &dscale, add))?;
            gradients.give(&stream, grad)
        }))
    }
}
