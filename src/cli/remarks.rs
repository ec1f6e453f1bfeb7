//! `tag`, `note` and `rm`: annotate and remove runs.

use super::{
    failure::{Failure, Result},
    options::StoreOption,
    output, run_by_prefix,
};
use crate::store::{self, Store};
use clap::Args;
use std::collections::BTreeSet;

/// Tag a run, or remove tags; `runs --where "tags LIKE '%word%'"` finds it
#[derive(Args, Debug)]
pub(super) struct Tag {
    /// A prefix of the run's id
    run: String,
    /// Tags, one word each
    #[arg(required = true)]
    tags: Vec<String>,
    /// Remove the tags
    #[arg(long)]
    remove: bool,
    #[command(flatten)]
    store: StoreOption,
}

/// Add a note to a run; `why` and `sql "SELECT * FROM note"` show it
#[derive(Args, Debug)]
pub(super) struct Note {
    /// A prefix of the run's id
    run: String,
    /// The text
    text: String,
    #[command(flatten)]
    store: StoreOption,
}

/// Remove runs, with the work and files that no other run shares
#[derive(Args, Debug)]
pub(super) struct Rm {
    /// Prefixes of their ids
    #[arg(required = true)]
    runs: Vec<String>,
    #[command(flatten)]
    store: StoreOption,
}

/// Opens the store for writing, but never creates it.
fn open(option: &StoreOption) -> Result<Store> {
    drop(Store::open_read_only(option.path())?);
    Ok(Store::open(option.path())?)
}

impl Tag {
    pub(super) fn run(&self) -> Result {
        if let Some(bad) = self.tags.iter().find(|tag| tag.is_empty() || tag.contains(char::is_whitespace)) {
            let hint = "for a sentence use a note: dichroic note RUN \"…\"";
            return Err(Failure::new(format!("expected a word, found `{bad}`")).hint(hint));
        }
        let store = open(&self.store)?;
        let run = run_by_prefix::find(store.read()?, &self.run)?;
        for tag in &self.tags {
            if !self.remove {
                store.tag(&run, tag)?;
            } else if !store.untag(&run, tag)? {
                let failure = Failure::new(format!("run {run} has no tag `{tag}`"));
                return Err(failure.hint("`dichroic runs --json` shows the tags of each run"));
            }
        }
        Ok(store.close()?)
    }
}

impl Note {
    pub(super) fn run(&self) -> Result {
        let store = open(&self.store)?;
        let run = run_by_prefix::find(store.read()?, &self.run)?;
        store.note(&run, self.text.trim())?;
        Ok(store.close()?)
    }
}

impl Rm {
    pub(super) fn run(&self) -> Result {
        let store = open(&self.store)?;
        // All are found before the first is removed.
        let found: Result<BTreeSet<String>> =
            self.runs.iter().map(|run| run_by_prefix::find(store.read()?, run)).collect();
        for run in found? {
            let removed = store.remove_run(&run)?;
            for work in &removed.works {
                let folder = store::work_folder(&self.store.path(), work)?;
                match std::fs::remove_dir_all(&folder) {
                    Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                        let hint = "`dichroic db vacuum` tries again";
                        let message = format!("cannot remove {}: {error}", folder.display());
                        return Err(Failure::new(message).hint(hint));
                    }
                    _ => {}
                }
            }
            let (works, megabytes) = (removed.works.len(), removed.bytes as f64 / 1e6);
            output::say(&format!("removed run {run}, with {works} works and {megabytes:.1} MB of files"))?;
        }
        Ok(store.close()?)
    }
}
