//! Reads `enriched_meta.csv`, row by row: paths, widths, labels, splits, tasks and the columns that play a role.

use super::{
    Column, Error, ImageSet, LeaveOut, Problems, Task,
    columns::{Columns, Files, TaskColumns, boolean},
    describe::SetDescription,
    intensity::Intensity,
    layout::Layout,
    listing::Listing,
    pattern::{CHANNEL, key},
    set::{IN_SET_FOLDER, Rows, TRAIN, sheet_row, table_of},
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
    let opened = File::open(&file).map_err(unreadable)?;
    let mut table = csv::Reader::from_reader(Hashed { inner: opened, hash: blake3::Hasher::new() });
    let mut problems = Problems::new(file.clone());
    let header = match table.headers() {
        Ok(header) => header.clone(),
        Err(error) => return Err(not_csv(problems, &error)),
    };
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
    let mut bytes = table.into_inner();
    io::copy(&mut bytes, &mut io::sink()).map_err(unreadable)?;
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
        layout: set.layout.clone(),
        intensity: set.intensity.clone(),
        measured: OnceLock::new(),
        rows,
    };
    Ok(TableRead { set, digest: *bytes.hash.finalize().as_bytes(), warnings })
}

fn not_csv(mut problems: Problems, error: &csv::Error) -> Error {
    problems.add(None, None, || error.to_string());
    Error::Table(Box::new(problems))
}

/// Hashes what is read through it.
struct Hashed {
    inner: File,
    hash: blake3::Hasher,
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
struct Interner {
    known: HashMap<String, u32>,
    column: Column,
}

impl Interner {
    fn id(&mut self, text: &str) -> u32 {
        if let Some(&id) = self.known.get(text) {
            return id;
        }
        let id = self.column.names.len() as u32;
        self.known.insert(text.to_owned(), id);
        self.column.names.push(text.to_owned());
        id
    }

    fn push(&mut self, text: &str) {
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
            columns,
        }
    }

