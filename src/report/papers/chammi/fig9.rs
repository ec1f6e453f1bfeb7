//! The paper's Figure 9: UMAP of features. Each picture is fitted on images of Train; the images that tasks
//! query are placed in it.

use super::super::declared::command;
use super::super::scores::{Asked, Printed};
use super::super::{Declaration, PaperRow, Shown, title};
use super::{PAPER, tuned, tuned_rows};
use crate::evaluate::FeatureMatrix;
use crate::evaluate::umap::{NEIGHBOURS, Point, Umap, five_nn};
use crate::papers::chammi::SETS;
use crate::report::Error;
use crate::report::measured::{self, Measured, Source, World};
use crate::report::scatter::{Block, Picture, Row as Drawn, Set, draw};
use crate::report::stored_features::{self, StoredFeatures, Unusable};
use crate::report::table::{Cell, Column, Kind, Row, Table, heads};
use crate::seed::Seed;
use crate::spec::Metric;
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// Models to draw; if one has no runs, another one of the tables takes its place.
const MODELS: [&str; 4] = ["ChannelReplication", "FixedChannels", "TargetParam", "HyperNet"];
/// A picture is fitted on at most this many images of Train per set …
const FITTED: usize = 400;
/// … and shows at most this many of Train, these included, and this many of the tasks.
const SHOWN: usize = 2_000;
const SEED: Seed = Seed(0);

/// A model to draw.
struct Model<'m> {
    name: String,
    condition: String,
    recipes: String,
    run: &'m Measured,
}

/// A model's features of a set, and the rows to use.
struct Job<'a> {
    kept: &'a StoredFeatures,
    /// The rows that the picture is fitted on come first.
    train: Vec<usize>,
    asked: Vec<usize>,
}

/// A finished picture.
struct Plane {
    train: Vec<Point>,
    asked: Vec<Point>,
    near_train: f64,
    /// Trustworthiness of the picture of Train.
    trust: f64,
    /// Over the images whose label occurs in Train.
    near_asked: Option<f64>,
}

/// Builds it from the store and the features that it refers to, and computes the pictures.
pub(super) fn report(store: &Source<'_>, declared: &[Declaration]) -> Result<Shown, Error> {
    let rows = tuned_rows(store)?;
    let asked = Asked { store, paper: &PAPER, table: tuned(), printed: &rows, declared, columns: Vec::new() };
    let measured = store.on(PAPER.data)?;
    let mut worlds = measured::by_world(&measured);
    // Features do not depend on the scoring protocol.
    worlds.retain(|world, _| world.protocol == tuned().protocol.name());
    let models: Vec<(&World, Vec<Model<'_>>)> =
        worlds.iter().map(|(world, runs)| (*world, models(&asked, &rows, runs))).collect();
    let mut found: Vec<Vec<Vec<Result<StoredFeatures, Unusable>>>> = Vec::new();
    for (_, models) in &models {
        let of_model = |model: &Model<'_>| {
            let mut found = stored_features::of_run(store, model.run, PAPER.data)?;
            found.sort_by_key(|kept| place(kept.as_ref().map_or_else(|none| &none.set, |kept| &kept.set)));
            Ok::<_, Error>(found)
        };
        found.push(models.iter().map(of_model).collect::<Result<_, _>>()?);
    }
    let jobs: Vec<Job<'_>> = found.iter().flatten().flatten().flatten().map(Job::of).collect();
    let planes: Vec<Result<Plane, String>> = jobs.par_iter().map(Job::plane).collect();
    let mut done = jobs.iter().zip(&planes);

    let (mut tables, mut blocks, mut points) = (Vec::new(), Vec::new(), Points::new());
    let classes = classes(&jobs);
    for ((world, models), found) in models.iter().zip(&found) {
        let mut rows = Vec::new();
        let mut drawn = Vec::new();
        for (model, found) in models.iter().zip(found) {
            let mut pictures: Vec<Option<Picture>> = (0..SETS.len()).map(|_| None).collect();
            for kept in found {
                let (set, made) = match kept {
                    Err(none) => (&none.set, Err(none.reason.clone())),
                    Ok(kept) => {
                        let (job, plane) = done.next().expect("a plane for each job");
                        (&kept.set, plane.as_ref().map(|plane| (job, plane)).map_err(Clone::clone))
                    }
                };
                rows.push(row(model, set, &made));
                let Some(at) = place(set) else { continue };
                if let Ok((job, plane)) = made {
                    points.add(world, model, job, plane);
                    pictures[at] = Some(picture(job, plane, &classes[at]));
                }
            }
            if found.is_empty() {
                rows.push(row(model, "", &Err("the store has no features of this run".into())));
            }
            if pictures.iter().any(Option::is_some) {
                drawn.push(Drawn { name: (model.name.clone(), model.condition.clone()), pictures });
            }
        }
        tables.push(table(Some(world), rows));
        if !drawn.is_empty() {
            blocks.push(Block { heading: world.words().replace('*', ""), rows: drawn });
        }
    }
    if tables.iter().all(|table: &Table| table.rows.is_empty()) {
        tables = vec![table(None, missing(&rows, declared))];
    }
    let sets: Vec<Set> = SETS
        .iter()
        .zip(classes)
        .map(|((_, name), classes)| Set { name: (*name).into(), panels: ["Train", "tasks"], classes })
        .collect();
    Ok(Shown {
        title: title("CHAMMI, Figure 9: features in the plane", &worlds),
        tables,
        caption: "UMAP of features, fitted on Train; images of tasks are placed in it".into(),
        figure: (!blocks.is_empty()).then(|| draw(&blocks, &sets)),
        points: (!blocks.is_empty()).then(|| points.text()),
    })
}

