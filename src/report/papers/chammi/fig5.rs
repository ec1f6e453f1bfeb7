//! The paper's Figure 5: a radar of the six novel tasks, a polygon for each model.

use super::super::scores::{Asked, Printed};
use super::super::{Declaration, PaperRow, Shown, title};
use super::{PAPER, tuned, tuned_rows};
use crate::papers::Task;
use crate::report::Error;
use crate::report::canvas::{BLUE, GREEN, GREY, INK, ORANGE, SKY, VERMILLION};
use crate::report::drawing::Rgb;
use crate::report::measured::{self, Below, Measured, Source, World};
use crate::report::radar::{Axis, Band, Polygon, Radar, draw};
use crate::report::table::Column;
use std::collections::BTreeMap;

/// A model's colour, the same in every figure.
pub(super) fn colour(model: &str) -> Rgb {
    match model {
        "FixedChannels" => INK,
        "Depthwise" => ORANGE,
        "TargetParam" => VERMILLION,
        "SliceParam" => SKY,
        "TemplateMixing" => GREEN,
        "HyperNet" => BLUE,
        _ => GREY,
    }
}

fn tasks() -> impl Iterator<Item = &'static Task> {
    PAPER.tasks.iter().filter(|task| task.novel)
}

/// Builds it from the store.
pub(super) fn report(store: &Source<'_>, declared: &[Declaration]) -> Result<Shown, Error> {
    let rows = tuned_rows(store)?;
    let measured = store.on(PAPER.data)?;
    let worlds = measured::by_world(&measured);
    let columns = tasks().map(|task| Column::of_score(task.short, task.name)).collect();
    let asked = Asked { paper: &PAPER, table: tuned(), printed: &rows, declared, columns, store };
    let bands: Vec<Band> = worlds.iter().filter_map(|(world, runs)| band(&asked, world, runs)).collect();
    let axis = |task: &Task| {
        let colour = match task.set() {
            "Allen" => BLUE,
            "HPA" => GREEN,
            _ => VERMILLION,
        };
        Axis { name: task.short.into(), colour }
    };
    let figure = (!bands.is_empty()).then(|| draw(&bands, &tasks().map(axis).collect::<Vec<_>>()));
    Ok(Shown {
        title: title("CHAMMI, Figure 5: the six novel tasks", &worlds),
        tables: asked.tables(&worlds)?,
        caption: "Macro-F1 on the six novel tasks".into(),
        figure,
        points: None,
    })
}

/// The radars of a world: one per recipe, because two polygons of one model would hide each other, and the
/// published one.
fn band(asked: &Asked<'_>, world: &World, runs: &[&Measured]) -> Option<Band> {
    let mut radars: BTreeMap<String, Vec<Polygon>> = BTreeMap::new();
    let mut untrained = Vec::new();
    let mut comparable = asked.apart(world).is_none();
    for (print, _) in asked.printed {
        // Of several specs of one model and recipe, the one with the most seeds is drawn; the table has all.
        let mut drawn: BTreeMap<String, Vec<&Measured>> = BTreeMap::new();
        for ((recipes, _), seeds) in asked.systems(runs, print) {
            let best = drawn.entry(recipes).or_default();
            if seeds.len() > best.len() {
                *best = seeds;
            }
        }
        for (recipes, seeds) in drawn {
            comparable &= asked.against(&seeds, print).is_none();
            let scores = Below(seeds.iter().map(|one| &one.scores).collect());
            let values = tasks().map(|task| scores.cell(|scores| scores.f1(task.name)).value).collect();
            let polygon = Polygon { name: print.model.clone(), colour: colour(&print.model), values };
            // An untrained model has no recipe: it is in every radar.
            if print.condition == "off_the_shelf" {
                untrained.push(polygon);
                continue;
            }
            for recipe in recipes.split(" = ") {
                radars.entry(recipe.into()).or_default().push(polygon.clone());
            }
        }
    }
    if radars.is_empty() && untrained.is_empty() {
        return None;
    }
    if radars.is_empty() {
        radars.insert("off the shelf".into(), Vec::new());
    }
    let mut radars: Vec<Radar> = radars
        .into_iter()
        .map(|(recipe, mut polygons)| {
            polygons.splice(0..0, untrained.iter().cloned());
            Radar { heading: format!("fine-tuned, {recipe}"), apart: false, polygons }
        })
        .collect();
    radars.push(in_print(asked.printed, comparable));
    Some(Band { heading: world.words().replace('*', ""), radars })
}

fn in_print(printed: &Printed, comparable: bool) -> Radar {
    let polygon = |(print, numbers): &(PaperRow, BTreeMap<String, f64>)| Polygon {
        name: print.model.clone(),
        colour: colour(&print.model),
        values: tasks().map(|task| numbers.get(task.name).copied()).collect(),
    };
    let heading = if comparable { "published" } else { "published, not comparable" };
    Radar { heading: heading.into(), apart: true, polygons: printed.iter().map(polygon).collect() }
}
