//! What can go wrong with the store.

use std::io;
use std::path::PathBuf;

/// An error of the store.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or folder of the store.
    #[error("cannot {what} {}: {source}", path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// Where.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The write-ahead log needs memory shared between all users of the file.
    #[error("{} lies on a network file system ({kind}), where SQLite's write-ahead log loses data", path.display())]
    NetworkFileSystem {
        /// The store.
        path: PathBuf,
        /// `nfs4`, `lustre`, …
        kind: String,
    },
    /// Nothing there to read.
    #[error("no store at {}", .0.display())]
    Absent(PathBuf),
    /// The file is something else.
    #[error("{} is not a SQLite database", .0.display())]
    NotADatabase(PathBuf),
    /// The file is a database of something else.
    #[error("{} is a SQLite database, but not a store of dichroic", .0.display())]
    NotAStore(PathBuf),
    /// Written by a later program.
    #[error("{} has schema version {store}; this program knows versions up to {program}", path.display())]
    Newer {
        /// The store.
        path: PathBuf,
        /// Its version.
        store: i64,
        /// Ours.
        program: i64,
    },
    /// Written by an earlier program, and opened for reading only.
    #[error("{} has schema version {store}; this program reads version {program}", path.display())]
    Older {
        /// The store.
        path: PathBuf,
        /// Its version.
        store: i64,
        /// Ours.
        program: i64,
    },
    /// A migration failed.
    #[error("cannot migrate {}: {source}", path.display())]
    Migrate {
        /// The store.
        path: PathBuf,
        /// Why not.
        source: Box<sqlx::migrate::MigrateError>,
    },
    /// SQLite refused something.
    #[error("cannot {doing}: {source}")]
    Sql {
        /// What was tried.
        doing: &'static str,
        /// Why not.
        source: Box<sqlx::Error>,
    },
    /// A question that is not one reading statement.
    #[error("{0}")]
    NotAQuestion(String),
    /// Points of curves could not be written.
    #[error("{points} points of curves are lost: {cause}")]
    Lost {
        /// How many.
        points: u64,
        /// The writer's error.
        cause: String,
    },
    /// The writer's thread ended.
    #[error("the store's writer has ended")]
    Closed,
    /// Another process took the work over.
    #[error("attempt {attempt} of work {work} writes nothing more: attempt {current} has taken over")]
    Fenced {
        /// `WorkId`.
        work: String,
        /// Ours.
        attempt: u32,
        /// The one that counts.
        current: u32,
    },
    /// It cannot go while somebody computes it.
    #[error("run {run} is being computed (work {work})")]
    AtWork {
        /// The run.
        run: String,
        /// The work.
        work: String,
    },
    /// No such run, work or data set.
    #[error("the store has no {what} {uid}")]
    Unknown {
        /// `run`, `work`, `data set`.
        what: &'static str,
        /// Its name.
        uid: String,
    },
    /// Simulated data may not become real, nor the other way round.
    #[error("data set {name} ({fingerprint}) is {stored} in the store and {now} now")]
    DataKind {
        /// Its name.
        name: String,
        /// Its fingerprint.
        fingerprint: String,
        /// In the store.
        stored: String,
        /// As registered now.
        now: String,
    },
    /// SQL's integers have a sign.
    #[error("seed {0} does not fit the store: expected a number below 2^63")]
    Seed(u64),
}

impl Error {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Io { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
                "name a store in a folder where you may write: --store PATH or $DICHROIC_STORE".into()
            }
            Self::NetworkFileSystem { .. } => {
                "put the store on a local disk (--store PATH or $DICHROIC_STORE) and copy it with `db backup`"
                    .into()
            }
            Self::Absent(_) => "run an experiment first, or name the store with --store PATH".into(),
            Self::NotADatabase(_) | Self::NotAStore(_) => {
                "name another file with --store PATH or $DICHROIC_STORE; nothing was changed in this one"
                    .into()
            }
            Self::Newer { .. } => "use the program that wrote it, or a later one; nothing was changed".into(),
            Self::Older { .. } => "`dichroic db init` brings it up to date and keeps a copy".into(),
            Self::Migrate { .. } => "the store is as it was; a copy `*.before-N.db` may lie beside it".into(),
            Self::Lost { .. } => {
                "make room on the disk; the same command continues from the last checkpoint".into()
            }
            Self::Sql { source, .. } => return sql_hint(source),
            Self::NotAQuestion(_) => "one SELECT, WITH, VALUES, EXPLAIN or PRAGMA at a time".into(),
            Self::DataKind { .. } => "the folder changed its nature without changing its files".into(),
            Self::AtWork { .. } => "end its process first, or wait for it".into(),
            Self::Fenced { .. } | Self::Closed | Self::Unknown { .. } | Self::Io { .. } | Self::Seed(_) => {
                return None;
            }
        })
    }

    pub(super) fn sql(doing: &'static str) -> impl Fn(sqlx::Error) -> Self {
        move |source| Self::Sql { doing, source: Box::new(source) }
    }
}

fn sql_hint(error: &sqlx::Error) -> Option<String> {
    let text = error.to_string();
    let hint = if text.contains("disk is full") || text.contains("(code: 13)") {
        "the disk is full: make room and repeat the command"
    } else if text.contains("readonly") || text.contains("unable to open") {
        "the file or its folder cannot be written: name another with --store PATH or $DICHROIC_STORE"
    } else if text.contains("no such table") || text.contains("no such column") {
        "`dichroic sql \"SELECT name, sql FROM sqlite_schema\"` lists tables, views and columns"
    } else if text.contains("locked") {
        "another program has held the store for 30 seconds: end it and repeat the command"
    } else {
        return None;
    };
    Some(hint.into())
}
