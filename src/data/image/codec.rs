//! Compression of TIFF pages: which ones are read, what the others are called, how much a byte can become.

/// The names of compressions that are not read, by their number in the file.
const NAMES: &[(u16, &str)] = &[
    (2, "CCITT Huffman"),
    (3, "CCITT fax 3"),
    (4, "CCITT fax 4"),
    (6, "JPEG (the old kind)"),
    (7, "JPEG"),
    (9, "JBIG"),
    (10, "JBIG"),
    (32_766, "NeXT"),
    (32_809, "ThunderScan"),
    (33_003, "JPEG 2000"),
    (33_004, "JPEG 2000"),
    (33_005, "JPEG 2000"),
    (33_007, "JPEG"),
    (34_661, "JBIG"),
    (34_676, "SGI LogLuv"),
    (34_677, "SGI LogLuv"),
    (34_712, "JPEG 2000"),
    (34_887, "LERC"),
    (34_892, "JPEG"),
    (34_925, "LZMA"),
    (34_926, "zstd (an old number for it)"),
    (34_927, "WebP"),
    (34_933, "PNG"),
    (34_934, "JPEG XR"),
    (22_610, "JPEG XR"),
    (48_124, "Pixtiff"),
    (50_001, "WebP"),
    (50_002, "JPEG XL"),
    (52_546, "JPEG XL"),
    (65_000, "a method of EER"),
    (65_001, "a method of EER"),
    (65_002, "a method of EER"),
];

/// The most bytes that a stored byte can become; none: the compression is not read.
pub(super) fn expands(compression: u16) -> Option<u64> {
    match compression {
        1 => Some(1),
        5 => Some(4096), // LZW: codes of 9 bits and more, strings of at most 4,096 bytes
        8 | 32_946 => Some(1100), // deflate: 258 bytes for 2 bits
        32_773 => Some(128), // PackBits
        50_000 => Some(1 << 20), // zstd: blocks of one repeated byte
        _ => None,
    }
}

/// What a compression that is not read is called.
pub(super) fn name(compression: u16) -> String {
    let known = NAMES.iter().find(|(number, _)| *number == compression);
    known.map_or_else(|| format!("an unknown method ({compression})"), |(_, name)| (*name).to_owned())
}
