//! Transformers against published code: features at several sizes, gradients, whole steps of CODA's classifier
//! (`tests/golden/vit.py`).

mod channels;
mod drops;
mod hierarchy;
mod masks;

use super::*;
use crate::{
    adapter::{Entry, Images, plain},
    backbone::{layers::Affine, recipe},
    golden::{Golden, assert_close, device, everywhere},
    seed::Seed,
    spec::{Optimiser as Word, PositionResize, VitFeatures, VitSize},
    tape::{Gradients, Tape},
    train::{self, Clip, Groups, Names, Optimiser},
};
use candle_core::Tensor;

/// What `vit.py` keeps of long tensors.
const KEPT: usize = 300;
const STRIDE: usize = 23;

fn thinned(values: Vec<f32>) -> Vec<f32> {
    if values.len() > KEPT { values.into_iter().step_by(STRIDE).collect() } else { values }
}

fn images(seed: u64, name: &str, shape: [usize; 4]) -> Images {
    Images { pixels: recipe::images(seed, name, shape), set: 0 }
}

/// Fills by the recipe; the published code has another name for registers.
fn fill(params: &mut Params, seed: u64, registers: &str) {
    recipe::fill(params, seed, |name| name.replace("reg_token", registers));
}

fn shape() -> Shape {
    Shape {
        width: 64,
        depth: 2,
        heads: 2,
        patch: 16,
        grid: 14,
        registers: 0,
        layer_scale: None,
        class_position: true,
        drop_path: 0.0,
        reading: VitFeatures::ClassToken.into(),
        resize: PositionResize::Antialiased.into(),
        hidden: Hidden::Gelu,
    }
}

/// A patch embedding and a transformer, filled by the recipe.
struct Case {
    params: Params,
    stem: Box<dyn Entry>,
    vit: Vit,
}

impl Case {
    fn new(shape: Shape, channels: usize, seed: u64, registers: &str) -> Self {
        let mut params = Params::new(Seed(0));
        let stem = plain(channels, shape.stem(), &mut params);
        let vit = Vit::shaped(shape, &mut params);
        fill(&mut params, seed, registers);
        Self { params, stem, vit }
    }

    fn features(&mut self, tape: &mut Tape, images: &Images, features: VitFeatures) -> Node {
        self.vit.shape.reading = features.into();
        let pass = &mut Pass::new(tape, &self.params);
        let x = self.stem.enter(pass, images).unwrap();
        self.vit.run(pass, x).unwrap().features
    }
}

const BOTH: [(VitFeatures, &str); 2] =
    [(VitFeatures::ClassToken, "cls"), (VitFeatures::MeanOfPatches, "patch_mean")];

fn values(node: &Node) -> Vec<f32> {
    node.value().flatten_all().unwrap().to_vec1().unwrap()
}

/// The branches are all that blocks add: what goes in and all of them make what comes out. The first tap is the patches.
#[test]
fn taps_receive_the_patches_and_every_branch_in_order() {
    for registers in [0, 2] {
        let case = Case::new(Shape { registers, ..shape() }, 3, 7, "reg_token");
        let images = images(8, "taps", [2, 3, 32, 48]);
        let mut said: Vec<Tensor> = Vec::new();
        let mut tap = |node: &Node| {
            said.push(node.value().clone());
            Ok(())
        };
        let mut tape = Tape::forgetting();
        let mut pass = Pass::new(&mut tape, &case.params).tapped(&mut tap);
        let x = case.stem.enter(&mut pass, &images).unwrap();
        let features = case.vit.run(&mut pass, x).unwrap().features;
        let depth = case.vit.shape.depth;
        assert_eq!(said.len(), 2 * depth + 1);
        assert_eq!(said[0].dims(), [2, 2, 3, 64]);
        assert!(said[1..].iter().all(|branch| branch.dims() == [2, 7 + registers, 64]));

        let mut tape = Tape::forgetting();
        let mut pass = Pass::new(&mut tape, &case.params);
        let patches = Entered::Maps(Node::constant(said[0].clone()));
        let patches = Patches::of(pass.tape, patches).unwrap();
        let before = case.vit.embedded(&mut pass, patches).unwrap();
        let whole = said[1..].iter().fold(before.value().clone(), |sum, branch| (sum + branch).unwrap());
        let whole = case.vit.normalised(&mut pass, &Node::constant(whole)).unwrap();
        let class: Vec<f32> =
            whole.value().narrow(1, 0, 1).unwrap().flatten_all().unwrap().to_vec1().unwrap();
        assert_close("branches", &values(&features), &class, 1e-5);
    }
}

