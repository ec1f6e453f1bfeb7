//! Who computed a number: code, arguments, computer. Never part of a run's identity.

use std::path::Path;
use std::process::{Command, Stdio};

/// What an attempt says about itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Provenance {
    /// The code.
    pub code: Code,
    /// The computer.
    pub host: Host,
    /// The command line.
    pub args: Vec<String>,
    /// The process that a person started: this one, or the one that this one is a worker of.
    pub caller: u32,
    /// Device kind, SIMD level and processor model: bits are the same within one class.
    pub numerics: String,
}

/// The code that ran.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Code {
    /// Version of the package.
    pub version: String,
    /// Commit, where there is one.
    pub commit: Option<String>,
    /// Whether the sources differ from the commit; `None` where nobody knows.
    pub dirty: Option<bool>,
    /// What the build read: digest of the sources.
    pub sources: String,
    /// `git diff HEAD`, only while it is true for the binary.
    pub diff: Option<String>,
    /// BLAKE3 of the program's file, from [`Code::binary_digest`].
    pub binary: Option<String>,
    /// BLAKE3 of `Cargo.lock`.
    pub lock: Option<String>,
    /// Compiler and features.
    pub build: String,
}

impl Code {
    /// BLAKE3 of the running program's file; reads it whole, so once per process is enough.
    pub fn binary_digest() -> Option<String> {
        let bytes = std::fs::read(std::env::current_exe().ok()?).ok()?;
        Some(blake3::hash(&bytes).to_hex().to_string())
    }
}

/// The computer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Host {
    /// Its name.
    pub name: String,
    /// Operating system and architecture.
    pub os: String,
    /// Processor model.
    pub cpu: String,
    /// Logical cores.
    pub cores: u32,
    /// Memory in MiB; 0 where unknown.
    pub ram_mb: u64,
}

impl Host {
    /// This computer. Facts that the system does not tell are empty or 0.
    pub fn here() -> Self {
        let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        let field = |text: &str, name: &str| {
            let line = text.lines().find(|line| line.starts_with(name))?;
            Some(line.split_once(':')?.1.trim().to_string())
        };
        let memory = field(&read("/proc/meminfo"), "MemTotal");
        let name = match read("/proc/sys/kernel/hostname").trim() {
            "" => {
                said("hostname", &[], None).or_else(|| std::env::var("COMPUTERNAME").ok()).unwrap_or_default()
            }
            name => name.to_string(),
        };
        let cpu = field(&read("/proc/cpuinfo"), "model name")
            .or_else(|| said("sysctl", &["-n", "machdep.cpu.brand_string"], None))
            .unwrap_or_default();
        Self {
            name,
            os: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            cpu,
            cores: std::thread::available_parallelism().map_or(1, |n| n.get() as u32),
            ram_mb: memory
                .and_then(|line| line.trim_end_matches("kB").trim().parse::<u64>().ok())
                .map_or(0, |kb| kb / 1024),
        }
    }
}

/// Commit, dirtiness and diff of the working tree at `folder`, where there is git and a repository.
pub struct Git {
    /// The full commit.
    pub commit: String,
    /// Whether tracked files differ from it.
    pub dirty: bool,
    /// `git diff HEAD`; empty when clean.
    pub diff: String,
}

impl Git {
    /// Asks git; `None` without git, outside a repository or before the first commit.
    pub fn at(folder: &Path) -> Option<Self> {
        let commit = said("git", &["rev-parse", "--verify", "HEAD"], Some(folder))?;
        let diff = said("git", &["diff", "--no-ext-diff", "--binary", "HEAD", "--", "."], Some(folder))?;
        Some(Self { commit, dirty: !diff.is_empty(), diff })
    }
}

/// What a program prints, trimmed at the end; `None` when it is absent or fails.
fn said(program: &str, args: &[&str], folder: Option<&Path>) -> Option<String> {
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::null()).stderr(Stdio::null());
    if let Some(folder) = folder {
        command.current_dir(folder);
    }
    let output = command.output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).trim_end().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_computer_has_a_name_and_cores() {
        let host = Host::here();
        assert!(
            host.cores > 0 && !host.name.is_empty() && host.os.contains(std::env::consts::ARCH),
            "{host:?}"
        );
    }

    #[test]
    fn no_repository_is_no_error() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Git::at(folder.path()).is_none());
    }
}
