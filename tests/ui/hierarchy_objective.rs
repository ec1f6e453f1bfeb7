extern crate dichroic_lang as dichroic;
use dichroic::prelude::*;

fn main() {
    let model = Vit::small().scratch().adapter(HierarchicalAttention);
    let _ = model.train_on(Chammi).loss(PROXY).evaluate(OneNn::cosine().on(Chammi));
}
