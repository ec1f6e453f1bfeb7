//! Depthwise 7×7 convolution, stride 1, padding 3, channels-last.
//!
//! A task is one image and one vector of channels. The channels are copied once into a zero-padded scratch
//! that fits the second-level cache, so the inner loop has no border branches; it keeps up to 14 output
//! columns in registers over all 49 taps. The gradient of the input is the same kernel with flipped taps,
//! added in place to an existing gradient (the residual path). Channels that do not fill a vector go through
//! padded copies.

use super::{
    buffer::{self, Disjoint},
    gpu::Gpu,
    simd::{self, Simd, dispatch},
};
use crate::tape::{Node, Tape};
use candle_core::{Result, Tensor};
use rayon::prelude::*;

const KERNEL_SIDE: usize = 7;
const PAD: usize = 3;
const TAPS: usize = KERNEL_SIDE * KERNEL_SIDE;

impl Tape {
    /// `x` (N, H, W, C) convolved with `taps` (7, 7, C), plus `bias` (C).
    ///
    /// # Errors
    /// If the shapes do not fit.
    pub fn depthwise7(&mut self, x: &Node, taps: &Node, bias: &Node) -> Result<Node> {
        let (n, height, width, channels) = x.value().dims4()?;
        if taps.dims() != [KERNEL_SIDE, KERNEL_SIDE, channels] || bias.dims() != [channels] {
            candle_core::bail!(
                "depthwise 7×7: input has {channels} channels, taps {:?}, bias {:?}",
                taps.dims(),
                bias.dims()
            );
        }
        if let Some(gpu) = Gpu::of(x.value()) {
            return self.depthwise7_on(gpu, x, taps, bias);
        }
        let size = Size { n, height, width, channels };
        let value = {
            let (x, taps, bias) =
                (buffer::read(x.value())?, buffer::read(taps.value())?, buffer::read(bias.value())?);
            let mut y = buffer::uninit(x.len());
            convolve(size, &x, &taps, Some(&bias), false, &mut y, false);
            y
        };
        let value = Tensor::from_vec(value, x.value().shape(), x.value().device())?;
        let (input, kernel, offset) = (x.clone(), taps.clone(), bias.clone());
        Ok(self.record(value, &[x, taps, bias], move |grad, gradients| {
            let grad = buffer::read(grad.tensor())?;
            let (dtaps, dbias) = {
                let x = buffer::read(input.value())?;
                weight_gradient(size, &x, &grad)
            };
            gradients.contribute(&kernel, |sum, add| super::linear::set_or_add(sum, &dtaps, add))?;
            gradients.contribute(&offset, |sum, add| super::linear::set_or_add(sum, &dbias, add))?;
            let taps = buffer::read(kernel.value())?;
            gradients.contribute(&input, |dx, add| convolve(size, &grad, &taps, None, true, dx, add))
        }))
    }
}

#[derive(Clone, Copy)]
struct Size {
    n: usize,
    height: usize,
    width: usize,
    channels: usize,
}

impl Size {
    fn pixels(self) -> usize {
        self.height * self.width
    }

    /// Floats in a padded scratch of one vector of channels.
    fn scratch(self) -> usize {
        (self.height + 2 * PAD) * (self.width + 2 * PAD) * simd::level().lanes()
    }

    fn blocks(self) -> usize {
        self.channels.div_ceil(simd::level().lanes())
    }
}

/// `y = x * taps + bias`, or `y += …`; `flip` reverses the kernel, which gives the gradient of the input.
fn convolve(size: Size, x: &[f32], taps: &[f32], bias: Option<&[f32]>, flip: bool, y: &mut [f32], add: bool) {
    let lanes = simd::level().lanes();
    let (out, channels) = (Disjoint::new(y), size.channels);
    let blocks = size.blocks();
    (0..size.n * blocks).into_par_iter().for_each_init(
        || (buffer::uninit(size.scratch()), Vec::new()),
        |(scratch, tail), task| {
            let (image, first) = (task / blocks, (task % blocks) * lanes);
            let offset = image * size.pixels() * channels + first;
            let used = lanes.min(channels - first);
            // SAFETY: each task reads and writes its own image and channels; offsets stay inside the slices.
            unsafe {
                pack(x.as_ptr().add(offset), size.height, size.width, channels, used, scratch.as_mut_ptr());
                let zero = [0f32; 16];
                if used == lanes {
                    let bias = bias.map_or(zero.as_ptr(), |bias| bias.as_ptr().add(first));
                    let kernel = taps.as_ptr().add(first);
                    unit(scratch.as_ptr(), size, kernel, channels, bias, flip, out.at(offset), channels, add);
                } else {
                    // The last, incomplete vector: taps, bias and output through padded copies.
                    tail.clear();
                    tail.resize((TAPS + 1 + size.pixels()) * lanes, 0.0);
                    let (kernel, rest) = tail.split_at_mut(TAPS * lanes);
                    let (offsets, result) = rest.split_at_mut(lanes);
                    for tap in 0..TAPS {
                        kernel[tap * lanes..][..used]
                            .copy_from_slice(&taps[tap * channels + first..][..used]);
                    }
                    if let Some(bias) = bias {
                        offsets[..used].copy_from_slice(&bias[first..][..used]);
                    }
                    let (kernel, offsets) = (kernel.as_ptr(), offsets.as_ptr());
                    unit(
                        scratch.as_ptr(),
                        size,
                        kernel,
                        lanes,
                        offsets,
                        flip,
                        result.as_mut_ptr(),
                        lanes,
                        false,
                    );
                    for (pixel, result) in result.chunks_exact(lanes).enumerate() {
                        for (channel, value) in result[..used].iter().enumerate() {
                            let y = out.at(offset + pixel * channels + channel);
                            *y = if add { *y + value } else { *value };
                        }
                    }
                }
            }
        },
    );
}

