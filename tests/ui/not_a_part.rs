use dichroic::prelude::*;

fn main() {
    let _ = Chammi.without(Folder("mine"));
}
