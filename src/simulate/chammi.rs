//! A simulated CHAMMI: folders, tables and images in the published layout.

use super::cell::{Habit, State};
use super::labels::{Effect, effects};
use super::optics::Microscope;
use super::plan::{CellPlan, SETS, SetPlan};
use super::render::{Picture, Shot, Stage};
use super::structures::Structure;
use super::world::{Control, Size, World};
use super::{Error, FACTORS, REVISION, write};
use dichroic_ops::event::{Event, Listen};
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// Cells drawn between two calls of the listener.
const CHUNK: usize = 64;

/// Simulates CHAMMI in `world` at `size` into the new folder `root`.
///
/// Everything is written into a sibling folder that is renamed to `root` at the very end, so that an
/// interrupted simulation leaves nothing incomplete.
///
/// # Errors
/// [`Error::Exists`] if something exists at `root`, [`Error::Io`] and [`Error::Encode`] if a file cannot be
/// written,
/// [`Error::Stopped`] if the listener asks to stop.
pub fn chammi(world: &World, size: &Size, root: &Path, listen: &mut dyn Listen) -> Result<(), Error> {
    grown(root, listen, |growing, listen| fill(world, size, growing, listen))
}

/// Fills a folder beside `root` that becomes `root` once it is complete.
pub(super) fn grown(
    root: &Path,
    listen: &mut dyn Listen,
    fill: impl FnOnce(&Path, &mut dyn Listen) -> Result<(), Error>,
) -> Result<(), Error> {
    if root.exists() {
        return Err(Error::Exists { path: root.to_owned() });
    }
    let io = |path: &Path| {
        let path = path.to_owned();
        move |source| Error::Io { path, source }
    };
    let name = root.file_name().map_or_else(|| "simulated".into(), |name| name.to_string_lossy());
    let growing = root.with_file_name(format!(".{name}.{}.part", std::process::id()));
    fs::create_dir_all(&growing).map_err(io(&growing))?;
    let made = fill(&growing, listen).and_then(|()| fs::rename(&growing, root).map_err(io(root)));
    if made.is_err() {
        // The first error is reported; a folder that cannot be removed now is hidden and harmless.
        let _ = fs::remove_dir_all(&growing);
    }
    listen.receive(&Event::Ended);
    made
}

fn fill(world: &World, size: &Size, root: &Path, listen: &mut dyn Listen) -> Result<(), Error> {
    let plans: Vec<Vec<CellPlan>> = SETS.iter().map(|set| set.cells(world, size)).collect();
    let total: usize = plans.iter().map(Vec::len).sum();
    listen.receive(&Event::Began { what: "simulating", unit: "image", total: total as u64 });
    let mut done = 0;
    for ((set, cells), pixels) in SETS.iter().zip(&plans).zip(size.pixels) {
        let studio = Studio::new(world, set, pixels);
        let (mut table, mut truth) = (header(set), truth_header());
        for chunk in cells.chunks(CHUNK) {
            let rows: Result<Vec<(String, String)>, Error> =
                chunk.par_iter().map(|cell| studio.make(cell, root)).collect();
            for (row, true_row) in rows? {
                table.push_str(&row);
                truth.push_str(&true_row);
            }
            done += chunk.len();
            listen.receive(&Event::Advanced { done: done as u64, note: set.name });
            if listen.stop() {
                return Err(Error::Stopped);
            }
        }
        put(&root.join(set.name).join("enriched_meta.csv"), &table)?;
        put(&root.join(set.name).join("simulated_truth.csv"), &truth)?;
    }
    put(&root.join("dataset.toml"), &description(world, size))
}

pub(super) fn put(path: &Path, text: &str) -> Result<(), Error> {
    fs::write(path, text).map_err(|source| Error::Io { path: path.to_owned(), source })
}

/// What all cells of one plate, cell line or structure share.
struct Group {
    gains: Vec<f64>,
    shift: [f64; 12],
    defocus: f64,
}

/// A set with everything that rendering needs.
pub(super) struct Studio<'a> {
    world: &'a World,
    set: &'a SetPlan,
    pixels: [usize; 2],
    habit: Habit,
    effects: BTreeMap<&'static str, Effect>,
    microscopes: BTreeMap<&'static str, Microscope>,
    groups: BTreeMap<&'static str, Group>,
}

