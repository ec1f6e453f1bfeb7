//! The blocked search against the definition, in cases where rounding, ties and groups matter.

use super::arithmetic::{direction, distance, dot};
use super::*;
use crate::{
    golden::{device, everywhere},
    seed::Seed,
};

fn random(name: &str, rows: usize, width: usize) -> Vec<f32> {
    let mut stream = Seed(3).stream(name);
    (0..rows * width).map(|_| stream.normal() as f32).collect()
}

/// The definition: all pairs in float64, the first of equally near rows.
fn slow(references: FeatureMatrix<'_>, queries: FeatureMatrix<'_>, metric: Metric) -> Vec<u32> {
    let unit = |row: &[f32]| {
        let mut row = row.to_vec();
        direction(&mut row);
        row
    };
    (0..queries.rows())
        .map(|query| {
            let mut best = (f64::NEG_INFINITY, 0);
            for reference in 0..references.rows() {
                let (a, b) = (references.row(reference), queries.row(query));
                let similarity = match metric {
                    Metric::Cosine => dot(&unit(a), &unit(b)),
                    Metric::L2 => -distance(a, b),
                };
                if similarity > best.0 {
                    best = (similarity, reference as u32);
                }
            }
            best.1
        })
        .collect()
}

fn indices(found: &[Neighbour]) -> Vec<u32> {
    found.iter().map(|neighbour| neighbour.index).collect()
}

fn outside_group(
    references: FeatureMatrix<'_>,
    reference_groups: &[u32],
    queries: FeatureMatrix<'_>,
    query_groups: &[u32],
    metric: Metric,
) -> Result<Vec<Neighbour>, Error> {
    let all = |matrix: FeatureMatrix<'_>| (0..matrix.rows() as u32).collect::<Vec<_>>();
    let (rows, asked) = (all(references), all(queries));
    let references = Side { features: &references, rows: &rows, groups: Some(reference_groups) };
    let queries = Side { features: &queries, rows: &asked, groups: Some(query_groups) };
    nearest(references, queries, metric, &device(), &mut Silence)
}

#[test]
fn blocks_find_what_the_definition_finds() {
    everywhere(|| {
        // More references than a tile, a width that is no multiple of any vector, every fifth row three
        // times.
        let (rows, width) = (2500, 13);
        let mut values = random("references", rows, width);
        for row in (0..rows - 2000).step_by(5) {
            values.copy_within(row * width..(row + 1) * width, (row + 1000) * width);
            values.copy_within(row * width..(row + 1) * width, (row + 2000) * width);
        }
        let mut asked = random("queries", 100, width);
        asked.extend_from_slice(&values[1000 * width..1030 * width]);
        let references = FeatureMatrix::new(width, &values).unwrap();
        let queries = FeatureMatrix::new(width, &asked).unwrap();
        for metric in [Metric::Cosine, Metric::L2] {
            let found = nearest_rows(references, queries, metric, &device()).unwrap();
            assert_eq!(indices(&found), slow(references, queries, metric), "{metric:?}");
            assert_eq!(found[100].index, 0, "{metric:?}: the first of three equal rows");
            let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
            assert_eq!(
                found,
                pool.install(|| nearest_rows(references, queries, metric, &device())).unwrap(),
                "{metric:?}"
            );
        }
    });
}

#[test]
fn large_offsets_and_collapsed_features_are_still_exact() {
    everywhere(|| {
        let width = 32;
        let near = |name: &str, rows: usize, offset: f32, scale: f32| -> Vec<f32> {
            random(name, rows, width).iter().map(|x| offset + scale * x).collect()
        };
        for (offset, scale) in [(1e4, 1.0), (1.0, 1e-6), (0.0, 1e18), (0.0, 1e21), (0.0, 1e-25)] {
            let (values, asked) = (near("a", 1100, offset, scale), near("b", 40, offset, scale));
            let references = FeatureMatrix::new(width, &values).unwrap();
            let queries = FeatureMatrix::new(width, &asked).unwrap();
            for metric in [Metric::Cosine, Metric::L2] {
                let found = nearest_rows(references, queries, metric, &device()).unwrap();
                assert_eq!(
                    indices(&found),
                    slow(references, queries, metric),
                    "{offset} ± {scale}, {metric:?}"
                );
            }
        }
    });
}