fn place(set: &str) -> Option<usize> {
    SETS.iter().position(|(name, _)| *name == set)
}

/// At most as many models as [`MODELS`], each by the first seed of one of its specs: of the repaired recipe,
/// if there is one.
fn models<'m>(asked: &Asked<'_>, printed: &Printed, runs: &[&'m Measured]) -> Vec<Model<'m>> {
    let mut all: Vec<Model<'m>> = Vec::new();
    for (print, _) in printed {
        let systems = asked.systems(runs, print);
        let mut systems: Vec<_> = systems.into_iter().collect();
        systems.sort_by_key(|((recipes, _), _)| !recipes.contains("fixed"));
        let first = systems.into_iter().next();
        all.extend(first.map(|((recipes, _), seeds)| Model {
            name: print.model.clone(),
            condition: if print.condition == "off_the_shelf" {
                "off the shelf".into()
            } else {
                format!("fine-tuned, {recipes}")
            },
            recipes,
            run: seeds[0],
        }));
    }
    while all.len() > MODELS.len() {
        let extra = all.iter().rposition(|model| !MODELS.contains(&model.name.as_str()));
        all.remove(extra.unwrap_or(all.len() - 1));
    }
    all
}

impl<'a> Job<'a> {
    fn of(kept: &'a StoredFeatures) -> Self {
        let rows = |which: fn(&stored_features::Image) -> bool| -> Vec<usize> {
            kept.images.iter().enumerate().filter(|(_, image)| which(image)).map(|(row, _)| row).collect()
        };
        let train = chosen(kept, rows(stored_features::Image::is_train), "train");
        let asked = chosen(kept, rows(stored_features::Image::is_asked), "asked");
        Self { kept, train, asked }
    }

    fn plane(&self) -> Result<Plane, String> {
        if self.train.len() <= NEIGHBOURS {
            return Err(format!("{} images of Train are too few for a picture", self.train.len()));
        }
        let width = self.kept.width;
        let (fitted, others) = self.train.split_at(self.train.len().min(FITTED));
        let features = self.kept.features(fitted)?;
        let picture = Umap::fit(FeatureMatrix { width, values: &features }, Metric::Cosine, SEED);
        let place = |rows: &[usize]| -> Result<Vec<Point>, String> {
            Ok(picture.place(FeatureMatrix { width, values: &self.kept.features(rows)? }))
        };
        let (others, asked) = (place(others)?, place(&self.asked)?);
        let names: BTreeSet<&str> = self.labels(fitted).collect();
        let number = |label: &str| names.iter().position(|name| *name == label);
        let labels: Vec<usize> = self.labels(fitted).filter_map(number).collect();
        let (points, truth): (Vec<Point>, Vec<usize>) = asked
            .iter()
            .zip(self.labels(&self.asked))
            .filter_map(|(point, label)| Some((*point, number(label)?)))
            .unzip();
        Ok(Plane {
            trust: picture.trustworthiness(NEIGHBOURS),
            near_train: five_nn(&picture.points, &labels, &picture.points, &labels, true),
            near_asked: (!truth.is_empty())
                .then(|| five_nn(&picture.points, &labels, &points, &truth, false)),
            train: [picture.points, others].concat(),
            asked,
        })
    }

    fn labels<'r>(&self, rows: &'r [usize]) -> impl Iterator<Item = &'a str> + use<'a, 'r> {
        let images = &self.kept.images;
        rows.iter().map(|row| images[*row].label.as_str())
    }
}

