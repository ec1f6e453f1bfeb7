use dichroic::prelude::*;

fn main() {
    let _ = ResNet::r50().scratch();
}
