//! Whole models: two training steps as PyTorch takes them, names and counts as published, gradients everywhere.

use super::Extractor;
use crate::{
    adapter::{Images, SetChannels, plain},
    backbone::{ConvNext, Shape, files},
    golden::{self, Golden, assert_close},
    loss::{Objective, Outputs},
    params::{ParamId, Params},
    seed::Seed,
    spec::{self, ConvNextSize, Embeddings, Loss, Positives, Term},
    tape::{Gradients, Tape},
    train::Optimiser,
};
use candle_core::{Device, Tensor};

const SIZES: [ConvNextSize; 7] = [
    ConvNextSize::Atto,
    ConvNextSize::Femto,
    ConvNextSize::Pico,
    ConvNextSize::Nano,
    ConvNextSize::Tiny,
    ConvNextSize::Small,
    ConvNextSize::Base,
];

/// The formula that fills golden models (`tests/golden/formula.py`).
fn formula(name: &str, count: usize, amplitude: f64, offset: f64) -> Vec<f32> {
    let phase = f64::from(name.bytes().map(u32::from).sum::<u32>() % 97);
    (0..count).map(|j| (offset + amplitude * libm::sin(0.37 * j as f64 + phase)) as f32).collect()
}

fn fill(params: &mut Params, id: ParamId) {
    let published = params.published(id).clone();
    let (amplitude, offset) = match published.name.as_str() {
        "proxies" => (0.125, 0.0),
        name if name.ends_with("gamma") => (0.1, 0.5),
        _ if published.shape.len() >= 2 => (0.02, 0.0),
        name if name.ends_with(".weight") => (0.1, 1.0),
        _ => (0.1, 0.0),
    };
    params.import(id, formula(&published.name, published.count(), amplitude, offset)).unwrap();
}

#[test]
fn two_training_steps_agree_with_pytorch() {
    let golden = Golden::open("convnext_block_and_step");
    let mut params = Params::new(Seed(0));
    let stem = plain(3, 8, &mut params);
    let shape =
        Shape { depths: [1, 1, 2, 1], widths: [8, 16, 32, 64], layer_scale: 1e-6, convolutional: false };
    let backbone = ConvNext::shaped(shape, 0.0, &mut params);
    let word = Term { weight: 1.0, loss: Loss::ProxyNca { temperature: 0.07, train_proxies: true } };
    let objective = Objective::new(&[word], 64, 5, &mut params);
    let ids: Vec<ParamId> = params.ids().collect();
    for id in &ids {
        fill(&mut params, *id);
    }
    let pixels = formula("input", 2 * 3 * 64 * 64, 1.0, 0.0);
    let pixels = Tensor::from_vec(pixels, (2, 3, 64, 64), &Device::Cpu).unwrap();
    let images = Images { pixels, set: 0 };
    let mut drops = Seed(0).stream("drop path");
    let word = spec::Optimiser { lr: 4e-4, weight_decay: 5e-5, betas: [0.9, 0.999], eps: 1e-8 };
    let mut optimiser = Optimiser::new(&word, &params);
    let mut gradients = Gradients::new(&params);
    for step in 1..=2 {
        let mut tape = Tape::recording(&params);
        let x = stem.forward(&mut tape, &params, &images).unwrap();
        let features = backbone.forward(&mut tape, &params, &x, &mut drops).unwrap();
        let outputs = Outputs { features: &features, classes: &[1, 3] };
        let loss = objective.value(&mut tape, &params, &outputs).unwrap().total;
        let found = features.value().flatten_all().unwrap().to_vec1::<f32>().unwrap();
        tape.backward(&loss, &mut gradients).unwrap();
        assert_close("loss", &[loss.scalar().unwrap()], &golden.values(&format!("loss.{step}")), 1e-5);
        let norm = optimiser.gradient_norm(&gradients).unwrap() as f32;
        assert_close("norm", &[norm], &golden.values(&format!("grad_norm.{step}")), 1e-5);
        if step == 1 {
            assert_close("features", &found, &golden.values("features"), 1e-5);
            let mut names: Vec<ParamId> = ids.clone();
            names.sort_by_key(|id| params.published(*id).name.clone());
            let norms: Vec<f32> = names
                .iter()
                .map(|id| {
                    crate::ops::adamw::sum_of_squares(gradients.of(*id).unwrap().tensor()).unwrap().sqrt()
                        as f32
                })
                .collect();
            assert_close("norms of all gradients", &norms, &golden.values("grad_norms"), 1e-5);
            for id in &ids {
                let published = params.published(*id);
                if WATCHED.contains(&published.name.as_str()) {
                    let found = published.theirs(gradients.of(*id).unwrap().tensor()).unwrap();
                    assert_close(
                        &published.name,
                        &found,
                        &golden.values(&format!("grad.{}", published.name)),
                        1e-5,
                    );
                }
            }
        }
        optimiser.step(&params, &gradients, 4e-4).unwrap();
        gradients.clear();
    }
    for id in ids {
        let name = &params.published(id).name;
        if WATCHED.contains(&name.as_str()) {
            assert_close(name, &params.export(id).unwrap(), &golden.values(&format!("after.{name}")), 1e-5);
        }
    }
}

