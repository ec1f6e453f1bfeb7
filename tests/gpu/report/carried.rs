//! The binaries that are copied to a machine with a GPU: which ones cargo built, where, and what they need
//! there.

use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    error::Error,
    fs,
    io::{self, BufRead},
    path::{Path, PathBuf},
    process::Command,
};

/// Copies the binaries named in cargo's messages on stdin into `folder`, and writes `carried.tsv` (for the
/// script: role, file, folder of the package, filters of tests) and `carried.json` (for the page).
pub fn collect(root: &Path, folder: &Path) -> Result<(), Box<dyn Error>> {
    fs::create_dir_all(folder)?;
    let (mut lines, mut listed, mut needs) = (String::new(), vec![], Needs::default());
    for line in io::stdin().lock().lines() {
        let Ok(message) = serde_json::from_str::<Value>(&line?) else { continue };
        let Some(Binary { role, name, path, package, tests }) = Binary::of(&message, root)? else { continue };
        fs::copy(&path, folder.join(&name))?;
        needs.look(&path)?;
        let bytes = fs::metadata(&path)?.len();
        let package = package.display();
        lines += &format!("{role}\t{name}\t{package}\t{}\n", tests.join(" "));
        listed.push(json!({"role": role, "file": name, "package": format!("{package}"), "tests": tests, "bytes": bytes}));
    }
    let has = |role: &str| listed.iter().any(|binary| binary["role"] == role);
    if let Some(missing) = ["program", "bench", "report", "tests"].iter().find(|role| !has(role)) {
        return Err(format!("cargo named no binary for the {missing}").into());
    }
    let said = |program: &str, words: &[&str]| {
        let output = Command::new(program).args(words).current_dir(root).output().ok();
        output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
    };
    let all = json!({
        "commit": said("git", &["rev-parse", "HEAD"]),
        "dirty": !said("git", &["status", "--porcelain", "--untracked-files=no"]).is_empty(),
        "rustc": said("rustc", &["--version"]),
        "nvcc": said("nvcc", &["--version"]).lines().last().unwrap_or_default(),
        "libraries": needs.libraries,
        "glibc": needs.glibc(),
        "binaries": listed,
    });
    fs::write(folder.join("carried.tsv"), lines)?;
    fs::write(folder.join("carried.json"), serde_json::to_string_pretty(&all)?)?;
    Ok(())
}

/// A binary and its role.
struct Binary {
    role: &'static str,
    name: String,
    path: PathBuf,
    /// The folder of its package, relative to the root.
    package: PathBuf,
    /// Which of its tests run on GPUs.
    tests: Vec<String>,
}

impl Binary {
    /// The binary that a message of cargo names, if it is needed.
    fn of(message: &Value, root: &Path) -> Result<Option<Self>, Box<dyn Error>> {
        let Some(path) = message["executable"].as_str() else { return Ok(None) };
        let target = &message["target"];
        let kind = target["kind"][0].as_str().unwrap_or_default();
        let name = target["name"].as_str().unwrap_or_default();
        let manifest = Path::new(message["manifest_path"].as_str().unwrap_or_default());
        let folder = manifest.parent().ok_or("a manifest is in a folder")?;
        // Never empty, because the script separates columns by their content.
        let package = Path::new(".").join(folder.strip_prefix(root)?);
        let source = Path::new(target["src_path"].as_str().unwrap_or_default());
        let is_test = message["profile"]["test"] == true;
        let mut tests = vec![];
        let (role, file) = match (kind, name, is_test) {
            ("bin", "dichroic", false) => ("program", "dichroic".to_owned()),
            ("bench", "gpu", _) => ("bench", "bench-gpu".to_owned()),
            ("example", "gpu_report", false) => ("report", "gpu_report".to_owned()),
            ("lib", _, true) => {
                tests = on_gpus(source.parent().ok_or("a source file is in a folder")?)?;
                ("tests", format!("tests-{name}"))
            }
            _ => return Ok(None),
        };
        let nothing = role == "tests" && tests.is_empty();
        Ok((!nothing).then(|| Self { role, name: file, path: path.into(), package, tests }))
    }
}

