//! The composition of a batch: groups of crops of each image, and how their pixels are normalised.

use crate::{
    data::{Norm, norm::ByItself},
    loss::Masking,
    spec::{Augment, AugmentStream, CropFit, Needs, Sampling, Stage, settings},
};
use candle_core::{D, Result, Tensor};

/// The batches of a training.
#[derive(Clone, Debug, PartialEq)]
pub struct Batches {
    /// Groups of crops, each of which passes through the network separately.
    pub groups: Vec<CropGroup>,
    /// Images in a step.
    pub batch: usize,
    /// Which draws an epoch uses.
    pub stream: AugmentStream,
    /// How the images of an epoch are drawn.
    pub sampling: Sampling,
    /// Whether each image is followed by one of its [`partners`](super::Source::partners), if it has any.
    pub pairs: bool,
    /// How patches of the first group are masked; none: they are not.
    pub masking: Option<MaskedGrid>,
    /// Side of the central square of an image that crops are windows of, at its own scale; none: crops are resized.
    pub centre: Option<usize>,
}

/// Crops of every image that have the same size.
#[derive(Clone, Debug, PartialEq)]
pub struct CropGroup {
    /// Crops per image.
    pub count: usize,
    /// Their side, in pixels.
    pub side: usize,
    /// Their augmentations.
    pub augment: Vec<Augment>,
    /// How their pixels are normalised.
    pub normalise: Normalise,
}

/// How the patches of crops are masked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MaskedGrid {
    /// How many, and in what blocks.
    pub masking: Masking,
    /// Side of the grid of patches.
    pub side: usize,
    /// Whether each channel has a grid of its own.
    pub of_channels: bool,
}

/// How pixels are normalised.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Normalise {
    /// As the experiment says for the set: by its moments, by those of the stored image, or by those of each crop.
    Set,
    /// By mean and standard deviation of each channel of the crop itself.
    Own(ByItself),
    /// Not at all: pixels in [0, 1].
    None,
}

impl Batches {
    /// As a stage declares them, normalised by the set: crops of that side, and small ones if its loss needs them. They are
    /// resized, or if `window`, windows of the central square of twice their largest side, at the image's own scale.
    pub fn of(stage: &Stage, side: usize, window: bool) -> Self {
        let Stage { augment, augment_stream, sampling, batch, objective, .. } = stage;
        let Needs { views, locals, pairs, labels: _, teacher: _, classifier: _ } = Needs::of(objective);
        let normalise = Normalise::Set;
        // A window is a crop by itself.
        let kept = |change: &&Augment| !window || !matches!(change, Augment::Crop(_));
        let augment: Vec<Augment> = augment.iter().filter(kept).cloned().collect();
        let small = locals.map(|locals| {
            let share = (locals.side as f64 / side as f64).powi(2);
            let augment = of_small(&augment, share, window);
            CropGroup { count: locals.count, side: locals.side, augment, normalise }
        });
        let groups =
            [CropGroup { count: views, side, augment, normalise }].into_iter().chain(small).collect();
        let (stream, sampling) = (*augment_stream, *sampling);
        let centre = window.then_some(2 * side);
        Self { groups, batch: *batch, stream, sampling, pairs: pairs.is_some(), masking: None, centre }
    }
}

/// What is done to a small crop, which has that share of the pixels of a large one, and of what it shows: so both are of one
/// magnification. A window of fewer pixels shows less by itself.
fn of_small(augment: &[Augment], share: f64, window: bool) -> Vec<Augment> {
    let mut crops = false;
    let mut one = |change: &Augment| match change {
        Augment::Crop(word) => {
            crops = true;
            settings::Crop { scale: word.scale.map(|area| area * share), ..word.clone() }.into()
        }
        Augment::Tps(_)
        | Augment::Rotate(_)
        | Augment::Flip(_)
        | Augment::Flips(_)
        | Augment::Turn(_)
        | Augment::Brightness(_)
        | Augment::Intensity(_)
        | Augment::Microscope(_) => change.clone(),
    };
    // CODA changes the intensity of large crops only.
    let kept = augment.iter().filter(|change| !matches!(change, Augment::Intensity(_)));
    let mut all: Vec<Augment> = kept.map(&mut one).collect();
    if !crops && !window {
        all.push(settings::Crop { scale: [share; 2], ratio: [1.0; 2], fit: CropFit::Adapted }.into());
    }
    all
}