    fn row(&mut self, record: &csv::StringRecord, problems: &mut Problems) {
        let index = self.rows.keys.len() as u32;
        let row = Some(sheet_row(index));
        let field = |column: usize| record.get(column).unwrap_or_default();
        let split = field(self.columns.split);
        let mut flags = if split == "Train" { TRAIN } else { 0 };
        flags |= self.files(record, row, problems);
        self.rows.flags.push(flags);
        if let Files::Tape { channel_width, .. } = self.columns.files {
            let width = field(channel_width);
            let parsed = width.parse().ok().filter(|&width: &u32| width > 0);
            if parsed.is_none() {
                problems.add(row, None, || {
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
        if label.is_empty() {
            problems.add(row, Some("give images without a class a label such as `unlabelled`"), || {
                "expected a label, found an empty field".to_owned()
            });
        }
        let label = self.labels.id(label);
        if label > u32::from(u16::MAX) {
            problems.add(row, None, || format!("expected at most {} labels, found one more", u16::MAX));
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
            let Some(asked) = boolean(field(*column)) else {
                problems.add(row, None, || {
                    format!("expected True or False in {name}, found `{}`", field(*column))
                });
                continue;
            };
            if asked != (split == name) {
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
                    problems.add(row, None, || {
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
        let (set, layout) = (self.set, &self.set.layout);
        match (&self.columns.files, layout) {
            (Files::Named { fields }, Layout::Files { pattern: (text, pattern), words }) => {
                let empty: Vec<&str> = fields
                    .iter()
                    .zip(pattern.columns())
                    .filter(|(at, _)| field(**at).is_empty())
                    .map(|(_, name)| name)
                    .collect();
                if !empty.is_empty() {
                    problems.add(
                        row,
                        Some("every placeholder in the pattern needs a value in each row"),
                        || {
                            format!(
                                "expected fields in `{}` for {text}, found empty ones",
                                empty.join("`, `")
                            )
                        },
                    );
                }
                let template = pattern.template(fields.iter().map(|at| field(*at)));
                self.rows.keys.push(&key(&template));
                self.rows.templates.push(&template);
                let Some(listing) = self.listing.as_deref_mut() else { return 0 };
                let names: Vec<String> = words.iter().map(|word| template.replace(CHANNEL, word)).collect();
                let hint = "`pattern` is relative to the data set's folder or to the set's, and its files are inside the latter; \
                            images.channel gives other words for channels";
                find(set, &names, listing, row, problems, |missing| {
                    let channels: Vec<&str> = missing.iter().map(|at| set.spelled[*at].as_str()).collect();
                    // Paths below the data set's folder begin with the set's name.
                    let inside = format!("{}/", set.name);
                    let whole = |name: &String| {
                        if name.starts_with(&inside) { name.clone() } else { format!("{inside}{name}") }
                    };
                    let names: Vec<String> = missing.iter().map(|at| whole(&names[*at])).collect();
                    let s = if missing.len() == 1 { "" } else { "s" };
                    let [channels, names] = [channels.join(", "), names.join("`, `")];
                    (hint, format!("expected the file{s} of channel{s} {channels} at `{names}`, found none"))
                })
            }
            (Files::Tape { path, .. } | Files::Stack { path }, _) => {
                let path = field(*path);
                self.rows.keys.push(path);
                let Some(listing) = self.listing.as_deref_mut() else { return 0 };
                let hint =
                    "file_path is relative to the data set's folder or to the set's, and inside the latter";
                find(set, &[path.to_owned()], listing, row, problems, |_| {
                    (hint, format!("expected an image at `{path}`, found none"))
                })
            }
            (Files::Named { .. }, _) => {
                unreachable!("columns of a pattern are those of the layout with a pattern")
            }
        }
    }

    fn finish(mut self, problems: &mut Problems) -> (Rows, Vec<String>, Vec<Task>, Vec<String>) {
        let mut warnings = Vec::new();
        self.empty_splits(problems);
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
        // Ids were assigned as labels occurred; they become indices into the sorted list.
        let mut labels = self.labels.column.names.clone();
        labels.sort_unstable();
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
        self.rows.groups = self.levels.column;
        let columns = self.roles.into_iter().map(|values| values.column);
        self.rows.roles = self.columns.roles.iter().map(|&(role, _)| role).zip(columns).collect();
        (self.rows, labels, self.tasks, warnings)
    }

    fn empty_splits(&self, problems: &mut Problems) {
        let mut found: Vec<&str> = self.splits.keys().map(String::as_str).collect();
        found.sort_unstable();
        if !self.rows.flags.iter().any(|flags| flags & TRAIN != 0) {
            problems.add(None, Some("the split that models learn from is called `Train`"), || {
                match &found[..] {
                    [] => "expected rows of split Train, found no rows".to_owned(),
                    found => format!("expected rows of split Train, found only `{}`", found.join("`, `")),
                }
            });
        }
        for task in self.tasks.iter().filter(|task| task.queries.is_empty()) {
            problems.add(None, Some("a task without queries should have no column"), || {
                format!("expected rows that are True in {}, found none", task.name)
            });
        }
        for split in found.into_iter().filter(|split| split.starts_with("Task_")) {
            if !self.tasks.iter().any(|task| task.name == split) {
                problems.add(None, Some("each task has a column of True and False"), || {
                    format!("expected a column `{split}`, as train_test_split names it, found none")
                });
            }
        }
    }
}

/// Finds the files of a row, all below the data set's folder or all below the set's, and marks them as named.
/// `missing` gives hint and problem for the names of those that do not exist.
fn find(
    set: &SetDescription,
    names: &[String],
    listing: &mut Listing,
    row: Option<u64>,
    problems: &mut Problems,
    missing: impl FnOnce(&[usize]) -> (&'static str, String),
) -> u8 {
    let look = |listing: &Listing, folder: &str| -> Vec<Option<usize>> {
        names.iter().map(|name| listing.find(&format!("{folder}{name}"))).collect()
    };
    let (mut found, mut flag) = (look(listing, ""), 0);
    if found.iter().all(Option::is_none) {
        (found, flag) = (look(listing, &format!("{}/", set.name)), IN_SET_FOLDER);
    }
    let absent: Vec<usize> =
        found.iter().enumerate().filter(|(_, file)| file.is_none()).map(|(place, _)| place).collect();
    if !absent.is_empty() {
        let (hint, message) = missing(&absent);
        problems.add(row, Some(hint), || message);
    }
    let mut again = None;
    for (file, name) in found.into_iter().zip(names) {
        if file.is_some_and(|file| listing.name(file)) {
            again.get_or_insert(name);
        }
    }
    if let Some(name) = again {
        problems
            .add(row, Some("each image has one row"), || format!("`{name}` is already in an earlier row"));
    }
    flag
}
