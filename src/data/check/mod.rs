//! `data check` and `data info`: validates every image against table and description; summarises a folder.

mod duplicates;
mod groups;
pub(super) mod seen;

use super::{
    DataSet, Error, ImageSet, Role,
    known::Images,
    measure,
    text::{plain, short},
};
use crate::event::{Event, Listen};
use rayon::prelude::*;
use serde::Serialize;

/// The result of a check.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The data set's name.
    pub name: String,
    /// Its fingerprint: tables, and paths, lengths and contents of files.
    pub fingerprint: String,
    /// Images read.
    pub images: u64,
    /// Images per set, split and label, in this order; zero counts are left out.
    pub counts: Vec<Count>,
    /// Descriptions of the first ten images that cannot be used.
    pub problems: Vec<String>,
    /// Number of images that cannot be used.
    pub problem_count: u64,
    /// How to fix the first of them, if known.
    pub hint: Option<String>,
    /// Warnings from opening the folder, and about what its images show: copies, flat channels, channels that change places.
    pub warnings: Vec<String>,
    /// For a known data set as published: published numbers of images, and those found.
    pub published: Vec<Published>,
}

/// Images of one set, split and label.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Count {
    /// The set.
    pub set: String,
    /// `Train`, a task, or `unused`.
    pub split: String,
    /// The label.
    pub label: String,
    /// Number of images.
    pub images: u64,
}

/// A published number of images, and the number found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Published {
    /// `CP Task_one DMSO`.
    pub what: String,
    /// As published.
    pub printed: u64,
    /// As found.
    pub found: u64,
    /// Another number, where another source has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub also: Option<u64>,
}

impl Published {
    /// Whether what was found is what was published.
    pub fn is_met(&self) -> bool {
        self.printed == self.found || self.also == Some(self.found)
    }
}

/// Images read between two calls of the listener.
const CHUNK: usize = 512;
/// Number of problems described in full.
const MAX_LISTED: usize = 10;

impl Report {
    /// Whether every image can be used and every published number matches.
    pub fn ok(&self) -> bool {
        self.problem_count == 0 && self.published.iter().all(Published::is_met)
    }

    /// The report as lines of text.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = vec![
            format!("{}: {} images read, {} problems", self.name, self.images, self.problem_count),
            format!("fingerprint {}", self.fingerprint),
        ];
        for Count { set, split, label, images } in &self.counts {
            lines.push(format!("{set:<12} {split:<12} {:<24} {images:>8}", shown(label)));
        }
        lines.extend(self.warnings.iter().map(|warning| format!("warning: {warning}")));
        lines.extend(self.problems.iter().map(|problem| format!("problem: {problem}")));
        let more = self.problem_count - self.problems.len() as u64;
        if more > 0 {
            lines.push(format!("problem: and {more} more"));
        }
        let differing: Vec<_> = self.published.iter().filter(|row| !row.is_met()).collect();
        if !self.published.is_empty() {
            let met = self.published.len() - differing.len();
            lines.push(format!("published numbers of images matched: {met} of {}", self.published.len()));
        }
        for Published { what, printed, found, also } in differing {
            let also = also.map(|also| format!(" (or {also})")).unwrap_or_default();
            lines.push(format!("problem: {what}: published {printed}{also}, found {found}"));
        }
        lines.iter().map(|line| plain(line).into_owned()).collect()
    }
}

/// Reads every image of `data`.
///
/// # Errors
/// If the listener asks to stop. Images that cannot be used are listed in the report.
pub fn check(data: &DataSet, listen: &mut dyn Listen) -> Result<Report, Error> {
    let images = data.sets.iter().map(|set| set.len() as u64).sum();
    listen.receive(&Event::Began { what: "checking images", unit: "image", total: images });
    let (mut done, mut problem_count, mut problems, mut hint) = (0, 0, Vec::new(), None);
    let (mut copies, mut warnings) = (duplicates::Images::default(), data.warnings.clone());
    for (number, set) in data.sets.iter().enumerate() {
        let mut groups = groups::Groups::new(set);
        let rows: Vec<u32> = (0..set.len() as u32).collect();
        let bits = measure::common_bits(set);
        for chunk in rows.chunks(CHUNK) {
            let results: Vec<_> =
                chunk.par_iter().map(|&row| check_image(set, row, bits.as_deref())).collect();
            for (&row, result) in chunk.iter().zip(results) {
                match result {
                    Ok((size, seen)) => {
                        copies.add(number, row, &seen);
                        groups.add(row, size, &seen);
                    }
                    Err(problem) => {
                        if problem_count == 0 {
                            hint = problem.hint();
                        }
                        problem_count += 1;
                        if problems.len() < MAX_LISTED {
                            problems.push(problem.to_string());
                        }
                    }
                }
            }
            done += chunk.len() as u64;
            listen.receive(&Event::Advanced { done, note: &set.name });
            if listen.stop() {
                return Err(Error::Stopped);
            }
        }
        warnings.extend(groups.remarks());
    }
    warnings.extend(copies.remarks(data));
    listen.receive(&Event::Ended);
    Ok(Report {
        name: data.name.clone(),
        fingerprint: data.fingerprint.clone(),
        images,
        counts: data.sets.iter().flat_map(counts).collect(),
        problems,
        problem_count,
        hint,
        warnings,
        published: published(data),
    })
}

/// Rows and columns of an image, and what was seen of each channel.
type Looked = ([usize; 2], Vec<seen::Seen>);

