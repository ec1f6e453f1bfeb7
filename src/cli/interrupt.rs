//! Ctrl-C and its kin: the first asks the work to stop at a safe point, a later one ends the program.

use super::output;
use std::{
    process,
    sync::{Once, OnceLock},
    time::{Duration, Instant},
};

/// Programs such as `timeout` send a signal twice, to the process and to its group; that is one interruption.
const ECHO: Duration = Duration::from_secs(1);

static ASKED: OnceLock<Instant> = OnceLock::new();
static WATCH: Once = Once::new();

/// From now on, interruptions are heard; call it before long work.
pub(super) fn watch() {
    WATCH.call_once(|| {
        let heard = || {
            let now = Instant::now();
            if ASKED.set(now).is_ok() {
                output::note("\nstopping at the next safe point; once more to stop at once");
            } else if ASKED.get().is_some_and(|first| now.duration_since(*first) > ECHO) {
                process::exit(130);
            }
        };
        // Where handlers cannot be installed, Ctrl-C ends the program as it always does, and the store copes.
        let _ = ctrlc::set_handler(heard);
    });
}

/// Whether somebody has asked for it.
pub(super) fn asked() -> bool {
    ASKED.get().is_some()
}
