//! Files that change in every way that leaves their names and lengths alone, and caches of every kind.

use super::*;
use crate::event::{Event, Silence};
use std::{
    cell::Cell,
    fs::File,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    thread,
};

/// A folder of files in a set, and a cache elsewhere.
struct Place(tempfile::TempDir);

impl Place {
    fn new(names: &[&str]) -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        for name in names {
            place.write("data", name, name.repeat(100).as_bytes());
        }
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, root: &str, name: &str, bytes: &[u8]) {
        let path = self.path(root).join("A").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// In an hour, when whatever the test has written is old.
    fn contents(&self) -> Contents {
        Contents { clock: in_an_hour, ..Contents::kept_in(&self.path("cache")) }
    }

    fn list(&self, root: &str) -> Vec<(String, Stamp)> {
        let entries = fs::read_dir(self.path(root).join("A")).unwrap().map(|entry| entry.unwrap());
        let stamp = |entry: fs::DirEntry| {
            let name = format!("A/{}", entry.file_name().into_string().unwrap());
            (name, Stamp::of(&fs::metadata(entry.path()).unwrap()))
        };
        let mut files: Vec<_> = entries.map(stamp).collect();
        files.sort_by(|a, b| a.0.cmp(&b.0));
        files
    }

    fn cover_with(&self, contents: &Contents, root: &str) -> Covered {
        let files = self.list(root);
        let files: Vec<(&str, Stamp)> = files.iter().map(|(name, stamp)| (name.as_str(), *stamp)).collect();
        contents.cover(&self.path(root), &files, &mut Silence).unwrap()
    }

    /// The hashes of the files of `root`, and how many were read for that.
    fn cover(&self, root: &str) -> (Vec<(u64, Hash)>, usize) {
        let Covered { files, read, .. } = self.cover_with(&self.contents(), root);
        (files, read)
    }

    /// What should be found.
    fn truth(&self, root: &str) -> Vec<(u64, Hash)> {
        let files =
            self.list(root).into_iter().map(|(name, _)| fs::read(self.path(root).join(name)).unwrap());
        files.map(|bytes| (bytes.len() as u64, *blake3::hash(&bytes).as_bytes())).collect()
    }
}

fn in_an_hour() -> SystemTime {
    SystemTime::now() + Duration::from_secs(3600)
}

fn an_hour_ago() -> SystemTime {
    SystemTime::now() - Duration::from_secs(3600)
}

/// Hashes are right, and `n` files are read for them.
#[track_caller]
fn expect(place: &Place, root: &str, read: usize) {
    assert_eq!(place.cover(root), (place.truth(root), read));
}

#[test]
fn a_file_is_read_once() {
    let place = Place::new(&["a", "b", "c"]);
    expect(&place, "data", 3);
    expect(&place, "data", 0);
    place.write("data", "d", b"new");
    expect(&place, "data", 1);
    place.write("data", "a", b"another length");
    expect(&place, "data", 1);
    fs::remove_file(place.path("data/A/b")).unwrap();
    expect(&place, "data", 0);
    let none = Contents { clock: in_an_hour, ..Contents::not_kept() };
    assert_eq!(place.cover_with(&none, "data").read, 3, "without a cache all are read");
}

#[test]
fn other_bytes_of_the_same_length_and_time_are_seen() {
    let place = Place::new(&["a", "b"]);
    expect(&place, "data", 2);
    let path = place.path("data/A/a");
    let before = fs::metadata(&path).unwrap().modified().unwrap();
    place.write("data", "a", &[7; 100]);
    File::options().write(true).open(&path).unwrap().set_modified(before).unwrap();
    let after = fs::metadata(&path).unwrap();
    assert_eq!((after.len(), after.modified().unwrap()), (100, before));
    expect(&place, "data", 1);
    expect(&place, "data", 0);
}

#[test]
fn files_that_change_places_are_seen() {
    let place = Place::new(&["a", "b", "c"]);
    expect(&place, "data", 3);
    let path = |name: &str| place.path("data/A").join(name);
    for (from, to) in [("a", "x"), ("b", "a"), ("x", "b")] {
        fs::rename(path(from), path(to)).unwrap();
    }
    expect(&place, "data", 2);
    // A new file with the inode of another, as file systems do.
    fs::remove_file(path("c")).unwrap();
    fs::write(path("c"), [9; 100]).unwrap();
    expect(&place, "data", 1);
}

