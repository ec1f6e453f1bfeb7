//! Exports the four tables as one JSON document, streamed.

use super::{
    Error, Pace, Written, file,
    selection::Selection,
    tables::{Kind, TABLES},
};
use crate::store::Value;
use std::{
    io::{self, Write},
    path::Path,
};

/// Writes `dichroic.json`: `{"runs": […], "scores": […], "floors": […], "curves": […]}`, one line per row.
pub(super) fn write(
    selection: &Selection<'_>,
    out: &Path,
    pace: &mut Pace<'_>,
) -> Result<Vec<Written>, Error> {
    let path = out.join("dichroic.json");
    let count = file(&path, |out| {
        let mut count = 0;
        for (at, table) in TABLES.iter().enumerate() {
            write!(out, "{}\n\"{}\": [", if at == 0 { "{" } else { "," }, table.name)?;
            let mut first = true;
            count += table.rows(selection, pace, |rows| {
                for row in rows {
                    out.write_all(if first { b"\n{" } else { b",\n{" })?;
                    first = false;
                    for (at, (value, (name, kind))) in row.iter().zip(table.columns).enumerate() {
                        write!(out, "{}\"{name}\": ", if at == 0 { "" } else { ", " })?;
                        element(out, value, *kind)?;
                    }
                    out.write_all(b"}")?;
                }
                Ok(())
            })?;
            out.write_all(b"\n]")?;
        }
        out.write_all(b"\n}\n")?;
        Ok(count)
    })?;
    Ok(vec![Written { path, count, unit: "row" }])
}

/// NaN is null. JSON has no infinity either, and an infinite loss is not the same as NaN: it is the text that
/// Protocol Buffers' JSON uses.
fn element(out: &mut impl Write, value: &Value, kind: Kind) -> io::Result<()> {
    match value {
        Value::Null | Value::Blob(_) => out.write_all(b"null"),
        Value::Integer(value) => write!(out, "{value}"),
        Value::Real(value) if value.is_infinite() => {
            out.write_all(if *value > 0.0 { b"\"Infinity\"" } else { b"\"-Infinity\"" })
        }
        Value::Real(value) => Ok(serde_json::to_writer(out, value)?),
        Value::Text(json) if kind == Kind::Json => out.write_all(json.as_bytes()), // the schema has checked it
        Value::Text(text) => Ok(serde_json::to_writer(out, text)?),
    }
}
