//! CHAMMI's tasks with more backbones off the shelf: how well do networks for natural images represent cells?
//!
//! cargo run --release --features zoo -- exp chammi_zoo --data chammi=PATH --weights FOLDER
//!
//! FOLDER has timm's files, each as NAME.safetensors; `dichroic doctor --weights FOLDER` lists those that it
//! finds.

use dichroic::dsl::{NeedsAdapter, StartsWith};
use dichroic::prelude::*;

/// Backbones trained on natural images, with captions, labels or neither, without any training on cells.
#[experiment]
fn chammi_zoo() -> impl Experiments {
    (
        row("CLIP ViT-B/16", OffTheShelf::clip_base()),
        row("SigLIP ViT-B/16", OffTheShelf::siglip_base()),
        row("EVA-02 ViT-B/14", OffTheShelf::eva02_base()),
        row("EfficientNet-B0", OffTheShelf::efficientnet_b0()),
        row("MobileNetV4-S", OffTheShelf::mobilenet_v4_small()),
        row("FastViT-T8", OffTheShelf::fastvit_t8()),
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