#[cfg(unix)]
#[test]
fn links_are_followed_to_what_they_point_at() {
    let place = Place::new(&["a"]);
    for (name, byte) in [("one", 1), ("two", 2)] {
        place.write("pool", name, &[byte; 100]);
    }
    let link = place.path("data/A/b");
    std::os::unix::fs::symlink(place.path("pool/A/one"), &link).unwrap();
    expect(&place, "data", 2);
    fs::remove_file(&link).unwrap();
    std::os::unix::fs::symlink(place.path("pool/A/two"), &link).unwrap();
    expect(&place, "data", 1);
    place.write("pool", "two", &[3; 100]);
    expect(&place, "data", 1);
    expect(&place, "data", 0);
}

#[test]
fn copies_are_read_and_a_copy_in_place_of_the_folder_too() {
    let place = Place::new(&["a", "b"]);
    expect(&place, "data", 2);
    for name in ["a", "b"] {
        place.write("copy", name, &fs::read(place.path("data/A").join(name)).unwrap());
        let time = fs::metadata(place.path("data/A").join(name)).unwrap().modified().unwrap();
        File::options()
            .write(true)
            .open(place.path("copy/A").join(name))
            .unwrap()
            .set_modified(time)
            .unwrap();
    }
    expect(&place, "copy", 2);
    place.write("copy", "b", &[4; 100]);
    fs::rename(place.path("data"), place.path("old")).unwrap();
    fs::rename(place.path("copy"), place.path("data")).unwrap();
    expect(&place, "data", 2);
    expect(&place, "old", 2);
}

#[test]
fn a_file_that_has_just_changed_is_not_believed() {
    let place = Place::new(&["a", "b"]);
    // The clock was set back, or shows the time at which the files were written.
    for clock in [SystemTime::now, an_hour_ago] {
        let now = Contents { clock, ..place.contents() };
        assert_eq!([(); 2].map(|()| place.cover_with(&now, "data").read), [2, 2]);
    }
    let ahead = place.cover_with(&Contents { clock: an_hour_ago, ..place.contents() }, "data").warnings;
    assert!(ahead[0].starts_with("2 files changed in the future"), "{ahead:?}");
    expect(&place, "data", 2);
    expect(&place, "data", 0);

    let second = 1_000_000_000;
    let at = |seconds: u64| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    let stamp = Stamp { length: 1, inode: 1, changed: 100 * second };
    let told = [99, 100, 109, 110, 111].map(|now| stamp.is_settled(at(now)));
    assert_eq!(told, [false, false, false, false, true]);
    assert!(stamp.is_ahead(at(89)) && !stamp.is_ahead(at(90)));
}

#[test]
fn a_damaged_cache_counts_as_none() {
    let place = Place::new(&["a", "b"]);
    expect(&place, "data", 2);
    let kept: Vec<PathBuf> = fs::read_dir(place.path("cache")).unwrap().map(|e| e.unwrap().path()).collect();
    let [kept] = &kept[..] else { panic!("{kept:?}") };
    let whole = fs::read(kept).unwrap();
    for damaged in [b"".to_vec(), whole[..whole.len() / 2].to_vec(), [&whole[..], b"more"].concat()] {
        fs::write(kept, damaged).unwrap();
        expect(&place, "data", 2);
        expect(&place, "data", 0);
    }
}

#[test]
fn a_cache_that_cannot_be_written_costs_time_only() {
    let place = Place::new(&["a", "b"]);
    fs::write(place.path("cache"), "a file").unwrap();
    for _ in 0..2 {
        let covered = place.cover_with(&place.contents(), "data");
        assert_eq!((covered.files, covered.read), (place.truth("data"), 2));
        assert!(covered.warnings[0].starts_with("the hashes of its files could not be kept in "));
    }
}

#[test]
fn processes_that_write_at_once_leave_a_whole_cache() {
    let names: Vec<String> = (0..50).map(|n| format!("{n}")).collect();
    let place = Place::new(&names.iter().map(String::as_str).collect::<Vec<_>>());
    thread::scope(|scope| (0..4).for_each(|_| _ = scope.spawn(|| place.cover("data"))));
    // Threads of one process share the name of the temporary file, which processes do not: it may be damaged.
    let read = place.cover("data").1;
    assert!(read == 0 || read == 50, "{read}");
    expect(&place, "data", 0);
}

/// Asks to stop once a file has been hashed.
struct Impatient<'a>(&'a Cell<u32>);

impl crate::event::Listen for Impatient<'_> {
    fn receive(&mut self, _: &Event<'_>) {}
    fn stop(&self) -> bool {
        self.0.set(self.0.get() + 1);
        true
    }
}

