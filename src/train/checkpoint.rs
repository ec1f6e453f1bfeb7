//! Checkpoints: weights and all other state (optimiser, strategy, terms of the loss), exactly, so that a
//! resumed run ends with the same bits as an uninterrupted one. Everything else follows from named streams
//! and the step.

use super::{Error, exact};
use crate::{
    backbone::files::{self, bytes},
    event::{Event, Listen},
    params::Params,
    state::{Lost, Stateful},
};
use safetensors::SafeTensors;
use std::{
    io,
    path::{Path, PathBuf},
    thread::JoinHandle,
    time::{Duration, Instant},
};

/// The default time between two checkpoints.
pub const EVERY: Duration = Duration::from_secs(4);

type Named = Vec<(String, Vec<usize>, Vec<u8>)>;

/// Writes checkpoints in the background, one at a time. A complete one replaces its predecessor only after
/// the listener has received it: the curves up to it must be durable first, or a kill would leave a gap in
/// them.
pub struct Checkpoints {
    path: PathBuf,
    every: Duration,
    last: Instant,
    /// The step of the checkpoint being written, and its writer.
    writing: Option<(u64, JoinHandle<Result<u64, files::Error>>)>,
}

/// The temporary file of a checkpoint until it is complete.
fn next(path: &Path) -> PathBuf {
    path.with_extension("next")
}

/// Makes a training begin at the start.
///
/// # Errors
/// If an existing file cannot be removed.
pub fn forget(path: &Path) -> io::Result<()> {
    for file in [path, &next(path)] {
        match std::fs::remove_file(file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

impl Checkpoints {
    /// Writes to the file `path`, one checkpoint per `every`.
    pub fn new(path: PathBuf, every: Duration) -> Self {
        Self { path, every, last: Instant::now(), writing: None }
    }

    /// Whether it is time for one.
    pub fn due(&self) -> bool {
        self.last.elapsed() >= self.every && self.writing.is_none()
    }

    /// Copies the state after this many steps and writes it in the background.
    ///
    /// # Errors
    /// If the previous one could not be written, or the state cannot be read.
    pub(super) fn start(
        &mut self,
        steps: u64,
        params: &Params,
        parts: &[(&str, &dyn Stateful)],
    ) -> Result<(), Error> {
        self.wait()?;
        let (path, state) = (next(&self.path), snapshot(params, parts)?);
        let writer = std::thread::spawn(move || {
            files::write(&path, &state, None)?;
            Ok(std::fs::metadata(&path).map_or(0, |file| file.len()))
        });
        self.writing = Some((steps, writer));
        self.last = Instant::now();
        Ok(())
    }

    /// Accepts the checkpoint that was completed since the last call, if there is one.
    ///
    /// # Errors
    /// If it could not be written.
    pub fn settle(&mut self, listen: &mut dyn Listen) -> Result<(), Error> {
        let complete = self.writing.as_ref().is_some_and(|(_, writer)| writer.is_finished());
        if complete { self.finish(listen) } else { Ok(()) }
    }

    /// The same, waiting for the one being written.
    ///
    /// # Errors
    /// If it could not be written.
    pub fn finish(&mut self, listen: &mut dyn Listen) -> Result<(), Error> {
        let Some((steps, bytes)) = self.wait()? else { return Ok(()) };
        listen.receive(&Event::Checkpoint { steps, bytes });
        std::fs::rename(next(&self.path), &self.path).map_err(|error| self.broken(error.to_string()))
    }

    /// Step and length of the one being written, once it is complete.
    fn wait(&mut self) -> Result<Option<(u64, u64)>, Error> {
        let Some((steps, writer)) = self.writing.take() else { return Ok(None) };
        match writer.join() {
            Ok(bytes) => Ok(Some((steps, bytes?))),
            Err(_) => Err(self.broken("its writer broke off".into())),
        }
    }

    fn broken(&self, reason: String) -> Error {
        Error::Checkpoint { path: self.path.clone(), reason }
    }
}

fn snapshot(params: &Params, parts: &[(&str, &dyn Stateful)]) -> Result<Named, Error> {
    let mut all = Named::new();
    for id in params.ids() {
        let published = params.published(id);
        all.push((format!("weight/{}", published.name), published.shape.clone(), bytes(&params.export(id)?)));
    }
    for (prefix, part) in parts {
        for (name, values) in part.state()? {
            all.push((format!("{prefix}{name}"), vec![values.len()], bytes(&values)));
        }
    }
    Ok(all)
}

/// The step of the checkpoint in `path`; `None` if there is no file, or it is unusable.
pub(super) fn step(path: &Path) -> Option<u64> {
    let file = std::fs::File::open(path).ok()?;
    // SAFETY: the file is only read; checkpoints are replaced by renaming, never changed.
    let content = unsafe { memmap2::Mmap::map(&file) }.ok()?;
    let steps = files::floats(&SafeTensors::deserialize(&content).ok()?.tensor("steps").ok()?);
    (steps.len() == 4).then(|| exact::word(&steps))
}

/// Restores the state in `path`, if there is one; returns its step.
///
/// # Errors
/// If the file is there and is not a checkpoint of this model.
pub(super) fn resume(
    path: &Path,
    params: &mut Params,
    parts: &mut [(&str, &mut dyn Stateful)],
) -> Result<Option<u64>, Error> {
    let content = match std::fs::read(path) {
        Ok(content) => content,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::Checkpoint { path: path.to_owned(), reason: error.to_string() }),
    };
    let broken = |reason: String| Error::Checkpoint { path: path.to_owned(), reason };
    let tensors = SafeTensors::deserialize(&content).map_err(|error| broken(error.to_string()))?;
    let read = |name: String, len: usize| -> Result<Vec<f32>, Error> {
        let view = tensors.tensor(&name).map_err(|error| broken(error.to_string()))?;
        let values = files::floats(&view);
        if values.len() == len {
            Ok(values)
        } else {
            Err(broken(format!("{name}: expected {len} numbers, found {}", values.len())))
        }
    };
    let steps = read("steps".into(), 4)?;
    let ids: Vec<_> = params.ids().collect();
    for id in ids {
        let published = params.published(id);
        let values = read(format!("weight/{}", published.name), published.count())?;
        params.import(id, values)?;
    }
    for (prefix, part) in parts {
        let stored = |name: &str| Some(files::floats(&tensors.tensor(&format!("{prefix}{name}")).ok()?));
        part.restore(&stored).map_err(|Lost(what)| broken(format!("it lacks {prefix}{what}")))?;
    }
    Ok(Some(exact::word(&steps)))
}
