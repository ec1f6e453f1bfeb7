//! `new`: a repository of one's own, with nothing but experiments in it.

use super::{
    failure::{Failure, Result},
    output,
};
use clap::Args;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// Writes a repository with a first experiment
#[derive(Args, Debug)]
pub(super) struct New {
    /// Its folder, which is made here; the last part is the name of its package
    #[arg(value_name = "NAME")]
    folder: PathBuf,
    /// A checkout of dichroic to build on, instead of the published version
    #[arg(long, value_name = "CRATE")]
    path: Option<PathBuf>,
}

/// Every file of it; `{name}`, `{dichroic}` and `{build}` are filled in.
const FILES: [(&str, &str); 8] = [
    ("Cargo.toml", include_str!("new/Cargo.toml.in")),
    ("build.rs", include_str!("new/build.rs.in")),
    ("src/main.rs", include_str!("new/main.rs.in")),
    ("experiments/first.rs", include_str!("new/first.rs.in")),
    (".gitignore", include_str!("new/gitignore")),
    (".rustfmt.toml", include_str!("../../.rustfmt.toml")),
    ("rust-toolchain.toml", include_str!("../../rust-toolchain.toml")),
    ("README.md", include_str!("new/README.md.in")),
];

impl New {
    pub(super) fn run(&self) -> Result {
        let folder = &self.folder;
        let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if let Some(why) = refused(name) {
            let hint = format!("take another name, such as `{}`", better(name));
            return Err(Failure::new(format!("a package cannot be called `{name}`: {why}")).hint(hint));
        }
        // Before anything is written.
        let [dichroic, build] = self.dependencies()?;
        if folder.exists() && !is_empty_folder(folder) {
            return Err(Failure::new(format!("{} exists and is not an empty folder", folder.display()))
                .hint("take another name, or remove what is there"));
        }
        for (path, text) in FILES {
            let text =
                text.replace("{name}", name).replace("{dichroic}", &dichroic).replace("{build}", &build);
            write(&folder.join(path), &text)?;
        }
        output::say(&format!(
            "{} has a first experiment, experiments/first.rs. Next:\n\n    cd {} && cargo run --release -- exp first",
            folder.display(),
            quoted(folder)
        ))
    }

    /// What `dichroic` and `dichroic-build` are, in `Cargo.toml`.
    fn dependencies(&self) -> Result<[String; 2]> {
        let Some(checkout) = &self.path else {
            let version = concat!("version = \"", env!("CARGO_PKG_VERSION"), "\"");
            return Ok([without_defaults(version), format!("{{ {version} }}")]);
        };
        let manifest = fs::read_to_string(checkout.join("Cargo.toml")).unwrap_or_default();
        let is_ours = manifest.parse::<toml::Table>().is_ok_and(|manifest| {
            manifest.get("package").and_then(|package| package.get("name")?.as_str()) == Some("dichroic")
        });
        let root = checkout.canonicalize().ok().filter(|_| is_ours).ok_or_else(|| {
            Failure::new(format!("{} is not a checkout of dichroic", checkout.display()))
                .hint("--path names the folder with dichroic's own Cargo.toml; without --path the published version is used")
        })?;
        let path = |path: &Path| format!("path = {}", toml::Value::from(path.display().to_string()));
        Ok([without_defaults(&path(&root)), format!("{{ {} }}", path(&root.join("src/build")))])
    }
}

/// A dependency whose features are those that the repository's own features switch on.
fn without_defaults(source: &str) -> String {
    format!("{{ {source}, default-features = false }}")
}

/// Why cargo would refuse this as the name of a package with a program in it, or could not tell it from dichroic's.
fn refused(name: &str) -> Option<&'static str> {
    let letters = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    match name {
        "" => Some("it has no letter"),
        _ if !letters => Some("only letters a-z, digits, - and _ will do"),
        _ if !name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') => {
            Some("it must begin with a letter")
        }
        _ if KEYWORDS.contains(&name) => Some("it is a word of Rust"),
        _ if RESERVED.contains(&name) => Some("cargo or Rust has another thing of that name"),
        _ if name == "dichroic" || name.starts_with("dichroic-") || name.starts_with("dichroic_") => {
            Some("packages of dichroic itself are called so")
        }
        _ => None,
    }
}

/// Keywords of every edition.
const KEYWORDS: [&str; 53] = [
    "Self", "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate", "do",
    "dyn", "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop",
    "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref", "return", "self", "static",
    "struct", "super", "trait", "true", "try", "type", "typeof", "unsafe", "unsized", "use", "virtual",
    "where", "while", "yield", "_",
];

/// Folders of `target`, and crates that come with Rust.
const RESERVED: [&str; 10] =
    ["alloc", "build", "core", "deps", "examples", "incremental", "proc-macro", "proc_macro", "std", "test"];

/// A name like it that will do.
fn better(name: &str) -> String {
    let name = name.replace(|c: char| !c.is_ascii_alphanumeric(), "_");
    let name = name.trim_matches('_');
    if name.is_empty() { "my_experiments".into() } else { format!("my_{name}") }
}

fn is_empty_folder(folder: &Path) -> bool {
    fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_none())
}

fn write(path: &Path, text: &str) -> Result {
    let folder = path.parent().expect("every file is in the repository");
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(path, text))
        .map_err(|error| Failure::new(format!("cannot write {}: {error}", path.display())))
}

/// As a shell takes it.
fn quoted(path: &Path) -> String {
    let path = path.display().to_string();
    let plain = |c: char| c.is_alphanumeric() || "/._-~+,:@".contains(c);
    if path.chars().all(plain) { path } else { format!("'{}'", path.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn what_is_taken_here_is_taken_by_cargo_and_what_cargo_refuses_is_refused_here() {
        let folder = tempfile::tempdir().unwrap();
        let cargo = |name: &str| {
            let mut cargo = Command::new(env!("CARGO"));
            cargo
                .args(["new", "--quiet", "--vcs", "none", "--name", name, "--", name])
                .current_dir(folder.path());
            cargo.output().unwrap().status.success()
        };
        for name in [
            "cells",
            "my-screen",
            "_1",
            "Größe",
            "a.b",
            "",
            "3cells",
            "-x",
            "fn",
            "gen",
            "test",
            "deps",
            "build",
        ] {
            assert!(refused(name).is_some() || cargo(name), "{name} is taken here only");
            assert!(refused(&better(name)).is_none(), "{name}");
        }
        for name in ["cells", "my-screen", "_1", "experiments"] {
            assert_eq!(refused(name), None);
        }
        for name in ["std", "dichroic-lang", "dichroic"] {
            assert!(refused(name).is_some(), "{name} would hide what it needs");
        }
    }

    #[test]
    fn a_folder_is_quoted_where_a_shell_needs_it() {
        assert_eq!(
            ["a/b-1", "my cells", "it's"].map(|path| quoted(Path::new(path))),
            ["a/b-1", "'my cells'", r"'it'\''s'"]
        );
    }
}