#[test]
fn what_an_interruption_leaves_is_not_read_again() {
    let place = Place::new(&["a", "b", "c"]);
    // Holes take no room on the disk, and time to read.
    File::create(place.path("data/A/z")).unwrap().set_len(1 << 30).unwrap();
    let files = place.list("data");
    let files: Vec<(&str, Stamp)> = files.iter().map(|(name, stamp)| (name.as_str(), *stamp)).collect();
    let asked = Cell::new(0);
    let stopped = place.contents().cover(&place.path("data"), &files, &mut Impatient(&asked));
    assert!(matches!(stopped, Err(Error::Stopped)) && asked.get() > 0);
    File::options().write(true).open(place.path("data/A/z")).unwrap().set_len(1 << 20).unwrap();
    let (found, read) = place.cover("data");
    assert_eq!(found, place.truth("data"));
    assert!((1..4).contains(&read), "{read} of 4 were read again");
}

/// Two files of a megabyte, of which pieces are read.
fn large() -> Place {
    let place = Place::new(&[]);
    for name in ["a", "b"] {
        place.write("data", name, &vec![name.as_bytes()[0]; 1 << 20]);
    }
    place
}

/// Changes a byte of a file, which keeps its length.
fn poke(place: &Place, name: &str, at: usize) {
    let path = place.path("data/A").join(name);
    let mut bytes = fs::read(&path).unwrap();
    bytes[at] ^= 1;
    fs::write(path, bytes).unwrap();
}

#[test]
fn much_is_sampled_until_all_of_it_has_been_read() {
    let place = large();
    let small = |covered: Covered| (covered.sampled, covered.read, covered.files);
    let plain = || small(place.cover_with(&place.contents().limit(1 << 20), "data"));
    let in_full = || small(place.cover_with(&place.contents().limit(1 << 20).in_full(), "data"));
    let (sampled, read, files) = plain();
    assert_eq!((sampled, read), (true, 2));
    assert!(files.iter().zip(place.truth("data")).all(|(sample, full)| sample.1 != full.1));
    assert_eq!(plain(), (true, 0, files.clone()));
    // First, middle and last piece; then bytes between them.
    for at in [0, (1 << 16) - 1, 1 << 19, (1 << 20) - 1] {
        poke(&place, "b", at);
        let (_, read, now) = plain();
        assert!(read == 1 && now != files, "at {at}");
        poke(&place, "b", at);
        assert_eq!(plain(), (true, 1, files.clone()));
    }
    poke(&place, "b", 1 << 18);
    assert_eq!(plain(), (true, 1, files), "this is what sampling does not see");

    assert_eq!(in_full(), (false, 2, place.truth("data")));
    assert_eq!(plain(), (false, 0, place.truth("data")), "all is known");
    assert_eq!(in_full(), (false, 0, place.truth("data")));
    poke(&place, "a", 1 << 18);
    assert!(plain().0, "one is not known in full");
    assert_eq!(in_full(), (false, 1, place.truth("data")));
    assert_eq!(plain(), (false, 0, place.truth("data")));
}

#[test]
fn a_sample_says_so_and_small_files_are_sampled_whole() {
    let place = Place::new(&["a", "b"]);
    let covered = place.cover_with(&place.contents().limit(10), "data");
    assert!(covered.sampled && covered.warnings[0].contains("`dichroic data check --contents`"));
    place.write("data", "a", &[3; 100]);
    assert_ne!(place.cover_with(&place.contents().limit(10), "data").files, covered.files);
    let now = Contents { clock: SystemTime::now, ..place.contents() };
    let told = place.cover_with(&now.limit(10).in_full(), "data").warnings;
    assert!(told[0].contains("will be sampled next time"), "{told:?}");
}

#[test]
fn what_cannot_be_read_is_refused() {
    let place = Place::new(&["a"]);
    let [(_, stamp)] = place.list("data")[..] else { panic!() };
    let files = [("A/a", stamp), ("A/gone", stamp)];
    let error = place.contents().cover(&place.path("data"), &files, &mut Silence).err().unwrap();
    assert!(
        error.to_string().contains("A/gone: ") && error.to_string().starts_with("cannot read "),
        "{error}"
    );
    assert!(error.hint().unwrap().starts_with("wait until nothing writes into the folder"));
}

#[test]
fn a_file_that_does_not_stop_changing_is_refused() {
    let place = Place::new(&[]);
    place.write("data", "a", &vec![1; 32 << 20]);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut file = File::options().append(true).open(place.path("data/A/a")).unwrap();
            while !done.load(Relaxed) {
                std::io::Write::write_all(&mut file, b"more").unwrap();
                thread::sleep(Duration::from_millis(1));
            }
        });
        let files = place.list("data");
        let files: Vec<(&str, Stamp)> = files.iter().map(|(name, stamp)| (name.as_str(), *stamp)).collect();
        let found = place.contents().cover(&place.path("data"), &files, &mut Silence);
        done.store(true, Relaxed);
        let error = found.err().unwrap().to_string();
        assert!(error.ends_with("A/a: it changes while it is read"), "{error}");
    });
    expect(&place, "data", 1);
}
