//! Compares our networks with candle-transformers' on the same weights, as a second reference besides timm.
//!
//! Those of their models that use the exact GELU agree: ResNet, ConvNeXt (also in its convolutional form),
//! and ViT on the grid that it was trained on. Their DINOv2 does not: it uses the tanh form of GELU, and the
//! nearest position on other grids. Most have no gradient, because their layer normalisation is a fused
//! operation without a backward pass. ConvNeXt's maps are permuted before it, which takes a different path,
//! so its gradients can be compared too.

use super::{DinoV2, ResNet, dino_v2, features, fill, rgb_images};
use crate::{
    adapter::Images,
    backbone::OffTheShelf,
    curve::Clock,
    golden::assert_close,
    loss::{Forwarded, Objective},
    model::Extractor,
    params::{ParamId, Params},
    pass::Pass,
    seed::Seed,
    spec::{ConvNextSize, Loss, ResNetSize, Term},
    tape::{Gradients, Tape},
};
use candle_core::{D, DType, Device, Tensor, Var};
use candle_nn::{Activation, Module, VarBuilder, loss::cross_entropy};
use candle_transformers::models::{convnext, resnet, vit};
use std::collections::HashMap;

/// Tolerance of features: sums of 32-bit floats in another order. Measured: 9e-7 at most.
const FEATURES: f32 = 1e-5;
/// Tolerance of gradients, relative to the largest of each parameter. Measured: 4e-6 at most.
const GRADIENTS: f32 = 5e-5;

fn tensor(params: &Params, id: ParamId) -> Tensor {
    let values = params.export(id).unwrap();
    Tensor::from_vec(values, params.published(id).shape.as_slice(), &Device::Cpu).unwrap()
}

fn tensors(params: &Params) -> HashMap<String, Tensor> {
    params.ids().map(|id| (params.published(id).name.clone(), tensor(params, id))).collect()
}

fn weights(tensors: HashMap<String, Tensor>) -> VarBuilder<'static> {
    VarBuilder::from_tensors(tensors, DType::F32, &Device::Cpu)
}

