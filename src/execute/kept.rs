//! Values that works share, beside the store under what they are computed from: whichever work of any run needs one first
//! computes it.

use super::Error;
use crate::{
    atomic_file::{self, forget_parts},
    event::{Event, Listen},
};
use serde::{Serialize, de::DeserializeOwned};
use std::{
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

/// Time between two looks at what another process computes.
const PAUSE: Duration = Duration::from_millis(100);

/// What `open` finds at `path`; where it finds nothing or something damaged, `make` writes it first. One process at a time
/// makes a value of a folder, the others wait and find it; what killed ones left half-written is removed.
///
/// # Errors
/// Those of `make`, a folder that cannot be written, or the listener asks to stop.
pub(super) fn kept<T>(
    path: &Path,
    open: impl Fn(&Path) -> Result<T, Error>,
    make: impl FnOnce(&Path, &mut dyn Listen) -> Result<(), Error>,
    listen: &mut dyn Listen,
) -> Result<T, Error> {
    if let Ok(found) = open(path) {
        return Ok(found);
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(io_error(folder))?;
    let lock = lock(folder, listen)?;
    if let Ok(found) = open(path) {
        return Ok(found);
    }
    if lock.is_some() {
        forget_parts(path).map_err(io_error(folder))?;
    }
    make(path, listen)?;
    open(path)
}

/// A small value, as JSON.
///
/// # Errors
/// As [`kept`].
pub(super) fn kept_json<T: Serialize + DeserializeOwned>(
    path: &Path,
    make: impl FnOnce(&mut dyn Listen) -> Result<T, Error>,
    listen: &mut dyn Listen,
) -> Result<T, Error> {
    kept(path, read_json, |path, listen| write_json(path, &make(listen)?), listen)
}

/// Reads what [`write_json`] wrote.
pub(super) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, Error> {
    let text = fs::read(path).map_err(io_error(path))?;
    serde_json::from_slice(&text).map_err(|error| io_error(path)(error.into()))
}

/// Writes a small value.
pub(super) fn write_json(path: &Path, value: &impl Serialize) -> Result<(), Error> {
    let text = serde_json::to_vec(value).expect("numbers and names");
    atomic_file::write(path, text).map_err(io_error(path))
}

/// The lock of a folder, which the system releases if this process dies; none where folders cannot be locked: then two
/// processes may compute the same.
fn lock(folder: &Path, listen: &mut dyn Listen) -> Result<Option<File>, Error> {
    let Ok(file) = File::open(folder) else { return Ok(None) };
    let mut said = false;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(Some(file)),
            Err(TryLockError::WouldBlock) if listen.stop() => {
                return Err(crate::evaluate::Error::Stopped.into());
            }
            Err(TryLockError::WouldBlock) => {
                if !std::mem::replace(&mut said, true) {
                    listen.receive(&Event::Note(
                        "another process computes what this one needs too: waiting for it",
                    ));
                }
                thread::sleep(PAUSE);
            }
            Err(TryLockError::Error(_)) => return Ok(None),
        }
    }
}

/// What went wrong at a path.
pub(super) fn io_error(path: &Path) -> impl Fn(io::Error) -> Error {
    let path: PathBuf = path.into();
    move |source| Error::Io { path: path.clone(), source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Silence;
    use std::sync::{
        Barrier,
        atomic::{AtomicUsize, Ordering},
    };

    #[test]
    fn of_many_at_once_one_computes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/value.json");
        let (made, together) = (AtomicUsize::new(0), Barrier::new(8));
        let ask = || {
            together.wait();
            let make = |_: &mut dyn Listen| {
                thread::sleep(Duration::from_millis(50));
                Ok(made.fetch_add(1, Ordering::SeqCst))
            };
            kept_json(&path, make, &mut Silence).unwrap()
        };
        thread::scope(|scope| {
            let asked: Vec<_> = (0..8).map(|_| scope.spawn(ask)).collect();
            asked.into_iter().for_each(|answer| assert_eq!(answer.join().unwrap(), 0));
        });
        assert_eq!(made.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn what_is_damaged_or_half_written_is_made_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("value.json");
        fs::write(&path, "[1, ").unwrap();
        fs::write(folder.path().join(".value.json.77.part"), "[1").unwrap();
        let list: Vec<u8> = kept_json(&path, |_| Ok(vec![1, 2]), &mut Silence).unwrap();
        assert_eq!(list, [1, 2]);
        let again: Vec<u8> = kept_json(&path, |_| panic!("it is there"), &mut Silence).unwrap();
        assert_eq!(again, [1, 2]);
        let stopped = |_: &mut dyn Listen| Err(crate::evaluate::Error::Stopped.into());
        let other = folder.path().join("other.json");
        assert!(kept_json::<Vec<u8>>(&other, stopped, &mut Silence).is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "a failure leaves nothing");
    }
}
