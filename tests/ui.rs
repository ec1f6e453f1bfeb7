//! Compile-time error messages for mistakes in experiment files: `tests/ui/<rule>.rs` is the mistake, `.stderr` the
//! message.
//!
//! Messages differ between compilers, so the whole output is compared on the pinned one only; elsewhere each mistake
//! must fail with our message in it. `TRYBUILD=overwrite cargo test -p dichroic-lang --test ui` rewrites them: read the
//! diff as prose; a message that got worse is a regression.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

const PINNED: &str = include_str!("../rust-toolchain.toml");

#[test]
fn mistakes_are_explained() {
    let version = output(Command::new("rustc").arg("--version"));
    let version = version.split(' ').nth(1).expect("`rustc 1.95.0 (…)`");
    if PINNED.contains(&format!("\"{version}\"")) {
        trybuild::TestCases::new().compile_fail("../../tests/ui/*.rs");
    } else {
        println!("rustc {version} is not the pinned one: only our own sentences are compared");
        fail_with_our_sentence();
    }
}

#[test]
#[ignore = "what other compilers do, on the pinned one; the test above is stricter there"]
fn mistakes_fail_with_our_sentence() {
    fail_with_our_sentence();
}

/// Checks each case as a separate program, in one package, and looks for the first line of its `.stderr`.
fn fail_with_our_sentence() {
    let root = &Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let package = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("ui");
    fs::create_dir_all(&package).expect("a writable target folder");
    fs::copy(root.join("Cargo.lock"), package.join("Cargo.lock")).expect("the lock file is kept");
    let language = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut manifest = format!(
        "[workspace]\n[package]\nname = \"ui\"\nedition = \"2024\"\n[dependencies]\ndichroic-lang = {{ path = {language:?} }}\n"
    );
    let cases = cases(root);
    for (name, path, _) in &cases {
        manifest += &format!("[[bin]]\nname = \"{name}\"\npath = {path:?}\n");
    }
    fs::write(package.join("Cargo.toml"), manifest).expect("a writable target folder");

    for (name, _, sentence) in &cases {
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut check = Command::new(cargo);
        check.args(["check", "--offline", "--quiet", "--bin", name]).current_dir(&package);
        let result = check.output().expect("cargo runs");
        let text = String::from_utf8_lossy(&result.stderr);
        assert!(!result.status.success(), "{name} compiles, and must not");
        assert!(plain(&text).contains(sentence), "{name}: expected `{sentence}`, the compiler said:\n{text}");
    }
}

/// Name, file and the expected message.
fn cases(root: &Path) -> Vec<(String, PathBuf, String)> {
    let mut paths: Vec<PathBuf> = fs::read_dir(root.join("tests/ui"))
        .expect("the cases are in tests/ui")
        .map(|entry| entry.expect("a readable folder").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect();
    paths.sort();
    let case = |path: PathBuf| {
        let answer = fs::read_to_string(path.with_extension("stderr")).expect("each case has its answer");
        let first = answer.lines().next().unwrap_or_default();
        let sentence = first.split_once(": ").map_or(first, |(_, sentence)| sentence);
        let name = path.file_stem().and_then(|stem| stem.to_str()).expect("a name in UTF-8").to_owned();
        (name, path, plain(sentence))
    };
    paths.into_iter().map(case).collect()
}

/// Whether a type is printed with its path depends on the other linked crates.
fn plain(text: &str) -> String {
    ["dichroic_lang::prelude::size::", "dichroic_lang::prelude::", "dichroic_lang::dsl::"]
        .iter()
        .fold(text.to_owned(), |text, path| text.replace(path, ""))
}

fn output(command: &mut Command) -> String {
    let output = command.output().expect("the compiler runs");
    String::from_utf8(output.stdout).expect("UTF-8")
}
