//! Tables and figures, each a query on the store: nothing here runs, trains or reads an image.
//!
//! [`measured`] reads the scores, [`papers`] and [`run_table`] make a [`Table`] of them next to the published
//! values. A page of tables and figures is a [`document`]; [`markdown`], [`html`], [`latex`], [`csv`],
//! [`terminal`] and, with the feature `pdf`, `pdf` write that one structure. A figure is drawn on a
//! [`canvas`] and is data until [`svg`] or `pdf` writes it.

pub mod answers;
mod bars;
mod boxes;
mod canvas;
mod cloud;
mod confusion;
mod csv;
mod curves;
mod document;
mod drawing;
mod error;
mod font;
mod forest;
mod heatmap;
pub(crate) mod html;
mod latex;
mod learning_curves;
mod legend;
mod levels;
mod maps;
pub(crate) mod markdown;
mod marks;
mod markup;
mod matrix;
mod measured;
mod page;
mod papers;
#[cfg(feature = "pdf")]
mod pdf;
mod query;
mod radar;
mod run_table;
mod scatter;
mod squares;
mod stored_features;
mod svg;
mod systems;
pub(crate) mod table;
pub(crate) mod terminal;

pub use error::Error;
pub use page::{Format, Wanted, render};
pub use papers::{Declaration, placements};
pub use run_table::terminal_table;
pub use table::{Cell, Column, Kind, Mark, Row, Table};

#[cfg(test)]
mod gallery;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod tests;
