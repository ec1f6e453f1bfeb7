//! `dataset.toml`: what a folder's tables do not say about it.

use super::{
    Error, Role, Statistics,
    intensity::{self, Intensity},
    known::{self, Known},
    layout::{Images, Layout},
    text::{plain, short},
    vocabulary,
};
use serde::{Deserialize, Serialize, Serializer};
use std::{collections::BTreeMap, ops::Range, path::Path};
use toml::Spanned;

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
    /// The known data set in whose form tables and images are; none: each set is a folder with a table.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "named")]
    pub(super) form: Option<&'static Known>,
    pub(super) sets: Vec<SetDescription>,
    /// The data set that needs no `dataset.toml`, if it is one: what it is follows from the rest.
    #[serde(skip)]
    pub(super) known: Option<&'static Known>,
}

/// The description of one set.
#[derive(Debug, Default, Serialize)]
pub(super) struct SetDescription {
    pub(super) name: String,
    /// By the vocabulary's names.
    pub(super) channels: Vec<String>,
    /// As written in `dataset.toml`. The vocabulary's names decide what is computed, so these are not part of
    /// the fingerprint.
    #[serde(skip)]
    pub(super) spelled: Vec<String>,
    #[serde(skip_serializing_if = "Layout::is_tape")]
    pub(super) layout: Layout,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) intensity: Option<Intensity>,
    pub(super) leave_group_out: BTreeMap<String, String>,
    /// The one task that asks for every image; none: the table has splits and tasks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ask_all: Option<String>,
    pub(super) roles: BTreeMap<Role, String>,
    pub(super) pixel_size_um: Option<f64>,
    pub(super) printed: Option<Statistics>,
}

