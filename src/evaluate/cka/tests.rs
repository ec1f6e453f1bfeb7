//! CKA as the published code computes it (`tests/golden/reference/cka.*`: feature-reuse's ratio and mean of ratios,
//! PyTorch-Model-Compare's sums, both in float64), and the specification's example.

use super::*;
use safetensors::SafeTensors;
use serde_json::Value;

fn published() -> (SafeTensors<'static>, Value) {
    let tensors = include_bytes!("../../../tests/golden/reference/cka.safetensors");
    let json = include_str!("../../../tests/golden/reference/cka.json");
    (SafeTensors::deserialize(tensors).unwrap(), serde_json::from_str(json).unwrap())
}

fn floats(file: &SafeTensors<'_>, name: &str) -> (Vec<f32>, usize) {
    let tensor = file.tensor(name).unwrap();
    let values = tensor.data().as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    (values, tensor.shape()[1])
}

fn near(found: f64, wanted: &Value, what: &str) {
    let wanted = wanted.as_f64().unwrap();
    assert!((found - wanted).abs() <= 1e-9 * wanted.abs().max(1.0), "{what}: {found}, {wanted}");
}

#[test]
fn single_batches_are_those_of_the_published_code() {
    let (file, json) = published();
    let cases = json["cases"].as_object().unwrap().iter().filter(|(name, _)| *name != "batches");
    let mut count = 0;
    for (name, case) in cases {
        let [x, y] = ["x", "y"].map(|side| floats(&file, &format!("{name}.{side}")));
        let found = Hsic::of((&x.0, x.1), (&y.0, y.1)).unwrap();
        near(found.xy, &case["hsic_xy"], name);
        near(found.xx, &case["hsic_xx"], name);
        near(found.yy, &case["hsic_yy"], name);
        near(found.cka(), &case["cka"], name);
        count += 1;
    }
    assert_eq!(count, 4);
}

#[test]
fn both_rules_over_mini_batches_are_those_of_the_published_code() {
    let (file, json) = published();
    let case = &json["cases"]["batches"];
    let size = case["batch"].as_u64().unwrap() as usize;
    let [x, y] = ["x", "y"].map(|side| floats(&file, &format!("batches.{side}")));
    let mut batches = MiniBatches::default();
    let of_batch = x.0.chunks_exact(size * x.1).zip(y.0.chunks_exact(size * y.1));
    for (at, (of_x, of_y)) in of_batch.enumerate() {
        let one = Hsic::of((of_x, x.1), (of_y, y.1)).unwrap();
        near(one.cka(), &case["ratios"][at], "a ratio");
        let found = [one.xy, one.xx, one.yy];
        (0..3).for_each(|which| near(found[which], &case["hsic"][at][which], "an HSIC"));
        batches.add(one);
    }
    near(batches.mean_of_ratios(), &case["mean_of_ratios"], "mean of ratios");
    near(batches.ratio_of_sums(), &case["ratio_of_summed"], "ratio of sums");
}

#[test]
fn the_example_of_the_specification() {
    let x: [f64; 10] = [1., 0., 0., 1., 1., 1., 2., 1., 0., 2.];
    let y: [f64; 15] = [1., 2., 0., 0., 1., 1., 1., 0., 1., 2., 2., 1., 1., 1., 3.];
    let found = Hsic::of((&x, 2), (&y, 3)).unwrap();
    let wanted = [0.466667, 0.533333, 1.2, 0.583333];
    for (found, wanted) in [found.xy, found.xx, found.yy, found.cka()].into_iter().zip(wanted) {
        assert!((found - wanted).abs() < 1e-6, "{found}, {wanted}");
    }
    // Scale, shift and rotation change nothing.
    let turned: Vec<f64> = x.chunks(2).flat_map(|row| [7.0 + 3.0 * row[1], 1.0 - 3.0 * row[0]]).collect();
    assert!((Hsic::of((&turned, 2), (&x, 2)).unwrap().cka() - 1.0).abs() < 1e-12);
}

#[test]
fn too_few_images_and_unequal_numbers_are_refused() {
    let refused = |x: &[f64], y: &[f64]| Hsic::of((x, 1), (y, 1)).unwrap_err().to_string();
    assert_eq!(refused(&[1.; 3], &[1.; 3]), "expected 4 or more images for CKA, found 3");
    assert_eq!(refused(&[1.; 5], &[1.; 4]), "expected 5 images in both representations, found 4");
    let same = Hsic::of((&[2.0f64; 6], 1), (&[1., 2., 3., 4., 5., 6.], 1)).unwrap();
    assert!(same.cka().is_nan(), "what does not vary is like nothing");
}

#[test]
fn a_file_of_layers_is_as_good_as_the_layers() {
    let (file, json) = published();
    let size = json["cases"]["batches"]["batch"].as_u64().unwrap() as usize;
    let [x, y] = ["x", "y"].map(|side| floats(&file, &format!("batches.{side}")));
    let keys = ["a", "b"];
    let layers = |(values, width): &(Vec<f32>, usize)| {
        let mut layers = Layers::of(keys.into_iter(), size);
        for batch in values.chunks_exact(size * width) {
            layers.add(0, batch, None).unwrap();
            layers.add(1, batch, Some(2)).unwrap();
        }
        layers
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("layers.safetensors");
    let (of_x, of_y) = (layers(&x), layers(&y));
    of_x.write(&path).unwrap();
    let read = Layers::read(&path).unwrap();
    assert_eq!((read.numbers(Tokens::All), read.numbers(Tokens::Class)), (0..2, 1..2));
    let case = &json["cases"]["batches"];
    for of_x in [&of_x, &read] {
        let all = of_x.beside(&of_y, Tokens::All).unwrap();
        assert_eq!((all.len(), all[0].len()), (2, 2));
        near(all[1][0].mean_of_ratios(), &case["mean_of_ratios"], "mean of ratios");
        near(all[0][1].ratio_of_sums(), &case["ratio_of_summed"], "ratio of sums");
    }
    // The class token is the first numbers of a row, and nothing else.
    let class = read.beside(&of_x, Tokens::Class).unwrap();
    assert!((class[0][0].ratio_of_sums() - 1.0).abs() < 1e-12);
    let first = |(values, width): &(Vec<f32>, usize)| -> Vec<f32> {
        values.chunks_exact(*width).flat_map(|row| row[..2].to_vec()).collect()
    };
    let mut wanted = MiniBatches::default();
    for (x, y) in first(&x).chunks_exact(size * 2).zip(first(&y).chunks_exact(size * 2)) {
        wanted.add(Hsic::of((x, 2), (y, 2)).unwrap());
    }
    assert_eq!(of_x.beside(&of_y, Tokens::Class).unwrap()[0][0], wanted);

    let other = Layers::of(["a", "c"].into_iter(), size);
    let error = of_x.beside(&other, Tokens::All).unwrap_err().to_string();
    assert!(error.contains("other images"), "{error}");
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    assert!(Layers::read(&path).is_err());
    let mut broken = Layers::of(keys.into_iter(), 4);
    assert!(broken.add(0, &[1.0, f32::NAN, 1.0, 1.0], None).is_err());
}
