//! Features of small images against their definitions.

use super::*;
use crate::{
    evaluate::{FeatureMatrix, FeatureRows},
    seed::Seed,
};

fn stripes(period: usize) -> Vec<u8> {
    (0..64 * 128).map(|at| if (at % 64 / (period / 2)).is_multiple_of(2) { 0 } else { 200 }).collect()
}

fn of(pixels: &[u8]) -> Vec<f32> {
    let image = Tape { pixels: pixels.to_vec().into(), height: 64, width: 64, channels: 2 };
    features(&image, Greys::Stored)
}

#[test]
fn features_say_what_their_names_say() {
    let fine = of(&stripes(4));
    assert_eq!(fine.len(), width(2));
    let grey = 100.0 / 255.0;
    assert!((fine[0] - grey).abs() < 1e-6 && (fine[1] - grey).abs() < 1e-6, "mean and SD of stripes");
    assert!(fine[2].abs() < 1e-5 && (fine[3] + 2.0).abs() < 1e-5, "two levels: skewness 0, kurtosis -2");
    assert!((fine[width(2) - 1] - 1.0).abs() < 1e-6, "equal channels correlate fully");
    let octaves = |features: &[f32]| features[13..19].to_vec();
    let loudest = |features: &[f32]| {
        let octaves = octaves(features);
        (0..6).max_by(|a, b| octaves[*a].total_cmp(&octaves[*b])).unwrap()
    };
    assert!(loudest(&fine) < loudest(&of(&stripes(32))), "wider stripes have their energy in a lower octave");
    let flat = of(&[7; 64 * 128]);
    assert!(flat.iter().all(|value| value.is_finite()) && flat[1] < 1e-6 && flat[width(2) - 1] == 0.0);
}

/// Channels of an image, standardised pixel by pixel.
struct ByHand {
    width: usize,
    channels: Vec<Vec<f64>>,
}

impl ByHand {
    /// From grey levels 0 to 1.
    fn of(width: usize, mut channels: Vec<Vec<f64>>) -> Self {
        for pixels in &mut channels {
            let mean = mean(pixels);
            let deviation = mean_of(pixels, |grey| (grey - mean).powi(2)).sqrt();
            pixels.iter_mut().for_each(|grey| *grey = (*grey - mean) / (deviation + 0.02));
        }
        Self { width, channels }
    }

    fn features(&self) -> Vec<f64> {
        let mut all = vec![];
        for pixels in &self.channels {
            let mean = mean(pixels);
            let central = |power| mean_of(pixels, |grey| (grey - mean).powi(power));
            let deviation = central(2).sqrt();
            let flat = deviation < 1e-6;
            all.extend([mean, deviation]);
            all.push(if flat { 0.0 } else { central(3) / deviation.powi(3) });
            all.push(if flat { 0.0 } else { central(4) / deviation.powi(4) - 3.0 });
            let mut sorted = pixels.clone();
            sorted.sort_by(f64::total_cmp);
            all.extend([0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99].map(|share: f64| {
                let rank = share * pixels.len() as f64;
                sorted[rank as usize]
            }));
            let plane = Plane { width: self.width, pixels: pixels.clone() };
            all.extend(plane.gradient());
            all.extend(plane.octaves());
        }
        for (at, a) in self.channels.iter().enumerate() {
            for b in &self.channels[at + 1..] {
                let (of_a, of_b) = (mean(a), mean(b));
                let products: Vec<f64> = a.iter().zip(b).map(|(x, y)| (x - of_a) * (y - of_b)).collect();
                let deviation =
                    |pixels: &[f64], mean: f64| mean_of(pixels, |grey| (grey - mean).powi(2)).sqrt();
                let scale = deviation(a, of_a) * deviation(b, of_b);
                all.push(if scale < 1e-12 { 0.0 } else { mean(&products) / scale });
            }
        }
        all
    }
}

fn mean(values: &[f64]) -> f64 {
    mean_of(values, |value| value)
}

fn mean_of(values: &[f64], of: impl Fn(f64) -> f64) -> f64 {
    values.iter().map(|value| of(*value)).sum::<f64>() / values.len() as f64
}

