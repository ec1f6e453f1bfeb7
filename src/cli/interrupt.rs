//! Ctrl-C and its kin: the first asks the work to stop at a safe point, the second ends the program.

use super::output;
use std::{
    process,
    sync::{
        Once,
        atomic::{AtomicBool, Ordering},
    },
};

static ASKED: AtomicBool = AtomicBool::new(false);
static WATCH: Once = Once::new();

/// From now on, interruptions are heard; call it before long work.
pub(super) fn watch() {
    WATCH.call_once(|| {
        let heard = || {
            if ASKED.swap(true, Ordering::SeqCst) {
                process::exit(130);
            }
            output::note("\nstopping at the next safe point; once more to stop at once");
        };
        // Where handlers cannot be installed, Ctrl-C ends the program as it always does, and the store copes.
        let _ = ctrlc::set_handler(heard);
    });
}

/// Whether somebody has asked for it.
pub(super) fn asked() -> bool {
    ASKED.load(Ordering::SeqCst)
}
