//! Networks off the shelf compared with timm's, with weights by formula (`tests/golden/extractors.py`); names
//! as published.

use super::{DinoV2, OffTheShelf, ResNet, dino_v2, files, position};
use crate::{
    golden::{self, Golden, assert_close, device, everywhere, on_gpus, phase},
    ops::format::Format,
    params::{Params, Published},
    seed::Seed,
    spec::{DinoV2Size, ResNetSize},
};
use candle_core::Tensor;

mod third_opinion;

/// Looks like noise, and is the same in Python (`extractors.py`).
pub(super) fn formula(name: &str, count: usize, amplitude: f64, offset: f64) -> Vec<f32> {
    let wave = |j: f64| libm::sin(0.37 * j * j + phase(name));
    (0..count).map(|j| (offset + amplitude * wave(j as f64)) as f32).collect()
}

/// Fills every tensor by the formula, at amplitudes at which all of them matter.
pub(super) fn fill(params: &mut Params) {
    for id in params.ids() {
        let published = params.published(id).clone();
        let Published { name, shape, .. } = &published;
        let (amplitude, offset) = match name.as_str() {
            name if name.ends_with("running_var") => (0.3, 1.0),
            "pos_embed" | "cls_token" | "reg_token" => (0.5, 0.0),
            name if name.contains("gamma") => (0.1, 0.5),
            _ if shape.len() >= 2 => (2.0 / (shape[1..].iter().product::<usize>() as f64).sqrt(), 0.0),
            name if name.ends_with(".weight") => (0.1, 1.0),
            _ => (0.1, 0.0),
        };
        params.import(id, formula(name, published.count(), amplitude, offset)).unwrap();
    }
}

pub(super) fn rgb_images(height: usize, width: usize) -> Tensor {
    let pixels = formula("input", 2 * 3 * height * width, 0.5, 0.5);
    Tensor::from_vec(pixels, (2, 3, height, width), &device()).unwrap()
}

pub(super) fn features(network: &dyn OffTheShelf, params: &Params, images: &Tensor) -> Vec<f32> {
    let y = network.features(params, images).unwrap();
    assert_eq!(y.dims(), [images.dim(0).unwrap(), network.width()]);
    y.flatten_all().unwrap().to_vec1().unwrap()
}

#[test]
fn resnets_agree_with_timm() {
    let golden = Golden::open("extractors");
    let kinds =
        [("basic", [2, 2, 2, 2], true), ("raw", [2, 2, 2, 2], false), ("bottleneck", [1, 2, 1, 1], true)];
    everywhere(|| {
        for (name, depths, normalises) in kinds {
            let mut params = Params::new(Seed(0));
            let network = ResNet::of(&depths, name == "bottleneck", normalises, &mut params);
            fill(&mut params);
            let found = features(&network, &params, &rgb_images(47, 62));
            assert_close(name, &found, &golden.values(&format!("resnet.{name}")), 1e-5);
        }
    });
}

#[test]
fn a_small_transformer_agrees_with_timm() {
    everywhere(|| {
        let mut params = Params::new(Seed(0));
        let shape = dino_v2::Shape { width: 24, depth: 2, heads: 3, patch: 4, grid: 6, registers: 2 };
        let network = DinoV2::shaped(shape, &mut params);
        fill(&mut params);
        let found = features(&network, &params, &rgb_images(17, 26));
        assert_close("class token", &found, &Golden::open("extractors").values("dino_v2"), 1e-5);
    });
}

#[test]
fn positions_are_resized_as_pytorch_does_it() {
    let golden = Golden::open("extractors");
    for (from, rows, cols) in [(6, 5, 7), (6, 6, 6), (4, 9, 13), (37, 17, 27), (7, 2, 3)] {
        let grid = formula("pos_embed", from * from * 3, 0.5, 0.0);
        let found = position::resized(&grid, 3, from, [rows, cols]);
        let name = format!("positions.{from}.{rows}x{cols}");
        assert_close(&name, &found, &golden.values(&name), 1e-5);
    }
    let grid = formula("pos_embed", 6 * 6 * 3, 0.5, 0.0);
    assert_eq!(position::resized(&grid, 3, 6, [6, 6]), grid, "the trained grid is unchanged, to the bit");
}

#[test]
fn names_shapes_and_counts_are_timms() {
    let text = std::fs::read_to_string(golden::folder().join("extractors_names.json")).unwrap();
    let golden: serde_json::Value = serde_json::from_str(&text).unwrap();
    type Build = fn(&mut Params) -> Box<dyn OffTheShelf>;
    let networks: [(&str, Build); 3] = [
        ("resnet18", |params| Box::new(ResNet::new(ResNetSize::R18, true, params))),
        ("resnet50", |params| Box::new(ResNet::new(ResNetSize::R50, true, params))),
        ("dinov2_vits14_reg", |params| Box::new(DinoV2::new(DinoV2Size::SmallReg, params))),
    ];
    let known: Vec<String> = files::all().iter().map(files::name).collect();
    for (name, build) in networks {
        assert!(known.iter().any(|known| known == name), "{name}");
        let mut params = Params::new(Seed(0));
        let network = build(&mut params);
        let expected = &golden[name];
        assert_eq!(golden::names_hash(&params), expected["blake3"], "{name}");
        assert_eq!(
            (params.count(), network.width()),
            (count(&expected["parameters"]), count(&expected["features"])),
            "{name}"
        );
    }
}

