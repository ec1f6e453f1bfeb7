extern crate dichroic_lang as dichroic;
use dichroic::prelude::*;

fn main() {
    let _ = Vit::small()
        .pretrained(ImageNet1k)
        .adapter(Planes(["dna", "er", "mito"]))
        .train_on(S3)
        .loss(DinoV1::ema(0.996))
        .classify(Vit::small())
        .at_test_time(Ttt);
}
