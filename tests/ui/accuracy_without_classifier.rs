extern crate dichroic_lang as dichroic;
use dichroic::prelude::*;

fn main() {
    let _ = ConvNext::tiny()
        .scratch()
        .adapter(HyperNet { z: 128, hidden: 256 })
        .train_on(Chammi)
        .loss(ProxyNca::t(0.07))
        .evaluate(Accuracy.on(Wtc));
}