fn count(value: &serde_json::Value) -> usize {
    value.as_u64().unwrap() as usize
}

#[test]
fn company_changes_no_bit() {
    let images = rgb_images(75, 61);
    let mut params = Params::new(Seed(0));
    let resnet = ResNet::of(&[1, 1], false, true, &mut params);
    let mut tokens = Params::new(Seed(0));
    let shape = dino_v2::Shape { width: 24, depth: 1, heads: 3, patch: 4, grid: 6, registers: 2 };
    let dino = DinoV2::shaped(shape, &mut tokens);
    for (network, params) in [(&resnet as &dyn OffTheShelf, &params), (&dino, &tokens)] {
        let both = features(network, params, &images);
        let alone = [0, 1]
            .map(|at| features(network, params, &images.narrow(0, at, 1).unwrap().contiguous().unwrap()));
        assert_eq!(alone.concat(), both);
    }
}

#[test]
fn a_published_file_has_more_in_it_and_a_wrong_one_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("resnet.safetensors");
    let small = |params: &mut Params| ResNet::of(&[1], false, true, params);
    let mut written = Params::new(Seed(1));
    small(&mut written);
    for (name, shape) in [("fc.weight", &[10, 64][..]), ("fc.bias", &[10]), ("bn1.num_batches_tracked", &[])]
    {
        written.add_constant(Published::new(name, shape), 1.0);
    }
    files::save(&path, &written, None, |_| true).unwrap();
    let mut read = Params::new(Seed(2));
    small(&mut read);
    files::load_whole(&path, &mut read).unwrap();
    for id in read.ids() {
        assert_eq!(read.export(id).unwrap(), written.export(id).unwrap());
    }

    let mut other = Params::new(Seed(2));
    ResNet::of(&[1, 1], false, true, &mut other);
    let error = files::load_whole(&path, &mut other).unwrap_err().to_string();
    assert!(error.contains("missing: layer2.0.conv1.weight"), "{error}");
}

/// Meta's files have a position of the class token, which timm has in the class token itself.
#[test]
fn a_position_of_the_class_token_is_added_to_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dinov2.safetensors");
    let shape = dino_v2::Shape { width: 24, depth: 1, heads: 3, patch: 4, grid: 6, registers: 2 };
    let mut own = Params::new(Seed(0));
    DinoV2::shaped(shape, &mut own);
    fill(&mut own);
    let tensors: Vec<(String, Vec<usize>, Vec<u8>)> = own
        .ids()
        .map(|id| {
            let Published { name, shape, .. } = own.published(id);
            let (mut shape, mut values) = (shape.clone(), own.export(id).unwrap());
            match name.as_str() {
                "cls_token" => values.iter_mut().for_each(|x| *x -= 0.25),
                "pos_embed" => {
                    shape[1] += 1;
                    values.splice(..0, [0.25; 24]);
                }
                _ => {}
            }
            (name.replace("reg_token", "register_tokens"), shape, files::bytes(&values))
        })
        .collect();
    files::write(&path, &tensors, None).unwrap();
    let mut read = Params::new(Seed(1));
    DinoV2::shaped(shape, &mut read);
    files::load_whole(&path, &mut read).unwrap();
    for id in read.ids() {
        assert_close(&own.published(id).name, &read.export(id).unwrap(), &own.export(id).unwrap(), 1e-6);
    }
}

#[test]
fn features_in_bfloat16_are_close() {
    let golden = Golden::open("extractors");
    on_gpus(|| {
        let mut params = Params::new(Seed(0));
        let shape = dino_v2::Shape { width: 24, depth: 2, heads: 3, patch: 4, grid: 6, registers: 2 };
        let dino = DinoV2::shaped(shape, &mut params);
        let mut weights = Params::new(Seed(0));
        let resnet = ResNet::of(&[2, 2, 2, 2], false, true, &mut weights);
        let cases: [(&dyn OffTheShelf, &mut Params, &str, [usize; 2]); 2] =
            [(&dino, &mut params, "dino_v2", [17, 26]), (&resnet, &mut weights, "resnet.basic", [47, 62])];
        for (network, params, name, [height, width]) in cases {
            fill(params);
            params.go_to(&device(), Format::Bf16).unwrap();
            let found = features(network, params, &rgb_images(height, width));
            assert_close(name, &found, &golden.values(name), 0.05);
        }
    });
}
