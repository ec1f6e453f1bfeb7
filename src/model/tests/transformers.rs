//! Transformers behind first layers of every kind.

use super::{chammi, trained_adapters};
use crate::{
    adapter::{self, Images, SetChannels, build},
    backbone::{Stem, Vit, VitShape, files},
    dsl::{FixedChannels, HyperNet, TargetParam},
    golden,
    model::Extractor,
    params::{Params, Published},
    pass::Pass,
    sample,
    seed::Seed,
    spec::{self, PositionResize, VitFeatures, VitSize, recipe::Recipe, settings},
    tape::Tape,
};
use candle_core::{Device, Tensor};

/// A ViT-Mini.
pub(super) fn vit(adapter: spec::Adapter, features: VitFeatures) -> spec::Model {
    let positions = PositionResize::Antialiased;
    let backbone = settings::Vit { features, positions, ..settings::Vit::plain(VitSize::Mini) }.into();
    spec::Model { backbone, weights: spec::Weights::Scratch, adapter }
}

/// What an adapter makes for a transformer has the transformer's patches and width, and the size of its own patches: tokens that
/// are a hundred times larger would drown positions.
#[test]
fn first_layers_of_a_transformer_make_tokens() {
    let all = chammi();
    let channels = all[2].channels.len();
    let noise: Vec<f32> = {
        let mut stream = Seed(5).stream("noise");
        (0..2 * channels * 64 * 64).map(|_| stream.normal() as f32).collect()
    };
    let fixed = sample::adapter(FixedChannels, Recipe::Fixed);
    for adapter in trained_adapters(Recipe::Fixed).into_iter().chain([fixed]) {
        let alone = adapter.is_one_model_per_set();
        let (sets, set) = if alone { (&all[2..], 0) } else { (&all[..], 2) };
        let mut params = Params::new(Seed(1));
        let own = Stem::vit(128, 8);
        let entry = build(&adapter, sets, &[], own, &mut params);
        assert!(!entry.normalises(), "{adapter:?}");
        let pixels = Tensor::from_vec(noise.clone(), (2, channels, 64, 64), &Device::Cpu).unwrap();
        let mut tape = Tape::forgetting();
        let maps =
            entry.enter(&mut Pass::new(&mut tape, &params), &Images { pixels, set }).unwrap().maps().unwrap();
        assert_eq!(maps.dims(), [2, 8, 8, 128], "{adapter:?}");
        let values = maps.value().flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let sd = (values.iter().map(|x| f64::from(x * x)).sum::<f64>() / values.len() as f64).sqrt();
        assert!((0.02..4.0).contains(&sd), "{adapter:?}: tokens of size {sd}");
    }
}

/// The file has timm's names, is read as a published one, and gives the model's features of the set.
#[test]
fn a_transformer_is_exported_for_timm() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vit.safetensors");
    let all = chammi();
    let channels = all[1].channels.len();
    let usual = settings::Vit::plain(VitSize::Mini);
    let shaped = settings::Vit { patch: Some(16), registers: 3, layer_scale: Some(0.1), ..usual };
    for word in [usual, shaped] {
        let hypernet = sample::adapter(HyperNet { z: 8, hidden: 8 }, Recipe::Fixed);
        for adapter in [sample::adapter(TargetParam, Recipe::Fixed), hypernet] {
            let backbone = spec::Backbone::from(word.clone());
            let declared = spec::Model { backbone, weights: spec::Weights::Scratch, adapter };
            let mut params = Params::new(Seed(3));
            let model = Extractor::new(&declared, &all, &[], &mut params);
            // Tokens of the usual initial size would hide what is wrong with them.
            for id in
                params.ids().filter(|id| params.published(*id).name.contains("token")).collect::<Vec<_>>()
            {
                let values = params.export(id).unwrap();
                params.import(id, values.iter().map(|x| x * 1e6).collect()).unwrap();
            }
            assert!(model.export(&params, 1, &path).unwrap());

            let mut shape = VitShape::of(&word);
            shape.class_position = word.registers == 0;
            let mut alone = Params::new(Seed(4));
            let entry = adapter::plain(channels, shape.stem(), &mut alone);
            let backbone = Box::new(Vit::shaped(shape, &mut alone));
            files::load(&path, &mut alone, &[]).unwrap();
            let exported = Extractor { entry, backbone };
            let noise: Vec<f32> = {
                let mut stream = Seed(5).stream("noise");
                (0..2 * channels * 64 * 64).map(|_| stream.normal() as f32).collect()
            };
            let images = Images {
                pixels: Tensor::from_vec(noise, (2, channels, 64, 64), &Device::Cpu).unwrap(),
                set: 1,
            };
            let of = |model: &Extractor, params: &Params| {
                let found = model.embed(params, &images).unwrap();
                found.value().flatten_all().unwrap().to_vec1::<f32>().unwrap()
            };
            golden::assert_close("features", &of(&exported, &alone), &of(&model, &params), 1e-5);
        }
    }
}

