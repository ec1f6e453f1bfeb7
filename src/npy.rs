//! The header of NumPy's format, version 1.0 and 2.0: written before a matrix of 32-bit floats, and parsed
//! again.

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

/// A parsed header.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Matrix {
    pub(crate) rows: usize,
    pub(crate) width: usize,
    /// The offset of the first number.
    pub(crate) start: u64,
}

/// Parses the header of a matrix of 32-bit floats in row-major order.
///
/// # Errors
/// As text: what was expected and what was found.
pub(crate) fn read(file: &mut impl Read) -> Result<Matrix, String> {
    let broken = |error: io::Error| format!("expected a NumPy file: {error}");
    let mut begin = [0; 8];
    file.read_exact(&mut begin).map_err(broken)?;
    if !begin.starts_with(MAGIC) {
        return Err("expected a NumPy file, found something else".into());
    }
    let (length, digits) = match begin[6] {
        1 => (&mut [0; 2][..], 2),
        2 | 3 => (&mut [0; 4][..], 4),
        other => return Err(format!("expected version 1, 2 or 3 of NumPy's format, found {other}")),
    };
    file.read_exact(length).map_err(broken)?;
    let length = length.iter().rev().fold(0usize, |all, byte| 256 * all + usize::from(*byte));
    if length > MAX_HEADER {
        return Err(format!("expected a NumPy file, found a header of {length} bytes"));
    }
    let mut text = vec![0; length];
    file.read_exact(&mut text).map_err(broken)?;
    let text = String::from_utf8_lossy(&text);
    let (kind, shape) = (entry(&text, "descr"), entry(&text, "shape"));
    let numbers =
        shape.trim_matches(['(', ')']).split(',').map(str::trim).filter(|number| !number.is_empty());
    let numbers: Vec<&str> = numbers.collect();
    let matrix = match &numbers[..] {
        [rows, width] => rows.parse().ok().zip(width.parse().ok()),
        _ => None,
    };
    match matrix {
        Some((rows, width)) if ["<f4", "=f4", "|f4", "f4"].contains(&kind.trim_matches(['\'', '"'])) => {
            if entry(&text, "fortran_order") != "False" {
                return Err("expected row-major order, found Fortran's order".into());
            }
            Ok(Matrix { rows, width, start: (begin.len() + digits + length) as u64 })
        }
        _ => Err(format!("expected float32 in rows and columns, found {kind} of shape {shape}")),
    }
}

/// The value of a key, as written.
fn entry<'a>(header: &'a str, key: &str) -> &'a str {
    let quoted = [format!("'{key}'"), format!("\"{key}\"")];
    let Some(after) = quoted.iter().find_map(|key| header.split_once(key.as_str())) else { return "" };
    let value = after.1.trim_start().trim_start_matches(':').trim_start();
    let end = if value.starts_with('(') { value.find(')').map(|at| at + 1) } else { value.find([',', '}']) };
    value[..end.unwrap_or(value.len())].trim_end()
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{DType, Device, Tensor};

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
            assert_eq!(read(&mut &file[..]), Ok(Matrix { rows, width, start: header.len() as u64 }));
        }
        // np.save(path, np.zeros((5, 2), np.float32)), NumPy 2.4
        let text = "{'descr': '<f4', 'fortran_order': False, 'shape': (5, 2), }";
        let mut numpy = [MAGIC, &[1, 0, 118, 0], text.as_bytes()].concat();
        numpy.resize(127, b' ');
        numpy.push(b'\n');
        assert_eq!(read(&mut &numpy[..]), Ok(Matrix { rows: 5, width: 2, start: 128 }));
    }

    #[test]
    fn other_matrices_are_refused_in_words() {
        let with = |text: &str| {
            let file = [MAGIC, &[1, 0], &(text.len() as u16).to_le_bytes(), text.as_bytes()].concat();
            read(&mut &file[..]).unwrap_err()
        };
        let wide = with("{'descr': '<f8', 'fortran_order': False, 'shape': (5, 2), }");
        assert_eq!(wide, "expected float32 in rows and columns, found '<f8' of shape (5, 2)");
        let flat = with("{'descr': '<f4', 'fortran_order': False, 'shape': (5,), }");
        assert_eq!(flat, "expected float32 in rows and columns, found '<f4' of shape (5,)");
        let fortran = with("{'descr': '<f4', 'fortran_order': True, 'shape': (5, 2), }");
        assert!(fortran.contains("Fortran"), "{fortran}");
        assert!(read(&mut &b"path,label\n1,2\n"[..]).unwrap_err().contains("expected a NumPy file"));
        assert!(read(&mut &b"\x93NUM"[..]).unwrap_err().contains("expected a NumPy file"));
    }
}
