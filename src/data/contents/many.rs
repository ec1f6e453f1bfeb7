//! Hashes many files at once, with progress, until it is done or asked to stop.

use super::hash::{self, BLOCK, Hashed, How, Shared};
use crate::{
    data::Error,
    event::{Event, Listen},
};
use std::{
    io,
    path::PathBuf,
    sync::{
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed},
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::{Duration, Instant, SystemTime},
};

/// How often the listener receives events and is asked whether to stop.
const LOOK: Duration = Duration::from_millis(100);
/// Nothing is said about work that takes less.
const SHORT: Duration = Duration::from_secs(1);
/// Threads wait for disks and file servers most of the time, so that there are more than processors; a disk with a head
/// does not like too many.
const THREADS: [usize; 2] = [4, 16];

/// Hashes `files` and calls `take` with the place of each, in any order. They are not tasks of the thread pool: the thread
/// that calls belongs to the pool, and asks the listener meanwhile.
///
/// # Errors
/// The first file that cannot be read, or if the listener asks to stop.
pub(super) fn hash(
    files: &[(PathBuf, u64)],
    how: How,
    clock: fn() -> SystemTime,
    listen: &mut dyn Listen,
    mut take: impl FnMut(usize, Hashed),
) -> Result<(), Error> {
    let shared = Shared { how, clock, stop: AtomicBool::new(false), read: AtomicU64::new(0) };
    let next = AtomicUsize::new(0);
    let threads = rayon::current_num_threads().clamp(THREADS[0], THREADS[1]).min(files.len());
    let (send, results) = mpsc::channel::<(usize, io::Result<Option<Hashed>>)>();
    let mut bar = Bar::of(files.iter().map(|(_, length)| how.reads(*length)).sum());
    let (mut stopped, mut failed) = (false, None::<(usize, io::Error)>);
    thread::scope(|scope| {
        for _ in 0..threads {
            let send = send.clone();
            scope.spawn(|| {
                let (send, mut block) = (send, vec![0; BLOCK]);
                while !shared.stop.load(Relaxed) {
                    let place = next.fetch_add(1, Relaxed);
                    let Some((path, _)) = files.get(place) else { break };
                    if send.send((place, hash::of(path, &shared, &mut block))).is_err() {
                        break;
                    }
                }
            });
        }
        drop(send);
        loop {
            match results.recv_timeout(LOOK) {
                Ok((place, Ok(Some(hashed)))) => take(place, hashed),
                Ok((_, Ok(None))) | Err(RecvTimeoutError::Timeout) => {}
                Ok((place, Err(cause))) => {
                    if failed.as_ref().is_none_or(|(first, _)| place < *first) {
                        failed = Some((place, cause));
                    }
                }
                Err(RecvTimeoutError::Disconnected) => break,
            }
            stopped |= listen.stop();
            shared.stop.store(stopped || failed.is_some(), Relaxed);
            bar.show(shared.read.load(Relaxed), listen);
        }
    });
    bar.end(shared.read.into_inner(), listen);
    match failed {
        Some((place, cause)) => Err(Error::Contents { path: files[place].0.clone(), cause }),
        None if stopped => Err(Error::Stopped),
        None => Ok(()),
    }
}

/// Progress in megabytes, once it takes longer than a moment.
struct Bar {
    bytes: u64,
    began: Instant,
    /// When something was last said.
    said: Option<Instant>,
}

impl Bar {
    fn of(bytes: u64) -> Self {
        Self { bytes, began: Instant::now(), said: None }
    }

    fn show(&mut self, read: u64, listen: &mut dyn Listen) {
        if self.said.map_or(self.began.elapsed() < SHORT, |said| said.elapsed() < LOOK) {
            return;
        }
        if self.said.is_none() {
            let total = megabytes(self.bytes);
            listen.receive(&Event::Began { what: "hashing contents", unit: "megabyte", total });
        }
        self.advance(read, listen);
        self.said = Some(Instant::now());
    }

    /// A file that is begun again is read twice.
    fn advance(&self, read: u64, listen: &mut dyn Listen) {
        listen.receive(&Event::Advanced { done: megabytes(read.min(self.bytes)), note: "" });
    }

    fn end(&self, read: u64, listen: &mut dyn Listen) {
        if self.said.is_some() {
            self.advance(read, listen);
            listen.receive(&Event::Ended);
        }
    }
}

fn megabytes(bytes: u64) -> u64 {
    bytes.div_ceil(1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Heard(Vec<String>);

    impl Listen for Heard {
        fn receive(&mut self, event: &Event<'_>) {
            self.0.push(format!("{event:?}"));
        }
    }

    #[test]
    fn short_work_says_nothing_and_long_work_how_far_it_is() {
        let (mut bar, mut heard) = (Bar::of(7_500_000), Heard(vec![]));
        bar.show(1_000_000, &mut heard);
        bar.end(7_500_000, &mut heard);
        assert_eq!(heard.0.len(), 0);

        let Some(began) = bar.began.checked_sub(SHORT) else { return };
        bar.began = began;
        bar.show(2_000_000, &mut heard);
        bar.show(3_000_000, &mut heard); // too soon after the last
        bar.end(7_600_000, &mut heard);
        let said = [
            "Began { what: \"hashing contents\", unit: \"megabyte\", total: 8 }",
            "Advanced { done: 2, note: \"\" }",
            "Advanced { done: 8, note: \"\" }",
            "Ended",
        ];
        assert_eq!(heard.0, said);
    }
}
