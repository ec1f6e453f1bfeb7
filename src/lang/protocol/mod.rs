//! How features are scored: every protocol there is.

mod one_nn;

use crate::axis::axis;

axis! {
    /// Every protocol there is.
    pub enum Protocol: ProtocolWord {
        OneNn = one_nn::{OneNn;},
    }
    /// What a protocol answers.
    facts {
        /// The name in the store and in JSON: `one_nn_cosine`.
        fn name(&self) -> String;
    }
}

pub use one_nn::Metric;
