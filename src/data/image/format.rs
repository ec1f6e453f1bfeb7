//! What a file is by its first bytes: PNG, TIFF, or something else under their names.

use super::Fault;

/// The formats that are read.
pub(in crate::data) enum Format {
    Png,
    Tiff,
}

/// The format of a file.
///
/// # Errors
/// If it is neither, with what it is.
pub(in crate::data) fn format(bytes: &[u8]) -> Result<Format, Fault> {
    match bytes {
        [0x89, b'P', b'N', b'G', ..] => Ok(Format::Png),
        // classic and big, little-endian and big-endian
        [b'I', b'I', 42 | 43, 0, ..] | [b'M', b'M', 0, 42 | 43, ..] => Ok(Format::Tiff),
        _ => Err(Fault::Format { what: disguise(bytes), start: bytes[..bytes.len().min(4)].to_vec() }),
    }
}

/// Something that is not what its name says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disguise {
    /// In words: `a JPEG image`.
    pub name: &'static str,
    /// How to get what it should be.
    pub hint: &'static str,
}

const CONVERT: &str =
    "convert it to PNG or TIFF, grey, of 8 or 16 bits; its name may keep the ending of what it was made from";
const EXPORT: &str = "export it as TIFF: Fiji with Bio-Formats opens it";
const UNPACK: &str = "unpack it";
const LOSSY: &str = "export the image again as TIFF or PNG from where it comes from: what JPEG has lost does not come back by \
                     converting it";
const PAGE: &str = "a download has stored a page of text in place of the file: fetch it again";
const POINTER: &str = "the contents are not here yet: `git lfs pull` fetches them";
const EMPTY: &str = "copy or export the file again";

/// What these first bytes are known to begin.
pub(in crate::data) fn disguise(bytes: &[u8]) -> Option<Disguise> {
    let known = |name, hint| Some(Disguise { name, hint });
    let holds = |at: usize, what: &[u8]| bytes.get(at..).is_some_and(|rest| rest.starts_with(what));
    match bytes {
        [] => return known("an empty file", EMPTY),
        [0xff, 0xd8, 0xff, ..] => return known("a JPEG image", LOSSY),
        [0xff, 0x0a, ..] => return known("a JPEG XL image", CONVERT),
        [b'B', b'M', _, _, _, _, 0, 0, 0, 0, ..] => return known("a BMP image", CONVERT),
        [b'P', b'1'..=b'7', b' ' | b'\n' | b'\r' | b'\t', ..] => return known("a PNM image", CONVERT),
        [0x1f, 0x8b, ..] => return known("a gzip archive", UNPACK),
        [b'B', b'Z', b'h', ..] => return known("a bzip2 archive", UNPACK),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => return known("a zstd archive", UNPACK),
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => return known("an xz archive", UNPACK),
        [b'7', b'z', 0xbc, 0xaf, ..] => return known("a 7z archive", UNPACK),
        [b'P', b'K', 3 | 5, 4 | 6, ..] => return known("a zip archive", UNPACK),
        _ => {}
    }
    let starts: [(&[u8], &str, &str); 16] = [
        (b"GIF8", "a GIF image", CONVERT),
        (b"\0\0\0\x0cJXL ", "a JPEG XL image", CONVERT),
        (b"\0\0\0\x0cjP  ", "a JPEG 2000 image", CONVERT),
        (b"\xff\x4f\xff\x51", "a JPEG 2000 image", CONVERT),
        (b"v/1\x01", "an OpenEXR image", CONVERT),
        (b"SIMPLE  =", "a FITS image", CONVERT),
        (b"%PDF-", "a PDF document", CONVERT),
        (b"8BPS", "a Photoshop document", CONVERT),
        (b"\x93NUMPY", "a NumPy array", CONVERT),
        (b"\x89HDF\r\n\x1a\n", "an HDF5 file", EXPORT),
        (b"ZISRAWFILE", "a Zeiss CZI file", EXPORT),
        (b"\xda\xce\xbe\x0a", "a Nikon ND2 file", EXPORT),
        (b"\x70\0\0\0", "a Leica LIF file", EXPORT),
        (b"\xd0\xcf\x11\xe0", "a compound file (OIB, ZVI, or of an old office program)", EXPORT),
        (b"version https://git-lfs", "a Git LFS pointer", POINTER),
        (b"\0\x05\x16\x07", "a resource fork of macOS (AppleDouble)", EMPTY),
    ];
    if let Some((_, name, hint)) = starts.iter().find(|(start, ..)| bytes.starts_with(start)) {
        return known(name, hint);
    }
    if holds(0, b"RIFF") && holds(8, b"WEBP") {
        return known("a WebP image", CONVERT);
    }
    if holds(4, b"ftypavif") || holds(4, b"ftyphei") {
        return known("an AVIF or HEIC image", CONVERT);
    }
    if holds(128, b"DICM") {
        return known("a DICOM file", EXPORT);
    }
    text(bytes)
}

/// Pages of the web and other text.
fn text(bytes: &[u8]) -> Option<Disguise> {
    let start = bytes[..bytes.len().min(256)].to_ascii_lowercase();
    let start = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&start).trim_ascii_start();
    if [&b"<!doctype html"[..], b"<html", b"<head"].iter().any(|tag| start.starts_with(tag)) {
        return Some(Disguise { name: "an HTML page", hint: PAGE });
    }
    if start.starts_with(b"<?xml") || start.starts_with(b"<svg") {
        return Some(Disguise { name: "an XML document", hint: PAGE });
    }
    if start.starts_with(b"{\"") || start.starts_with(b"{\n") {
        return Some(Disguise { name: "a JSON document", hint: PAGE });
    }
    if bytes.iter().all(|byte| *byte == 0) {
        let hint =
            "the file has its length and no contents, as copies that were broken off leave it: copy it again";
        return Some(Disguise { name: "zeros only", hint });
    }
    let plain = |byte: &u8| matches!(byte, b'\t' | b'\n' | b'\r' | b' '..=b'~');
    (start.len() > 3 && start.iter().all(plain)).then_some(Disguise { name: "a text file", hint: PAGE })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_in_disguise_are_named() {
        for (bytes, name) in [
            (&b"\xff\xd8\xff\xe0\0"[..], "a JPEG image"),
            (b"BM\x36\x10\0\0\0\0\0\0", "a BMP image"),
            (b"GIF89a", "a GIF image"),
            (b"RIFF\x10\0\0\0WEBPVP8 ", "a WebP image"),
            (b"\x1f\x8b\x08\0", "a gzip archive"),
            (b"PK\x03\x04\x14\0", "a zip archive"),
            (b"\n <!DOCTYPE html><html>", "an HTML page"),
            (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a", "a Git LFS pointer"),
            (b"404: Not Found", "a text file"),
            (b"", "an empty file"),
            (&[0; 40], "zeros only"),
        ] {
            assert_eq!(disguise(bytes).map(|found| found.name), Some(name), "{bytes:?}");
        }
        assert_eq!(disguise(b"\xfe\xed\xfa\xce\x01"), None);
        assert!(format(b"II*\0").is_ok() && format(b"MM\0+").is_ok() && format(b"\x89PNG").is_ok());
    }
}
