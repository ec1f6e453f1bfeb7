//! TIFF pages compressed with zstd. The decoder of TIFF would take it from a C library; here the strips or tiles are
//! decompressed in Rust, and the decoder gets the page as an uncompressed file.

use super::{Fault, directory::Directory, limits};
use ruzstd::decoding::StreamingDecoder;
use std::io::Read;

/// zstd in TIFF.
pub(super) const NUMBER: u16 = 50_000;

/// Bytes of an uncompressed file with this page.
pub(super) fn size(page: &Directory) -> Option<u64> {
    let chunks = page.places.len() as u64;
    let [columns, rows] = chunk(page);
    let pixels = if page.tile.is_some() {
        columns.checked_mul(rows)?.checked_mul(chunks)?
    } else {
        page.width.checked_mul(page.height)?
    };
    pixels.checked_mul(page.depth())?.checked_add(HEAD + 16 * chunks)
}

/// Columns and rows of a strip or tile.
fn chunk(page: &Directory) -> [u64; 2] {
    page.tile.unwrap_or([page.width, page.rows_per_strip.clamp(1, page.height.max(1))])
}

const ENTRIES: u64 = 11;
/// Bytes before the lists of places and lengths.
const HEAD: u64 = 16 + 8 + ENTRIES * 20 + 8;

/// The page of `bytes` as a file of its own: BigTIFF in the same order of bytes.
///
/// # Errors
/// If a strip or tile is damaged, or is not inside the file.
pub(super) fn unpacked(bytes: &[u8], page: &Directory) -> Result<Vec<u8>, Fault> {
    let damaged = |cause: &str| Fault::Damaged(format!("zstd: {cause}"));
    let little = bytes.starts_with(b"II");
    let word = |number: u64| if little { number.to_le_bytes() } else { number.to_be_bytes() };
    let short = |number: u16| if little { number.to_le_bytes() } else { number.to_be_bytes() };
    let size =
        size(page).and_then(|size| usize::try_from(size).ok()).ok_or_else(|| damaged("too many pixels"))?;
    let needs = size as u64;
    let mut file: Vec<u8> = limits::zeros(size).ok_or(Fault::TooLarge { needs, most: needs / 2 })?;
    file.clear();
    file.extend(if little { b"II" } else { b"MM" });
    [43, 8, 0].into_iter().for_each(|number| file.extend(short(number)));
    file.extend(word(16));
    file.extend(word(ENTRIES));
    let [columns, rows] = chunk(page);
    let count = page.places.len() as u64;
    // One place or length is in the entry itself.
    let list = |number: u64| if count == 1 { None } else { Some(HEAD + 8 * number * count) };
    let first = HEAD + if count == 1 { 0 } else { 16 * count };
    let length = |number: u64| {
        let rows =
            if page.tile.is_some() { rows } else { rows.min(page.height.saturating_sub(number * rows)) };
        columns * rows * page.depth()
    };
    let (tags, shape) = match page.tile {
        Some(_) => ([324, 325], [(322, columns), (323, rows)]),
        None => ([273, 279], [(277, 1), (278, rows)]),
    };
    let mut entries = vec![
        (256, page.width, 1),
        (257, page.height, 1),
        (258, page.bits, 1),
        (259, 1, 1),
        (262, page.photometric.min(1), 1),
        (tags[0], list(0).unwrap_or(first), count),
        (tags[1], list(1).unwrap_or(length(0)), count),
        (284, 1, 1),
        (317, page.predictor, 1),
    ];
    entries.extend(shape.map(|(tag, value)| (tag, value, 1)));
    entries.sort_unstable();
    for (tag, value, count) in entries {
        file.extend(short(tag));
        file.extend(short(16)); // whole numbers of 64 bits
        file.extend(word(count));
        file.extend(word(value));
    }
    file.extend(word(0));
    if count > 1 {
        let mut at = first;
        for number in 0..count {
            file.extend(word(at));
            at += length(number);
        }
        (0..count).for_each(|number| file.extend(word(length(number))));
    }
    for (number, (at, stored)) in (0..).zip(&page.places) {
        let end = at.checked_add(*stored).and_then(|end| usize::try_from(end).ok());
        let packed = end.and_then(|end| bytes.get(usize::try_from(*at).ok()?..end));
        let packed = packed.ok_or_else(|| damaged("a strip or tile is not inside the file"))?;
        let unpacking = StreamingDecoder::new(packed).map_err(|error| damaged(&error.to_string()))?;
        let before = file.len() as u64;
        unpacking.take(length(number)).read_to_end(&mut file).map_err(|error| damaged(&error.to_string()))?;
        if file.len() as u64 - before != length(number) {
            return Err(damaged("a strip or tile is cut short"));
        }
    }
    Ok(file)
}