/// Weights of DeiT, as a file of Meta's or timm's has them, in a declared model: the backbone as it is, the first layer from the
/// filters of red, green and blue.
#[test]
fn a_declared_transformer_starts_from_deits_weights() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deit_tiny_patch16_224.fb_in1k.safetensors");
    let word = settings::Vit::plain(VitSize::Tiny);
    let shape = VitShape::of(&word);
    let mut written = Params::new(Seed(1));
    let _ = adapter::plain(3, shape.stem(), &mut written);
    let _ = Vit::shaped(shape, &mut written);
    written.add_constant(Published::new("head.weight", &[1000, 192]), 0.5);
    files::save(&path, &written, None, |_| true).unwrap();

    let all = chammi();
    for adapter in trained_adapters(Recipe::Fixed) {
        let declared =
            spec::Model { backbone: word.clone().into(), weights: spec::Weights::ImageNet1k, adapter };
        let mut params = Params::new(Seed(2));
        let model = Extractor::new(&declared, &all, &[], &mut params);
        model.load(&path, &mut params).unwrap();
        let mut same = 0;
        for id in params.ids() {
            let name = &params.published(id).name;
            // Of planes, which keep the name.
            if name.starts_with("patch_embed.") {
                continue;
            }
            if let Some(published) = written.find(name) {
                assert_eq!(params.export(id).unwrap(), written.export(published).unwrap(), "{name}");
                same += 1;
            }
        }
        // All but the patch embedding and the head.
        assert_eq!(same, written.len() - 3, "{:?}", declared.adapter);
        if let Some(layer) = params.find("first_layer.Allen.weight") {
            // Three channels begin with the filters of red, green and blue.
            let published = written.find("patch_embed.proj.weight").unwrap();
            assert_eq!(params.export(layer).unwrap(), written.export(published).unwrap());
        }
        let mut other = Params::new(Seed(2));
        let larger =
            spec::Model { backbone: settings::Vit::plain(VitSize::Small).into(), ..declared.clone() };
        let error = Extractor::new(&larger, &all, &[], &mut other).load(&path, &mut other).unwrap_err();
        assert!(error.to_string().contains("misshapen: "), "{error}");
    }
}

/// Weights of another grid of positions, of one plane or three, in a declared model: at the size of its own grid it says what the
/// published network says, which resizes positions at every image.
#[test]
fn weights_of_any_file_are_continued_from() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mine.safetensors");
    let word = settings::Vit { positions: PositionResize::Offset, ..settings::Vit::plain(VitSize::Tiny) };
    let shape = VitShape { grid: 7, ..VitShape::of(&word) };
    let sets = [SetChannels { set: "A".into(), channels: ["a", "b", "c"].map(String::from).into() }];
    let pixels = |channels: usize| {
        let mut stream = Seed(5).stream("noise");
        let noise: Vec<f32> = (0..channels * 224 * 224).map(|_| stream.normal() as f32).collect();
        Images { pixels: Tensor::from_vec(noise, (1, channels, 224, 224), &Device::Cpu).unwrap(), set: 0 }
    };
    let features = |model: &Extractor, params: &Params, channels: usize| -> Vec<f32> {
        let found = model.embed(params, &pixels(channels)).unwrap();
        found.value().flatten_all().unwrap().to_vec1().unwrap()
    };
    let planes: spec::Adapter = spec::Planes { channels: sets[0].channels.clone() }.into();
    let bag = sample::adapter(crate::prelude::BagOfChannels, Recipe::Fixed);
    for (count, adapter, channels) in [(3, planes, 3), (1, bag.clone(), 1), (1, bag, 3)] {
        let mut written = Params::new(Seed(1));
        let entry = adapter::plain(count, shape.stem(), &mut written);
        let published = Extractor { entry, backbone: Box::new(Vit::shaped(shape, &mut written)) };
        // Of the usual size, positions would hardly be seen.
        let id = written.find("pos_embed").unwrap();
        let larger = written.export(id).unwrap().into_iter().map(|x| 20.0 * x).collect();
        written.import(id, larger).unwrap();
        files::save(&path, &written, None, |_| true).unwrap();

        let weights = spec::Weights::File { name: "mine".into(), contents: None };
        let declared = spec::Model { backbone: word.clone().into(), weights, adapter };
        let mut params = Params::new(Seed(2));
        let model = Extractor::new(&declared, &sets, &[], &mut params);
        model.load(&path, &mut params).unwrap();
        let positions = params.export(params.find("pos_embed").unwrap()).unwrap();
        assert_eq!(positions.len(), (1 + 14 * 14) * 192);
        let found = features(&model, &params, channels);
        if count == channels {
            golden::assert_close("features", &found, &features(&published, &written, channels), 1e-4);
        } else {
            assert_eq!(found.len(), 3 * 192, "each channel passes by itself");
        }
    }
    // A table of channels is read if it is there, and begins at random if it is not.
    let bag_of = |word: spec::Adapter| spec::Model {
        backbone: settings::Vit::plain(VitSize::Tiny).into(),
        weights: spec::Weights::Scratch,
        adapter: word,
    };
    let (from_rgb, sampled) = (spec::FromRgb::Sum, spec::SampledChannels::All);
    let table = |channels| spec::Adapter::from(settings::ChannelVit { channels, from_rgb, sampled });
    let (mut first, mut second, mut third) =
        (Params::new(Seed(3)), Params::new(Seed(4)), Params::new(Seed(5)));
    let name = "patch_embed.channel_embed.weight";
    let model = Extractor::new(&bag_of(table(5)), &sets, &[], &mut first);
    let before = first.export(first.find(name).unwrap()).unwrap();
    model.load(&path, &mut first).unwrap();
    assert_eq!(first.export(first.find(name).unwrap()).unwrap(), before);
    files::save(&path, &first, None, |_| true).unwrap();
    Extractor::new(&bag_of(table(5)), &sets, &[], &mut second).load(&path, &mut second).unwrap();
    assert_eq!(second.export(second.find(name).unwrap()).unwrap(), before);
    let error =
        Extractor::new(&bag_of(table(4)), &sets, &[], &mut third).load(&path, &mut third).unwrap_err();
    assert!(error.to_string().contains("misshapen: patch_embed.channel_embed.weight"), "{error}");
}
