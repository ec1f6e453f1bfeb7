extern crate dichroic_lang as dichroic;
use dichroic::prelude::*;

fn main() {
    let _ = OneNn::cosine().on("mini_real");
}
