extern crate dichroic_lang as dichroic;
use dichroic::prelude::*;

fn main() {
    let _ = ConvNext::tiny().adapter(HyperNet { z: 128, hidden: 256 });
}
