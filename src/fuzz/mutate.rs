//! Changes to good files: flipped bits, numbers at the edges, cut, doubled and swapped pieces, words of other files.

use crate::seed::Stream;

/// Numbers at which readers slip.
const EDGES: [u64; 12] = [
    0,
    1,
    0x7f,
    0x80,
    0xff,
    0x7fff,
    0xffff,
    0x7fff_ffff,
    0xffff_ffff,
    0x8000_0000,
    i64::MAX as u64,
    u64::MAX,
];

/// Digits and signs that replace numbers in text.
const WORDS: [&[u8]; 14] = [
    b"0",
    b"-1",
    b"18446744073709551616",
    b"9223372036854775807",
    b"1e309",
    b"nan",
    b"\"",
    b"\n",
    b"\\",
    b",",
    b"{",
    b"[",
    b"\xff\xfe",
    b"\0",
];

/// One of `seeds` with one to three changes.
pub(super) fn mutated(seeds: &[Vec<u8>], stream: &mut Stream) -> Vec<u8> {
    let mut input = seeds[stream.below(seeds.len())].clone();
    for _ in 0..=stream.below(3) {
        change(&mut input, seeds, stream);
    }
    input
}

fn change(input: &mut Vec<u8>, seeds: &[Vec<u8>], stream: &mut Stream) {
    if input.is_empty() {
        input.push(stream.bits() as u8);
        return;
    }
    let at = stream.below(input.len());
    match stream.below(10) {
        0 | 1 => input[at] ^= 1 << stream.below(8),
        2 => input[at] = stream.bits() as u8,
        3 | 4 => number(input, at, stream),
        5 => input.truncate(at),
        6 => {
            let end = at + 1 + stream.below((input.len() - at).min(64));
            drop(input.drain(at..end.min(input.len())));
        }
        7 => {
            let end = (at + 1 + stream.below(64)).min(input.len());
            let piece = input[at..end].to_vec();
            let to = stream.below(input.len());
            drop(input.splice(to..to, piece));
        }
        8 => {
            let word = WORDS[stream.below(WORDS.len())];
            let end = (at + stream.below(8)).min(input.len());
            drop(input.splice(at..end, word.iter().copied()));
        }
        _ => {
            let other = &seeds[stream.below(seeds.len())];
            let from = stream.below(other.len().max(1)).min(other.len());
            let piece = &other[from..(from + 1 + stream.below(64)).min(other.len())];
            let end = (at + piece.len()).min(input.len());
            drop(input.splice(at..end, piece.iter().copied()));
        }
    }
}

/// A number at an edge, or one off what is there, in either byte order and any width.
fn number(input: &mut [u8], at: usize, stream: &mut Stream) {
    let width = [1, 2, 4, 8][stream.below(4)].min(input.len() - at);
    let place = &mut input[at..at + width];
    let value = match stream.below(3) {
        0 => {
            let mut bytes = [0; 8];
            bytes[..width].copy_from_slice(place);
            let step = 1 + stream.below(16) as u64;
            let there = u64::from_le_bytes(bytes);
            if stream.below(2) == 0 { there.wrapping_add(step) } else { there.wrapping_sub(step) }
        }
        _ => EDGES[stream.below(EDGES.len())],
    };
    let bytes = value.to_le_bytes();
    place.copy_from_slice(&bytes[..width]);
    if stream.below(2) == 0 {
        place.reverse();
    }
}
