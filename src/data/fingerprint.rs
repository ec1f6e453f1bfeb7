//! The fingerprint of a data set: changed by anything that affects a run.
//!
//! It covers the description, every byte of the tables, and path, length and contents of the images that the tables name,
//! each once, in the order of their paths. Other files in the folder are ignored. Of very large data sets the contents are
//! sampled, and the fingerprint says so.

use super::{
    Contents, Error,
    contents::{Covered, Stamp},
    describe::Description,
    listing::Listing,
};
use crate::event::Listen;
use std::path::Path;

/// What a fingerprint ends with if contents were sampled.
const SAMPLED: &str = "-sampled";

/// What the fingerprint covers of a set.
pub(super) struct Part {
    pub(super) name: String,
    /// The digest of its table.
    pub(super) table: [u8; 32],
    /// Its files.
    pub(super) listing: Listing,
}

/// The fingerprint of the folder `root`, and warnings: 64 hexadecimal digits, and `-sampled` if contents are.
///
/// # Errors
/// If a file cannot be read, or if the listener asks to stop.
pub(super) fn of(
    root: &Path,
    description: &Description,
    parts: &[Part],
    contents: &Contents,
    listen: &mut dyn Listen,
) -> Result<(String, Vec<String>), Error> {
    let named: Vec<(&str, Stamp)> = parts.iter().flat_map(|part| part.listing.named()).collect();
    let Covered { files, sampled, warnings, .. } = contents.cover(root, &named, listen)?;
    let mut hash = blake3::Hasher::new_derive_key(if sampled {
        "dichroic 2026-11-30 data fingerprint, sampled"
    } else {
        "dichroic 2026-11-30 data fingerprint"
    });
    let text = serde_json::to_vec(description).expect("a description is plain data with text keys");
    add(&mut hash, &text);
    let mut all = named.iter().zip(&files);
    for Part { name, table, listing } in parts {
        add(&mut hash, name.as_bytes());
        hash.update(table);
        let count = listing.named().count();
        hash.update(&(count as u64).to_le_bytes());
        for ((path, _), (length, contents)) in all.by_ref().take(count) {
            add(&mut hash, path.as_bytes());
            hash.update(&length.to_le_bytes());
            hash.update(contents);
        }
    }
    let print = hash.finalize().to_hex().to_string();
    Ok((if sampled { print + SAMPLED } else { print }, warnings))
}

/// Lengths go first, so that different lists of texts never hash the same.
fn add(hash: &mut blake3::Hasher, bytes: &[u8]) {
    hash.update(&(bytes.len() as u64).to_le_bytes());
    hash.update(bytes);
}