const WATCHED: [&str; 9] = [
    "proxies",
    "stem.0.weight",
    "stem.1.bias",
    "stages.0.blocks.0.norm.weight",
    "stages.1.blocks.0.mlp.fc2.bias",
    "stages.1.downsample.1.weight",
    "stages.2.blocks.0.mlp.fc1.weight",
    "stages.2.blocks.1.conv_dw.weight",
    "stages.3.blocks.0.gamma",
];

#[test]
fn names_and_shapes_are_timms() {
    let text = std::fs::read_to_string(golden::folder().join("convnext_names.json")).unwrap();
    let golden: serde_json::Value = serde_json::from_str(&text).unwrap();
    for size in SIZES {
        let name = files::imagenet22k(size);
        let name = name.split('.').next().unwrap();
        let expected = &golden[name];
        let mut params = Params::new(Seed(0));
        Extractor::plain(size, 3, &mut params);
        let mut lines: Vec<String> = params
            .ids()
            .map(|id| {
                let published = params.published(id);
                let shape: Vec<String> = published.shape.iter().map(usize::to_string).collect();
                format!("{} {}\n", published.name, shape.join("x"))
            })
            .collect();
        lines.sort();
        assert_eq!(params.count() as u64, expected["parameters"].as_u64().unwrap(), "{name}");
        let hash = blake3::hash(lines.concat().as_bytes()).to_hex().to_string();
        assert_eq!(hash, expected["blake3"].as_str().unwrap(), "{name}");
    }
}

fn chammi() -> Vec<SetChannels> {
    [("Allen", 3), ("HPA", 4), ("CP", 5)]
        .map(|(set, count)| SetChannels {
            set: set.into(),
            channels: (0..count).map(|channel| channel.to_string()).collect(),
        })
        .to_vec()
}

fn hypernet(size: ConvNextSize, z: usize, hidden: usize) -> spec::Model {
    spec::Model {
        backbone: spec::Backbone::ConvNext { size, drop_path: 0.0 },
        weights: spec::Weights::Scratch,
        adapter: spec::Adapter::HyperNet(spec::HyperNet { z, hidden, embeddings: Embeddings::PerSet }),
    }
}

#[test]
fn hypernet_has_as_many_parameters_as_the_released_model() {
    let mut params = Params::new(Seed(0));
    let model = Extractor::new(&hypernet(ConvNextSize::Tiny, 128, 256), &chammi(), &mut params);
    let word = Term { weight: 1.0, loss: Loss::ProxyNca { temperature: 0.07, train_proxies: true } };
    Objective::new(&[word], model.width(), 14, &mut params);
    assert_eq!(params.count(), 28_253_952);
}

