//! Names of backbones and of their published weights: timm's; for DINOv2 on the command line, Meta's.

use crate::spec::{Backbone, ConvNextSize, DinoV2Size, NetworkModel, ResNetSize, VitSize, Weights, settings};

/// timm's name of a backbone with its published weights; for a ViT of which there are none, timm's name alone.
pub fn published(backbone: &Backbone) -> String {
    of(backbone, &backbone.published())
}

/// The same with these of its published weights.
pub fn of(backbone: &Backbone, weights: &Weights) -> String {
    match backbone {
        Backbone::Vit(word) if *weights == Weights::Lvd142m => {
            let registers =
                if word.registers > 0 { format!("_reg{}", word.registers) } else { String::new() };
            format!("vit_{}_patch{}{registers}_dinov2.lvd142m", vit_size(word.size), word.patch())
        }
        Backbone::ConvNext(word) => format!("convnext_{}.fb_in22k", size_name(word.size)),
        // DeiT's are those of ImageNet-1k.
        Backbone::Vit(word) if backbone.starts_from(&backbone.published()) => {
            format!("deit_{}_patch16_224.fb_in1k", vit_size(word.size))
        }
        Backbone::Vit(_) => name(backbone),
        Backbone::ResNet(_) => format!("{}.tv_in1k", name(backbone)),
        Backbone::DinoV2(settings::DinoV2 { size: DinoV2Size::SmallReg }) => {
            "vit_small_patch14_reg4_dinov2.lvd142m".into()
        }
        Backbone::OffTheShelf(word) => word.model.facts().file.into(),
    }
}

/// The name of a backbone on the command line: timm's name; for DINOv2, Meta's.
pub fn name(backbone: &Backbone) -> String {
    match backbone {
        Backbone::ConvNext(word) => format!("convnext_{}", size_name(word.size)),
        Backbone::Vit(word) => {
            format!("vit_{}_patch{}_{}", vit_size(word.size), word.patch(), word.size.side())
        }
        Backbone::ResNet(settings::ResNet { size: ResNetSize::R18 }) => "resnet18".into(),
        Backbone::ResNet(settings::ResNet { size: ResNetSize::R50 }) => "resnet50".into(),
        Backbone::DinoV2(settings::DinoV2 { size: DinoV2Size::SmallReg }) => "dinov2_vits14_reg".into(),
        Backbone::OffTheShelf(word) => word.model.facts().name.into(),
    }
}

/// timm's name for a size.
fn vit_size(size: VitSize) -> &'static str {
    match size {
        VitSize::Mini => "mini",
        VitSize::Tiny => "tiny",
        VitSize::Small => "small",
        VitSize::Base => "base",
        VitSize::Large => "large",
    }
}

/// Every backbone whose published weights are read.
pub fn all() -> Vec<Backbone> {
    use ConvNextSize::{Atto, Base, Femto, Mini, Nano, Pico, Small, Tiny};
    let convnexts = [Mini, Atto, Femto, Pico, Nano, Tiny, Small, Base];
    let convnexts = convnexts.map(|size| Backbone::from(settings::ConvNext { size, drop_path: 0.0 }));
    let resnets = [ResNetSize::R18, ResNetSize::R50].map(|size| settings::ResNet { size }.into());
    let dino = settings::DinoV2 { size: DinoV2Size::SmallReg }.into();
    let vits = [VitSize::Tiny, VitSize::Small, VitSize::Base].map(|size| settings::Vit::plain(size).into());
    let others = NetworkModel::ALL.iter().map(|&model| settings::OffTheShelf { model }.into());
    convnexts.into_iter().chain(vits).chain(resnets).chain([dino]).chain(others).collect()
}

/// timm's name for a size.
pub fn size_name(size: ConvNextSize) -> &'static str {
    match size {
        ConvNextSize::Mini => "mini",
        ConvNextSize::Atto => "atto",
        ConvNextSize::Femto => "femto",
        ConvNextSize::Pico => "pico",
        ConvNextSize::Nano => "nano",
        ConvNextSize::Tiny => "tiny",
        ConvNextSize::Small => "small",
        ConvNextSize::Base => "base",
    }
}
