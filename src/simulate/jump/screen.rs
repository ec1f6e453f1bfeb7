//! A simulated screen: which world, layout and control, how large, and the size of each cause.

use crate::world::World;
use dichroic_ops::seed::Stream;

/// Where compounds are on the plates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// The same wells on every plate, as on TARGET2: the label is a position.
    Fixed,
    /// Other wells on every plate.
    Randomised,
}

/// A cause that is removed from a screen, as a negative control: an effect that needs it should disappear.
/// Everything else stays as in the world of the same number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScreenControl {
    /// All sources have one microscope: nothing for adaptation to repair.
    SameMicroscope,
    /// Batches do not differ.
    BatchSdZero,
    /// What differs between batches and plates differs as much between the wells of one plate, and no longer between
    /// plates: pairs across plates have nothing more to show than pairs within one.
    NuisanceWithinPlate,
    /// The table lists the compounds of each plate with other wells of that plate: images of one listed compound have no
    /// treatment in common, so that pairs of them say nothing of it. Images and mechanisms, which are the labels, stay.
    PermutedTreatments,
}

impl Layout {
    /// The word on the command line and in the world's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fixed => "fixed",
            Self::Randomised => "randomised",
        }
    }
}

impl ScreenControl {
    /// All controls.
    pub const ALL: [Self; 4] =
        [Self::SameMicroscope, Self::BatchSdZero, Self::NuisanceWithinPlate, Self::PermutedTreatments];

    /// The word on the command line and in the world's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::SameMicroscope => "same-microscope",
            Self::BatchSdZero => "batch-sd-0",
            Self::NuisanceWithinPlate => "nuisance-within-plate",
            Self::PermutedTreatments => "permuted-treatments",
        }
    }
}

/// How many images are written, and their size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScreenSize {
    /// Compounds of each mechanism.
    pub compounds: usize,
    /// Wells of each compound on a plate.
    pub wells: usize,
    /// Images of a well.
    pub sites: usize,
    /// Height and width of a channel, in pixels.
    pub pixels: usize,
    /// Pixels of the released images that one pixel stands for, along each side.
    pub binning: usize,
    /// At most so many plates of each source.
    pub plates: usize,
}

impl ScreenSize {
    /// Seconds: 960 images of each source (768 of one with four plates), of 64 pixels: two windows of a small network
    /// share most of what they show, or there is nothing that it could learn from both. Pixels are binned: a window of 48
    /// shows a dozen cells, where the paper's of 224 show sixty; with three, neither microscopes nor batches show as the gates
    /// want it.
    pub fn quick() -> Self {
        Self { compounds: 3, wells: 2, sites: 4, pixels: 64, binning: 2, plates: 5 }
    }
}

/// A simulated screen. Everything in it follows from the number of its world and from these parameters, which were frozen
/// when the gates ([`crate::gates`]) held, before any two systems were compared.
#[derive(Clone, Debug, PartialEq)]
pub struct Screen {
    /// The world, whose cells grow as those of the simulated CHAMMI of the same number.
    pub world: World,
    /// Which sample of it: other cells of the same compounds under the same microscopes.
    pub sample: u64,
    /// Where compounds are.
    pub layout: Layout,
    /// The cause removed from it, if any.
    pub control: Option<ScreenControl>,
    /// How large it is.
    pub size: ScreenSize,
    /// Shift of each of its factors by a mechanism, in standard deviations of a cell.
    pub mechanism: f64,
    /// SD of a compound's own shift of every factor.
    pub compound: f64,
    /// SD of the log of a channel's gain, of batch and plate.
    pub gain: [f64; 2],
    /// SD of the shift of each factor, of batch and plate.
    pub shift: [f64; 2],
    /// SD of a batch's focus, in micrometres.
    pub focus: f64,
    /// SD of the log of the density of cells, of batch and well.
    pub density: [f64; 2],
    /// What the edge of a plate does to density and factors.
    pub edge: f64,
}

impl Screen {
    /// The screen of the world called `seed`, with the frozen knobs.
    pub fn new(seed: u64) -> Self {
        Self {
            world: World::new(seed),
            sample: 0,
            layout: Layout::Fixed,
            control: None,
            size: ScreenSize::quick(),
            mechanism: 2.5,
            compound: 0.4,
            gain: [0.25, 0.12],
            shift: [0.3, 0.15],
            focus: 0.5,
            density: [0.3, 0.1],
            edge: 0.1,
        }
    }

    /// The same screen without a cause.
    #[must_use]
    pub fn under(self, control: ScreenControl) -> Self {
        let screen = Self { control: Some(control), ..self };
        match control {
            ScreenControl::SameMicroscope
            | ScreenControl::NuisanceWithinPlate
            | ScreenControl::PermutedTreatments => screen,
            ScreenControl::BatchSdZero => {
                let [_, gain] = screen.gain;
                let [_, shift] = screen.shift;
                let [_, well] = screen.density;
                Self { gain: [0.0, gain], shift: [0.0, shift], focus: 0.0, density: [0.0, well], ..screen }
            }
        }
    }

    /// `3`, `3 randomised batch-sd-0`: the world's name in `dataset.toml` and in every table.
    pub fn name(&self) -> String {
        let mut name = self.world.seed.to_string();
        if self.layout == Layout::Randomised {
            name += " randomised";
        }
        if self.size.sites != ScreenSize::quick().sites {
            name += &format!(" {} sites", self.size.sites);
        }
        if self.sample != 0 {
            name += &format!(" sample {}", self.sample);
        }
        if let Some(control) = self.control {
            name += &format!(" {}", control.name());
        }
        name
    }

    /// A random stream of the world: the same in every sample.
    pub(super) fn stream(&self, name: &str) -> Stream {
        self.world.stream(&format!("jump/{name}"))
    }

    /// The name of what differs between samples.
    pub(super) fn of_sample(&self, name: &str) -> String {
        match self.sample {
            0 => format!("jump/{name}"),
            sample => format!("jump/sample/{sample}/{name}"),
        }
    }
}

impl Default for Screen {
    /// That of world 1.
    fn default() -> Self {
        Self::new(World::default().seed)
    }
}
