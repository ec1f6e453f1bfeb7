//! `db`: the store itself.

use super::{failure::Result, options::StoreOption, output};
use crate::store::Store;
use clap::{Args, Subcommand};

/// The store itself
#[derive(Args, Debug)]
pub(super) struct Db {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Creates the store, or brings an older one up to date; safe from any number of processes at once
    Init(Init),
}

#[derive(Args, Debug)]
struct Init {
    #[command(flatten)]
    store: StoreOption,
}

impl Db {
    pub(super) fn run(&self) -> Result {
        let Command::Init(init) = &self.command;
        let path = init.store.path();
        Store::open(&path)?.close()?;
        output::say(&format!("{} is ready", path.display()))
    }
}