/// Reads an image and looks at it.
///
/// # Errors
/// If it cannot be used.
fn check_image(set: &ImageSet, row: u32, bits: Option<&[u8]>) -> Result<Looked, Error> {
    let image = set.stored(row)?;
    if let Some(bits) = bits {
        measure::same_bits(set, row, &image, bits)?;
    }
    Ok(([image.height, image.width], (0..image.channels).map(|channel| image.see(channel)).collect()))
}

fn counts(set: &ImageSet) -> Vec<Count> {
    let mut used = vec![false; set.len()];
    let mut splits = vec![("Train", set.train_rows())];
    splits.extend(set.tasks.iter().map(|task| (task.name.as_str(), task.queries.clone())));
    for &row in splits.iter().flat_map(|(_, rows)| rows) {
        used[row as usize] = true;
    }
    splits.push(("unused", (0..set.len() as u32).filter(|&row| !used[row as usize]).collect()));
    let mut counts = Vec::new();
    for (split, rows) in splits {
        let mut images = vec![0; set.labels.len()];
        rows.iter().for_each(|&row| images[usize::from(set.label(row))] += 1);
        let found = set.labels.iter().zip(images).filter(|(_, images)| *images > 0);
        counts.extend(found.map(|(label, images)| Count {
            set: set.name.clone(),
            split: split.to_owned(),
            label: label.clone(),
            images,
        }));
    }
    counts
}

/// Published numbers of images next to those found, for data that are a known data set as published.
pub(super) fn published(data: &DataSet) -> Vec<Published> {
    let Some(known) = data.known else { return Vec::new() };
    let row = |&(name, split, label, printed): &Images| {
        let set = data.set(name)?;
        let rows: Vec<u32> = match split {
            "" => (0..set.len() as u32).collect(),
            "Train" => set.train_rows(),
            task => set.task(task).map(|task| task.queries.clone()).unwrap_or_default(),
        };
        let of_label = |row: &&u32| label.is_empty() || set.labels[usize::from(set.label(**row))] == label;
        let what =
            [name, split, label].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ");
        let found = rows.iter().filter(of_label).count() as u64;
        Some(Published { what, printed, found, also: None })
    };
    let mut rows: Vec<Published> = known.images.iter().filter_map(row).collect();
    rows.extend((known.counts)(data));
    rows
}

/// Describes `data` in lines of text. Reads one image per set, for its size.
pub fn info(data: &DataSet) -> Vec<String> {
    let world = data.world.as_ref().map(|world| format!(", world {world}")).unwrap_or_default();
    let mut lines = vec![
        format!("{} ({}{world}) in {}", data.name, data.kind.name(), data.root.display()),
        format!("fingerprint {}", data.fingerprint),
    ];
    for set in &data.sets {
        let read = set.stored(0);
        let size = match &read {
            Ok(image) => {
                let mut bits: Vec<u8> = (0..image.channels).map(|channel| image.bits(channel)).collect();
                bits.dedup();
                let bits: Vec<String> = bits.iter().map(ToString::to_string).collect();
                format!("{} x {} pixels, {} bits", image.height, image.width, bits.join(" and "))
            }
            Err(error) => format!("unknown size: {error}"),
        };
        lines.push(format!("{}: {} images, {} channels of {size}", set.name, set.len(), set.channels.len()));
        let channel = |(name, spelled): (&String, &String)| {
            if name == spelled { name.clone() } else { format!("{name} (`{spelled}`)") }
        };
        let channels: Vec<String> = set.channels.iter().zip(&set.spelled).map(channel).collect();
        lines.push(format!("  channels: {}", channels.join(", ")));
        lines.push(format!("  images: {}", set.layout()));
        lines.extend(set.intensity().map(|rule| format!("  intensity: {rule}")));
        lines.extend(read.err().and_then(|error| error.hint()).map(|hint| format!("  hint: {hint}")));
        let more = set.labels.len().saturating_sub(LABELS);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let labels: Vec<String> = set.labels.iter().take(LABELS).map(|label| shown(label)).collect();
        lines.push(format!("  labels: {}{more}", labels.join(", ")));
        let mut splits = vec![format!("Train {}", set.train_rows().len())];
        if set.tasks.is_empty() {
            splits.push("no task".to_owned());
        }
        splits.extend(set.tasks.iter().map(|task| {
            let groups = |out: &super::LeaveOut| {
                format!(" (leaves out {} x `{}`)", out.names.len(), plain(&out.column))
            };
            format!(
                "{} {}{}",
                task.name,
                task.queries.len(),
                task.leave_out.as_ref().map(groups).unwrap_or_default()
            )
        }));
        lines.push(format!("  splits: {}", splits.join(", ")));
        let roles: Vec<String> = Role::ALL
            .into_iter()
            .filter_map(|role| Some(format!("{} ({})", role.name(), set.role_column(role)?.names.len())))
            .collect();
        if !roles.is_empty() {
            lines.push(format!("  roles (values): {}", roles.join(", ")));
        }
    }
    lines.extend(data.warnings.iter().map(|warning| format!("warning: {warning}")));
    lines.iter().map(|line| plain(line).into_owned()).collect()
}

/// Labels that are listed.
const LABELS: usize = 200;

/// A label as it is shown: without control characters, and not without end.
fn shown(label: &str) -> String {
    short(&plain(label), 100).into_owned()
}
