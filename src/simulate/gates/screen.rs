//! Gates of a simulated screen: those of the design that apply to fields of cells on plates of many sources.
//!
//! Images are recognised by images of other plates, as the data set's task asks. Two gates do not apply: there is no label
//! that only a relation between channels shows, and as all cells of a field had the compound, its corners show the label.
//! For the same reason, corners tell the source by the mean of a well's sites: one image's may be full of cells.

use super::{
    Bar, Gates, discriminant_on, features,
    judge::{chance, constant, luck, macro_f1, nearest_others, nearest_outside},
    looks,
    read::{Cell, planes, rows},
};
use crate::{
    Error, FACTORS,
    jump::{TABLE, TRUTH},
};
use dichroic_ops::event::{Event, Listen};
use rayon::prelude::*;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

/// Images with what they are of.
struct Images {
    cells: Vec<Cell>,
    batches: Vec<String>,
    plates: Vec<String>,
    wells: Vec<String>,
    /// The mean state of all cells of each image; that of the cells that show their compound is in `cells`.
    all_states: Vec<Vec<f64>>,
}

impl Images {
    /// The mean of features over the sites of each well, and an image of it.
    fn of_wells(&self, features: fn(&Cell) -> Vec<f64>) -> Vec<(&Cell, Vec<f64>)> {
        let each: Vec<Vec<f64>> = self.cells.par_iter().map(features).collect();
        let mut wells: BTreeMap<[&str; 3], (usize, Vec<f64>, f64)> = BTreeMap::new();
        for (at, (cell, own)) in self.cells.iter().zip(&each).enumerate() {
            let well = [cell.source.as_str(), self.plates[at].as_str(), self.wells[at].as_str()];
            let (_, sum, count) = wells.entry(well).or_insert_with(|| (at, vec![0.0; own.len()], 0.0));
            sum.iter_mut().zip(own).for_each(|(sum, own)| *sum += own);
            *count += 1.0;
        }
        let mean = |(at, sum, count): (usize, Vec<f64>, f64)| {
            (&self.cells[at], sum.into_iter().map(|sum| sum / count).collect())
        };
        wells.into_values().map(mean).collect()
    }
}

/// Checks a folder that holds a screen.
pub(super) fn check(root: &Path, listen: &mut dyn Listen) -> Result<Gates, Error> {
    let images = read(root)?;
    let hand: Vec<Vec<f64>> = images.cells.par_iter().map(features::hand_made).collect();
    let mut gates = Gates::default();
    let mut by_source: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (at, cell) in images.cells.iter().enumerate() {
        by_source.entry(&cell.source).or_default().push(at);
    }
    listen.receive(&Event::Began { what: "checking gates", unit: "set", total: by_source.len() as u64 + 1 });
    for (done, (source, rows)) in by_source.iter().enumerate() {
        of_source(&mut gates, &images, source, rows, &hand);
        listen.receive(&Event::Advanced { done: done as u64 + 1, note: source });
        if listen.stop() {
            return Err(Error::Stopped);
        }
    }
    if by_source.len() > 1 {
        let corners = images.of_wells(features::corners);
        let sources: Vec<&str> = corners.iter().map(|(cell, _)| cell.source.as_str()).collect();
        let corners: Vec<Vec<f64>> = corners.into_iter().map(|(_, corners)| corners).collect();
        let guess: Vec<&str> = nearest_others(&corners).into_iter().map(|n| sources[n]).collect();
        gates.add(
            3,
            "source from corners, mean of the sites of a well".to_owned(),
            Bar::AtLeast(0.95),
            macro_f1(&sources, &guess),
        );
        shares(&mut gates, &images, &hand);
    }
    gates.gates.sort_by_key(|gate| gate.number);
    listen.receive(&Event::Ended);
    Ok(gates)
}

