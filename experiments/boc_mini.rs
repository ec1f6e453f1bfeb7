//! Self-supervision over any set of channels, on simulated cells: trained without labels on two sets, asked about three.
//!
//! cargo run --release -- exp boc_mini
//!
//! Without CHAMMI on this machine, on simulated cells. Cell Painting, with channels that neither set has, is never trained on. DINOv2's
//! three losses on single channels (an image of K channels is K samples of a bag), and on the tokens of all channels of an image. Six
//! minutes on two cores.
//!
//! World 1, macro-F1 of the out-of-distribution tasks by a linear probe: 0.439 for the bag, 0.373 before it is trained; 0.222 and 0.228 for
//! Channel-ViT.

use dichroic::{
    dsl::{Adapts, ExtendsToNewChannels, Trainable},
    prelude::*,
};

/// Each channel by itself, and the tokens of all channels together.
#[experiment]
fn boc_mini() -> impl Experiments {
    (trained(BagOfChannels, "bag of channels"), trained(ChannelVit::up_to(5), "Channel-ViT"))
}

fn trained<A>(adapter: A, system: &'static str) -> impl Experiments
where
    A: Adapts<Vit<size::vit::Mini>> + ExtendsToNewChannels + Trainable,
{
    let dino = Dino::v2().prototypes(512).hidden(256).bottleneck(64).ema(0.97).locals(4).local_side(32);
    Vit::mini()
        .scratch()
        .adapter(adapter)
        .train_on(Chammi.without(Cp))
        .image(64)
        .normalise(EachView)
        .augment(Crop.scale(0.4, 1.0) + Flips + Brightness(0.2))
        .loss(dino + Ibot + 0.1 * KoLeo)
        .drop_path(0.1)
        .recipe(Recipe::Fixed)
        .lr(1e-3)
        .epochs(2)
        .warmup(0)
        .batch(32)
        .seeds([0])
        .evaluate(OneNn::cosine().on(Chammi))
        .evaluate(LinearProbe.on(Chammi))
        .label("system", system)
}