impl<'a> Studio<'a> {
    pub(super) fn new(world: &'a World, set: &'a SetPlan, pixels: [usize; 2]) -> Self {
        let mut microscopes = BTreeMap::new();
        let mut groups = BTreeMap::new();
        for split in set.splits {
            microscopes.entry(split.source).or_insert_with(|| {
                let source = if split.source.is_empty() { set.name } else { split.source };
                Microscope::draw(world, source, set.channels.len(), set.bleed)
            });
            for &group in split.groups {
                let batch = if set.name == "CP" { split.groups[0] } else { group };
                groups.entry(group).or_insert_with(|| Group::draw(world, set, batch, group));
            }
        }
        let effects = effects(world, set.name).into_iter().collect();
        Self { world, set, pixels, habit: Habit::draw(world, set.name), effects, microscopes, groups }
    }

    /// Draws one cell's state and renders it.
    pub(super) fn shoot(&self, cell: &CellPlan) -> (State, Picture) {
        let name = format!("{}/cell/{}", self.set.name, cell.number);
        let mut stream = self.world.stream(&format!("{name}/state"));
        let group = &self.groups[cell.group];
        let mut state = State::draw(&mut stream);
        for (z, shift) in state.z.iter_mut().zip(group.shift) {
            *z += shift;
        }
        state.penetrant = stream.chance(self.world.penetrance);
        let shown = if state.penetrant {
            &self.effects[cell.label]
        } else if self.set.name == "HPA" && self.world.control != Some(Control::Elongation) {
            // A cell that does not show its own compartment shows another, known one.
            &Effect::Follow(stream.below(4))
        } else {
            &Effect::None
        };
        shown.apply(&mut state, &mut stream);
        let tagged = match cell.group {
            "endoplasmic reticulum" => Structure::Er,
            "microtubules" | "actin bundles" => Structure::Microtubules,
            "mitochondria" => Structure::Mito,
            "nuclear envelope" | "tight junctions" => Structure::Membrane,
            "nucleoli" => Structure::Rna,
            _ => Structure::Golgi,
        };
        let microscope = &self.microscopes[cell.source];
        let shot = Shot {
            name,
            state: state.clone(),
            tagged,
            microscope,
            gains: &group.gains,
            defocus: group.defocus,
        };
        let stage = Stage {
            world: self.world,
            habit: &self.habit,
            kind: self.set.kind,
            channels: self.set.channels,
            pixels: self.pixels,
        };
        (state, stage.picture(&shot))
    }

    /// Makes one image and its rows in the two tables.
    fn make(&self, cell: &CellPlan, root: &Path) -> Result<(String, String), Error> {
        let (state, picture) = self.shoot(cell);
        let width = self.pixels[1];
        let (path, mut row) = self.row(cell);
        let tape = write::tape(&picture.planes, width);
        write::image(&root.join(&path), &tape, width * picture.planes.len())?;
        for task in self.set.splits.iter().skip(1) {
            row.push_str(if task.name == cell.split { ",True" } else { ",False" });
        }
        row.push('\n');
        Ok((row, truth_row(&path, &state, &picture)))
    }

    /// Path of the image and its row up to the task columns.
    fn row(&self, cell: &CellPlan) -> (String, String) {
        let CellPlan { number, label, split, group, source } = cell;
        let width = self.pixels[1];
        let mut stream = self.world.stream(&format!("{}/place/{number}", self.set.name));
        let well = format!("{}{:02}", char::from(b'A' + stream.below(16) as u8), stream.below(24) + 1);
        let site = stream.below(9) + 1;
        match self.set.name {
            "Allen" => {
                let (id, field) = (200_000 + number, 100_000 + stream.below(2_000));
                let path = format!("Allen/crops/{id}.ome.tiff");
                let row = format!("{id},{path},{width},{label},{split},{group},{field}");
                (path, row)
            }
            "HPA" => {
                let plate = stream.below(30) + 1;
                let field = format!("{}_{plate}_{well}_{site}", 3_000 + stream.below(9_000));
                let path = format!("HPA/crops/{field}_{number}.png");
                let row = format!(
                    "{field}_{number},{path},{width},{label},{split},{group},{plate},{plate}_{well},{field}"
                );
                (path, row)
            }
            _ => {
                let (x, y) = (stream.below(100_000) as f64 / 100.0, stream.below(100_000) as f64 / 100.0);
                let path = format!("CP/crops/{source}/{group}/{well}/{site}/{number}@{x}x{y}.png");
                let control = if *label == "DMSO" { "True" } else { "False" };
                let batch = self.batch(split);
                let row = format!(
                    "{number},{path},{width},{label},{split},{label},{control},{source},{batch},{group},\
                     {group}_{well},{group}_{well}_{site}"
                );
                (path, row)
            }
        }
    }

