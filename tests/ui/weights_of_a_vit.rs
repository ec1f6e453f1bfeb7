extern crate dichroic_lang as dichroic;
use dichroic::prelude::*;

fn main() {
    let _ = Vit::small().pretrained(ImageNet22k);
}