impl Normalise {
    /// What it is for the images of a set that is normalised by `set`.
    pub(super) fn of(self, set: &Norm) -> Self {
        match (self, set) {
            (Self::Set, Norm::View(how)) => Self::Own(*how),
            _ => self,
        }
    }

    /// What is done while crops are resampled, of images with so many channels of a set that is normalised by `set`.
    pub(super) fn while_resampling(self, set: &Norm, channels: usize) -> Norm {
        match self {
            Self::Set => set.clone(),
            Self::Own(_) | Self::None => Norm::none(channels),
        }
    }

    /// Normalisation that remains for crops (N, C, H, W) on any device.
    ///
    /// # Errors
    /// If there are not four axes.
    pub(super) fn afterwards(self, crops: Tensor) -> Result<Tensor> {
        let Self::Own(how) = self else { return Ok(crops) };
        let (n, channels, height, width) = crops.dims4()?;
        let planes = crops.reshape((n, channels, height * width))?;
        let centred = planes.broadcast_sub(&planes.mean_keepdim(D::Minus1)?)?;
        let squares = centred.sqr()?.sum_keepdim(D::Minus1)?;
        let sd = ((squares / how.degrees(height * width))?.sqrt()? + how.floor)?;
        centred.broadcast_div(&sd)?.reshape((n, channels, height, width))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        data::norm::{OF_CROP, OF_VIEW},
        golden::{assert_close, device, everywhere},
    };

    /// `(x - x.mean()) / (x.std(unbiased=False) + 1e-7)` of each channel of each crop.
    #[test]
    fn crops_are_normalised_by_themselves() {
        everywhere(|| {
            let pixels = [0.0f32, 2.0, 4.0, 2.0, 0.5, 0.5, 0.5, 0.5, 1.0, 1.0, 3.0, 3.0, 0.0, 0.0, 0.0, 8.0];
            let crops = Tensor::from_slice(&pixels, (2, 2, 2, 2), &device()).unwrap();
            let found = Normalise::Own(OF_CROP).afterwards(crops.clone()).unwrap();
            assert_eq!(found.dims(), [2, 2, 2, 2]);
            let root = 2f32.sqrt();
            let third = 1.0 / 3f32.sqrt();
            let expected = [
                [-root, 0.0, root, 0.0],
                [0.0; 4],
                [-1.0, -1.0, 1.0, 1.0],
                [-third, -third, -third, 3.0 * third],
            ];
            let found = found.flatten_all().unwrap().to_vec1::<f32>().unwrap();
            assert_close("crops", &found, &expected.concat(), 1e-6);
            // The same with `x.std(unbiased=True) + 1e-6`.
            let view = Normalise::Set.of(&Norm::View(OF_VIEW)).afterwards(crops.clone()).unwrap();
            let mut planes = pixels;
            Norm::View(OF_VIEW).finish(4, &mut planes);
            let unbiased =
                [0.75f32.sqrt()].map(|ratio| expected.concat().iter().map(|x| x * ratio).collect::<Vec<_>>());
            let view = view.flatten_all().unwrap().to_vec1::<f32>().unwrap();
            assert_close("views", &view, &unbiased[0], 5e-6);
            assert_close("an evaluated view", &planes, &unbiased[0], 5e-6);
            let same = Normalise::None.afterwards(crops).unwrap().flatten_all().unwrap();
            assert_eq!(same.to_vec1::<f32>().unwrap(), pixels);
        });
    }
}
