//! From names of reports to files.

use super::chammi::{self, Declaration};
use super::{Error, csv, markdown, measured};
use crate::store::Reader;
use std::path::{Path, PathBuf};

/// Every report there is.
pub const NAMES: [&str; 9] = chammi::NAMES;

/// How a report is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `report.md`: all reports on one page.
    Markdown,
    /// `<name>.csv`: one number a line; `<name>_points.csv`: what a picture of points is drawn from.
    Csv,
    /// `<name>.svg`: the figure.
    Svg,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Markdown, Self::Csv, Self::Svg];

    /// The word on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::Markdown => "md",
            Self::Csv => "csv",
            Self::Svg => "svg",
        }
    }

    /// The opposite of [`word`](Self::word).
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.word() == word)
    }
}

/// Writes the named reports into `out`, which is made if it is not there, and returns the files. The figure of a report
/// without any numbers is left out. The bytes depend on the store and on `declared` only.
///
/// # Errors
/// An unknown name, before anything is written; a store that does not answer; a folder that cannot be written.
pub fn render(
    names: &[&str],
    store: &Reader,
    declared: &[Declaration],
    out: &Path,
    formats: &[Format],
) -> Result<Vec<PathBuf>, Error> {
    let mut reports = Vec::new();
    for name in names {
        let unknown = || Error::Unknown { found: (*name).into(), known: NAMES.into() };
        reports.push((name, chammi::report(name, store, declared).ok_or_else(unknown)??));
    }
    let (mut page, mut files) = (stale(store)?, Vec::new());
    for (name, report) in reports {
        let figure = report.figure.transpose();
        let figure = figure.map_err(|cause| Error::Draw { figure: (*name).into(), cause })?;
        page.push_str(&format!("# {}\n\n", report.title));
        for table in &report.tables {
            page.push_str(&markdown::table(table));
        }
        if formats.contains(&Format::Csv) {
            files.push(write(out, &format!("{name}.csv"), &csv::tables(&report.tables))?);
        }
        if let (Some(points), true) = (&report.points, formats.contains(&Format::Csv)) {
            files.push(write(out, &format!("{name}_points.csv"), points)?);
        }
        if let (Some(figure), true) = (figure, formats.contains(&Format::Svg)) {
            page.push_str(&format!("![{}]({name}.svg)\n\n", report.caption));
            files.push(write(out, &format!("{name}.svg"), &figure)?);
        }
    }
    if formats.contains(&Format::Markdown) {
        files.insert(0, write(out, "report.md", &format!("{}\n", page.trim_end()))?);
    }
    Ok(files)
}

/// Says that there are numbers which no table shows.
fn stale(store: &Reader) -> Result<String, Error> {
    let sql = "SELECT count(*) AS runs FROM v_stale s JOIN run r ON r.id = s.run AND r.status = 'done'";
    let runs: f64 = measured::rows(store, sql)?.map(|row| row.real("runs")).sum();
    Ok(match runs {
        0.0 => String::new(),
        runs => format!(
            "> {runs} finished runs are *stale*, of other revisions of the code or of data that have changed, and left out: \
             `dichroic sql \"SELECT * FROM v_stale\"`\n\n"
        ),
    })
}

fn write(folder: &Path, name: &str, text: &str) -> Result<PathBuf, Error> {
    let path = folder.join(name);
    let written = std::fs::create_dir_all(folder).and_then(|()| std::fs::write(&path, text));
    written.map_err(|source| Error::Write { path: path.clone(), source })?;
    Ok(path)
}
