//! The eight symmetries of a square: four turns, mirrored or not.

use candle_core::{D, Result, Tensor};

/// One of them: mirrored along the diagonal, then upside down, then left to right.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Symmetry {
    diagonal: bool,
    upside_down: bool,
    left_to_right: bool,
}

/// All of them; the first leaves images as they are.
pub(super) const ALL: [Symmetry; 8] = {
    let mut all = [Symmetry { diagonal: false, upside_down: false, left_to_right: false }; 8];
    let mut at = 0;
    while at < 8 {
        all[at] = Symmetry { diagonal: at & 4 > 0, upside_down: at & 2 > 0, left_to_right: at & 1 > 0 };
        at += 1;
    }
    all
};

impl Symmetry {
    /// Images (N, C, H, W), which become (N, C, W, H) where the diagonal is the mirror.
    pub(super) fn of(self, images: &Tensor) -> Result<Tensor> {
        let Self { diagonal, upside_down, left_to_right } = self;
        let mut images = images.clone();
        if diagonal {
            images = images.transpose(D::Minus1, D::Minus2)?.contiguous()?;
        }
        let axes: Vec<usize> = [(upside_down, 2), (left_to_right, 3)]
            .into_iter()
            .filter_map(|(mirrored, axis)| mirrored.then_some(axis))
            .collect();
        images.flip(&axes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;
    use std::collections::BTreeSet;

    #[test]
    fn an_image_without_symmetry_looks_different_in_all_eight() {
        let images = Tensor::arange(0u32, 12, &Device::Cpu).unwrap().reshape((1, 2, 2, 3)).unwrap();
        let seen: Vec<Tensor> = ALL.iter().map(|symmetry| symmetry.of(&images).unwrap()).collect();
        let values = |image: &Tensor| image.flatten_all().unwrap().to_vec1::<u32>().unwrap();
        assert_eq!(values(&seen[0]), (0..12).collect::<Vec<_>>());
        assert_eq!(seen[4].dims(), [1, 2, 3, 2]);
        // numpy: np.arange(6).reshape(2, 3)[::-1], and .T[:, ::-1], which is rot90(·, -1).
        assert_eq!(values(&seen[2])[..6], [3, 4, 5, 0, 1, 2]);
        assert_eq!(values(&seen[5])[..6], [3, 0, 4, 1, 5, 2]);
        let different: BTreeSet<(Vec<usize>, Vec<u32>)> =
            seen.iter().map(|image| (image.dims().to_vec(), values(image))).collect();
        assert_eq!(different.len(), 8);
    }
}
