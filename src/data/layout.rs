//! File layout of an image's channels: side by side in one file, one file each, or one page each.

use super::{pattern::Pattern, text::plain};
use serde::{Deserialize, Serialize, Serializer};
use std::collections::BTreeMap;

/// Separates the names of a row's files where a pattern leaves them open: no name contains it.
pub(super) const BETWEEN: &str = "\0";

/// How the channels of an image are stored in files.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "layout")]
pub(super) enum Layout {
    /// Side by side in one page: `file_path` and `channel_width` of the row give file and width.
    #[default]
    Tape,
    /// One file for each channel, named by fields of the row.
    Files {
        #[serde(serialize_with = "as_text")]
        pattern: (String, Pattern),
        /// The channels' names in file names, in channel order.
        words: Vec<String>,
    },
    /// One page of the file at `file_path` for each channel.
    Stack {
        /// The page of each channel, counted from 1; none: one page per channel, in order.
        pages: Option<Vec<usize>>,
    },
}

impl Layout {
    /// The default, which fingerprints leave out: folders keep the fingerprints that they had before there
    /// was a choice.
    pub(super) fn is_tape(&self) -> bool {
        *self == Self::Tape
    }

    /// A description in words.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Tape => "channels side by side in one file".to_owned(),
            Self::Files { pattern: (text, _), words } => {
                format!("one file per channel ({}), {text}", words.join(", "))
            }
            Self::Stack { pages: None } => "one page per channel".to_owned(),
            Self::Stack { pages: Some(pages) } => {
                let pages: Vec<String> = pages.iter().map(ToString::to_string).collect();
                format!("one page per channel: {}", pages.join(", "))
            }
        }
    }
}

fn as_text<S: Serializer>((text, _): &(String, Pattern), to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(text)
}

/// `images = { … }` as written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Images {
    layout: Word,
    pattern: Option<String>,
    channel: Option<BTreeMap<String, String>>,
    pages: Option<Vec<usize>>,
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum Word {
    Tape,
    Files,
    Stack,
}

impl Images {
    /// Parses the layout for a set of these channels, named as in `dataset.toml`.
    ///
    /// # Errors
    /// What was expected and found, and how to fix it.
    pub(super) fn layout(self, channels: &[String]) -> Result<Layout, (String, &'static str)> {
        let Self { layout, pattern, channel, pages } = self;
        let misplaced = match layout {
            _ if layout != Word::Files && pattern.is_some() => Some("pattern"),
            _ if layout != Word::Files && channel.is_some() => Some("channel"),
            _ if layout != Word::Stack && pages.is_some() => Some("pages"),
            _ => None,
        };
        if let Some(word) = misplaced {
            let hint = "`pattern` and `channel` go with layout = \"files\", `pages` with layout = \"stack\"";
            return Err((format!("expected no `{word}` in this layout, found one"), hint));
        }
        match layout {
            Word::Tape => Ok(Layout::Tape),
            Word::Files => {
                let hint = "images = { layout = \"files\", pattern = \"{plate}/{well}_s{site}_{channel}.tif\" }, where \
                            plate, well and site are columns of the table";
                let text = pattern.ok_or_else(|| {
                    ("expected a `pattern` that names the files of a row, found none".to_owned(), hint)
                })?;
                if text.contains(char::is_control) {
                    return Err((
                        format!("expected a `pattern` without control characters, found `{}`", plain(&text)),
                        hint,
                    ));
                }
                let pattern = Pattern::parse(&text).map_err(|wrong| (wrong, hint))?;
                let words = words(channels, channel.unwrap_or_default())?;
                Ok(Layout::Files { pattern: (text, pattern), words })
            }
            Word::Stack => {
                if let Some(pages) = &pages {
                    check_pages(pages, channels)?;
                }
                Ok(Layout::Stack { pages })
            }
        }
    }
}

/// The channels' names in file names: as `given`, else as in `dataset.toml`.
fn words(
    channels: &[String],
    mut given: BTreeMap<String, String>,
) -> Result<Vec<String>, (String, &'static str)> {
    let hint = "images.channel maps channels to words in file names: channel = { dna = \"w1\", er = \"w2\" }";
    let words: Vec<String> =
        channels.iter().map(|name| given.remove(name).unwrap_or_else(|| name.clone())).collect();
    if let Some(unknown) = given.keys().next() {
        let said = format!(
            "expected channels of the set ({}) in images.channel, found `{unknown}`",
            channels.join(", ")
        );
        return Err((said, hint));
    }
    for (place, word) in words.iter().enumerate() {
        if word.is_empty() || word.contains(char::is_control) {
            let found = if word.is_empty() { "an empty one" } else { "one with control characters" };
            return Err((format!("expected a word for channel `{}`, found {found}", channels[place]), hint));
        }
        if let Some(other) = words[..place].iter().position(|other| other == word) {
            let said = format!(
                "expected a different word for each channel, found `{word}` for `{}` and `{}`",
                channels[other], channels[place]
            );
            return Err((said, hint));
        }
    }
    Ok(words)
}

fn check_pages(pages: &[usize], channels: &[String]) -> Result<(), (String, &'static str)> {
    let hint = "pages lists the page of each channel, in the order of the channels; the first page is 1";
    if pages.len() != channels.len() {
        let said = format!(
            "expected {} pages, one for each channel ({}), found {}",
            channels.len(),
            channels.join(", "),
            pages.len()
        );
        return Err((said, hint));
    }
    for (place, page) in pages.iter().enumerate() {
        if *page == 0 {
            return Err(("expected pages counted from 1, found page 0".to_owned(), hint));
        }
        if let Some(other) = pages[..place].iter().position(|other| other == page) {
            let said = format!(
                "expected a different page for each channel, found page {page} for `{}` and `{}`",
                channels[other], channels[place]
            );
            return Err((said, hint));
        }
    }
    Ok(())
}
