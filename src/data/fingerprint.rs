//! The fingerprint of a data set: cheap, and changed by anything that affects a run except edited pixels.
//!
//! It covers the description, every byte of the tables, and path and length of the images that the tables name, in
//! the order of their paths. Other files in the folder are ignored. `data check` computes the hash of all contents.

use super::{describe::Description, listing::Listing};

pub(super) struct Fingerprint(blake3::Hasher);

impl Fingerprint {
    pub(super) fn new(description: &Description) -> Self {
        let mut hash = blake3::Hasher::new_derive_key("dichroic 2026-11-20 data fingerprint");
        let text = serde_json::to_vec(description).expect("a description is plain data with text keys");
        add(&mut hash, &text);
        Self(hash)
    }

    /// Adds a set: the digest of its table and, if given, the files that `listing` marks as named by it.
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

/// Lengths go first, so that different lists of texts never hash the same.
fn add(hash: &mut blake3::Hasher, bytes: &[u8]) {
    hash.update(&(bytes.len() as u64).to_le_bytes());
    hash.update(bytes);
}
