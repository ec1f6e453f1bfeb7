//! `dataset.toml`: what a folder says of itself that its tables do not.

use super::{Error, Role, Statistics, chammi};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, path::Path};
use toml::Spanned;

/// The rows of CHAMMI's channel bank, in their order.
pub const BANK: [&str; 8] = ["er", "golgi", "membrane", "microtubules", "mito", "nucleus", "protein", "rna"];

/// Every channel name that needs no `new_channels = true`: the bank's and names in common use. The list is there to
/// catch slips (`nuclues` would silently become a channel of its own), not to limit anybody: names are plain text
/// everywhere else, and equal names share a row of a model's bank.
pub const KNOWN_CHANNELS: [&str; 19] = [
    "er",
    "golgi",
    "membrane",
    "microtubules",
    "mito",
    "nucleus",
    "protein",
    "rna",
    "actin",
    "agp",
    "brightfield",
    "cd8a",
    "cd99",
    "cdh",
    "cytosol",
    "darkfield",
    "dna",
    "h3",
    "pin",
];

/// Where pixels come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Cells under a microscope.
    #[default]
    Real,
    /// The simulator.
    Simulated,
}

impl Kind {
    /// The name in the store and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Real => "real",
            Self::Simulated => "simulated",
        }
    }
}

/// A folder's description; its JSON goes into the fingerprint.
#[derive(Debug, Serialize)]
pub(super) struct Description {
    pub(super) name: Option<String>,
    pub(super) kind: Kind,
    pub(super) world: Option<String>,
    pub(super) simulator: Option<toml::Table>,
    pub(super) sets: Vec<SetDescription>,
}

/// What is said of one set.
#[derive(Debug, Default, Serialize)]
pub(super) struct SetDescription {
    pub(super) name: String,
    pub(super) channels: Vec<String>,
    pub(super) leave_group_out: BTreeMap<String, String>,
    pub(super) roles: BTreeMap<Role, String>,
    pub(super) pixel_size_um: Option<f64>,
    pub(super) printed: Option<Statistics>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: Option<String>,
    #[serde(default)]
    kind: Kind,
    world: Option<String>,
    /// Whatever the simulator notes about itself; part of the fingerprint, read by nobody here.
    simulator: Option<toml::Table>,
    #[serde(default)]
    new_channels: bool,
    sets: BTreeMap<String, Spanned<Set>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Set {
    channels: Vec<String>,
    #[serde(default)]
    new_channels: bool,
    #[serde(default)]
    leave_group_out: BTreeMap<String, String>,
    #[serde(default)]
    roles: BTreeMap<Role, String>,
    pixel_size_um: Option<f64>,
    images: Option<Images>,
    intensity: Option<Intensity>,
    #[serde(default)]
    #[expect(dead_code, reason = "there is one way to normalise; the parser refuses any other word")]
    normalise: Normalise,
}

/// How channels lie in files.
#[derive(Deserialize)]
#[serde(tag = "layout", rename_all = "snake_case", deny_unknown_fields)]
enum Images {
    /// Side by side in one file.
    Tape {},
    /// One file per channel.
    Files {
        #[expect(dead_code, reason = "the layout is understood but not supported yet")]
        pattern: String,
    },
}

/// How more than 8 bits become 8.
#[derive(Deserialize)]
#[serde(untagged)]
#[expect(dead_code, reason = "intensity rules are understood but not supported yet")]
enum Intensity {
    Range { range: [f64; 2] },
    Percentile { percentile: [f64; 2], per: Role },
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Normalise {
    #[default]
    Train,
}

impl Description {
    /// The description of the folder `root`.
    pub(super) fn of(root: &Path) -> Result<Self, Error> {
        if !root.is_dir() {
            return Err(Error::NoFolder { root: root.to_owned() });
        }
        let path = root.join("dataset.toml");
        match std::fs::read_to_string(&path) {
            Ok(text) => Self::parse(&text, &path),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                chammi::description(root).ok_or_else(|| Error::NotADataSet { root: root.to_owned() })
            }
            Err(error) => Err(Error::Unreadable { path, cause: error }),
        }
    }

    fn parse(text: &str, path: &Path) -> Result<Self, Error> {
        let wrong = |message: String, hint: Option<String>| Error::Description {
            file: path.to_owned(),
            message,
            hint,
        };
        let file: File =
            toml::from_str(text).map_err(|error| wrong(error.to_string().trim_end().to_owned(), None))?;
        let mut sets: Vec<(String, Spanned<Set>)> = file.sets.into_iter().collect();
        sets.sort_by_key(|(_, set)| set.span().start); // as written, not by the alphabet
        if sets.is_empty() {
            return Err(wrong("expected at least one table [sets.NAME], found none".to_owned(), None));
        }
        let describe = |(name, set): (String, Spanned<Set>)| {
            let set = set.into_inner();
            if name.is_empty() || name.contains(['/', '\\']) || name.starts_with('.') {
                return Err(wrong(
                    format!("expected the name of a folder as name of a set, found `{name}`"),
                    None,
                ));
            }
            if set.channels.is_empty() {
                return Err(wrong(format!("set `{name}` has no channels"), None));
            }
            let unknown = |channel: &&String| !KNOWN_CHANNELS.contains(&channel.as_str());
            if let Some(channel) =
                set.channels.iter().find(unknown).filter(|_| !file.new_channels && !set.new_channels)
            {
                let hint = format!(
                    "a new channel needs `new_channels = true`; known are {}",
                    KNOWN_CHANNELS.join(", ")
                );
                return Err(wrong(format!("channel `{channel}` of set `{name}` is not known"), Some(hint)));
            }
            set.supported(&name, path)?;
            let Set { channels, leave_group_out, roles, pixel_size_um, .. } = set;
            Ok(SetDescription { name, channels, leave_group_out, roles, pixel_size_um, printed: None })
        };
        let sets = sets.into_iter().map(describe).collect::<Result<_, _>>()?;
        Ok(Self { name: file.name, kind: file.kind, world: file.world, simulator: file.simulator, sets })
    }
}

impl Set {
    fn supported(&self, name: &str, path: &Path) -> Result<(), Error> {
        let refuse =
            |what, hint| Err(Error::NotSupported { file: path.to_owned(), set: name.to_owned(), what, hint });
        if let Some(Images::Files { .. }) = self.images {
            return refuse(
                "layout = \"files\"",
                "put the channels side by side into one 8-bit grey PNG or TIFF",
            );
        }
        if self.intensity.is_some() {
            return refuse("intensity", "convert the images to 8 bits with one fixed range for all of them");
        }
        Ok(())
    }
}
