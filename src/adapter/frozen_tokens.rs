//! A frozen extractor in place of a first layer: its tokens are what the network behind it sees.

use super::{Entry, Images, Replaces};
use crate::{
    model::Extractor,
    params::Params,
    pass::{Entered, Pass},
    tape::{Node, Tape},
};
use candle_core::Result;

/// The prefix of the extractor's names, as released by CODA.
pub(crate) const FOUNDATION: &str = "foundation_model.";

struct FrozenTokens {
    extractor: Extractor,
}

/// The extractor that `build` makes, under names of its own, none of whose parameters is trained.
pub(crate) fn frozen_tokens(
    params: &mut Params,
    build: impl FnOnce(&mut Params) -> Extractor,
) -> Box<dyn Entry> {
    let before = params.len();
    let extractor = build(&mut params.within(FOUNDATION));
    params.ids().skip(before).for_each(|id| params.freeze(id));
    Box::new(FrozenTokens { extractor })
}

impl Entry for FrozenTokens {
    /// Without recording and without dropped branches, as released.
    fn enter(&self, pass: &mut Pass<'_>, images: &Images) -> Result<Entered> {
        let mut tape = Tape::forgetting_in(pass.params.format());
        let tokens = self.extractor.tokens(&mut Pass::new(&mut tape, pass.params), images)?;
        Ok(Entered::Tokens(Node::constant(tokens.value().clone())))
    }

    fn replaces(&self) -> Replaces {
        Replaces::Whole
    }
}
