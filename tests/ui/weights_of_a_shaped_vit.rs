extern crate dichroic_lang as dichroic;
use dichroic::prelude::*;

fn main() {
    let _ = Vit::small().patch(8).pretrained(ImageNet1k);
}
