//! Compared with timm, with weights by formula (`tests/golden/zoo.py`); names, sides, means and deviations as
//! published.

use super::{super::tests, *};
use crate::{
    golden::{self, Golden, assert_close},
    seed::Seed,
    spec::RgbNorm,
};
use candle_core::Var;

/// Measured: 9e-7 at most.
const TOLERANCE: f32 = 1e-5;

/// A transformer of another shape, which takes square images with this side.
fn small(
    network: impl Network + 'static,
    like: NetworkModel,
    [width, side]: [usize; 2],
    params: &mut Params,
) -> Zoo {
    let zoo = Zoo::of(Box::new(network), NetworkFacts { side, width, ..like.facts() }, true, params);
    tests::fill(params);
    zoo
}

fn small_clip(params: &mut Params) -> Zoo {
    small(clip::Clip::of([24, 2, 3], [16, 4]), NetworkModel::ClipBase, [24, 16], params)
}

fn published(model: NetworkModel, params: &mut Params) -> Zoo {
    let zoo = Zoo::new(model, true, params);
    tests::fill(params);
    zoo
}

fn agrees(name: &str, zoo: &Zoo, params: &Params, [height, width]: [usize; 2]) {
    let found = tests::features(zoo, params, &tests::rgb_images(height, width));
    assert_close(name, &found, &Golden::open("zoo").values(name), TOLERANCE);
}

#[test]
fn small_transformers_agree_with_timm() {
    let params = &mut Params::new(Seed(0));
    agrees("clip", &small_clip(params), params, [16; 2]);
    let params = &mut Params::new(Seed(0));
    let siglip = siglip::Siglip::of([24, 2, 3], [16, 4]);
    agrees("siglip", &small(siglip, NetworkModel::SiglipBase, [24, 16], params), params, [16; 2]);
    let params = &mut Params::new(Seed(0));
    let eva02 = eva02::Eva02 { width: 128, depth: 2 };
    agrees("eva02", &small(eva02, NetworkModel::Eva02Base, [128, 448], params), params, [448; 2]);
}

#[test]
fn convolutional_networks_agree_with_timm() {
    let all = NetworkModel::ALL.iter().filter(|model| !model.facts().one_side);
    for &model in all {
        let params = &mut Params::new(Seed(0));
        agrees(model.facts().name, &published(model, params), params, [64, 96]);
    }
}

#[test]
fn names_and_facts_are_timms() {
    let text = std::fs::read_to_string(golden::folder().join("zoo_names.json")).unwrap();
    let golden: serde_json::Value = serde_json::from_str(&text).unwrap();
    for &model in NetworkModel::ALL {
        let facts = model.facts();
        let expected = &golden[facts.name];
        let asked = Asked::by(network(model).as_ref());
        assert_eq!(golden::shapes_hash(&asked), expected["blake3"], "{}", facts.name);
        let measured = |one: &&Published| !one.name.contains(".running_");
        let count: usize = asked.iter().filter(measured).map(Published::count).sum();
        let numbers = [count, facts.width, facts.side, facts.shorter];
        for (found, name) in numbers.into_iter().zip(["parameters", "features", "side", "shorter"]) {
            assert_eq!(found as u64, expected[name], "{} of {}", name, facts.name);
        }
        assert_eq!(facts.file, expected["file"]);
        assert_eq!(facts.parameters, count, "{}", facts.name);
        for (found, name) in facts.norm.values().iter().zip(["mean", "std"]) {
            let expected: Vec<f32> = serde_json::from_value(expected[name].clone()).unwrap();
            assert_eq!(found[..], expected, "{}", facts.name);
        }
    }
}

#[test]
fn company_and_threads_change_no_bit() {
    let (mut first, mut second) = (Params::new(Seed(0)), Params::new(Seed(0)));
    let clip = small_clip(&mut first);
    let mobile = published(NetworkModel::MobileNetV4Small, &mut second);
    for (zoo, params, side) in [(&clip, &first, 16), (&mobile, &second, 70)] {
        let images = tests::rgb_images(side, side);
        let with = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| tests::features(zoo, params, &images))
        };
        let both = with(2);
        assert_eq!(both, with(1));
        let alone = [0, 1].map(|at| tests::features(zoo, params, &images.narrow(0, at, 1).unwrap()));
        assert_eq!(alone.concat(), both);
    }
}

#[test]
fn nothing_is_recorded_and_new_weights_are_seen() {
    let mut params = Params::new(Seed(0));
    let zoo = small_clip(&mut params);
    let images = Var::from_tensor(&tests::rgb_images(16, 16)).unwrap();
    let before = zoo.features(&params, &images).unwrap();
    assert!(images.track_op() && !before.track_op());
    let shift = params.find("norm.bias").unwrap();
    params.import(shift, vec![7.0; 24]).unwrap();
    let after = zoo.features(&params, &images).unwrap().to_vec2::<f32>().unwrap();
    assert_ne!(before.to_vec2::<f32>().unwrap(), after);
}

#[test]
fn photographs_are_normalised_once_and_other_sides_are_refused() {
    let mut params = Params::new(Seed(0));
    let (clip, raw) = (small_clip(&mut params), tests::rgb_images(16, 16));
    let already = Zoo { normalises: false, ..small_clip(&mut Params::new(Seed(0))) };
    let [mean, sd] = RgbNorm::Clip.values().map(|v| Tensor::new(&v, &Device::Cpu).unwrap());
    let [mean, sd] = [mean, sd].map(|v| v.reshape((3, 1, 1)).unwrap());
    let images = raw.broadcast_sub(&mean).unwrap().broadcast_div(&sd).unwrap();
    assert_eq!(tests::features(&clip, &params, &raw), tests::features(&already, &params, &images));

    let error = clip.features(&params, &tests::rgb_images(16, 20)).unwrap_err().to_string();
    assert!(error.contains("takes images of 3 channels and 16 × 16 pixels"), "{error}");
}
