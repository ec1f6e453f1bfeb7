//! The paper's Figure 5: maps of what the network under the classifier says of images, on its source, on a target, and adapted to
//! the target. Each map is fitted separately to raw features (UMAP, Euclidean distances).

use super::{
    inspected::{Models, Wanted, in_a_hole, measured, missing, set_of},
    place::{NOTHING, Place, title},
};
use crate::{
    evaluate::{
        FeatureMatrix,
        umap::{NEIGHBOURS, Point, Umap, five_nn},
    },
    papers::coda::PAPER,
    report::{
        Error, Table,
        maps::{Block, Map, Panel, draw},
        measured::{Measured, Source},
        papers::{Declaration, Shown},
        stored_features::{self, StoredFeatures},
        table::{Cell, Column, Kind, Row, heads},
    },
    seed::Seed,
    spec::Metric,
};
use rayon::prelude::*;
use std::collections::BTreeMap;

/// Images of a map at most.
const SHOWN: usize = 1_000;
const SEED: Seed = Seed(0);

const fn wanted(method: &'static str, target: Option<&'static str>, shown: &'static str) -> Wanted {
    Wanted { method, source: "S3", target, shown }
}

/// The panels, row by row.
const PANELS: [[Wanted; 3]; 2] = [
    [
        wanted("Dual-model-DINO", None, "S3"),
        wanted("Dual-model-DINO", None, "S5"),
        wanted("ODA", Some("S5"), "S5"),
    ],
    [
        wanted("Dual-model-CB", None, "S3"),
        wanted("Dual-model-CB", None, "S5"),
        wanted("CODA", Some("S5"), "S5"),
    ],
];

/// A finished map.
struct Plane {
    points: Vec<Point>,
    /// The mechanism of each, and the key of its image.
    labels: Vec<String>,
    images: Vec<String>,
    trust: f64,
    near: f64,
    largest: f64,
}

/// A panel, and the run that it is about.
type Found<'m> = (Wanted, Option<&'m Measured>);

/// A panel and its map, or why there is none.
type Drawn<'m> = (Found<'m>, Result<Plane, String>);

/// Builds it from the store and the features that it refers to, and computes the maps.
pub(super) fn report(store: &Source<'_>, declared: &[Declaration]) -> Result<Shown, Error> {
    let measured = measured(store)?;
    let all = Models::of(&measured, PANELS.as_flattened());
    let (mut tables, mut blocks, mut points) = (Vec::new(), Vec::new(), Points::new());
    let mut classes: Vec<String> = Vec::new();
    let mut made: Vec<(&Models<'_>, Vec<Drawn<'_>>)> = Vec::new();
    for models in &all {
        let runs = PANELS.iter().flat_map(|row| row.iter().copied().zip(models.find(row)));
        let mut kept: Vec<(Found<'_>, Result<StoredFeatures, String>)> = Vec::new();
        for found in runs {
            let features = match found.1 {
                Some(run) => features(store, run, &found.0)?,
                None => Err(missing(&found.0, declared, Some(models))),
            };
            kept.push((found, features));
        }
        let planes = kept.into_par_iter().map(|(found, kept)| (found, kept.and_then(|kept| plane(&kept))));
        made.push((models, planes.collect()));
    }
    let planes = || made.iter().flat_map(|(_, planes)| planes).filter_map(|(_, plane)| plane.as_ref().ok());
    classes.extend(planes().flat_map(|plane| plane.labels.iter().cloned()));
    classes.sort();
    classes.dedup();
    for (models, planes) in &made {
        tables
            .push(table(Some(models), planes.iter().map(|(found, plane)| row(found, &models.recipe, plane))));
        if planes.iter().all(|(_, plane)| plane.is_err()) {
            continue;
        }
        let panel = |((wanted, _), plane): &Drawn<'_>| Panel {
            heading: heading(wanted),
            map: match plane {
                Ok(plane) => map(plane, &classes),
                Err(reason) if reason.starts_with('`') => Map::Nothing(in_a_hole(reason)),
                Err(reason) => Map::Nothing(vec![reason.clone()]),
            },
        };
        let rows = planes.chunks(PANELS[0].len()).map(|row| row.iter().map(panel).collect());
        blocks.push(Block { heading: models.place.above(&models.recipe), rows: rows.collect() });
        for ((wanted, run), plane) in planes {
            if let (Some(run), Ok(plane)) = (run, plane) {
                points.add(models, wanted, run, plane);
            }
        }
    }
    if tables.is_empty() {
        let rows = PANELS
            .as_flattened()
            .iter()
            .map(|wanted| row(&(*wanted, None), "", &Err(missing(wanted, declared, None))));
        tables.push(table(None, rows));
    }
    let places: Vec<&Place> = all.iter().map(|models| &models.place).collect();
    let caption = format!(
        "UMAP of the class token of the network under the classifier, after its last normalisation, coloured and marked by mechanism \
         of action. Each map is fitted separately, on at most {SHOWN} images; only neighbourhoods mean something, not directions"
    );
    Ok(Shown {
        title: title("CODA, Figure 5: features before and after adapting", &places),
        tables,
        caption,
        figure: (!blocks.is_empty()).then(|| draw(&blocks, &classes)),
        points: (!blocks.is_empty()).then(|| points.text()),
    })
}

fn heading(wanted: &Wanted) -> String {
    let Wanted { method, source, target, shown } = wanted;
    match target {
        Some(target) => format!("{method}, {source} → {target}, on {shown}"),
        None => format!("{method}, {source}, on {shown}"),
    }
}

