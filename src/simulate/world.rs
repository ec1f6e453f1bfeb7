//! The parameters of a simulated world, and how many images of it are written.

use dichroic_ops::seed::{Seed, Stream};

/// A simulated world: one draw of generators, microscopes and effects. Everything in it follows from `seed`
/// and the parameters. These were frozen when the gates ([`super::gates`]) held and a small network learned
/// every task from training labels, before any two systems were compared.
#[derive(Clone, Debug, PartialEq)]
pub struct World {
    /// The number of the world.
    pub seed: u64,
    /// Share of labelled cells that show their label; the others look like interphase, DMSO or another compartment.
    pub penetrance: f64,
    /// Shift of each factor by a cell-cycle stage, in standard deviations (unary labels).
    pub unary: f64,
    /// Shift of each of its five factors by a compound, in standard deviations (distributed labels).
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
    /// Whether all sets grow their cells with the same generators, so that training on one can help another.
    pub shared_generators: bool,
    /// The cause removed from it, if any.
    pub control: Option<Control>,
}

/// A cause that is removed from a world, as a negative control: an effect that needs it should disappear.
/// Everything else stays as in the world of the same number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    /// Each set has its own generators: nothing can be learned from another set.
    Unshared,
    /// Cells do not differ in brightness, nor do plates and batches: nothing that could mislead
    /// self-supervision.
    NoNuisance,
    /// Labels are elongations only: what a warp changes.
    Elongation,
}

impl Control {
    /// All controls.
    pub const ALL: [Self; 3] = [Self::Unshared, Self::NoNuisance, Self::Elongation];

    /// The word on the command line and in the world's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unshared => "unshared",
            Self::NoNuisance => "no-nuisance",
            Self::Elongation => "elongation",
        }
    }
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
            control: None,
        }
    }

    /// The same world without a cause.
    #[must_use]
    pub fn under(self, control: Control) -> Self {
        let world = Self { control: Some(control), ..self };
        match control {
            Control::Unshared => Self { shared_generators: false, ..world },
            Control::NoNuisance => Self {
                signal_of_cell: 0.0,
                signal_of_channel: 0.0,
                gain_of_plate: 0.0,
                shift_of_batch: 0.0,
                shift_of_plate: 0.0,
                ..world
            },
            Control::Elongation => world,
        }
    }

    /// `3`, `3 unshared`: its name in `dataset.toml` and in every table.
    pub fn name(&self) -> String {
        match self.control {
            Some(control) => format!("{} {}", self.seed, control.name()),
            None => self.seed.to_string(),
        }
    }

    /// The random stream of this world called `name`.
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

/// How many images are written, and their size.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Size {
    /// Share of the published number of images of each split and label.
    pub images: f64,
    /// Minimum number of Train images per label. Without it a fiftieth of CHAMMI has four Train cells of
    /// `M3`, too few to learn from or to score.
    pub floor_train: usize,
    /// Minimum number of images per label in each test split.
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
