//! Finds the experiment files, so that dropping one into `experiments/` is enough, and notes what is being built.

use std::{env, fs, path::Path, path::PathBuf, process::Command};

mod sources;

fn main() {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    fs::write(out.join("experiments.rs"), modules(&root)).expect("a writable OUT_DIR");

    for part in sources::PARTS.iter().filter(|part| root.join(part).exists()) {
        println!("cargo::rerun-if-changed={part}");
    }
    println!("cargo::rustc-env=DICHROIC_SOURCES={}", sources::digest(&root).unwrap_or_default());
    // A commit alone builds nothing anew: while the digest holds, the tree's own HEAD is the better answer.
    println!("cargo::rustc-env=DICHROIC_COMMIT={}", git(&root, &["rev-parse", "HEAD"]).unwrap_or_default());
}

/// One module for each file, sorted by name, so that files can use what others share: `use super::chammi::*`. Any file
/// name will do: `3-channels.rs` becomes `in_3_channels`.
fn modules(root: &Path) -> String {
    let mut files: Vec<PathBuf> = fs::read_dir(root.join("experiments"))
        .expect("the folder `experiments` lies beside Cargo.toml")
        .map(|entry| entry.expect("a readable folder").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect();
    files.sort();
    let module = |path: &PathBuf| {
        let stem = path.file_stem().and_then(|stem| stem.to_str()).expect("a file name in UTF-8");
        let name = stem.to_lowercase().replace(|c: char| !c.is_alphanumeric(), "_");
        let reserved = ["self", "super", "crate", "_"].contains(&name.as_str());
        let begins_well = name.starts_with(|c: char| c.is_alphabetic() || c == '_');
        // `r#` lets a file be called `type.rs`.
        let prefix = if begins_well && !reserved { "r#" } else { "in_" };
        format!("#[path = {:?}]\nmod {prefix}{name};\n", path.display().to_string())
    };
    files.iter().map(module).collect()
}

/// What git says, if there is git and a repository.
fn git(root: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).current_dir(root).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}
