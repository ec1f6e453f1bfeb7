//! Settings of CHAMMI's authors for each adapter, shared by the rows of their tables.
//!
//! Learning rates, temperatures and seeds are those of the released checkpoints (`checkpoint_configs/`),
//! published for the plain fine-tuned models only; that every other row shares them is our guess.

use dichroic::dsl::{NeedsAdapter, NoLoss, StartsWith};
use dichroic::prelude::*;

/// A backbone of the paper's size, without an adapter yet.
pub type Start<W> = NeedsAdapter<ConvNext<size::Tiny>, W>;

/// A model on CHAMMI, and its loss.
pub struct Tuned<W, A> {
    /// Everything except the loss.
    pub run: Run<Model<ConvNext<size::Tiny>, W, A>, Chammi, NoLoss>,
    /// ProxyNCA++ at the adapter's temperature.
    pub proxy: ProxyNca,
}

/// From ImageNet-22k, like the fine-tuned models.
pub fn pretrained() -> Start<ImageNet22k> {
    ConvNext::tiny().pretrained(ImageNet22k)
}

/// The two recipes of each row: what the authors' code does, and the repaired version.
pub const RECIPES: [Recipe; 2] = [Recipe::Released, Recipe::Fixed];

/// The rates differ by data set; seeds have no effect on these models in the released code.
pub fn fixed_channels<W: StartsWith>(start: Start<W>) -> Tuned<W, FixedChannels> {
    let run = start.adapter(FixedChannels).train_on(Chammi).lr(1e-4).lr_on(Wtc, 1e-3).seeds([744_395]);
    Tuned { run, proxy: ProxyNca::t(0.30) }
}

/// 64 filters per channel.
pub fn depthwise<W: StartsWith>(start: Start<W>) -> Tuned<W, Depthwise> {
    let run = start.adapter(Depthwise { kernels: 64 }).train_on(Chammi).lr(4e-4).seeds([483_112]);
    Tuned { run, proxy: ProxyNca::t(0.07) }
}

/// With a learned temperature.
pub fn slice_param<W: StartsWith>(start: Start<W>) -> Tuned<W, SliceParam> {
    let run = start.adapter(SliceParam).train_on(Chammi).lr(1e-4).seeds([725_375]);
    Tuned { run, proxy: ProxyNca::t(0.15).learned() }
}

/// With a learned temperature.
pub fn target_param<W: StartsWith>(start: Start<W>) -> Tuned<W, TargetParam> {
    let run = start.adapter(TargetParam).train_on(Chammi).lr(2e-4).seeds([505_429]);
    Tuned { run, proxy: ProxyNca::t(0.07).learned() }
}

/// 128 templates.
pub fn template_mixing<W: StartsWith>(start: Start<W>) -> Tuned<W, TemplateMixing> {
    let run = start.adapter(TemplateMixing { templates: 128 }).train_on(Chammi).lr(1e-4).seeds([451_006]);
    Tuned { run, proxy: ProxyNca::t(0.05) }
}

/// Embeddings of length 128, a hidden layer of 256.
pub fn hypernet<W: StartsWith>(start: Start<W>) -> Tuned<W, HyperNet> {
    let run = start.adapter(HyperNet { z: 128, hidden: 256 }).train_on(Chammi).lr(4e-4).seeds([125_617]);
    Tuned { run, proxy: ProxyNca::t(0.07) }
}
