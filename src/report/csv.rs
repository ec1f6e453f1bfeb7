//! Tables as a CSV file: one number per line, so that any program can pivot it.

use super::table::{Mark, Table};
use std::collections::BTreeMap;

/// All tables in one file. Columns: the tables' facts, the stub, then row (its kind), task, value, std, n,
/// paper, difference, mark and note. Holes are included, without a value.
pub(super) fn tables(tables: &[Table]) -> String {
    let mut heads: Vec<&str> = Vec::new();
    for table in tables {
        for head in table.facts.iter().map(|(head, _)| *head).chain(table.stub.iter().map(String::as_str)) {
            if !heads.contains(&head) {
                heads.push(head);
            }
        }
    }
    let mut writer = ::csv::Writer::from_writer(Vec::new());
    let numbers = ["row", "task", "value", "std", "n", "paper", "difference", "mark", "note"];
    let mut write =
        |fields: Vec<&str>| writer.write_record(fields).expect("memory takes any record of one length");
    write(heads.iter().copied().chain(numbers).collect());
    for table in tables {
        for row in &table.rows {
            let facts = table.facts.iter().map(|(head, value)| (*head, value.as_str()));
            let stub = table.stub.iter().zip(&row.stub).map(|(head, value)| (head.as_str(), value.as_str()));
            let named: BTreeMap<&str, &str> = facts.chain(stub).collect();
            for (column, cell) in table.columns.iter().zip(&row.cells) {
                let text = |value: Option<f64>| value.map_or(String::new(), |value| value.to_string());
                let (value, std, paper) = (text(cell.value), text(cell.std), text(cell.paper));
                let (n, difference) = (cell.n.to_string(), text(cell.difference()));
                let mut fields: Vec<&str> =
                    heads.iter().map(|head| named.get(head).copied().unwrap_or("")).collect();
                fields.extend([
                    row.kind.name(),
                    column.name.as_str(),
                    &value,
                    &std,
                    &n,
                    &paper,
                    &difference,
                    cell.mark.map_or("", Mark::name),
                    &row.note,
                ]);
                write(fields);
            }
        }
    }
    let bytes = writer.into_inner().expect("memory can always be flushed");
    String::from_utf8(bytes).expect("every field was text")
}
