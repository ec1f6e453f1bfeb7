//! The paper's Figure 6A, domain generalisation: FixedChannels and TargetParam on the six novel tasks, each plain, with SWAD
//! and with MIRO. The numbers are those of Table 3.

use super::super::scores::{Asked, Printed, printed};
use super::super::{Declaration, PaperRow, Shown, title};
use super::PAPER;
use crate::papers::{Published, Task};
use crate::report::Error;
use crate::report::bars::{Axis, Bar, Group, Panel, draw};
use crate::report::canvas::{BLUE, GREY, ORANGE};
use crate::report::drawing::Rgb;
use crate::report::measured::{self, Below, Measured, Source, World};
use crate::report::table::{Cell, Column};
use std::collections::BTreeMap;

const MODELS: [&str; 2] = ["FixedChannels", "TargetParam"];

/// Conditions of Table 3, the name of their bars, and their colour.
const SERIES: [(&str, &str, Rgb); 3] = [
    ("fine_tuned", "fine-tuned", GREY),
    ("fine_tuned+SWAD", "with SWAD", ORANGE),
    ("fine_tuned+MIRO", "with MIRO", BLUE),
];

fn tasks() -> impl Iterator<Item = &'static Task> {
    PAPER.tasks.iter().filter(|task| task.novel)
}

fn table() -> &'static Published {
    PAPER.table("table3").expect("the paper has this table")
}

/// Builds it from the store.
pub(super) fn report(store: &Source<'_>, declared: &[Declaration]) -> Result<Shown, Error> {
    let mut rows = printed(&PAPER, table(), store)?;
    rows.retain(|(row, _)| {
        MODELS.contains(&row.model.as_str())
            && SERIES.iter().any(|(condition, ..)| *condition == row.condition)
    });
    let measured = store.on(PAPER.data)?;
    let worlds = measured::by_world(&measured);
    let columns = tasks().map(|task| Column::of_score(task.short, task.name)).collect();
    let asked = Asked { paper: &PAPER, table: table(), printed: &rows, declared, columns, store };
    let mut panels: Vec<Panel> =
        worlds.iter().flat_map(|(world, runs)| of_world(&asked, world, runs)).collect();
    let figure = (!panels.is_empty()).then(|| {
        let comparable = worlds.keys().any(|world| asked.apart(world).is_none());
        panels.push(published(&rows, comparable));
        draw(&panels, &SERIES.map(|(_, name, colour)| (name.to_owned(), colour)), Axis::whole("macro-F1"))
    });
    Ok(Shown {
        title: title("CHAMMI, Figure 6A: SWAD and MIRO on the six novel tasks", &worlds),
        tables: asked.tables(&worlds)?,
        caption: "Macro-F1 of FixedChannels and TargetParam on the six novel tasks".into(),
        figure,
        points: None,
    })
}

/// The panels of a world, one per recipe.
fn of_world(asked: &Asked<'_>, world: &World, runs: &[&Measured]) -> Vec<Panel> {
    // Of several specs of one row and recipe, the one with the most seeds is drawn; the table has all.
    let mut drawn: BTreeMap<String, BTreeMap<[&str; 2], Vec<&Measured>>> = BTreeMap::new();
    for (row, _) in asked.printed {
        for ((recipes, _), seeds) in asked.systems(runs, row) {
            for recipe in recipes.split(" = ") {
                let of_recipe = drawn.entry(recipe.into()).or_default();
                let best = of_recipe.entry([row.model.as_str(), row.condition.as_str()]).or_default();
                if seeds.len() > best.len() {
                    best.clone_from(&seeds);
                }
            }
        }
    }
    let panel = |(recipe, systems): (String, BTreeMap<[&str; 2], Vec<&Measured>>)| {
        let value = |model: &str, condition: &str, task: &Task| {
            let seeds = systems.get(&[model, condition])?;
            let scores = Below(seeds.iter().map(|one| &one.scores).collect());
            Some(scores.cell(|scores| scores.f1(task.name)))
        };
        Panel { heading: format!("{}, {recipe}", world.words().replace('*', "")), groups: groups(value) }
    };
    drawn.into_iter().map(panel).collect()
}

fn published(rows: &Printed, comparable: bool) -> Panel {
    let value = |model: &str, condition: &str, task: &Task| {
        let of_row =
            |(row, _): &&(PaperRow, BTreeMap<String, f64>)| row.model == model && row.condition == condition;
        Some(Cell::print(rows.iter().find(of_row)?.1.get(task.name).copied()))
    };
    let heading = if comparable { "published" } else { "published, not comparable" };
    Panel { heading: heading.into(), groups: groups(value) }
}

/// The novel tasks of both models, with a bar for each condition.
fn groups<'a>(value: impl Fn(&'a str, &'a str, &Task) -> Option<Cell>) -> Vec<Group> {
    let bar = |cell: Cell| Some(Bar { value: cell.value?, std: cell.std, label: String::new() });
    let group = |model: &'static str, task: &Task| Group {
        name: task.short.into(),
        of: model.into(),
        bars: SERIES.iter().map(|(condition, ..)| bar(value(model, condition, task)?)).collect(),
    };
    MODELS
        .into_iter()
        .flat_map(|model| tasks().map(move |task| (model, task)))
        .map(|(model, task)| group(model, task))
        .collect()
}
