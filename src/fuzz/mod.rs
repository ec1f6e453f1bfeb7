//! Damaged and hostile files for every reader: a seeded mutation of good files, tried by the hundred in `cargo test`, and by the
//! million with
//!
//! ```text
//! FUZZ_INPUTS=1000000 cargo test --release --lib fuzz -- --nocapture
//! ```
//!
//! A reader may read or refuse; it may not panic, allocate more than a small file justifies, or take long. An input that
//! breaks this is kept in the temporary folder and named; once mended, it becomes a test of its reader.

mod mutate;
mod targets;

use crate::{panic_text, seed::Seed};
use mutate::mutated;
use std::{
    env, fs,
    path::Path,
    time::{Duration, Instant},
};
use targets::Target;

/// Inputs of each reader in `cargo test`.
const USUAL: usize = 300;
/// No small file may take longer; much more than any does, because machines are busy.
const LONGEST: Duration = Duration::from_secs(20);

/// Tries one reader; returns the number of inputs that it refused.
fn fuzz(target: &Target) -> usize {
    let inputs = env::var("FUZZ_INPUTS").ok().and_then(|text| text.parse().ok()).unwrap_or(USUAL);
    let folder = tempfile::tempdir().unwrap();
    let seeds = (target.seeds)(folder.path());
    assert!(!seeds.is_empty());
    let path = folder.path().join(target.file);
    for (at, seed) in seeds.iter().enumerate() {
        fs::write(&path, seed).unwrap();
        assert!((target.read)(&path), "{}: good file {at} is refused", target.name);
    }
    let mut stream =
        Seed(env::var("FUZZ_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(1)).stream(target.name);
    let (mut refused, start) = (0, Instant::now());
    for number in 0..inputs {
        let input = mutated(&seeds, &mut stream);
        fs::write(&path, &input).unwrap();
        let began = Instant::now();
        let read = panic_text::caught(|| (target.read)(&path));
        let Some(read) = read.filter(|_| began.elapsed() < LONGEST) else {
            let kept = keep(target.name, number, &input);
            panic!("{}: {kept} panics or takes {:?}: {:?}", target.name, began.elapsed(), panic_text::last());
        };
        refused += usize::from(!read);
    }
    println!("{}: {inputs} inputs, {refused} refused, {:.1} s", target.name, start.elapsed().as_secs_f64());
    refused
}

fn keep(name: &str, number: usize, input: &[u8]) -> String {
    let path = env::temp_dir().join(format!("dichroic-fuzz-{name}-{number}"));
    fs::write(&path, input).unwrap();
    path.display().to_string()
}

/// Whether a reader read the file, or refused it.
type Reader = fn(&Path) -> bool;

macro_rules! readers {
    ($($name:ident)*) => {$(
        #[test]
        fn $name() {
            assert!(fuzz(&targets::$name()) > 0, "nothing was refused");
        }
    )*};
}

readers! { png tiff pickle legacy npy safetensors spec parquet table description store }
