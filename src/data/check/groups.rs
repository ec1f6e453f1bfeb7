//! Channels of groups of images that were taken together: flat ones, and ones that change places between plates.

use super::{
    super::{Column, ImageSet, Role, text::plain},
    seen::Seen,
};

/// Warnings of a kind that are said in full.
const LISTED: usize = 5;
/// One channel is brighter than another if its mean is so many times as high, in the group and in this share of its images.
const BRIGHTER: f64 = 1.25;
const AGREE: f64 = 0.9;
/// Images of a group, on average, below which a column names images rather than groups; and of a group that is compared.
const FEWEST: usize = 3;
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
    /// For each group and two channels (a below b, counted as b (b - 1) / 2 + a), images in which a, and in which b, is brighter.
    ahead: Vec<Vec<[u32; 2]>>,
    /// Images of each group.
    of_group: Vec<u32>,
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
        let groups = |column: &&Column| column.names.len() > 1 && column.names.len() * FEWEST <= set.len();
        let column = |role| Some((role, set.role_column(role).filter(groups)?));
        let by = [Role::Plate, Role::Batch, Role::Source].into_iter().find_map(column);
        let groups = by.map_or(1, |(_, column)| column.names.len());
        let channels = set.channels.len();
        let pairs = if channels <= MOST_CHANNELS && by.is_some() { channels * (channels - 1) / 2 } else { 0 };
        Self {
            set,
            by,
            seen: vec![vec![None; channels]; groups],
            ahead: vec![vec![[0; 2]; pairs]; groups],
            of_group: vec![0; groups],
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
        self.of_group[group] += 1;
        let pairs = (0..channels.len()).flat_map(|b| (0..b).map(move |a| [a, b]));
        for (ahead, pair) in self.ahead[group].iter_mut().zip(pairs) {
            let [a, b] = pair.map(|channel| channels[channel].mean());
            ahead[0] += u32::from(a > b);
            ahead[1] += u32::from(b > a);
        }
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
                self.set.sheet_row(row)
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
                let Some(seen) = seen.filter(Seen::is_flat_but_noise) else { continue };
                let Seen { low, high, .. } = seen;
                let name = || format!("{}: {channel} is flat", self.name(group));
                if high - low <= 1 {
                    remarks.push(format!("{} ({low} to {high})", name()));
                } else {
                    let above = seen.above();
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
        let of = |row: u32| format!("row {} (`{}`)", self.set.sheet_row(row), plain(self.set.key(row)));
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
        let Some((role, column)) = self.by else { return vec![] };
        let mut remarks = Vec::new();
        let pairs = (0..self.set.channels.len()).flat_map(|b| (0..b).map(move |a| [a, b]));
        for (number, pair) in pairs.enumerate().take(self.ahead[0].len()) {
            let means = |group: usize| {
                let [a, b] =
                    pair.map(|channel| self.seen[group][channel].filter(|seen| !seen.is_flat_but_noise()));
                Some([a?.mean(), b?.mean()])
            };
            let ahead = |one: usize| -> Vec<usize> {
                let is = |&group: &usize| {
                    let images = self.of_group[group];
                    let agree = f64::from(self.ahead[group][number][one]) >= AGREE * f64::from(images);
                    let brighter = means(group).is_some_and(|means| means[one] > BRIGHTER * means[1 - one]);
                    images as usize >= FEWEST && agree && brighter
                };
                (0..self.seen.len()).filter(is).collect()
            };
            let [first, second] = [ahead(0), ahead(1)];
            if first.is_empty() || second.is_empty() {
                continue;
            }
            let said = |groups: &[usize]| {
                let [a, b] = means(groups[0]).unwrap_or_default();
                let more = groups.len() - 1;
                let more = if more > 0 { format!(" and {more} more") } else { String::new() };
                format!("{a:.0} and {b:.0} on {}{more}", plain(&column.names[groups[0]]))
            };
            let [a, b] = pair.map(|channel| &self.set.spelled[channel]);
            let mut sides = [(first[0], said(&first)), (second[0], said(&second))];
            sides.sort_unstable();
            remarks.push(format!(
                "{}: the means of {a} and {b} change places between values of {}: {}, {}; is their order the same everywhere?",
                self.set.name,
                role.words(),
                sides[0].1,
                sides[1].1
            ));
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
