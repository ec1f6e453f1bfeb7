//! Channels of groups of images that were taken together: flat ones, and ones that change places between plates.

use super::{
    super::{Column, ImageSet, Role, set::sheet_row, text::plain},
    seen::Seen,
};

/// Warnings of a kind that are said in full.
const LISTED: usize = 5;
/// A channel with less than this share of its pixels above its lowest level is flat: percentiles see nothing of it.
const SPECKS: f64 = 0.001;
/// One channel is brighter than another if its mean is so many times as high.
const BRIGHTER: f64 = 1.25;
/// More channels are not compared one by one.
const MOST_CHANNELS: usize = 64;
/// Images below this side are too small for ConvNeXt at their own size.
const SMALL: usize = 32;

/// What was seen of the images of a set.
pub(super) struct Groups<'a> {
    set: &'a ImageSet,
    by: Option<(Role, &'a Column)>,
    /// For each group, each channel.
    seen: Vec<Vec<Option<Seen>>>,
    /// For each channel, images in which it is flat: how many, and the first with its level.
    flat: Vec<(u64, Option<(u32, u16)>)>,
    /// Images that are flat in every channel, and the first.
    blank: (u64, u32),
    /// Images that are small, and the first with its size.
    small: (u64, Option<(u32, [usize; 2])>),
    images: u64,
}

impl<'a> Groups<'a> {
    pub(super) fn new(set: &'a ImageSet) -> Self {
        let column = |role| Some((role, set.role_column(role).filter(|column| column.names.len() > 1)?));
        let by = [Role::Plate, Role::Batch, Role::Source].into_iter().find_map(column);
        let groups = by.map_or(1, |(_, column)| column.names.len());
        let channels = set.channels.len();
        Self {
            set,
            by,
            seen: vec![vec![None; channels]; groups],
            flat: vec![(0, None); channels],
            blank: (0, 0),
            small: (0, None),
            images: 0,
        }
    }

    /// Adds an image of `size` rows and columns.
    pub(super) fn add(&mut self, row: u32, size: [usize; 2], channels: &[Seen]) {
        let group = self.by.map_or(0, |(_, column)| column.ids[row as usize] as usize);
        self.images += 1;
        for (channel, seen) in channels.iter().enumerate() {
            let all = &mut self.seen[group][channel];
            *all = Some(all.map_or(*seen, |all| all.and(seen)));
            if seen.is_flat() {
                let (count, first) = &mut self.flat[channel];
                *count += 1;
                first.get_or_insert((row, seen.low));
            }
        }
        if channels.iter().all(Seen::is_flat) {
            self.blank = (self.blank.0 + 1, if self.blank.0 == 0 { row } else { self.blank.1 });
        }
        if size[0].min(size[1]) < SMALL {
            self.small.0 += 1;
            self.small.1.get_or_insert((row, size));
        }
    }

    /// Warnings.
    pub(super) fn remarks(&self) -> Vec<String> {
        let mut remarks = self.flat_groups();
        if remarks.is_empty() {
            remarks = self.flat_images();
        }
        remarks.extend(self.changed_places());
        remarks.extend(self.small.1.map(|(row, [rows, columns])| {
            format!(
                "{}: {} of {} images are below {SMALL} pixels a side, first row {} ({rows} x {columns}): networks cannot embed \
                 them at their own size",
                self.set.name,
                self.small.0,
                self.images,
                sheet_row(row)
            )
        }));
        remarks
    }

    /// `Screen, plate P2`.
    fn name(&self, group: usize) -> String {
        match self.by {
            None => self.set.name.clone(),
            Some((role, column)) => {
                format!("{}, {} {}", self.set.name, role.words(), plain(&column.names[group]))
            }
        }
    }

    /// Channels that are flat in all images of a group.
    fn flat_groups(&self) -> Vec<String> {
        let mut remarks = Vec::new();
        for (group, channels) in self.seen.iter().enumerate() {
            for (channel, seen) in self.set.spelled.iter().zip(channels) {
                let Some(Seen { low, high, pixels, at_low, .. }) = *seen else { continue };
                let above = 1.0 - at_low as f64 / pixels.max(1) as f64;
                let name = || format!("{}: {channel} is flat", self.name(group));
                if high - low <= 1 {
                    remarks.push(format!("{} ({low} to {high})", name()));
                } else if above < SPECKS {
                    remarks.push(format!(
                        "{} ({low}) but for {:.2} % of its pixels (up to {high})",
                        name(),
                        100.0 * above
                    ));
                }
            }
        }
        bounded(remarks, "flat channels")
    }

    /// Channels that are flat in some images.
    fn flat_images(&self) -> Vec<String> {
        let mut remarks = Vec::new();
        let of = |row: u32| format!("row {} (`{}`)", sheet_row(row), plain(self.set.key(row)));
        if self.blank.0 > 0 {
            let (blank, row) = self.blank;
            remarks.push(format!(
                "{}: {blank} of {} images are blank, first {}",
                self.set.name,
                self.images,
                of(row)
            ));
        }
        for (channel, (count, first)) in self.set.spelled.iter().zip(&self.flat) {
            if let Some((row, level)) = first
                && *count > self.blank.0
            {
                remarks.push(format!(
                    "{}: {channel} is flat in {count} of {} images, first {} ({level} to {level})",
                    self.set.name,
                    self.images,
                    of(*row)
                ));
            }
        }
        bounded(remarks, "flat channels")
    }

    /// Channels of which now one and now the other is the brighter.
    fn changed_places(&self) -> Vec<String> {
        let Some((role, column)) = self.by.filter(|_| self.set.channels.len() <= MOST_CHANNELS) else {
            return vec![];
        };
        let means: Vec<Option<Vec<f64>>> = self
            .seen
            .iter()
            .map(|channels| channels.iter().map(|seen| seen.map(|seen| seen.mean())).collect())
            .collect();
        let mut remarks = Vec::new();
        for b in 0..self.set.channels.len() {
            for a in 0..b {
                let ahead = |a: usize, b: usize| -> Vec<usize> {
                    let is = |means: &Vec<f64>| means[a] > BRIGHTER * means[b];
                    (0..means.len()).filter(|group| means[*group].as_ref().is_some_and(is)).collect()
                };
                let [first, second] = [ahead(a, b), ahead(b, a)];
                if first.is_empty() || second.is_empty() {
                    continue;
                }
                let said = |groups: &[usize]| {
                    let means = means[groups[0]].as_deref().unwrap_or_default();
                    let more = groups.len() - 1;
                    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
                    format!(
                        "{:.0} and {:.0} on {}{more}",
                        means[a],
                        means[b],
                        plain(&column.names[groups[0]])
                    )
                };
                remarks.push(format!(
                    "{}: the means of {} and {} change places between values of {}: {}, {}; is their order the same everywhere?",
                    self.set.name,
                    self.set.spelled[a],
                    self.set.spelled[b],
                    role.words(),
                    said(&first),
                    said(&second)
                ));
            }
        }
        bounded(remarks, "channels that change places")
    }
}

fn bounded(mut remarks: Vec<String>, what: &str) -> Vec<String> {
    let more = remarks.len().saturating_sub(LISTED);
    if more > 0 {
        remarks.truncate(LISTED);
        remarks.push(format!("and {more} more {what}"));
    }
    remarks
}