#[test]
fn features_agree_with_published_code_at_every_size() {
    let golden = Golden::open("vit");
    let scaled = Shape { layer_scale: Some(1e-5), ..shape() };
    let offset = PositionResize::Offset.into();
    let cases = [
        ("timm_plain", 1006, shape(), "reg_token"),
        ("timm_reg4_ls", 1007, Shape { registers: 4, class_position: false, ..scaled }, "reg_token"),
        ("dino1", 1005, Shape { resize: offset, ..shape() }, ""),
        ("dv2_off0", 1001, Shape { resize: PositionResize::Bicubic.into(), ..scaled }, ""),
        ("dv2_reg4_off01", 1001, Shape { registers: 4, resize: offset, ..scaled }, "register_tokens"),
    ];
    let check = |sizes: &[[usize; 2]]| {
        for (name, seed, shape, registers) in &cases {
            let mut case = Case::new(*shape, 3, *seed, registers);
            for [height, width] in sizes {
                let size = format!("{height}x{width}");
                let images = images(*seed, &format!("images_{size}"), [2, 3, *height, *width]);
                for (features, what) in BOTH {
                    let found = case.features(&mut Tape::forgetting(), &images, features);
                    let key = format!("{name}/{size}.{what}");
                    assert_close(&key, &values(&found), &golden.values(&key), 5e-6);
                }
            }
        }
    };
    check(&[[224, 224], [112, 176], [256, 256]]);
    everywhere(|| check(&[[96, 96]]));
}

/// What else DINOv2's code is configured to.
#[test]
fn every_configuration_of_dinov2_agrees_with_its_code() {
    let golden = Golden::open("published");
    let scaled = Shape { layer_scale: Some(1e-5), resize: position::Rule::configured(0.1, false), ..shape() };
    let reg = Shape { registers: 4, resize: position::Rule::configured(0.0, true), ..scaled };
    let large = Shape { width: 32, patch: 14, grid: 37, ..scaled };
    let unscaled = Shape { layer_scale: None, ..scaled };
    let glu = Shape { grid: 4, hidden: Hidden::SwiGlu(176), ..scaled };
    let usual = [[224, 224], [96, 96], [112, 176], [256, 256]];
    let cases = [
        ("dv2_off01", 1001, 3, scaled, &usual[..]),
        ("dv2_off01_aa", 1001, 3, Shape { resize: position::Rule::configured(0.1, true), ..scaled }, &usual),
        ("dv2_reg4_off0_aa", 1001, 3, reg, &usual),
        ("dv2_p14_g37", 1002, 3, large, &[[224, 224], [98, 98], [112, 182]]),
        ("dv2_1ch_nols", 1003, 1, unscaled, &[[224, 224], [96, 96]]),
        ("dv2_swiglu", 1004, 3, glu, &[[64, 64]]),
    ];
    for (name, seed, channels, shape, sizes) in cases {
        let mut params = Params::new(Seed(0));
        let stem = plain(channels, shape.stem(), &mut params);
        let mut vit = Vit::shaped(shape, &mut params);
        let theirs = |name: &str| name.replace("reg_token", "register_tokens");
        let swiglu = |name: &str| theirs(name).replace("fc1", "w12").replace("fc2", "w3");
        let glu = shape.hidden != Hidden::Gelu;
        recipe::fill(&mut params, seed, |name| if glu { swiglu(name) } else { theirs(name) });
        for [height, width] in sizes {
            let size = format!("{height}x{width}");
            let images = images(seed, &format!("images_{size}"), [2, channels, *height, *width]);
            let mut read = |blocks: Blocks, class: bool, patches: bool| {
                vit.shape.reading = Reading { class, patches, blocks };
                let mut tape = Tape::forgetting();
                let pass = &mut Pass::new(&mut tape, &params);
                let x = stem.enter(pass, &images).unwrap();
                let found = vit.run(pass, x).unwrap().features;
                assert_eq!(found.dims(), [2, vit.width()]);
                values(&found)
            };
            let expected = |what: &str| golden.values(&format!("vit/{name}/{size}.{what}"));
            let (class, mean, before) = (expected("cls"), expected("patch_mean"), expected("cls_block_-2"));
            let key = format!("{name} {size}");
            assert_close(&key, &read(Blocks::One(0), true, false), &before, 5e-6);
            // Rows of both images, side by side: the class tokens in ascending order, then the mean over patches.
            let all: Vec<f32> = (0..2)
                .flat_map(|image| {
                    [&before, &class, &mean].map(|part| &part[image * shape.width..][..shape.width])
                })
                .flatten()
                .copied()
                .collect();
            assert_close(&key, &read(Blocks::Last(2), true, true), &all, 5e-6);
            assert_close(&key, &read(Blocks::Last(1), false, true), &mean, 5e-6);
        }
    }
}

