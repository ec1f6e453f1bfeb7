extern crate dichroic_lang as dichroic;
use dichroic::prelude::*;

fn main() {
    row(HyperNet { z: 128, hidden: 256 });
    row(ImageNet22k);
}

fn row<A: StemAdapter>(_: A) {}
