//! The paper's Figure 4: what adapting to parts of a target is worth. A model for each plate or batch is asked about its own images
//! ("all"), or about the whole target ("single").

use super::{
    inspected::{in_a_hole, set_of},
    place::{NOTHING, Place, colour, drawn_with, once, places, recipes, title},
};
use crate::{
    papers::{
        ACCURACY, MACRO_F1, Measure,
        coda::{PAPER, PROTOCOL, System, is_of_figure_4},
    },
    report::{
        Error, Table,
        bars::Axis,
        drawing::{Drawing, Rgb},
        levels::{self, Band, Level, Panel, Point, draw},
        measured::{Measured, Source, floor_words, floors_note},
        papers::{Declaration, Shown, declared::command},
        table::{Cell, Column, DIGITS, Kind, Row, heads},
    },
    spec::{ADAPTED_TO, Features, Role, Spec},
};
use std::collections::BTreeMap;

/// What models are trained on, and what they are asked about.
const SOURCES: [&str; 3] = ["S3", "S5", "S8"];
const TARGET: &str = "S11";
const TASK: &str = "source_11/MoA";

/// The colour of the level of a constant guess.
const FLOOR: Rgb = Rgb(205, 205, 205);

/// A method, and for how much of the target a model of it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Case {
    method: &'static str,
    /// Each value of this role has a model; none: one model.
    per: Option<Role>,
    /// Whether each model is asked about the whole target.
    single: bool,
}

const fn oda(per: Option<Role>, single: bool) -> Case {
    Case { method: "ODA", per, single }
}

const fn level(method: &'static str) -> Case {
    Case { method, per: None, single: false }
}

/// Methods that no adaptation changes.
const LEVELS: [Case; 3] = [level("Supervised"), level("Dual-model-DINO"), level("Dual-model-CB")];
/// The places of the figure from left to right, with the names of [`PLACES`].
const POINTS: [Case; 5] = [
    oda(None, false),
    oda(Some(Role::Batch), false),
    oda(Some(Role::Batch), true),
    oda(Some(Role::Plate), false),
    oda(Some(Role::Plate), true),
];
const PLACES: [levels::Place; 5] = [
    levels::Place { name: "source", of: "" },
    levels::Place { name: "all", of: "batch" },
    levels::Place { name: "single", of: "batch" },
    levels::Place { name: "all", of: "plate" },
    levels::Place { name: "single", of: "plate" },
];

impl Case {
    /// Whether a spec is it, trained on this source.
    fn fits(self, spec: &Spec, source: &'static str, scale: &str) -> bool {
        let target = spec.adapt.as_ref().is_none_or(|adapt| {
            adapt.on_one == self.single && adapt.data.sets.iter().map(String::as_str).eq([set_of(TARGET)])
        });
        // At full scale the tables' adaptations are others, whose small versions are the same.
        let batches = spec.adapt.is_none() || scale != "paper" || is_of_figure_4(spec);
        let system = System { method: self.method, source };
        target && batches && System::of_part(spec) == Some((system, self.per))
    }

    /// In the columns of a table: what one model is adapted to, and what it is asked about.
    fn words(self) -> [String; 2] {
        let per = self.per.map_or("source".into(), Role::words);
        let asked = match (self.per, self.single) {
            (_, true) => "the whole target",
            (Some(_), false) => "its own part",
            (None, false) => "all",
        };
        [if self.method == "ODA" { format!("a {per}") } else { "as it is".into() }, asked.into()]
    }
}

/// The runs of a place that follow a recipe.
struct Runs<'m> {
    place: &'m Place,
    recipe: String,
    runs: Vec<&'m Measured>,
}

impl Runs<'_> {
    fn of(&self, case: Case, source: &'static str) -> impl Iterator<Item = &Measured> {
        let scale = self.place.scale.as_str();
        let fits = move |one: &&&Measured| one.resolved().is_some_and(|spec| case.fits(spec, source, scale));
        self.runs.iter().filter(fits).copied()
    }

    /// The score of a case: mean over seeds; of single parts, mean over parts.
    fn cell(&self, case: Case, source: &'static str, metric: Measure) -> (Cell, Vec<f64>) {
        let mut parts: BTreeMap<&str, Vec<(i64, f64)>> = BTreeMap::new();
        for one in self.of(case, source) {
            let part = one.world.part.as_str();
            let asked = if case.single { part.starts_with(ADAPTED_TO) } else { part.is_empty() };
            if let (true, Some(value)) = (asked, one.scores.value(metric, TASK)) {
                parts.entry(part).or_default().push((one.seed, value));
            }
        }
        let values = |part: Vec<(i64, f64)>| once(part.into_iter()).into_iter().map(|(_, value)| value);
        if !case.single {
            let all = parts.into_values().flat_map(values).collect::<Vec<_>>();
            return (Cell::of(&all), vec![]);
        }
        let mean = |part| Cell::of(&values(part).collect::<Vec<_>>()).value;
        let dots: Vec<f64> = parts.into_values().filter_map(mean).collect();
        (Cell::of(&dots), dots)
    }
}

