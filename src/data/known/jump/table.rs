//! Reads the one table of all sources into a set for each of them.

use super::{
    super::super::{
        Error, Opened, Problems,
        describe::{Description, SetDescription},
        dialect,
        fingerprint::Part,
        labels,
        listing::Listing,
        table::{Hashed, Interner, not_csv, whole},
        text::{many, plain, short},
        unanswerable,
    },
    TABLE,
    columns::{self, Columns, class_number, is_missing},
    files::Files,
    rules::{Fields, Rules},
    source::Source,
    splits,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    path::Path,
};

/// The whole table.
struct Reading<'a> {
    columns: Columns,
    sets: &'a [SetDescription],
    sources: Vec<Source>,
    /// Rows of other sources.
    others: BTreeMap<String, u64>,
    moas: Interner,
    rules: Rules,
}

/// Reads the sets of a folder.
///
/// # Errors
/// All mistakes of the table together, the first ten in full.
pub(in crate::data) fn read(root: &Path, description: &Description, images: bool) -> Result<Opened, Error> {
    let file = root.join(TABLE);
    let unreadable = |cause| Error::Unreadable { path: file.clone(), cause };
    let mut problems = Problems::new(file.clone());
    if let Some((message, hint)) = dialect::of_file(&file).map_err(unreadable)? {
        problems.add(None, Some(hint), || message);
        return Err(Error::Table(Box::new(problems)));
    }
    let mut table = csv::Reader::from_reader(Hashed::new(File::open(&file).map_err(unreadable)?));
    let header = match table.headers() {
        Ok(header) => header.clone(),
        Err(error) => return Err(not_csv(problems, &error)),
    };
    if let Some((message, hint)) = dialect::of_header(&header, &columns::USUAL) {
        problems.add(None, Some(hint), || message);
        return Err(Error::Table(Box::new(problems)));
    }
    let Some(columns) = Columns::find(&header, &mut problems) else {
        return Err(Error::Table(Box::new(problems)));
    };
    let mut reading = Reading {
        columns,
        sets: &description.sets,
        sources: description.sets.iter().map(|_| Source::default()).collect(),
        others: BTreeMap::new(),
        moas: Interner::default(),
        rules: Rules::default(),
    };
    let (mut record, mut line) = (csv::StringRecord::new(), 1);
    loop {
        line += 1;
        match table.read_record(&mut record) {
            Ok(true) => reading.row(&record, line, &mut problems),
            Ok(false) => break,
            Err(error) => return Err(not_csv(problems, &error)),
        }
    }
    let digest = table.into_inner().digest().map_err(unreadable)?;
    reading.finish(root, digest, images, problems)
}

