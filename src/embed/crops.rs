//! Normalises each channel of a crop by itself, as Cell-DINO's models were trained.

/// Added to the standard deviation of pixels from 0 to 1.
const FLOOR: f64 = 1e-7;

/// Subtracts from each channel of `pixels` numbers its mean, and divides by the population's standard deviation plus 1e-7.
pub(super) fn normalise(image: &mut [f32], pixels: usize) {
    for channel in image.chunks_exact_mut(pixels.max(1)) {
        let mean = channel.iter().map(|x| f64::from(*x)).sum::<f64>() / pixels as f64;
        let square = channel.iter().map(|x| (f64::from(*x) - mean).powi(2)).sum::<f64>() / pixels as f64;
        let scale = 1.0 / (square.sqrt() + FLOOR);
        channel.iter_mut().for_each(|x| *x = ((f64::from(*x) - mean) * scale) as f32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// numpy: `(x - x.mean()) / (x.std() + 1e-7)`.
    #[test]
    fn each_channel_is_normalised_by_itself() {
        let mut image = [0.0, 0.4, 0.8, 0.4, 0.2, 0.2, 0.2, 0.2];
        normalise(&mut image, 4);
        let root = 2f32.sqrt();
        for (found, expected) in image.iter().zip([-root, 0.0, root, 0.0, 0.0, 0.0, 0.0, 0.0]) {
            assert!((found - expected).abs() < 1e-6, "{image:?}");
        }
    }
}