/// Builds it from the store.
pub(super) fn report(store: &Source<'_>, declared: &[Declaration]) -> Result<Shown, Error> {
    let measured = store.on_all_parts(PAPER.data)?;
    let places = places(&measured);
    let mut all: Vec<Runs<'_>> = Vec::new();
    for (place, runs) in &places {
        let plain = |one: &&&Measured| one.world.protocol == PROTOCOL.name();
        let runs: Vec<&Measured> = runs.iter().filter(plain).copied().collect();
        let of = |cases: &[Case]| -> Vec<&str> {
            let is = |one: &&&Measured| {
                let fits = |case: &Case, source| {
                    one.resolved().is_some_and(|spec| case.fits(spec, source, &place.scale))
                        && one.scores.value(ACCURACY, TASK).is_some()
                };
                cases.iter().any(|case| SOURCES.iter().any(|source| fits(case, source)))
            };
            runs.iter().filter(is).map(|one| one.recipes()).collect()
        };
        // Without a model of a part there is nothing to compare.
        let drawn = recipes(of(&POINTS[1..]).into_iter());
        for recipe in &drawn {
            let with = |one: &&Measured| drawn_with(one.recipes(), recipe, &drawn);
            let runs = runs.iter().copied().filter(with).collect();
            all.push(Runs { place, recipe: (*recipe).to_owned(), runs });
        }
    }
    let mut tables: Vec<Table> = all.iter().map(|runs| table(Some(runs), declared)).collect();
    if tables.is_empty() {
        tables.push(table(None, declared));
    }
    let shown: Vec<&Place> = all.iter().map(|runs| runs.place).collect();
    Ok(Shown {
        title: title("CODA, Figure 4: adapting to a source, its batches, its plates", &shown),
        tables,
        caption: format!(
            "Accuracy on {TARGET}. Lines: models that are not adapted. Points: ODA with one model for the source, or one for each \
             batch or plate. \"All\": each is asked about its own images, all answers together, ± SD over seeds. \"Single\": each is \
             asked about all of {TARGET}; mean ± SD over the parts, which are the small dots"
        ),
        figure: (!all.is_empty()).then(|| figure(&all, declared)),
        points: None,
    })
}

