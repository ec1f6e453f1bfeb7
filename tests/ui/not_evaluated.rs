extern crate dichroic_lang as dichroic;
use dichroic::prelude::*;

/// Trained, and never scored.
#[experiment]
fn not_evaluated() -> impl Experiments {
    ConvNext::tiny()
        .pretrained(ImageNet22k)
        .adapter(HyperNet { z: 128, hidden: 256 })
        .train_on(Chammi)
        .loss(ProxyNca::t(0.07))
}

fn main() {}
