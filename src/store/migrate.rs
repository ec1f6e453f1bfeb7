//! Opening a store: allowed locations, schema version, migrations.

use super::db::Db;
use super::error::Error;
use super::{attempt, placements, published};
use sqlx::SqlSafeStr;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

/// A file of `migrations/sqlite`, embedded in the binary: its name and its SQL.
macro_rules! file {
    ($name:literal) => {
        ($name, include_str!(concat!("../../migrations/sqlite/", $name, ".sql")))
    };
}

/// The migrations from nothing to the current schema; a test compares them with the folder. (`sqlx::migrate!` reads the
/// folder, and builds a second SQLite for it.)
const FILES: [(&str, &str); 9] = [
    file!("0001_core"),
    file!("0002_views"),
    file!("0003_questions"),
    file!("0004_progress"),
    file!("0005_placements"),
    file!("0006_any_sqlite"),
    file!("0007_stale_reasons"),
    file!("0008_published_rows"),
    file!("0009_standardised_floor"),
];

static MIGRATIONS: LazyLock<Migrator> =
    LazyLock::new(|| Migrator::with_migrations(FILES.map(migration).to_vec()));

fn migration((name, sql): (&'static str, &'static str)) -> Migration {
    let (version, description) = name.split_once('_').expect("a migration's name has a number");
    let version = version.parse().expect("a migration's name begins with its number");
    let kind = MigrationType::Simple;
    Migration::new(version, description.replace('_', " ").into(), kind, sql.into_sql_str(), false)
}

/// File systems without shared memory between computers, on which SQLite's write-ahead log loses data.
const NETWORK: [&str; 14] = [
    "nfs",
    "nfs4",
    "cifs",
    "smb3",
    "smbfs",
    "lustre",
    "gpfs",
    "beegfs",
    "ceph",
    "fuse.sshfs",
    "fuse.glusterfs",
    "glusterfs",
    "afs",
    "pvfs2",
];

/// Opens `path` for writing, creating and migrating it as needed. Checking and migrating are protected by a
/// file lock, because sqlx takes none for SQLite; the kernel releases it when a process dies.
pub(super) fn open(path: &Path) -> Result<Db, Error> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(io("create", folder))?;
    let mounts = std::fs::read_to_string("/proc/mounts").unwrap_or_default();
    if let Some(kind) = network_file_system(&mounts, &folder.canonicalize().map_err(io("find", folder))?) {
        return Err(Error::NetworkFileSystem { path: path.into(), kind });
    }
    let beside = with_ending(path, ".lock");
    let lock = OpenOptions::new().write(true).create(true).truncate(false).open(&beside);
    let lock = lock.map_err(io("open", &beside))?;
    lock.lock().map_err(io("lock", &beside))?;

    // Through a read-only connection, so that another program's file is left unchanged.
    let version = if path.metadata().is_ok_and(|file| file.len() > 0) { version(path)? } else { None };
    let mut db = Db::write(path)?;
    let next =
        MIGRATIONS.iter().map(|step| step.version).find(|&step| version.is_none_or(|version| step > version));
    if let Some(next) = next {
        if version.is_some() {
            copy(&mut db, path, next)?;
        }
        let failed = |source| Error::Migrate { path: path.into(), source: Box::new(source) };
        db.migrate(&MIGRATIONS).map_err(failed)?;
    }
    published::load(&mut db)?;
    placements::views(&mut db)?;
    attempt::recover(&mut db, path)?;
    Ok(db) // and the lock is released
}

/// Whether `path` is a store of exactly this program's version.
pub(super) fn check(path: &Path) -> Result<(), Error> {
    let (store, program) = (version(path)?.unwrap_or(0), ours());
    if store < program {
        return Err(Error::Older { path: path.into(), store, program });
    }
    Ok(())
}

fn ours() -> i64 {
    MIGRATIONS.iter().map(|step| step.version).max().unwrap_or(0)
}

