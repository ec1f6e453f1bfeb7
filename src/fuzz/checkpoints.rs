//! PyTorch's checkpoints: the pickle in an archive, and the format before archives.

use super::Target;
use crate::backbone::{files, torch::Checkpoint};
use std::{
    io::{Cursor, Read, Write},
    path::Path,
};
use zip::{CompressionMethod, ZipArchive, ZipWriter, write::SimpleFileOptions};

/// A small checkpoint with tensors of several types.
const WHOLE: &[u8] = include_bytes!("../../tests/golden/checkpoints/tensors.pt");

/// The names of its entries, and what they contain.
fn entries() -> Vec<(String, Vec<u8>)> {
    let mut archive = ZipArchive::new(Cursor::new(WHOLE)).expect("an archive");
    let count = archive.len();
    let entry = |at| {
        let mut entry = archive.by_index(at).expect("an entry");
        let mut bytes = vec![];
        entry.read_to_end(&mut bytes).expect("it can be read");
        (entry.name().expect("a name").into_owned(), bytes)
    };
    (0..count).map(entry).collect()
}

/// Its pickle, which has no check sum of its own as the archive has.
pub(super) fn pickle(folder: &Path) -> Target {
    let seeds = vec![entry("data.pkl"), settings()];
    let archive = |pickle: Vec<u8>| {
        let mut out = ZipWriter::new(Cursor::new(vec![]));
        for (name, bytes) in entries() {
            let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
            let bytes = if name.ends_with("data.pkl") { &pickle } else { &bytes };
            out.start_file(name, stored).and_then(|()| Ok(out.write_all(bytes)?)).expect("an entry");
        }
        out.finish().expect("an archive").into_inner()
    };
    Target { file: Box::new(archive), ..Target::new(seeds, folder.join("a.pt"), everything) }
}

fn entry(name: &str) -> Vec<u8> {
    let found = entries().into_iter().find(|(whole, _)| whole.ends_with(name));
    found.expect("it is there").1
}

fn text(text: &str) -> Vec<u8> {
    [b"X", &(text.len() as u32).to_le_bytes()[..], text.as_bytes()].concat()
}

/// An object of OmegaConf with one thing in its state.
fn omega(class: &str, key: &str, value: &[u8]) -> Vec<u8> {
    [b"comegaconf\n", class.as_bytes(), b"\n)\x81}", &text(key), value, b"sb"].concat()
}

/// A pickle of a configuration, and of no tensors.
fn settings() -> Vec<u8> {
    let level = |key: &str, value: Vec<u8>| {
        omega("DictConfig", "_content", &[b"}", &text(key)[..], &value, b"s"].concat())
    };
    let pooling = level("model", level("pooling", omega("AnyNode", "_val", &text("sum"))));
    [b"\x80\x02}(", &text("model_params")[..], b"}", &text("config"), &pooling, b"u."].concat()
}

/// Reads every tensor of a checkpoint, and what else it is asked for.
fn everything(path: &Path) -> bool {
    let read = || {
        let mut checkpoint = Checkpoint::open(path)?;
        let _ = (checkpoint.keys(), checkpoint.number("epoch"), checkpoint.setting(&["config", "model"]));
        let _ = checkpoint.word(&["config", "model", "pooling"]);
        let tensors = checkpoint.tensors("model_params")?.unwrap_or_default();
        tensors.iter().try_for_each(|(name, stored)| checkpoint.values(name, stored).map(drop))
    };
    // As weights that others published, whatever is in them.
    let _ = files::remarks(path);
    read().is_ok()
}

/// Several pickles one after the other, as PyTorch wrote before it had archives; then storages with their lengths.
pub(super) fn legacy(folder: &Path) -> Target {
    let mut file =
        b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\x02M\xe9\x03.\x80\x02}.".to_vec();
    file.extend(entry("data.pkl"));
    file.extend(b"\x80\x02](");
    (0..6).for_each(|key| file.extend(text(&key.to_string())));
    file.extend(b"e.");
    for (key, bytes_of_a_number) in [4, 4, 4, 8, 2, 4].into_iter().enumerate() {
        let numbers = entry(&format!("data/{key}"));
        file.extend((numbers.len() as u64 / bytes_of_a_number).to_le_bytes());
        file.extend(numbers);
    }
    Target::new(vec![file], folder.join("a.pt"), everything)
}
