extern crate dichroic_lang as dichroic;
use dichroic::prelude::*;

/// Declares nothing.
#[experiment]
fn no_return_type() {
    let _ = ConvNext::tiny();
}

fn main() {}
