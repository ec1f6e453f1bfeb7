//! Checkpoints that PyTorch wrote under the released names (`tests/golden/checkpoints.py`).

use super::*;
use crate::{
    adapter::Images,
    golden::{self, Golden, assert_close, formula},
};
use candle_core::{Device, Tensor};

const SMALL: Shape =
    Shape { depths: [3, 3, 9, 3], widths: [4, 6, 8, 12], layer_scale: 1e-6, convolutional: false };

fn file(name: &str) -> PathBuf {
    golden::folder().join(format!("checkpoints/{name}.pt"))
}

fn features(model: &Extractor, params: &Params, card: &Card, set: usize) -> Vec<f32> {
    let CardSet { set: name, channels, .. } = &card.sets[set];
    let pixels = formula(&format!("input.{name}"), channels.len() * 64 * 64, 1.0, 0.0);
    let pixels = Tensor::from_vec(pixels, (1, channels.len(), 64, 64), &Device::Cpu).unwrap();
    let y = model.embed(params, &Images { pixels, set }).unwrap();
    y.value().flatten_all().unwrap().to_vec1().unwrap()
}

/// Converts a checkpoint, computes features, and computes them again from a file of ours.
#[track_caller]
fn check(name: &str, adapter: Adapter, epoch: i64, rounded: usize, parameters: usize) {
    let found = shaped(&file(name), None, SMALL).unwrap();
    assert_eq!(found.card.model.adapter, adapter);
    assert_eq!((found.epoch, found.rounded, found.params.count()), (Some(epoch), rounded, parameters));
    assert_eq!(found.card.image, 224);
    let names: Vec<&str> = found.card.sets.iter().map(|set| set.set.as_str()).collect();
    assert_eq!(names, if name == "hpa" { vec!["HPA"] } else { chammi::SETS.to_vec() });
    assert!(found.params.find("proxies").is_some());
    let learned = matches!(adapter, Adapter::TargetParam(_) | Adapter::SliceParam(_));
    assert_eq!(found.params.find("logit_scale").is_some(), learned);

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ours.safetensors");
    files::save(&path, &found.params, None, |_| true).unwrap();
    let mut params = Params::new(Seed(1));
    let model =
        Extractor::shaped(&found.card.model.adapter, SMALL, 0.0, (&found.card.channels(), &[]), &mut params);
    files::restore(&path, &mut params).unwrap();

    let golden = Golden::open("checkpoints");
    for (set, name_of_set) in names.iter().enumerate() {
        let key = format!("{name}/{name_of_set}.features");
        let expected = golden.values(&key);
        assert_close(&key, &features(&found.model, &found.params, &found.card, set), &expected, 1e-5);
        assert_close(&key, &features(&model, &params, &found.card, set), &expected, 1e-5);
    }
}

#[test]
fn released_checkpoints_give_the_features_that_pytorch_takes() {
    let first_layer = FirstLayer::PadAverage;
    let word = Depthwise {
        kernels: 3,
        pooling: Pooling::Weighted,
        train_norm: false,
        new_channels: NewChannels::Refuse,
    };
    check("depthwise", Adapter::Depthwise(word), 15, 0, 18_666);
    check("target_param", Adapter::TargetParam(TargetParam { first_layer }), 15, 0, 19_007);
    let word = SliceParam {
        first_layer: FirstLayer::PadDuplicates,
        class_embedding: ClassEmbedding::Noise,
        one_slice: false,
    };
    check("slice_param", Adapter::SliceParam(word), 15, 0, 19_507);
    let word = HyperNet { z: 5, hidden: 7, embeddings: Embeddings::PerSet };
    check("hypernet", Adapter::HyperNet(word), 15, 0, 18_840);
    let word = TemplateMixing { templates: 6, coefficients: Coefficients::PerSet };
    check("template_mixing", Adapter::TemplateMixing(word), 14, 1, 18_682);
    check("hpa", Adapter::FixedChannels(FixedChannels { first_layer, rates: vec![] }), 15, 0, 18_366);
}

#[test]
fn each_way_to_keep_first_layers_is_recognised() {
    let of = |shapes: &[(&str, &[usize])]| recognise(&shapes.iter().copied().collect());
    let found = of(&[("hypernet.W", &[5, 1, 7]), ("conv1_emb.weight", &[8, 5])]);
    let word = HyperNet { z: 5, hidden: 7, embeddings: Embeddings::Shared };
    assert_eq!(found, Some(Adapter::HyperNet(word)));
    for (rows, coefficients) in [(8, Coefficients::Shared), (12, Coefficients::Owned)] {
        let found = of(&[("conv1_param_bank", &[4, 24, 4, 4]), ("conv1_coefs", &[rows, 24])]);
        assert_eq!(found, Some(Adapter::TemplateMixing(TemplateMixing { templates: 24, coefficients })));
    }
    let Some(Adapter::SliceParam(word)) = of(&[("conv1_param_bank", &[4, 1, 4, 4])]) else { panic!() };
    assert!(word.one_slice && word.class_embedding == ClassEmbedding::None);
    let found = of(&[("conv1depthwise_param_bank", &[24, 1, 3, 3]), ("conv_1x1.weight", &[4, 3, 1, 1])]);
    let Some(Adapter::Depthwise(word)) = found else { panic!() };
    assert_eq!((word.kernels, word.pooling), (3, Pooling::Average));
    assert_eq!(of(&[("stem.0.weight", &[4, 3, 4, 4])]), None);
}

