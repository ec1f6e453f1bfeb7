//! `report`: tables and figures from the store; never starts a run.

use super::{
    failure::{Failure, Result},
    options::StoreOption,
    output,
};
use crate::{
    dsl,
    registry::{self, ReportEntry},
    report::{self, Declaration, Format, Wanted},
    spelling::closest,
    store::Store,
};
use clap::{Args, builder::PossibleValuesParser};
use std::path::PathBuf;

/// Renders tables and figures from the store
#[derive(Args, Debug)]
pub(super) struct Report {
    /// Names of reports or experiments, `chammi` for all of that paper, or `all`
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
        let mut wanted: Vec<Wanted> = vec![];
        for name in &self.names {
            for one in meant(name)? {
                if !wanted.iter().any(|known| known.name == one.name) {
                    wanted.push(one);
                }
            }
        }
        let stated: Vec<Format> = self.format.iter().filter_map(|word| Format::of(word)).collect();
        let built = || Format::ALL.into_iter().filter(|format| format.is_built()).collect();
        let formats = if stated.is_empty() { built() } else { stated };
        let store = Store::open_read_only(self.store.path())?;
        let files = report::render(&wanted, &store, &declared()?, &self.out, &formats)?;
        let lines: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
        output::say(&lines.join("\n"))?;
        // Figures that were asked for by name and have nothing to show are reported.
        let stated = |figure: &Format| self.format.iter().any(|word| word == figure.word());
        for figure in [Format::Svg, Format::Pdf].into_iter().filter(stated) {
            let drawn =
                |one: &&Wanted| files.contains(&self.out.join(format!("{}.{}", one.name, figure.word())));
            let none: Vec<&str> =
                wanted.iter().filter(|one| !drawn(one)).map(|one| one.name.as_str()).collect();
            if !none.is_empty() {
                output::note(&format!(
                    "no {} of {}: there is nothing to draw yet, or it is a table only",
                    figure.word(),
                    none.join(", ")
                ));
            }
        }
        Ok(())
    }
}

/// `all`, a paper, one report, or an experiment's scores with whatever is declared under its name.
fn meant(name: &str) -> Result<Vec<Wanted>> {
    let reports = registry::reports()?;
    let of = |entry: &&&ReportEntry| name == "all" || entry.name.starts_with(&format!("{name}_"));
    let wanted = |entry: &&ReportEntry| {
        if let Some((problem, hint)) = entry.problem() {
            return Err(Failure::new(problem).hint(hint));
        }
        Ok(Wanted { name: entry.name.into(), title: entry.title().into(), report: (entry.report)() })
    };
    let exact = reports.iter().filter(|entry| entry.name == name).map(wanted).collect::<Result<Vec<_>>>()?;
    if !exact.is_empty() {
        return Ok(exact);
    }
    // An experiment's own scores stand before what is declared of them.
    let experiments = registry::entries()?;
    let scores = experiments.iter().filter(|entry| entry.name == name).map(|entry| {
        let (name, title) = (name.into(), entry.title().into());
        Ok(Wanted { report: dsl::Report::systems(entry.name), name, title })
    });
    let several = scores.chain(reports.iter().filter(of).map(wanted)).collect::<Result<Vec<Wanted>>>()?;
    if !several.is_empty() {
        return Ok(several);
    }
    let known = reports.iter().map(|entry| entry.name).chain(experiments.iter().map(|entry| entry.name));
    let hint = match closest(name, known) {
        Some(close) => format!("did you mean `{close}`?"),
        None => {
            let names: Vec<&str> = reports.iter().map(|entry| entry.name).collect();
            format!(
                "there are {}; an experiment's name shows its scores, `all` makes every report",
                names.join(", ")
            )
        }
    };
    Err(Failure::new(format!("there is no report `{name}`")).hint(hint))
}

/// Everything that this program declares: a hole in a table says which experiment would fill it.
pub(super) fn declared() -> Result<Vec<Declaration>> {
    let mut declared = vec![];
    for entry in registry::entries()? {
        declared.extend(
            (entry.specs)()
                .into_iter()
                .map(|one| Declaration { experiment: entry.name.into(), spec: one.spec }),
        );
    }
    Ok(declared)
}
