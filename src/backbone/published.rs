//! Published vision transformers by name: timm's for timm's files, Meta's for Meta's. The name says what features depend on;
//! the file says the rest.

use super::{
    VitShape,
    block::Hidden,
    files::{self, Error},
    opened::{Opened, Placed},
    position::Rule,
    vit::Reading,
};
use crate::{
    adapter::ChannelTable,
    params::Params,
    spec::{PositionResize, RgbNorm},
};
use std::path::Path;

/// A vision transformer that was published.
#[derive(Clone, Debug, PartialEq)]
pub struct Transformer {
    name: String,
    family: Family,
    size: Size,
    patch: usize,
    /// Side of the images whose patches have positions; `None`: the file says.
    side: Option<usize>,
    registers: usize,
}

/// Whose code it comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    /// timm's, without layer scale.
    Timm,
    /// timm's of DINOv2.
    TimmDinoV2,
    /// Meta's DINO.
    Dino,
    /// Meta's DINOv2.
    DinoV2,
    /// insitro's Channel-ViT.
    ChannelVit,
}

/// Numbers of a token, blocks, heads of attention, the hidden layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Size {
    width: usize,
    depth: usize,
    heads: usize,
    hidden: Hidden,
}

/// What pixels are normalised by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pixels {
    /// Values from 0 to 1 as they are.
    Plain,
    /// The mean and standard deviation of three planes.
    Rgb(RgbNorm),
    /// Each channel of each crop by its own mean and standard deviation.
    Crop,
}

/// timm's and Meta's names of sizes.
const SIZES: [(&str, &str, Size); 6] = [
    ("tiny", "t", Size { width: 192, depth: 12, heads: 3, hidden: Hidden::Gelu }),
    ("small", "s", Size { width: 384, depth: 12, heads: 6, hidden: Hidden::Gelu }),
    ("base", "b", Size { width: 768, depth: 12, heads: 12, hidden: Hidden::Gelu }),
    ("large", "l", Size { width: 1024, depth: 24, heads: 16, hidden: Hidden::Gelu }),
    ("huge", "h", Size { width: 1280, depth: 32, heads: 16, hidden: Hidden::Gelu }),
    ("giant", "g", Size { width: 1536, depth: 40, heads: 24, hidden: Hidden::SwiGlu(4096) }),
];
/// Side of the images of DINOv2's last phase.
const DINO_V2_SIDE: usize = 518;
/// Registers of DINOv2's models that have them.
const REGISTERS: usize = 4;
/// Largest side of a patch.
const MAX_PATCH: usize = 64;

impl Transformer {
    /// Names that are usual: for hints.
    pub const USUAL: [&str; 7] = [
        "vit_{tiny,small,base,large}_patch16_224",
        "deit_{tiny,small,base}_patch16_224",
        "vit_{small,base,large}_patch14[_reg4]_dinov2",
        "dinov2_vit{s,b,l,g}14[_reg]",
        "dinov2_vit{t,s,b,l}16",
        "dino_vit{s,b}{8,16}",
        "channelvit_small_patch{8,16}",
    ];

    /// Some of them in full: for near misses.
    pub const EXAMPLES: [&str; 13] = [
        "vit_tiny_patch16_224",
        "vit_small_patch16_224",
        "vit_base_patch16_224",
        "vit_large_patch16_224",
        "deit_small_patch16_224",
        "deit_base_patch16_224",
        "dinov2_vits14",
        "dinov2_vitb14",
        "dinov2_vitl14",
        "dinov2_vitb14_reg",
        "dinov2_vits16",
        "dino_vits16",
        "channelvit_small_patch16",
    ];

    /// By its name; `None`: it is no transformer's.
    pub fn named(name: &str) -> Option<Self> {
        let (whole, training) = name.split_once('.').unwrap_or((name, ""));
        let own = of_meta(whole).or_else(|| of_insitro(whole)).filter(|_| training.is_empty());
        let found = own.or_else(|| of_timm(whole))?;
        Some(Self { name: name.into(), ..found })
    }

