//! Imaging: point spread, haze, bleed-through, vignetting, camera noise, eight bits.

use super::canvas::Canvas;
use super::world::World;
use dichroic_ops::seed::Stream;

/// A microscope with its settings, the same for all images of a source.
#[derive(Clone, Debug)]
pub(super) struct Microscope {
    /// SD of the point spread function of each channel, as a share of the cell radius.
    blur: Vec<f64>,
    imaging: Imaging,
}

/// What a microscope does to light besides its point spread, in each channel.
#[derive(Clone, Debug)]
pub(super) struct Imaging {
    /// Share of out-of-focus light, spread six times as wide.
    pub(super) haze: Vec<f64>,
    /// Share of the previous channel that leaks into each.
    pub(super) bleed: Vec<f64>,
    /// Attenuation in the farthest corner, and position of the brightest point (shares of the image).
    pub(super) vignette: (f64, [f64; 2]),
    /// Electrons at full scale.
    pub(super) electrons: Vec<f64>,
    /// Read noise, electrons.
    pub(super) read: f64,
    /// Light without a specimen and the camera's offset, shares of full scale.
    pub(super) background: Vec<f64>,
}

/// Variation from image to image, in one channel.
#[derive(Clone, Copy, Debug)]
pub(super) struct Exposure {
    /// Factor on the signal.
    pub(super) gain: f64,
    /// Defocus, as a share of the width of the point spread function.
    pub(super) defocus: f64,
}

impl Microscope {
    /// The microscope of a source; `bleed` is the largest share that may leak from one channel into the next.
    pub(super) fn draw(world: &World, source: &str, channels: usize, bleed: f64) -> Self {
        let mut stream = world.stream(&format!("microscope/{source}"));
        // Numerical aperture 1.0 or 0.75 widens every channel alike; wavelengths differ by channel.
        let aperture = if stream.chance(0.5) { 1.0 } else { 1.33 };
        let mut each =
            |low: f64, high: f64| -> Vec<f64> { (0..channels).map(|_| stream.uniform(low, high)).collect() };
        let blur = each(0.022, 0.032).into_iter().map(|width| width * aperture).collect();
        let haze = each(0.0, 0.3);
        let bleed = each(0.0, bleed);
        let electrons = each(libm::log(80.0), libm::log(900.0)).into_iter().map(libm::exp).collect();
        let background = each(0.01, 0.18);
        let vignette = (stream.uniform(0.1, 0.4), [stream.uniform(0.35, 0.65), stream.uniform(0.35, 0.65)]);
        let read = stream.uniform(1.5, 3.0);
        Self { blur, imaging: Imaging { haze, bleed, vignette, electrons, read, background } }
    }

    /// Images the planes: 8 bits, one plane per channel. `radius` is the cell radius in pixels.
    pub(super) fn expose(
        &self,
        light: &[Canvas],
        exposures: &[Exposure],
        radius: f64,
        stream: &mut Stream,
    ) -> Vec<Vec<u8>> {
        (0..light.len())
            .map(|channel| {
                let Exposure { gain, defocus } = exposures[channel];
                let sigma = (self.blur[channel] * radius * (1.0 + defocus)).max(0.6);
                let plane = self.imaging.focus(light, channel, sigma);
                let byte = |level: f64| (255.0 * level + 0.5).clamp(0.0, 255.0) as u8;
                self.imaging.read_out(&plane, channel, gain, byte, stream)
            })
            .collect()
    }
}

impl Imaging {
    /// The image of a channel's light by a point spread of SD `sigma` pixels.
    pub(super) fn focus(&self, light: &[Canvas], channel: usize, sigma: f64) -> Canvas {
        let mut plane = light[channel].clone();
        if channel > 0 {
            plane.add(&light[channel - 1], self.bleed[channel]);
        }
        let mut haze = plane.clone();
        blur(&mut plane, sigma);
        blur(&mut haze, 6.0 * sigma);
        plane.scale(1.0 - self.haze[channel]);
        plane.add(&haze, self.haze[channel]);
        plane
    }