/// The version of the store at `path`; `None` for an empty database.
fn version(path: &Path) -> Result<Option<i64>, Error> {
    let mut db = Db::read(path)?;
    // The first read, where a file of another kind is noticed.
    let strange = |error| match error {
        Error::Sql { ref source, .. }
            if source.as_database_error().and_then(|e| e.code()).as_deref() == Some("26") =>
        {
            Error::NotADatabase(path.into())
        }
        other => other,
    };
    let query = "SELECT count(*), sum(name NOT LIKE '\\_sqlx\\_migrations%' ESCAPE '\\' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\') FROM sqlite_schema";
    let tables = db.one(sqlx::query(query)).map_err(strange)?;
    let (all, foreign) = (tables.get::<i64>(0)?, tables.get::<Option<i64>>(1)?.unwrap_or(0));
    let ours_id: i64 = db.one(sqlx::query("PRAGMA application_id"))?.get(0)?;
    if foreign > 0 && ours_id != 0x6469_6372 {
        return Err(Error::NotAStore(path.into()));
    }
    let version: Option<i64> = match all {
        0 => None,
        _ => db.one(sqlx::query("SELECT max(version) FROM _sqlx_migrations WHERE success"))?.get(0)?,
    };
    match version {
        Some(store) if store > ours() => Err(Error::Newer { path: path.into(), store, program: ours() }),
        version => Ok(version),
    }
}

/// Copies the store before it is migrated to version `next`.
fn copy(db: &mut Db, path: &Path, next: i64) -> Result<(), Error> {
    let copy = path.with_extension(format!("before-{next}.db"));
    if copy.exists() {
        std::fs::remove_file(&copy).map_err(io("replace", &copy))?; // left by a failed migration
    }
    db.doing = "copy the store before migrating it";
    db.execute(sqlx::query("VACUUM INTO ?").bind(copy.to_string_lossy().into_owned())).map(drop)
}

/// The type of the file system of `folder`, if it is a network file system.
fn network_file_system(mounts: &str, folder: &Path) -> Option<String> {
    let mut best = (0, "");
    for line in mounts.lines() {
        let mut words = line.split(' ').skip(1);
        let (Some(point), Some(kind)) = (words.next(), words.next()) else { continue };
        let point = PathBuf::from(point.replace("\\040", " "));
        // Of two file systems mounted at the same point, the later hides the earlier.
        if folder.starts_with(&point) && point.components().count() >= best.0 {
            best = (point.components().count(), kind);
        }
    }
    NETWORK.contains(&best.1).then(|| best.1.to_string())
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_os_string();
    name.push(ending);
    name.into()
}