fn values(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

#[test]
fn candles_resnets_agree() {
    let images = rgb_images(47, 62);
    for size in [ResNetSize::R18, ResNetSize::R50] {
        let mut params = Params::new(Seed(0));
        let ours = ResNet::new(size, false, &mut params);
        fill(&mut params);
        let weights = weights(tensors(&params));
        let theirs = match size {
            ResNetSize::R18 => resnet::resnet18_no_final_layer(weights),
            ResNetSize::R50 => resnet::resnet50_no_final_layer(weights),
        };
        let theirs = theirs.unwrap().forward(&images).unwrap();
        assert_close(&format!("{size:?}"), &features(&ours, &params, &images), &values(&theirs), FEATURES);
    }
}

#[test]
fn candles_convnexts_agree_forwards_and_backwards() {
    // Sides at which no map is a single pixel: its normalisation would be contiguous, and have no gradient.
    let images = rgb_images(64, 96);
    let sizes =
        [(ConvNextSize::Atto, convnext::Config::atto()), (ConvNextSize::Tiny, convnext::Config::tiny())];
    for (size, config) in sizes {
        let mut params = Params::new(Seed(0));
        let ours = Extractor::plain(size, 3, &mut params);
        let loss = Term { weight: 1.0, loss: Loss::proxy_nca(0.5) };
        let objective = Objective::new(&[loss], ours.width(), 3, &mut params);
        fill(&mut params);

        let mut tape = Tape::recording(&params);
        let seen = Images { pixels: images.clone(), set: 0 };
        let student = [ours.run(&mut Pass::new(&mut tape, &params), &seen).unwrap()];
        let out = Forwarded::of(&student, &[2, 0]);
        let total = objective.value(&mut tape, &params, &out, &Clock::START).unwrap().total;
        let mut gradients = Gradients::new(&params);
        tape.backward(&total, &mut gradients).unwrap();

        let variables: HashMap<String, Var> =
            tensors(&params).into_iter().map(|(name, t)| (name, Var::from_tensor(&t).unwrap())).collect();
        let shared = variables.iter().map(|(name, variable)| (name.clone(), variable.as_tensor().clone()));
        let theirs = convnext::convnext_no_final_layer(&config, weights(shared.collect())).unwrap();
        let theirs = theirs.forward(&images).unwrap();
        assert_close(&format!("{size:?}"), &values(student[0].features.value()), &values(&theirs), FEATURES);

        let unit = |x: &Tensor| x.broadcast_div(&x.sqr()?.sum_keepdim(D::Minus1)?.sqrt()?);
        let cosines = unit(&theirs).unwrap().matmul(&unit(&variables["proxies"]).unwrap().t().unwrap());
        // Negated squared distances over the temperature, up to a constant: 2 cos / 0.5.
        let logits = (cosines.unwrap() * 4.0).unwrap();
        let loss = cross_entropy(&logits, &Tensor::new(&[2u32, 0], &Device::Cpu).unwrap()).unwrap();
        assert_close("loss", &values(total.value()), &values(&loss), FEATURES);
        let all = loss.backward().unwrap();
        for id in params.ids() {
            let published = params.published(id);
            let name = &published.name;
            let theirs = all.get(&variables[name]).unwrap_or_else(|| panic!("no gradient of {name}"));
            let ours = published.to_published(gradients.of(id).expect("a gradient").tensor()).unwrap();
            assert_close(name, &ours, &values(theirs), GRADIENTS);
        }
    }
}

/// Their ViT has no registers and no layer scales, but a position for the class token: ours has no registers
/// here, its layers are multiplied by our scales, and the position is 0.
#[test]
fn candles_vit_agrees_on_the_trained_grid() {
    let (width, depth, grid, patch) = (24, 2, 6, 4);
    let shape = dino_v2::Shape { width, depth, heads: 3, patch, grid, registers: 0 };
    let mut params = Params::new(Seed(0));
    let ours = DinoV2::shaped(shape, &mut params);
    fill(&mut params);
    let mine = tensors(&params);

    let mut theirs = HashMap::new();
    let mut put = |name: String, tensor: Tensor| theirs.insert(name, tensor);
    let nowhere = Tensor::zeros((1, 1, width), DType::F32, &Device::Cpu).unwrap();
    let positions = Tensor::cat(&[&nowhere, &mine["pos_embed"]], 1).unwrap();
    put("vit.embeddings.cls_token".into(), mine["cls_token"].clone());
    put("vit.embeddings.position_embeddings".into(), positions);
    for part in ["weight", "bias"] {
        let take = |name: &str| mine[&format!("{name}.{part}")].clone();
        put(format!("vit.embeddings.patch_embeddings.projection.{part}"), take("patch_embed.proj"));
        put(format!("vit.layernorm.{part}"), take("norm"));
        for number in 0..depth {
            let (from, to) = (format!("blocks.{number}"), format!("vit.encoder.layer.{number}"));
            let qkv = take(&format!("{from}.attn.qkv"));
            for (at, third) in ["query", "key", "value"].iter().enumerate() {
                let rows = qkv.narrow(0, at * width, width).unwrap();
                put(format!("{to}.attention.attention.{third}.{part}"), rows);
            }
            let scaled = |layer: &str, scale: &str| {
                let (tensor, gamma) = (take(&format!("{from}.{layer}")), &mine[&format!("{from}.{scale}")]);
                let gamma = if part == "weight" { gamma.unsqueeze(1).unwrap() } else { gamma.clone() };
                tensor.broadcast_mul(&gamma).unwrap()
            };
            put(format!("{to}.attention.output.dense.{part}"), scaled("attn.proj", "ls1.gamma"));
            put(format!("{to}.output.dense.{part}"), scaled("mlp.fc2", "ls2.gamma"));
            put(format!("{to}.intermediate.dense.{part}"), take(&format!("{from}.mlp.fc1")));
            put(format!("{to}.layernorm_before.{part}"), take(&format!("{from}.norm1")));
            put(format!("{to}.layernorm_after.{part}"), take(&format!("{from}.norm2")));
        }
    }
    // A classifier that returns the features unchanged.
    put("classifier.weight".into(), Tensor::eye(width, DType::F32, &Device::Cpu).unwrap());
    put("classifier.bias".into(), Tensor::zeros(width, DType::F32, &Device::Cpu).unwrap());

    let config = vit::Config {
        hidden_size: width,
        num_hidden_layers: depth,
        num_attention_heads: 3,
        intermediate_size: 4 * width,
        hidden_act: Activation::Gelu,
        layer_norm_eps: 1e-6,
        image_size: grid * patch,
        patch_size: patch,
        num_channels: 3,
        qkv_bias: true,
    };
    let images = rgb_images(grid * patch, grid * patch);
    let theirs = vit::Model::new(&config, width, weights(theirs)).unwrap().forward(&images).unwrap();
    assert_close("class token", &features(&ours, &params, &images), &values(&theirs), FEATURES);
    assert_eq!(theirs.dims()[1], ours.width());
}
