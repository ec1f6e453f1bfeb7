//! The header of NumPy's format, version 1.0 to 3.0: written before a matrix of 32-bit floats, and parsed
//! again, for floats of any size, byte order and order of axes.

use std::io::{self, Read};

const MAGIC: &[u8] = b"\x93NUMPY";
/// Longer headers do not belong to a matrix of floats.
const MAX_HEADER: usize = 1 << 16;

/// The bytes before (rows, width) 32-bit floats.
pub(crate) fn header(rows: usize, width: usize) -> Vec<u8> {
    let mut text = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows},{width},), }}");
    // Data begin at a multiple of 16 bytes, after a line break.
    while !(MAGIC.len() + 5 + text.len()).is_multiple_of(16) {
        text.push(' ');
    }
    text.push('\n');
    [MAGIC, &[1, 0], &(text.len() as u16).to_le_bytes(), text.as_bytes()].concat()
}

/// A floating-point format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Float {
    Half,
    Single,
    Double,
}

/// How the numbers of a matrix are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Numbers {
    pub(crate) float: Float,
    pub(crate) big_endian: bool,
    /// Column after column.
    pub(crate) by_columns: bool,
}

impl Numbers {
    /// As this program writes them.
    pub(crate) const PLAIN: Self = Self { float: Float::Single, big_endian: false, by_columns: false };

    /// Bytes of a number.
    pub(crate) fn size(self) -> usize {
        match self.float {
            Float::Half => 2,
            Float::Single => 4,
            Float::Double => 8,
        }
    }

    /// NumPy's name of the type.
    pub(crate) fn name(self) -> &'static str {
        match self.float {
            Float::Half => "float16",
            Float::Single => "float32",
            Float::Double => "float64",
        }
    }

    /// Reads numbers; one that only a float64 can hold becomes infinite.
    pub(crate) fn decode(self, bytes: &[u8], out: &mut [f32]) {
        let turn = self.big_endian;
        match self.float {
            Float::Half => each::<2>(bytes, out, turn, |bytes| half(u16::from_le_bytes(bytes))),
            Float::Single => each::<4>(bytes, out, turn, f32::from_le_bytes),
            Float::Double => each::<8>(bytes, out, turn, |bytes| f64::from_le_bytes(bytes) as f32),
        }
    }

    /// A number of 64 bits that was read as infinite although it is finite.
    pub(crate) fn too_large(self, bytes: &[u8]) -> Option<f64> {
        let bytes: [u8; 8] = bytes.try_into().ok()?;
        let value = if self.big_endian { f64::from_be_bytes(bytes) } else { f64::from_le_bytes(bytes) };
        value.is_finite().then_some(value)
    }
}

/// The value of a number of 16 bits (IEEE 754 binary16).
pub(crate) fn half(bits: u16) -> f32 {
    let (sign, exponent, fraction) =
        (u32::from(bits >> 15) << 31, bits >> 10 & 0x1f, u32::from(bits & 0x3ff));
    match exponent {
        0 => f32::from_bits((fraction as f32 / (1 << 24) as f32).to_bits() | sign),
        31 => f32::from_bits(sign | 0x7f80_0000 | fraction << 13),
        _ => f32::from_bits(sign | (u32::from(exponent) + 112) << 23 | fraction << 13),
    }
}

fn each<const N: usize>(bytes: &[u8], out: &mut [f32], turn: bool, value: impl Fn([u8; N]) -> f32) {
    for (out, bytes) in out.iter_mut().zip(bytes.as_chunks::<N>().0) {
        let mut bytes = *bytes;
        if turn {
            bytes.reverse();
        }
        *out = value(bytes);
    }
}

/// A parsed header.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Matrix {
    pub(crate) rows: usize,
    pub(crate) width: usize,
    pub(crate) numbers: Numbers,
    /// The offset of the first number.
    pub(crate) start: u64,
}

impl Matrix {
    /// The bytes of all numbers; `None` above 2^64.
    pub(crate) fn bytes(&self) -> Option<u64> {
        let numbers = (self.rows as u64).checked_mul(self.width as u64)?;
        numbers.checked_mul(self.numbers.size() as u64)
    }
}

/// Why a file is no matrix of floats.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// What was expected and what was found.
    pub(crate) why: String,
    /// The line of Python that makes a matrix of it.
    pub(crate) remedy: &'static str,
}

const AS_FLOAT32: &str =
    "in Python: np.save(path, np.ascontiguousarray(features, dtype=np.float32)), with one row for each image";
const AS_ROWS: &str = "in Python: np.save(path, np.asarray(features, dtype=np.float32).reshape(len(features), -1)), with one row for each image";
const AS_STACK: &str =
    "in Python: np.save(path, np.stack(features).astype(np.float32)), with one row for each image";

