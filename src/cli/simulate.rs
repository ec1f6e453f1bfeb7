//! `data simulate`: makes a simulated data set; and those that are made by themselves where there are no data.

use super::{
    failure::{Failure, Result},
    options::ThreadsOption,
    output,
    progress::Progress,
};
use crate::{
    data::{self, Contents, DataSet},
    event::Listen,
    simulate::{
        self, Control, Size, World,
        jump::{self, Layout, Screen, ScreenControl, ScreenSize},
    },
    spec,
};
use clap::{Args, ValueEnum};
use std::path::{Path, PathBuf};

/// A data set that is simulated once where no folder of it is known.
pub(super) struct Usual {
    /// Its name.
    pub(super) name: &'static str,
    /// What an announcement calls it.
    pub(super) title: &'static str,
    /// Its folder: `chammi-world-1-quick-r1`. Another revision of the simulator is another folder.
    pub(super) folder: fn() -> String,
    /// Makes it.
    pub(super) make: fn(&Path, &mut dyn Listen) -> std::result::Result<(), simulate::Error>,
}

/// All of them: world 1 of each, small.
pub(super) static USUAL: [Usual; 2] = [
    Usual {
        name: spec::chammi::NAME,
        title: "CHAMMI",
        folder: || format!("chammi-world-{}-quick-r{}", World::default().seed, simulate::REVISION),
        make: |root, listen| simulate::chammi(&World::default(), &Size::quick(), root, listen),
    },
    Usual {
        name: spec::jump::NAME,
        title: "JUMP TARGET2",
        folder: || format!("jump-world-{}-quick-r{}", World::default().seed, jump::REVISION),
        make: |root, listen| jump::jump(&Screen::default(), root, listen),
    },
];

#[derive(Clone, Copy, Debug, ValueEnum)]
enum What {
    /// CHAMMI's sets, splits, tasks and labels
    Chammi,
    /// JUMP TARGET2: six sources with their microscopes, plates, compounds and mechanisms of action
    Jump,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ControlWord {
    /// chammi: each set grows its cells with its own generators: joint training has nothing to share
    Unshared,
    /// chammi: cells, plates and batches are equally bright: nothing that could mislead self-supervision
    NoNuisance,
    /// chammi: labels are elongations only: what a warp changes
    Elongation,
    /// jump: all sources have one microscope: nothing for adaptation to repair
    SameMicroscope,
    /// jump: batches do not differ
    #[value(name = "batch-sd-0")]
    BatchSdZero,
    /// jump: what differs between batches and plates differs between wells instead
    NuisanceWithinPlate,
    /// jump: compounds are listed with other wells of their plate: pairs of images share no treatment
    PermutedTreatments,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum LayoutWord {
    /// Compounds have the same wells on every plate, as on TARGET2: the label is a position
    Fixed,
    /// Compounds have other wells on every plate
    Randomised,
}

#[derive(Args, Debug)]
pub(super) struct Simulate {
    /// Whose layout to simulate
    what: What,
    /// Which simulated world: a draw of the simulator's parameters
    #[arg(long, value_name = "N", default_value_t = World::default().seed)]
    world: u64,
    /// jump: which sample of the world: other cells of the same compounds under the same microscopes
    #[arg(long, value_name = "N", default_value_t = 0)]
    sample: u64,
    /// Remove a cause, for a negative control: the effect that it explains should disappear
    #[arg(long, value_enum)]
    control: Option<ControlWord>,
    /// jump: where compounds are on the plates [default: fixed]
    #[arg(long, value_enum)]
    layout: Option<LayoutWord>,
    /// jump: images of each well [default: 4; JUMP has 6 or 9]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=999))]
    sites: Option<u16>,
    /// CHAMMI's own image sizes and numbers of images: 100,145 images, takes hours
    #[arg(long)]
    native: bool,
    /// The folder to create
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    #[command(flatten)]
    threads: ThreadsOption,
}

impl Simulate {
    pub(super) fn run(&self, quiet: bool) -> Result {
        self.threads.prepare()?;
        let mut progress = Progress::new(quiet);
        let name = match self.what {
            What::Chammi => {
                let (world, size) = self.chammi()?;
                simulate::chammi(&world, &size, &self.out, &mut progress)?;
                spec::chammi::NAME
            }
            What::Jump => {
                jump::jump(&self.screen()?, &self.out, &mut progress)?;
                spec::jump::NAME
            }
        };
        let made = DataSet::open(name, &self.out, &Contents::of_user(), &mut progress)?;
        drop(progress);
        output::say(&data::info(&made).join("\n"))
    }

    fn chammi(&self) -> Result<(World, Size)> {
        if self.sample != 0 || self.layout.is_some() || self.sites.is_some() {
            let said = "`--sample`, `--layout` and `--sites` are for `jump`, found one with `chammi`";
            return Err(misplaced(said));
        }
        let world = World::new(self.world);
        let world = match self.control {
            None => world,
            Some(ControlWord::Unshared) => world.under(Control::Unshared),
            Some(ControlWord::NoNuisance) => world.under(Control::NoNuisance),
            Some(ControlWord::Elongation) => world.under(Control::Elongation),
            Some(
                ControlWord::SameMicroscope
                | ControlWord::BatchSdZero
                | ControlWord::NuisanceWithinPlate
                | ControlWord::PermutedTreatments,
            ) => {
                return Err(misplaced("expected a control of `chammi`, found one of `jump`"));
            }
        };
        Ok((world, if self.native { Size::native() } else { Size::quick() }))
    }

    fn screen(&self) -> Result<Screen> {
        if self.native {
            return Err(misplaced("`--native` is for `chammi`, found it with `jump`"));
        }
        let layout = match self.layout {
            None | Some(LayoutWord::Fixed) => Layout::Fixed,
            Some(LayoutWord::Randomised) => Layout::Randomised,
        };
        let usual = Screen::new(self.world);
        let size = self.sites.map_or(usual.size, |sites| ScreenSize { sites: sites.into(), ..usual.size });
        let screen = Screen { sample: self.sample, layout, size, ..usual };
        Ok(match self.control {
            None => screen,
            Some(ControlWord::SameMicroscope) => screen.under(ScreenControl::SameMicroscope),
            Some(ControlWord::BatchSdZero) => screen.under(ScreenControl::BatchSdZero),
            Some(ControlWord::NuisanceWithinPlate) => screen.under(ScreenControl::NuisanceWithinPlate),
            Some(ControlWord::PermutedTreatments) => screen.under(ScreenControl::PermutedTreatments),
            Some(ControlWord::Unshared | ControlWord::NoNuisance | ControlWord::Elongation) => {
                return Err(misplaced("expected a control of `jump`, found one of `chammi`"));
            }
        })
    }
}

fn misplaced(said: &str) -> Failure {
    Failure::new(said).hint("`dichroic data simulate --help` says which option is for which data set")
}
