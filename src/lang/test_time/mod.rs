//! What becomes of a model in front of each image that it is asked about: the axis and the facts of each way.

mod ttt;

use crate::{axis::axis, spec::Spec};
use std::fmt;

axis! {
    /// The ways to change a model in front of an image.
    pub enum TestTime: TestTimeWord, Word(Spec) {
        Ttt = ttt::{Ttt;},
    }
    /// The facts of such a way.
    facts {
        /// How often an image, or a copy of it, passes through the network forwards and backwards.
        fn passes(&self) -> usize;
        /// In words: `20 steps on 128 copies of itself`.
        fn words(&self) -> String;
    }
}

impl fmt::Display for TestTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words())
    }
}
