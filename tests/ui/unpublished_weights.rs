extern crate dichroic_lang as dichroic;
use dichroic::prelude::*;

fn main() {
    let _ = ConvNext::atto().pretrained(ImageNet22k);
}
