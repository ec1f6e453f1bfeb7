//! Provenance of this process: program, sources, machine.

use crate::{
    device, ops, program,
    store::{Code, Git, Host, Provenance},
};
use candle_core::Device;
use std::{env, fs, process};

/// The provenance of every attempt of this process; `caller`: the process that it is a worker of, if any.
pub(super) fn here(caller: Option<u32>, device: &Device) -> Provenance {
    let host = Host::here();
    let numerics = numerics(&host, device);
    let caller = caller.unwrap_or_else(process::id);
    Provenance { code: code(), numerics, args: env::args().collect(), caller, host }
}

/// Bits are the same within a class: device kind, SIMD level, processor model.
pub(super) fn numerics(host: &Host, device: &Device) -> String {
    let gpu = device::model(device);
    if !gpu.is_empty() {
        return gpu.to_lowercase();
    }
    format!("cpu {:?} {}", ops::level(), host.cpu).to_lowercase()
}

fn code() -> Code {
    // The working tree describes this program only while its sources are unchanged.
    let build = program::build();
    let root = build.unchanged_root();
    let git = root.and_then(Git::at);
    let lock = root.and_then(|root| fs::read(root.join("Cargo.lock")).ok());
    let profile = if cfg!(debug_assertions) { "debug" } else { "release" };
    Code {
        version: env!("CARGO_PKG_VERSION").into(),
        commit: git
            .as_ref()
            .map(|git| git.commit.clone())
            .or_else(|| Some(build.commit.to_owned()).filter(|commit| !commit.is_empty())),
        dirty: git.as_ref().map(|git| git.dirty),
        sources: build.sources.into(),
        diff: git.map(|git| git.diff).filter(|diff| !diff.is_empty()),
        binary: Code::binary_digest(),
        lock: lock.map(|lock| blake3::hash(&lock).to_hex().to_string()),
        build: format!("{profile} {} {}", env::consts::OS, env::consts::ARCH),
    }
}
