//! `runs` and `sql`: query the store.

use super::{
    failure::Result,
    grid::{self, Format},
    options::StoreOption,
    output,
};
use crate::store::{Status, Store, Value};
use clap::{Args, builder::PossibleValuesParser};

/// List stored runs, newest first
#[derive(Args, Debug)]
pub(super) struct Runs {
    /// Only runs of this experiment; `name*` means all whose names begin with `name`
    #[arg(long, value_name = "NAME")]
    exp: Option<String>,
    /// Only runs with this status
    #[arg(long, value_parser = PossibleValuesParser::new(Status::ALL.iter().map(|status| status.as_str())))]
    status: Option<String>,
    /// Only runs that satisfy this SQL condition on the columns of `v_runs`
    #[arg(long = "where", value_name = "SQL")]
    condition: Option<String>,
    #[command(flatten)]
    store: StoreOption,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

const SHOWN: &str =
    "uid AS run, experiment, CASE label WHEN '{}' THEN '' ELSE label END AS label, spec, seed, scale,
    CASE WHEN stale AND status = 'done' THEN 'done, stale' ELSE status END AS status, coalesce(tags, '') AS tags,
    works_done || '/' || works AS works, secs AS seconds, started, coalesce(error, '') AS error";
const ALL: &str =
    "uid AS run, experiment, json(label) AS label, spec, seed, scale, data, status, stale, tags, works, works_done,
    secs AS seconds, started, host, numerics, code, dirty, outcome, error";

impl Runs {
    pub(super) fn run(&self) -> Result {
        let (mut wanted, mut values) = (vec!["true".to_owned()], vec![]);
        if let Some(name) = &self.exp {
            wanted.push("experiment GLOB ?".into());
            values.push(Value::Text(literal(name)));
        }
        if let Some(status) = &self.status {
            wanted.push("status = ?".into());
            values.push(Value::Text(status.clone()));
        }
        if let Some(condition) = &self.condition {
            wanted.push(format!("({condition}\n)")); // a comment at its end must not swallow the bracket
        }
        let columns = if self.json { ALL } else { SHOWN };
        let sql = format!(
            "SELECT {columns} FROM v_runs WHERE {} ORDER BY id DESC, experiment",
            wanted.join(" AND ")
        );
        let rows = Store::open_read_only(self.store.path())?.query_with(&sql, &values)?;
        if self.json {
            return output::say_json(&serde_json::json!({ "runs": rows.json() }));
        }
        if rows.rows.is_empty() {
            output::note("no matching runs");
        }
        output::say(&grid::write(&rows, Format::Table))
    }
}

/// A pattern of GLOB in which only a final `*` is special.
pub(super) fn literal(name: &str) -> String {
    let (stem, rest) = name.strip_suffix('*').map_or((name, ""), |stem| (stem, "*"));
    let escaped = stem.chars().map(|c| if "*?[".contains(c) { format!("[{c}]") } else { c.to_string() });
    escaped.collect::<String>() + rest
}

/// Query the store with SQL, read-only
#[derive(Args, Debug)]
pub(super) struct Sql {
    /// One SELECT statement, as in "SELECT * FROM v_results"
    question: String,
    /// Output format
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    #[command(flatten)]
    store: StoreOption,
    /// The same as --format json
    #[arg(long)]
    json: bool,
}

impl Sql {
    pub(super) fn run(&self) -> Result {
        let rows = Store::open_read_only(self.store.path())?.query(&self.question)?;
        let format = if self.json { Format::Json } else { self.format };
        match format {
            Format::Csv | Format::Json => output::say_exactly(&grid::write(&rows, format)),
            Format::Table | Format::Md => output::say(&grid::write(&rows, format)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_final_star_is_special() {
        assert_eq!(literal("hyper*"), "hyper*");
        assert_eq!(literal("a?b[*"), "a[?]b[[]*");
        assert_eq!(literal("x"), "x");
    }
}
