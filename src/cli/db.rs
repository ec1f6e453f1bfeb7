//! `db`: creates, checks, merges, copies and vacuums the store.

use super::{
    failure::{Failure, Result},
    options::StoreOption,
    output, placements,
};
use crate::store::Store;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// Create, check, copy, merge or clean up the store
#[derive(Args, Debug)]
pub(super) struct Db {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Create the store, or upgrade an older one; safe to run from many processes at once
    Init {
        #[command(flatten)]
        store: StoreOption,
    },
    /// Check that the database is intact and that every file it refers to exists
    Check {
        /// Also read every file and compare its hash
        #[arg(long)]
        contents: bool,
        #[command(flatten)]
        store: StoreOption,
    },
    /// Import what other stores have computed; doing it twice changes nothing
    Merge {
        /// The other stores, with their folders `<store>.d` next to them
        #[arg(required = true)]
        others: Vec<PathBuf>,
        #[command(flatten)]
        store: StoreOption,
    },
    /// Copy the store and its files, also while runs are in progress
    Backup {
        /// The copy's database; its files go to `<copy>.d`
        to: PathBuf,
        #[command(flatten)]
        store: StoreOption,
    },
    /// Free the disk space of what was removed
    Vacuum {
        #[command(flatten)]
        store: StoreOption,
    },
}

impl Db {
    pub(super) fn run(&self) -> Result {
        match &self.command {
            Command::Init { store } => init(store),
            Command::Check { contents, store } => check(store, *contents),
            Command::Merge { others, store } => merge(store, others),
            Command::Backup { to, store } => {
                let copied = Store::open_read_only(store.path())?.backup(to)?;
                let (files, megabytes) = (copied.files, copied.bytes as f64 / 1e6);
                output::say(&format!("copied to {}, with {files} files of {megabytes:.1} MB", to.display()))
            }
            Command::Vacuum { store } => {
                drop(Store::open_read_only(store.path())?);
                let store = Store::open(store.path())?;
                let freed = store.vacuum()?;
                store.close()?;
                let (orphans, megabytes) = (freed.orphans.len(), freed.bytes as f64 / 1e6);
                output::say(&format!("{megabytes:.1} MB freed; {orphans} orphaned files or folders removed"))
            }
        }
    }
}

fn init(store: &StoreOption) -> Result {
    let path = store.path();
    let store = Store::open(&path)?;
    placements::place_all(&store)?;
    store.close()?;
    output::say(&format!("{} is ready", path.display()))
}

fn check(store: &StoreOption, contents: bool) -> Result {
    let path = store.path();
    let reader = Store::open_read_only(&path)?;
    let health = reader.check(contents)?;
    let (files, megabytes) = (health.files, health.bytes as f64 / 1e6);
    let how = if contents { "read" } else { "present" };
    for problem in &health.problems {
        output::say(problem)?;
    }
    let orphans = reader.orphans()?.len();
    if orphans > 0 {
        output::note(&format!(
            "{orphans} files or folders belong to no work; `dichroic db vacuum` removes them"
        ));
    }
    if health.problems.is_empty() {
        return output::say(&format!(
            "{}: no problems; {files} files of {megabytes:.1} MB {how}",
            path.display()
        ));
    }
    let message = format!("{}: {} problems", path.display(), health.problems.len());
    Err(Failure::new(message)
        .hint("put the missing files back, or recompute the runs: dichroic exp NAME --fresh"))
}

fn merge(store: &StoreOption, others: &[PathBuf]) -> Result {
    // All are checked before the first is merged.
    for other in others {
        drop(Store::open_read_only(other)?);
    }
    let store = Store::open(store.path())?;
    let same = |other: &PathBuf| match (other.canonicalize(), store.path().canonicalize()) {
        (Ok(other), Ok(own)) => other == own,
        _ => false,
    };
    if let Some(own) = others.iter().find(|other| same(other)) {
        let hint = "give only other stores";
        return Err(Failure::new(format!("{} is the store itself", own.display())).hint(hint));
    }
    for other in others {
        let merged = store.merge(other)?;
        let (files, megabytes) = (merged.files.0, merged.files.1 as f64 / 1e6);
        output::say(&format!(
            "{}: {} new runs, {} works with {files} files of {megabytes:.1} MB",
            other.display(),
            merged.runs,
            merged.works
        ))?;
        if merged.both > 0 {
            let differing = merged.differing.len();
            let how =
                if differing == 0 { "bit-identical".into() } else { format!("{differing} files differ") };
            output::say(&format!("  {} works were done on both sides: {how}", merged.both))?;
        }
        placements::place_all(&store)?;
        for [work, file, here, there] in &merged.differing {
            output::say(&format!("    {file} of work {work}: here by {here}, there by {there}"))?;
        }
    }
    Ok(store.close()?)
}
