//! Reads `enriched_meta.csv`, row by row: paths, widths, labels, splits, tasks and the columns that play a role.

mod missing;
pub(super) mod whole;

use super::{
    Column, Error, ImageSet, LeaveOut, Problems, Task,
    columns::{Columns, Files, TaskColumns, boolean},
    describe::SetDescription,
    dialect, find,
    intensity::Intensity,
    layout::{BETWEEN, Layout},
    listing::Listing,
    pattern::{CHANNEL, key},
    set::{Rows, TRAIN, sheet_row, table_of},
};
use std::{
    collections::HashMap,
    fs::File,
    io::{self, Read},
    path::Path,
    sync::OnceLock,
};

/// A set, and what was noticed while reading it.
pub(super) struct TableRead {
    pub(super) set: ImageSet,
    /// BLAKE3 of the table's bytes.
    pub(super) digest: [u8; 32],
    pub(super) warnings: Vec<String>,
}

/// Reads the table of `set` and marks the files that it names in `listing`; without a listing, files are not
/// looked for.
///
/// # Errors
/// All mistakes of the table together, the first ten in full.
pub(super) fn read(
    root: &Path,
    set: &SetDescription,
    listing: Option<&mut Listing>,
) -> Result<TableRead, Error> {
    let file = table_of(root, &set.name);
    let unreadable = |cause| Error::Unreadable { path: file.clone(), cause };
    let mut problems = Problems::new(file.clone());
    if let Some((message, hint)) = dialect::of_file(&file).map_err(unreadable)? {
        problems.add(None, Some(hint), || message);
        return Err(Error::Table(Box::new(problems)));
    }
    let opened = File::open(&file).map_err(unreadable)?;
    let mut table = csv::Reader::from_reader(Hashed::new(opened));
    let header = match table.headers() {
        Ok(header) => header.clone(),
        Err(error) => return Err(not_csv(problems, &error)),
    };
    if let Some((message, hint)) = dialect::of_header(&header, &dialect::USUAL) {
        problems.add(None, Some(hint), || message);
        return Err(Error::Table(Box::new(problems)));
    }
    let Some(columns) = Columns::find(set, &header, &mut problems) else {
        return Err(Error::Table(Box::new(problems)));
    };
    let mut reading = Reading::new(set, columns, listing);
    let mut record = csv::StringRecord::new();
    loop {
        match table.read_record(&mut record) {
            Ok(true) => reading.row(&record, &mut problems),
            Ok(false) => break,
            Err(error) => return Err(not_csv(problems, &error)),
        }
    }
    let digest = table.into_inner().digest().map_err(unreadable)?;
    let (rows, labels, tasks, warnings) = reading.finish(&mut problems);
    problems.into_result()?;
    let set = ImageSet {
        name: set.name.clone(),
        channels: set.channels.clone(),
        spelled: set.spelled.clone(),
        labels,
        tasks,
        printed_statistics: set.printed.clone(),
        pixel_size_um: set.pixel_size_um,
        root: root.to_owned(),
        table: file,
        unlabelled: 0,
        layout: set.layout.clone(),
        intensity: set.intensity.clone(),
        measured: OnceLock::new(),
        rows,
    };
    Ok(TableRead { set, digest, warnings })
}

pub(super) fn not_csv(mut problems: Problems, error: &csv::Error) -> Error {
    let (row, message, hint) = dialect::of_row(error);
    problems.add(row, hint, || message);
    Error::Table(Box::new(problems))
}

/// Hashes what is read through it.
pub(super) struct Hashed {
    inner: File,
    hash: blake3::Hasher,
}

impl Hashed {
    pub(super) fn new(inner: File) -> Self {
        Self { inner, hash: blake3::Hasher::new() }
    }

    /// The digest of all of it: the rest is read.
    pub(super) fn digest(mut self) -> io::Result<[u8; 32]> {
        io::copy(&mut self, &mut io::sink())?;
        Ok(*self.hash.finalize().as_bytes())
    }
}

impl Read for Hashed {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(into)?;
        self.hash.update(&into[..read]);
        Ok(read)
    }
}

/// Numbers distinct texts.
#[derive(Default)]
pub(super) struct Interner {
    known: HashMap<String, u32>,
    pub(super) column: Column,
}

impl Interner {
    pub(super) fn id(&mut self, text: &str) -> u32 {
        if let Some(&id) = self.known.get(text) {
            return id;
        }
        let id = self.column.names.len() as u32;
        self.known.insert(text.to_owned(), id);
        self.column.names.push(text.to_owned());
        id
    }

    pub(super) fn push(&mut self, text: &str) {
        let id = self.id(text);
        self.column.ids.push(id);
    }
}

