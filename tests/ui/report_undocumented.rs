extern crate dichroic_lang as dichroic;
use dichroic::prelude::*;

#[report]
fn report_undocumented() -> Report {
    Report::systems("mine")
}

fn main() {}