fn figure(all: &[Runs<'_>], declared: &[Declaration]) -> Result<Drawing, String> {
    let mut highest: f64 = 0.0;
    let mut seen = |cell: &Cell, dots: &[f64]| {
        let ends = dots.iter().copied().chain(cell.value.map(|value| value + cell.std.unwrap_or(0.0)));
        highest = ends.fold(highest, f64::max);
    };
    let mut drawn: Vec<&str> = Vec::new();
    let mut bands = Vec::new();
    for runs in all {
        let mut panels = Vec::new();
        for source in SOURCES {
            let mut levels = Vec::new();
            for case in LEVELS {
                let (cell, _) = runs.cell(case, source, ACCURACY);
                seen(&cell, &[]);
                let colour = colour(case.method);
                levels.extend(cell.value.map(|value| Level { colour, value, std: cell.std }));
                drawn.extend(cell.value.map(|_| case.method));
            }
            let floor = floor_words(Features::Constant);
            if let Some(value) = floor_of(runs, Features::Constant, source, ACCURACY).value {
                levels.push(Level { colour: FLOOR, value, std: None });
                drawn.push(floor);
            }
            let empty = in_a_hole(&missing(POINTS[1], source, Some(runs), declared));
            let points = POINTS.map(|case| {
                let (cell, dots) = runs.cell(case, source, ACCURACY);
                seen(&cell, &dots);
                Some(Point { colour: colour(case.method), value: cell.value?, std: cell.std, dots })
            });
            panels.push(Panel {
                heading: format!("{source} → {TARGET}"),
                levels,
                points: points.into(),
                empty,
            });
        }
        bands.push(Band { heading: runs.place.above(&runs.recipe), panels });
    }
    let methods = LEVELS.iter().map(|case| case.method).filter(|method| drawn.contains(method));
    let series = methods.chain(["ODA"]).map(|method| (method.to_owned(), colour(method)));
    let floor = floor_words(Features::Constant);
    let series: Vec<_> = series.chain(drawn.contains(&floor).then(|| (floor.to_owned(), FLOOR))).collect();
    draw(&bands, &PLACES, &series, Axis::for_values("accuracy", [highest].into_iter()))
}

fn table(runs: Option<&Runs<'_>>, declared: &[Declaration]) -> Table {
    let place = runs.map(|runs| runs.place);
    let metrics = [ACCURACY, MACRO_F1];
    let columns = metrics.iter().flat_map(|metric| {
        SOURCES.map(|source| Column {
            line: format!("{} {source}", metric.words),
            group: metric.words.into(),
            head: source.into(),
            name: format!("{}/{source}", metric.name),
            digits: DIGITS,
        })
    });
    let row = |case: &Case| {
        let cell =
            |metric, source| runs.map_or_else(Cell::default, |runs| runs.cell(*case, source, metric).0);
        let cells: Vec<Cell> =
            metrics.iter().flat_map(|metric| SOURCES.map(|source| cell(*metric, source))).collect();
        let hole = SOURCES.iter().zip(&cells).find(|(_, cell)| cell.value.is_none());
        let note = hole.map_or(String::new(), |(source, _)| missing(*case, source, runs, declared));
        let [adapted, asked] = case.words();
        Row { stub: vec![case.method.into(), adapted, asked], kind: Kind::Measured, cells, note }
    };
    let mut rows: Vec<Row> = LEVELS.iter().chain(&POINTS).map(row).collect();
    rows.extend(runs.into_iter().flat_map(|runs| floors(runs, &metrics)));
    let mut notes = vec![
        format!(
            "Accuracy and macro-F1 on {TARGET} by source. Of parts that are asked about their own images: all answers together, mean \
             ± SD over seeds. Of single parts: mean ± SD over the parts, each a mean over seeds. {}",
            floors_note(&rows)
        ),
        "The paper takes the same number of steps whatever the part, and does not say how many; here an epoch is a pass over the \
         images that are adapted to, so that a plate has fewer steps than the source. The paper draws this figure and gives no \
         numbers; it says that batches are at least as good as plates and about as good as the source, and that single parts are \
         slightly worse and far above Supervised."
            .into(),
    ];
    if runs.is_none() {
        notes.insert(0, "Nothing is measured yet: `dichroic exp coda_fig4 coda_fig4_single`.".into());
    }
    Table {
        title: runs.map_or(NOTHING.into(), |runs| runs.place.with(&runs.recipe)),
        facts: Place::facts(place),
        stub: heads(&["method", "adapted to", "asked about"]),
        columns: columns.collect(),
        rows,
        notes,
    }
}

/// The command that computes a case.
fn missing(case: Case, source: &'static str, runs: Option<&Runs<'_>>, declared: &[Declaration]) -> String {
    let world = runs.and_then(|runs| runs.runs.first()).map(|one| &one.world);
    let asked = |spec: &Spec| spec.evaluate.iter().any(|evaluate| evaluate.data.reads(set_of(TARGET)));
    command(&PAPER, declared, world, |spec| asked(spec) && case.fits(spec, source, "paper"))
}

/// What a trivial predictor reaches that learns from a source.
fn floor_of(runs: &Runs<'_>, floor: Features, source: &'static str, metric: Measure) -> Cell {
    let asked = LEVELS.iter().chain(&POINTS).flat_map(|case| runs.of(*case, source));
    let asked = asked.filter(|one| one.world.part.is_empty());
    let scores = asked.filter_map(|one| one.floors.get(floor.name())?.value(metric, TASK));
    let mut values: Vec<f64> = scores.collect();
    values.sort_by(f64::total_cmp);
    values.dedup();
    Cell::of(&values)
}

/// The floors by source.
fn floors(runs: &Runs<'_>, metrics: &[Measure]) -> Vec<Row> {
    let row = |floor: Features| Row {
        stub: vec![floor_words(floor).into(), String::new(), String::new()],
        kind: Kind::Floor,
        cells: metrics
            .iter()
            .flat_map(|metric| SOURCES.map(|source| floor_of(runs, floor, source, *metric)))
            .collect(),
        note: String::new(),
    };
    let measured = |row: &Row| row.cells.iter().any(|cell| cell.value.is_some());
    Features::FLOORS.into_iter().map(row).filter(measured).collect()
}
