//! The names of things: a spec, a run and a work are known by what they compute.

use super::Spec;
use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// The hexadecimal digits.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

ids! {
    /// First 12 hexadecimal digits of BLAKE3 over a spec's canonical JSON.
    SpecId;
    /// First 16 hexadecimal digits of BLAKE3 over canonical spec, seed and the fingerprints of the data it reads.
    RunId;
    /// First 16 hexadecimal digits of BLAKE3 over a work, its seed, the fingerprints it reads, its parents and revision.
    WorkId;
}

impl SpecId {
    /// The name of a spec.
    pub fn of(spec: &Spec) -> Self {
        Self(digest("spec", &canonical(spec))[..12].into())
    }
}

impl RunId {
    /// The name of a run; the order of `fingerprints` does not matter.
    pub fn of(spec: &Spec, seed: u64, fingerprints: &[&str]) -> Self {
        let mut sorted = fingerprints.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        Self(digest("run", &canonical(&(spec, seed, sorted)))[..16].into())
    }
}

impl WorkId {
    /// The name of a work; `parents` in the order in which the work uses them.
    pub fn of(work: &impl Serialize, seed: Option<u64>, fingerprints: &[&str], parents: &[&WorkId]) -> Self {
        Self(digest("work", &canonical(&(work, seed, fingerprints, parents)))[..16].into())
    }
}

/// The bytes that are hashed: compact JSON, fields in declaration order, shortest floats that round-trip.
pub fn canonical(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("plain data without maps serialises")
}

fn digest(what: &str, bytes: &[u8]) -> String {
    let mut hash = blake3::Hasher::new();
    hash.update(what.as_bytes()).update(&[0]).update(bytes);
    hash.finalize().to_hex().to_string()
}