#[test]
fn gradients_of_all_parameters_agree_with_published_code() {
    let golden = Golden::open("vit");
    let registers = Shape { grid: 6, registers: 4, layer_scale: Some(1e-5), ..shape() };
    let cases = [
        ("dino1", 1033, Shape { grid: 4, resize: PositionResize::Offset.into(), ..shape() }, [3, 2, 32, 48]),
        ("dv2_reg4_aa", 1032, registers, [2, 3, 64, 64]),
    ];
    everywhere(|| {
        for (name, seed, shape, of) in cases {
            let key = |what: &str| format!("grad/{name}/{what}");
            let mut case = Case::new(shape, of[1], seed, "register_tokens");
            let images = images(seed, &format!("images_{}x{}", of[2], of[3]), of);
            let mut gradients = Gradients::new(&case.params);
            let mut loss = 0.0;
            for (features, what) in BOTH {
                let mut tape = Tape::recording(&case.params);
                let found = case.features(&mut tape, &images, features);
                assert_close(&key(what), &values(&found), &golden.values(&key(what)), 5e-6);
                let weights = golden.values(&key(&format!("loss_{}", what.trim_end_matches("_mean"))));
                let weights = weights.into_iter().map(|weight| weight / of[0] as f32).collect();
                let one =
                    |node: Node, tape: &mut Tape| tape.reshape(&node, (1, of[0] * shape.width)).unwrap();
                let weights =
                    Node::constant(Tensor::from_vec(weights, (1, of[0] * shape.width), &device()).unwrap());
                let found = one(found, &mut tape);
                let sum = tape.linear(&found, &weights, Weight::OutIn, None).unwrap();
                loss += sum.scalar().unwrap();
                tape.backward(&sum, &mut gradients).unwrap();
            }
            assert_close("loss", &[loss], &golden.values(&key("loss")), 1e-5);
            for id in case.params.ids() {
                let published = case.params.published(id);
                let found = published.to_published(gradients.of(id).unwrap().tensor()).unwrap();
                let name = published.name.replace("reg_token", "register_tokens");
                let name = key(&format!("grad.{name}"));
                assert_close(&name, &thinned(found), &golden.values(&name), 2e-5);
            }
        }
    });
}

