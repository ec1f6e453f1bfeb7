//! Errors of the store.

use std::io;
use std::path::PathBuf;

/// An error of the store.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or folder of the store.
    #[error("cannot {what} {}: {source}", path.display())]
    Io {
        /// The attempted operation.
        what: &'static str,
        /// The path.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The write-ahead log needs shared memory between all users of the file.
    #[error("{} is on a network file system ({kind}), where SQLite's write-ahead log loses data", path.display())]
    NetworkFileSystem {
        /// The store.
        path: PathBuf,
        /// `nfs4`, `lustre`, …
        kind: String,
    },
    /// There is no store to read.
    #[error("no store at {}", .0.display())]
    Absent(PathBuf),
    /// A folder.
    #[error("{} is a folder, and a store is a file", .0.display())]
    Folder(PathBuf),
    /// A database that was cut short or written over.
    #[error("the store {} is damaged: SQLite cannot read all of it", .0.display())]
    Corrupt(PathBuf),
    /// Not a database.
    #[error("{} is not a SQLite database", .0.display())]
    NotADatabase(PathBuf),
    /// The database of another program.
    #[error("{} is a SQLite database, but not a store of dichroic", .0.display())]
    NotAStore(PathBuf),
    /// Written by a newer program.
    #[error("{} has schema version {store}; this program knows versions up to {program}", path.display())]
    Newer {
        /// The store.
        path: PathBuf,
        /// The store's version.
        store: i64,
        /// This program's version.
        program: i64,
    },
    /// Written by an older program, and opened read-only.
    #[error("{} has schema version {store}; this program reads version {program}", path.display())]
    Older {
        /// The store.
        path: PathBuf,
        /// The store's version.
        store: i64,
        /// This program's version.
        program: i64,
    },
    /// A migration failed.
    #[error("cannot migrate {}: {source}", path.display())]
    Migrate {
        /// The store.
        path: PathBuf,
        /// The cause.
        source: Box<sqlx::migrate::MigrateError>,
    },
    /// An error of SQLite.
    #[error("cannot {doing}: {source}")]
    Sql {
        /// The attempted operation.
        doing: &'static str,
        /// The cause.
        source: Box<sqlx::Error>,
    },
    /// Not a single reading statement.
    #[error("{0}")]
    NotAQuestion(String),
    /// The database holds what dichroic does not write.
    #[error("cannot {doing}: the store is damaged: expected {expected} in `{column}`, found {found:?}")]
    Damaged {
        /// The attempted operation.
        doing: &'static str,
        /// The column of the query.
        column: String,
        /// What it should be.
        expected: &'static str,
        /// What is there.
        found: String,
    },
    /// A name in the database that must not become a path.
    #[error("the store names a {what} {found:?}: expected {expected}")]
    Name {
        /// `run`, `work` or `file`.
        what: &'static str,
        /// The name.
        found: String,
        /// What it should be.
        expected: &'static str,
    },
    /// Points of curves could not be written.
    #[error("{points} points of curves are lost: {cause}")]
    Lost {
        /// Number of points.
        points: u64,
        /// The writer's error.
        cause: String,
    },
    /// The writer's thread ended.
    #[error("the store's writer thread has ended")]
    Closed,
    /// Another process took the work over.
    #[error("attempt {attempt} of work {work} can no longer write: attempt {current} has taken over")]
    Fenced {
        /// `WorkId`.
        work: String,
        /// This attempt.
        attempt: u32,
        /// The current attempt.
        current: u32,
    },
    /// It cannot be removed while it is being computed.
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
    /// Simulated data must not become real, or the other way round.
    #[error("data set {name} ({fingerprint}) is {stored} in the store and {now} now")]
    DataKind {
        /// Its name.
        name: String,
        /// Its fingerprint.
        fingerprint: String,
        /// In the store.
        stored: String,
        /// As now registered.
        now: String,
    },
    /// SQL's integers are signed.
    #[error("seed {0} does not fit the store: expected a number below 2^63")]
    Seed(u64),
}

impl Error {
    /// How to fix it.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Io { source, .. } if source.kind() == io::ErrorKind::StorageFull => {
                "free space on the disk and repeat the command".into()
            }
            Self::Io { source, .. }
                if matches!(
                    source.kind(),
                    io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem
                ) =>
            {
                "choose a store in a writable folder: --store PATH or $DICHROIC_STORE".into()
            }
            Self::NetworkFileSystem { .. } => {
                "put the store on a local disk (--store PATH or $DICHROIC_STORE) and copy it with `db backup`"
                    .into()
            }
            Self::Folder(path) => {
                format!("give the file, such as --store {}", path.join("dichroic.db").display())
            }
            Self::Corrupt(_) => {
                "`dichroic db check` says what is left; restore a backup, or copy what can be read with `sqlite3 OLD .recover | sqlite3 NEW`".into()
            }
            Self::Absent(_) => "run an experiment first, or give the store with --store PATH".into(),
            Self::NotADatabase(_) | Self::NotAStore(_) => {
                "give another file with --store PATH or $DICHROIC_STORE; this one was not changed".into()
            }
            Self::Newer { .. } => "use the program that wrote it, or a newer one; nothing was changed".into(),
            Self::Older { .. } => "`dichroic db init` upgrades it and keeps a copy".into(),
            Self::Migrate { .. } => {
                "the store is unchanged; there may be a copy `*.before-N.db` next to it".into()
            }
            Self::Lost { .. } => {
                "free space on the disk; the same command resumes from the last checkpoint".into()
            }
            Self::Sql { source, .. } => return sql_hint(source),
            Self::NotAQuestion(_) => "one SELECT, WITH, VALUES, EXPLAIN or PRAGMA at a time".into(),
            Self::Damaged { .. } | Self::Name { .. } => {
                "another program changed it; use a backup, or the store that it was copied from".into()
            }
            Self::DataKind { .. } => {
                "the folder's description changed between real and simulated, but not its files".into()
            }
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
        "the disk is full: free space and repeat the command"
    } else if text.contains("readonly") || text.contains("unable to open") {
        "the file or its folder is not writable: choose another with --store PATH or $DICHROIC_STORE"
    } else if text.contains("no such table") || text.contains("no such column") {
        "`dichroic sql \"SELECT name, sql FROM sqlite_schema\"` lists tables, views and columns"
    } else if text.contains("locked") {
        "another program has held the store for 30 seconds: end it and repeat the command"
    } else {
        return None;
    };
    Some(hint.into())
}