/// The silent cut that fused kernels make in other programs: here every parameter gets a gradient, and it moves.
#[test]
fn every_parameter_receives_a_gradient() {
    for size in [ConvNextSize::Mini, ConvNextSize::Atto] {
        for embeddings in [Embeddings::PerSet, Embeddings::Shared] {
            let mut word = hypernet(size, 6, 8);
            let spec::Adapter::HyperNet(net) = &mut word.adapter;
            net.embeddings = embeddings;
            let mut params = Params::new(Seed(1));
            let model = Extractor::new(&word, &chammi(), &mut params);
            let words = [
                Loss::CrossEntropy,
                Loss::ProxyNca { temperature: 0.07, train_proxies: true },
                Loss::SimClr { temperature: 0.07, positives: Positives::SameImage },
            ]
            .map(|loss| Term { weight: 0.3, loss });
            let objective = Objective::new(&words, model.width(), 14, &mut params);
            let mut gradients = Gradients::new(&params);
            for (set, channels) in [3, 4, 5].into_iter().enumerate() {
                let pixels = formula("input", 4 * channels * 64 * 64, 1.0, 0.0);
                let pixels = Tensor::from_vec(pixels, (4, channels, 64, 64), &Device::Cpu).unwrap();
                let mut tape = Tape::recording(&params);
                let mut drops = Seed(0).stream("drop path");
                let features =
                    model.forward(&mut tape, &params, &Images { pixels, set }, &mut drops).unwrap();
                let outputs = Outputs { features: &features, classes: &[set, set, 13, 13] };
                let value = objective.value(&mut tape, &params, &outputs).unwrap();
                tape.backward(&value.total, &mut gradients).unwrap();
            }
            for id in params.ids() {
                let name = &params.published(id).name;
                let grad = gradients.of(id).unwrap_or_else(|| panic!("{size:?}: no gradient for {name}"));
                let length = crate::ops::adamw::sum_of_squares(grad.tensor()).unwrap();
                assert!(length > 0.0 && length.is_finite(), "{size:?}: the gradient of {name} is {length}");
            }
        }
    }
}

#[test]
fn a_file_of_weights_comes_back_and_a_wrong_one_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("convnext.safetensors");
    let mut written = Params::new(Seed(1));
    Extractor::plain(ConvNextSize::Atto, 3, &mut written);
    files::save(&path, &written, |_| true).unwrap();

    let mut read = Params::new(Seed(2));
    let model = Extractor::plain(ConvNextSize::Atto, 3, &mut read);
    model.load(&path, &mut read).unwrap();
    for id in read.ids() {
        assert_eq!(read.export(id).unwrap(), written.export(id).unwrap());
    }

    // HyperNet brings its own first layer; the file's is left out without a word.
    let mut params = Params::new(Seed(3));
    let model = Extractor::new(&hypernet(ConvNextSize::Atto, 4, 4), &chammi(), &mut params);
    model.load(&path, &mut params).unwrap();

    let mut params = Params::new(Seed(3));
    let model = Extractor::plain(ConvNextSize::Femto, 3, &mut params);
    let error = model.load(&path, &mut params).unwrap_err().to_string();
    assert!(
        error.contains("misshapen: stem.0.weight: expected F32 [48, 3, 4, 4], found F32 [40, 3, 4, 4]"),
        "{error}"
    );
    assert!(error.contains("more"), "{error}");

    let mut params = Params::new(Seed(3));
    let model = Extractor::plain(ConvNextSize::Mini, 3, &mut params);
    let error = model.load(&path, &mut params).unwrap_err().to_string();
    assert!(error.contains("unexpected: stages.0.blocks.1"), "{error}");

    std::fs::write(&path, b"not weights").unwrap();
    let error = model.load(&path, &mut params).unwrap_err();
    assert!(error.to_string().contains("is not a safetensors file"), "{error}");
}