/// CODA's second step: a frozen extractor, whose tokens pass through a linear map into a classifier without an embedding.
#[test]
fn steps_of_codas_classifier_agree_with_pytorch() {
    const SEED: u64 = 3005;
    everywhere(|| {
        let golden = Golden::open("vit");
        let key = |what: &str| format!("dual_model/{what}");
        let shape = Shape { width: 32, patch: 8, grid: 4, ..shape() };
        let mut params = Params::new(Seed(0));
        let (stem, extractor) = {
            let mut scope = params.within("foundation_model.backbone.");
            (plain(3, shape.stem(), &mut scope), Vit::shaped(shape, &mut scope))
        };
        params.ids().for_each(|id| params.freeze(id));
        let bridge = Affine::new(Published::new("linear_projector.weight", &[32, 32]), 32, &mut params);
        let classifier = Vit::shaped(shape, &mut params.within("main_model.backbone."));
        let head = Affine::new(Published::new("main_model.fc.weight", &[7, 32]), 7, &mut params);
        fill(&mut params, SEED, "");

        let forward = |params: &Params, name: &str, gradients: &mut Gradients| {
            let images = images(SEED, name, [3, 3, 32, 32]);
            let mut tape = Tape::recording(params);
            let pass = &mut Pass::new(&mut tape, params);
            let patches = stem.enter(pass, &images).unwrap();
            let patches = Patches::of(pass.tape, patches).unwrap();
            let tokens = extractor.embedded(pass, patches).unwrap();
            let tokens = extractor.through(pass, tokens, 0..2).unwrap();
            let tokens = extractor.normalised(pass, &tokens).unwrap();
            let x = bridge.forward(pass.tape, params, &tokens).unwrap();
            let x = classifier.through(pass, x, 0..2).unwrap();
            let x = pass.tape.token_range(&x, 0..1).unwrap();
            let x = classifier.normalised(pass, &x).unwrap();
            let x = pass.tape.reshape(&x, (3, 32)).unwrap();
            let logits = head.forward(pass.tape, params, &x).unwrap();
            let loss = pass.tape.cross_entropy(&logits, 1.0, &[0, 1, 2], None).unwrap();
            let found = [&tokens, &logits, &loss].map(values);
            tape.backward(&loss, gradients).unwrap();
            found
        };
        let mut gradients = Gradients::new(&params);
        let [tokens, logits, loss] = forward(&params, "images", &mut gradients);
        assert_close("tokens", &tokens, &golden.values(&key("extractor_tokens")), 5e-6);
        assert_close("logits", &logits, &golden.values(&key("logits")), 5e-6);
        assert_close("loss", &loss, &golden.values(&key("loss")), 5e-6);
        let compared: Vec<ParamId> = params.ids().filter(|id| gradients.of(*id).is_some()).collect();
        // Two blocks of twelve tensors, the last normalisation, two linear maps.
        assert_eq!(compared.len(), 24 + 2 + 4);
        for id in &compared {
            let published = params.published(*id);
            let found = published.to_published(gradients.of(*id).unwrap().tensor()).unwrap();
            let name = key(&format!("grad.{}", published.name));
            assert_close(&name, &thinned(found), &golden.values(&name), 2e-5);
        }

        let word = Word { lr: 1e-3, weight_decay: 1e-5, betas: [0.9, 0.999], eps: 1e-8 };
        let groups = Groups::new(vec![train::Rule { names: Names::Vectors, rate: 1.0, decays: false }]);
        let mut optimiser = Optimiser::grouped(&word, &groups, Clip::Norm(1.0), &params).unwrap();
        for step in 1..=2 {
            gradients.clear();
            forward(&params, &format!("step{step}_images"), &mut gradients);
            let norm = optimiser.gradient_norm(&gradients).unwrap();
            optimiser.clip(&norm, &mut gradients).unwrap();
            optimiser.step(&params, &gradients, |_| word.lr).unwrap();
            for id in &compared {
                let name = &params.published(*id).name;
                let key = key(&format!("step{step}.{name}"));
                let (mut found, mut expected) = (thinned(params.export(*id).unwrap()), golden.values(&key));
                if name.ends_with("attn.qkv.bias") {
                    // The gradient of keys is exactly zero; AdamW divides what rounding leaves of it by its own size.
                    [&mut found, &mut expected].into_iter().for_each(|values| values[32..64].fill(0.0));
                }
                assert_close(&key, &found, &expected, 1e-4);
            }
        }
    });
}

