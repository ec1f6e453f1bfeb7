extern crate dichroic_lang as dichroic;
use dichroic::prelude::*;

fn main() {
    let _ = ConvNext::tiny().pretrained(ImageNet22k).train_on(Chammi);
}