    fn batch(&self, split: &str) -> String {
        let first = |s: &&super::plan::SplitPlan| s.name == split;
        self.set
            .splits
            .iter()
            .find(first)
            .map_or_else(String::new, |s| format!("{}_{}", s.source, s.groups[0]))
    }
}

impl Group {
    fn draw(world: &World, set: &SetPlan, batch: &str, group: &str) -> Self {
        let mut of_batch = world.stream(&format!("batch/{}/{batch}", set.name));
        let mut of_plate = world.stream(&format!("plate/{}/{group}", set.name));
        // A tagged structure of Allen's is not a batch: all were imaged in the same way.
        let scale = if set.name == "Allen" { 0.0 } else { 1.0 };
        let shift = std::array::from_fn(|_| {
            let (batch, plate) = (of_batch.normal(), of_plate.normal());
            scale * (world.shift_of_batch * batch + world.shift_of_plate * plate)
        });
        let defocus = scale * (0.25 * of_batch.normal()).abs();
        let gain = scale * world.gain_of_plate;
        let gains = set.channels.iter().map(|_| libm::exp(gain * of_plate.normal())).collect();
        Self { gains, shift, defocus }
    }
}

fn header(set: &SetPlan) -> String {
    let mut line = match set.name {
        "Allen" => "CellId,file_path,channel_width,Label,train_test_split,Structure,FOVId",
        "HPA" => "ID,file_path,channel_width,Label,train_test_split,cell_type,plate,well,field_of_view",
        _ => "Key,file_path,channel_width,Label,train_test_split,Treatment,is_control,source,batch,Plate,Well,Site",
    }
    .to_owned();
    for task in set.splits.iter().skip(1) {
        line.push(',');
        line.push_str(task.name);
    }
    line.push('\n');
    line
}

fn truth_header() -> String {
    let factors = FACTORS.join(",");
    format!("file_path,penetrant,{factors},along_microtubules,along_er,along_nucleus,log_signal,neighbours\n")
}

/// The true state. A direction alone is uninformative; its cosine with another structure's is not.
fn truth_row(path: &str, state: &State, picture: &Picture) -> String {
    let mut row = format!("{path},{}", if state.penetrant { "True" } else { "False" });
    let along = [0, 1, 2].map(|leader| libm::cos(state.leaning[3] - state.leaning[leader]));
    for value in state.z.iter().chain(&along).chain([&picture.signal]) {
        let _ = write!(row, ",{value:.5}");
    }
    let _ = writeln!(row, ",{}", picture.neighbours);
    row
}

fn description(world: &World, size: &Size) -> String {
    let list = |names: &[String]| names.join(", ");
    let mut text = format!(
        "# Made by `dichroic data simulate`. No pixel of it was seen by a microscope.\n\
         name = \"chammi\"\nkind = \"simulated\"\nworld = \"{}\"\n",
        world.name()
    );
    for set in &SETS {
        let channels: Vec<String> = set.channels.iter().map(|c| format!("\"{}\"", c.name())).collect();
        let _ = write!(text, "\n[sets.{}]\nchannels = [{}]\n", set.name, list(&channels));
        if let Some((task, column)) = set.leave_out {
            let _ = writeln!(text, "leave_group_out = {{ {task} = \"{column}\" }}");
        }
        if !set.roles.is_empty() {
            let roles: Vec<String> =
                set.roles.iter().map(|(role, column)| format!("{role} = \"{column}\"")).collect();
            let _ = writeln!(text, "roles = {{ {} }}", list(&roles));
        }
    }
    let _ = write!(
        text,
        "\n[simulator]\nrevision = {REVISION}\nimages = {:?}\nfloors = [{}, {}]\n\
         penetrance = {:?}\nunary = {:?}\ndistributed = {:?}\nsignal_of_cell = {:?}\nsignal_of_channel = {:?}\n\
         gain_of_plate = {:?}\nshift_of_batch = {:?}\nshift_of_plate = {:?}\nneighbours = {:?}\n\
         shared_generators = {}\n",
        size.images,
        size.floor_train,
        size.floor_test,
        world.penetrance,
        world.unary,
        world.distributed,
        world.signal_of_cell,
        world.signal_of_channel,
        world.gain_of_plate,
        world.shift_of_batch,
        world.shift_of_plate,
        world.neighbours,
        world.shared_generators,
    );
    text
}
