//! TensorBoard's event file format: TensorFlow's records, and in them the few fields of the protocol buffer
//! `Event` that scalars need.
//!
//! ```text
//! record  = length: u64, checksum of it: u32, event, checksum of it: u32        little-endian
//! Event   = 1 wall_time: double, 2 step: int64, 3 file_version: string or 5 summary: Summary
//! Summary = 1 value: Value;  Value = 1 tag: string, 2 simple_value: float
//! ```

use std::io::{self, Write};

/// The first event of every file. From this version on steps may be in any order.
const VERSION: &str = "brain.Event:2";

/// Wire types of protocol buffers.
const VARINT: u8 = 0;
const DOUBLE: u8 = 1;
const BYTES: u8 = 2;
const FLOAT: u8 = 5;

/// Begins a file.
pub(super) fn begin(out: &mut impl Write) -> io::Result<()> {
    let mut event = time(0.0);
    bytes(&mut event, 3, VERSION.as_bytes());
    record(out, &event)
}

/// One point of a curve. TensorBoard stores values in 32 bits.
pub(super) fn scalar(out: &mut impl Write, tag: &str, step: i64, value: f64, t_ms: i64) -> io::Result<()> {
    let mut one = vec![];
    bytes(&mut one, 1, tag.as_bytes());
    one.push(key(2, FLOAT));
    one.extend((value as f32).to_le_bytes());
    let mut summary = vec![];
    bytes(&mut summary, 1, &one);
    let mut event = time(t_ms as f64 / 1000.0);
    if step != 0 {
        event.push(key(2, VARINT));
        varint(&mut event, step as u64);
    }
    bytes(&mut event, 5, &summary);
    record(out, &event)
}

fn record(out: &mut impl Write, event: &[u8]) -> io::Result<()> {
    let length = (event.len() as u64).to_le_bytes();
    out.write_all(&length)?;
    out.write_all(&masked(&length).to_le_bytes())?;
    out.write_all(event)?;
    out.write_all(&masked(event).to_le_bytes())
}

/// An event with its time. A field that is 0 is omitted.
fn time(seconds: f64) -> Vec<u8> {
    let mut event = vec![];
    if seconds != 0.0 {
        event.push(key(1, DOUBLE));
        event.extend(seconds.to_le_bytes());
    }
    event
}

const fn key(field: u8, wire: u8) -> u8 {
    field << 3 | wire
}

fn bytes(out: &mut Vec<u8>, field: u8, content: &[u8]) {
    out.push(key(field, BYTES));
    varint(out, content.len() as u64);
    out.extend(content);
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// A checksum as records have it: rotated and offset, since a checksum of data that contain checksums is
/// weak.
fn masked(data: &[u8]) -> u32 {
    crc(data).rotate_right(15).wrapping_add(0xa282_ead8)
}

/// CRC-32C (Castagnoli).
fn crc(data: &[u8]) -> u32 {
    !data.iter().fold(!0, |crc, byte| TABLE[usize::from(crc as u8 ^ byte)] ^ crc >> 8)
}

const TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut at = 0;
    while at < 256 {
        let (mut crc, mut bit) = (at as u32, 0);
        while bit < 8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0x82f6_3b78 } else { crc >> 1 };
            bit += 1;
        }
        table[at] = crc;
        at += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_castagnolis() {
        assert_eq!(crc(b"123456789"), 0xe306_9283);
        // RFC 3720, B.4
        assert_eq!(crc(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc(&[0xff; 32]), 0x62a8_ab43);
        assert_eq!(crc(&(0..32).collect::<Vec<u8>>()), 0x46dd_794e);
    }

    /// `tests/golden/events.py` wrote the file with TensorBoard's own writer.
    #[test]
    fn a_file_is_to_the_byte_what_tensorboard_writes() {
        let mut ours = vec![];
        begin(&mut ours).unwrap();
        for (tag, step, value, t_ms) in [
            ("loss", 0, 2.5, 1_700_000_000_000),
            ("loss", 1, 0.1, 1_700_000_000_250),
            ("loss/proxy_nca", 127, f64::NAN, 1_700_000_001_000),
            ("lr", 128, f64::INFINITY, 1_700_000_002_000),
            ("lr", 16_384, 0.0, 1_700_000_003_000),
            ("score/HPA/Task_one/f1_macro", 3_000_000_000, -1e-3, 1_700_000_004_125),
            ("µ", 1 << 62, 1e300, 1_700_000_005_000),
        ] {
            scalar(&mut ours, tag, step, value, t_ms).unwrap();
        }
        let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/events.tfevents");
        assert_eq!(ours, std::fs::read(golden).unwrap());
    }
}
