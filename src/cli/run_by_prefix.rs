//! Finds a stored run by a prefix of its id.

use super::failure::{Failure, Result};
use crate::store::{Reader, Value};

/// The id of the only run with this prefix.
///
/// # Errors
/// If there is none, or several.
pub(super) fn find(store: &Reader, word: &str) -> Result<String> {
    let sql = "SELECT uid FROM run WHERE uid >= ?1 AND uid < ?1 || 'g' ORDER BY uid";
    let rows = store.query_with(sql, &[Value::Text(word.to_lowercase())])?.rows;
    let ids: Vec<String> = rows.iter().map(|row| row[0].to_string()).collect();
    match ids.as_slice() {
        [one] if !word.is_empty() => Ok(one.clone()),
        [] => Err(Failure::new(format!("the store has no run that begins with `{word}`"))
            .hint("`dichroic runs` lists the runs of a store; --store PATH reads another")),
        several => {
            let some: Vec<&str> = several.iter().take(5).map(String::as_str).collect();
            let message = format!("`{word}` is a prefix of {} runs", several.len());
            Err(Failure::new(message).hint(format!("use a longer prefix: {}", some.join(", "))))
        }
    }
}