    /// What the camera makes of an image: `digit` of each pixel's level with its noise, a share of full scale.
    pub(super) fn read_out<T>(
        &self,
        plane: &Canvas,
        channel: usize,
        gain: f64,
        digit: impl Fn(f64) -> T,
        stream: &mut Stream,
    ) -> Vec<T> {
        let (strength, [across, down]) = self.vignette;
        let electrons = self.electrons[channel];
        let mut digits = Vec::with_capacity(plane.light.len());
        for row in 0..plane.height {
            let dy = row as f64 / plane.height as f64 - down;
            for column in 0..plane.width {
                let dx = column as f64 / plane.width as f64 - across;
                let lit = 1.0 - strength * 2.0 * (dx * dx + dy * dy);
                let signal = f64::from(plane.light[row * plane.width + column]);
                let level = lit * (gain * signal + self.background[channel]);
                let noise = (level * electrons + self.read * self.read).sqrt() / electrons;
                digits.push(digit(level + noise * quick_normal(stream)));
            }
        }
        digits
    }
}

/// Approximately standard normal: the number of ones among 56 fair bits, smoothed by the other eight. Camera
/// noise needs one draw per pixel, and this one calls no transcendental function.
fn quick_normal(stream: &mut Stream) -> f64 {
    let bits = stream.bits();
    let ones = (bits >> 8).count_ones();
    (f64::from(ones) - 28.0 + (bits & 255) as f64 / 256.0 - 0.498) / 3.752_777
}

/// Gaussian blur of SD `sigma` pixels; border pixels are repeated outside.
fn blur(canvas: &mut Canvas, sigma: f64) {
    if sigma > 2.5 {
        for _ in 0..3 {
            // Three box filters of variance σ²/3 each.
            let half = ((libm::sqrt(1.0 + 4.0 * sigma * sigma) - 1.0) / 2.0).round() as usize;
            box_rows(canvas, half);
            transpose(canvas);
            box_rows(canvas, half);
            transpose(canvas);
        }
        return;
    }
    let half = (3.0 * sigma).ceil() as usize;
    let mut taps: Vec<f32> =
        (0..=half).map(|d| libm::exp(-0.5 * (d * d) as f64 / (sigma * sigma)) as f32).collect();
    let total: f32 = taps[0] + 2.0 * taps[1..].iter().sum::<f32>();
    taps.iter_mut().for_each(|tap| *tap /= total);
    for _ in 0..2 {
        convolve_rows(canvas, &taps);
        transpose(canvas);
    }
}

fn convolve_rows(canvas: &mut Canvas, taps: &[f32]) {
    let (half, width) = (taps.len() - 1, canvas.width);
    let mut padded = vec![0.0f32; width + 2 * half];
    for row in canvas.light.chunks_exact_mut(width) {
        padded[..half].fill(row[0]);
        padded[half..half + width].copy_from_slice(row);
        padded[half + width..].fill(row[width - 1]);
        for (value, middle) in row.iter_mut().zip(&padded[half..]) {
            *value = middle * taps[0];
        }
        for (distance, tap) in taps.iter().enumerate().skip(1) {
            let (left, right) = (&padded[half - distance..], &padded[half + distance..]);
            for ((value, l), r) in row.iter_mut().zip(left).zip(right) {
                *value += tap * (l + r);
            }
        }
    }
}

fn box_rows(canvas: &mut Canvas, half: usize) {
    let width = canvas.width;
    let share = 1.0 / (2 * half + 1) as f64;
    let mut padded = vec![0.0f32; width + 2 * half + 1];
    for row in canvas.light.chunks_exact_mut(width) {
        padded[..half].fill(row[0]);
        padded[half..half + width].copy_from_slice(row);
        padded[half + width..].fill(row[width - 1]);
        let mut sum: f64 = padded[..2 * half].iter().map(|&v| f64::from(v)).sum();
        for (column, value) in row.iter_mut().enumerate() {
            sum += f64::from(padded[column + 2 * half]);
            *value = (sum * share) as f32;
            sum -= f64::from(padded[column]);
        }
    }
}

fn transpose(canvas: &mut Canvas) {
    let (height, width) = (canvas.height, canvas.width);
    let mut turned = vec![0.0; canvas.light.len()];
    for row in 0..height {
        for column in 0..width {
            turned[column * height + row] = canvas.light[row * width + column];
        }
    }
    *canvas = Canvas { width: height, height: width, light: turned };
}
