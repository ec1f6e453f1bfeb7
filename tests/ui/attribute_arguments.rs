extern crate dichroic_lang as dichroic;
use dichroic::prelude::*;

/// Named by hand.
#[experiment(name = "mine")]
fn attribute_arguments() -> impl Experiments {
    ConvNext::tiny()
        .pretrained(ImageNet22k)
        .adapter(HyperNet { z: 128, hidden: 256 })
        .train_on(Chammi)
        .loss(ProxyNca::t(0.07))
        .evaluate(OneNn::cosine().on(Chammi))
}

fn main() {}
