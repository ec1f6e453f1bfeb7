//! Tables in other dialects and encodings: recognised, and said in words instead of a parser's. They are not guessed at.

use super::{
    image::disguise,
    paths,
    text::{self, plain, short},
};
use std::{
    fs,
    io::{self, Read},
    path::Path,
};

/// What was expected and found, and how to fix it.
pub(super) type Said = (String, &'static str);

/// Bytes that are looked at.
const START: u64 = 4096;
const EXPORT: &str = "export the table as a text file of comma-separated fields (CSV) in UTF-8";
const UTF_16: &str =
    "save the table as UTF-8 (\"CSV UTF-8\" in spreadsheets), or: iconv -f utf-16 -t utf-8 OLD > NEW";
const UTF_8: &str = "save the table as UTF-8; most others are Latin-1: iconv -f latin1 -t utf-8 OLD > NEW";
const COMMAS: &str = "write the table with commas; in Python: pd.read_csv(path, sep=None, engine=\"python\").to_csv(path, \
                      index=False)";

/// What is wrong with a file that is no table of UTF-8 text.
///
/// # Errors
/// If it cannot be read.
pub(super) fn of_file(path: &Path) -> io::Result<Option<Said>> {
    if let Some(kind) = paths::instead(path) {
        let hint = "enriched_meta.csv is a file: the table of the set's images";
        return Ok(Some((format!("expected a table, found {kind}"), hint)));
    }
    let mut start = Vec::new();
    fs::File::open(path)?.take(START).read_to_end(&mut start)?;
    Ok(of_start(&start))
}

pub(super) fn of_start(start: &[u8]) -> Option<Said> {
    let utf_8 = "expected a table in UTF-8";
    if start.is_empty() {
        return Some((
            "expected a table with a header and a row for each image, found an empty file".into(),
            EXPORT,
        ));
    }
    if start.starts_with(&[0xff, 0xfe]) || start.starts_with(&[0xfe, 0xff]) {
        return Some((format!("{utf_8}, found UTF-16"), UTF_16));
    }
    let zeros = |from: usize| start.iter().skip(from).step_by(2).filter(|byte| **byte == 0).count();
    if start.len() > 8 && (zeros(0) > start.len() / 3 || zeros(1) > start.len() / 3) {
        return Some((format!("{utf_8}, found UTF-16"), UTF_16));
    }
    let found = disguise(start).filter(|found| !["a text file", "a PNM image"].contains(&found.name));
    if let Some(found) = found {
        let zip = found.name == "a zip archive";
        let name = if zip { "a zip archive, as spreadsheets are (.xlsx)" } else { found.name };
        return Some((format!("expected a table, found {name}"), if zip { EXPORT } else { found.hint }));
    }
    start.contains(&0).then(|| ("expected a table, found bytes that are no text".to_owned(), EXPORT))
}

/// The names of columns that every table has.
pub(super) const USUAL: [&str; 4] = ["file_path", "Label", "label", "train_test_split"];

/// What is wrong with a header of which some names are `usual` and whose fields are separated by something else than commas.
pub(super) fn of_header(header: &csv::StringRecord, usual: &[&str]) -> Option<Said> {
    let known = |name: &str| usual.contains(&name.trim().trim_matches('"'));
    if header.iter().any(known) {
        let blanks = header.iter().find(|name| known(name) && name.trim() != *name)?;
        let hint = "write the table without blanks around its fields; in Python: pd.read_csv(path, \
                    skipinitialspace=True).to_csv(path, index=False)";
        return Some((
            format!("expected fields without blanks around them, found the column `{}`", plain(blanks)),
            hint,
        ));
    }
    let text = header.iter().collect::<Vec<_>>().join(",");
    let by = |(separator, _): &(char, &str)| text.split(*separator).any(known);
    let (_, words) = [(';', "`;`"), ('\t', "tabs"), ('|', "`|`"), (' ', "blanks")].into_iter().find(by)?;
    Some((format!("expected fields separated by commas, found {words}"), COMMAS))
}

/// What is wrong with a row, by the parser: its number, where it is known, what was expected, and how to fix it.
pub(super) fn of_row(error: &csv::Error) -> (Option<u64>, String, Option<&'static str>) {
    let row = |at: &Option<csv::Position>| at.as_ref().map(|at| at.record() + 1);
    match error.kind() {
        csv::ErrorKind::UnequalLengths { pos, expected_len, len } => {
            let hint =
                "each row needs one field for each column; a field that holds a comma needs quotes around it";
            (row(pos), format!("expected {expected_len} fields as in the header, found {len}"), Some(hint))
        }
        csv::ErrorKind::Utf8 { pos, err } => {
            let message = format!("expected text in UTF-8, found other bytes in field {}", err.field() + 1);
            (row(pos), message, Some(UTF_8))
        }
        _ => (None, plain(&error.to_string()).into_owned(), None),
    }
}

/// Columns that a message lists.
const LISTED: usize = 40;

/// The names of a header, as a sentence lists them.
pub(super) fn listed(header: &csv::StringRecord) -> String {
    let shown = |name: &str| short(&plain(name), 60).into_owned();
    let names: Vec<String> = header.iter().take(LISTED).map(shown).collect();
    let more = header.len().saturating_sub(LISTED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", names.join(", "))
}

/// The column that may be meant by one of these names, and how to say so.
pub(super) fn near(names: &[&str], header: &csv::StringRecord) -> Option<Said> {
    let is = |name: &str, found: &str| text::alike(name) == text::alike(found);
    for name in names {
        for (end, found) in header.iter().filter_map(|found| Some((found.strip_prefix(name)?, found))) {
            if end.starts_with(['_', '.']) && end.len() <= 3 {
                let hint = "joining two tables in pandas gives columns of one name new ones (`_x`, `_y`): rename the one that is \
                            meant, or drop the column before joining";
                return Some((format!("there is `{}`", plain(found)), hint));
            }
        }
        if let Some(found) = header.iter().find(|found| is(name, found)) {
            let what = text::difference(name, found);
            return Some((
                format!("there is `{}`, which differs in {what}", plain(found)),
                "rename the column",
            ));
        }
    }
    let close = names.iter().find_map(|name| crate::spelling::closest(name, header.iter()))?;
    Some((format!("there is `{}`", plain(close)), "rename the column, if it is the one that is meant"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_are_no_tables_are_named() {
        for (start, found) in [
            (&b"\xff\xfef\0i\0l\0e\0"[..], "UTF-16"),
            (b"f\0i\0l\0e\0_\0p\0", "UTF-16"),
            (b"PK\x03\x04\x14\0", "a zip archive, as spreadsheets are (.xlsx)"),
            (b"<html>", "an HTML page"),
            (b"", "an empty file"),
            (b"a,b\0,c", "bytes that are no text"),
        ] {
            let (said, _) = of_start(start).unwrap();
            assert!(said.contains(found), "{said}");
        }
        assert_eq!(of_start(b"\xef\xbb\xbffile_path,Label\nA/x.png,a\n"), None);
    }

    #[test]
    fn other_separators_are_named() {
        let said = |text: &str| {
            let record = csv::StringRecord::from(text.split(',').collect::<Vec<_>>());
            of_header(&record, &USUAL).map(|(said, _)| said).unwrap_or_default()
        };
        assert!(said("plate;well;Label").ends_with("found `;`"));
        assert!(said("plate\twell\tLabel").ends_with("found tabs"));
        assert!(said("plate, Label").ends_with("found the column ` Label`"));
        assert_eq!(said("plate,Label,train_test_split"), "");
        assert_eq!(said("plate,kind"), "");
    }
}
