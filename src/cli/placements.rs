//! Records in the store which published row each spec reproduces, so that SQL can join the two.

use super::failure::Result;
use crate::{program, report, store::Store};

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
        let spec = serde_json::from_str(&row[1].to_string()).unwrap_or_default();
        (row[0].to_string(), report::placements(&spec))
    };
    Ok(store.place(specs.iter().map(place).collect(), Some(program))?)
}
