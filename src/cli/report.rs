//! `report`: tables and figures from the store; never starts a run.

use super::{failure::Result, options::StoreOption, output};
use crate::{
    registry,
    report::{self, Declaration, Format},
    store::Store,
};
use clap::{Args, builder::PossibleValuesParser};
use std::path::PathBuf;

/// Renders tables and figures from the store
#[derive(Args, Debug)]
pub(super) struct Report {
    /// Names of reports, `chammi` for all of that paper, or `all`
    #[arg(required = true)]
    names: Vec<String>,
    /// Where the files go
    #[arg(long, value_name = "DIR", default_value = "reports/out")]
    out: PathBuf,
    /// Which files [default: all that this build writes]
    #[arg(long, value_delimiter = ',', value_parser = PossibleValuesParser::new(Format::ALL.map(Format::word)))]
    format: Vec<String>,
    #[command(flatten)]
    store: StoreOption,
}

impl Report {
    pub(super) fn run(&self) -> Result {
        let mut names: Vec<&str> = self.names.iter().flat_map(|name| meant(name)).collect();
        let mut seen = vec![];
        names.retain(|name| {
            !seen.contains(name) && {
                seen.push(*name);
                true
            }
        });
        let stated: Vec<Format> = self.format.iter().filter_map(|word| Format::of(word)).collect();
        let built = || Format::ALL.into_iter().filter(|format| format.is_built()).collect();
        let formats = if stated.is_empty() { built() } else { stated };
        let store = Store::open_read_only(self.store.path())?;
        let files = report::render(&names, &store, &declared()?, &self.out, &formats)?;
        let lines: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
        output::say(&lines.join("\n"))
    }
}

/// `all`, a paper, or one report.
fn meant(name: &str) -> Vec<&str> {
    let of_paper = |report: &&str| name == "all" || report.starts_with(&format!("{name}_"));
    let several: Vec<&str> = report::NAMES.into_iter().filter(of_paper).collect();
    if several.is_empty() { vec![name] } else { several }
}

/// Everything that this program declares: a hole in a table says which experiment would fill it.
pub(super) fn declared() -> Result<Vec<Declaration>> {
    let mut declared = vec![];
    for entry in registry::entries()? {
        declared.extend((entry.specs)().into_iter().map(|one| Declaration {
            experiment: entry.name.into(),
            spec: serde_json::to_value(one.spec).expect("specs are plain data"),
        }));
    }
    Ok(declared)
}
