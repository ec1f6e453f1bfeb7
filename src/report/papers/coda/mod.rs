//! What is specific to CODA: tables of methods by source and target, its figures, and which of its directions hold.

mod directions;
mod fig4;
mod fig5;
mod fig6;
mod fig7;
mod inspected;
mod place;
mod tables;

use super::Draw;

/// By their names in [`crate::papers::coda::PAPER`].
pub(super) const DRAWN: [(&str, Draw); 10] = [
    ("table2", |store, _| tables::report("table2", store)),
    ("table3", |store, _| tables::report("table3", store)),
    ("table4", |store, _| tables::report("table4", store)),
    ("table5", |store, _| tables::report("table5", store)),
    ("figure4", fig4::report),
    ("figure5", fig5::report),
    ("figure6", fig6::report),
    ("figure7", |store, _| fig7::report(store)),
    ("directions", |store, _| directions::report(store)),
    ("converged", |store, _| directions::converged(store)),
];

#[cfg(test)]
mod tests;
