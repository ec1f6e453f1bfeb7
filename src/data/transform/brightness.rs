//! Brightness augmentation: each channel scaled by its own factor.

use crate::{data::Statistics, seed::Stream};

/// The lowest factor (DINO BoC).
const DARKEST: f64 = 0.5;

/// One factor per channel, normal around 1.
pub(super) fn factors(channels: usize, sd: f64, stream: &mut Stream) -> Vec<f32> {
    (0..channels).map(|_| (1.0 + sd * stream.normal()).max(DARKEST) as f32).collect()
}

/// Applies them to normalised planes; pixels stay within the range of a stored image.
pub(super) fn brighten(planes: &mut [f32], factors: &[f32], norm: &Statistics) {
    if factors.is_empty() {
        return;
    }
    let size = planes.len() / factors.len();
    for (channel, plane) in planes.chunks_exact_mut(size).enumerate() {
        let (mean, sd, factor) = (norm.mean[channel], norm.sd[channel], factors[channel]);
        for value in plane {
            *value = (((*value * sd + mean) * factor).clamp(0.0, 1.0) - mean) / sd;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;

    /// DINO BoC's example: 0.2, 0.4, 0.9 at 1.3 are 0.26, 0.52, 1.
    #[test]
    fn brightness_multiplies_stored_values_and_saturates() {
        let norm = Statistics { mean: vec![0.3, 0.1], sd: vec![0.2, 0.5] };
        let stored = [0.2, 0.4, 0.9, 0.2, 0.4, 0.9];
        let normalised = |value: f32, at: usize| (value - norm.mean[at / 3]) / norm.sd[at / 3];
        let mut planes: Vec<f32> = stored.iter().enumerate().map(|(at, &x)| normalised(x, at)).collect();
        brighten(&mut planes, &[1.3, 0.5], &norm);
        for (at, (found, expected)) in planes.iter().zip([0.26, 0.52, 1.0, 0.1, 0.2, 0.45]).enumerate() {
            assert!((found - normalised(expected, at)).abs() < 1e-6, "{at}: {found}");
        }
    }

    #[test]
    fn factors_vary_by_channel_as_said_and_never_fall_below_half() {
        let mut stream = Seed(1).stream("brightness");
        let drawn = factors(4000, 0.2, &mut stream);
        let mean = drawn.iter().sum::<f32>() / 4000.0;
        let var = drawn.iter().map(|x| (x - mean).powi(2)).sum::<f32>() / 4000.0;
        assert!((mean - 1.0).abs() < 0.02 && (var.sqrt() - 0.2).abs() < 0.02, "{mean} {var}");
        assert!(factors(200, 5.0, &mut stream).iter().all(|&x| x >= 0.5));
    }
}
