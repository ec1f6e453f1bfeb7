//! `diff`: the lines in which two specs, or two stored runs, differ.

use super::{
    failure::{Failure, Result},
    jobs,
    options::{SpecOptions, StoreOption},
    output,
};
use crate::{
    registry,
    spec::{id::SpecId, lines},
    spelling::closest,
    store::{Rows, Scale, Store, Value},
};
use clap::Args;
use serde_json::json;

/// Show the values in which two experiments or two stored runs differ
#[derive(Args, Debug)]
pub(super) struct Diff {
    /// An experiment, one declaration of it (`name:2`), or a prefix of a run's or a spec's id
    a: String,
    /// The other one
    b: String,
    #[command(flatten)]
    store: StoreOption,
    #[command(flatten)]
    spec: SpecOptions,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

/// One side: its name and its lines.
struct Side {
    name: String,
    lines: Vec<(String, String)>,
}

impl Diff {
    pub(super) fn run(&self) -> Result {
        let (a, b) = (self.side(&self.a)?, self.side(&self.b)?);
        let differing = lines::differences(&a.lines, &b.lines);
        if self.json {
            let line = |(path, a, b): &(String, Option<String>, Option<String>)| json!({ "path": path, "a": a, "b": b });
            let lines: Vec<_> = differing.iter().map(line).collect();
            return output::say_json(&json!({ "a": a.name, "b": b.name, "differences": lines }));
        }
        let mut text = vec![format!("--- {}", a.name), format!("+++ {}", b.name)];
        for (path, a, b) in differing {
            text.extend(a.map(|value| format!("-{path} = {value}")));
            text.extend(b.map(|value| format!("+{path} = {value}")));
        }
        if text.len() == 2 {
            text = vec![format!("{} and {} are the same", a.name, b.name)];
        }
        output::say(&text.join("\n"))
    }

    fn side(&self, word: &str) -> Result<Side> {
        let (name, number) = match word.rsplit_once(':') {
            Some((name, number)) => (name, Some(number)),
            None => (word, None),
        };
        if registry::entries()?.iter().any(|entry| entry.name == name) {
            return self.experiment(word, name, number);
        }
        self.stored(word)?.ok_or_else(|| unknown(word))
    }

    fn experiment(&self, word: &str, name: &str, number: Option<&str>) -> Result<Side> {
        let declarations = jobs::declarations(&[name.to_owned()])?;
        let count = declarations.len();
        let at = match number {
            Some(number) => number.parse().ok().filter(|number| (1..=count).contains(number)),
            None => (count == 1).then_some(1),
        };
        let Some(at) = at else {
            let failure =
                Failure::new(format!("`{word}`: expected one of the {count} declarations of {name}"));
            return Err(failure.hint(format!("choose one: `{name}:1` … `{name}:{count}`")));
        };
        // Without data to decide by, the declared size is compared.
        jobs::check(&declarations[at - 1..at], &self.spec)?;
        let spec = declarations[at - 1].spec(&self.spec, self.spec.scale(false))?;
        let scale = self.spec.scale(false);
        let size = if scale == Scale::Quick { ", quick" } else { "" };
        let json = serde_json::to_value(&spec).expect("specs are plain data");
        Ok(Side { name: format!("{word} (spec {}{size})", SpecId::of(&spec)), lines: spec_lines(&json) })
    }

    /// The run, or else the spec, with this id prefix.
    fn stored(&self, word: &str) -> Result<Option<Side>> {
        let path = self.store.path();
        if word.is_empty() || !word.chars().all(|c| c.is_ascii_hexdigit()) || !path.exists() {
            return Ok(None);
        }
        let store = Store::open_read_only(&path)?;
        let prefix = [Value::Text(format!("{}*", word.to_lowercase()))];
        let sql = "SELECT DISTINCT uid, config, seed, scale, data FROM v_runs WHERE uid GLOB ?";
        let runs = only(word, store.query_with(sql, &prefix)?)?;
        let row = match runs {
            Some(row) => row,
            None => {
                let sql = "SELECT uid, json AS config FROM spec WHERE uid GLOB ?";
                let Some(row) = only(word, store.query_with(sql, &prefix)?)? else { return Ok(None) };
                row
            }
        };
        let what = if row.len() > 2 { "run" } else { "spec" };
        let json = serde_json::from_str(&row[1].1).unwrap_or_default();
        let mut lines = spec_lines(&json);
        lines.extend(row[2..].iter().cloned());
        Ok(Some(Side { name: format!("{what} {}", row[0].1), lines }))
    }
}

/// The only row, as names and texts.
fn only(word: &str, rows: Rows) -> Result<Option<Vec<(String, String)>>> {
    if rows.rows.len() > 1 {
        let ids: Vec<String> = rows.rows.iter().take(5).map(|row| row[0].to_string()).collect();
        let message = format!("`{word}` is a prefix of {} ids", rows.rows.len());
        return Err(Failure::new(message).hint(format!("use a longer prefix: {}", ids.join(", "))));
    }
    let named =
        |row: Vec<Value>| rows.columns.iter().cloned().zip(row.iter().map(ToString::to_string)).collect();
    Ok(rows.rows.into_iter().next().map(named))
}

fn spec_lines(json: &serde_json::Value) -> Vec<(String, String)> {
    lines::of(json).into_iter().map(|line| (line.path, lines::text(line.value))).collect()
}

fn unknown(word: &str) -> Failure {
    let failure = Failure::new(format!("there is neither an experiment nor a stored run `{word}`"));
    let names = registry::entries().map(|entries| entries.iter().map(|entry| entry.name).collect::<Vec<_>>());
    match names.ok().and_then(|names| closest(word, names)) {
        Some(name) => failure.hint(format!("did you mean `{name}`?")),
        None => failure.hint("`dichroic list` shows the experiments, `dichroic runs` the stored runs"),
    }
}
