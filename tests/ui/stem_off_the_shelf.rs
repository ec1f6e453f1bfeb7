extern crate dichroic_lang as dichroic;
use dichroic::prelude::*;

fn main() {
    let _ = DinoV2::small_reg().pretrained(Lvd142m).adapter(HyperNet { z: 128, hidden: 256 });
}
