//! A load table of CellProfiler: a row for each site, with the file of each channel. Which stain a file shows is said by its
//! column only: sources number their channels in different orders.

use super::{
    super::{
        Error, Problems,
        text::{plain, short},
    },
    sheet::Sheet,
    well::Well,
};
use std::{
    collections::{HashMap, HashSet},
    path::Path,
};

/// The channels of a tape, as load tables call them, in the order in which they are put side by side.
pub(super) const CHANNELS: [&str; 5] = ["DNA", "ER", "RNA", "AGP", "Mito"];

/// Rows of a table.
pub(super) struct LoadTable {
    /// The folders that rows name, as the table writes them.
    pub(super) folders: Vec<String>,
    pub(super) rows: Vec<Row>,
    /// Rows that say the same as one before.
    pub(super) repeated: u64,
}

/// A site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) line: u64,
    pub(super) plate: String,
    pub(super) well: Well,
    pub(super) site: u32,
    /// Nothing where the table has no such column.
    pub(super) source: String,
    pub(super) batch: String,
    /// Channels in the order of [`CHANNELS`]; none where the table has no file.
    pub(super) files: [Option<Named>; 5],
    /// Files of the functions by which a plate's light is corrected.
    pub(super) lights: [Option<Named>; 5],
}

/// A file as a table names it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Named {
    /// Which of the table's folders.
    pub(super) folder: usize,
    pub(super) name: String,
}

const LOAD: &str = "a load table has a plate, well and site in each row, and a file and its folder for each channel: it is the \
                    `load_data.csv` or `load_data_with_illum.csv` in `workspace/load_data_csv/BATCH/PLATE` of the gallery";

/// Names by which a header is recognised whatever separates its fields.
const USUAL: [&str; 4] = ["Metadata_Plate", "Metadata_Well", "FileName_OrigDNA", "URL_OrigDNA"];

/// Where the table has a file: its name and its folder, or both in one.
enum Columns {
    Apart { name: usize, folder: usize },
    Url(usize),
}

impl Columns {
    /// Those of a channel of a kind, `Orig` or `Illum`.
    fn find(sheet: &Sheet, kind: &str, channel: &str) -> Option<Self> {
        let place = |what: &str| sheet.place(&format!("{what}_{kind}{channel}"));
        let apart = place("FileName").zip(place("PathName"));
        apart.map(|(name, folder)| Self::Apart { name, folder }).or_else(|| place("URL").map(Self::Url))
    }
}

impl LoadTable {
    /// Reads a table, with the functions of light if `lights` are asked for.
    ///
    /// # Errors
    /// All mistakes of the table together, the first ten in full.
    pub(super) fn read(file: &Path, lights: bool) -> Result<Self, Error> {
        let mut sheet = Sheet::read(file, &USUAL)?;
        let names = |what: &str| CHANNELS.map(|channel| format!("{what}{channel}"));
        let all =
            ["FileName_Orig", "PathName_Orig", "URL_Orig", "FileName_Illum", "PathName_Illum", "URL_Illum"];
        sheet.asked = all.into_iter().flat_map(names).collect();
        let sheet = sheet;
        let mut problems = Problems::new(file.to_owned());
        let mut need = |name: &str, what: &str| sheet.need(name, what, LOAD, &mut problems);
        let plate = need("Metadata_Plate", "the plate's name");
        let well = need("Metadata_Well", "the well, such as B02");
        let site = need("Metadata_Site", "the number of the site");
        let mut files = |kind: &str, what: &str| {
            CHANNELS.map(|channel| {
                let found = Columns::find(&sheet, kind, channel);
                if found.is_none() {
                    // With one of a pair, the other is missing.
                    let half = sheet.place(&format!("FileName_{kind}{channel}")).is_some();
                    let name = if half { "PathName" } else { "FileName" };
                    sheet.need(
                        &format!("{name}_{kind}{channel}"),
                        &format!("{what} {channel}"),
                        LOAD,
                        &mut problems,
                    );
                }
                found
            })
        };
        let images = files("Orig", "the image of");
        let light = if lights { files("Illum", "the light of") } else { [const { None }; 5] };
        let (Some(plate), Some(well), Some(site), 0) = (plate, well, site, problems.total) else {
            return Err(Error::Table(Box::new(problems)));
        };
        let optional = [sheet.place("Metadata_Source"), sheet.place("Metadata_Batch")];
        let mut reading = Reading::default();
        for (line, row) in sheet.numbered() {
            let field = |place: usize| row.get(place).unwrap_or_default().trim();
            let optional = optional.map(|place| place.map_or("", field).to_owned());
            let name = field(plate);
            if !is_name(name) {
                problems.add(Some(line), Some("a plate's images go into a folder of its name"), || {
                    format!("expected the name of a plate, found `{}`", short(&plain(name), 80))
                });
                continue;
            }
            let Some(well) = Well::read(field(well)) else {
                let found = short(&plain(field(well)), 80).into_owned();
                problems.add(
                    Some(line),
                    Some("wells are called as B02: rows A to AF, columns 1 to 48"),
                    || format!("expected a well in Metadata_Well, found `{found}`"),
                );
                continue;
            };
            let Some(site) = whole(field(site)) else {
                let found = short(&plain(field(site)), 80).into_owned();
                problems.add(Some(line), Some("sites of a well are numbered"), || {
                    format!("expected a whole number in Metadata_Site, found `{found}`")
                });
                continue;
            };
            let [source, batch] = optional;
            let files = images.each_ref().map(|columns| reading.named(columns.as_ref(), field));
            let lights = light.each_ref().map(|columns| reading.named(columns.as_ref(), field));
            let row = Row { line, plate: name.to_owned(), well, site, source, batch, files, lights };
            reading.add(row, &mut problems);
        }
        if problems.total > 0 {
            return Err(Error::Table(Box::new(problems)));
        }
        Ok(Self { folders: reading.folders, rows: reading.rows, repeated: reading.repeated })
    }
}

