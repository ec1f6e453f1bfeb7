//! Databases that another program has changed: names stay inside of the store's folders, and impossible values are
//! refused.

use super::{together::compute, *};
use std::fs;

/// A finished store, changed by `sql`, with its files.
fn changed(sql: &'static str) -> (TempDir, PathBuf) {
    let (folder, path) = place();
    let store = Store::open(&path).unwrap();
    compute(&store, "run1", 1, ["fit-1", "score-1"], 0.25);
    store
        .writer
        .ask("change", move |db| {
            db.execute(sqlx::query("PRAGMA foreign_keys = 0"))?;
            db.execute(sqlx::query(sql)).map(drop)
        })
        .unwrap();
    store.close().unwrap();
    (folder, path)
}

/// Every file and folder below `folder`, with the contents of files.
fn tree(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = vec![];
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            if entry.path().is_dir() {
                open.push(entry.path());
            }
            found.push((entry.path(), fs::read(entry.path()).unwrap_or_default()));
        }
    }
    found.sort();
    found
}

#[test]
fn what_leads_out_of_the_store_is_neither_copied_nor_removed() {
    for sql in [
        "UPDATE artifact SET path = '../evil.sh'",
        "UPDATE artifact SET path = 'work/../../evil.sh'",
        "UPDATE artifact SET path = '/tmp/evil.sh'",
        "UPDATE artifact SET path = 'work/score-1/weights.safetensors'",
        "UPDATE artifact SET path = ''",
        "UPDATE work SET uid = '../../victim' WHERE kind = 'fit'",
        "UPDATE work SET uid = '/tmp/victim' WHERE kind = 'fit'",
        "UPDATE work SET uid = '' WHERE kind = 'fit'",
        "UPDATE run SET uid = '../../victim'",
    ] {
        let (theirs, path) = changed(sql);
        fs::create_dir(theirs.path().join("victim")).unwrap();
        fs::write(theirs.path().join("runs/evil.sh"), "echo it was here").unwrap();
        let (ours, mine) = place();
        let store = Store::open(&mine).unwrap();
        fs::create_dir(ours.path().join("victim")).unwrap();
        let before = tree(&ours.path().join("victim"));
        let error = store.merge(&path).unwrap_err();
        assert!(matches!(error, Error::Name { .. }), "{sql}: {error}");
        assert!(error.hint().is_some());
        assert_eq!(number(&store, "SELECT count(*) FROM work"), 0.0, "{sql}");
        assert_eq!(tree(&ours.path().join("victim")), before);
        assert!(!ours.path().join("runs/evil.sh").exists());
        assert!(!files(&mine).exists(), "{sql}: something was copied");
    }
}

#[test]
fn a_copy_of_such_a_store_is_refused_and_leaves_nothing() {
    let (theirs, path) = changed("UPDATE artifact SET path = '../evil.sh'");
    fs::write(theirs.path().join("runs/evil.sh"), "echo it was here").unwrap();
    let (ours, _) = place();
    let reader = Store::open_read_only(&path).unwrap();
    let error = reader.backup(&ours.path().join("copy/b.db")).unwrap_err();
    assert!(matches!(error, Error::Name { what: "file", .. }), "{error}");
    assert_eq!(tree(&ours.path().join("copy")), []);
    assert!(reader.check(false).unwrap().problems[0].contains("../evil.sh"));
}

#[cfg(unix)]
#[test]
fn links_out_of_a_store_are_not_followed() {
    let (theirs, path) = changed("SELECT 1");
    let file = files(&path).join("work/fit-1/weights.safetensors");
    let secret = theirs.path().join("secret");
    fs::write(&secret, "mine").unwrap();
    for target in [secret.as_path(), Path::new("/dev/zero"), theirs.path()] {
        fs::remove_file(&file).unwrap();
        std::os::unix::fs::symlink(target, &file).unwrap();
        let (_ours, mine) = place();
        let store = Store::open(&mine).unwrap();
        let error = store.merge(&path).unwrap_err();
        assert!(error.to_string().contains("not a link or a device"), "{error}");
    }
}

#[test]
fn a_run_whose_work_is_elsewhere_is_not_removed() {
    let (_folder, path) = changed("UPDATE work SET uid = '../../victim' WHERE kind = 'fit'");
    let store = Store::open(&path).unwrap();
    assert!(matches!(store.remove_run("run1"), Err(Error::Name { what: "work", .. })));
    assert_eq!(number(&store, "SELECT count(*) FROM run"), 1.0);
    assert!(matches!(store.claim("../../victim", &here()), Err(Error::Name { .. })));
}

#[test]
fn numbers_that_are_none_are_damage_and_end_nothing() {
    for sql in [
        "UPDATE work SET attempt = 4611686018427387904",
        "UPDATE work SET attempt = -1",
        "UPDATE score SET n = -1",
        "UPDATE artifact SET bytes = -1",
    ] {
        let (_folder, path) = changed(sql);
        let store = Store::open(&path).unwrap();
        let reader = store.read().unwrap();
        let answers = [
            reader.run("run1").map(drop),
            reader.scores("run1").map(drop),
            reader.artifacts("fit-1").map(drop),
            store.register_run(&run_of("first", "run1", 1, &["fit-1", "score-1"])).map(drop),
        ];
        let errors: Vec<Error> = answers.into_iter().filter_map(Result::err).collect();
        assert!(!errors.is_empty(), "{sql}");
        for error in errors {
            assert!(matches!(error, Error::Damaged { .. }), "{sql}: {error}");
        }
        // The writer is still there.
        store.tag("run1", "seen").unwrap();
    }
}

/// sqlx would panic in its own thread at the first such column.
#[test]
fn names_that_are_not_utf_8_are_refused_before_they_are_read() {
    let (_folder, path) = changed("UPDATE work SET kind = kind");
    let mut bytes = fs::read(&path).unwrap();
    let name = b"created_ms";
    for at in 0..bytes.len() - name.len() {
        if bytes[at..].starts_with(name) {
            bytes[at + 7] = 0xff;
        }
    }
    fs::write(&path, bytes).unwrap();
    let error = Store::open_read_only(&path).err().unwrap();
    assert!(matches!(error, Error::Corrupt(_)), "{error}");
    assert!(matches!(Store::open(&path), Err(Error::Corrupt(_))));
}

#[test]
fn a_database_of_utf_16_is_no_store() {
    let (_folder, path) = place();
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut db = db::Db::write(&path).unwrap();
    for sql in ["PRAGMA encoding = 'UTF-16'", "CREATE TABLE work(uid TEXT)"] {
        db.execute(sqlx::query(sql)).unwrap();
    }
    db.close().unwrap();
    let error = Store::open_read_only(&path).err().unwrap();
    assert!(matches!(error, Error::NotAStore(_)), "{error}");
}
