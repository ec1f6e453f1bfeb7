//! What is specific to CHAMMI: its table of costs, its figures, and which of its directions hold.

mod directions;
mod fig10;
mod fig5;
mod fig6;
mod fig6a;
mod fig9;
mod table1;

use super::{
    Draw,
    scores::{Printed, printed},
};
use crate::papers::{Published, chammi::PAPER};
use crate::report::{Error, measured::Source};

/// By their names in [`PAPER`].
pub(super) const DRAWN: [(&str, Draw); 7] = [
    ("table1", |store, _| table1::report(store)),
    ("figure5", fig5::report),
    ("figure6", fig6::report),
    ("figure6a", fig6a::report),
    ("figure9", fig9::report),
    ("figure10", fig10::report),
    ("directions", |store, _| directions::report(store)),
];

/// The table with the numbers of Figures 5, 9 and 10.
fn tuned() -> &'static Published {
    PAPER.table("table2").expect("the paper has this table")
}

/// Its rows of models off the shelf, and fine-tuned on the labels alone.
fn tuned_rows(store: &Source<'_>) -> Result<Printed, Error> {
    let mut rows = printed(&PAPER, tuned(), store)?;
    rows.retain(|(row, _)| {
        tuned().unfillable(&row.model, &row.condition).is_none() && row.condition != "trained"
    });
    Ok(rows)
}
