extern crate dichroic_lang as dichroic;
use dichroic::prelude::*;

fn main() {
    let _ = ConvNext::tiny()
        .pretrained(ImageNet22k)
        .adapter(ChannelReplication)
        .train_on(Chammi)
        .loss(ProxyNca::t(0.07));
}