/// The features that a run keeps of the images to show.
fn features(
    store: &Source<'_>,
    run: &Measured,
    wanted: &Wanted,
) -> Result<Result<StoredFeatures, String>, Error> {
    let set = set_of(wanted.shown);
    for kept in stored_features::of_model_alone(store, run, PAPER.data)? {
        match kept {
            Ok(kept) if kept.set == set => return Ok(Ok(kept)),
            Err(none) if none.set == set => return Ok(Err(none.reason)),
            _ => {}
        }
    }
    Ok(Err("the files of these features are gone".into()))
}

fn plane(kept: &StoredFeatures) -> Result<Plane, String> {
    let mut rows: Vec<usize> = (0..kept.images.len()).collect();
    SEED.stream(&format!("report/coda_fig5/{}", kept.set)).shuffle(&mut rows);
    rows.truncate(SHOWN);
    if rows.len() <= NEIGHBOURS {
        return Err(format!("{} images are too few for a map", rows.len()));
    }
    let features = kept.features(&rows)?;
    let map = Umap::fit(FeatureMatrix { width: kept.width, values: &features }, Metric::L2, SEED);
    let of = |text: fn(&stored_features::Image) -> &String| -> Vec<String> {
        rows.iter().map(|row| text(&kept.images[*row]).clone()).collect()
    };
    let labels = of(|image| &image.label);
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    labels.iter().for_each(|label| *counts.entry(label).or_default() += 1);
    let numbers: Vec<usize> = labels.iter().map(|label| counts.range(..label.as_str()).count()).collect();
    Ok(Plane {
        trust: map.trustworthiness(NEIGHBOURS),
        near: five_nn(&map.points, &numbers, &map.points, &numbers, true),
        largest: counts.values().max().map_or(0.0, |most| *most as f64 / labels.len() as f64),
        points: map.points.clone(),
        images: of(|image| &image.image),
        labels,
    })
}

fn map(plane: &Plane, classes: &[String]) -> Map {
    let class = |label: &String| classes.binary_search(label).unwrap_or(usize::MAX);
    let points = plane.points.iter().copied().zip(plane.labels.iter().map(class)).collect();
    let Plane { trust, near, .. } = plane;
    Map::Points(points, format!("n = {}, trustworthiness {trust:.2}, 5-NN {near:.2}", plane.points.len()))
}

fn row((wanted, run): &Found<'_>, recipe: &str, plane: &Result<Plane, String>) -> Row {
    let shown = plane.as_ref().map_or(String::new(), |plane| plane.points.len().to_string());
    let adapted = wanted.target.map_or("as it is".into(), |target| format!("to {target}"));
    let seed = run.map_or(String::new(), |run| run.seed.to_string());
    let stub = [
        wanted.method.into(),
        wanted.source.into(),
        adapted,
        wanted.shown.into(),
        recipe.into(),
        seed,
        shown,
    ];
    let value = |of: fn(&Plane) -> f64| Cell::print(plane.as_ref().ok().map(of));
    Row {
        stub: stub.into(),
        kind: Kind::Measured,
        cells: vec![value(|plane| plane.trust), value(|plane| plane.near), value(|plane| plane.largest)],
        note: plane.as_ref().err().cloned().unwrap_or_default(),
    }
}

fn table(models: Option<&Models<'_>>, rows: impl Iterator<Item = Row>) -> Table {
    let place = models.map(|models| &models.place);
    Table {
        title: place.map_or(NOTHING.into(), Place::words),
        facts: Place::facts(place),
        stub: heads(&["method", "source", "adapted", "images of", "recipe", "seed", "n"]),
        columns: vec![
            Column::of("trustworthiness", "trustworthiness"),
            Column::of("5-NN", "five_nn"),
            Column::of("largest class", "largest_class"),
        ],
        rows: rows.collect(),
        notes: vec![
            format!(
                "UMAP with {NEIGHBOURS} neighbours by Euclidean distance of raw features, started from two principal components, \
                 fitted separately for each panel, on {SHOWN} images at most, drawn at random."
            ),
            "Trustworthiness (Venna and Kaski, 15 neighbours) measures how far neighbours in the plane are neighbours among the \
             features: 1 is always, 0.5 is chance. 5-NN: the share of points whose five nearest in the plane mostly have their \
             mechanism; a guess of the largest class has the share in the last column."
                .into(),
        ],
    }
}

/// Every point of the maps.
struct Points(csv::Writer<Vec<u8>>);

impl Points {
    fn new() -> Self {
        let mut points = Self(csv::Writer::from_writer(Vec::new()));
        points.write("kind world scale recipe method source target shown run image label x y".split(' '));
        points
    }

    fn write<'f>(&mut self, fields: impl IntoIterator<Item = &'f str>) {
        self.0.write_record(fields).expect("memory takes any record of one length");
    }

    fn add(&mut self, models: &Models<'_>, wanted: &Wanted, run: &Measured, plane: &Plane) {
        let Place { kind, world, scale } = &models.place;
        let Wanted { method, source, target, shown } = wanted;
        for (([x, y], image), label) in plane.points.iter().zip(&plane.images).zip(&plane.labels) {
            let [x, y] = [x, y].map(|coordinate| format!("{coordinate:.4}"));
            let target = target.unwrap_or_default();
            let place: [&str; 4] = [kind, world, scale, &models.recipe];
            let of: [&str; 9] = [method, source, target, shown, &run.run, image, label, &x, &y];
            self.write(place.iter().chain(&of).copied());
        }
    }

    fn text(self) -> String {
        let bytes = self.0.into_inner().expect("memory can always be flushed");
        String::from_utf8(bytes).expect("every field was text")
    }
}