/// A table while it is read.
#[derive(Default)]
struct Reading {
    folders: Vec<String>,
    known: HashMap<String, usize>,
    rows: Vec<Row>,
    /// The place of each site's row.
    sites: HashMap<(String, Well, u32), usize>,
    used: HashSet<Named>,
    repeated: u64,
}

impl Reading {
    fn folder(&mut self, text: &str) -> usize {
        if let Some(known) = self.known.get(text) {
            return *known;
        }
        self.folders.push(text.to_owned());
        self.known.insert(text.to_owned(), self.folders.len() - 1);
        self.folders.len() - 1
    }

    /// The file in these columns of a row, if there is one.
    fn named<'a>(&mut self, columns: Option<&Columns>, field: impl Fn(usize) -> &'a str) -> Option<Named> {
        let (folder, name) = match columns? {
            Columns::Apart { name, folder } => (field(*folder).to_owned(), field(*name).to_owned()),
            Columns::Url(url) => {
                let url = decoded(field(*url));
                let (folder, name) = url.rsplit_once('/').unwrap_or(("", &url));
                (folder.to_owned(), name.to_owned())
            }
        };
        let missing = name.is_empty() || matches!(name.as_str(), "nan" | "NaN" | "NA" | "None" | "null");
        (!missing).then(|| Named { folder: self.folder(&folder), name })
    }

    fn add(&mut self, row: Row, problems: &mut Problems) {
        let key = (row.plate.clone(), row.well, row.site);
        let what =
            |row: &Row| format!("site {} of well {} of plate {}", row.site, row.well, plain(&row.plate));
        if let Some(before) = self.sites.get(&key) {
            let before = &self.rows[*before];
            if before.files == row.files && before.lights == row.lights {
                self.repeated += 1;
                return;
            }
            let hint = "a site has one row; keep the one whose files are its own";
            problems.add(Some(row.line), Some(hint), || {
                format!(
                    "expected other files only for other sites: {} is already in row {}",
                    what(&row),
                    before.line
                )
            });
            return;
        }
        for (channel, file) in CHANNELS.iter().zip(&row.files) {
            let Some(file) = file else { continue };
            if !self.used.insert(file.clone()) {
                let hint = "each channel of a site has a file of its own: with a file twice, one channel would be taken for \
                            another; download the table again, or repair it";
                problems.add(Some(row.line), Some(hint), || {
                    format!(
                        "expected a file of its own for {channel} of {}, found `{}` again",
                        what(&row),
                        plain(&file.name)
                    )
                });
                break;
            }
        }
        self.sites.insert(key, self.rows.len());
        self.rows.push(row);
    }
}

/// Whether a text can be a folder's name.
fn is_name(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with('.')
        && !text.contains(['/', '\\'])
        && !text.contains(char::is_control)
}

/// A number as pandas writes it: `7`, or `7.0` in a column that had gaps.
fn whole(text: &str) -> Option<u32> {
    text.split_once('.')
        .filter(|(_, zeros)| zeros.bytes().all(|zero| zero == b'0'))
        .map_or(text, |(whole, _)| whole)
        .parse()
        .ok()
}

/// `%20` and the like in an address as the characters that they stand for.
fn decoded(url: &str) -> String {
    let mut bytes = Vec::with_capacity(url.len());
    let mut rest = url.as_bytes();
    while let [first, after @ ..] = rest {
        let digits = after.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        let code = digits.filter(|_| *first == b'%').and_then(|two| u8::from_str_radix(two, 16).ok());
        bytes.push(code.unwrap_or(*first));
        rest = if code.is_some() { &after[2..] } else { after };
    }
    String::from_utf8(bytes).unwrap_or_else(|_| url.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_addresses_are_read_as_programs_write_them() {
        assert_eq!(["7", "7.0", "7.5", "x", ""].map(whole), [Some(7), Some(7), None, None, None]);
        assert_eq!(decoded("s3://a/b%20c/d%2"), "s3://a/b c/d%2");
    }
}
