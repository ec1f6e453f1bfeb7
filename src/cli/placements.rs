//! Records in the store which published rows each spec reproduces, so that SQL can join the two.

use super::failure::Result;
use crate::{program, report, spec::upgrade, store::Store};

/// Records which published rows each stored spec reproduces, unless this build has done so already.
///
/// # Errors
/// If the store cannot be read or written.
pub(super) fn place_all(store: &Store) -> Result {
    let program = program::build().sources;
    let known = store.read()?.query("SELECT value FROM store WHERE key = 'placed'")?.rows;
    if known.first().is_some_and(|row| row[0].to_string() == program) && !program.is_empty() {
        return Ok(());
    }
    let specs = store.read()?.query("SELECT uid, json FROM spec")?.rows;
    let place = |row: &Vec<crate::store::Value>| {
        // A spec of another program, which this one cannot read, is in no row.
        let spec = serde_json::from_str(&row[1].to_string()).ok().and_then(|json| upgrade(json).ok());
        (row[0].to_string(), spec.map(|spec| report::placements(&spec)).unwrap_or_default())
    };
    Ok(store.place(specs.iter().map(place).collect(), Some(program))?)
}
