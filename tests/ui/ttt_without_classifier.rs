extern crate dichroic_lang as dichroic;
use dichroic::prelude::*;

fn main() {
    let _ = Vit::small()
        .pretrained(ImageNet1k)
        .adapter(Planes(["dna", "er", "mito"]))
        .train_on(S3)
        .loss(Mae::mask(0.75))
        .at_test_time(Ttt);
}
