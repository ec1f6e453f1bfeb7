//! CHAMMI's off-the-shelf baselines: published backbones, frozen, applied to one channel at a time.
//!
//! cargo run --release -- exp chammi_off_the_shelf --data chammi=PATH --weights FOLDER
//!
//! FOLDER contains timm's `convnext_tiny.fb_in22k`, `resnet18.tv_in1k` and
//! `vit_small_patch14_reg4_dinov2.lvd142m`, each as NAME.safetensors. At the quick scale all three are the
//! same small ConvNeXt, and a single run.

use dichroic::dsl::{NeedsAdapter, StartsWith};
use dichroic::prelude::*;

/// Backbones trained on natural images, without any training on cells.
#[experiment]
fn chammi_off_the_shelf() -> impl Experiments {
    (
        row("ConvNeXt-Tiny", ConvNext::tiny().pretrained(ImageNet22k)),
        row("ResNet-18", ResNet::r18().pretrained(ImageNet1k)),
        row("DINOv2 ViT-S/14 with registers", DinoV2::small_reg().pretrained(Lvd142m)),
    )
}

/// One backbone.
fn row<B: Backbone, W: StartsWith>(name: &str, start: NeedsAdapter<B, W>) -> impl Experiments {
    start
        .adapter(ChannelReplication)
        .train_on(Chammi)
        .frozen()
        .recipe(Recipe::Released)
        .label("backbone", name)
        .evaluate(OneNn::cosine().on(Chammi))
}
