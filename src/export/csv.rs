//! Exports the four tables as comma-separated values.

use super::{
    Error, Pace, Written, file,
    selection::Selection,
    tables::{Kind, TABLES},
};
use crate::store::Value;
use std::{io, path::Path};

/// Writes `runs.csv`, `scores.csv`, `floors.csv` and `curves.csv`.
pub(super) fn write(
    selection: &Selection<'_>,
    out: &Path,
    pace: &mut Pace<'_>,
) -> Result<Vec<Written>, Error> {
    let mut written = vec![];
    for table in &TABLES {
        let path = out.join(format!("{}.csv", table.name));
        let count = file(&path, |out| {
            let mut csv = csv::Writer::from_writer(out);
            csv.write_record(table.columns.iter().map(|(name, _)| name)).map_err(io::Error::from)?;
            let count = table.rows(selection, pace, |rows| {
                for row in rows {
                    let fields = row.iter().zip(table.columns).map(|(value, (_, kind))| text(value, *kind));
                    csv.write_record(fields).map_err(io::Error::from)?;
                }
                Ok(())
            })?;
            csv.flush()?;
            Ok(count)
        })?;
        written.push(Written { path, count, unit: "row" });
    }
    Ok(written)
}

/// Numbers with all their digits, as every float parser reads them: `1e-6`, `NaN`, `inf`.
fn text(value: &Value, kind: Kind) -> String {
    match (value, kind) {
        (Value::Real(value), _) => format!("{value:?}"),
        (Value::Null, Kind::Measured) => "NaN".into(),
        _ => value.to_string(),
    }
}
