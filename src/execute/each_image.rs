//! Embedding that trains on each image: its rows are kept one by one, as a training keeps checkpoints.

use super::{Error, WorkContext, artifacts};
use crate::{
    data::{ImageSet, Norm},
    embed::{Embedder, KeptRows, Take},
    event::Listen,
    store::Attempt,
};
use std::{io, path::Path, time::Instant};

/// The end of the names of such files.
const ROWS: &str = ".rows";

impl WorkContext<'_> {
    /// Passes the features of the rows of a set to `take`: those that an earlier attempt kept, then the others.
    pub(super) fn embed_each(
        &self,
        embedder: &Embedder,
        (set, rows): (&ImageSet, &[u32]),
        (at, norm): (usize, &Norm),
        (attempt, listen): (&Attempt, &mut dyn Listen),
        take: &mut Take<'_>,
    ) -> Result<(), Error> {
        let path = self.folder.join(format!("features-{}{ROWS}", set.name));
        let mut kept = KeptRows::open(&path, take)?;
        let before = kept.rows();
        if before > 0 {
            attempt.resume_at(Some(before))?;
        }
        let left = rows.get(before as usize..).unwrap_or_default();
        if left.is_empty() {
            return Ok(());
        }
        let noted = artifacts::beside(self.executor.store.path(), &path);
        let mut last = Instant::now();
        let mut failed = None;
        let mut add = |features: &[f32], width: usize| {
            for row in features.chunks_exact(width) {
                kept.add(row)?;
            }
            if last.elapsed() >= self.executor.checkpoint_every {
                last = Instant::now();
                // A store that cannot be written says so at the attempt's next call as well.
                failed = attempt.checkpoint(kept.rows(), &noted, kept.bytes()).err();
            }
            take(features, width)
        };
        embedder.embed_rows((set, left), at, norm, listen, &mut add)?;
        failed.map_or(Ok(()), |error| Err(error.into()))
    }
}

/// Makes such an embedding begin at its first image.
pub(super) fn forget(folder: &Path) -> io::Result<()> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let name = entry?.file_name();
        if name.to_str().is_some_and(|name| name.ends_with(ROWS)) {
            std::fs::remove_file(folder.join(name))?;
        }
    }
    Ok(())
}