fn io<'a>(what: &'static str, path: &'a Path) -> impl Fn(std::io::Error) -> Error + 'a {
    move |source| Error::Io { what, path: path.into(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_network_is_noticed_under_the_innermost_mount() {
        let mounts = "/dev/sda1 / ext4 rw 0 0\nserver:/home /home nfs4 rw 0 0\ntmpfs /home/ann/local\\040disk tmpfs rw 0 0\n";
        let at = |folder: &str| network_file_system(mounts, Path::new(folder));
        assert_eq!(at("/home/ann/runs").as_deref(), Some("nfs4"));
        assert_eq!(at("/home/ann/local disk/runs"), None);
        assert_eq!(at("/homes"), None);
    }

    #[test]
    fn every_migration_of_the_folder_is_embedded() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations/sqlite");
        let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<String> = files.map(|name| name.into_string().unwrap()).collect();
        names.sort_unstable();
        assert_eq!(names, FILES.map(|(name, _)| format!("{name}.sql")));
        let numbers: Vec<i64> = MIGRATIONS.iter().map(|step| step.version).collect();
        assert_eq!(numbers, (1..=FILES.len() as i64).collect::<Vec<_>>());
    }

    #[test]
    fn an_older_store_is_copied_and_brought_up_to_date() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("old.db");
        let first = Migrator::with_migrations(vec![MIGRATIONS.iter().next().unwrap().clone()]);
        let mut db = Db::write(&path).unwrap();
        db.migrate(&first).unwrap();
        db.close().unwrap();
        assert!(matches!(check(&path), Err(Error::Older { store: 1, .. })));
        open(&path).unwrap().close().unwrap();
        check(&path).unwrap();
        let copy = folder.path().join("old.before-2.db");
        assert_eq!(version(&copy).unwrap(), Some(1));
    }

    /// Floors of the names of that time, each of another value.
    const FLOORS_OF_8: &str = "
      INSERT INTO work(id, uid, kind, json, status, created_ms) VALUES (7, 'w', 'score', '{}', 'done', 0);
      INSERT INTO code(id, hash, version, sources, build) VALUES (1, 'h', '0', 's', 'b');
      INSERT INTO host(id, hash, name, os, cpu, cores, ram_mb) VALUES (1, 'h', 'n', 'o', 'c', 1, 1);
      INSERT INTO attempt(id, work_id, n, code_id, host_id, pid, args, numerics, started_ms, heartbeat_ms)
        VALUES (5, 7, 1, 1, 1, 1, '[]', 'cpu', 0, 0);
      INSERT INTO floor VALUES (7, 'constant', 'p', 'd', '', 't', '', 'f1_macro', 0.125, 9, 5),
        (7, 'prior', 'p', 'd', '', 't', '', 'f1_macro', NULL, 9, 5),
        (7, 'hand_made', 'p', 'd', 'batch=1', 't', 'c', 'f1', 0.5, 9, 5),
        (7, 'untrained', 'p', 'd', '', 't', '', 'f1_macro', 0.1, 9, 5)";

    #[test]
    fn floors_of_an_older_store_stay_and_another_name_is_accepted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("old.db");
        let mut db = Db::write(&path).unwrap();
        let before = MIGRATIONS.iter().filter(|step| step.version < 9).cloned().collect();
        db.migrate(&Migrator::with_migrations(before)).unwrap();
        for sql in FLOORS_OF_8.split(';') {
            db.execute(sqlx::query(sql)).unwrap();
        }
        let rows = |db: &mut Db| -> Vec<String> {
            let all = "SELECT concat_ws('|', work_id, floor, protocol, data, part, task, class, metric, value, n, attempt_id)
              FROM floor ORDER BY floor";
            db.all(sqlx::query(all)).unwrap().iter().map(|row| row.get(0).unwrap()).collect()
        };
        let kept = rows(&mut db);
        assert_eq!((kept.len(), kept[2].as_str()), (4, "7|prior|p|d||t||f1_macro|9|5"), "NaN is NULL");
        db.close().unwrap();

        let mut db = open(&path).unwrap();
        assert_eq!(rows(&mut db), kept);
        let mut insert = |floor: &str| {
            let sql = "INSERT INTO floor VALUES (7, ?, 'p', 'd', '', 't', '', 'f1_macro', 0.7, 9, 5)";
            db.execute(sqlx::query(sql).bind(floor.to_owned()))
        };
        assert_eq!(insert("hand_made_standardised").unwrap(), 1);
        let error = insert("hand_made_normalised").unwrap_err().to_string();
        assert!(error.contains("CHECK"), "{error}");
        assert!(insert("prior").is_err(), "the key is the same");
        let views = db.all(sqlx::query("SELECT name FROM sqlite_schema WHERE type = 'view'")).unwrap();
        assert!(views.len() > 10);
        for view in views {
            let sql = format!("SELECT count(*) FROM {}", view.get::<String>(0).unwrap());
            db.one(sqlx::query(sqlx::AssertSqlSafe(sql))).unwrap();
        }
        db.execute(sqlx::query("DELETE FROM attempt")).unwrap();
        assert_eq!(rows(&mut db), Vec::<String>::new(), "a floor goes with its attempt");
        let index = "SELECT tbl_name FROM sqlite_schema WHERE name = 'floor_attempt'";
        assert_eq!(db.one(sqlx::query(index)).unwrap().get::<String>(0).unwrap(), "floor");
    }
}
