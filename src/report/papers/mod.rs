//! Tables and figures of papers, published next to measured values.
//!
//! What a paper publishes is data ([`crate::papers`]), and [`scores`] draws every table of scores. The folder
//! of a paper has what is specific to that paper.

mod chammi;
mod coda;
mod declared;
mod directions;
mod row;
mod scores;

pub use declared::Declaration;
pub(super) use row::PaperRow;
pub use row::placements;

use super::{
    Error,
    document::Shown,
    measured::{Measured, Source, World},
};
use crate::papers::{self, Paper};
use std::collections::BTreeMap;

/// Draws one published table or figure.
type Draw = fn(&Source<'_>, &[Declaration]) -> Result<Shown, Error>;

/// The tables and figures with their own drawing, by the paper's names.
const DRAWN: [(&Paper, &[(&str, Draw)]); 2] =
    [(&papers::chammi::PAPER, &chammi::DRAWN), (&papers::coda::PAPER, &coda::DRAWN)];

/// Builds a table or a figure of a paper from the store.
pub(super) fn report(
    paper: &str,
    name: &str,
    store: &Source<'_>,
    declared: &[Declaration],
) -> Result<Shown, Error> {
    let (paper, name) = papers::find(paper, name)?;
    match (drawn(paper, name), paper.table(name)) {
        (Some(draw), _) => draw(store, declared),
        (None, Some(table)) => scores::report(paper, table, store, declared),
        (None, None) => Err(Error::NotDrawn { paper: paper.name, name }),
    }
}

fn drawn(paper: &Paper, name: &str) -> Option<Draw> {
    let (_, of_paper) = DRAWN.iter().find(|(known, _)| known.name == paper.name)?;
    of_paper.iter().find(|(known, _)| *known == name).map(|(_, draw)| *draw)
}

/// The title, with a remark if all numbers are simulated.
fn title(text: &str, worlds: &BTreeMap<&World, Vec<&Measured>>) -> String {
    let simulated = !worlds.is_empty() && worlds.keys().all(|world| world.kind == "simulated");
    format!("{text}{}", if simulated { ", on *simulated* data" } else { "" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_figure_of_a_paper_is_drawn_and_nothing_else_has_a_drawing() {
        for paper in papers::PAPERS {
            for figure in paper.figures {
                assert!(drawn(paper, figure).is_some(), "{} {figure}", paper.name);
            }
        }
        for (paper, of_paper) in DRAWN {
            for (name, _) in of_paper {
                assert!(papers::find(paper.name, name).is_ok(), "{} {name}", paper.name);
            }
        }
    }
}
