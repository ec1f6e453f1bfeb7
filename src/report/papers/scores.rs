//! Any paper's table of scores, row by row next to the published values: averages and tasks in the table's
//! metric.

use super::{
    super::{
        Error,
        heatmap::{self, Panel},
        marks,
        measured::{self, Below, Measured, Source, World, rows_with},
        table::{Cell, Column, Kind, Row, Table, heads},
    },
    Declaration, PaperRow, Shown,
    declared::command,
    title,
};
use crate::report::drawing::Drawing;
use crate::{
    evaluate::bootstrap::Average,
    papers::{MACRO_F1, Paper, Published},
    spec::{Features, Spec},
};
use std::collections::{BTreeMap, BTreeSet};

/// Published rows, with their numbers under the store's names.
pub(super) type Printed = Vec<(PaperRow, BTreeMap<String, f64>)>;

/// The table for every world in the store, and its figure.
pub(super) fn report(
    paper: &'static Paper,
    table: &'static Published,
    store: &Source<'_>,
    declared: &[Declaration],
) -> Result<Shown, Error> {
    let printed = printed(paper, table, store)?;
    let measured = store.on(paper.data)?;
    let columns = columns(paper, &printed);
    let asked = Asked { paper, table, printed: &printed, declared, columns, store };
    let worlds = measured::by_world(&measured);
    let classes = classes(paper, &measured);
    let figure = asked.figure(&worlds, &classes);
    Ok(Shown {
        title: title(table.title, &worlds),
        tables: asked.tables(&worlds)?,
        caption: CAPTION.into(),
        figure,
        points: None,
    })
}

/// The caption of a heatmap.
pub(super) const CAPTION: &str = "F1 of every class";

/// Heads and names of a table's columns: averages, then the tasks that it reports.
fn columns(paper: &Paper, printed: &Printed) -> Vec<Column> {
    let published = |name: &str| printed.iter().any(|(_, numbers)| numbers.contains_key(name));
    let averages = paper.averages.iter().map(|average| (average.short, average.name));
    let all = averages.chain(paper.tasks.iter().map(|task| (task.short, task.name)));
    all.filter(|(_, name)| published(name)).map(|(short, name)| Column::of_score(short, name)).collect()
}

/// Task and class of every stored score per class, in the paper's order.
pub(super) fn classes(paper: &Paper, measured: &[Measured]) -> Vec<(String, String)> {
    let with_classes = measured.iter().flat_map(|one| one.scores.per_class.keys().cloned());
    let seen: BTreeSet<(String, String)> = with_classes.collect();
    let of_task = |name: &str| seen.iter().filter(|(task, _)| task == name).cloned().collect::<Vec<_>>();
    paper.tasks.iter().flat_map(|task| of_task(task.name)).collect()
}

/// The heatmap of F1 per class as SVG; `None` while nothing is measured.
fn heatmap(paper: &Paper, panels: &[Panel], classes: &[(String, String)]) -> Option<Result<Drawing, String>> {
    let short = |name: &str| paper.task(name).map_or(name, |task| task.short).to_string();
    let column =
        |(task, class): &(String, String)| heatmap::Column { group: short(task), name: class.clone() };
    let columns: Vec<heatmap::Column> = classes.iter().map(column).collect();
    let drawn = !columns.is_empty() && panels.iter().any(|panel| panel.rows.iter().any(|row| !row.floor));
    drawn.then(|| heatmap::draw(panels, &columns, "F1 score"))
}

/// What a table needs for each world.
pub(super) struct Asked<'a> {
    pub(super) paper: &'static Paper,
    pub(super) table: &'static Published,
    /// The published rows that are shown.
    pub(super) printed: &'a Printed,
    pub(super) declared: &'a [Declaration],
    /// The columns of numbers, with the names that [`measured::Scores::value`] accepts.
    pub(super) columns: Vec<Column>,
    pub(super) store: &'a Source<'a>,
}