impl Reading<'_> {
    fn row(&mut self, record: &csv::StringRecord, line: u32, problems: &mut Problems) {
        let (columns, at) = (&self.columns, u64::from(line));
        let field = |column: usize| record.get(column).unwrap_or_default();
        let source = field(columns.source);
        let Some(place) = self.sets.iter().position(|set| set.name == source) else {
            *self.others.entry(source.to_owned()).or_default() += 1;
            return;
        };
        let rows = &mut self.sources[place];
        let moa = field(columns.moa);
        if is_missing(moa) {
            rows.unlabelled += 1;
            return;
        }
        let needed = [
            ("Metadata_Plate", columns.plate),
            ("Metadata_Batch", columns.batch),
            ("paths", columns.path),
            ("JCP2022_id", columns.compound),
        ];
        let empty: Vec<&str> = needed
            .iter()
            .filter(|(_, column)| field(*column).trim().is_empty())
            .map(|(name, _)| *name)
            .collect();
        if !empty.is_empty() {
            let hint = "every row with a mechanism needs its plate, batch, file and compound";
            problems.add(Some(at), Some(hint), || {
                format!("expected fields in `{}`, found empty ones", empty.join("`, `"))
            });
            return;
        }
        let plate = field(columns.plate);
        if plate.contains(['/', '\\']) || plate.starts_with('.') || plate.contains(char::is_control) {
            problems.add(Some(at), Some("a plate's name is that of a folder beside the table"), || {
                format!("expected the name of a folder as Metadata_Plate, found `{}`", plain(plate))
            });
            return;
        }
        let number = columns.moa_id.map(|column| (field(column), class_number(field(column))));
        if let Some((found, None)) = number {
            problems.add(Some(at), Some("moa_id is the number of the class, from 0 on"), || {
                let found = if found.is_empty() {
                    "an empty field"
                } else {
                    &format!("`{}`", short(&plain(found), 80))
                };
                format!("expected moa_id as a whole number, found {found}")
            });
        }
        let number = number.and_then(|(_, number)| number);
        let (batch, compound) = (field(columns.batch), field(columns.compound));
        self.rules.row(at, &Fields { source, batch, plate, compound, moa, number }, problems);
        rows.moas.push(self.moas.id(moa));
        rows.lines.push(line);
        rows.paths.push(field(columns.path).to_owned());
        rows.plates.push(plate);
        rows.batches.push(batch);
        rows.compounds.push(compound);
        if let Some(well) = columns.well {
            rows.wells.push(field(well));
        }
        if let Some(site) = columns.site {
            rows.sites.push(field(site));
        }
    }

    /// Finds files, and makes a set of each source.
    fn finish(
        self,
        root: &Path,
        digest: [u8; 32],
        images: bool,
        mut problems: Problems,
    ) -> Result<Opened, Error> {
        let mut opened = Opened { warnings: self.remarks(&mut problems), ..Opened::default() };
        let mut labels = self.moas.column.names.clone();
        labels.sort_unstable();
        let class = |name: &String| labels.binary_search(name).expect("the list has every label") as u16;
        let classes: Vec<u16> = self.moas.column.names.iter().map(class).collect();
        whole::one_label_each(&labels, &mut problems);
        let compounds = |source: &Source| {
            let moa = |id: &u32| self.moas.column.names[*id as usize].as_str();
            let pairs = source.moas.iter().zip(&source.compounds.column.ids);
            let pairs: BTreeSet<(&u32, &u32)> = pairs.collect();
            let name = |id: u32| source.compounds.column.names[id as usize].clone();
            pairs.into_iter().map(|(m, c)| (moa(m).to_owned(), name(*c))).collect::<Vec<_>>()
        };
        let compounds: Vec<(String, String)> = self.sources.iter().flat_map(compounds).collect();
        let unseen = splits::unseen_compounds(compounds.iter().map(|(m, c)| (m.as_str(), c.as_str())));
        let mut files = Files::default();
        for (set, source) in self.sets.iter().zip(self.sources) {
            if source.lines.is_empty() {
                continue;
            }
            let folders = source.plates.column.names.iter().map(String::as_str);
            let folders = folders.filter(|plate| root.join(plate).is_dir());
            let mut listing = if images { Some(Listing::of_folders(root, folders)?) } else { None };
            let made = source.finish(
                set,
                root,
                &classes,
                &labels,
                &unseen,
                (&mut files, listing.as_mut()),
                &mut problems,
            );
            opened.warnings.extend(made.1);
            opened.warnings.extend(unanswerable::remarks(&made.0));
            opened.parts.extend(listing.map(|listing| Part {
                name: set.name.clone(),
                table: digest,
                listing,
            }));
            opened.sets.push(made.0);
        }
        problems.summary = files.summary();
        problems.into_result()?;
        Ok(opened)
    }

    /// What is said of the table as a whole.
    fn remarks(&self, problems: &mut Problems) -> Vec<String> {
        let mut remarks = Vec::new();
        for (set, source) in self.sets.iter().zip(&self.sources) {
            let (name, rows) = (&set.name, source.unlabelled);
            if source.lines.is_empty() && rows == 0 {
                remarks.push(format!("set `{name}` is skipped: no row of {TABLE} has it as Metadata_Source"));
            } else if source.lines.is_empty() {
                remarks.push(format!(
                    "set `{name}` is skipped: none of its {} has a mechanism",
                    many(rows, "row")
                ));
            } else if rows > 0 {
                let all = rows + source.lines.len() as u64;
                remarks.push(format!(
                    "{name}: {rows} of {} without a mechanism of action are left out",
                    many(all, "row")
                ));
            }
        }
        let others: u64 = self.others.values().sum();
        let mut names: Vec<String> =
            self.others.keys().take(10).map(|name| short(&plain(name), 60).into_owned()).collect();
        names.extend((self.others.len() > 10).then(|| "others".to_owned()));
        let known: Vec<&str> = self.sets.iter().map(|set| set.name.as_str()).collect();
        if self.sources.iter().all(|source| source.lines.is_empty()) && problems.total == 0 {
            problems.add(
                None,
                Some("Metadata_Source is a source's public name, and Metadata_moa the mechanism"),
                || {
                    let found = if others == 0 {
                        "none".to_owned()
                    } else {
                        format!("only rows of {}", names.join(", "))
                    };
                    let found = if self.sources.iter().any(|source| source.unlabelled > 0) {
                        "only such without one"
                    } else {
                        &found
                    };
                    format!("expected rows of {} with a mechanism of action, found {found}", known.join(", "))
                },
            );
        } else if others > 0 {
            remarks.push(format!(
                "{} of other sources are not read: {}",
                many(others, "row"),
                names.join(", ")
            ));
        }
        remarks.extend(self.rules.remark());
        let ids = self.sources.iter().flat_map(|source| &source.moas).map(|moa| *moa as usize);
        remarks.extend(labels::remarks(TABLE, "mechanisms", &self.moas.column.names, ids));
        remarks
    }
}
