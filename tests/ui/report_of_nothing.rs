extern crate dichroic_lang as dichroic;
use dichroic::prelude::*;

/// Declares nothing.
#[report]
fn report_of_nothing() {}

fn main() {}