/// Gradients of taps (7, 7, C) and bias (C): one part per image, added in order.
fn weight_gradient(size: Size, x: &[f32], grad: &[f32]) -> (Vec<f32>, Vec<f32>) {
    let (lanes, channels, blocks) = (simd::level().lanes(), size.channels, size.blocks());
    let padded = blocks * lanes;
    let mut parts = buffer::uninit(size.n * (TAPS + 1) * padded);
    let out = Disjoint::new(&mut parts);
    (0..size.n * blocks).into_par_iter().for_each_init(
        || (buffer::uninit(size.scratch()), buffer::uninit(size.scratch())),
        |(xs, gs), task| {
            let (image, first) = (task / blocks, (task % blocks) * lanes);
            let offset = image * size.pixels() * channels + first;
            let used = lanes.min(channels - first);
            // SAFETY: as in `convolve`; each task writes its own part.
            unsafe {
                pack(x.as_ptr().add(offset), size.height, size.width, channels, used, xs.as_mut_ptr());
                pack(grad.as_ptr().add(offset), size.height, size.width, channels, used, gs.as_mut_ptr());
                let part = image * (TAPS + 1) * padded + first;
                weight_unit(xs.as_ptr(), gs.as_ptr(), size, out.at(part), padded);
            }
        },
    );
    let mut sum = vec![0f32; (TAPS + 1) * padded];
    for part in parts.chunks_exact((TAPS + 1) * padded) {
        for (sum, part) in sum.iter_mut().zip(part) {
            *sum += part;
        }
    }
    let mut taps = Vec::with_capacity(TAPS * channels);
    for row in sum.chunks_exact(padded).take(TAPS) {
        taps.extend_from_slice(&row[..channels]);
    }
    (taps, sum[TAPS * padded..][..channels].to_vec())
}

/// Copies `used` channels of one image into a zero-padded scratch (H + 6, W + 6, lanes).
unsafe fn pack(x: *const f32, height: usize, width: usize, channels: usize, used: usize, scratch: *mut f32) {
    let lanes = simd::level().lanes();
    if used == lanes {
        pack_full(x, height, width, channels, scratch);
    } else {
        // SAFETY: the caller's scratch has (H + 6)(W + 6) vectors, and `x` has `used` channels at every pixel.
        unsafe {
            std::ptr::write_bytes(scratch, 0, (height + 2 * PAD) * (width + 2 * PAD) * lanes);
            for i in 0..height {
                for j in 0..width {
                    let to = scratch.add(((i + PAD) * (width + 2 * PAD) + j + PAD) * lanes);
                    std::ptr::copy_nonoverlapping(x.add((i * width + j) * channels), to, used);
                }
            }
        }
    }
}

#[inline(always)]
unsafe fn pack_body<S: Simd>(x: *const f32, height: usize, width: usize, channels: usize, scratch: *mut f32) {
    let row = (width + 2 * PAD) * S::N;
    unsafe {
        std::ptr::write_bytes(scratch, 0, PAD * row);
        std::ptr::write_bytes(scratch.add((PAD + height) * row), 0, PAD * row);
        for i in 0..height {
            let to = scratch.add((i + PAD) * row);
            std::ptr::write_bytes(to, 0, PAD * S::N);
            for j in 0..width {
                S::store(to.add((j + PAD) * S::N), S::load(x.add((i * width + j) * channels)));
            }
            std::ptr::write_bytes(to.add((PAD + width) * S::N), 0, PAD * S::N);
        }
    }
}
dispatch!(fn pack_full(x: *const f32, height: usize, width: usize, channels: usize, scratch: *mut f32) => pack_body);

