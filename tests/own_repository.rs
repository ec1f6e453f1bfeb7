//! `new` from a user's perspective: the generated repository builds, runs and tests without changes.

use dichroic::store::Store;
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

/// Cargo's target folder; what is already built there is not built again.
const TARGET: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/..");
const CHECKOUT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

fn new(folder: &Path, name: &str, more: &[&str]) -> Output {
    let mut dichroic = Command::new(env!("CARGO_BIN_EXE_dichroic"));
    dichroic.args(["new", name]).args(more).current_dir(folder).output().unwrap()
}

#[track_caller]
fn worked(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let [out, error] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    assert!(output.status.success(), "{command:?}\n{out}\n{error}");
    out
}

/// This workspace's profile of tests, so that what others wrote is built once for both; with dichroic's own crates built in
/// seconds instead of minutes. (Cargo takes them for other packages there, because it hashes the path of a workspace.)
fn quick_profile() -> String {
    let manifest = fs::read_to_string(Path::new(CHECKOUT).join("Cargo.toml")).unwrap();
    let mut manifest: toml::Table = manifest.parse().unwrap();
    let mut dev = manifest["profile"].as_table_mut().unwrap().remove("dev").unwrap();
    let packages = dev["package"].as_table_mut().unwrap();
    for (name, level) in [("dichroic", 0), ("dichroic-lang", 0), ("dichroic-ops", 1)] {
        packages.insert(name.into(), table("opt-level", level).into());
    }
    table("profile", table("dev", dev)).to_string()
}

fn table(key: &str, value: impl Into<toml::Value>) -> toml::Table {
    toml::Table::from_iter([(key.to_owned(), value.into())])
}

#[test]
fn a_repository_of_ones_own_builds_runs_and_is_tidy() {
    // Always the same folder, so that cargo finds its earlier build.
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("own_repository");
    let _ = fs::remove_dir_all(&folder); // from the last run
    fs::create_dir_all(&folder).unwrap();
    let said = new(&folder, "first-cells", &["--path", CHECKOUT]);
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    let out = String::from_utf8(said.stdout).unwrap();
    assert!(out.ends_with("cd first-cells && cargo run --release -- exp first\n"), "{out}");

    let root = folder.join("first-cells");
    fs::copy(Path::new(CHECKOUT).join("Cargo.lock"), root.join("Cargo.lock")).unwrap();
    let at_home = |program: &str| {
        let mut command = Command::new(program);
        command.current_dir(&root).env("CARGO_TARGET_DIR", TARGET).env("CARGO_NET_OFFLINE", "true");
        // It is built once for each change of ours, so keeping how far a build came pays nothing; and what an
        // interrupted test keeps does not always link.
        command.env("CARGO_INCREMENTAL", "0");
        command.env("XDG_CACHE_HOME", concat!(env!("CARGO_TARGET_TMPDIR"), "/cache"));
        for variable in ["STORE", "WEIGHTS", "DATA_CHAMMI"] {
            command.env_remove(format!("DICHROIC_{variable}"));
        }
        command
    };
    worked(at_home(env!("CARGO")).args(["fmt", "--check"]));
    worked(at_home("rustfmt").args(["--check", "--edition", "2024", "experiments/first.rs"]));

    let profile = folder.join("profile.toml");
    fs::write(&profile, quick_profile()).unwrap();
    let cargo = |words: &[&str]| worked(at_home(env!("CARGO")).arg("--config").arg(&profile).args(words));
    let tests = cargo(&["test"]);
    assert!(tests.contains("every_experiment_can_be_planned ... ok"), "{tests}");
    let program = |words: &[&str]| cargo(&[&["run", "--quiet", "--"], words].concat());
    assert!(program(&["list"]).contains("first"));
    assert!(program(&["show", "first"]).contains("hyper_net"));
    let seconds = [
        "model.weights.kind=scratch",
        "train.epochs=1",
        "train.schedule.warmup=0",
        "train.image=32",
        "train.subset=60",
        "model.adapter.hidden=8",
    ];
    let seconds = seconds.iter().flat_map(|change| ["--set", change]);
    let exp: Vec<&str> = ["exp", "first"].into_iter().chain(seconds).collect();
    let out = program(&exp);
    assert!(out.contains("Allen/Task_one") && out.contains("simulated cells"), "{out}");
    let store = Store::open_read_only(root.join("runs/dichroic.db")).unwrap();
    let done = store.query("SELECT experiment, status, works = works_done FROM v_runs").unwrap().rows;
    assert_eq!(done.len(), 1);
    assert_eq!(done[0].iter().map(ToString::to_string).collect::<Vec<_>>(), ["first", "done", "1"]);
}

#[test]
fn what_cannot_be_a_repository_is_refused_before_anything_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let full = folder.path().join("full");
    fs::create_dir(&full).unwrap();
    fs::write(full.join("mine.txt"), "kept").unwrap();
    for (name, more, error, hint) in [
        ("full", &[][..], "full exists and is not an empty folder", "take another name"),
        ("full/mine.txt", &[], "cannot be called `mine.txt`: only letters", "such as `my_mine_txt`"),
        ("3cells", &[], "cannot be called `3cells`: it must begin with a letter", "such as `my_3cells`"),
        ("dichroic", &[], "packages of dichroic itself", "such as `my_dichroic`"),
        ("cells", &["--path", "full"], "full is not a checkout of dichroic", "dichroic's own Cargo.toml"),
    ] {
        let said = new(folder.path(), name, more);
        let text = String::from_utf8(said.stderr).unwrap();
        assert_eq!(said.status.code(), Some(1), "{text}");
        assert!(text.contains(error) && text.contains("\n\nhint: ") && text.contains(hint), "{text}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    assert_eq!(fs::read_dir(&full).unwrap().count(), 1);

    fs::create_dir(folder.path().join("empty")).unwrap();
    assert!(new(folder.path(), "empty", &[]).status.success());
    let manifest = fs::read_to_string(folder.path().join("empty/Cargo.toml")).unwrap();
    let dependency = format!("dichroic = {{ version = \"{}\",", env!("CARGO_PKG_VERSION"));
    assert!(manifest.contains(&dependency), "{manifest}");
}