/// Gates 1, 4, 5 and 7 on the images of one source.
fn of_source(gates: &mut Gates, images: &Images, source: &str, rows: &[usize], hand: &[Vec<f64>]) {
    let cells: Vec<&Cell> = rows.iter().map(|at| &images.cells[*at]).collect();
    let plates: Vec<String> = rows.iter().map(|at| images.plates[*at].clone()).collect();
    let truth: Vec<&str> = cells.iter().map(|cell| cell.label.as_str()).collect();
    let lowest = chance(&truth);
    // Odd plates are judged by discriminants of even ones.
    let order: Vec<&String> = plates.iter().collect::<BTreeSet<_>>().into_iter().collect();
    let fitted: Vec<bool> =
        plates.iter().map(|plate| order.binary_search(&plate).is_ok_and(|at| at % 2 == 0)).collect();
    let judge = |state: &dyn Fn(usize) -> Vec<f64>| {
        let points: Vec<Vec<f64>> = (0..rows.len()).map(state).collect();
        discriminant_on(&points, &truth, &fitted)
    };
    let clean = judge(&|at| cells[at].truth.clone());
    let ceiling = judge(&|at| images.all_states[rows[at]].clone());
    let name = |what: &str| format!("{source}: {what}");
    gates.add(
        4,
        name("linear discriminant on the mean true state of penetrant cells"),
        Bar::AtLeast(0.95),
        clean,
    );
    gates.add(4, name("ceiling: macro-F1 of the discriminant on all cells"), Bar::Noted, ceiling);
    let known = |features: &[Vec<f64>]| {
        let neighbours = nearest_outside(features, &plates);
        let guess: Vec<&str> = neighbours.iter().map(|&n| truth[n]).collect();
        (macro_f1(&truth, &guess), luck(&truth, &neighbours))
    };
    let of_planes = |one: fn(&[u8]) -> Vec<f64>| -> Vec<Vec<f64>> {
        cells.par_iter().map(|cell| cell.planes.iter().flat_map(|plane| one(plane)).collect()).collect()
    };
    let above = 0.35 * (ceiling - lowest);
    for (what, one) in [
        ("mean, SD, quantiles", features::moments as fn(&[u8]) -> Vec<f64>),
        ("histograms of 64 bins", features::histogram),
    ] {
        let (found, luck) = known(&of_planes(one));
        gates.add(1, name(what), Bar::AtMost(lowest + above + 2.0 * luck), found);
    }
    let hand: Vec<Vec<f64>> = rows.iter().map(|at| hand[*at].clone()).collect();
    let bar = Bar::AtLeast(constant(&truth));
    gates.add(5, name("hand-made features above a constant guess, other plates"), bar, known(&hand).0);
    looks(gates, source, &cells);
}

/// Gate 6: what hand-made features vary with. Batches are within sources, plates within batches; classes within plates.
fn shares(gates: &mut Gates, images: &Images, hand: &[Vec<f64>]) {
    let ids = |names: &mut dyn Iterator<Item = String>| -> Vec<usize> {
        let mut known = BTreeMap::new();
        names
            .map(|name| {
                let next = known.len();
                *known.entry(name).or_insert(next)
            })
            .collect()
    };
    let sources = ids(&mut images.cells.iter().map(|cell| cell.source.clone()));
    let batches = ids(&mut images
        .cells
        .iter()
        .zip(&images.batches)
        .map(|(cell, batch)| format!("{}/{batch}", cell.source)));
    let plates = ids(&mut images
        .cells
        .iter()
        .zip(&images.plates)
        .map(|(cell, plate)| format!("{}/{plate}", cell.source)));
    let labels = ids(&mut images.cells.iter().map(|cell| cell.label.clone()));
    let width = hand.first().map_or(0, Vec::len);
    let of_feature = |feature: usize| -> Option<[f64; 4]> {
        let mut left: Vec<f64> = hand.iter().map(|row| row[feature]).collect();
        let one = vec![0; left.len()];
        taken(&mut left, &one);
        let total = square(&left);
        (total > 1e-12).then(|| {
            [&sources, &batches, &plates, &labels].map(|groups| {
                let before = square(&left);
                taken(&mut left, groups);
                (before - square(&left)) / total
            })
        })
    };
    let all: Vec<[f64; 4]> = (0..width).into_par_iter().filter_map(of_feature).collect();
    let mean = |at: usize| all.iter().map(|shares| shares[at]).sum::<f64>() / all.len().max(1) as f64;
    for (at, what, [low, high]) in [
        (0, "source", [0.2, 0.3]),
        (1, "batch", [0.1, 0.2]),
        (2, "plate", [0.0, 0.1]),
        (3, "class", [0.0, 0.2]),
    ] {
        gates.add(
            6,
            format!("share of the variance of hand-made features: {what}"),
            Bar::Within(low, high),
            mean(at),
        );
    }
}