/// `T` neighbouring output pixels of one row.
#[inline(always)]
#[allow(clippy::too_many_arguments)]
unsafe fn strip<S: Simd, const T: usize, const FLIP: bool>(
    x: *const f32,
    row: usize,
    taps: *const f32,
    tap_stride: usize,
    bias: S::V,
    rows: (usize, usize),
    y: *mut f32,
    y_stride: usize,
    add: bool,
) {
    unsafe {
        let mut sums = [bias; T];
        if add {
            for (t, sum) in sums.iter_mut().enumerate() {
                *sum = S::load(y.add(t * y_stride));
            }
        }
        for kh in rows.0..rows.1 {
            let x = x.add(kh * row);
            for kw in 0..KERNEL_SIDE {
                let tap = kh * KERNEL_SIDE + kw;
                let tap = S::load(taps.add(if FLIP { TAPS - 1 - tap } else { tap } * tap_stride));
                for (t, sum) in sums.iter_mut().enumerate() {
                    *sum = S::fma(S::load(x.add((kw + t) * S::N)), tap, *sum);
                }
            }
        }
        for (t, sum) in sums.iter().enumerate() {
            S::store(y.add(t * y_stride), *sum);
        }
    }
}

#[inline(always)]
#[allow(clippy::too_many_arguments)]
unsafe fn image<S: Simd, const FLIP: bool>(
    scratch: *const f32,
    size: Size,
    taps: *const f32,
    tap_stride: usize,
    bias: *const f32,
    y: *mut f32,
    y_stride: usize,
    add: bool,
) {
    let Size { height, width, .. } = size;
    let row = (width + 2 * PAD) * S::N;
    unsafe {
        let bias = S::load(bias);
        for i in 0..height {
            // Kernel rows that would only meet padding are skipped.
            let rows = (PAD.saturating_sub(i), KERNEL_SIDE.min(height + PAD - i));
            let (x, y) = (scratch.add(i * row), y.add(i * width * y_stride));
            let mut j = 0;
            macro_rules! strips {
                ($t:literal) => {
                    while width - j >= $t {
                        let (x, y) = (x.add(j * S::N), y.add(j * y_stride));
                        strip::<S, $t, FLIP>(x, row, taps, tap_stride, bias, rows, y, y_stride, add);
                        j += $t;
                    }
                };
            }
            if S::N == 16 {
                strips!(14);
            }
            strips!(8);
            strips!(4);
            strips!(2);
            strips!(1);
        }
    }
}

#[inline(always)]
#[allow(clippy::too_many_arguments)]
unsafe fn unit_body<S: Simd>(
    scratch: *const f32,
    size: Size,
    taps: *const f32,
    tap_stride: usize,
    bias: *const f32,
    flip: bool,
    y: *mut f32,
    y_stride: usize,
    add: bool,
) {
    unsafe {
        if flip {
            image::<S, true>(scratch, size, taps, tap_stride, bias, y, y_stride, add);
        } else {
            image::<S, false>(scratch, size, taps, tap_stride, bias, y, y_stride, add);
        }
    }
}
dispatch!(fn unit(scratch: *const f32, size: Size, taps: *const f32, tap_stride: usize, bias: *const f32, flip: bool, y: *mut f32, y_stride: usize, add: bool) => unit_body);

/// One part of the taps' gradient: `Σ grad[i][j] · x[i + kh][j + kw]`, seven accumulators per kernel row.
#[inline(always)]
unsafe fn weight_body<S: Simd>(x: *const f32, grad: *const f32, size: Size, out: *mut f32, stride: usize) {
    let Size { height, width, .. } = size;
    let row = (width + 2 * PAD) * S::N;
    unsafe {
        let grad = grad.add(PAD * row + PAD * S::N);
        for kh in 0..KERNEL_SIDE {
            let mut sums = [S::splat(0.0); KERNEL_SIDE];
            for i in PAD.saturating_sub(kh)..height.min((height + PAD).saturating_sub(kh)) {
                let (x, grad) = (x.add((i + kh) * row), grad.add(i * row));
                let mut j = 0;
                while j + 4 <= width {
                    let g: [S::V; 4] = std::array::from_fn(|t| S::load(grad.add((j + t) * S::N)));
                    for (t, g) in g.iter().enumerate() {
                        for (k, sum) in sums.iter_mut().enumerate() {
                            *sum = S::fma(*g, S::load(x.add((j + t + k) * S::N)), *sum);
                        }
                    }
                    j += 4;
                }
                while j < width {
                    let g = S::load(grad.add(j * S::N));
                    for (k, sum) in sums.iter_mut().enumerate() {
                        *sum = S::fma(g, S::load(x.add((j + k) * S::N)), *sum);
                    }
                    j += 1;
                }
            }
            for (k, sum) in sums.iter().enumerate() {
                S::store(out.add((kh * KERNEL_SIDE + k) * stride), *sum);
            }
        }
        let mut sum = S::splat(0.0);
        for i in 0..height {
            for j in 0..width {
                sum = S::add(sum, S::load(grad.add(i * row + j * S::N)));
            }
        }
        S::store(out.add(TAPS * stride), sum);
    }
}
dispatch!(fn weight_unit(x: *const f32, grad: *const f32, size: Size, out: *mut f32, stride: usize) => weight_body);
