//! Antialiased bilinear resampling along rows and columns, as in PyTorch's `interpolate(antialias=True)`,
//! fused with unfolding, cropping, flipping and normalising.

use crate::data::{Statistics, Tape};

/// An image whose pixels are stored channel by channel or, in a tape, side by side.
pub(super) struct Planes<'a, P> {
    pixels: &'a [P],
    pub(super) height: usize,
    pub(super) width: usize,
    pub(super) channels: usize,
    pub(super) to_next_row: usize,
    to_next_channel: usize,
}

impl<'a, P> Planes<'a, P> {
    /// The tape with its `pixels`, of either kind.
    pub(super) fn of(tape: &Tape, pixels: &'a [P]) -> Self {
        let Tape { height, width, channels, .. } = *tape;
        Self { pixels, height, width, channels, to_next_row: width * channels, to_next_channel: width }
    }

    /// channels × height × width.
    pub(super) fn planar(pixels: &'a [P], height: usize, width: usize, channels: usize) -> Self {
        Self { pixels, height, width, channels, to_next_row: width, to_next_channel: height * width }
    }

    /// The channel's pixels, with rows `to_next_row` apart; what is in between belongs to other channels.
    pub(super) fn channel(&self, channel: usize) -> &'a [P] {
        &self.pixels[channel * self.to_next_channel..]
    }

    fn row(&self, channel: usize, row: usize) -> &'a [P] {
        &self.channel(channel)[row * self.to_next_row..][..self.width]
    }
}

/// The source pixels of each output pixel along one axis, and their weights.
pub(super) struct Axis {
    /// Source pixels per output pixel, the same number for all; some have weight 0.
    taps: usize,
    firsts: Vec<usize>,
    weights: Vec<f32>,
}

impl Axis {
    /// Resizes the `length` source pixels from `start` on to `full` pixels, of which `count` from `offset` on
    /// are computed.
    pub(super) fn new(start: usize, length: usize, full: usize, offset: usize, count: usize) -> Self {
        let scale = length as f64 / full as f64;
        let reach = scale.max(1.0);
        let range = |i: usize| {
            let centre = scale * ((offset + i) as f64 + 0.5);
            let low = (centre - reach + 0.5).max(0.0) as usize;
            let high = ((centre + reach + 0.5) as usize).min(length);
            (centre, low, high)
        };
        let taps = (0..count).map(range).map(|(_, low, high)| high - low).max().unwrap_or(1);
        let mut axis = Self { taps, firsts: Vec::with_capacity(count), weights: vec![0.0; count * taps] };
        for (i, weights) in axis.weights.chunks_exact_mut(taps).enumerate() {
            let (centre, low, high) = range(i);
            let first = low.min(length - taps); // so that all taps are inside; surplus ones have weight 0
            let weight = |j: usize| (1.0 - ((j as f64 + 0.5 - centre) / reach).abs()).max(0.0);
            let sum: f64 = (low..high).map(weight).sum();
            for j in low..high {
                weights[j - first] = (weight(j) / sum) as f32;
            }
            axis.firsts.push(start + first);
        }
        axis
    }

    /// Takes `count` pixels from `start` on as they are; where there is none, the output is 0.
    pub(super) fn window(start: i64, length: usize, count: usize) -> Self {
        let places = || (0..count as i64).map(|at| start + at);
        let last = length.saturating_sub(1) as i64;
        let firsts = places().map(|place| place.clamp(0, last) as usize).collect();
        let weights = places().map(|place| if (0..=last).contains(&place) { 1.0 } else { 0.0 }).collect();
        Self { taps: 1, firsts, weights }
    }

    /// Source pixels per output pixel.
    pub(super) fn taps(&self) -> usize {
        self.taps
    }

    /// The first source pixel of each output pixel.
    pub(super) fn firsts(&self) -> &[usize] {
        &self.firsts
    }

    /// The weights of all taps, output pixel by output pixel.
    pub(super) fn weights(&self) -> &[f32] {
        &self.weights
    }

    /// Reverses the order of output pixels.
    pub(super) fn flip(&mut self) {
        self.firsts.reverse();
        self.weights.reverse(); // reverses the taps as well,
        self.weights.chunks_exact_mut(self.taps).for_each(<[f32]>::reverse); // so reverse them back
    }

    /// Computes a row of output from `line`, the source pixels from `from` on.
    fn apply(&self, line: &[f32], from: usize, out: &mut [f32]) {
        // Loops of a known length are several times faster; 2 is any enlargement, 6 a reduction to 0.4.
        match self.taps {
            1 => self.apply_taps::<1>(line, from, out),
            2 => self.apply_taps::<2>(line, from, out),
            3 => self.apply_taps::<3>(line, from, out),
            4 => self.apply_taps::<4>(line, from, out),
            5 => self.apply_taps::<5>(line, from, out),
            6 => self.apply_taps::<6>(line, from, out),
            _ => {
                for ((first, weights), out) in self.outputs().zip(out) {
                    *out = dot(&line[first - from..][..weights.len()], weights);
                }
            }
        }
    }

    fn apply_taps<const TAPS: usize>(&self, line: &[f32], from: usize, out: &mut [f32]) {
        let (weights, _) = self.weights.as_chunks::<TAPS>();
        for ((first, weights), out) in self.firsts.iter().zip(weights).zip(out) {
            *out = dot(&line[first - from..][..TAPS], weights);
        }
    }

    fn outputs(&self) -> impl Iterator<Item = (usize, &[f32])> {
        self.firsts.iter().copied().zip(self.weights.chunks_exact(self.taps))
    }
}

/// Resamples every channel and normalises: (pixel / 255 - mean) / sd. `out` is channels × rows × columns.
///
/// Each output row is first summed over source rows, a single stream of multiply-adds, then along columns.
pub(super) fn resample<P: Copy + Into<f32>>(
    image: &Planes<'_, P>,
    rows: &Axis,
    columns: &Axis,
    norm: &Statistics,
    out: &mut [f32],
) {
    let (height, width) = (rows.firsts.len(), columns.firsts.len());
    assert_eq!(out.len(), image.channels * height * width, "the output holds channels × side × side");
    assert_eq!(
        (norm.mean.len(), norm.sd.len()),
        (image.channels, image.channels),
        "one mean and SD per channel"
    );
    let from = columns.firsts.iter().copied().min().unwrap_or(0);
    let to = columns.firsts.iter().copied().max().unwrap_or(0) + columns.taps;
    let mut line = vec![0.0f32; to - from];
    for (channel, out) in out.chunks_exact_mut(height * width).enumerate() {
        let factor = 1.0 / (255.0 * norm.sd[channel]);
        let shift = -norm.mean[channel] / norm.sd[channel];
        for ((first, weights), out) in rows.outputs().zip(out.chunks_exact_mut(width)) {
            line.fill(0.0);
            for (row, &weight) in weights.iter().enumerate().filter(|(_, weight)| **weight != 0.0) {
                let source = &image.row(channel, first + row)[from..to];
                for (sum, &pixel) in line.iter_mut().zip(source) {
                    *sum += weight * pixel.into();
                }
            }
            columns.apply(&line, from, out);
            out.iter_mut().for_each(|value| *value = *value * factor + shift);
        }
    }
}

#[inline(always)]
fn dot(pixels: &[f32], weights: &[f32]) -> f32 {
    pixels.iter().zip(weights).map(|(pixel, weight)| pixel * weight).sum()
}