#[test]
fn the_set_of_fixed_channels_is_known_by_its_channels() {
    let adapter =
        Adapter::FixedChannels(FixedChannels { first_layer: FirstLayer::PadAverage, rates: vec![] });
    let of = |channels: usize, named: Option<&str>| {
        let shape = [4, channels, 4, 4];
        let shapes: Shapes<'_> = [(STEM, &shape[..])].into();
        let found = sets(Path::new("a.pt"), &shapes, &adapter, named);
        found.map(|sets| sets[0].set.clone()).map_err(|error| error.to_string())
    };
    assert_eq!(of(3, None).unwrap(), "Allen");
    assert_eq!(of(4, None).unwrap(), "HPA");
    assert_eq!(of(5, Some("CP")).unwrap(), "CP");
    assert_eq!(of(6, None).unwrap_err(), "a.pt reads 6 channels; no set of CHAMMI has that number");
    assert_eq!(of(3, Some("CP")).unwrap_err(), "a.pt reads 3 channels; set `CP` does not have that number");
}

#[test]
fn what_does_not_fit_is_refused_with_names() {
    let error = |name: &str, set, shape| {
        let error = shaped(&file(name), set, shape).err().expect("it does not fit");
        assert!(error.hint().is_some());
        error.to_string()
    };
    let wide = Shape { widths: [4, 6, 8, 16], ..SMALL };
    let found = error("hypernet", None, wide);
    let expected = "misshapen: feature_extractor.13.1.weight: expected [16, 8, 2, 2], found [12, 8, 2, 2]";
    assert!(found.contains("does not fit HyperNet") && found.contains(expected), "{found}");
    let found = error("hpa", None, Shape { depths: [3, 3, 9, 4], ..SMALL });
    assert!(found.contains("missing: feature_extractor.17.conv_dw.weight"), "{found}");
    let found = error("hpa", None, Shape { depths: [2, 3, 9, 3], ..SMALL });
    assert!(found.contains("unexpected: feature_extractor.1.blocks.2.conv_dw.bias"), "{found}");
    assert!(found.contains("and 4 more"), "{found}");
    let found = error("hypernet", Some("HPA"), SMALL);
    assert!(found.ends_with("is a HyperNet, which reads all of Allen, HPA, CP"), "{found}");
    assert!(
        error("tensors", None, SMALL).contains("belongs to no adapter of CHAMMI; its parameters: double")
    );
}

#[test]
fn a_checkpoint_without_a_model_is_refused_with_its_keys() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.pt");
    let mut bytes = std::fs::read(file("depthwise")).unwrap();
    let at = bytes.windows(12).position(|word| word == b"model_params").unwrap();
    bytes[at..at + 12].copy_from_slice(b"other_params");
    std::fs::write(&path, bytes).unwrap();
    let error = shaped(&path, None, SMALL).err().unwrap();
    let found = error.to_string();
    assert!(found.contains("has no `model_params`; its keys: epoch, accuracy, config"), "{found}");
    assert!(error.hint().unwrap().contains("hypernet.pt"));
}

#[test]
fn a_second_name_needs_a_first() {
    let mut checkpoint = Checkpoint::open(&file("template_mixing")).unwrap();
    let mut tensors = checkpoint.tensors(PARAMETERS).unwrap().unwrap();
    let mut ask = |name: &str, tensors: &_| is_second(name, &mut checkpoint, tensors).unwrap();
    assert!(ask("adaptive_interface.0", &tensors), "of the same numbers");
    assert!(ask("adaptive_interface.1.HPA", &tensors), "the same tensor");
    tensors.remove("conv1_param_bank");
    assert!(!ask("adaptive_interface.0", &tensors));
}

#[test]
fn ways_to_pool_that_are_not_ours_are_refused() {
    let checkpoint = Checkpoint::open(&file("depthwise")).unwrap();
    let word = |pooling| {
        let word = Depthwise { kernels: 3, pooling, train_norm: false, new_channels: NewChannels::Refuse };
        check_settings(Path::new("a.pt"), &checkpoint, &Adapter::Depthwise(word))
    };
    assert!(word(Pooling::Weighted).is_ok());
    let found = word(Pooling::Average).unwrap_err().to_string();
    assert!(found.contains("has pooling_channel_type `weighted_sum_random`; expected `avg`"), "{found}");
}
