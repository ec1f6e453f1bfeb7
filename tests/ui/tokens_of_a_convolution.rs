extern crate dichroic_lang as dichroic;
use dichroic::prelude::*;

fn main() {
    let model = ConvNext::tiny().scratch().adapter(TargetParam);
    let _ = model.train_on(Chammi).loss(PROXY).features(VitFeatures::MeanOfPatches);
}
