//! The knobs of a simulated world, and how much of it is written down.

use crate::seed::{Seed, Stream};

/// One draw of generators, microscopes and effects. Everything in it follows from `seed` and the knobs. The knobs were
/// frozen when the gates ([`super::gates`]) held and a small network learned every task with training labels, before
/// any two systems were compared.
#[derive(Clone, Debug, PartialEq)]
pub struct World {
    /// Which world.
    pub seed: u64,
    /// Share of labelled cells that show their label; the others look like interphase, DMSO or another compartment.
    pub penetrance: f64,
    /// By how many standard deviations a cell-cycle stage moves each of its factors (unary labels).
    pub unary: f64,
    /// By how many standard deviations a compound moves each of its five factors (distributed labels).
    pub distributed: f64,
    /// SD of the log of the signal that all channels of a cell share.
    pub signal_of_cell: f64,
    /// SD of the log of the signal of one channel.
    pub signal_of_channel: f64,
    /// SD of the log of the gain of a plate, per channel.
    pub gain_of_plate: f64,
    /// SD of the shift of each factor in a batch or cell line.
    pub shift_of_batch: f64,
    /// SD of the shift of each factor on a plate.
    pub shift_of_plate: f64,
    /// Expected number of neighbours in an unmasked image.
    pub neighbours: f64,
    /// Whether all sets grow their cells with the same generators, so that one can teach another.
    pub shared_generators: bool,
}

impl World {
    /// The world called `seed`, with the frozen knobs.
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            penetrance: 0.9,
            unary: 4.5,
            distributed: 3.5,
            signal_of_cell: 0.3,
            signal_of_channel: 0.15,
            gain_of_plate: 0.12,
            shift_of_batch: 0.3,
            shift_of_plate: 0.15,
            neighbours: 1.5,
            shared_generators: true,
        }
    }

    /// The stream of this world called `name`.
    pub(super) fn stream(&self, name: &str) -> Stream {
        Seed(self.seed).stream(&format!("simulate/{name}"))
    }
}

impl Default for World {
    /// World 1, the embedded default data set.
    fn default() -> Self {
        Self::new(1)
    }
}

/// How many images are written and how large they are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Size {
    /// Share of the published number of images of each split and label.
    pub images: f64,
    /// At least so many Train images of each label. Without a floor a fiftieth of CHAMMI has four Train cells of
    /// `M3`, of which nothing can be learnt and about which nothing can be said.
    pub floor_train: usize,
    /// At least so many images of each label in each test split.
    pub floor_test: usize,
    /// Height and width of a channel of Allen, HPA and CP, in pixels.
    pub pixels: [[usize; 2]; 3],
}

impl Size {
    /// One image in fifty at about a quarter of the resolution: seconds, not hours.
    pub fn quick() -> Self {
        Self { images: 0.018, floor_train: 120, floor_test: 32, pixels: [[60, 94], [64, 64], [64, 64]] }
    }

    /// CHAMMI's own image sizes and numbers of images.
    pub fn native() -> Self {
        Self { images: 1.0, floor_train: 0, floor_test: 0, pixels: [[238, 374], [512, 512], [160, 160]] }
    }
}
