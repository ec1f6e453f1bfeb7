//! The build script of a repository of experiments: finds the files in `experiments/`, which need no other
//! registration, and records the commit and the sources of the build.
//!
//! A repository's `build.rs` is `fn main() { dichroic_build::repository(); }`.

mod modules;
mod sources;

pub use sources::digest;

use std::{env, fs, path::Path, path::PathBuf, process::Command};

/// For a package with a folder `experiments`.
///
/// # Panics
/// Outside of a build script, and if the folder cannot be read.
pub fn repository() {
    let package = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    build(&package, &package, &package.join("experiments"));
}

/// For a package that is itself the folder of experiments, in the repository at `root`.
///
/// # Panics
/// As [`repository`].
pub fn package_in(root: impl AsRef<Path>) {
    let package = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let root = package.join(root);
    build(&root.canonicalize().unwrap_or(root), &package, &package);
}

fn build(root: &Path, package: &Path, experiments: &Path) {
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    let files = modules::files(experiments);
    fs::write(out.join("experiments.rs"), modules::declarations(&files)).expect("a writable OUT_DIR");

    println!("cargo::rerun-if-changed={}", experiments.display());
    for part in sources::PARTS.iter().map(|part| root.join(part)).filter(|part| part.exists()) {
        println!("cargo::rerun-if-changed={}", part.display());
    }
    println!("cargo::rustc-env=DICHROIC_ROOT={}", root.display());
    println!("cargo::rustc-env=DICHROIC_PACKAGE={}", package.display());
    println!("cargo::rustc-env=DICHROIC_SOURCES={}", sources::digest(root).unwrap_or_default());
    // A commit alone does not trigger a rebuild: while the digest matches, the HEAD of the tree is more
    // accurate.
    println!("cargo::rustc-env=DICHROIC_COMMIT={}", git(root, &["rev-parse", "HEAD"]).unwrap_or_default());
}

/// The output of git, if git and a repository exist.
fn git(root: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).current_dir(root).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}
