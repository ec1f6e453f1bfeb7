//! Erm: no strategy.

use super::{Oracle, StrategyWord};
use crate::{
    dsl::{self, Objective},
    spec::{InStage, check::Found},
    word::{Says, StageWord, word},
};
use toml::Table;

word! {
    "train.strategy", "erm", revision 1;
    /// Empirical risk minimisation: no additional measures.
    pub struct Erm;
}

impl<W, O: Objective> dsl::Strategy<W, O> for Erm {
    fn strategy(self) -> Table {
        self.table()
    }
}

impl StrategyWord for Settings {
    fn hold_out(&self) -> Option<f64> {
        None
    }

    fn oracle(&self) -> Option<Oracle> {
        None
    }
}

impl StageWord for Settings {
    fn check(&self, _: &InStage<'_>, _: &mut Found) {}

    fn quick(&mut self, _: &InStage<'_>) {}
}
