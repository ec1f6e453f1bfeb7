//! One pass of images through a network: what it is run with, and what it hands out. First layers and backbones know it,
//! and losses see what came out.

mod drops;

pub use drops::Drops;

use crate::{
    params::Params,
    spec::Taps,
    tape::{Node, Tape},
};
use candle_core::Tensor;

/// What a network is run with.
pub struct Pass<'a> {
    /// Where operations are recorded, or not.
    pub tape: &'a mut Tape,
    /// The parameters.
    pub params: &'a Params,
    /// Which residual branches are dropped.
    pub drops: Drops,
    /// What is wanted beside features.
    pub want: Want,
}

/// What is wanted of a network beside features.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Want {
    /// Where it is probed.
    pub probes: Option<Taps>,
}

/// What a first layer makes of images.
#[derive(Clone, Debug)]
pub enum Entered {
    /// Feature maps (N, H, W, width).
    Maps(Node),
    /// Images as they are, (N, C, H, W), of which each channel passes as a grey photograph.
    Grey(Tensor),
}

/// What a network makes of one group of crops.
#[derive(Clone, Debug)]
pub struct Outputs {
    /// (rows, width). The crops of an image are neighbours: with two, a0, a0', a1, a1', …
    pub features: Node,
    /// What flowed by where the network was probed.
    pub probes: Vec<Node>,
}

impl<'a> Pass<'a> {
    /// Nothing is dropped, and nothing but features is wanted.
    pub fn new(tape: &'a mut Tape, params: &'a Params) -> Self {
        Self { tape, params, drops: Drops::none(), want: Want::default() }
    }

    /// The same without some residual branches.
    #[must_use]
    pub fn dropping(mut self, drops: Drops) -> Self {
        self.drops = drops;
        self
    }

    /// The same, wanting more.
    #[must_use]
    pub fn wanting(mut self, want: Want) -> Self {
        self.want = want;
        self
    }
}

impl Entered {
    /// The maps.
    ///
    /// # Errors
    /// If a first layer made something else, which its backbone does not take.
    pub fn maps(self) -> candle_core::Result<Node> {
        match self {
            Self::Maps(maps) => Ok(maps),
            Self::Grey(_) => {
                candle_core::bail!("this backbone takes feature maps, found channels as they are")
            }
        }
    }
}

impl Outputs {
    /// Features without probes.
    pub fn of(features: Node) -> Self {
        Self { features, probes: Vec::new() }
    }
}
