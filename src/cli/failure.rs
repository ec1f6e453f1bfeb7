//! Failures of commands: message, hint and exit status.

use crate::{
    backbone::{self, files},
    data, device, embed, evaluate, execute, export, model, plan, registry, report, serve, simulate, store,
};
use std::{error::Error, fmt::Display, io, process::ExitCode};

/// Why a command failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// The work failed: exit status 1.
    Work { error: Box<dyn Error + Send + Sync>, hint: Option<String> },
    /// Already reported on standard error: exit status 1.
    Said,
    /// Interrupted by the user: exit status 130.
    Interrupted(String),
    /// Standard output was closed by its reader, which is a normal end: exit status 0.
    Closed,
}

pub(super) type Result<T = ()> = std::result::Result<T, Failure>;

impl Failure {
    /// A failure with a message and no hint.
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self::Work { error: message.into().into(), hint: None }
    }

    /// The same failure with another hint.
    pub(super) fn hint(self, hint: impl Into<String>) -> Self {
        match self {
            Self::Work { error, .. } => Self::Work { error, hint: Some(hint.into()) },
            other => other,
        }
    }

    /// Whether its hint is a spelling.
    pub(super) fn names_a_near_miss(&self) -> bool {
        matches!(self, Self::Work { hint: Some(hint), .. } if hint.starts_with("did you mean"))
    }

    /// Writes it to standard error: `error: …`, its causes, and after a blank line `hint: …`.
    pub(super) fn tell(&self) -> ExitCode {
        match self {
            Self::Closed => return ExitCode::SUCCESS,
            Self::Said => {}
            Self::Interrupted(how) => {
                super::output::note(how);
                return ExitCode::from(130);
            }
            Self::Work { error, hint } => {
                let mut text = chain(error.as_ref());
                if let Some(hint) = hint {
                    text.push_str(&format!("\n\nhint: {hint}"));
                }
                super::output::note(&text);
            }
        }
        ExitCode::FAILURE
    }
}

/// `error: …`, then its causes unless the message contains them already.
fn chain(error: &dyn Error) -> String {
    let mut text = format!("error: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !text.contains(&said) {
            text.push_str(&format!("\n  caused by: {said}"));
        }
        cause = error.source();
    }
    text
}

/// A failure to write standard output.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::Closed,
            _ => Self::new(format!("cannot write to standard output: {error}")),
        }
    }
}

/// An error with its own hint; the variant for a requested stop becomes an interruption.
macro_rules! failures {
    ($($error:ty $(, $stopped:path => $how:literal)?;)*) => {$(
        impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                match error {
                    $($stopped => Self::Interrupted($how.into()),)?
                    error => {
                        let hint = of_the_disk(&error).map(str::to_owned).or_else(|| error.hint());
                        Self::Work { error: Box::new(error), hint }
                    }
                }
            }
        }
    )*};
}
failures! {
    backbone::NotBuilt;
    device::Error;
    data::Error, data::Error::Stopped => "stopped";
    data::prepare::Error, data::prepare::Error::Stopped => "stopped: images that are written are kept; the same command goes on";
    embed::Error, embed::Error::Stopped => "stopped: finished sets are kept";
    evaluate::Error, evaluate::Error::Stopped => "stopped";
    execute::Error;
    export::Error, export::Error::Stopped => "stopped: existing files are complete";
    files::Error;
    model::ReleasedError;
    plan::Problems;
    registry::Error;
    report::Error;
    serve::Error;
    simulate::Error, simulate::Error::Stopped => "stopped: nothing was left behind";
    store::Error;
}

/// The hint of an error of the disk, whatever was written to it.
fn of_the_disk(error: &(dyn Error + 'static)) -> Option<&'static str> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) =
            error.downcast_ref().map(io::Error::kind)
        {
            return Some("the disk is full: free space and repeat the command; what is done is kept");
        }
        cause = error.source();
    }
    None
}

/// Adds where a failure happened.
pub(super) trait Context<T> {
    fn at(self, place: impl Display) -> Result<T>;
}

impl<T, E: Into<Failure>> Context<T> for std::result::Result<T, E> {
    fn at(self, place: impl Display) -> Result<T> {
        self.map_err(|error| match error.into() {
            Failure::Work { error, hint } => {
                let mut text = chain(error.as_ref());
                text.replace_range(.."error: ".len(), "");
                Failure::Work { error: format!("{place}: {text}").into(), hint }
            }
            other => other,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot read a.csv: {source}")]
    struct Inlined {
        source: io::Error,
    }

    #[derive(Debug, thiserror::Error)]
    #[error("the table is of no use")]
    struct Outer(#[source] Inlined);

    #[test]
    fn causes_are_told_once() {
        let inner = Inlined { source: io::Error::other("no such disk") };
        let text = "error: the table is of no use\n  caused by: cannot read a.csv: no such disk";
        assert_eq!(chain(&Outer(inner)), text);
    }

    #[test]
    fn a_place_stands_in_front_and_the_hint_stays() {
        let failed: Result = Err(Failure::new("no").hint("yes"));
        let Err(Failure::Work { error, hint }) = failed.at("hypernet_tps") else { panic!("it failed") };
        assert_eq!((error.to_string(), hint), ("hypernet_tps: no".into(), Some("yes".into())));
    }

    #[test]
    fn a_closed_pipe_is_no_failure() {
        assert!(matches!(io::Error::from(io::ErrorKind::BrokenPipe).into(), Failure::Closed));
    }
}
