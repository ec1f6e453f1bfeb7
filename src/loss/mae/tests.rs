//! The masked autoencoder against its published code (`tests/golden/reference/mae_*`), on CPU and GPU.

use super::{hidden::smallest, *};
use crate::{
    adapter::{Entry, Images, plain},
    backbone::{Patches, Vit, VitShape},
    golden::{Golden, assert_close, device, everywhere, folder, recipe},
    ops::Places,
    params::Published,
    pass::{Entered, Outputs},
    seed::Seed,
    spec::{MaePositions, PositionResize, VitFeatures},
    tape::Gradients,
};
use candle_core::Tensor;
use serde_json::Value;

/// The encoder, filled by the recipe of a reference, with the fixed table of positions.
struct Case {
    params: Params,
    entry: Box<dyn Entry>,
    vit: Vit,
    mae: Autoencoder,
    images: Tensor,
    /// The smallest draws are visible.
    noise: Vec<Vec<f64>>,
    golden: Golden,
    mask: f64,
    patches: usize,
}

fn number(value: &Value) -> usize {
    value.as_u64().unwrap() as usize
}

impl Case {
    fn open(name: &str) -> Self {
        let text = std::fs::read_to_string(folder().join(format!("reference/mae_{name}.json"))).unwrap();
        let json: Value = serde_json::from_str(&text).unwrap();
        let settings = &json["settings"];
        let of = |name: &str| number(&settings[name]);
        let (width, patch, side) = (of("dim"), of("p"), of("g"));
        let shape = VitShape {
            width,
            depth: of("depth"),
            heads: of("heads"),
            patch,
            grid: side / patch,
            registers: 0,
            layer_scale: None,
            class_position: true,
            drop_path: 0.0,
            reading: VitFeatures::ClassToken.into(),
            resize: PositionResize::Bicubic.into(),
            hidden: crate::backbone::Hidden::Gelu,
        };
        let mask = settings["mask_ratio"].as_f64().unwrap();
        let word = settings::Mae {
            mask,
            normalised: settings["norm_pix_loss"].as_bool().unwrap(),
            positions: MaePositions::Fixed,
            decoder_width: of("dd"),
            decoder_depth: of("ddepth"),
            decoder_heads: of("dheads"),
        };
        let mut params = Params::new(Seed(0));
        let entry = plain(3, shape.stem(), &mut params);
        let vit = Vit::shaped(shape, &mut params);
        let mae = Autoencoder::new(&word, Drawn { width, patch, channels: 3 }, &mut params);
        let seed = json["weights"]["seed"].as_u64().unwrap();
        for id in params.ids() {
            let Published { name, shape, .. } = params.published(id).clone();
            let tensor = &json["weights"]["tensors"][&name];
            if tensor.is_null() {
                assert_eq!(name, "pos_embed", "everything else is filled");
                continue;
            }
            let of = |what: &str| tensor[what].as_f64().unwrap();
            let values = recipe(seed, &name, shape.iter().product(), of("mean"), of("std"));
            params.import(id, values).unwrap();
        }
        let images = &json["images"];
        let shape: Vec<usize> = images["shape"].as_array().unwrap().iter().map(number).collect();
        let pixels = recipe(images["seed"].as_u64().unwrap(), "images", shape.iter().product(), 0.0, 1.0);
        let golden = Golden::open(&format!("reference/mae_{name}"));
        let patches = (side / patch).pow(2);
        let noise: Vec<f64> = golden.values("noise").into_iter().map(f64::from).collect();
        Self {
            params,
            entry,
            vit,
            mae,
            images: Tensor::from_vec(pixels, shape, &device()).unwrap(),
            noise: noise.chunks_exact(patches).map(<[f64]>::to_vec).collect(),
            golden,
            mask,
            patches,
        }
    }

    fn hidden(&self) -> Hidden {
        let kept = self.mae.word.kept(self.patches);
        let places = self.noise.iter().flat_map(|noise| smallest(noise, kept)).collect();
        Hidden { visible: Places::new(places, kept, self.patches).unwrap(), pixels: self.images.clone() }
    }

    fn tokens(&self, tape: &mut Tape, hidden: &Hidden) -> Node {
        let pass = &mut Pass::new(tape, &self.params);
        let maps = self.entry.enter(pass, &Images { pixels: self.images.clone(), set: 0 }).unwrap();
        let patches = Patches::of(pass.tape, maps).unwrap();
        self.vit.visible(pass, patches, &hidden.visible).unwrap()
    }
}

fn values(node: &Node) -> Vec<f32> {
    node.value().flatten_all().unwrap().to_vec1().unwrap()
}

