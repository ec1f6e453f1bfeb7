//! The columns of the released table. Those that it does not have, wells and sites, are used if they are there.

use super::super::super::{Problems, columns::twice, dialect};

/// Indices of the columns in a record.
pub(super) struct Columns {
    pub(super) moa: usize,
    pub(super) moa_id: Option<usize>,
    pub(super) plate: usize,
    pub(super) path: usize,
    pub(super) compound: usize,
    pub(super) source: usize,
    pub(super) batch: usize,
    pub(super) well: Option<usize>,
    pub(super) site: Option<usize>,
}

/// Names that a header of the table has, whatever separates its fields.
pub(super) const USUAL: [&str; 4] = ["Metadata_Plate", "Metadata_Source", "paths", "JCP2022_id"];

impl Columns {
    /// Looks the columns up; `None` if one is missing, with the reason added to `problems`.
    pub(super) fn find(header: &csv::StringRecord, problems: &mut Problems) -> Option<Self> {
        let before = problems.total;
        let at = |name: &str| header.iter().position(|found| found == name);
        let mut need = |name: &str, what: &str| {
            let found = at(name);
            if found.is_none() {
                problems.add_hinted(None, || {
                    let hint = "name the columns as the released table does; a table of your own is described by a dataset.toml";
                    let near = dialect::near(&[name], header);
                    let (there, hint) =
                        near.unwrap_or_else(|| (format!("found {}", dialect::listed(header)), hint));
                    (hint, format!("expected a column `{name}` ({what}), {there}"))
                });
            }
            found.unwrap_or_default()
        };
        let columns = Self {
            moa: need("Metadata_moa", "the mechanism of action, or nothing"),
            moa_id: at("moa_id"),
            plate: need("Metadata_Plate", "the plate, which is also its folder"),
            path: need("paths", "the file in the plate's folder"),
            compound: need("JCP2022_id", "the compound"),
            source: need("Metadata_Source", "the source, such as source_3"),
            batch: need("Metadata_Batch", "the batch"),
            well: at("Metadata_Well"),
            site: at("Metadata_Site"),
        };
        let Self { moa, plate, path, compound, source, batch, .. } = columns;
        if problems.total == before {
            let mut used = vec![moa, plate, path, compound, source, batch];
            used.extend([columns.moa_id, columns.well, columns.site].into_iter().flatten());
            twice(used, header, problems);
        }
        (problems.total == before).then_some(columns)
    }
}

/// Whether a field is a missing value to pandas, with which the published code reads the table.
pub(super) fn is_missing(field: &str) -> bool {
    const MISSING: [&str; 19] = [
        "", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>",
        "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null",
    ];
    MISSING.contains(&field)
}

/// A class number as pandas writes it: `7`, or `7.0` in a column that had gaps.
pub(super) fn class_number(field: &str) -> Option<u32> {
    let whole = field.split_once('.').map_or(Some(field), |(whole, zeros)| {
        (!zeros.is_empty() && zeros.bytes().all(|digit| digit == b'0')).then_some(whole)
    })?;
    whole.parse().ok()
}
