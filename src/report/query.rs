//! The result of any query as a table: texts name a row, numbers are its cells.

use super::{Cell, Column, Error, Kind, Row, Table, document::Shown, measured::Source};
use crate::store::{Rows, Value};

/// The rows of a query.
pub(super) fn report(title: &str, sql: &str, store: &Source<'_>) -> Result<Shown, Error> {
    let found = store.query_with(sql, &[])?;
    let table = table(found);
    Ok(Shown { title: title.into(), tables: vec![table], ..Shown::default() })
}

fn table(found: Rows) -> Table {
    let Rows { columns, rows } = found;
    let number = |value: &Value| match value {
        Value::Real(value) => Some(*value),
        Value::Integer(value) => Some(*value as f64),
        _ => None,
    };
    let named = |name: &str| columns.iter().position(|column| column == name);
    // A column is numeric if it has numbers and otherwise only holes.
    let numeric = |at: usize| {
        let mut any = rows.iter().map(|row| &row[at]).filter(|value| **value != Value::Null).peekable();
        any.peek().is_some() && any.all(|value| number(value).is_some())
    };
    let company = |name: &str| {
        ["_std", "_n"].iter().any(|end| name.strip_suffix(end).and_then(named).is_some_and(numeric))
    };
    let (mut stub, mut cells) = (vec![], vec![]);
    for (at, name) in columns.iter().enumerate() {
        match numeric(at) {
            false => stub.push(at),
            true if !company(name) => cells.push(at),
            true => {}
        }
    }
    let cell = |row: &Vec<Value>, at: usize| {
        let beside = |end: &str| named(&format!("{}{end}", columns[at])).and_then(|at| number(&row[at]));
        let n = beside("_n").map_or(1, |n| n as usize);
        Cell { value: number(&row[at]), std: beside("_std"), n, ..Cell::default() }
    };
    let row = |row: &Vec<Value>| Row {
        stub: stub.iter().map(|at| row[*at].to_string()).collect(),
        kind: Kind::Measured,
        cells: cells.iter().map(|at| cell(row, *at)).collect(),
        note: String::new(),
    };
    let whole = |at: usize| rows.iter().all(|row| matches!(row[at], Value::Integer(_) | Value::Null));
    let column = |at: &usize| {
        let column = Column::of(columns[*at].replace('_', " "), &columns[*at]);
        if whole(*at) { column.of_whole_numbers() } else { column }
    };
    Table {
        title: match rows.len() {
            0 => "No rows".into(),
            1 => "One row".into(),
            count => format!("{count} rows"),
        },
        stub: stub.iter().map(|at| columns[*at].clone()).collect(),
        columns: cells.iter().map(column).collect(),
        rows: rows.iter().map(row).collect(),
        ..Table::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deviations_and_numbers_of_seeds_stand_in_the_cell_they_belong_to() {
        let text = |text: &str| Value::Text(text.into());
        let columns = ["system", "f1", "f1_std", "f1_n", "images", "spec_n"].map(String::from).into();
        let rows = vec![
            vec![
                text("a"),
                Value::Real(0.5),
                Value::Real(0.1),
                Value::Integer(3),
                Value::Integer(7),
                text("x"),
            ],
            vec![text("b"), Value::Null, Value::Null, Value::Integer(0), Value::Integer(8), text("y")],
        ];
        let table = table(Rows { columns, rows });
        assert_eq!(table.stub, ["system", "spec_n"]);
        let names: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
        assert_eq!(names, ["f1", "images"]);
        assert_eq!((table.columns[0].digits, table.columns[1].digits), (3, 0));
        let first = &table.rows[0].cells[0];
        assert_eq!((first.value, first.std, first.n), (Some(0.5), Some(0.1), 3));
        assert_eq!(table.rows[1].cells[0].value, None);
    }
}
