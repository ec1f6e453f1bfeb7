//! Tables and figures, each of them a question to the store: nothing here runs, trains or reads an image.
//!
//! [`measured`] asks what was found, [`comparable`] whether print may stand beside it, [`chammi_table4`] and
//! [`run_table`] make a [`Table`] of it, and [`markdown`], [`csv`] and [`terminal`] write that one structure down.
//! Figures are drawn on a [`canvas`] of tenths of a point.

mod canvas;
mod chammi_table4;
mod comparable;
mod csv;
mod error;
mod heatmap;
mod markdown;
mod measured;
mod page;
mod run_table;
mod table;
mod terminal;

pub use chammi_table4::Declaration;
pub use comparable::{Print, print_of};
pub use error::Error;
pub use page::{Format, NAMES, render};
pub use run_table::terminal_table;
pub use table::{Cell, Kind, Row, Table};

#[cfg(test)]
mod tests;