fn named<S: Serializer>(known: &Option<&'static Known>, to: S) -> Result<S::Ok, S::Error> {
    known.map(|known| known.name).serialize(to)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: Option<String>,
    #[serde(default)]
    kind: Kind,
    world: Option<String>,
    /// The simulator's own notes; part of the fingerprint, otherwise unused.
    simulator: Option<toml::Table>,
    #[serde(default)]
    new_channels: bool,
    /// The known data set whose form this is: tables, images and sets are as it has them.
    form: Option<Spanned<String>>,
    /// Channels in tape order, where the form does not fix them.
    channels: Option<Vec<Spanned<String>>>,
    #[serde(default)]
    sets: BTreeMap<String, Spanned<Set>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Set {
    channels: Vec<Spanned<String>>,
    #[serde(default)]
    new_channels: bool,
    #[serde(default)]
    leave_group_out: BTreeMap<String, String>,
    /// The task that asks for every image, and the column or role whose groups are left out.
    ask_all: Option<Spanned<BTreeMap<String, String>>>,
    #[serde(default)]
    roles: BTreeMap<Role, String>,
    pixel_size_um: Option<f64>,
    images: Option<Spanned<Images>>,
    intensity: Option<Spanned<intensity::Written>>,
    #[serde(default)]
    #[expect(dead_code, reason = "there is only one normalisation; the parser rejects any other word")]
    normalise: Normalise,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Normalise {
    #[default]
    Train,
}

impl Description {
    /// The description of the folder `root`: that in `file`, or the folder's own.
    pub(super) fn of(root: &Path, file: Option<&Path>) -> Result<Self, Error> {
        if !root.is_dir() {
            return Err(Error::NoFolder { root: root.to_owned() });
        }
        let path = file.map_or_else(|| root.join("dataset.toml"), Path::to_owned);
        match std::fs::read_to_string(&path) {
            Ok(text) => Self::parse(&text, &path, root),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && file.is_none() => {
                let none = || Error::NotADataSet { root: root.to_owned() };
                let (known, description) = known::described(root).ok_or_else(none)?;
                Ok(Self { known: Some(known), ..description })
            }
            Err(error) if error.kind() == std::io::ErrorKind::InvalidData => Err(Error::Description {
                file: path,
                line: None,
                message: "expected text in UTF-8, found other bytes".to_owned(),
                hint: Some("save the file as UTF-8".to_owned()),
            }),
            Err(error) => Err(Error::Unreadable { path, cause: error }),
        }
    }

    fn parse(text: &str, path: &Path, root: &Path) -> Result<Self, Error> {
        let place = Place { text, path };
        let file: File =
            toml::from_str(text).map_err(|error| place.wrong(None, &bounded(&error.to_string()), None))?;
        if let Some(form) = &file.form {
            let mut described = form_of(form, file.sets.values().next(), root, &place)?;
            if let Some(channels) = &file.channels {
                in_order(&mut described, channels, form, file.new_channels, &place)?;
            }
            let File { name, kind, world, simulator, .. } = file;
            return Ok(Self { name, kind, world, simulator, ..described });
        }
        if let Some(first) = file.channels.iter().flatten().next() {
            let hint = "channels are of a set: write them into its table [sets.NAME]";
            let message = "expected `channels` in the table of a set, found it outside of all";
            return Err(place.wrong(Some(first.span()), message, Some(hint.to_owned())));
        }
        let mut sets: Vec<(String, Spanned<Set>)> = file.sets.into_iter().collect();
        sets.sort_by_key(|(_, set)| set.span().start); // in file order, not alphabetical
        if sets.is_empty() {
            return Err(place.wrong(None, "expected at least one table [sets.NAME], found none", None));
        }
        let describe = |(name, set): (String, Spanned<Set>)| {
            let at = set.span();
            set.into_inner().describe(name, at, file.new_channels, &place)
        };
        let sets = sets.into_iter().map(describe).collect::<Result<_, _>>()?;
        let File { name, kind, world, simulator, .. } = file;
        Ok(Self { name, kind, world, simulator, form: None, sets, known: None })
    }
}

/// The description of a folder in the form of a known data set; its sets are not for `dataset.toml` to name.
fn form_of(
    form: &Spanned<String>,
    set: Option<&Spanned<Set>>,
    root: &Path,
    place: &Place<'_>,
) -> Result<Description, Error> {
    let (word, at) = (form.get_ref(), form.span());
    let Some(known) = Known::called(word) else {
        let message = format!(
            "expected the name of a known data set as `form` ({}), found `{}`",
            Known::names().join(", "),
            plain(word)
        );
        return Err(place.wrong(Some(at), &message, None));
    };
    if let Some(set) = set {
        let message = format!("expected no [sets] beside form = \"{word}\", found some");
        let hint = "leave out `form` to describe sets, or the tables [sets.NAME] to have those of the form";
        return Err(place.wrong(Some(set.span()), &message, Some(hint.to_owned())));
    }
    (known.describe)(root).ok_or_else(|| {
        let message = format!("expected the tables of `{word}` beside this file, found none");
        place.wrong(Some(at), &message, Some("leave out `form` to describe a folder of your own".to_owned()))
    })
}

/// Gives all sets of a form the same channels, in the order of the tape.
fn in_order(
    described: &mut Description,
    channels: &[Spanned<String>],
    form: &Spanned<String>,
    new_channels: bool,
    place: &Place<'_>,
) -> Result<(), Error> {
    let spelled: Vec<String> = channels.iter().map(|channel| channel.get_ref().clone()).collect();
    let own = names(channels, form.get_ref(), new_channels, place)?;
    for set in &mut described.sets {
        if set.channels.len() != own.len() {
            let (expected, found) = (set.channels.len(), own.len());
            let message =
                format!("expected the {expected} channels of `{}` in `channels`, found {found}", set.name);
            let hint = "channels are listed in the order of the tape, from left to right";
            return Err(place.wrong(Some(form.span()), &message, Some(hint.to_owned())));
        }
        (set.channels, set.spelled) = (own.clone(), spelled.clone());
    }
    Ok(())
}

/// The parser's message, which shows the line: not all of a line without end, and no control characters.
fn bounded(message: &str) -> String {
    let lines = message.trim_end().lines().take(LINES);
    lines.map(|line| short(&plain(line), LINE).into_owned()).collect::<Vec<_>>().join("\n")
}

/// Lines of a parser's message, and characters of each.
const LINES: usize = 8;
const LINE: usize = 160;

/// More channels than any microscope has: each is compared with all others.
const MOST_CHANNELS: usize = 4096;

/// The file that is read, to locate errors in it.
struct Place<'a> {
    text: &'a str,
    path: &'a Path,
}

impl Place<'_> {
    fn wrong(&self, at: Option<Range<usize>>, message: &str, hint: Option<String>) -> Error {
        let line = at.map(|at| 1 + self.text.bytes().take(at.start).filter(|byte| *byte == b'\n').count());
        Error::Description { file: self.path.to_owned(), line, message: message.to_owned(), hint }
    }
}

