//! Damaged and hostile files for every reader: kept inputs, and a seeded mutation of good files, tried by the hundred in
//! `cargo test`, and by the million with
//!
//! ```text
//! FUZZ_INPUTS=1000000 cargo test --release --lib fuzz -- --nocapture
//! ```
//!
//! A reader may read or refuse; it may not panic, allocate more than a small file justifies, or take long. An input that
//! breaks this is kept in the temporary folder and named; once mended, it belongs in `corpus/<reader>`, beside inputs that
//! reached code which no other does.

mod checkpoints;
mod declared;
mod images;
mod mutate;
mod numbers;

use crate::{panic_text, seed::Seed};
use mutate::mutated;
use std::{
    env, fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// Inputs of each reader in `cargo test`.
const USUAL: usize = 300;
/// No small file may take longer; much more than any does, because machines are busy.
const LONGEST: Duration = Duration::from_secs(20);

/// A reader, in a folder of its own.
struct Target {
    /// Good files. They are read before anything is changed.
    seeds: Vec<Vec<u8>>,
    /// The file that it reads.
    path: PathBuf,
    /// The file's bytes with an input in them.
    file: Box<dyn Fn(Vec<u8>) -> Vec<u8>>,
    /// Whether it read the file, or refused it.
    read: Box<dyn Fn(&Path) -> bool>,
}

impl Target {
    /// A reader of whole files.
    fn new(seeds: Vec<Vec<u8>>, path: PathBuf, read: impl Fn(&Path) -> bool + 'static) -> Self {
        Self { seeds, path, file: Box::new(|input| input), read: Box::new(read) }
    }

    /// Whether an input was read.
    fn reads(&self, input: &[u8]) -> bool {
        fs::write(&self.path, (self.file)(input.to_vec())).unwrap();
        (self.read)(&self.path)
    }

    /// The same, with an end if it panics or takes long.
    fn tries(&self, name: &str, input: &[u8]) -> bool {
        let began = Instant::now();
        let read = panic_text::caught(|| self.reads(input));
        read.filter(|_| began.elapsed() < LONGEST).unwrap_or_else(|| {
            let kept = env::temp_dir().join(format!("dichroic-fuzz-{name}"));
            fs::write(&kept, input).unwrap();
            let kept = kept.display();
            panic!("{name}: {kept} panics or takes {:?}: {:?}", began.elapsed(), panic_text::last())
        })
    }
}

/// Inputs that were kept; of databases, which are large, there are none.
fn corpus(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/fuzz/corpus").join(name);
    let entries = fs::read_dir(folder).into_iter().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

fn setting(name: &str) -> Option<u64> {
    env::var(name).ok()?.parse().ok()
}

/// Tries one reader.
fn fuzz(name: &str, target: fn(&Path) -> Target) {
    let inputs = setting("FUZZ_INPUTS").map_or(USUAL, |inputs| inputs as usize);
    let folder = tempfile::tempdir().unwrap();
    let target = target(folder.path());
    for (at, seed) in target.seeds.iter().enumerate() {
        assert!(target.reads(seed), "{name}: good file {at} is refused");
    }
    let (mut refused, start, mut stream) =
        (0, Instant::now(), Seed(setting("FUZZ_SEED").unwrap_or(1)).stream(name));
    let kept = corpus(name);
    let mut tries = |input: &[u8]| refused += usize::from(!target.tries(name, input));
    kept.iter().for_each(|input| tries(input));
    let seeds = [&target.seeds[..], &kept[..]].concat();
    (0..inputs).for_each(|_| tries(&mutated(&seeds, &mut stream)));
    println!("{name}: {inputs} inputs, {refused} refused, {:.1} s", start.elapsed().as_secs_f64());
    assert!(refused > 0, "{name}: nothing was refused");
}

macro_rules! readers {
    ($($module:ident: $($name:ident)*;)*) => {$($(
        #[test]
        fn $name() {
            fuzz(stringify!($name), $module::$name);
        }
    )*)*};
}

readers! {
    images: png tiff stack;
    checkpoints: pickle legacy;
    numbers: npy safetensors parquet keyed;
    declared: spec table description store;
}
