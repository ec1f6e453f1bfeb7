//! First layers and their gradients against PyTorch (`tests/golden/adapters.py`, `hypernet.py`).

use super::{Images, SetChannels, build};
use crate::{
    backbone::Stem,
    dsl::{Adapts, ConvNext, Depthwise, HyperNet, SliceParam, TargetParam, TemplateMixing, size},
    golden::{Golden, assert_close, device, everywhere},
    params::{Params, Published},
    pass::Pass,
    sample,
    seed::Seed,
    spec::{self, ClassEmbedding, Coefficients, Pooling, recipe::Recipe},
    tape::{Grad, Gradients, Tape},
};
use candle_core::{DType, Device, Tensor};

fn sets() -> [SetChannels; 2] {
    [("Allen", "nucleus membrane protein"), ("CP", "nucleus er rna golgi mito")].map(|(set, channels)| {
        SetChannels { set: set.into(), channels: channels.split(' ').map(String::from).collect() }
    })
}

fn resolved(adapter: impl Adapts<ConvNext<size::Tiny>>) -> spec::Adapter {
    sample::adapter(adapter, Recipe::Fixed)
}

/// `prefix` precedes the names of the file's parameters and outputs; images may be shared by several
/// adapters.
fn check(file: &str, prefix: &str, images: &str, adapter: impl Adapts<ConvNext<size::Tiny>>) {
    let adapter = resolved(adapter);
    everywhere(|| compare(file, prefix, images, &adapter));
}

fn compare(file: &str, prefix: &str, images: &str, adapter: &spec::Adapter) {
    let golden = Golden::open(file);
    let key = |what: &str| format!("{prefix}{what}");
    let mut params = Params::new(Seed(0));
    let stem = build(adapter, &sets(), &[], Stem::conv_next(8), &mut params);
    for id in params.ids() {
        let values = golden.values(&key(&params.published(id).name));
        params.import(id, values).unwrap();
    }
    let mut gradients = Gradients::new(&params);
    for (index, SetChannels { set, .. }) in sets().iter().enumerate() {
        let x = format!("{images}{set}.x");
        let pixels = Tensor::from_vec(golden.values(&x), golden.shape(&x), &device()).unwrap();
        let mut tape = Tape::recording(&params);
        let y = stem.enter(&mut Pass::new(&mut tape, &params), &Images { pixels, set: index }).unwrap();
        let y = y.maps().unwrap();
        let name = key(&format!("{set}.y"));
        let nhwc = Published::permuted("y", &golden.shape(&name), &[0, 2, 3, 1]);
        assert_close(&name, &nhwc.to_published(y.value()).unwrap(), &golden.values(&name), 2e-6);

        let mut upstream = Params::new(Seed(0));
        let values = golden.values(&key(&format!("{set}.gy")));
        let gy = upstream.add_with(nhwc, |_, out| out.copy_from_slice(&values));
        let gy = upstream.value(gy).flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let zero = Tensor::zeros(1, DType::F32, &device()).unwrap();
        let output = y.clone();
        let root = tape.record(zero, &[&y], move |_, gradients| {
            let shape = output.value().shape().clone();
            gradients.give(&output, Grad::of(Tensor::from_vec(gy, &shape, &device())?))
        });
        tape.backward(&root, &mut gradients).unwrap();
    }
    for id in params.ids() {
        let published = params.published(id);
        let found = published.to_published(gradients.of(id).unwrap().tensor()).unwrap();
        let name = key(&format!("d{}", published.name));
        assert_close(&name, &found, &golden.values(&name), 2e-6);
    }
}

#[test]
fn hypernet() {
    check("hypernet", "", "", HyperNet { z: 5, hidden: 7 });
}

#[test]
fn target_param() {
    check("adapters", "target_param/", "", TargetParam);
}

#[test]
fn slice_param() {
    let with = |added, one_slice| SliceParam.class_embedding(added).one_slice(one_slice);
    check("adapters", "slice_param/", "", with(ClassEmbedding::Learned, false));
    check("adapters", "slice_param_plain/", "", with(ClassEmbedding::None, false));
    check("adapters", "slice_param_one/", "", with(ClassEmbedding::Learned, true));
}

#[test]
fn template_mixing() {
    let kept = |how| TemplateMixing { templates: 6 }.coefficients(how);
    check("adapters", "template_mixing/", "", kept(Coefficients::PerSet));
    check("adapters", "template_mixing_shared/", "", kept(Coefficients::Shared));
}

#[test]
fn depthwise() {
    let pooled = |how| Depthwise { kernels: 3 }.pooling(how);
    check("adapters", "depthwise/", "", pooled(Pooling::Weighted));
    check("adapters", "depthwise_average/", "", pooled(Pooling::Average));
}

#[test]
fn images_of_other_channels_are_refused() {
    let words = [
        resolved(Depthwise { kernels: 3 }),
        resolved(TargetParam),
        resolved(SliceParam),
        resolved(TemplateMixing { templates: 8 }),
        resolved(HyperNet { z: 4, hidden: 4 }),
    ];
    for word in words {
        let mut params = Params::new(Seed(0));
        let stem = build(&word, &sets(), &[], Stem::conv_next(8), &mut params);
        let pixels = Tensor::zeros((1, 4, 8, 8), DType::F32, &Device::Cpu).unwrap();
        let mut tape = Tape::forgetting();
        let refused = stem.enter(&mut Pass::new(&mut tape, &params), &Images { pixels, set: 0 });
        let message = refused.unwrap_err().to_string();
        assert!(message.contains("3 channels of this set, found 4"), "{message}");
    }
}