fn agrees(name: &str) {
    everywhere(|| {
        let case = Case::open(name);
        let (golden, hidden) = (&case.golden, case.hidden());
        let mask: Vec<f32> =
            hidden.visible.left_out().into_iter().map(|hidden| f32::from(u8::from(hidden))).collect();
        assert_eq!(mask, golden.values("mask"));
        assert_eq!(case.mae.word.mask, case.mask);
        let raw = target::of(&case.images, case.mae.patch, false).unwrap().flatten_all().unwrap();
        assert_eq!(raw.to_vec1::<f32>().unwrap(), golden.values("target_patches"));

        let mut tape = Tape::recording(&case.params);
        let tokens = case.tokens(&mut tape, &hidden);
        assert_close("latent", &values(&tokens), &golden.values("latent"), 5e-6);
        let drawn = case.mae.draw(&mut tape, &case.params, &tokens, &hidden).unwrap();
        assert_close("pred", &values(&drawn), &golden.values("pred"), 1e-5);
        let mut student = [Outputs::of(tokens.clone())];
        student[0].tokens = Some(tokens);
        let out = Forwarded { hidden: Some(&hidden), ..Forwarded::of(&student, &[0, 0, 0]) };
        let Valued { node: loss, .. } = case.mae.value(&mut tape, &case.params, &out, &Clock::START).unwrap();
        assert_close("loss", &[loss.scalar().unwrap()], &golden.values("loss"), 5e-6);
        let mut gradients = Gradients::new(&case.params);
        tape.backward(&loss, &mut gradients).unwrap();
        let mut checked = 0;
        for id in case.params.ids() {
            let published = case.params.published(id);
            let name = &published.name;
            let Some(found) = gradients.of(id) else {
                assert_eq!(name, "pos_embed", "the fixed table alone learns nothing");
                continue;
            };
            let found = published.to_published(found.tensor()).unwrap();
            let expected = golden.values(&format!("grad.{name}"));
            let all = 0..found.len();
            // The exact gradient of the keys' bias is 0.
            let third = found.len() / 3;
            let keys = if name.ends_with("qkv.bias") { third..2 * third } else { 0..0 };
            let compared: Vec<usize> = all.filter(|at| !keys.contains(at)).collect();
            let of = |values: &[f32]| compared.iter().map(|at| values[*at]).collect::<Vec<_>>();
            assert_close(name, &of(&found), &of(&expected), 3e-5);
            checked += 1;
        }
        assert_eq!(checked + 1, case.params.len());
    });
}

#[test]
fn normalised_patches_agree_with_the_published_code() {
    agrees("norm_pix");
}

#[test]
fn raw_patches_agree_with_the_published_code() {
    agrees("raw_pixels");
}

#[test]
fn features_are_those_of_the_whole_image() {
    let case = Case::open("norm_pix");
    let golden = Golden::open("reference/mae_encoder_unmasked");
    let mut tape = Tape::forgetting();
    let all = Places::new((0..3).flat_map(|_| 0..case.patches).collect(), case.patches, case.patches);
    let hidden = Hidden { visible: all.unwrap(), pixels: case.images.clone() };
    let tokens = case.tokens(&mut tape, &hidden);
    let class = tape.token_range(&tokens, 0..1).unwrap();
    assert_close("cls", &values(&class), &golden.values("cls"), 5e-6);
    let pass = &mut Pass::new(&mut tape, &case.params);
    let maps = case.entry.enter(pass, &Images { pixels: case.images.clone(), set: 0 }).unwrap();
    let features = crate::backbone::Backbone::run(&case.vit, pass, maps).unwrap().features;
    assert_close("features", &values(&features), &golden.values("cls"), 5e-6);
    let _: fn(Node) -> Entered = Entered::Maps;
}

/// MAE's own example: [0, 1, 2, 5].
#[test]
fn a_patch_is_normalised_with_its_unbiased_variance() {
    everywhere(|| {
        let pixels = Tensor::from_vec(vec![0.0f32, 1.0, 2.0, 5.0], (1, 1, 2, 2), &device()).unwrap();
        let found = target::of(&pixels, 2, true).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
        for (found, expected) in found.iter().zip([-0.925_82, -0.462_91, 0.0, 1.388_73]) {
            assert!((found - expected).abs() < 1e-5, "{found}");
        }
        // Rows and columns that no patch covers are left out; channels are innermost.
        let pixels: Vec<f32> = (0..2 * 5 * 7).map(|at| at as f32).collect();
        let pixels = Tensor::from_vec(pixels, (1, 2, 5, 7), &device()).unwrap();
        let found = target::of(&pixels, 2, false).unwrap();
        assert_eq!(found.dims(), [1, 6, 8]);
        let first = found.get(0).unwrap().get(1).unwrap().to_vec1::<f32>().unwrap();
        assert_eq!(first, [2.0, 37.0, 3.0, 38.0, 9.0, 44.0, 10.0, 45.0]);
    });
}

#[test]
fn each_image_has_patches_of_its_own_and_the_same_again() {
    let draw = |images| {
        Hidden::places(images, 64, 16, |image| Seed(3).stream(&format!("mask/step/5/set/0/row/{image}")))
            .unwrap()
    };
    let (all, again, first) = (draw(4), draw(4), draw(2));
    let numbers = |places: &Places| places.left_out();
    assert_eq!(numbers(&all), numbers(&again));
    assert_eq!(numbers(&all)[..2 * 64], numbers(&first)[..]);
    assert_ne!(numbers(&all)[..64], numbers(&all)[64..128]);
    let mut counts = [0; 64];
    let many = Hidden::places(4000, 64, 16, |image| Seed(3).stream(&image.to_string())).unwrap();
    many.left_out()
        .iter()
        .enumerate()
        .filter(|(_, hidden)| !**hidden)
        .for_each(|(at, _)| counts[at % 64] += 1);
    assert!(counts.iter().all(|count| (850..1150).contains(count)), "{counts:?}");
}

#[test]
fn as_many_patches_stay_as_the_published_code_keeps() {
    let kept = |mask, patches| {
        let word = settings::Mae {
            mask,
            normalised: true,
            positions: MaePositions::Learned,
            decoder_width: 8,
            decoder_depth: 1,
            decoder_heads: 1,
        };
        word.kept(patches)
    };
    assert_eq!([kept(0.75, 196), kept(0.75, 16), kept(0.8, 10), kept(0.6, 16)], [49, 4, 1, 6]);
}
