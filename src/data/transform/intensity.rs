//! CODA's random intensity and brightness: each channel is shifted, then raised to an exponent, clipped after each.

use crate::{data::Statistics, seed::Stream, spec};

/// A shift and an exponent for each channel.
pub(super) fn draws(channels: usize, word: &spec::Intensity, stream: &mut Stream) -> Vec<[f32; 2]> {
    let shifts: Vec<f64> = (0..channels).map(|_| word.shift * stream.normal()).collect();
    let exponent = |stream: &mut Stream| {
        (1.0 + word.exponent * stream.normal()).clamp(1.0 - word.exponent, 1.0 + word.exponent)
    };
    shifts.into_iter().map(|shift| [shift as f32, exponent(stream) as f32]).collect()
}

/// Applies them to normalised planes; pixels stay within the range of a stored image.
pub(super) fn change(planes: &mut [f32], draws: &[[f32; 2]], norm: &Statistics) {
    if draws.is_empty() {
        return;
    }
    let size = planes.len() / draws.len();
    for (channel, plane) in planes.chunks_exact_mut(size).enumerate() {
        let (mean, sd, [shift, exponent]) = (norm.mean[channel], norm.sd[channel], draws[channel]);
        for value in plane {
            let shifted = (*value * sd + mean + shift).clamp(0.0, 1.0);
            *value = (libm::powf(shifted, exponent).clamp(0.0, 1.0) - mean) / sd;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;

    #[test]
    fn draws_have_the_spread_that_was_said_and_exponents_stay_near_one() {
        let word = spec::Intensity { p: 1.0, shift: 0.1, exponent: 0.2 };
        let drawn = draws(8000, &word, &mut Seed(1).stream("intensity"));
        let shifts: Vec<f32> = drawn.iter().map(|[shift, _]| *shift).collect();
        let mean = shifts.iter().sum::<f32>() / 8000.0;
        let var = shifts.iter().map(|x| (x - mean).powi(2)).sum::<f32>() / 8000.0;
        assert!(mean.abs() < 0.01 && (var.sqrt() - 0.1).abs() < 0.01, "{mean} {var}");
        assert!(drawn.iter().all(|[_, exponent]| (0.8..=1.2).contains(exponent)));
        // A normal draw is beyond one SD on either side in 16 %.
        let [low, high] = [0.8f32, 1.2].map(|end| drawn.iter().filter(|draw| draw[1] == end).count());
        assert!((1100..1450).contains(&low) && (1100..1450).contains(&high), "{low} {high}");
    }

    #[test]
    fn values_are_clipped_after_each_change() {
        let norm = Statistics { mean: vec![0.5, 0.0], sd: vec![0.25, 1.0] };
        let mut planes = vec![-2.0, 0.0, 2.0, 0.0, 0.25, 1.0];
        change(&mut planes, &[[0.5, 1.0], [-0.5, 0.5]], &norm);
        // 0, 0.5, 1 shifted by a half, back to units of the SD; 0, 0.25, 1 less a half, then the root
        let expected = [0.0, 2.0, 2.0, 0.0, 0.0, 0.5f32.sqrt()];
        for (found, expected) in planes.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-6, "{planes:?}");
        }
    }
}
