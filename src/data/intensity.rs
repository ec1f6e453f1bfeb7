//! The meaning of grey levels: which level is 0 and which is 1, set in `dataset.toml` and never guessed.
//!
//! A 12-bit camera, a background of some hundred levels and a bright plate all look alike in a 16-bit file. So images
//! of more than 8 bits need a rule; 8-bit images may have one, and without it are divided by 255. Levels at and below
//! the lower end become 0, those at and above the upper end 1; it is linear in between.

use super::{ImageSet, Role};
use serde::{Deserialize, Serialize};

/// Raised when a rule gives different pixels, or percentiles are measured differently. It is part of the
/// fingerprint of every folder that has a rule, and so of everything computed from it.
const REVISION: u32 = 1;

/// The grey levels that become 0 and 1.
pub type Range = [u16; 2];

/// Which levels become 0 and 1.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Intensity {
    /// The same for all images; one range per channel.
    Range(Vec<Range>),
    /// The levels that these percentages of a channel's pixels do not exceed.
    Percentile {
        /// For 0 and for 1.
        percent: [f64; 2],
        /// The images that are measured together.
        per: Per,
    },
}

/// Images that are measured together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Per {
    /// Each image on its own.
    Image,
    /// Images with the same field in a column, or in the column with a role.
    Column(String),
    /// All images of the set.
    Set,
}

impl Per {
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Image => "image",
            Self::Column(name) => name,
            Self::Set => "set",
        }
    }
}

impl Intensity {
    /// The column or role whose fields group the images.
    pub(super) fn column(&self) -> Option<&str> {
        match self {
            Self::Percentile { per: Per::Column(name), .. } => Some(name),
            _ => None,
        }
    }

    /// Whether images must be read before the rule can be applied.
    pub(super) fn is_measured(&self) -> bool {
        matches!(self, Self::Percentile { per: Per::Column(_) | Per::Set, .. })
    }

    /// A description in words.
    pub(super) fn describe(&self, channels: &[String]) -> String {
        match self {
            Self::Range(ranges) if ranges.windows(2).all(|pair| pair[0] == pair[1]) => {
                let [low, high] = ranges.first().copied().unwrap_or_default();
                format!("grey levels {low} to {high}")
            }
            Self::Range(ranges) => {
                let one = |(channel, [low, high]): (&String, &Range)| format!("{channel} {low} to {high}");
                format!("grey levels {}", channels.iter().zip(ranges).map(one).collect::<Vec<_>>().join(", "))
            }
            Self::Percentile { percent: [low, high], per } => {
                format!("percentiles {low} to {high} per {}", per.name())
            }
        }
    }
}

/// What the fingerprint covers: the rule and how it is carried out.
impl Serialize for Intensity {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;
        let mut map = to.serialize_map(None)?;
        map.serialize_entry("revision", &REVISION)?;
        match self {
            Self::Range(ranges) => map.serialize_entry("range", ranges)?,
            Self::Percentile { percent, per } => {
                map.serialize_entry("percentile", percent)?;
                map.serialize_entry("per", per.name())?;
            }
        }
        map.end()
    }
}

/// `intensity = { … }` as written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    range: Option<toml::Value>,
    percentile: Option<toml::Value>,
    per: Option<String>,
}

const HINT: &str = "intensity = { range = [100, 4095] }, or range = { dna = [100, 4095], er = [90, 3000] }, or intensity \
                    = { percentile = [0.1, 99.9], per = \"plate\" }, where per is a column, a role, \"image\" or \"set\"";

impl Written {
    /// Parses the rule for a set of these channels, named as in `dataset.toml`.
    ///
    /// # Errors
    /// What was expected and found, and how to fix it.
    pub(super) fn rule(self, channels: &[String]) -> Result<Intensity, (String, &'static str)> {
        let Self { range, percentile, per } = self;
        let rule = match (range, percentile, per) {
            (Some(range), None, None) => ranges(&range, channels).map(Intensity::Range),
            (None, Some(percentile), Some(per)) => percents(&percentile).and_then(|percent| {
                let per = match per.as_str() {
                    "image" => Per::Image,
                    "set" => Per::Set,
                    "" | "label" => {
                        return Err(format!(
                            "expected `per` as a column, a role (not the label), \"image\" or \"set\", found `{per}`"
                        ));
                    }
                    _ => Per::Column(per),
                };
                Ok(Intensity::Percentile { percent, per })
            }),
            (None, Some(_), None) => {
                Err("expected `per` with `percentile`: over which images, found none".to_owned())
            }
            (range, percentile, per) => {
                let given = [("range", range.is_some()), ("percentile", percentile.is_some()), ("per", per.is_some())];
                let given: Vec<&str> = given.iter().filter(|(_, given)| *given).map(|(word, _)| *word).collect();
                let found = if given.is_empty() { "nothing".to_owned() } else { format!("`{}`", given.join("`, `")) };
                Err(format!("expected either `range` or `percentile` and `per`, found {found}"))
            }
        };
        rule.map_err(|said| (said, HINT))
    }
}

