//! A simulated JUMP TARGET2: sources ⊃ batches ⊃ plates ⊃ wells ⊃ sites ⊃ cells, in the form of the released table and tapes.

mod compounds;
mod nuisance;
mod scope;
mod screen;
mod site;
mod sources;

pub use screen::{Layout, Screen, ScreenControl, ScreenSize};

use crate::{
    Error, FACTORS,
    cell::Habit,
    chammi::{grown, put},
    write,
};
use compounds::{Compound, MECHANISMS, compounds};
use dichroic_ops::event::{Event, Listen};
use nuisance::Nuisance;
use rayon::prelude::*;
use scope::Scope;
use site::Site;
use sources::{Plate, SOURCES, Source};
use std::{fmt::Write as _, path::Path};

/// Raised when the images or tables of a screen change.
pub const REVISION: u32 = 2;

/// The table, as the released one is called.
pub(crate) const TABLE: &str = "metadata_Target_2_moa.csv";
/// The true states of all cells.
pub(crate) const TRUTH: &str = "simulated_truth.csv";

/// Images made between two calls of the listener.
const CHUNK: usize = 64;
/// Rows and columns of a plate.
const PLATE: [usize; 2] = [16, 24];

/// Simulates a screen into the new folder `root`. An interrupted simulation leaves nothing.
///
/// # Errors
/// [`Error::Exists`] if something exists at `root`, [`Error::Io`] and [`Error::Encode`] if a file cannot be written,
/// [`Error::Stopped`] if the listener asks to stop.
pub fn jump(screen: &Screen, root: &Path, listen: &mut dyn Listen) -> Result<(), Error> {
    grown(root, listen, |growing, listen| fill(screen, growing, listen))
}

/// One image to be made.
struct Job<'a> {
    source: &'a Source,
    plate: &'a Plate,
    scope: &'a Scope,
    compound: &'a Compound,
    /// The id of the compound that the table says it is.
    listed: &'a str,
    at: [usize; 2],
    site: usize,
}

fn fill(screen: &Screen, root: &Path, listen: &mut dyn Listen) -> Result<(), Error> {
    let (size, habit) = (screen.size, Habit::draw(&screen.world, "jump"));
    let compounds = compounds(screen);
    let scopes = SOURCES.map(|source| Scope::of(screen, &source));
    let plates = SOURCES.map(|source| source.plates(size.plates));
    let mut jobs = Vec::new();
    for ((source, scope), plates) in SOURCES.iter().zip(&scopes).zip(&plates) {
        for plate in plates {
            let wells = layout(screen, &compounds, &plate.name);
            for ((at, compound), listed) in wells.iter().zip(listed(screen, &wells, &plate.name)) {
                let of_site = |site| Job { source, plate, scope, compound, listed, at: *at, site };
                jobs.extend((1..=size.sites).map(of_site));
            }
        }
    }
    listen.receive(&Event::Began { what: "simulating", unit: "image", total: jobs.len() as u64 });
    let mut table =
        ",Metadata_moa,moa_id,Metadata_Plate,paths,split,JCP2022_id,Metadata_Source,Metadata_Batch,\
                     Metadata_Well,Metadata_Site\n"
            .to_owned();
    let mut truth = format!("image,x,y,penetrant,{},log_signal\n", FACTORS.join(","));
    let mut done = 0;
    for chunk in jobs.chunks(CHUNK) {
        let made: Result<Vec<[String; 2]>, Error> =
            chunk.par_iter().map(|job| job.make(screen, &habit, root)).collect();
        for [row, cells] in made? {
            let _ = write!(table, "{done}");
            table.push_str(&row);
            truth.push_str(&cells);
            done += 1;
        }
        listen.receive(&Event::Advanced { done, note: chunk[0].source.name });
        if listen.stop() {
            return Err(Error::Stopped);
        }
    }
    put(&root.join(TABLE), &table)?;
    put(&root.join(TRUTH), &truth)?;
    put(&root.join("dataset.toml"), &description(screen))
}

