extern crate dichroic_lang as dichroic;
use dichroic::prelude::*;

/// One learning rate.
#[experiment]
fn arguments(lr: f64) -> impl Experiments {
    ConvNext::tiny()
        .pretrained(ImageNet22k)
        .adapter(HyperNet { z: 128, hidden: 256 })
        .train_on(Chammi)
        .loss(ProxyNca::t(0.07))
        .lr(lr)
        .evaluate(OneNn::cosine().on(Chammi))
}

fn main() {}
