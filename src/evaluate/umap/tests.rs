//! Compared with umap-learn on handwritten digits (`tests/golden/umap_digits.py`), and self-consistency.

use super::*;
use crate::golden::Golden;

const SEED: Seed = Seed(11);

fn digits(golden: &Golden, name: &str) -> (Vec<f32>, Vec<usize>) {
    (golden.values(name), golden.labels(&format!("{name}_labels")))
}

fn matrix(values: &[f32]) -> FeatureMatrix<'_> {
    FeatureMatrix { width: 20, values }
}

#[test]
fn a_picture_of_digits_is_as_true_as_umap_learns() {
    let golden = Golden::open("umap_digits");
    let ((train, labels), (test, test_labels)) = (digits(&golden, "train"), digits(&golden, "test"));
    let [trust, _, near_train, near_test] =
        golden.values("reached")[..].try_into().map(|all: [f32; 4]| all.map(f64::from)).unwrap();
    // Means over five seeds, as in the reference.
    let mut found = [0.0; 3];
    for seed in 0..5 {
        let picture = Umap::fit(matrix(&train), Metric::L2, Seed(seed));
        let placed = picture.place(matrix(&test));
        found[0] += picture.trustworthiness(15) / 5.0;
        found[1] += five_nn(&picture.points, &labels, &picture.points, &labels, true) / 5.0;
        found[2] += five_nn(&picture.points, &labels, &placed, &test_labels, false) / 5.0;
    }
    for (found, reached) in found.into_iter().zip([trust, near_train, near_test]) {
        assert!(found >= reached - 0.01, "{found:?}, umap-learn reaches {reached}");
    }
}

#[test]
fn a_picture_is_the_same_on_any_number_of_threads_and_another_by_another_seed() {
    let golden = Golden::open("umap_digits");
    let ((train, _), (test, _)) = (digits(&golden, "train"), digits(&golden, "test"));
    let of = |threads, seed| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let picture = Umap::fit(matrix(&train[..100 * 20]), Metric::Cosine, seed);
            (picture.place(matrix(&test[..20 * 20])), picture.points)
        })
    };
    let one = of(1, SEED);
    assert!(one.1.iter().flatten().all(|coordinate| coordinate.is_finite()));
    assert_eq!(one, of(2, SEED));
    assert_ne!(one, of(1, Seed(12)));
}

#[test]
fn equal_and_few_images_have_a_place_too() {
    let values = [[0.5; 20]; 4].concat();
    let picture = Umap::fit(matrix(&values), Metric::Cosine, SEED);
    let placed = picture.place(matrix(&values[..40]));
    let mut all = picture.points.iter().chain(&placed).flatten();
    assert!(all.all(|coordinate| coordinate.is_finite()), "{:?} {placed:?}", picture.points);
}

#[test]
fn weights_fall_with_distance_and_count_both_ways() {
    // Four points on a line: the nearest other has weight 1, the sum is log2 of the number of neighbours.
    let values = [0.0, 1.0, 3.0, 7.0];
    let line = FeatureMatrix { width: 1, values: &values };
    let near = graph::nearest(&graph::distances(line, Metric::L2), 4);
    assert_eq!(near[1], [(1, 0.0), (0, 1.0), (2, 2.0), (3, 6.0)]);
    let edges = graph::weigh(&near, Connectivity::Own);
    let of = |head: usize| edges.iter().filter(move |edge| edge.head == head).map(|edge| edge.weight);
    assert_eq!(of(1).next(), Some(1.0));
    assert!((of(1).sum::<f64>() - 2.0).abs() < 1e-4);
    for edge in graph::union(&edges) {
        let weight = |head, tail| {
            edges.iter().find(|one| (one.head, one.tail) == (head, tail)).map_or(0.0, |one| one.weight)
        };
        let (there, back) = (weight(edge.head, edge.tail), weight(edge.tail, edge.head));
        assert!((edge.weight - (there + back - there * back)).abs() < 1e-15);
    }
}
