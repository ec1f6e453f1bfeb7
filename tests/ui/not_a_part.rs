extern crate dichroic_lang as dichroic;
use dichroic::prelude::*;

fn main() {
    let _ = Chammi.without(Folder("mine"));
}
