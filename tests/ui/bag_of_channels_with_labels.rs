extern crate dichroic_lang as dichroic;
use dichroic::prelude::*;

fn main() {
    let _ = Vit::small()
        .scratch()
        .adapter(BagOfChannels)
        .train_on(Chammi)
        .loss(0.2 * SimClr::t(0.07) + 0.8 * ProxyNca::t(0.07));
}
