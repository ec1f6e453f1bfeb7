//! Signals: the first asks the work to stop at a safe point, a later one ends the program.

#[cfg(unix)]
use super::output;
#[cfg(unix)]
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR2},
    iterator::Signals,
};
use std::{
    io::{self, Read},
    process,
    sync::{Once, OnceLock},
    thread,
    time::{Duration, Instant},
};

/// Who wants the work to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    /// A person or the terminal: Ctrl-C.
    Person,
    /// A scheduler that wants the machine back: TERM, or USR2 if Slurm is configured to send it.
    Scheduler,
}

/// Programs such as `timeout` send a signal twice, to the process and to its group; that is one interruption.
const ECHO: Duration = Duration::from_secs(1);

static ASKED: OnceLock<(Instant, Who)> = OnceLock::new();
static WATCH: Once = Once::new();

/// From now on, signals are handled; call it before long work. If they cannot be, Ctrl-C ends the program as
/// usual, and the store recovers. `tell`: whether this process reports it to the user.
pub(super) fn watch(tell: bool) {
    #[cfg(unix)]
    WATCH.call_once(|| {
        let Ok(mut signals) = Signals::new([SIGINT, SIGTERM, SIGHUP, SIGUSR2]) else { return };
        thread::spawn(move || {
            for signal in &mut signals {
                let who = if [SIGTERM, SIGUSR2].contains(&signal) { Who::Scheduler } else { Who::Person };
                if ask(who) {
                    if !tell {
                        continue;
                    }
                    output::note("\nstopping at the next safe point; press again to stop immediately");
                } else if ASKED.get().is_some_and(|(first, _)| first.elapsed() > ECHO) {
                    process::exit(130);
                }
            }
        });
    });
}

/// Stops when the other end of standard input closes: workers live no longer than the process that started
/// them.
pub(super) fn watch_standard_input() {
    thread::spawn(|| {
        let mut said = Vec::new();
        let _ = io::stdin().lock().read_to_end(&mut said);
        ask(if said == word(Who::Scheduler) { Who::Scheduler } else { Who::Person });
    });
}

/// What a worker receives before its standard input closes.
pub(super) fn word(who: Who) -> &'static [u8] {
    match who {
        Who::Person => b"",
        Who::Scheduler => b"preempted",
    }
}

/// Asks the work to stop; says whether that is new.
fn ask(who: Who) -> bool {
    ASKED.set((Instant::now(), who)).is_ok()
}

/// Whether a stop was requested, and by whom.
pub(super) fn asked() -> Option<Who> {
    ASKED.get().map(|(_, who)| *who)
}