/// A table while it is being read.
struct Reading<'a> {
    set: &'a SetDescription,
    columns: Columns,
    listing: Option<&'a mut Listing>,
    rows: Rows,
    labels: Interner,
    splits: HashMap<String, u64>,
    roles: Vec<Interner>,
    levels: Interner,
    tasks: Vec<Task>,
    groups: Vec<Interner>,
    /// Rows whose split and boolean column disagree, and the first of them.
    disagree: Vec<(u64, u64)>,
    /// Rows of which a file is missing.
    absent: Vec<u32>,
}

impl<'a> Reading<'a> {
    fn new(set: &'a SetDescription, columns: Columns, listing: Option<&'a mut Listing>) -> Self {
        let task = |(name, _, leave_out): &TaskColumns| {
            let leave_out = leave_out.as_ref().map(|(_, column)| LeaveOut {
                column: column.clone(),
                group: Vec::new(),
                names: Vec::new(),
            });
            Task { name: name.clone(), queries: Vec::new(), leave_out }
        };
        Self {
            set,
            listing,
            rows: Rows::default(),
            labels: Interner::default(),
            splits: HashMap::new(),
            roles: columns.roles.iter().map(|_| Interner::default()).collect(),
            levels: Interner::default(),
            tasks: columns.tasks.iter().map(task).collect(),
            groups: columns.tasks.iter().map(|_| Interner::default()).collect(),
            disagree: vec![(0, 0); columns.tasks.len()],
            absent: Vec::new(),
            columns,
        }
    }

    fn row(&mut self, record: &csv::StringRecord, problems: &mut Problems) {
        let index = self.rows.keys.len() as u32;
        let row = Some(sheet_row(index));
        let field = |column: usize| record.get(column).unwrap_or_default();
        let split = self.columns.split.map_or("Train", field);
        let mut flags = if split == "Train" { TRAIN } else { 0 };
        flags |= self.files(record, row, problems);
        self.rows.flags.push(flags);
        if let Files::Tape { channel_width, .. } = self.columns.files {
            let width = field(channel_width);
            let parsed = width.parse().ok().filter(|&width: &u32| width > 0);
            if parsed.is_none() {
                let hint = "channel_width is the number of columns of one channel in the image";
                problems.add(row, Some(hint), || {
                    format!("expected channel_width as a positive whole number, found `{width}`")
                });
            }
            self.rows.channel_widths.push(parsed.unwrap_or(1));
        }
        if let Some(column) = self.columns.groups {
            if field(column).is_empty() {
                problems.add(
                    row,
                    Some("grey levels are measured over the images with the same field"),
                    || {
                        let name =
                            self.set.intensity.as_ref().and_then(Intensity::column).unwrap_or_default();
                        format!("expected a field in the column of `per = \"{name}\"`, found an empty one")
                    },
                );
            }
            self.levels.push(field(column));
        }
        let label = field(self.columns.label);
        if label.trim().is_empty() {
            problems.add(row, Some("give images without a class a label such as `unlabelled`"), || {
                format!(
                    "expected a label, found {}",
                    if label.is_empty() { "an empty field" } else { "blanks only" }
                )
            });
        }
        let label = self.labels.id(label);
        if label > u32::from(u16::MAX) {
            let hint = "a label is a class: is the column of labels the one that is meant?";
            problems.add(row, Some(hint), || format!("expected at most {} labels, found one more", u16::MAX));
        }
        self.rows.labels.push(label as u16);
        for ((_, column), values) in self.columns.roles.iter().zip(&mut self.roles) {
            values.push(field(*column));
        }
        match self.splits.get_mut(split) {
            Some(count) => *count += 1,
            None => _ = self.splits.insert(split.to_owned(), 1),
        }
        for (task, (name, column, leave_out)) in self.columns.tasks.iter().enumerate() {
            let Some(asked) = column.map_or(Some(true), |column| boolean(field(column))) else {
                let hint = "write True or False, or 1 and 0, in every row of a task's column";
                problems.add(row, Some(hint), || {
                    let found = column.map_or("", field);
                    let found = if found.is_empty() { "an empty field" } else { &format!("`{found}`") };
                    format!("expected True or False in {name}, found {found}")
                });
                continue;
            };
            if column.is_some() && asked != (split == name) {
                let (count, first) = &mut self.disagree[task];
                *first = if *count == 0 { sheet_row(index) } else { *first };
                *count += 1;
            }
            if !asked {
                continue;
            }
            self.tasks[task].queries.push(index);
            if let Some((column, group)) = leave_out {
                if field(*column).is_empty() {
                    let hint =
                        "images of a task whose groups are left out need to be in one: fill the field in";
                    problems.add(row, Some(hint), || {
                        format!("expected a group in `{group}` (left out in {name}), found none")
                    });
                }
                self.groups[task].push(field(*column));
            }
        }
    }

