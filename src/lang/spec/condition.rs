//! A condition on images: the plate is one of these.

use crate::role::Role;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Images of which a column has one of these values.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// What the column is about.
    pub role: Role,
    /// The values, as the table has them.
    pub values: Vec<String>,
}

/// The one way to write these conditions: by the names of their roles, each with its values sorted and without repetition.
/// (By names, so that a role that is added later moves none of the others.)
pub(super) fn in_order(conditions: &mut [Condition]) {
    for condition in conditions.iter_mut() {
        condition.values.sort_unstable();
        condition.values.dedup();
    }
    conditions.sort_by(|a, b| (a.role.name(), &a.values).cmp(&(b.role.name(), &b.values)));
}

/// Whether `some` conditions leave no image that `all` of these leave out.
pub(super) fn is_within(some: &[Condition], all: &[Condition]) -> bool {
    let narrower = |one: &Condition, than: &Condition| {
        one.role == than.role && one.values.iter().all(|value| than.values.contains(value))
    };
    all.iter().all(|than| some.iter().any(|one| narrower(one, than)))
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Words(std::slice::from_ref(self)).fmt(f)
    }
}

/// In a sentence: `batch B3 or B4 and plate P1`.
pub struct Words<'a>(pub &'a [Condition]);

impl fmt::Display for Words<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, Condition { role, values }) in self.0.iter().enumerate() {
            let and = if at == 0 { "" } else { " and " };
            write!(f, "{and}{} {}", role.words(), values.join(" or "))?;
        }
        Ok(())
    }
}

/// In a key of the store: `batch=B3,B4; plate=P1`; empty without conditions. Values that hold a mark of this
/// notation are quoted, so that different conditions never have the same key.
pub(super) fn key(conditions: &[Condition]) -> String {
    let is_mark = |c: char| matches!(c, ',' | ';' | '=' | '"' | '\\') || c.is_whitespace();
    let value = |value: &String| if value.contains(is_mark) { format!("{value:?}") } else { value.clone() };
    let condition = |Condition { role, values }: &Condition| {
        format!("{}={}", role.name(), values.iter().map(value).collect::<Vec<_>>().join(","))
    };
    conditions.iter().map(condition).collect::<Vec<_>>().join("; ")
}
