//! One pass of images through a network: its inputs and its outputs, shared by first layers, backbones and
//! losses.

mod drops;
mod masks;

pub use drops::Drops;
pub use masks::Masks;

use crate::{
    ops::Places,
    params::{ParamId, Params},
    spec::Taps,
    tape::{Node, Tape},
};
use candle_core::Tensor;

/// The inputs of a network besides the images.
pub struct Pass<'a> {
    /// Where operations are recorded, if they are.
    pub tape: &'a mut Tape,
    /// The parameters.
    pub params: &'a Params,
    /// Which residual branches are dropped.
    pub drops: Drops,
    /// What is requested besides features.
    pub want: Want,
    /// The patches that a transformer sees of each image; none: all of them.
    pub visible: Option<&'a Places>,
    /// The patches of which a transformer gives the tokens, besides features; none: of no patch.
    pub masks: Option<&'a Masks>,
    /// What it sees in their place; none: the patches themselves.
    pub mask_token: Option<ParamId>,
    /// Which channels of their set the images have, in their order; none: all of them.
    pub channels: Option<&'a [usize]>,
    /// Who looks into a transformer's layers.
    pub tap: Option<&'a mut Tap<'a>>,
}

/// Receives what each layer of a transformer says, in order: its patches (N, rows, columns, width) before positions are added;
/// then of each block what comes out of attention and out of the hidden layer, all tokens (N, T, width), before layer scale and
/// before it is added to the stream.
pub type Tap<'a> = dyn FnMut(&Node) -> candle_core::Result<()> + 'a;

/// What is requested of a network besides features.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Want {
    /// Where it is probed.
    pub probes: Option<Taps>,
}

/// The output of a first layer.
#[derive(Clone, Debug)]
pub enum Entered {
    /// Feature maps (N, H, W, width).
    Maps(Node),
    /// Feature maps of each channel.
    Channels(ChannelMaps),
    /// Feature maps of each channel, each an image of its own.
    Apart(MapsApart),
    /// Tokens (N, T, width), the class token first.
    Tokens(Node),
    /// Unchanged images (N, C, H, W), each channel of which passes as a grey RGB image.
    Grey(Tensor),
}

/// Feature maps of each channel of images, and what tells the channels apart.
#[derive(Clone, Debug)]
pub struct ChannelMaps {
    /// (N, K · H, W, width): the maps of an image's channels one below the other.
    pub maps: Node,
    /// What the tokens of each channel have besides their positions, (K, width).
    pub embeddings: Node,
}

/// Feature maps of the channels of images, each an image of its own, and the token that each begins with.
#[derive(Clone, Debug)]
pub struct MapsApart {
    /// (N · K, H, W, width): the channels of an image are neighbours.
    pub maps: Node,
    /// Channels of an image.
    pub channels: usize,
    /// One for all channels, (1, width).
    pub token: Node,
}

/// The outputs of a network for one group of crops.
#[derive(Clone, Debug)]
pub struct Outputs {
    /// (rows, width). The crops of an image are neighbours: with two, a0, a0', a1, a1', …
    pub features: Node,
    /// Intermediate features at the probes.
    pub probes: Vec<Node>,
    /// The tokens of the visible patches behind the class token, (rows, tokens, width), where some are hidden; those of masked
    /// patches, (patches, width), where some are masked.
    pub tokens: Option<Node>,
}

impl<'a> Pass<'a> {
    /// No branch is dropped, and only features are requested.
    pub fn new(tape: &'a mut Tape, params: &'a Params) -> Self {
        Self {
            tape,
            params,
            drops: Drops::none(),
            want: Want::default(),
            visible: None,
            masks: None,
            mask_token: None,
            channels: None,
            tap: None,
        }
    }

    /// The same with some residual branches dropped.
    #[must_use]
    pub fn dropping(mut self, drops: Drops) -> Self {
        self.drops = drops;
        self
    }

    /// The same where a transformer sees some patches only.
    #[must_use]
    pub fn seeing(mut self, visible: Option<&'a Places>) -> Self {
        self.visible = visible;
        self
    }

    /// The same where a transformer gives the tokens of masked patches, and sees `token` in their place, if it says so.
    #[must_use]
    pub fn masking(mut self, masks: Option<&'a Masks>, token: Option<ParamId>) -> Self {
        (self.masks, self.mask_token) = (masks, token);
        self
    }

    /// The same of images that have only some channels of their set.
    #[must_use]
    pub fn having(mut self, channels: Option<&'a [usize]>) -> Self {
        self.channels = channels;
        self
    }

    /// The same while someone looks into a transformer's layers.
    #[must_use]
    pub fn tapped(mut self, tap: &'a mut Tap<'a>) -> Self {
        self.tap = Some(tap);
        self
    }

    /// The same with further requests.
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
    /// If the first layer's output is of another kind, which this backbone does not take.
    pub fn maps(self) -> candle_core::Result<Node> {
        match self {
            Self::Maps(maps) => Ok(maps),
            Self::Channels(_) | Self::Apart(_) => {
                candle_core::bail!("this backbone takes feature maps, found those of each channel")
            }
            Self::Tokens(_) => candle_core::bail!("this backbone takes feature maps, found tokens"),
            Self::Grey(_) => {
                candle_core::bail!("this backbone takes feature maps, found unchanged channels")
            }
        }
    }

    /// The tokens.
    ///
    /// # Errors
    /// If the first layer's output is of another kind, which this backbone does not take.
    pub fn tokens(self) -> candle_core::Result<Node> {
        match self {
            Self::Tokens(tokens) => Ok(tokens),
            Self::Maps(_) | Self::Channels(_) | Self::Apart(_) | Self::Grey(_) => {
                candle_core::bail!("this backbone takes tokens, found none")
            }
        }
    }
}

impl Outputs {
    /// Features without probes.
    pub fn of(features: Node) -> Self {
        Self { features, probes: Vec::new(), tokens: None }
    }
}
