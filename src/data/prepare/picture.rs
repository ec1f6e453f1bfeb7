//! One channel of an image: corrected, halved, stretched to eight bits.

use super::{plane::Plane, plate::Light};

/// The percentiles of an image that become 0 and 255.
const PERCENT: [f64; 2] = [0.05, 99.95];

/// Rows and columns after halving.
pub(super) fn halved_size([height, width]: [usize; 2]) -> [usize; 2] {
    [height / 2, width / 2]
}

/// Divided by the plate's light, at half the size.
pub(super) fn halved(levels: &[u16], size: [usize; 2], light: &Light) -> Plane {
    let fill = |row: usize, into: &mut [f64]| {
        let start = row * size[1];
        let (levels, light) = (&levels[start..][..size[1]], &light.field.values[start..][..size[1]]);
        let pairs = levels.iter().zip(light);
        into.iter_mut().zip(pairs).for_each(|(value, (level, light))| *value = f64::from(*level) / light);
    };
    Plane::resized_from(size, halved_size(size).map(|side| side as f64), fill)
}

/// Eight bits: outliers of the image are cut off, and so is what is brighter than nearly all of its plate.
pub(super) fn stretched(image: &Plane, light: &Light) -> Vec<u8> {
    let [low, high] = image.percentiles(PERCENT);
    let range = high.min(light.top) - low;
    if range <= 0.0 {
        return vec![0; image.values.len()];
    }
    let level = |value: &f64| (255.0 * ((value - low) / range).clamp(0.0, 1.0)).round_ties_even() as u8;
    image.values.iter().map(level).collect()
}

#[cfg(test)]
mod tests {
    use super::{
        super::plate::{Sums, Thumb},
        *,
    };
    use serde::Deserialize;

    #[derive(Deserialize)]
    struct Case {
        height: usize,
        width: usize,
        radius: usize,
        images: Vec<Vec<u16>>,
        light: Vec<f64>,
        top: f64,
        halved: Vec<f64>,
        eight: Vec<u8>,
    }

    /// `tests/golden/jump_prepare.py`: scikit-image and scipy.
    #[test]
    fn pictures_are_those_of_scikit_image() {
        let cases: Vec<Case> =
            serde_json::from_str(include_str!("../../../tests/golden/jump_prepare.json")).unwrap();
        for case in cases {
            let size = [case.height, case.width];
            let mut sums = Sums::new();
            case.images.iter().for_each(|levels| sums.add(Thumb::of(levels, size, true)));
            let measured = sums.finish(case.radius);
            let light = Light::of(&measured.smooth.unwrap(), size, measured.top);
            let far = |found: &[f64], expected: &[f64]| {
                assert_eq!(found.len(), expected.len());
                let far = found.iter().zip(expected).map(|(a, b)| (a - b).abs() / b.abs().max(1.0));
                far.fold(0.0, f64::max)
            };
            assert!(far(&light.field.values, &case.light) < 1e-9, "light of {size:?}");
            assert_eq!(light.top, case.top);
            let found = halved(&case.images[0], size, &light);
            assert!(far(&found.values, &case.halved) < 1e-9, "halved, {size:?}");
            assert_eq!(stretched(&found, &light), case.eight, "{size:?}");
        }
    }
}
