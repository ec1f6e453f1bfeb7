//! A backbone's pretraining on simulated images of three channels, which replaces ImageNet in `quick`.

use super::{Item, Source};
use crate::{
    adapter::SetChannels,
    data::{self, Norm, Statistics, Tape},
    simulate::{PRETRAIN_CLASSES, Pictures, World, three_channel},
    spec::{
        AugmentStream, CropFit, Optimiser, Precision, PretrainLength, Sampling, Schedule, Stage, Term,
        settings,
    },
};

/// Simulated images and epochs over them: half a minute on two cores, or ten minutes or so.
const SHORT: (usize, usize) = (1600, 6);
const LONG: (usize, usize) = (16_000, 10);
/// Side of an image, in pixels.
const IMAGE_SIDE: usize = 64;

/// Simulated three-channel images in memory, all in one set.
pub struct Pretraining {
    pictures: Pictures,
    sets: [SetChannels; 1],
    classes: Vec<String>,
    items: Vec<Item>,
    norm: Norm,
}

impl Pretraining {
    /// Draws the images.
    pub fn new(length: PretrainLength) -> Self {
        let pictures = three_channel(&World::default(), duration(length).0, IMAGE_SIDE);
        let norm = statistics(&pictures).into();
        let items = pictures.labels.iter().enumerate();
        Self {
            sets: [SetChannels {
                set: "simulated".into(),
                channels: ["a", "b", "c"].map(String::from).to_vec(),
            }],
            classes: (0..PRETRAIN_CLASSES).map(|class| format!("{class:02}")).collect(),
            items: items.map(|(row, class)| Item { set: 0, class: *class as u16, row: row as u32 }).collect(),
            norm,
            pictures,
        }
    }

    /// Side of an image, in pixels.
    pub const IMAGE_SIDE: usize = IMAGE_SIDE;
    /// Number format of activations and weights.
    pub const PRECISION: Precision = Precision::F32;

    /// How the backbone is trained on them.
    pub fn stage(length: PretrainLength) -> Stage {
        Stage {
            on: None,
            objective: vec![Term { weight: 1.0, loss: settings::CrossEntropy {}.into() }],
            strategy: settings::Erm {}.into(),
            augment: vec![
                settings::Crop { scale: [0.8, 1.0], ratio: [0.9, 1.1], fit: CropFit::Adapted }.into(),
                settings::Flip { p: 0.5 }.into(),
            ],
            augment_stream: AugmentStream::Fresh,
            sampling: Sampling::Shuffled,
            optimiser: Optimiser { lr: 2e-3, weight_decay: 5e-2, betas: [0.9, 0.999], eps: 1e-8 },
            schedule: Schedule { warmup: 2, warmup_lr: 1e-4, lr_min: 1e-5 },
            epochs: duration(length).1,
            batch: 64,
        }
    }
}

/// Images and epochs.
fn duration(length: PretrainLength) -> (usize, usize) {
    match length {
        PretrainLength::Short => SHORT,
        PretrainLength::Long => LONG,
    }
}

impl Source for Pretraining {
    fn sets(&self) -> &[SetChannels] {
        &self.sets
    }

    fn classes(&self) -> &[String] {
        &self.classes
    }

    fn items(&self) -> &[Item] {
        &self.items
    }

    fn norm(&self, _: usize) -> &Norm {
        &self.norm
    }

    fn read(&self, item: Item) -> Result<Tape, data::Error> {
        let side = self.pictures.side;
        let picture = &self.pictures.bytes[item.row as usize * 3 * side * side..][..3 * side * side];
        // Converts consecutive planes to adjacent channels.
        let pixels: Vec<u8> = (0..side)
            .flat_map(|row| {
                (0..3).flat_map(move |channel| picture[(channel * side + row) * side..][..side].iter())
            })
            .copied()
            .collect();
        Ok(Tape { height: side, width: side, channels: 3, pixels: pixels.into() })
    }
}

/// Mean and standard deviation of each channel over all pictures; sums of integers, so that their order does
/// not matter.
fn statistics(pictures: &Pictures) -> Statistics {
    let plane = pictures.side * pictures.side;
    let (mut sums, mut squares) = ([0u64; 3], [0u64; 3]);
    for (number, pixels) in pictures.bytes.chunks_exact(plane).enumerate() {
        for pixel in pixels {
            sums[number % 3] += u64::from(*pixel);
            squares[number % 3] += u64::from(*pixel).pow(2);
        }
    }
    let count = (pictures.labels.len() * plane) as f64;
    let mean = sums.map(|sum| sum as f64 / count);
    let sd = std::array::from_fn::<f64, 3, _>(|c| (squares[c] as f64 / count - mean[c] * mean[c]).sqrt());
    let unit = |values: [f64; 3]| values.map(|value| (value / 255.0) as f32).to_vec();
    Statistics { mean: unit(mean), sd: unit(sd) }
}