/// At most [`SHOWN`] rows, drawn evenly over the labels as far as they have images. The first [`FITTED`] are
/// in a random order, and so are the others: the drawing order hides no particular class.
fn chosen(kept: &StoredFeatures, rows: Vec<usize>, name: &str) -> Vec<usize> {
    let mut stream = SEED.stream(&format!("report/chammi_fig9/{}/{name}", kept.set));
    let mut by_label: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for row in rows {
        by_label.entry(&kept.images[row].label).or_default().push(row);
    }
    by_label.values_mut().for_each(|rows| stream.shuffle(rows));
    let longest = by_label.values().map(Vec::len).max().unwrap_or(0);
    let in_turn =
        (0..longest).flat_map(|turn| by_label.values().filter_map(move |rows| rows.get(turn).copied()));
    let mut chosen: Vec<usize> = in_turn.take(SHOWN).collect();
    let fitted = chosen.len().min(FITTED);
    let (first, others) = chosen.split_at_mut(fitted);
    stream.shuffle(first);
    stream.shuffle(others);
    chosen
}

/// The labels of each set: those of Train, then those that occur in tasks only.
fn classes(jobs: &[Job<'_>]) -> Vec<Vec<String>> {
    let of_set = |set: &str| {
        let of = |rows: fn(&Job<'_>) -> Vec<usize>| -> BTreeSet<&str> {
            let jobs = jobs.iter().filter(|job| job.kept.set == set);
            jobs.flat_map(|job| job.labels(&rows(job)).collect::<Vec<_>>()).collect()
        };
        let (train, asked) = (of(|job| job.train.clone()), of(|job| job.asked.clone()));
        let novel = asked.iter().filter(|label| !train.contains(*label));
        train.iter().chain(novel).map(ToString::to_string).collect()
    };
    SETS.iter().map(|(set, _)| of_set(set)).collect()
}

fn picture(job: &Job<'_>, plane: &Plane, classes: &[String]) -> Picture {
    let panel = |points: &[Point], rows: &[usize]| {
        let class = |label: &str| classes.iter().position(|name| name == label).unwrap_or(usize::MAX);
        points.iter().copied().zip(job.labels(rows).map(class)).collect()
    };
    let panels = [panel(&plane.train, &job.train), panel(&plane.asked, &job.asked)];
    Picture { panels, below: format!("trustworthiness {:.2}", plane.trust) }
}

fn row(model: &Model<'_>, set: &str, made: &Result<(&Job<'_>, &Plane), String>) -> Row {
    let name = place(set).map_or(set, |at| SETS[at].1);
    let count =
        |rows: fn(&Job<'_>) -> usize| made.as_ref().map_or(String::new(), |(job, _)| rows(job).to_string());
    let stub = [
        model.name.clone(),
        model.condition.clone(),
        model.recipes.clone(),
        model.run.spec.clone(),
        name.to_owned(),
        count(|job| job.train.len()),
        count(|job| job.asked.len()),
    ];
    let plane = made.as_ref().ok().map(|(_, plane)| plane);
    Row {
        stub: stub.into(),
        kind: Kind::Measured,
        cells: vec![
            Cell::print(plane.map(|plane| plane.trust)),
            Cell::print(plane.map(|plane| plane.near_train)),
            Cell::print(plane.and_then(|plane| plane.near_asked)),
        ],
        note: made.as_ref().err().cloned().unwrap_or_default(),
    }
}

/// A row for each model that would be drawn, with the command that trains it.
fn missing(printed: &Printed, declared: &[Declaration]) -> Vec<Row> {
    let drawn = printed.iter().filter(|(print, _)| MODELS.contains(&print.model.as_str()));
    let row = |(print, _): &(PaperRow, BTreeMap<String, f64>)| Row {
        stub: [vec![print.model.clone(), print.words(&PAPER)], vec![String::new(); 5]].concat(),
        kind: Kind::Measured,
        cells: vec![Cell::default(); 3],
        note: command(&PAPER, declared, None, |spec| {
            (PAPER.rows)(spec).iter().any(|placed| placed.table == tuned().table && print.has(placed))
        }),
    };
    drawn.map(row).collect()
}

fn table(world: Option<&World>, rows: Vec<Row>) -> Table {
    let facts = world.map_or([String::new(), String::new(), String::new()], |world| {
        [&world.kind, &world.world, &world.scale].map(String::clone)
    });
    Table {
        title: world.map_or("Nothing measured yet".into(), World::words),
        facts: ["kind", "world", "scale"].into_iter().zip(facts).collect(),
        stub: heads(&["model", "condition", "recipe", "spec", "set", "Train images", "task images"]),
        columns: vec![
            Column::of("trustworthiness", "trustworthiness"),
            Column::of("5-NN Train", "five_nn_train"),
            Column::of("5-NN tasks", "five_nn_tasks"),
        ],
        rows,
        notes: vec![
            format!(
                "UMAP with {NEIGHBOURS} neighbours by cosine, fitted on at most {FITTED} images of Train, drawn evenly over labels; \
                 further ones, up to {SHOWN} of Train and {SHOWN} that tasks query, are placed in it."
            ),
            "Trustworthiness (Venna and Kaski, 15 neighbours) measures how far neighbours in the plane are neighbours among the features: 1 is \
             always, 0.5 is chance."
                .into(),
            "5-NN: the share of points whose five nearest of Train in the plane mostly have their label; for tasks, of \
             the labels that Train has. It measures how well the picture separates labels, and is not one of the paper's scores."
                .into(),
        ],
    }
}

/// Every point of the pictures, drawn or not.
struct Points(csv::Writer<Vec<u8>>);

impl Points {
    fn new() -> Self {
        let mut points = Self(csv::Writer::from_writer(Vec::new()));
        points.write([
            "kind",
            "world",
            "scale",
            "model",
            "condition",
            "spec",
            "run",
            "set",
            "split",
            "image",
            "label",
            "x",
            "y",
        ]);
        points
    }

    fn write(&mut self, fields: [&str; 13]) {
        self.0.write_record(fields).expect("memory takes any record of one length");
    }

    fn add(&mut self, world: &World, model: &Model<'_>, job: &Job<'_>, plane: &Plane) {
        let parts = [("Train", &job.train, &plane.train), ("tasks", &job.asked, &plane.asked)];
        for (split, rows, points) in parts {
            for (row, [x, y]) in rows.iter().zip(points) {
                let image = &job.kept.images[*row];
                self.write([
                    &world.kind,
                    &world.world,
                    &world.scale,
                    &model.name,
                    &model.condition,
                    &model.run.spec,
                    &model.run.run,
                    &job.kept.set,
                    split,
                    &image.image,
                    &image.label,
                    &format!("{x:.4}"),
                    &format!("{y:.4}"),
                ]);
            }
        }
    }

    fn text(self) -> String {
        let bytes = self.0.into_inner().expect("memory can always be flushed");
        String::from_utf8(bytes).expect("every field was text")
    }
}
