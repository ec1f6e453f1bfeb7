//! `missing`: the rows of a printed table beside which nothing comparable stands yet, and what would fill them.

use super::{
    failure::{Failure, Result},
    options::StoreOption,
    output,
    report::declared,
};
use crate::{
    papers::{PAPERS, Paper, Published},
    report,
    spelling::closest,
    store::{Store, Value},
};
use clap::Args;
use serde_json::json;
use std::collections::BTreeMap;

/// Lists the rows of a printed table that no comparable run fills yet, with the command for each
#[derive(Args, Debug)]
pub(super) struct Missing {
    /// The table: chammi_table4
    table: String,
    #[command(flatten)]
    store: StoreOption,
    /// Prints one JSON document
    #[arg(long)]
    json: bool,
}

impl Missing {
    pub(super) fn run(&self) -> Result {
        let store = Store::open_read_only(self.store.path())?;
        let (paper, table) = published(&self.table)?;
        let mut fills: BTreeMap<(String, String), String> = BTreeMap::new();
        for one in declared()? {
            for row in report::placements(&one.spec) {
                if row.tbl == table.table && row.paper == paper.name && row.against.is_empty() {
                    fills.entry((row.model, row.condition)).or_insert_with(|| one.experiment.clone());
                }
            }
        }
        let sql = "SELECT model, condition,
              sum(verdict IN ('same digits', 'inside', 'outside', 'one seed has no interval')) AS filled, sum(measured IS NOT NULL)
            FROM v_paper WHERE paper = ? AND tbl = ? GROUP BY model, condition ORDER BY min(place)";
        let rows = store.query_with(sql, &[paper.name.into(), table.table.into()])?.rows;
        let all = rows.len();
        let mut open = Vec::new();
        for row in rows.iter().filter(|row| row[2] == Value::Integer(0)) {
            let (model, condition) = (row[0].to_string(), row[1].to_string());
            let elsewhere = row[3] != Value::Integer(0);
            let command = fills
                .get(&(model.clone(), condition.clone()))
                .map(|experiment| format!("dichroic exp {experiment} --data {}=PATH", paper.data));
            open.push((model, condition, elsewhere, command));
        }
        if self.json {
            let row = |(model, condition, elsewhere, command): &(String, String, bool, Option<String>)| json!({ "model": model, "condition": condition, "not_comparable": elsewhere, "command": command });
            let open: Vec<_> = open.iter().map(row).collect();
            return output::say_json(&json!({ "table": self.table, "rows": all, "missing": open }));
        }
        let mut lines =
            vec![format!("{} of {all} rows of {} have no comparable run", open.len(), self.table)];
        for (model, condition, elsewhere, command) in open {
            let found = if elsewhere { " (there are runs that print must not stand beside)" } else { "" };
            let command = command.unwrap_or_else(|| "declared by no experiment".into());
            lines.push(format!("  {model}, {condition}{found}: {command}"));
        }
        output::say(&lines.join("\n"))
    }
}

/// Paper and table behind `chammi_table4`.
///
/// # Errors
/// If no paper has such a table.
pub(super) fn published(name: &str) -> Result<(&'static Paper, &'static Published)> {
    let known: Vec<_> =
        PAPERS.into_iter().flat_map(|paper| paper.tables.iter().map(move |table| (paper, table))).collect();
    let names: Vec<String> =
        known.iter().map(|(paper, table)| format!("{}_{}", paper.name, table.table)).collect();
    match names.iter().position(|known| known == name) {
        Some(at) => Ok(known[at]),
        None => {
            let failure = Failure::new(format!("there is no published table `{name}`"));
            Err(match closest(name, names.iter().map(String::as_str)) {
                Some(meant) => failure.hint(format!("did you mean `{meant}`?")),
                None => failure.hint(format!("there are {}", names.join(", "))),
            })
        }
    }
}