#[test]
fn a_group_is_left_out_and_nothing_else() {
    everywhere(|| {
        let width = 4;
        let values = random("grouped", 60, width);
        let matrix = FeatureMatrix::new(width, &values).unwrap();
        // Ten references that every query may use, then five groups of ten, which are also the queries.
        let groups: Vec<u32> = (0..60).map(|row| if row < 10 { NO_GROUP } else { row / 10 }).collect();
        let queries = FeatureMatrix::new(width, &values[10 * width..]).unwrap();
        for metric in [Metric::Cosine, Metric::L2] {
            let found = outside_group(matrix, &groups, queries, &groups[10..], metric).unwrap();
            for group in 1..6u32 {
                let kept: Vec<u32> = (0..60).filter(|row| groups[*row as usize] != group).collect();
                let copy = matrix.gather(kept.iter().copied());
                let own = &values[group as usize * 10 * width..(group as usize + 1) * 10 * width];
                let expected = nearest_rows(
                    FeatureMatrix::new(width, &copy).unwrap(),
                    FeatureMatrix::new(width, own).unwrap(),
                    metric,
                    &device(),
                )
                .unwrap();
                for (at, expected) in expected.iter().enumerate() {
                    let found = found[(group as usize - 1) * 10 + at];
                    assert_eq!(found.index, kept[expected.index as usize], "{metric:?}, group {group}");
                    assert_eq!(found.similarity, expected.similarity);
                }
            }
        }
        let alone = outside_group(queries, &[1; 50], queries, &[1; 50], Metric::L2);
        assert!(matches!(alone, Err(Error::NoReference { query: 0 })));
    });
}

#[test]
fn features_that_have_no_distance_are_refused_by_row() {
    let good = FeatureMatrix::new(2, &[1.0, 0.0, 0.0, 1.0]).unwrap();
    let nan = FeatureMatrix::new(2, &[1.0, 0.0, 0.5, f32::NAN]).unwrap();
    let zero = FeatureMatrix::new(2, &[1.0, 0.0, 0.0, 0.0]).unwrap();
    for metric in [Metric::Cosine, Metric::L2] {
        assert!(matches!(
            nearest_rows(good, nan, metric, &device()),
            Err(Error::NotFinite { row: 1, column: 1, .. })
        ));
        assert!(matches!(
            nearest_rows(nan, good, metric, &device()),
            Err(Error::NotFinite { row: 1, column: 1, .. })
        ));
    }
    assert!(matches!(nearest_rows(zero, good, Metric::Cosine, &device()), Err(Error::ZeroRow { row: 1 })));
    assert!(nearest_rows(zero, good, Metric::L2, &device()).is_ok(), "the origin is an ordinary point");
    let wide = FeatureMatrix::new(1, &[1.0]).unwrap();
    assert!(matches!(
        nearest_rows(good, wide, Metric::L2, &device()),
        Err(Error::Mismatch { expected: 2, found: 1, .. })
    ));
    assert!(FeatureMatrix::new(3, &[0.0; 4]).is_err());
}