/// Parses the header of a matrix of floats.
///
/// # Errors
/// What was expected and what was found.
pub(crate) fn read(file: &mut impl Read) -> Result<Matrix, Refusal> {
    let refused = |why: String| Refusal { why, remedy: AS_FLOAT32 };
    let broken = |error: io::Error| refused(format!("expected a NumPy file: {error}"));
    let mut begin = [0; 8];
    file.read_exact(&mut begin).map_err(broken)?;
    if !begin.starts_with(MAGIC) {
        return Err(refused("expected a NumPy file, found something else".into()));
    }
    let (length, digits) = match begin[6] {
        1 => (&mut [0; 2][..], 2),
        2 | 3 => (&mut [0; 4][..], 4),
        other => return Err(refused(format!("expected version 1, 2 or 3 of NumPy's format, found {other}"))),
    };
    file.read_exact(length).map_err(broken)?;
    let length = length.iter().rev().fold(0usize, |all, byte| 256 * all + usize::from(*byte));
    if length > MAX_HEADER {
        return Err(refused(format!("expected a NumPy file, found a header of {length} bytes")));
    }
    let mut text = vec![0; length];
    file.read_exact(&mut text).map_err(broken)?;
    let text = String::from_utf8_lossy(&text);
    let (kind, shape) = (entry(&text, "descr"), entry(&text, "shape"));
    let dimensions: Vec<&str> = shape
        .trim_matches(['(', ')'])
        .split(',')
        .map(str::trim)
        .filter(|number| !number.is_empty())
        .collect();
    let [rows, width] = dimensions[..] else {
        let why = format!("expected rows and columns, found the shape {shape}");
        return Err(Refusal { why, remedy: AS_ROWS });
    };
    let number = |text: &str| text.parse::<u64>().ok().and_then(|number| usize::try_from(number).ok());
    let Some((rows, width)) = number(rows).zip(number(width)) else {
        return Err(refused(format!("expected rows and columns, found the shape {shape}")));
    };
    if width == 0 {
        let why = format!("expected one column or more, found the shape {shape}");
        return Err(Refusal { why, remedy: AS_ROWS });
    }
    let Some((float, big_endian)) = float(kind) else {
        let why = format!("expected floats of 16, 32 or 64 bits, found {}", kind_in_words(kind));
        let objects = kind.contains('O');
        return Err(Refusal { why, remedy: if objects { AS_STACK } else { AS_FLOAT32 } });
    };
    let by_columns = match entry(&text, "fortran_order") {
        "False" => false,
        "True" => true,
        other => return Err(refused(format!("expected fortran_order True or False, found `{other}`"))),
    };
    let numbers = Numbers { float, big_endian, by_columns };
    Ok(Matrix { rows, width, numbers, start: (begin.len() + digits + length) as u64 })
}

/// The format and whether it is big-endian.
fn float(kind: &str) -> Option<(Float, bool)> {
    let kind = kind.trim_matches(['\'', '"']);
    let size = kind.trim_start_matches(['<', '>', '=', '|']);
    let float = match size {
        "f2" => Float::Half,
        "f4" => Float::Single,
        "f8" => Float::Double,
        _ => return None,
    };
    (kind.len() - size.len() <= 1).then_some((float, kind.starts_with('>')))
}

fn kind_in_words(kind: &str) -> String {
    let letter = kind.chars().find(char::is_ascii_alphabetic);
    let words = match letter {
        Some('i' | 'u' | 'b') => "whole numbers",
        Some('c') => "complex numbers",
        Some('O') => "Python objects",
        Some('U' | 'S') => "text",
        _ => "another type",
    };
    format!("{words} ({kind})")
}

