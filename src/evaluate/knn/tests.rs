//! Votes as the published evaluations count them (`tests/golden/reference`: CODA's checkpoint selection; DINOv2's weighted
//! k-NN with k 1, 10 and 20 at once), and exact neighbours.

use super::*;
use crate::{
    evaluate::{FeatureFile, FeatureMatrix, metrics::Counts},
    event::Silence,
    seed::Seed,
};
use safetensors::SafeTensors;
use serde_json::Value;
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/reference")
}

fn best(shares: &[f64]) -> u16 {
    let largest = shares.iter().copied().fold(0.0, f64::max);
    shares.iter().position(|share| *share == largest).unwrap() as u16
}

fn unit(width: usize, values: &[f32]) -> Unit {
    let rows: Vec<u32> = (0..(values.len() / width) as u32).collect();
    Unit::read(&FeatureMatrix::new(width, values).unwrap(), &rows).unwrap()
}

#[test]
fn checkpoints_are_selected_as_coda_selects_them() {
    let bytes = std::fs::read(folder().join("knn_selection.safetensors")).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let text = std::fs::read_to_string(folder().join("knn_selection.json")).unwrap();
    let json: Value = serde_json::from_str(&text).unwrap();
    let read = |name: &str| -> Vec<f32> {
        let tensor = file.tensor(name).unwrap();
        tensor.data().as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
    };
    let labels = |name| -> Vec<u16> { read(name).into_iter().map(|label| label as u16).collect() };
    let (k, classes) =
        (json["neighbours"].as_u64().unwrap() as usize, json["classes"].as_u64().unwrap() as usize);
    let (bank, queries) = (unit(12, &read("bank")), unit(12, &read("queries")));
    let (of_bank, wanted) = (labels("bank_labels"), read("scores"));
    let near = nearest(&bank, &queries, k, &Silence).unwrap();
    let mut right = 0;
    for (at, near) in near.iter().enumerate() {
        let found = shares(near, k, json["temperature"].as_f64().unwrap(), &of_bank, classes);
        for (found, wanted) in found.iter().zip(&wanted[at * classes..]) {
            assert!((found - f64::from(*wanted)).abs() < 2e-6, "{at}: {found}, {wanted}");
        }
        right += u32::from(best(&found) == labels("query_labels")[at]);
    }
    assert_eq!(f64::from(right) / near.len() as f64, json["accuracy"].as_f64().unwrap());
}

#[test]
fn votes_are_those_of_dino_v2() {
    let text = std::fs::read_to_string(folder().join("knn/expected.json")).unwrap();
    let json: Value = serde_json::from_str(&text).unwrap();
    for (set, expected) in json["sets"].as_object().unwrap() {
        let path = |name: String| folder().join("knn").join(name);
        let table = std::fs::read_to_string(path(format!("{set}.csv"))).unwrap();
        let rows: Vec<(&str, &str)> =
            table.lines().skip(1).map(|line| line.split_once(',').unwrap()).collect();
        let of = |train: bool| -> Vec<u32> {
            let is = |at: &u32| (rows[*at as usize].1 == "Train") == train;
            (0..rows.len() as u32).filter(is).collect()
        };
        let (train, test) = (of(true), of(false));
        let mut names: Vec<&str> = train.iter().map(|row| rows[*row as usize].0).collect();
        names.sort_unstable();
        names.dedup();
        let class = |row: &u32| names.binary_search(&rows[*row as usize].0).unwrap() as u16;
        let labels: Vec<u16> = train.iter().map(class).collect();
        let features = FeatureFile::npy(&path(format!("{set}.npy"))).unwrap();
        let (bank, queries) = (Unit::read(&features, &train).unwrap(), Unit::read(&features, &test).unwrap());
        let largest = expected["largest_k_for_softmax"].as_u64().unwrap() as usize;
        let near = nearest(&bank, &queries, largest, &Silence).unwrap();
        for (k, expected) in expected["k"].as_object().unwrap() {
            let wanted = FeatureFile::npy(&path(format!("{set}_k{k}.npy"))).unwrap();
            let mut row = vec![0f32; names.len()];
            let mut predicted = Vec::new();
            for (at, near) in near.iter().enumerate() {
                let temperature = json["temperature"].as_f64().unwrap();
                let found = shares(near, k.parse().unwrap(), temperature, &labels, names.len());
                wanted.read(&[at as u32], &mut row).unwrap();
                for (found, wanted) in found.iter().zip(&row) {
                    assert!(
                        (found - f64::from(*wanted)).abs() < 1e-5,
                        "{set}, k {k}, {at}: {found}, {wanted}"
                    );
                }
                predicted.push(best(&found));
            }
            let said: Vec<&str> = predicted.iter().map(|label| names[usize::from(*label)]).collect();
            assert_eq!(
                said,
                expected["predictions"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|one| one.as_str().unwrap())
                    .collect::<Vec<_>>()
            );
            let truth: Vec<u16> = test.iter().map(class).collect();
            let accuracy = crate::evaluate::metrics::accuracy(&Counts::of_lists(&truth, &predicted));
            assert!((accuracy - expected["accuracy"].as_f64().unwrap()).abs() < 1e-12);
        }
    }
}

/// Rows so near to one another that float32 cannot order them; equal rows; fewer references than k.
#[test]
fn neighbours_are_exact_and_equals_keep_their_order() {
    let mut stream = Seed(2).stream("near");
    let (width, count) = (17, 400);
    let centre: Vec<f32> = (0..width).map(|_| stream.unit() as f32).collect();
    let mut values = Vec::new();
    for row in 0..count {
        let spread = if row % 3 == 0 { 1e-5 } else { 0.3 };
        values.extend(centre.iter().map(|value| value + spread * (stream.unit() as f32 - 0.5)));
    }
    let copy = values[..width].to_vec();
    values.extend(copy);
    let (bank, queries) = (unit(width, &values), unit(width, &values[..20 * width]));
    for (at, found) in nearest(&bank, &queries, 150, &Silence).unwrap().iter().enumerate() {
        let mut all: Vec<Near> = (0..bank.len())
            .map(|place| Near { place: place as u32, cosine: dot(queries.row(at), bank.row(place)) })
            .collect();
        all.sort_by(|a, b| b.cosine.total_cmp(&a.cosine).then(a.place.cmp(&b.place)));
        assert_eq!(*found, all[..150], "query {at}");
    }
    let first: Vec<u32> =
        nearest(&bank, &queries, 2, &Silence).unwrap()[0].iter().map(|near| near.place).collect();
    assert_eq!(first, [0, count]);
    assert_eq!(nearest(&unit(2, &[1., 0., 0., 1.]), &unit(2, &[1., 1.]), 20, &Silence).unwrap()[0].len(), 2);
    let zero = FeatureMatrix::new(2, &[1., 1., 0., 0.]).unwrap();
    assert!(matches!(Unit::read(&zero, &[0, 1]), Err(Error::ZeroRow { row: 1 })));
}