impl Set {
    fn describe(
        self,
        name: String,
        at: Range<usize>,
        new_channels: bool,
        place: &Place<'_>,
    ) -> Result<SetDescription, Error> {
        if name.is_empty()
            || name.contains(['/', '\\'])
            || name.starts_with('.')
            || name.contains(char::is_control)
        {
            let message = format!("expected the name of a folder as name of a set, found `{}`", plain(&name));
            return Err(place.wrong(Some(at), &message, None));
        }
        if self.channels.len() > MOST_CHANNELS {
            let message = format!(
                "expected at most {MOST_CHANNELS} channels in set `{name}`, found {}",
                self.channels.len()
            );
            return Err(place.wrong(Some(at), &message, None));
        }
        if let Some(size) = self.pixel_size_um.filter(|size| !(size.is_finite() && *size > 0.0)) {
            let message =
                format!("expected pixel_size_um of set `{name}` as micrometres above 0, found {size}");
            let hint = "pixel_size_um is the side of a pixel in micrometres, such as 0.65; leave it out if it is unknown";
            return Err(place.wrong(Some(at), &message, Some(hint.to_owned())));
        }
        let channels = names(&self.channels, &name, new_channels || self.new_channels, place)?;
        if channels.is_empty() {
            return Err(place.wrong(Some(at), &format!("set `{name}` has no channels"), None));
        }
        let spelled: Vec<String> = self.channels.into_iter().map(Spanned::into_inner).collect();
        let said = |at: Range<usize>, word: &str, (message, hint): (String, &str)| {
            place.wrong(Some(at), &format!("{word} of set `{name}`: {message}"), Some(hint.to_owned()))
        };
        let layout = match self.images {
            None => Layout::Tape,
            Some(images) => {
                let at = images.span();
                images.into_inner().layout(&spelled).map_err(|wrong| said(at, "images", wrong))?
            }
        };
        let intensity = match self.intensity {
            None => None,
            Some(rule) => {
                let at = rule.span();
                Some(rule.into_inner().rule(&spelled).map_err(|wrong| said(at, "intensity", wrong))?)
            }
        };
        let (mut leave_group_out, mut ask_all) = (self.leave_group_out, None);
        if let Some(asked) = self.ask_all {
            let at = asked.span();
            let (task, group) =
                one_task(asked.into_inner(), &leave_group_out).map_err(|wrong| said(at, "ask_all", wrong))?;
            leave_group_out.insert(task.clone(), group);
            ask_all = Some(task);
        }
        Ok(SetDescription {
            name,
            channels,
            spelled,
            layout,
            intensity,
            leave_group_out,
            ask_all,
            roles: self.roles,
            pixel_size_um: self.pixel_size_um,
            printed: None,
        })
    }
}

/// The one task of `ask_all`, and the groups that it leaves out.
fn one_task(
    asked: BTreeMap<String, String>,
    others: &BTreeMap<String, String>,
) -> Result<(String, String), (String, &'static str)> {
    let hint = "write ask_all = { CellType = \"plate\" }: the name of the task, and the column or role that says which images \
                belong together, so that none is recognised by its own plate";
    let found = asked.len();
    let (Some((task, group)), 1) = (asked.into_iter().next(), found) else {
        return Err((format!("expected one task, found {found}"), hint));
    };
    if task.trim().is_empty() || task == "Train" || task.contains(char::is_control) {
        return Err((format!("expected the name of a task, found `{}`", plain(&task)), hint));
    }
    match others.keys().next() {
        None => Ok((task, group)),
        Some(other) => Err((
            format!(
                "expected `{}` to be the only task, found `{}` in leave_group_out",
                plain(&task),
                plain(other)
            ),
            "leave `leave_group_out` out, or `ask_all` if the table has columns of tasks",
        )),
    }
}

/// The vocabulary's names of channels; unknown ones are kept unchanged where new ones are allowed.
fn names(
    written: &[Spanned<String>],
    set: &str,
    new_channels: bool,
    place: &Place<'_>,
) -> Result<Vec<String>, Error> {
    let mut names: Vec<String> = Vec::new();
    for channel in written {
        let (word, at) = (channel.get_ref(), channel.span());
        let odd = word.contains(char::is_control);
        let name = match vocabulary::canonical(word).filter(|_| !odd) {
            Some(name) => name,
            None if new_channels && !word.trim().is_empty() && !odd => word.clone(),
            None => {
                let message = format!(
                    "expected a known channel in set `{set}`, found `{}`; the nearest known names are `{}`",
                    plain(word),
                    vocabulary::nearest(word).join("`, `")
                );
                let hint = if vocabulary::is_light(word) {
                    "a channel is called by what it shows (nucleus, er, actin), not by its light; the words in file names \
                     go into images.channel; a name of your own needs `new_channels = true` in the set's table"
                } else {
                    "a name of your own needs `new_channels = true` in the set's table; equal names share what a model learns \
                     of a channel"
                };
                return Err(place.wrong(Some(at), &message, Some(hint.to_owned())));
            }
        };
        if let Some(other) = names.iter().position(|other| *other == name) {
            let message = format!(
                "expected channels that differ in set `{set}`, found `{}` and `{word}`: both are `{name}`",
                written[other].get_ref()
            );
            let hint = "give one of them its own name, with `new_channels = true` in the set's table";
            return Err(place.wrong(Some(at), &message, Some(hint.to_owned())));
        }
        names.push(name);
    }
    Ok(names)
}
