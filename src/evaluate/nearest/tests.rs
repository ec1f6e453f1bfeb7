//! The blocked search against the definition, in cases where rounding, ties and groups matter.

use super::exact::Exact;
use super::*;
use crate::{
    golden::{device, everywhere},
    seed::Seed,
};

fn random(name: &str, rows: usize, width: usize) -> Vec<f32> {
    let mut stream = Seed(3).stream(name);
    (0..rows * width).map(|_| stream.normal() as f32).collect()
}

/// The definition: all pairs without rounding, the first of equally near rows.
fn slow(references: FeatureMatrix<'_>, queries: FeatureMatrix<'_>, metric: Metric) -> Vec<u32> {
    let near =
        |query: usize, reference: usize| Exact::of(queries.row(query), references.row(reference), metric);
    let of = |query: usize| {
        let mut best = (near(query, 0), 0);
        for reference in 1..references.rows() {
            let other = near(query, reference);
            if other.cmp(&best.0).is_gt() {
                best = (other, reference as u32);
            }
        }
        best.1
    };
    (0..queries.rows()).into_par_iter().map(of).collect()
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
    let references =
        Side { features: &references, rows: &rows, groups: Some(reference_groups), labels: None };
    let queries = Side { features: &queries, rows: &asked, groups: Some(query_groups), labels: None };
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

/// References and queries that make rounding, scale and ties matter.
fn hard(kind: usize, width: usize) -> (String, Vec<f32>, Vec<f32>) {
    let numbers = |name: &str, rows: usize, of: &mut dyn FnMut(f64, usize) -> f64| -> Vec<f32> {
        let mut stream = Seed(4).stream(name);
        (0..rows * width).map(|at| of(stream.normal(), at) as f32).collect()
    };
    let direction = numbers("direction", 1, &mut |x, _| x);
    let both = |name: String, of: &mut dyn FnMut(f64, usize) -> f64| {
        (name, numbers("a", 300, of), numbers("b", 25, of))
    };
    let along = |at: usize| f64::from(direction[at % width]);
    match kind {
        0..6 => {
            let noise = [1e-2, 1e-3, 3e-4, 1e-5, 1e-7, 1e-9][kind];
            both(format!("one direction ± {noise}"), &mut |x, at| along(at) + noise * x)
        }
        6..10 => {
            let offset = [100.0, 1e4, 1e6, 1e9][kind - 6];
            both(format!("{offset} + x"), &mut |x, _| offset + x)
        }
        10..18 => {
            let scale = [1e-45, 1e-41, 1e-38, 5e-20, 1e-25, 1e18, 1e21, 1e37][kind - 10];
            both(format!("{scale} x"), &mut |x, _| scale * x)
        }
        18 => both("small whole numbers".into(), &mut |x, _| x.round()),
        19 => both("zeros and ones".into(), &mut |x, at| if x > 0.5 || at % width == 0 { 1.0 } else { 0.0 }),
        20 => both("two tight groups".into(), &mut |x, at| {
            let side = if (at / width).is_multiple_of(2) { 1.0 } else { -1.0 };
            side * along(at) + 1e-6 * x
        }),
        21 => both("rows of all sizes".into(), &mut |x, at| {
            x * libm::exp2(((at / width * 37) % 200) as f64 - 100.0)
        }),
        22 => {
            both("numbers of all sizes".into(), &mut |x, at| x * libm::exp2(((at * 37) % 240) as f64 - 120.0))
        }
        23 => both("multiples of few directions".into(), &mut |_, at| {
            let (row, column) = (at / width, at % width);
            ((1 + row % 3) * (1 + (row / 3 + column) % 4)) as f64
        }),
        _ => both("all alike".into(), &mut |_, at| along(at)),
    }
}

#[test]
fn the_nearest_is_exact_where_rounding_scale_and_ties_matter() {
    for (kind, width) in (0..25).flat_map(|kind| [1, 2, 33, 96].map(|width| (kind, width))) {
        let (name, values, asked) = hard(kind, width);
        let references = FeatureMatrix::new(width, &values).unwrap();
        let queries = FeatureMatrix::new(width, &asked).unwrap();
        for metric in [Metric::Cosine, Metric::L2] {
            let expected = slow(references, queries, metric);
            let compare = || match nearest_rows(references, queries, metric, &device()) {
                Ok(found) => assert_eq!(indices(&found), expected, "{name}, {width} columns, {metric:?}"),
                Err(Error::ZeroRow { .. }) if metric == Metric::Cosine => {
                    let of_zeros = |row: &[f32]| row.iter().all(|x| x.to_bits() << 1 == 0);
                    assert!(values.chunks(width).chain(asked.chunks(width)).any(of_zeros), "{name}, {width}");
                }
                Err(error) => panic!("{name}, {width}: {error}"),
            };
            if width == 33 { everywhere(compare) } else { compare() }
        }
    }
}

#[test]
fn threads_that_flush_subnormal_numbers_find_the_same() {
    let width = 7;
    let flushing = || {
        let builder = rayon::ThreadPoolBuilder::new().num_threads(2);
        builder.start_handler(|_| crate::ops::flush_subnormals()).build().unwrap()
    };
    for scale in [1e-45f64, 3e-42, 1e-38, 3e-20] {
        let numbers = |name: &str, rows| -> Vec<f32> {
            random(name, rows, width).iter().map(|x| (f64::from(*x + 2.5) * 4.0 * scale) as f32).collect()
        };
        let (values, asked) = (numbers("a", 300), numbers("b", 50));
        let matrix = |values| FeatureMatrix::new(width, values).unwrap();
        for metric in [Metric::Cosine, Metric::L2] {
            let find = || nearest_rows(matrix(&values), matrix(&asked), metric, &Device::Cpu).unwrap();
            let found = flushing().install(find);
            assert_eq!(found, find(), "{scale}, {metric:?}");
            assert_eq!(indices(&found), slow(matrix(&values), matrix(&asked), metric), "{scale}, {metric:?}");
        }
    }
}

#[test]
fn ties_between_labels_are_reported_and_the_first_wins() {
    everywhere(|| {
        // Two cosines that are exactly equal, product 14 and squared length 27: float32 and float64 order them anyhow.
        let values = [[0, 0, 3, 2, 3, 0, 2, 1], [1, 2, 2, 2, 3, 0, 2, 1], [9, 0, 0, 0, 0, 0, 0, 0]]
            .as_flattened()
            .to_vec();
        let values: Vec<f32> = values.into_iter().map(|x| x as f32).collect();
        let asked = [[0.0, 1.0, 2.0, 0.0, 2.0, 0.0, 1.0, 0.0], [5.0, 0.1, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]];
        let find = |order: [u32; 3], labels: [u16; 3], groups: Option<[u32; 3]>| {
            let (references, queries) = (FeatureMatrix { width: 8, values: &values }, asked.as_flattened());
            let queries = FeatureMatrix { width: 8, values: queries };
            let labels = labels.map(Truth::One);
            let own = [7, 7];
            let references = Side {
                features: &references,
                rows: &order,
                groups: groups.as_ref().map(<[u32; 3]>::as_slice),
                labels: Some(&labels),
            };
            let groups = groups.map(|_| &own[..]);
            let queries = Side { features: &queries, rows: &[0, 1], groups, labels: None };
            let with = |blocks| {
                search(references, queries, Metric::Cosine, &device(), blocks, &mut Silence).unwrap()
            };
            let found = with(Blocks { queries: 64, references: 64 });
            assert_eq!(found, with(Blocks { queries: 1, references: 1 }));
            [(found[0].index, found[0].tied), (found[1].index, found[1].tied)]
        };
        assert_eq!(find([0, 1, 2], [4, 5, 4], None), [(0, true), (2, false)]);
        assert_eq!(find([1, 0, 2], [4, 5, 4], None), [(0, true), (2, false)]);
        assert_eq!(find([0, 1, 2], [4, 4, 5], None), [(0, false), (2, false)]);
        assert_eq!(find([2, 1, 0], [4, 4, 5], None), [(1, true), (0, false)]);
        // Copies of one reference under two labels.
        assert_eq!(find([2, 2, 0], [4, 5, 5], None), [(2, false), (0, true)]);
        assert_eq!(find([2, 2, 0], [4, 5, 5], Some([7, 3, 3])), [(2, false), (1, false)]);
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
        let (references, queries) = (&own, &asked);
        let search = Search { metric, references, queries, groups: None, labels: None, first: 0 };
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
                let side = |rows, groups| Side { features: &matrix, rows, groups, labels: None };
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