/// The published rows of a table.
pub(super) fn printed(paper: &Paper, table: &Published, store: &Source<'_>) -> Result<Printed, Error> {
    let mut printed: Printed = Vec::new();
    for number in store.published(paper.name, table.table)? {
        let print = PaperRow { model: number.model, condition: number.condition };
        if printed.last().is_none_or(|(last, _)| *last != print) {
            printed.push((print, BTreeMap::new()));
        }
        if let (Some((_, numbers)), Some(value)) = (printed.last_mut(), number.value) {
            numbers.insert(number.task, value);
        }
    }
    // Averages that the paper does not report follow from the tasks that it reports.
    for (_, numbers) in &mut printed {
        for average in paper.averages {
            let reckoned = average.of(|task| numbers.get(task).copied());
            if let (Some(value), false) = (reckoned, numbers.contains_key(average.name)) {
                numbers.insert(average.name.into(), value);
            }
        }
    }
    Ok(printed)
}

impl Asked<'_> {
    /// A table for each world, or one of holes; then the published numbers.
    pub(super) fn tables(&self, worlds: &BTreeMap<&World, Vec<&Measured>>) -> Result<Vec<Table>, Error> {
        let mut tables: Vec<Table> =
            worlds.iter().map(|(world, runs)| self.of_world(Some(world), runs)).collect::<Result<_, _>>()?;
        if tables.is_empty() {
            tables.push(self.of_world(None, &[])?);
        }
        let compared = tables.iter().flat_map(|table| &table.rows).flat_map(|row| &row.cells);
        let compared = compared.filter(|cell| cell.paper.is_some()).count() > 0;
        tables.push(self.print_alone(compared));
        Ok(tables)
    }

    /// The heatmap of all worlds.
    pub(super) fn figure(
        &self,
        worlds: &BTreeMap<&World, Vec<&Measured>>,
        classes: &[(String, String)],
    ) -> Option<Result<Drawing, String>> {
        let panels: Vec<Panel> =
            worlds.iter().map(|(world, runs)| self.panel(world, runs, classes)).collect();
        heatmap(self.paper, &panels, classes)
    }

    /// The runs of each spec that reproduces a published row, by recipe and spec.
    pub(super) fn systems<'m>(
        &self,
        runs: &[&'m Measured],
        row: &PaperRow,
    ) -> BTreeMap<(String, &'m str), Vec<&'m Measured>> {
        let mut systems: BTreeMap<(String, &str), Vec<&Measured>> = BTreeMap::new();
        for one in runs.iter().filter(|one| one.in_row(self.paper, self.table, row).is_some()) {
            systems.entry((one.recipes().into(), &one.spec)).or_default().push(one);
        }
        systems
    }

    /// Why the published numbers of a row cannot have come from one of its systems, if they cannot.
    pub(super) fn against(&self, system: &[&Measured], row: &PaperRow) -> Option<String> {
        system.first()?.in_row(self.paper, self.table, row)?.against
    }

    /// Why no number of this world may be compared with the table, if none may.
    pub(super) fn apart(&self, world: &World) -> Option<String> {
        world.reason_against(&self.table.protocol)
    }

    /// A score in the table's metric.
    fn score(&self, scores: &measured::Scores, name: &str) -> Option<f64> {
        scores.value(self.table.metric, name)
    }

    pub(super) fn of_world(&self, world: Option<&World>, runs: &[&Measured]) -> Result<Table, Error> {
        let columns = self.columns.clone();
        let mut rows = Vec::new();
        // Row number, and the runs behind the row.
        let mut behind: Vec<(usize, Vec<&Measured>)> = Vec::new();
        let apart = world.and_then(|world| self.apart(world));
        let mut placed = 0;
        for (print, numbers) in self.printed {
            let name = |rest: [String; 4]| {
                [vec![print.model.clone(), print.words(self.paper)], rest.to_vec()].concat()
            };
            let systems = self.systems(runs, print);
            if systems.is_empty() {
                let cells = vec![Cell::default(); columns.len()];
                rows.push(Row {
                    stub: name(Default::default()),
                    kind: Kind::Measured,
                    cells,
                    note: self.fill(print, world),
                });
            }
            for ((recipes, spec), seeds) in systems {
                placed += seeds.len();
                let recipe = self.against(&seeds, print).filter(|_| apart.is_none());
                let comparable = apart.is_none() && recipe.is_none();
                let cell = |column: &Column| {
                    let values: Vec<f64> =
                        seeds.iter().filter_map(|one| self.score(&one.scores, &column.name)).collect();
                    let paper = numbers.get(&column.name).copied().filter(|_| comparable);
                    Cell { paper, ..Cell::of(&values) }
                };
                let stub = name([recipes, seeds[0].experiment.clone(), spec.into(), seeds.len().to_string()]);
                let note = recipe.map_or(String::new(), |reason| format!("not comparable: {reason}"));
                rows.push(Row {
                    stub,
                    kind: Kind::Measured,
                    cells: columns.iter().map(cell).collect(),
                    note,
                });
                behind.push((rows.len() - 1, seeds));
            }
        }
        rows.extend(floors(runs, self.paper.model).into_iter().map(|(floor, below)| Row {
            stub: [vec![floor], vec![String::new(); 5]].concat(),
            kind: Kind::Floor,
            cells:
                columns.iter().map(|column| below.cell(|scores| self.score(scores, &column.name))).collect(),
            note: String::new(),
        }));
        let mut notes = vec![format!(
            "{}, mean ± sample standard deviation over seeds. {}",
            self.table.metric.capitalised(),
            measured::floors_note(&rows)
        )];
        notes.extend(self.price(&rows, runs)?);
        notes
            .extend(apart.map(|reason| {
                format!("Published values are in a separate table, not comparable: {reason}.")
            }));
        if runs.len() > placed {
            notes.push(format!(
                "{} more runs have scores on these data but reproduce no row of this table.",
                runs.len() - placed
            ));
        }
        let facts = match world {
            Some(world) => {
                [&world.kind, &world.world, &world.scale, &world.protocol, &world.reads].map(String::clone)
            }
            None => Default::default(),
        };
        let names = ["kind", "world", "scale", "protocol", "data"];
        let mut table = Table {
            title: world.map_or("Nothing measured yet".into(), World::words),
            facts: names.into_iter().zip(facts).collect(),
            stub: heads(&["model", "condition", "recipe", "experiment", "spec", "seeds"]),
            columns,
            rows,
            notes,
        };
        table.mark_best(0);
        // Intervals are computed for macro-F1.
        if self.table.metric == MACRO_F1 {
            marks::level(self.store, &mut table, &behind, |name| self.average(name))?;
        }
        table.mark_second();
        Ok(table)
    }

    /// What filling a hole costs, estimated from the runs of this world.
    fn price(&self, rows: &[Row], runs: &[&Measured]) -> Result<Option<String>, Error> {
        let hole = |row: &Row| row.kind == Kind::Measured && row.note.starts_with('`');
        if !rows.iter().any(hole) {
            return Ok(None);
        }
        let mut note =
            "`dichroic exp NAME --dry` estimates the time, memory and disk that a hole needs".to_owned();
        let (mut seconds, mut bytes) = (0.0, 0.0);
        for one in runs {
            let sql = "SELECT (SELECT coalesce(max(secs), 0) FROM v_runs WHERE uid = ?1) AS seconds,
                (SELECT coalesce(sum(f.bytes), 0) FROM run r JOIN run_work w ON w.run_id = r.id
                 JOIN artifact f ON f.work_id = w.work_id WHERE r.uid = ?1) AS bytes";
            for row in rows_with(self.store, sql, &[&one.run])?.iter() {
                (seconds, bytes) =
                    (seconds + row.real("seconds").unwrap_or(0.0), bytes + row.real("bytes").unwrap_or(0.0));
            }
        }
        if seconds > 0.0 {
            let n = runs.len() as f64;
            note += &format!(
                "; on average a run of this world took {:.0} s and {:.0} MB of disk",
                seconds / n,
                bytes / n / 1e6
            );
        }
        Ok(Some(note + "."))
    }

    /// What would fill a hole of this world.
    fn fill(&self, print: &PaperRow, world: Option<&World>) -> String {
        if let Some(reason) = self.table.unfillable(&print.model, &print.condition) {
            return reason.into();
        }
        let fits = |spec: &Spec| {
            (self.paper.rows)(spec).iter().any(|placed| placed.table == self.table.table && print.has(placed))
        };
        command(self.paper, self.declared, world, fits)
    }

    fn print_alone(&self, compared: bool) -> Table {
        let columns = self.columns.clone();
        let rows = self.printed.iter().map(|(print, numbers)| Row {
            stub: vec![print.model.clone(), print.words(self.paper)],
            kind: Kind::Print,
            cells: columns.iter().map(|column| Cell::print(numbers.get(&column.name).copied())).collect(),
            note: String::new(),
        });
        let apart = if compared { "comparable only where a difference is shown" } else { "not comparable" };
        Table {
            title: format!("Published ({apart})"),
            facts: Vec::new(),
            stub: heads(&["model", "condition"]),
            rows: rows.collect(),
            columns,
            notes: vec![format!("Source: {}.", self.table.source)],
        }
    }

    fn panel(&self, world: &World, runs: &[&Measured], classes: &[(String, String)]) -> Panel {
        let mut rows = Vec::new();
        let mut overall: Vec<f64> = Vec::new();
        for (print, _) in self.printed {
            let systems = self.systems(runs, print);
            let of_recipe = |recipe: &String| systems.keys().filter(|(known, _)| known == recipe).count();
            let several: Vec<bool> = systems.keys().map(|(recipe, _)| of_recipe(recipe) > 1).collect();
            for (((recipes, spec), seeds), several) in systems.into_iter().zip(several) {
                let scores = Below(seeds.iter().map(|one| &one.scores).collect());
                overall.push(scores.cell(|scores| self.overall(scores)).value.unwrap_or(f64::NAN));
                // Two specs of one recipe are distinguished by their ids.
                let id = if several { format!(", {}", spec.get(..4).unwrap_or(spec)) } else { String::new() };
                let name = format!("{}, {} ({recipes}{id})", print.model, print.words(self.paper));
                rows.push(row(name, false, &scores, classes));
            }
        }
        if let Some(best) = overall.iter().copied().reduce(f64::max).filter(|_| rows.len() > 1) {
            rows.iter_mut().zip(&overall).for_each(|(row, overall)| row.best = *overall == best);
        }
        let floors = floors(runs, self.paper.model);
        rows.extend(floors.iter().map(|(name, below)| row(name.clone(), true, below, classes)));
        Panel { heading: world.words().replace('*', ""), rows }
    }

    /// The paper's overall score.
    fn overall(&self, scores: &measured::Scores) -> Option<f64> {
        self.score(scores, self.paper.overall()?.name)
    }

    /// How a column's score is composed.
    fn average(&self, name: &str) -> Option<Average> {
        let one = |task: &str| Average { name: task.into(), parts: vec![(task.into(), 1.0)] };
        let average = self.paper.average(name).map(Average::from);
        average.or_else(|| self.paper.task(name).map(|task| one(task.name)))
    }
}

