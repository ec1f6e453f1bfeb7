//! Copies of images: within a set, across its splits, across sets, and of one channel as another. Pixels are compared, not
//! bytes.

use super::{
    super::{DataSet, ImageSet, text::plain},
    seen::{self, Seen},
};
use std::collections::{BTreeMap, HashMap};

/// Pairs that are said in full.
const LISTED: usize = 5;
/// More channels are not compared one by one.
const MOST_CHANNELS: usize = 64;

/// What was seen of all images.
#[derive(Default)]
pub(super) struct Images {
    /// Number, set and row.
    images: Vec<(u64, u32, u32)>,
    /// Number, set, row and channel, of sets of several channels.
    channels: Vec<(u64, u32, u32, u32)>,
    /// Two channels of a set that are the same picture: rows, and the first of them.
    within: BTreeMap<(u32, u32, u32), (u64, u32)>,
}

/// Two images.
type Pair = [(u32, u32); 2];

impl Images {
    /// Adds an image of the set with this number. Flat channels are alike without being copies.
    pub(super) fn add(&mut self, set: usize, row: u32, channels: &[Seen]) {
        let set = set as u32;
        if channels.iter().any(|seen| !seen.is_flat()) {
            self.images.push((seen::image(channels), set, row));
        }
        if !(2..=MOST_CHANNELS).contains(&channels.len()) {
            return;
        }
        for (channel, seen) in (0..).zip(channels).filter(|(_, seen)| !seen.is_flat()) {
            self.channels.push((seen.hash, set, row, channel));
            let others = (0..).zip(&channels[..channel as usize]);
            for (other, _) in others.filter(|(_, other)| other.hash == seen.hash) {
                self.within.entry((set, other, channel)).or_insert((0, row)).0 += 1;
            }
        }
    }

    /// Warnings about copies.
    pub(super) fn remarks(mut self, data: &DataSet) -> Vec<String> {
        let mut remarks: Vec<String> =
            self.within.iter().map(|(channels, rows)| one_picture(data, *channels, *rows)).collect();
        self.images.sort_unstable();
        let pairs = self.images.chunk_by(|a, b| a.0 == b.0).flat_map(|alike| {
            let [(_, set, row), rest @ ..] = alike else { return vec![] };
            rest.iter().map(|(_, other_set, other_row)| [(*set, *row), (*other_set, *other_row)]).collect()
        });
        let mut pairs: Vec<Pair> = pairs.collect();
        let copies: HashMap<(u32, u32), (u32, u32)> =
            pairs.iter().map(|[first, copy]| (*copy, *first)).collect();
        // Copies across splits come first: they are found by their copies.
        let across = |pair: &Pair| !is_one_split(data, pair);
        let of_splits = pairs.iter().filter(|pair| across(pair)).count();
        pairs.sort_by_key(|pair| (!across(pair), *pair));
        remarks.extend(pairs.iter().take(LISTED).map(|pair| copy(data, pair)));
        let more = pairs.len().saturating_sub(LISTED) as u64;
        if more > 0 {
            remarks.push(format!(
                "in all, {} images are copies of others, {of_splits} of them across splits",
                pairs.len()
            ));
        }
        self.channels.sort_unstable();
        let alike = self.channels.chunk_by(|a, b| a.0 == b.0).flat_map(|alike| {
            let original = |set: u32, row: u32| copies.get(&(set, row)).copied().unwrap_or((set, row));
            let (_, set, row, channel) = alike[0];
            let others =
                alike[1..].iter().filter(move |other| original(other.1, other.2) != original(set, row));
            others.map(move |other| [(set, row, channel), (other.1, other.2, other.3)]).collect::<Vec<_>>()
        });
        let alike: Vec<_> = alike.collect();
        remarks.extend(alike.iter().take(LISTED).map(|[a, b]| {
            let what = |(set, row, channel): (u32, u32, u32)| {
                let set = &data.sets[set as usize];
                format!("`{}` of {}", set.spelled[channel as usize], place(set, row))
            };
            format!("{} and {} are the same picture", what(*a), what(*b))
        }));
        let more = alike.len().saturating_sub(LISTED);
        remarks.extend((more > 0).then(|| format!("and {more} more such pictures of single channels")));
        remarks
    }
}

fn one_picture(data: &DataSet, (set, a, b): (u32, u32, u32), (rows, first): (u64, u32)) -> String {
    let set = &data.sets[set as usize];
    let [a_name, b_name] = [a, b].map(|channel| &set.spelled[channel as usize]);
    let files = set.files(first);
    let file = files
        .get(b as usize)
        .or_else(|| files.first())
        .map(|file| file.strip_prefix(&data.root).unwrap_or(file).display().to_string());
    format!(
        "{}: `{a_name}` and `{b_name}` are the same picture in {} of {} rows, first in row {} (`{}`)",
        set.name,
        rows,
        set.len(),
        set.sheet_row(first),
        plain(&file.unwrap_or_default())
    )
}

/// `row 5 of Screen`.
fn place(set: &ImageSet, row: u32) -> String {
    format!("row {} of {}", set.sheet_row(row), set.name)
}

/// The splits of an image: Train and tasks.
fn splits(set: &ImageSet, row: u32) -> Vec<&str> {
    let mut splits: Vec<&str> = set.is_train(row).then_some("Train").into_iter().collect();
    let asks = |task: &&super::super::Task| task.queries.binary_search(&row).is_ok();
    splits.extend(set.tasks.iter().filter(asks).map(|task| task.name.as_str()));
    splits
}

fn is_one_split(data: &DataSet, pair: &Pair) -> bool {
    let [a, b] = pair.map(|(set, row)| (set, splits(&data.sets[set as usize], row)));
    a == b
}

/// What is said of two images that are the same.
fn copy(data: &DataSet, pair: &Pair) -> String {
    let [(a_set, a), (b_set, b)] = pair.map(|(set, row)| (&data.sets[set as usize], row));
    let what = if a_set.name == b_set.name {
        format!("rows {} and {} of {}", a_set.sheet_row(a), b_set.sheet_row(b), a_set.name)
    } else {
        format!("{} and {}", place(a_set, a), place(b_set, b))
    };
    let [in_a, in_b] = [splits(a_set, a), splits(b_set, b)].map(|splits| match splits.is_empty() {
        true => "no split".to_owned(),
        false => splits.join(", "),
    });
    let split = if in_a == in_b { format!("both in {in_a}") } else { format!("in {in_a} and {in_b}") };
    let [label_a, label_b] =
        [(a_set, a), (b_set, b)].map(|(set, row)| &set.labels[usize::from(set.label(row))]);
    let label = if label_a == label_b {
        format!("under one label, `{}`", plain(label_a))
    } else {
        format!("under different labels, `{}` and `{}`", plain(label_a), plain(label_b))
    };
    format!("{what} are the same image, {split}, {label}")
}
