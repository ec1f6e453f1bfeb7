//! The fingerprint of a data set: cheap to take, changed by anything that a run could notice short of edited pixels.
//!
//! It covers the description, every byte of the tables, and path and length of the images that the tables name, in
//! the order of their paths. Other files in the folder do not matter. The hash of all contents is `data check`'s.

use super::{describe::Description, listing::Listing};

pub(super) struct Fingerprint(blake3::Hasher);

impl Fingerprint {
    pub(super) fn new(description: &Description) -> Self {
        let mut hash = blake3::Hasher::new_derive_key("dichroic 2026-11-20 data fingerprint");
        let text = serde_json::to_vec(description).expect("a description is plain data with text keys");
        add(&mut hash, &text);
        Self(hash)
    }

    /// Adds a set: the digest of its table, and of `listing`, if there is one, what the table names.
    pub(super) fn set(&mut self, name: &str, table: &[u8; 32], listing: Option<&Listing>) {
        add(&mut self.0, name.as_bytes());
        self.0.update(table);
        for (path, length) in listing.into_iter().flat_map(Listing::named) {
            add(&mut self.0, path.as_bytes());
            self.0.update(&length.to_le_bytes());
        }
    }

    pub(super) fn finish(self) -> String {
        self.0.finalize().to_hex().to_string()
    }
}

/// Lengths go first, so that no two lists of texts look the same.
fn add(hash: &mut blake3::Hasher, bytes: &[u8]) {
    hash.update(&(bytes.len() as u64).to_le_bytes());
    hash.update(bytes);
}
