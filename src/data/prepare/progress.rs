//! How far a run is, and how fast.

use super::error::Error;
use crate::event::{Event, Listen};
use std::time::Instant;

/// What was done so far. Each site counts for each pass.
pub(super) struct Tally {
    began: Instant,
    done: u64,
    pub(super) read: u64,
    pub(super) written: u64,
    pub(super) images: u64,
}

impl Tally {
    /// Begins to count; `done`: what an earlier process did.
    pub(super) fn new(done: u64) -> Self {
        Self { began: Instant::now(), done, read: 0, written: 0, images: 0 }
    }

    /// A site was read.
    pub(super) fn read(&mut self, bytes: u64) {
        self.read += bytes;
        self.done += 1;
    }

    /// Its image was written.
    pub(super) fn wrote(&mut self, bytes: u64) {
        self.written += bytes;
        self.images += 1;
    }

    /// Work that turned out not to be any.
    pub(super) fn skip(&mut self, sites: u64) {
        self.done += sites;
    }

    pub(super) fn seconds(&self) -> f64 {
        self.began.elapsed().as_secs_f64().max(1e-9)
    }

    /// Tells the listener.
    ///
    /// # Errors
    /// If it asks to stop.
    pub(super) fn report(&self, plate: &str, listen: &mut dyn Listen) -> Result<(), Error> {
        let speed = |bytes: u64| bytes as f64 / 1e6 / self.seconds();
        let note =
            format!("{plate}, reading {:.0} MB/s, writing {:.1} MB/s", speed(self.read), speed(self.written));
        listen.receive(&Event::Advanced { done: self.done, note: &note });
        if listen.stop() { Err(Error::Stopped) } else { Ok(()) }
    }
}
