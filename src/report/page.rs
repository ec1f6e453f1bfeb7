//! Writes the reports of given names to files.

use super::document::{Document, Figure, Origin, Section, Shown};
use super::measured::Source;
use super::papers::{self, Declaration};
#[cfg(feature = "pdf")]
use super::pdf;
use super::{Error, confusion, csv, font, html, latex, learning_curves, markdown, query, svg, systems};
use crate::{atomic_file, dsl::Report, store::Reader};
use rayon::prelude::*;
use std::path::{Path, PathBuf};

/// A requested report.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The name of its files.
    pub name: String,
    /// Its title, unless a paper gives it one.
    pub title: String,
    /// What it shows.
    pub report: Report,
}

/// The format of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `report.md`: all reports on one page.
    Markdown,
    /// `report.html`: the same as one file that needs nothing else.
    Html,
    /// `<name>.tex`: the tables of a report, to be read by LaTeX's `\input`.
    Latex,
    /// `<name>.csv`: one number per line; `<name>_points.csv`: the points of a scatter plot.
    Csv,
    /// `<name>.svg`: the figure.
    Svg,
    /// `report.pdf`: all reports on pages; `<name>.pdf`: the figure on a page of its size.
    Pdf,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Markdown, Self::Html, Self::Latex, Self::Csv, Self::Svg, Self::Pdf];

    /// The word on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::Markdown => "md",
            Self::Html => "html",
            Self::Latex => "tex",
            Self::Csv => "csv",
            Self::Svg => "svg",
            Self::Pdf => "pdf",
        }
    }

    /// Whether this build writes it: PDF needs the feature `pdf`, which is on by default.
    pub fn is_built(self) -> bool {
        self != Self::Pdf || cfg!(feature = "pdf")
    }

    /// The inverse of [`word`](Self::word).
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.word() == word)
    }
}

/// Writes the wanted reports into `out`, which is created if missing, and returns the paths of the files. The
/// figure of a report without any numbers is left out. The bytes depend on the store and on `declared` only.
///
/// # Errors
/// A format that this build does not write, before anything is written; a store that cannot be read; a folder
/// that cannot be written.
pub fn render(
    wanted: &[Wanted],
    store: &Reader,
    declared: &[Declaration],
    out: &Path,
    formats: &[Format],
) -> Result<Vec<PathBuf>, Error> {
    if formats.iter().any(|format| !format.is_built()) {
        return Err(Error::NoPdf);
    }
    let document = document(wanted, store, declared)?;
    let mut files = Vec::new();
    for format in Format::ALL.into_iter().filter(|format| formats.contains(format)) {
        match format {
            Format::Markdown => {
                let pictures = formats.contains(&Format::Svg);
                files.push(write(out, "report.md", markdown::page(&document, pictures))?);
            }
            Format::Html => files.push(write(out, "report.html", html::page(&document))?),
            Format::Latex => {
                for section in &document.sections {
                    files.push(write(
                        out,
                        &format!("{}.tex", section.name),
                        latex::section(&document, section),
                    )?);
                }
            }
            Format::Csv => {
                for Section { name, tables, points, .. } in &document.sections {
                    files.push(write(out, &format!("{name}.csv"), csv::tables(tables))?);
                    if let Some(points) = points {
                        files.push(write(out, &format!("{name}_points.csv"), points)?);
                    }
                }
            }
            Format::Svg => {
                for Section { name, figure, .. } in &document.sections {
                    if let Some(figure) = figure {
                        files.push(write(out, &format!("{name}.svg"), font::carried_by(&figure.svg))?);
                    }
                }
            }
            #[cfg(feature = "pdf")]
            Format::Pdf => {
                files.push(write(out, "report.pdf", pdf::page(&document)?)?);
                for Section { name, figure, .. } in &document.sections {
                    if let Some(figure) = figure {
                        files.push(write(out, &format!("{name}.pdf"), pdf::figure(name, figure)?)?);
                    }
                }
            }
            #[cfg(not(feature = "pdf"))]
            Format::Pdf => return Err(Error::NoPdf),
        }
    }
    Ok(files)
}

/// Builds the wanted reports from the store.
fn document(wanted: &[Wanted], store: &Reader, declared: &[Declaration]) -> Result<Document, Error> {
    let source = Source::of(store);
    let sections = wanted.par_iter().map(|wanted| section(wanted, &source, declared));
    let sections = sections.collect::<Result<_, _>>()?;
    Ok(Document { sections, remarks: stale(store)?, origin: Origin::of(store)? })
}

fn section(wanted: &Wanted, source: &Source<'_>, declared: &[Declaration]) -> Result<Section, Error> {
    let Wanted { name, title, report } = wanted;
    let Shown { title, tables, caption, figure, points } = match report {
        Report::Published { paper, name } => papers::report(paper, name, source, declared)?,
        Report::Systems { experiment } => systems::report(title, experiment, source)?,
        Report::Curves { experiment, metric } => learning_curves::report(title, experiment, metric, source)?,
        Report::Confusion { experiment } => confusion::report(title, experiment, source)?,
        Report::Query { sql } => query::report(title, sql, source)?,
    };
    let drawn = figure.map(|drawn| drawn.and_then(|drawing| Ok((svg::of(&drawing)?, drawing))));
    let drawn = drawn.transpose().map_err(|cause| Error::Draw { figure: name.clone(), cause })?;
    let figure = drawn.map(|(svg, drawing)| Figure { drawing, svg, caption });
    Ok(Section { name: name.clone(), title, tables, figure, points })
}

/// Reports that there are stale numbers, which no table shows.
fn stale(store: &Reader) -> Result<Vec<String>, Error> {
    let sql = "SELECT count(*) AS runs FROM v_stale s JOIN run r ON r.id = s.run AND r.status = 'done'";
    let runs: i64 = store.query(sql)?.iter().map(|row| row.int("runs")).sum();
    let remark = || {
        format!(
            "{runs} finished runs are *stale* (computed by other revisions of the code, or from data that have changed) and left out: \
             `dichroic sql \"SELECT * FROM v_stale\"`"
        )
    };
    Ok((runs > 0).then(remark).into_iter().collect())
}

fn write(folder: &Path, name: &str, bytes: impl AsRef<[u8]>) -> Result<PathBuf, Error> {
    let path = folder.join(name);
    // A full disk leaves nothing, and an earlier page as it was.
    let page = |part: &Path| std::fs::write(part, bytes);
    let written = std::fs::create_dir_all(folder).and_then(|()| atomic_file::fill_lightly(&path, page));
    written.map_err(|source| Error::Write { path: path.clone(), source })?;
    Ok(path)
}
