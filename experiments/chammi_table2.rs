//! CHAMMI appendix, Table 2 (and the paper's Table 1): off the shelf, trained from scratch, fine-tuned.
//!
//! cargo run --release -- exp chammi_table2
//!
//! The settings of the models trained from scratch were never published; they are those of the fine-tuned ones.

use super::chammi::*;
use dichroic::prelude::*;

/// The effect of training, and of pretrained weights.
#[experiment]
fn chammi_table2() -> impl Experiments {
    (
        pretrained()
            .adapter(ChannelReplication)
            .train_on(Chammi)
            .frozen()
            .recipe(Recipe::Released)
            .evaluate(OneNn::cosine().on(Chammi)),
        (plain(fixed_channels(scratch())), plain(fixed_channels(pretrained()))),
        (plain(depthwise(scratch())), plain(depthwise(pretrained()))),
        (plain(slice_param(scratch())), plain(slice_param(pretrained()))),
        (plain(target_param(scratch())), plain(target_param(pretrained()))),
        (plain(template_mixing(scratch())), plain(template_mixing(pretrained()))),
        (plain(hypernet(scratch())), plain(hypernet(pretrained()))),
    )
}

fn scratch() -> Start<Scratch> {
    ConvNext::tiny().scratch()
}

/// One row.
fn plain<W, A: StemAdapter>(tuned: Tuned<W, A>) -> impl Experiments {
    let Tuned { run, proxy } = tuned;
    RECIPES.map(|recipe| run.clone().loss(proxy).recipe(recipe).evaluate(OneNn::cosine().on(Chammi)))
}