/// The compound of each well of a plate, in the order of the wells.
fn layout<'a>(screen: &Screen, compounds: &'a [Compound], plate: &str) -> Vec<([usize; 2], &'a Compound)> {
    let mut wells: Vec<[usize; 2]> =
        (0..PLATE[0]).flat_map(|row| (0..PLATE[1]).map(move |column| [row, column])).collect();
    let name = match screen.layout {
        Layout::Fixed => "layout".to_owned(),
        Layout::Randomised => format!("layout/{plate}"),
    };
    screen.stream(&name).shuffle(&mut wells);
    let copies = compounds.iter().flat_map(|compound| (0..screen.size.wells).map(move |_| compound));
    let mut dealt: Vec<([usize; 2], &Compound)> = wells.into_iter().zip(copies).collect();
    dealt.sort_unstable_by_key(|(at, _)| *at);
    dealt
}

/// The id of the compound that the table says of each well: the true one, or under the control that of another well.
fn listed<'a>(screen: &Screen, wells: &[([usize; 2], &'a Compound)], plate: &str) -> Vec<&'a str> {
    let mut ids: Vec<&str> = wells.iter().map(|(_, compound)| compound.id.as_str()).collect();
    if screen.control == Some(ScreenControl::PermutedTreatments) {
        screen.stream(&format!("treatments/{plate}")).shuffle(&mut ids);
    }
    ids
}

impl Job<'_> {
    /// Makes the image; its row behind the index, and the rows of its cells.
    fn make(&self, screen: &Screen, habit: &Habit, root: &Path) -> Result<[String; 2], Error> {
        let Self { source, plate, scope, compound, listed: id, at: [row, column], site } = self;
        let well = format!("{}{:02}", char::from(b'A' + *row as u8), column + 1);
        let nuisance = Nuisance::draw(screen, &plate.batch, &plate.name, self.at);
        let name = screen.of_sample(&format!("site/{}/{well}/{site}", plate.name));
        let of_site = Site { screen, habit, scope, nuisance: &nuisance, shift: &compound.shift, name };
        let (planes, cells) = of_site.picture();
        let file = format!("{well}_s{site}.png");
        let side = screen.size.pixels;
        let path = format!("{}/{file}", plate.name);
        write::image(&root.join(&path), &write::tape(&planes, side), side * planes.len())?;
        let moa = compound.moa;
        let listed = format!(
            ",{},{moa},{},{file},train,{id},{},{},{well},{site}\n",
            MECHANISMS[moa], plate.name, source.name, plate.batch
        );
        let mut truth = String::new();
        for cell in cells {
            let shown = if cell.state.penetrant { "True" } else { "False" };
            let _ = write!(truth, "{path},{:.1},{:.1},{shown}", cell.at[0], cell.at[1]);
            for value in cell.state.z.iter().chain([&cell.signal]) {
                let _ = write!(truth, ",{value:.4}");
            }
            truth.push('\n');
        }
        Ok([listed, truth])
    }
}

fn description(screen: &Screen) -> String {
    let Screen {
        world, sample, layout, size, mechanism, compound, gain, shift, focus, density, edge, ..
    } = screen;
    let control = screen.control.map_or("none", ScreenControl::name);
    format!(
        "# Made by `dichroic data simulate`. No pixel of it was seen by a microscope.\n\
         name = \"jump\"\nkind = \"simulated\"\nworld = \"{}\"\nform = \"jump\"\n\n\
         [simulator]\nrevision = {REVISION}\nsample = {sample}\nlayout = \"{}\"\ncontrol = \"{control}\"\n\
         compounds = {}\nwells = {}\nsites = {}\npixels = {}\nbinning = {}\nplates = {}\n\
         penetrance = {:?}\nmechanism = {mechanism:?}\ncompound = {compound:?}\nsignal_of_cell = {:?}\n\
         signal_of_channel = {:?}\ngain = {gain:?}\nshift = {shift:?}\nfocus_um = {focus:?}\ndensity = {density:?}\n\
         edge = {edge:?}\n",
        screen.name(),
        layout.name(),
        size.compounds,
        size.wells,
        size.sites,
        size.pixels,
        size.binning,
        size.plates,
        world.penetrance,
        world.signal_of_cell,
        world.signal_of_channel,
    )
}

#[cfg(test)]
mod tests;