/// One range for all channels, or a table of one each.
fn ranges(value: &toml::Value, channels: &[String]) -> Result<Vec<Range>, String> {
    let Some(table) = value.as_table() else {
        return Ok(vec![range(value, "range")?; channels.len()]);
    };
    if let Some(unknown) = table.keys().find(|name| !channels.contains(name)) {
        return Err(format!(
            "expected channels of the set ({}) in range, found `{unknown}`",
            channels.join(", ")
        ));
    }
    let one = |name: &String| match table.get(name) {
        Some(value) => range(value, name),
        None => Err(format!("expected a range for each channel, found none for `{name}`")),
    };
    channels.iter().map(one).collect()
}

fn range(value: &toml::Value, what: &str) -> Result<Range, String> {
    let expected = "two whole grey levels from 0 to 65535, the lower one first";
    let level = |value: &toml::Value| value.as_integer().and_then(|level| u16::try_from(level).ok());
    match value.as_array().map(Vec::as_slice) {
        Some([low, high]) => match (level(low), level(high)) {
            (Some(low), Some(high)) if low < high => Ok([low, high]),
            _ => Err(format!("expected {what} as {expected}, found {value}")),
        },
        _ => Err(format!("expected {what} as {expected}, found {value}")),
    }
}

fn percents(value: &toml::Value) -> Result<[f64; 2], String> {
    let number = |value: &toml::Value| value.as_float().or_else(|| Some(value.as_integer()? as f64));
    let found = match value.as_array().map(Vec::as_slice) {
        Some([low, high]) => number(low).zip(number(high)),
        _ => None,
    };
    match found {
        Some((low, high)) if 0.0 <= low && low < high && high <= 100.0 => Ok([low, high]),
        _ => Err(format!(
            "expected percentile as two numbers from 0 to 100, the lower one first, found {value}"
        )),
    }
}

/// Pixels in units of 1/255, so that a range of 0 to 255 leaves 8-bit levels unchanged to the last bit: both
/// factors of the quotient are whole numbers, exact in single precision.
pub(super) fn apply<P: Copy + Into<u16>>(levels: &[P], [low, high]: Range, out: &mut [f32]) {
    let width = f32::from(high.saturating_sub(low).max(1));
    for (out, &level) in out.iter_mut().zip(levels) {
        let above = level.into().clamp(low, high.max(low)) - low;
        *out = f32::from(above) * 255.0 / width;
    }
}

/// Counts of each grey level in a channel.
#[derive(Clone)]
pub(super) struct Histogram(Vec<u64>);

impl Default for Histogram {
    fn default() -> Self {
        Self(vec![0; 1 << 16])
    }
}

impl Histogram {
    pub(super) fn count<P: Copy + Into<u16>>(&mut self, levels: &[P]) {
        levels.iter().for_each(|&level| self.0[usize::from(level.into())] += 1);
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.0.iter_mut().zip(&other.0).for_each(|(a, b)| *a += b);
    }

    /// For both percentages, the lowest level that they of the pixels do not exceed (NumPy's `inverted_cdf`).
    /// A channel that is flat between the two gets a range of one level: its pixels become 0 or 1.
    pub(super) fn range(&self, percent: [f64; 2]) -> Range {
        let pixels = self.0.iter().sum::<u64>() as f64;
        let [low, high] = percent.map(|percent| {
            // 99.9 % of 1000 pixels are 999: rounding must not add one
            let wanted = ((percent * pixels / 100.0) * (1.0 - 1e-12)).ceil().max(1.0) as u64;
            let mut below = 0;
            let level = self.0.iter().position(|count| {
                below += count;
                below >= wanted
            });
            level.unwrap_or(usize::from(u16::MAX)) as u16
        });
        if low < high { [low, high] } else { [low.min(u16::MAX - 1), low.min(u16::MAX - 1) + 1] }
    }
}

/// Measured ranges: one per group of images and channel. To be stored with mean and SD.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measured {
    /// The groups, in table order: the fields of the column, or one unnamed group for the whole set.
    pub groups: Vec<String>,
    /// One range per channel, for each group.
    pub ranges: Vec<Vec<Range>>,
}

impl ImageSet {
    /// Whether the set needs [`super::measure`] before its images can be read.
    pub fn needs_measuring(&self) -> bool {
        self.intensity.as_ref().is_some_and(Intensity::is_measured) && self.measured.get().is_none()
    }

    /// Takes measured ranges, which must match this set's number of groups and channels. Returns whether they
    /// do.
    pub fn take_measured(&self, measured: Measured) -> bool {
        let fits = measured.groups == self.group_names()
            && measured.ranges.len() == measured.groups.len()
            && measured.ranges.iter().all(|ranges| ranges.len() == self.channels.len());
        if fits {
            // If another thread was first, it has measured the same.
            let _ = self.measured.set(measured);
        }
        fits
    }

    pub(super) fn group_names(&self) -> Vec<String> {
        match self.intensity.as_ref().and_then(Intensity::column) {
            Some(_) => self.rows.groups.names.clone(),
            None => vec![String::new()],
        }
    }

    /// The group whose ranges apply to the image.
    pub(super) fn group(&self, row: u32) -> usize {
        self.rows.groups.ids.get(row as usize).map_or(0, |group| *group as usize)
    }
}

/// The role that `per` or a placeholder in a pattern may name instead of a column.
pub(super) fn role_called(name: &str) -> Option<Role> {
    Role::ALL.into_iter().find(|role| role.name() == name)
}