#[test]
fn initial_values_are_timms_and_larger_in_mini() {
    for (size, heads, grid) in [(VitSize::Mini, 2, 8), (VitSize::Tiny, 3, 14)] {
        let mut params = Params::new(Seed(4));
        let shape = Shape::of(&settings::Vit { drop_path: 0.1, ..settings::Vit::plain(size) });
        let (width, pixels) = (shape.width, 3 * shape.patch * shape.patch);
        let _ = plain(3, shape.stem(), &mut params);
        let vit = Vit::shaped(shape, &mut params);
        assert_eq!((shape.heads, shape.grid, vit.width()), (heads, grid, width));
        for id in params.ids() {
            let Published { name, shape, .. } = params.published(id);
            let values = params.export(id).unwrap();
            let mean = values.iter().sum::<f32>() / values.len() as f32;
            let sd = (values.iter().map(|x| (x - mean).powi(2)).sum::<f32>() / values.len() as f32).sqrt();
            let (expected, around) = match name.as_str() {
                "cls_token" => (1e-6, 0.0),
                name if name.contains("norm") => (0.0, if name.ends_with("weight") { 1.0 } else { 0.0 }),
                // Uniform within one over the root of the pixels of a patch.
                name if name.starts_with("patch_embed") => (1.0 / (3.0 * pixels as f32).sqrt(), 0.0),
                name if name.ends_with("bias") => (0.0, 0.0),
                name if name.starts_with("blocks") && size == VitSize::Mini => {
                    (1.0 / (shape[1] as f32).sqrt(), 0.0)
                }
                _ => (0.02, 0.0),
            };
            assert!((sd - expected).abs() <= 0.15 * expected, "{name} {shape:?}: {sd}, not {expected}");
            assert!((mean - around).abs() <= 0.2 * expected, "{name}: {mean}, not {around}");
        }
    }
}

/// As many parameters as timm's models without heads, and Meta's of DeiT-S.
#[test]
fn sizes_are_timms() {
    let count = |size: VitSize| {
        let mut params = Params::shapes();
        let shape = Shape::of(&settings::Vit::plain(size));
        let _ = plain(3, shape.stem(), &mut params);
        let _ = Vit::shaped(shape, &mut params);
        params.bytes().unwrap() / 4
    };
    let sizes = [VitSize::Mini, VitSize::Tiny, VitSize::Small, VitSize::Base, VitSize::Large];
    assert_eq!(sizes.map(count), [826_496, 5_524_416, 21_665_664, 85_798_656, 303_301_632]);
}

#[test]
fn a_branch_that_is_dropped_leaves_the_stream_and_images_do_not_mix() {
    use crate::pass::Drops;
    let mut case = Case::new(Shape { drop_path: 0.9, ..shape() }, 3, 7, "");
    let images = images(7, "images", [4, 3, 32, 32]);
    let tokens = |drops: Drops| {
        let mut tape = Tape::recording(&case.params);
        let pass = &mut Pass::new(&mut tape, &case.params).dropping(drops);
        let patches = case.stem.enter(pass, &images).unwrap();
        let patches = Patches::of(pass.tape, patches).unwrap();
        let before = case.vit.embedded(pass, patches).unwrap();
        let first = case.vit.blocks[0].forward(pass, &before).unwrap();
        let second = case.vit.blocks[1].forward(pass, &first).unwrap();
        [first, second].map(|x| values(&x))
    };
    let whole = |images: usize| Drops::whole(Seed(2).stream("drops"), images);
    let keep = {
        let mut drops = whole(4);
        [drops.keep(0.9, 4).unwrap(), drops.keep(0.9, 4).unwrap()]
    };
    assert!(keep.concat().contains(&0.0));
    let [first, second] = tokens(whole(4));
    let [kept, _] = tokens(Drops::none());
    assert_eq!(first, kept, "the first block drops nothing");
    let each = first.len() / 4;
    for image in 0..4 {
        let dropped = keep.iter().all(|branch| branch[image] == 0.0);
        let of = |values: &[f32]| values[image * each..][..each].to_vec();
        assert_eq!(of(&first) == of(&second), dropped, "image {image}: {keep:?}");
    }

    let both = values(&case.features(&mut Tape::forgetting(), &images, VitFeatures::MeanOfPatches));
    for at in 0..4 {
        let pixels = images.pixels.narrow(0, at, 1).unwrap().contiguous().unwrap();
        let alone =
            case.features(&mut Tape::forgetting(), &Images { pixels, set: 0 }, VitFeatures::MeanOfPatches);
        assert_close("alone", &values(&alone), &both[at * 64..][..64], 1e-5);
    }
}
