//! `data`: simulates a data set, prepares a published one, checks a folder, describes it.

use super::{
    failure::{Failure, Result},
    grid::{self, Format},
    locate::{self, Place},
    options::{DataOption, StoreOption, ThreadsOption, variable},
    output,
    prepare::Prepare,
    progress::Progress,
    simulate::Simulate,
};
use crate::{
    data::{self, Contents, DataSet},
    execute,
    simulate::gates::{self, Gate, Gates},
    spec::chammi,
    store::{OtherContents, Rows, Store, Value, short_fingerprint},
};
use clap::{Args, Subcommand};
use serde_json::json;
use std::path::{Path, PathBuf};

/// Make, verify and describe data sets
#[derive(Args, Debug)]
pub(super) struct Data {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Make a simulated data set
    Simulate(Simulate),
    Prepare(Box<Prepare>),
    /// Read every image of a folder and report what is wrong
    Check(Check),
    /// Describe a folder
    Info(Info),
}

impl Data {
    pub(super) fn run(&self, quiet: bool) -> Result {
        match &self.command {
            Command::Simulate(simulate) => simulate.run(quiet),
            Command::Prepare(prepare) => prepare.run(quiet),
            Command::Check(check) => check.run(quiet),
            Command::Info(info) => info.run(quiet),
        }
    }
}

/// The folder to read.
#[derive(Args, Debug)]
struct Which {
    /// The folder [default: where `exp` would find chammi]
    path: Option<PathBuf>,
    #[command(flatten)]
    data: DataOption,
    #[command(flatten)]
    store: StoreOption,
}

impl Which {
    fn open(&self, contents: &Contents, progress: &mut Progress) -> Result<DataSet> {
        let name = self.data.names().next();
        let read = |name: &str, root: &Path, progress: &mut Progress| {
            Ok(DataSet::open_described(name, root, self.data.description(name), contents, progress)?)
        };
        let stated = match (&self.path, name) {
            (Some(path), None) => return read(&locate::own_name(path), path, progress),
            (Some(path), Some(name)) => return read(name, path, progress),
            (None, name) => name.unwrap_or(chammi::NAME),
        };
        match locate::place(stated, &self.data, &self.store.path()) {
            Place::Here(root) => read(stated, &root, progress),
            Place::Simulated(_, root) => {
                let failure = Failure::new(format!(
                    "there is no `{stated}` here, nor a simulated one in {}",
                    root.display()
                ));
                let variable = variable(stated);
                Err(failure.hint(format!(
                    "give the folder, or set ${variable}, or `dichroic data simulate {stated} --out DIR`"
                )))
            }
            Place::Nowhere => Err(Failure::new(format!("no folder is known for the data set `{stated}`"))),
        }
    }
}

#[derive(Args, Debug)]
struct Info {
    #[command(flatten)]
    which: Which,
}

impl Info {
    fn run(&self, quiet: bool) -> Result {
        let data = self.which.open(&Contents::of_user(), &mut Progress::new(quiet))?;
        output::say(&data::info(&data).join("\n"))
    }
}

#[derive(Args, Debug)]
struct Check {
    #[command(flatten)]
    which: Which,
    /// Also check that the labels of a simulated folder can be learned, but not trivially
    #[arg(long)]
    gates: bool,
    /// Read all bytes of every file for the fingerprint, even of more than 200 GB, which are sampled otherwise
    #[arg(long)]
    contents: bool,
    #[command(flatten)]
    threads: ThreadsOption,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

impl Check {
    fn run(&self, quiet: bool) -> Result {
        self.threads.prepare()?;
        let contents = Contents::of_user();
        let contents = if self.contents { contents.in_full() } else { contents };
        let mut progress = Progress::new(quiet);
        let data = self.which.open(&contents, &mut progress)?;
        let others = self.others(&data)?;
        let report = data::check(&data, &mut progress)?;
        let gates = if self.gates { gates::check(&data.root, &mut progress)? } else { Gates::default() };
        drop(progress);
        if self.json {
            let gate = |gate: &Gate| json!({ "gate": gate.number, "name": gate.name, "bar": gate.bar.to_string(), "found": gate.found, "pass": gate.pass() });
            let gates = self.gates.then(|| gates.gates.iter().map(gate).collect::<Vec<_>>());
            output::say_json(&json!({ "check": report, "other_contents": others, "gates": gates }))?;
        } else {
            let mut lines = report.lines();
            lines.extend(others.iter().map(|other| note(&data.name, other)));
            output::say(&lines.join("\n"))?;
            if self.gates {
                output::say(&format!("\n{}", grid::write(&table(&gates), Format::Table)))?;
            }
        }
        if !report.ok() {
            let failure = Failure::new(format!("{} has problems", data.root.display()));
            return Err(match report.hint {
                Some(hint) => failure.hint(hint),
                None => failure,
            });
        }
        let failed: Vec<&str> =
            gates.gates.iter().filter(|gate| !gate.pass()).map(|gate| gate.name.as_str()).collect();
        if failed.is_empty() {
            return Ok(());
        }
        let failure = Failure::new(format!(
            "{} of {} gates fail: {}",
            failed.len(),
            gates.gates.len(),
            failed.join("; ")
        ));
        Err(failure.hint("results on this simulated world are not reliable; choose another --world"))
    }

    /// What the store has under this name with other contents.
    fn others(&self, data: &DataSet) -> Result<Vec<OtherContents>> {
        let path = self.which.store.path();
        if !path.exists() {
            return Ok(vec![]);
        }
        let store = Store::open(&path)?; // an older one is upgraded
        Ok(store.read()?.other_contents(&execute::dataset_row(data))?)
    }
}

fn note(name: &str, OtherContents { fingerprint, runs }: &OtherContents) -> String {
    let s = if *runs == 1 { "" } else { "s" };
    let print = short_fingerprint(fingerprint);
    format!("note: {runs} finished run{s} read other contents under the name `{name}` (fingerprint {print})")
}

fn table(gates: &Gates) -> Rows {
    let row = |gate: &Gate| {
        let verdict = if gate.pass() { "ok" } else { "FAILS" };
        vec![
            Value::Integer(gate.number.into()),
            Value::Text(gate.name.clone()),
            Value::Text(format!("{:.3}", gate.found)),
            Value::Text(gate.bar.to_string()),
            Value::Text(verdict.into()),
        ]
    };
    let columns = ["gate", "what", "found", "wanted", ""].map(String::from).into();
    Rows { columns, rows: gates.gates.iter().map(row).collect() }
}