    /// The name of its weights where they are looked for.
    pub fn file(&self) -> String {
        let trained = |training: &str| format!("{}.{training}", self.name);
        match self.family {
            _ if self.name.contains('.') => self.name.clone(),
            Family::Timm if self.name.starts_with("deit") => trained("fb_in1k"),
            Family::Timm => trained("augreg_in21k_ft_in1k"),
            Family::TimmDinoV2 => trained("lvd142m"),
            Family::DinoV2 if self.name == "dinov2_vits14_reg" => {
                "vit_small_patch14_reg4_dinov2.lvd142m".into()
            }
            Family::Dino | Family::DinoV2 | Family::ChannelVit => self.name.clone(),
        }
    }

    /// What its weights were trained with, for images of this number of planes.
    pub fn trained_with(&self, planes: usize) -> Pixels {
        let training = self.name.split_once('.').map_or("", |(_, training)| training);
        match self.family {
            _ if planes != 3 => Pixels::Crop,
            Family::Timm
                if !self.name.starts_with("deit")
                    && (training.is_empty() || training.starts_with("augreg")) =>
            {
                Pixels::Rgb(RgbNorm::Symmetric)
            }
            Family::Timm | Family::TimmDinoV2 | Family::Dino | Family::DinoV2 | Family::ChannelVit => {
                Pixels::Rgb(RgbNorm::ImageNet)
            }
        }
    }

    /// Blocks.
    pub fn depth(&self) -> usize {
        self.size.depth
    }

    /// Whether images are padded with zeros to multiples of the patch, as CHAMMI evaluates DINOv2; else what is left over is
    /// not read.
    pub(crate) fn pads(&self) -> bool {
        match self.family {
            Family::DinoV2 | Family::TimmDinoV2 => true,
            Family::Timm | Family::Dino | Family::ChannelVit => false,
        }
    }

    /// Whether each channel has patches of its own.
    pub fn has_patches_of_channels(&self) -> bool {
        self.family == Family::ChannelVit
    }

    /// Its shape, and the planes of its images, with what an opened file says of both.
    pub(super) fn shape(&self, file: &Opened, reading: Reading) -> (VitShape, usize) {
        let Size { width, depth, heads, hidden } = self.size;
        let of = |name: &str| file.get(name).map(|Placed { shape, .. }| shape.as_slice());
        let planes = match of("patch_embed.proj.weight") {
            Some([outs, planes, _, _]) if *outs == width && *planes > 0 => *planes,
            _ if self.has_patches_of_channels() => 1,
            _ => 3,
        };
        let positions = match of("pos_embed") {
            Some([1, count, numbers]) if *numbers == width => Some(*count),
            _ => None,
        };
        let square = |count: usize| Some(count.isqrt()).filter(|side| *side > 0 && side * side == count);
        let class_position = positions.is_none_or(|count| square(count).is_none());
        let found = positions.and_then(|count| square(count - usize::from(class_position)));
        let stated = self.side.map(|side| side / self.patch);
        let registers_are_asked = self.registers > 0;
        let resize = match self.family {
            Family::Timm | Family::TimmDinoV2 => PositionResize::Antialiased.into(),
            Family::DinoV2 if registers_are_asked => PositionResize::Antialiased.into(),
            Family::Dino | Family::DinoV2 => PositionResize::Offset.into(),
            Family::ChannelVit => Rule::channel_vit(),
        };
        let scaled = match self.family {
            Family::DinoV2 | Family::TimmDinoV2 => of("blocks.0.ls1.gamma").is_some(),
            Family::Timm | Family::Dino | Family::ChannelVit => false,
        };
        let shape = VitShape {
            width,
            depth,
            heads,
            patch: self.patch,
            grid: stated.or(found).unwrap_or(DINO_V2_SIDE / self.patch),
            registers: self.registers,
            layer_scale: scaled.then_some(1.0),
            class_position,
            drop_path: 0.0,
            reading,
            resize,
            hidden,
        };
        (shape, planes)
    }
}

/// The opened weights of a published transformer.
pub struct Weights {
    file: Opened,
    /// Its shape, and what its features are.
    pub(crate) shape: VitShape,
    /// Planes of its images.
    pub planes: usize,
    /// The table of channels, if each has patches of its own.
    pub table: Option<ChannelTable>,
}

impl Weights {
    /// Opens the weights of a transformer; of several in the file, those whose prefix has `part` in it.
    ///
    /// # Errors
    /// If the file cannot be read, or it is not clear which of several transformers is meant.
    pub fn open(
        path: &Path,
        transformer: &Transformer,
        reading: Reading,
        part: Option<&str>,
    ) -> Result<Self, Error> {
        let file = Opened::published(path, part)?;
        let (shape, planes) = transformer.shape(&file, reading);
        let table = transformer.has_patches_of_channels().then(|| table(&file)).flatten();
        Ok(Self { file, shape, planes, table })
    }

