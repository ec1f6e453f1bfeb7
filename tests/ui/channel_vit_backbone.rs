extern crate dichroic_lang as dichroic;
use dichroic::prelude::*;

fn main() {
    let model = ConvNext::tiny().scratch().adapter(ChannelVit::up_to(5));
    let _ = model.train_on(Chammi).loss(PROXY).evaluate(OneNn::cosine().on(Chammi));
}