#[test]
fn a_few_nearest_are_those_of_the_definition() {
    let (rows, width) = (1500, 13);
    let mut values = random("few/references", rows, width);
    // Three equal rows, which are also queries.
    values.copy_within(0..width, 700 * width);
    values.copy_within(0..width, 1400 * width);
    let asked = [&random("few/queries", 70, width), &values[..width]].concat();
    let (references, queries) =
        (FeatureMatrix { width, values: &values }, FeatureMatrix { width, values: &asked });
    for metric in [Metric::Cosine, Metric::L2] {
        let found = nearest_few(references, queries, metric, 15);
        let (own, asked) = search::both(references, queries, metric);
        let longest = own.longest();
        let search = Search { metric, groups: None, references: &own, queries: &asked, longest, first: 0 };
        for (query, found) in found.iter().enumerate() {
            let mut all: Vec<(usize, f64)> =
                (0..rows).map(|reference| (reference, search.similarity(reference, query))).collect();
            all.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
            assert_eq!(*found, all[..15], "{metric:?}, query {query}");
        }
        assert_eq!([0, 1, 2].map(|at| found[70][at].0), [0, 700, 1400]);
    }
    let few = FeatureMatrix { width, values: &values[..4 * width] };
    assert_eq!(nearest_few(few, queries, Metric::L2, 15)[0].len(), 4);
}

/// A listener that counts, and asks to stop after some advances.
struct Counter {
    began: u32,
    done: Vec<u64>,
    patience: usize,
}

impl Listen for Counter {
    fn receive(&mut self, event: &Event<'_>) {
        match event {
            Event::Began { .. } => self.began += 1,
            Event::Advanced { done, .. } => self.done.push(*done),
            _ => {}
        }
    }

    fn stop(&self) -> bool {
        self.done.len() >= self.patience
    }
}

#[test]
fn the_sizes_of_blocks_and_the_number_of_threads_change_no_bit() {
    everywhere(|| {
        let (count, width) = (1300, 5);
        let mut values = random("blocks", count, width);
        // Equal rows far apart: ties across blocks. A long row late: the error bound grows during the search.
        for row in (0..200).step_by(3) {
            values.copy_within(row * width..(row + 1) * width, (row + 650) * width);
            values.copy_within(row * width..(row + 1) * width, (row + 1001) * width);
        }
        values[1290 * width..1291 * width].iter_mut().for_each(|x| *x *= 1e5);
        let matrix = FeatureMatrix::new(width, &values).unwrap();
        // Neither ascending nor complete, as a task's rows may be.
        let rows: Vec<u32> = (0..count as u32).filter(|row| row % 7 != 2).rev().collect();
        let asked: Vec<u32> = (0..count as u32).step_by(31).collect();
        let of = |rows: &[u32]| rows.iter().map(|row| row % 9).collect::<Vec<u32>>();
        let (groups, own) = (of(&rows), of(&asked));
        for metric in [Metric::Cosine, Metric::L2] {
            for grouped in [false, true] {
                let side = |rows, groups| Side { features: &matrix, rows, groups };
                let references = side(&rows[..], grouped.then_some(&groups[..]));
                let queries = side(&asked[..], grouped.then_some(&own[..]));
                let with = |blocks, listen: &mut dyn Listen| {
                    search(references, queries, metric, &device(), blocks, listen)
                };
                let whole = with(Blocks { queries: 4096, references: 4096 }, &mut Silence).unwrap();
                for (queries, references) in [(7, 4096), (4096, 150), (17, 1029)] {
                    let blocks = Blocks { queries, references };
                    let mut heard = Counter { began: 0, done: vec![], patience: usize::MAX };
                    assert_eq!(with(blocks, &mut heard).unwrap(), whole, "{metric:?}, {grouped}, {blocks:?}");
                    assert_eq!((heard.began, heard.done.last()), (1, Some(&(asked.len() as u64))));
                    assert!(heard.done.is_sorted());
                    let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
                    assert_eq!(pool.install(|| with(blocks, &mut Silence)).unwrap(), whole);
                }
                let mut hasty = Counter { began: 0, done: vec![], patience: 2 };
                let stopped = with(Blocks { queries: 20, references: 500 }, &mut hasty);
                assert!(matches!(stopped, Err(Error::Stopped)));
                assert_eq!(hasty.done.len(), 2);
            }
        }
    });
}
