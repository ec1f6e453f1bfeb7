extern crate dichroic_lang as dichroic;
use dichroic::prelude::*;

/// Scored, and neither trained nor frozen.
#[experiment]
fn loss_forgotten() -> impl Experiments {
    ConvNext::tiny()
        .pretrained(ImageNet22k)
        .adapter(HyperNet { z: 128, hidden: 256 })
        .train_on(Chammi)
        .evaluate(OneNn::cosine().on(Chammi))
}

fn main() {}