/// The floors of a world, by name. The untrained network differs by model; if neither `model` nor the
/// backbone gives it a name, it is left out.
pub(super) fn floors<'a>(
    runs: &[&'a Measured],
    model: impl Fn(&Spec) -> Option<&'static str>,
) -> Vec<(String, Below<'a>)> {
    let mut floors = Vec::new();
    for floor in Features::FLOORS {
        let mut below: BTreeMap<String, Below<'a>> = BTreeMap::new();
        for one in runs {
            let Some(scores) = one.floors.get(floor.name()) else { continue };
            let words = measured::floor_words(floor);
            let name = match floor {
                Features::Untrained => {
                    let name = one
                        .resolved()
                        .and_then(|spec| model(spec).map(str::to_owned).or_else(|| off_the_shelf(spec)));
                    let Some(name) = name else { continue };
                    format!("{words} {name}")
                }
                _ => words.into(),
            };
            below.entry(name).or_insert(Below(Vec::new())).0.push(scores);
        }
        floors.extend(below);
    }
    floors
}

/// The name of a network off the shelf.
fn off_the_shelf(spec: &Spec) -> Option<String> {
    let backbone = &spec.model.backbone;
    backbone.is_off_the_shelf().then(|| backbone.to_string())
}

fn row(name: String, floor: bool, scores: &Below<'_>, classes: &[(String, String)]) -> heatmap::Row {
    let values = classes.iter().map(|class| scores.cell(|scores| scores.per_class.get(class).copied()).value);
    heatmap::Row { name, floor, best: false, values: values.collect() }
}