    /// What is done to read them.
    pub fn remarks(&self) -> &[String] {
        &self.file.remarks
    }

    /// Copies them to the parameters of a transformer of this shape with its own patch embedding.
    ///
    /// # Errors
    /// If they do not fit.
    pub(crate) fn copy_to(&self, params: &mut Params) -> Result<(), Error> {
        files::read_whole(&self.file, params)
    }
}

/// The table of channels in a file, if it has one.
fn table(file: &Opened) -> Option<ChannelTable> {
    let of = |name: &str| file.get(name).map(|Placed { shape, .. }| shape.as_slice());
    match (of(ChannelTable::ROWS), of(ChannelTable::COLUMNS)) {
        (Some([channels, _]), _) => Some(ChannelTable { channels: *channels, by_rows: true }),
        (_, Some([1, _, channels, 1, 1])) => Some(ChannelTable { channels: *channels, by_rows: false }),
        _ => None,
    }
}

/// `dinov2_vits14_reg`, `dino_vitb8`.
fn of_meta(name: &str) -> Option<Transformer> {
    let (family, rest) = match name.strip_prefix("dinov2_vit") {
        Some(rest) => (Family::DinoV2, rest),
        None => (Family::Dino, name.strip_prefix("dino_vit")?),
    };
    let letter = rest.get(..1)?;
    let (_, _, size) = *SIZES.iter().find(|(_, short, _)| *short == letter)?;
    let (patch, registers) = match rest[1..].split_once('_') {
        None => (&rest[1..], 0),
        Some((patch, "reg" | "reg4")) if family == Family::DinoV2 => (patch, REGISTERS),
        Some(_) => return None,
    };
    // The largest of DINO has no SwiGLU; there is none.
    (family == Family::DinoV2 || size.hidden == Hidden::Gelu).then_some(())?;
    Some(Transformer {
        name: name.into(),
        family,
        size,
        patch: side_of_a_patch(patch)?,
        side: None,
        registers,
    })
}

/// `channelvit_small_patch16`.
fn of_insitro(name: &str) -> Option<Transformer> {
    let (long, patch) = name.strip_prefix("channelvit_")?.split_once("_patch")?;
    let (_, _, size) =
        *SIZES.iter().find(|(known, _, size)| *known == long && size.hidden == Hidden::Gelu)?;
    let (family, patch) = (Family::ChannelVit, side_of_a_patch(patch)?);
    Some(Transformer { name: name.into(), family, size, patch, side: None, registers: 0 })
}

/// `vit_small_patch16_224`, `deit_base_patch16_384`, `vit_small_patch14_reg4_dinov2`.
fn of_timm(name: &str) -> Option<Transformer> {
    let mut steps = name.split('_');
    let begin = steps.next().filter(|begin| ["vit", "deit"].contains(begin))?;
    let long = steps.next()?;
    let (_, _, size) = *SIZES.iter().find(|(known, _, _)| *known == long)?;
    let patch = side_of_a_patch(steps.next()?.strip_prefix("patch")?)?;
    let mut step = steps.next()?;
    let registers = match step.strip_prefix("reg") {
        Some(count) if begin == "vit" => {
            step = steps.next()?;
            count.parse().ok().filter(|count| (1..=64).contains(count))?
        }
        _ => 0,
    };
    let (family, side) = match step {
        "dinov2" if begin == "vit" => (Family::TimmDinoV2, DINO_V2_SIDE),
        side => (Family::Timm, side.parse().ok()?),
    };
    let fits = steps.next().is_none() && (patch..=4096).contains(&side) && side.is_multiple_of(patch);
    let known = family == Family::TimmDinoV2 || size.hidden == Hidden::Gelu;
    (fits && known).then(|| Transformer {
        name: name.into(),
        family,
        size,
        patch,
        side: Some(side),
        registers,
    })
}

fn side_of_a_patch(text: &str) -> Option<usize> {
    text.parse().ok().filter(|patch| (1..=MAX_PATCH).contains(patch))
}

#[cfg(test)]
mod tests;