/// The modules below a folder whose tests run on GPUs: `ops::gpu::tests`.
fn on_gpus(folder: &Path) -> io::Result<Vec<String>> {
    let mut modules = BTreeSet::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(at) = folders.pop() {
        for entry in fs::read_dir(&at)? {
            let path = entry?.path();
            if path.is_dir() {
                // A folder with a manifest is a separate package.
                if !path.join("Cargo.toml").exists() {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|extension| extension == "rs")
                && calls(&fs::read_to_string(&path)?)
            {
                modules.insert(module(path.strip_prefix(folder).expect("it is below")));
            }
        }
    }
    Ok(modules.into_iter().collect())
}

/// Whether a text has tests with `golden::everywhere` or `golden::on_gpus`; the file that declares these has
/// none.
fn calls(text: &str) -> bool {
    ["everywhere(", "on_gpus("].iter().any(|name| text.contains(name)) && !text.contains("fn on_gpus(")
}

/// `ops/gpu/tests.rs` is `ops::gpu::tests`; the contents of `mod tests` begin with their file's module.
fn module(path: &Path) -> String {
    let names: Vec<String> =
        path.with_extension("").iter().map(|name| name.to_string_lossy().into_owned()).collect();
    let names = match names.split_last() {
        Some((last, rest)) if ["mod", "lib"].contains(&last.as_str()) => rest,
        _ => &names,
    };
    format!("{}::", names.join("::"))
}

/// What the binaries need where they run.
#[derive(Default)]
struct Needs {
    libraries: BTreeSet<String>,
    versions: BTreeSet<(u32, u32)>,
}

impl Needs {
    fn look(&mut self, binary: &Path) -> Result<(), Box<dyn Error>> {
        let said = Command::new("objdump").arg("-p").arg(binary).output();
        let said =
            said.map_err(|error| format!("objdump is needed to list a binary's libraries: {error}"))?;
        self.receive(&String::from_utf8_lossy(&said.stdout));
        Ok(())
    }

    fn receive(&mut self, text: &str) {
        for line in text.lines() {
            if let Some(library) = line.trim().strip_prefix("NEEDED") {
                self.libraries.insert(library.trim().to_owned());
            }
            let version = line.rsplit_once("GLIBC_").and_then(|(_, version)| version.split_once('.'));
            let number = |text: &str| text.split('.').next()?.parse().ok();
            self.versions.extend(version.and_then(|(major, minor)| Some((number(major)?, number(minor)?))));
        }
    }

    /// The minimum version of the C library with all symbols that they need.
    fn glibc(&self) -> String {
        self.versions.last().map(|(major, minor)| format!("{major}.{minor}")).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_binary_needs_is_read() {
        let mut needs = Needs::default();
        needs.receive(
            "  NEEDED               libcublas.so.13\n    0x0d696914 0x00 08 GLIBC_2.34\n  0x1 0x00 09 GLIBC_2.2.5",
        );
        assert_eq!(needs.libraries.iter().collect::<Vec<_>>(), ["libcublas.so.13"]);
        assert_eq!(needs.glibc(), "2.34");
    }

    #[test]
    fn modules_that_run_on_gpus_are_found() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        file("golden.rs", "pub fn on_gpus(work: impl Fn()) {}");
        file("ops/gpu/tests.rs", "on_gpus(|| {});");
        file("ops/mod.rs", "mod tests { everywhere(|| {}); }");
        file("other/Cargo.toml", "");
        file("other/tests.rs", "on_gpus(|| {});");
        file("plain.rs", "fn f() {}");
        assert_eq!(on_gpus(folder.path()).unwrap(), ["ops::", "ops::gpu::tests::"]);
    }

    #[test]
    fn what_cargo_says_is_understood() {
        let binary = |kind: &str, name: &str, test: bool| {
            let message = json!({
                "executable": "/root/target/x", "manifest_path": "/root/src/ops/Cargo.toml", "profile": {"test": test},
                "target": {"kind": [kind], "name": name, "src_path": "/root/src/ops/main.rs"},
            });
            Binary::of(&message, Path::new("/root")).unwrap().map(|binary| (binary.role, binary.package))
        };
        assert_eq!(binary("bin", "dichroic", false), Some(("program", "./src/ops".into())));
        assert_eq!(binary("bench", "gpu", true).unwrap().0, "bench");
        assert_eq!((binary("bin", "dichroic", true), binary("example", "other", false)), (None, None));
    }
}