/// The value of a key, as written.
fn entry<'a>(header: &'a str, key: &str) -> &'a str {
    let quoted = [format!("'{key}'"), format!("\"{key}\"")];
    let Some(after) = quoted.iter().find_map(|key| header.split_once(key.as_str())) else { return "" };
    let value = after.1.trim_start().trim_start_matches(':').trim_start();
    let end = match value.chars().next() {
        Some('(') => value.find(')').map(|at| at + 1),
        Some(quote @ ('\'' | '"')) => value[1..].find(quote).map(|at| at + 2),
        _ => value.find([',', '}']),
    };
    value[..end.unwrap_or(value.len())].trim_end()
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{DType, Device, Tensor};

    fn plain(rows: usize, width: usize, start: u64) -> Matrix {
        Matrix { rows, width, numbers: Numbers::PLAIN, start }
    }

    #[test]
    fn headers_are_those_of_candle_and_of_numpy() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.npy");
        for (rows, width) in [(2, 3), (1, 1), (1000, 24), (0, 7), (123_456, 1)] {
            Tensor::zeros((rows, width), DType::F32, &Device::Cpu).unwrap().write_npy(&path).unwrap();
            let file = std::fs::read(&path).unwrap();
            let header = header(rows, width);
            assert!(file.starts_with(&header), "{rows} × {width}");
            assert_eq!(file.len(), header.len() + 4 * rows * width);
            assert_eq!(read(&mut &file[..]), Ok(plain(rows, width, header.len() as u64)));
        }
        // np.save(path, np.zeros((5, 2), np.float32)), NumPy 2.4
        let text = "{'descr': '<f4', 'fortran_order': False, 'shape': (5, 2), }";
        let mut numpy = [MAGIC, &[1, 0, 118, 0], text.as_bytes()].concat();
        numpy.resize(127, b' ');
        numpy.push(b'\n');
        assert_eq!(read(&mut &numpy[..]), Ok(plain(5, 2, 128)));
    }

    fn with(text: &str) -> Result<Matrix, Refusal> {
        let file = [MAGIC, &[1, 0], &(text.len() as u16).to_le_bytes(), text.as_bytes()].concat();
        read(&mut &file[..])
    }

    #[test]
    fn floats_of_any_layout_are_known() {
        for (kind, fortran, float, big_endian) in [
            ("<f8", "False", Float::Double, false),
            (">f4", "True", Float::Single, true),
            ("<f2", "True", Float::Half, false),
            (">f8", "False", Float::Double, true),
        ] {
            let text = format!("{{'descr': '{kind}', 'fortran_order': {fortran}, 'shape': (5, 2), }}");
            let numbers = Numbers { float, big_endian, by_columns: fortran == "True" };
            assert_eq!(with(&text).unwrap().numbers, numbers, "{kind}");
        }
        let mut out = [0.0; 2];
        let big = Numbers { float: Float::Double, big_endian: true, by_columns: false };
        big.decode(&[0.1f64.to_be_bytes(), (-3.5f64).to_be_bytes()].concat(), &mut out);
        assert_eq!(out, [0.1, -3.5]);
        big.decode(&1e300f64.to_be_bytes(), &mut out[..1]);
        assert_eq!((out[0], big.too_large(&1e300f64.to_be_bytes())), (f32::INFINITY, Some(1e300)));
        assert_eq!(big.too_large(&f64::INFINITY.to_be_bytes()), None);
        Numbers { float: Float::Half, ..Numbers::PLAIN }.decode(&[0x00, 0x3c, 0x01, 0x00], &mut out);
        assert_eq!(out, [1.0, 5.9604645e-8]);
        // NumPy: np.array([0xc248, 0x7bff, 0x83ff, 0xfc00], np.uint16).view(np.float16)
        assert_eq!(
            [0xc248, 0x7bff, 0x83ff, 0xfc00].map(half),
            [-3.140625, 65504.0, -6.097555e-5, f32::NEG_INFINITY]
        );
        assert!(half(0x7e00).is_nan());
    }

    #[test]
    fn other_matrices_are_refused_in_words_with_a_remedy() {
        let refused = |kind: &str, shape: &str| {
            let text = format!("{{'descr': {kind}, 'fortran_order': False, 'shape': {shape}, }}");
            with(&text).unwrap_err()
        };
        let whole = refused("'<i8'", "(5, 2)");
        assert_eq!(whole.why, "expected floats of 16, 32 or 64 bits, found whole numbers ('<i8')");
        assert_eq!(whole.remedy, AS_FLOAT32);
        assert_eq!(refused("'|O'", "(5, 2)").remedy, AS_STACK);
        assert!(refused("'<f4, <f4'", "(5, 2)").why.contains("another type"));
        assert_eq!(
            refused("[('a', '<f4'), ('b', '<f4')]", "(5, 2)").why,
            "expected floats of 16, 32 or 64 bits, found another type ([('a')"
        );
        for shape in ["(5,)", "(5, 2, 3)", "()"] {
            let flat = refused("'<f4'", shape);
            assert_eq!(flat.why, format!("expected rows and columns, found the shape {shape}"));
            assert_eq!(flat.remedy, AS_ROWS);
        }
        assert_eq!(refused("'<f4'", "(5, 0)").why, "expected one column or more, found the shape (5, 0)");
        for shape in ["(-1, 2)", "(99999999999999999999, 2)", "(5, x)"] {
            assert_eq!(
                refused("'<f4'", shape).why,
                format!("expected rows and columns, found the shape {shape}")
            );
        }
        assert!(read(&mut &b"path,label\n1,2\n"[..]).unwrap_err().why.contains("expected a NumPy file"));
        assert!(read(&mut &b"\x93NUM"[..]).unwrap_err().why.contains("expected a NumPy file"));
    }
}