    /// Keeps the names of the row's files and finds them; returns the flag for their base folder.
    fn files(&mut self, record: &csv::StringRecord, row: Option<u64>, problems: &mut Problems) -> u8 {
        let field = |column: usize| record.get(column).unwrap_or_default();
        match (&self.columns.files, &self.set.layout) {
            (Files::Named { fields }, Layout::Files { pattern: (text, pattern), words }) => {
                let of = |wrong: fn(&str) -> bool| -> Vec<&str> {
                    let named = fields.iter().zip(pattern.columns());
                    named.filter(|(at, _)| wrong(field(**at))).map(|(_, name)| name).collect()
                };
                let (empty, odd) = (of(str::is_empty), of(|field| field.contains(char::is_control)));
                if !empty.is_empty() {
                    let hint = "every placeholder in the pattern needs a value in each row";
                    problems.add(row, Some(hint), || {
                        format!("expected fields in `{}` for {text}, found empty ones", empty.join("`, `"))
                    });
                }
                if !odd.is_empty() {
                    problems.add(
                        row,
                        Some("names of files have no line breaks or other control characters"),
                        || {
                            format!(
                                "expected parts of file names in `{}`, found control characters",
                                odd.join("`, `")
                            )
                        },
                    );
                }
                let template = pattern.template(fields.iter().map(|at| field(*at)));
                self.rows.keys.push(&key(&template));
                let names: Vec<String> = words.iter().map(|word| template.replace(CHANNEL, word)).collect();
                let (flag, actual) = self.find(&names, row, problems);
                match actual {
                    Some(actual) if pattern.is_open() => self.rows.templates.push(&actual.join(BETWEEN)),
                    _ => self.rows.templates.push(&template),
                }
                flag
            }
            (Files::Tape { path, .. } | Files::Stack { path }, _) => {
                let path = field(*path).to_owned();
                let (flag, actual) = self.find(std::slice::from_ref(&path), row, problems);
                self.rows.keys.push(actual.as_ref().map_or(&path, |actual| &actual[0]));
                flag
            }
            (Files::Named { .. }, _) => {
                unreachable!("columns of a pattern are those of the layout with a pattern")
            }
        }
    }

    /// Finds files; returns the flag for their base folder, and their names if they are not as asked for.
    fn find(
        &mut self,
        names: &[String],
        row: Option<u64>,
        problems: &mut Problems,
    ) -> (u8, Option<Vec<String>>) {
        let Some(listing) = self.listing.as_deref_mut() else { return (0, None) };
        let set = self.set;
        let found = find::find(&set.name, names, listing);
        if !found.absent.is_empty() {
            self.absent.push(self.rows.flags.len() as u32);
            problems.add_hinted(row, || missing::said(set, names, &found.absent, listing));
        }
        if let Some((place, [first, second])) = &found.several {
            let hint = "make the pattern name one file of each row and channel: {*} stands for anything within a name";
            problems.add(row, Some(hint), || {
                format!(
                    "expected one file at `{}`, found several: `{first}`, `{second}`",
                    find::shown(&names[*place])
                )
            });
        }
        if let Some(name) = &found.again {
            problems.add(row, Some("each image has one row"), || {
                format!("`{}` is already in an earlier row", find::shown(name))
            });
        }
        (found.flag, found.names)
    }

    fn finish(mut self, problems: &mut Problems) -> (Rows, Vec<String>, Vec<Task>, Vec<String>) {
        let mut warnings = Vec::new();
        self.empty_splits(problems);
        problems.summary = self.missing_rows();
        for ((count, first), task) in
            self.disagree.iter().zip(&self.tasks).filter(|((count, _), _)| *count > 0)
        {
            warnings.push(format!(
                "{}: column {} and train_test_split disagree in {count} rows, first in row {first}; the column counts",
                self.set.name, task.name
            ));
        }
        let unnamed = || self.listing.iter().flat_map(|listing| listing.unnamed_images());
        if let Some(first) = unnamed().next() {
            warnings.push(format!(
                "{}: {} images are in no row of the table, first {first}",
                self.set.name,
                unnamed().count()
            ));
        }
        warnings.extend(self.unasked());
        warnings.extend(self.near_values());
        // Ids were assigned as labels occurred; they become indices into the sorted list.
        let mut labels = self.labels.column.names.clone();
        labels.sort_unstable();
        whole::one_label_each(&labels, problems);
        let place = |name: &String| labels.binary_search(name).expect("the list holds every label") as u16;
        let places: Vec<u16> = self.labels.column.names.iter().map(place).collect();
        for label in &mut self.rows.labels {
            *label = places[usize::from(*label)];
        }
        for (task, groups) in self.tasks.iter_mut().zip(self.groups) {
            if let Some(leave_out) = &mut task.leave_out {
                leave_out.group = groups.column.ids;
                leave_out.names = groups.column.names;
            }
        }
        self.tasks.retain(|task| !task.queries.is_empty());
        self.rows.groups = self.levels.column;
        let columns = self.roles.into_iter().map(|values| values.column);
        self.rows.roles = self.columns.roles.iter().map(|&(role, _)| role).zip(columns).collect();
        (self.rows, labels, self.tasks, warnings)
    }
}
