//! Shows progress of long work: a bar on a terminal, otherwise one line per phase.

use super::{
    interrupt::{self, Who},
    output,
};
use crate::event::{Event, Listen};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::{
    io::{self, IsTerminal},
    time::{Duration, Instant},
};

/// A listener that reports to the user.
pub(super) struct Progress {
    show: Show,
    title: Option<String>,
    phase: Option<Phase>,
    idle: Option<ProgressBar>,
    reached: Option<String>,
    /// This process is a worker.
    worker: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum Show {
    Bar,
    Lines,
    Nothing,
}

/// The current activity.
struct Phase {
    what: String,
    unit: String,
    total: u64,
    bar: ProgressBar,
    began: Instant,
    /// When the first report came, and how much was done by then: earlier units may be another process's
    /// work.
    first: Option<(Instant, u64)>,
    done: u64,
    note: String,
}

impl Progress {
    /// A listener that also reacts to Ctrl-C.
    pub(super) fn new(quiet: bool) -> Self {
        interrupt::watch(true);
        let show = match (quiet, io::stderr().is_terminal()) {
            (true, _) => Show::Nothing,
            (_, true) => Show::Bar,
            (_, false) => Show::Lines,
        };
        Self { show, title: None, phase: None, idle: None, reached: None, worker: false }
    }

    /// The listener of a worker, which reports errors only and ends with the process that started it.
    pub(super) fn of_worker() -> Self {
        interrupt::watch_standard_input();
        interrupt::watch(false);
        Self { show: Show::Nothing, title: None, phase: None, idle: None, reached: None, worker: true }
    }

    /// Where the work stopped: `step 120 of 480`.
    pub(super) fn reached(&self) -> Option<&str> {
        self.reached.as_deref()
    }

    fn bar(&self, total: u64, template: &str) -> ProgressBar {
        if self.show != Show::Bar {
            return ProgressBar::hidden();
        }
        let style = ProgressStyle::with_template(template).expect("the templates are constants");
        ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr())
            .with_style(style.progress_chars("█▉▊▋▌▍▎▏ "))
    }

    fn begin(&mut self, what: &str, unit: &str, total: u64) {
        self.rest();
        let bar = self.bar(total, "{prefix} {bar:30} {pos}/{len} {per_sec:>11} {msg}  left {eta}");
        bar.set_prefix(what.to_owned());
        self.phase = Some(Phase {
            what: what.into(),
            unit: unit.into(),
            total,
            bar,
            began: Instant::now(),
            first: None,
            done: 0,
            note: String::new(),
        });
    }

    fn end(&mut self) {
        let Some(phase) = self.phase.take() else { return };
        phase.bar.finish_and_clear();
        self.reached = Some(format!("{} {} of {}", phase.unit, phase.done, phase.total));
        if self.show != Show::Nothing {
            self.title.take().iter().for_each(|title| output::note(title));
            output::note(&phase.line());
        }
    }

    /// Shows the current activity, without a count.
    fn wait(&mut self) {
        self.rest();
        let idle = self.bar(0, "{spinner} {msg}");
        idle.set_message(self.title.clone().unwrap_or_default());
        idle.enable_steady_tick(Duration::from_millis(200));
        self.idle = Some(idle);
    }

    /// Prints a note above the bar.
    pub(super) fn note(&self, text: &str) {
        if self.show != Show::Nothing {
            self.tell(text);
        }
    }

    /// Prints something important, even with `--quiet`.
    pub(super) fn tell(&self, text: &str) {
        match self.phase.as_ref().map(|phase| &phase.bar).or(self.idle.as_ref()) {
            Some(bar) => bar.suspend(|| output::note(text)),
            None => output::note(text),
        }
    }

    /// Prints a warning, unless the parent process has already printed it.
    pub(super) fn warn(&self, text: &str) {
        if !self.worker {
            self.tell(&format!("warning: {text}"));
        }
    }

    /// Removes the spinner, so that others can write.
    pub(super) fn rest(&mut self) {
        if let Some(idle) = self.idle.take() {
            idle.finish_and_clear();
        }
    }
}

impl Phase {
    fn advance(&mut self, done: u64, note: &str) {
        if self.first.is_none() {
            self.first = Some((Instant::now(), done));
            self.bar.set_position(done);
            self.bar.reset_eta();
        }
        self.done = done;
        self.bar.set_position(done);
        if self.note != note {
            self.note = note.into();
            self.bar.set_message(self.note.clone());
        }
    }

    fn line(&self) -> String {
        let Self { what, unit, total, done, .. } = self;
        let count = if done == total { done.to_string() } else { format!("{done} of {total}") };
        let ending = if *total == 1 { "" } else { "s" };
        let rate = self.first.and_then(|(since, before)| {
            let (seconds, here) = (since.elapsed().as_secs_f64(), done - before);
            (seconds > 0.5 && here > 0).then(|| format!(", {:.1} {unit}s/s", here as f64 / seconds))
        });
        let note = if self.note.is_empty() { String::new() } else { format!(", {}", self.note) };
        let seconds = self.began.elapsed().as_secs_f64();
        format!("  {what}: {count} {unit}{ending} in {seconds:.1} s{}{note}", rate.unwrap_or_default())
    }
}

impl Listen for Progress {
    fn receive(&mut self, event: &Event<'_>) {
        match *event {
            Event::Began { what, unit, total } => self.begin(what, unit, total),
            Event::Advanced { done, note } => {
                if let Some(phase) = &mut self.phase {
                    phase.advance(done, note);
                }
            }
            Event::Ended => self.end(),
            Event::Remark(text) => self.warn(text),
            Event::Note(note) => {
                self.end();
                self.title = Some(note.into());
                self.wait();
            }
            Event::Metric { .. } | Event::Checkpoint { .. } => {}
        }
    }

    fn stop(&self) -> bool {
        interrupt::asked().is_some()
    }

    fn preempted(&self) -> bool {
        interrupt::asked() == Some(Who::Scheduler)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.rest();
        if let Some(phase) = self.phase.take() {
            phase.bar.finish_and_clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phase_says_what_was_done_and_a_resumed_one_where_it_is() {
        let mut progress = Progress::new(true);
        progress.receive(&Event::Note("train 6 epochs on chammi"));
        progress.receive(&Event::Began { what: "training", unit: "step", total: 480 });
        progress.receive(&Event::Advanced { done: 241, note: "loss 1.920" });
        progress.receive(&Event::Advanced { done: 242, note: "loss 1.900" });
        let phase = progress.phase.as_ref().unwrap();
        assert_eq!((phase.first.map(|(_, before)| before), phase.done), (Some(241), 242));
        let line = phase.line();
        assert!(
            line.starts_with("  training: 242 of 480 steps in ") && line.ends_with(", loss 1.900"),
            "{line}"
        );
        progress.receive(&Event::Ended);
        assert_eq!(progress.reached(), Some("step 242 of 480"));
    }
}
