//! `export`: a model in timm's format, or numbers in other programs' formats.

mod model;
mod numbers;

use super::failure::Result;
use clap::Args;

/// Export a model in timm's format, or numbers in other programs' formats
#[derive(Args, Debug)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    disable_help_subcommand = true
)]
pub(super) struct Export {
    #[command(subcommand)]
    numbers: Option<numbers::Numbers>,
    #[command(flatten)]
    model: model::Model,
}

impl Export {
    pub(super) fn run(&self, quiet: bool) -> Result {
        match &self.numbers {
            Some(numbers) => numbers.run(quiet),
            None => self.model.run(),
        }
    }
}
