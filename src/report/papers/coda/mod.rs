//! What is specific to CODA: tables of methods by source and target, and which of its directions hold.

mod directions;
mod tables;

use super::Draw;

/// By their names in [`crate::papers::coda::PAPER`].
pub(super) const DRAWN: [(&str, Draw); 5] = [
    ("table2", |store, _| tables::report("table2", store)),
    ("table3", |store, _| tables::report("table3", store)),
    ("table4", |store, _| tables::report("table4", store)),
    ("table5", |store, _| tables::report("table5", store)),
    ("directions", |store, _| directions::report(store)),
];
