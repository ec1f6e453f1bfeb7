extern crate dichroic_lang as dichroic;
use dichroic::prelude::*;

fn main() {
    let _ = ConvNext::tiny()
        .pretrained(ImageNet22k)
        .adapter(TargetParam)
        .train_on(Chammi)
        .loss(ProxyNca::t(0.07))
        .lr(1e-4)
        .lr_on(Wtc, 1e-3);
}
