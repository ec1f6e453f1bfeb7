extern crate dichroic_lang as dichroic;
use dichroic::prelude::*;

/// Weights that sum to 1.1.
#[experiment]
fn not_convex() -> impl Experiments {
    ConvNext::tiny()
        .pretrained(ImageNet22k)
        .adapter(HyperNet { z: 128, hidden: 256 })
        .train_on(Chammi)
        .loss((0.3 * SimClr::t(0.07) + 0.8 * ProxyNca::t(0.07)).convex())
        .evaluate(OneNn::cosine().on(Chammi))
}

fn main() {}
