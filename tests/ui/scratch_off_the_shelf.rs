extern crate dichroic_lang as dichroic;
use dichroic::prelude::*;

fn main() {
    let _ = ResNet::r50().scratch();
}
