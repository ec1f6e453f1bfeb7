//! Transformers behind first layers of every kind.

use super::{chammi, trained_adapters};
use crate::{
    adapter::{Images, build},
    backbone::{Stem, files},
    dsl::{FixedChannels, TargetParam},
    model::Extractor,
    params::Params,
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

#[test]
fn a_transformer_is_not_exported_as_a_convnext() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vit.safetensors");
    let word = vit(sample::adapter(TargetParam, Recipe::Fixed), VitFeatures::ClassToken);
    let mut params = Params::new(Seed(3));
    let model = Extractor::new(&word, &chammi(), &[], &mut params);
    assert!(!model.export(&params, 1, &path).unwrap() && !path.exists());
    files::save(&path, &params, None, |_| true).unwrap();
    let mut read = Params::new(Seed(4));
    Extractor::new(&word, &chammi(), &[], &mut read);
    files::restore(&path, &mut read).unwrap();
    for id in read.ids() {
        assert_eq!(read.export(id).unwrap(), params.export(id).unwrap());
    }
}
