use dichroic::prelude::*;

fn main() {
    let _ = OneNn::cosine().on("mini_real");
}
