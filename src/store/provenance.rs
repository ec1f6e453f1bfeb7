//! Provenance of a number: code, arguments, computer. Never part of a run's identity.

use std::path::Path;
use std::process::{Command, Stdio};

/// The provenance of an attempt.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Provenance {
    /// The code.
    pub code: Code,
    /// The computer.
    pub host: Host,
    /// The command line.
    pub args: Vec<String>,
    /// The process started by the user: this one, or the one that it is a worker of.
    pub caller: u32,
    /// Device kind, SIMD level and processor model: bits are the same within a class.
    pub numerics: String,
}

/// The code that ran.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Code {
    /// Version of the package.
    pub version: String,
    /// Commit, if there is one.
    pub commit: Option<String>,
    /// Whether the sources differ from the commit; `None` if unknown.
    pub dirty: Option<bool>,
    /// Digest of the sources at build time.
    pub sources: String,
    /// `git diff HEAD`, only if the binary was built from it.
    pub diff: Option<String>,
    /// BLAKE3 of the program's file, from [`Code::binary_digest`].
    pub binary: Option<String>,
    /// BLAKE3 of `Cargo.lock`.
    pub lock: Option<String>,
    /// Compiler and features.
    pub build: String,
}

impl Code {
    /// BLAKE3 of the running program's file; reads all of it, so call it once per process.
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
    /// Memory in MiB; 0 if unknown.
    pub ram_mb: u64,
}

impl Host {
    /// This computer. Facts that the system does not report are empty or 0.
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

/// Commit, dirtiness and diff of the working tree at `folder`, if git and a repository exist.
pub struct Git {
    /// The full commit.
    pub commit: String,
    /// Whether tracked files differ from it.
    pub dirty: bool,
    /// `git diff HEAD`; empty when clean.
    pub diff: String,
}

impl Git {
    /// Queries git; `None` without git, outside a repository or before the first commit.
    pub fn at(folder: &Path) -> Option<Self> {
        let commit = said("git", &["rev-parse", "--verify", "HEAD"], Some(folder))?;
        let diff = said("git", &["diff", "--no-ext-diff", "--binary", "HEAD", "--", "."], Some(folder))?;
        Some(Self { commit, dirty: !diff.is_empty(), diff })
    }
}

/// The output of a program, trimmed at the end; `None` if it does not exist or fails.
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