/// Takes the mean of each group from its values.
fn taken(values: &mut [f64], groups: &[usize]) {
    let count = groups.iter().max().map_or(0, |most| most + 1);
    let mut sums = vec![(0.0, 0.0); count];
    for (value, group) in values.iter().zip(groups) {
        sums[*group].0 += value;
        sums[*group].1 += 1.0;
    }
    for (value, group) in values.iter_mut().zip(groups) {
        *value -= sums[*group].0 / sums[*group].1;
    }
}

fn square(values: &[f64]) -> f64 {
    values.iter().map(|value| value * value).sum()
}

/// Reads images and the states of their cells.
fn read(root: &Path) -> Result<Images, Error> {
    let bad = |file: &str, found: String| Error::NotSimulated { path: root.join(file), found };
    let (header, table) = rows(&root.join(TABLE))?;
    let (of_truth, truth) = rows(&root.join(TRUTH))?;
    let at = |header: &csv::StringRecord, file: &str, name: &str| {
        let found = header.iter().position(|column| column == name);
        found.ok_or_else(|| bad(file, format!("a table without the column {name}")))
    };
    let [moa, plate, path, source, batch] =
        ["Metadata_moa", "Metadata_Plate", "paths", "Metadata_Source", "Metadata_Batch"]
            .map(|name| at(&header, TABLE, name));
    let (moa, plate, path, source, batch) = (moa?, plate?, path?, source?, batch?);
    let well = at(&header, TABLE, "Metadata_Well")?;
    let (image, penetrant) = (at(&of_truth, TRUTH, "image")?, at(&of_truth, TRUTH, "penetrant")?);
    let first = at(&of_truth, TRUTH, FACTORS[0])?;
    // Of each image: sums of the states of all cells and of those that show their compound, and their numbers.
    let mut states: BTreeMap<String, [(Vec<f64>, f64); 2]> = BTreeMap::new();
    for row in &truth {
        let of_image = states
            .entry(row[image].to_owned())
            .or_insert_with(|| [(vec![0.0; FACTORS.len()], 0.0), (vec![0.0; FACTORS.len()], 0.0)]);
        let numbers: Result<Vec<f64>, _> =
            row.iter().skip(first).take(FACTORS.len()).map(str::parse).collect();
        let numbers = numbers.map_err(|_| bad(TRUTH, format!("{row:?}")))?;
        let shown = &row[penetrant] == "True";
        for (sums, count) in of_image.iter_mut().take(1 + usize::from(shown)) {
            sums.iter_mut().zip(&numbers).for_each(|(sum, number)| *sum += number);
            *count += 1.0;
        }
    }
    let make = |row: &csv::StringRecord| {
        let key = format!("{}/{}", &row[plate], &row[path]);
        let Some([all, shown]) = states.get(&key) else {
            return Err(bad(TRUTH, format!("no cell of {key}")));
        };
        let mean =
            |(sums, count): &(Vec<f64>, f64)| sums.iter().map(|sum| sum / count.max(1.0)).collect::<Vec<_>>();
        let planes = planes(&root.join(&key), None)?;
        let (width, planes) = planes;
        let cell = Cell {
            label: row[moa].to_owned(),
            split: String::new(),
            source: row[source].to_owned(),
            penetrant: true,
            truth: mean(shown),
            planes,
            width,
        };
        Ok((cell, mean(all)))
    };
    let made: Vec<(Cell, Vec<f64>)> = table.par_iter().map(make).collect::<Result<_, _>>()?;
    let (cells, all_states) = made.into_iter().unzip();
    let texts = |column: usize| table.iter().map(|row| row[column].to_owned()).collect::<Vec<_>>();
    let (batches, plates, wells) = (texts(batch), texts(plate), texts(well));
    Ok(Images { cells, all_states, batches, plates, wells })
}