/// Noise of another mean and contrast in each channel; the second channel is flat.
fn noise(seed: u64, (height, width): (usize, usize), top: f64) -> Vec<Vec<f64>> {
    let mut stream = Seed(seed).stream("noise");
    let mut channel = |at: usize| -> Vec<f64> {
        let (dark, contrast) = (0.1 * at as f64, [0.9, 0.0, 0.05, 0.5][at]);
        (0..height * width).map(|_| ((dark + contrast * stream.unit()) * top).round()).collect()
    };
    (0..4).map(&mut channel).collect()
}

/// Channels beside each other, as in a tape.
fn tape<T: Copy>(channels: &[Vec<f64>], width: usize, value: impl Fn(f64) -> T) -> Vec<T> {
    let line = |y: usize| channels.iter().flat_map(move |pixels| &pixels[y * width..(y + 1) * width]);
    (0..channels[0].len() / width).flat_map(line).map(|grey| value(*grey)).collect()
}

#[test]
fn features_of_a_standardised_image_are_those_of_its_standardised_pixels() {
    for (seed, (height, width)) in [(1, (24, 17)), (2, (9, 40)), (3, (33, 32))] {
        let bytes = noise(seed, (height, width), 255.0);
        let sixteen_bits = noise(seed, (height, width), 65_535.0);
        let images = [
            (bytes.clone(), 255.0, Pixels::Bytes(tape(&bytes, width, |grey| grey as u8))),
            // Grey levels 0 to 255 in steps of 1/257, as 16 bits are read.
            (
                sixteen_bits.clone(),
                65_535.0,
                Pixels::Floats(tape(&sixteen_bits, width, |grey| (grey / 257.0) as f32)),
            ),
        ];
        for (channels, top, pixels) in images {
            let image = Tape { pixels, height, width, channels: 4 };
            let found = features(&image, Greys::Standardised);
            let greys = channels.iter().map(|pixels| pixels.iter().map(|grey| grey / top).collect());
            let wanted = ByHand::of(width, greys.collect()).features();
            assert_eq!(found.len(), wanted.len());
            for (at, (found, wanted)) in found.iter().zip(&wanted).enumerate() {
                let difference = (f64::from(*found) - wanted).abs();
                assert!(difference < 1e-5 * wanted.abs().max(1.0), "feature {at}: {found} for {wanted}");
            }
            assert!(found.iter().all(|value| value.is_finite()));
            assert_eq!(found[0], 0.0, "no rounding is left in a mean");
            assert!((found[1] - 0.93).abs() < 0.02 && found[PER_CHANNEL + 1] < 1e-6, "contrast, and none");
            let stored = features(&image, Greys::Stored);
            let correlations = 4 * PER_CHANNEL..;
            let both = found[correlations.clone()].iter().zip(&stored[correlations]);
            both.for_each(|(one, other)| assert!((one - other).abs() < 1e-6, "{one} {other}"));
        }
    }
}

#[test]
fn brightness_alone_changes_stored_features_only() {
    let dark: Vec<u8> = stripes(8).iter().map(|grey| grey / 2).collect();
    let bright: Vec<u8> = dark.iter().map(|grey| grey + 90).collect();
    let apart = |greys: Greys| {
        let [a, b] = [&dark, &bright].map(|pixels| {
            features(&Tape { pixels: pixels.clone().into(), height: 64, width: 64, channels: 2 }, greys)
        });
        a.iter().zip(&b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
    };
    assert!(apart(Greys::Stored) > 0.3 && apart(Greys::Standardised) < 1e-5);
}

#[test]
fn training_rows_decide_the_scale() {
    let matrix = FeatureMatrix { width: 2, values: &[1.0, 5.0, 3.0, 5.0, 100.0, 6.0] };
    let scaled = ZScored::new(matrix, &[0, 1]).unwrap();
    let mut values = [0.0; 6];
    scaled.read(&[0, 1, 2], &mut values).unwrap();
    assert_eq!(values, [-1.0, 0.0, 1.0, 0.0, 98.0, 0.0]);
}
