//! Reads what images are made of: TIFF files of 16 bits, and functions of light in NumPy's format.

use super::{
    super::image::{self, Fault, Held, Levels},
    error::Error,
    plane::Plane,
};
use crate::npy::{self, Float, Numbers};
use std::{
    fs::{self, File},
    io::{self, Read},
    path::Path,
};

fn contents(file: &Path, held: &mut Held) -> Result<Vec<u8>, Fault> {
    let mut open = File::open(file).map_err(Fault::Unreadable)?;
    let length = open.metadata().map_err(Fault::Unreadable)?.len();
    held.grow(length)?;
    let mut bytes = Vec::new();
    let room = bytes.try_reserve_exact(length as usize + 1).map_err(Into::into);
    room.and_then(|()| open.read_to_end(&mut bytes)).map_err(Fault::Unreadable)?;
    Ok(bytes)
}

/// Rows and columns of an image of one channel.
///
/// # Errors
/// If it is none.
pub(super) fn size(file: &Path) -> Result<[usize; 2], Fault> {
    let bytes = contents(file, &mut Held::default())?;
    Ok(image::one(&bytes, false)?.size())
}

/// The grey levels of an image of one channel, and its rows and columns.
///
/// # Errors
/// If it is not one page of 16-bit grey, is damaged or does not fit into memory.
pub(super) fn levels(file: &Path) -> Result<([usize; 2], Vec<u16>), Fault> {
    let mut held = Held::default();
    let bytes = contents(file, &mut held)?;
    let page = image::one(&bytes, false)?;
    let size = page.size();
    held.grow(page.needs())?;
    match page.decode()?.levels {
        Levels::Sixteen(levels) => Ok((size, levels)),
        Levels::Eight(_) => {
            Err(Fault::Depth { expected: "16 bits, as microscopes write them".to_owned(), found: 8 })
        }
    }
}

/// A function of light, as CellProfiler writes it.
///
/// # Errors
/// If it is no matrix of `size` positive numbers.
pub(super) fn light(file: &Path, [height, width]: [usize; 2]) -> Result<Plane, Error> {
    const HINT: &str = "the functions are PLATE_IllumDNA.npy and so on, of the size of the plate's images; `--illumination \
                        measured` needs none";
    let refused = |why: String| Error::refused(format!("{}: {why}", file.display()), HINT);
    let bytes = fs::read(file).map_err(|cause| refused(format!("cannot be read: {cause}")))?;
    let matrix = npy::read(&mut io::Cursor::new(&bytes)).map_err(|refusal| refused(refusal.why))?;
    if [matrix.rows, matrix.width] != [height, width] {
        return Err(refused(format!(
            "expected {height} x {width} numbers, as many as the plate's images have pixels, found {} x {}",
            matrix.rows, matrix.width
        )));
    }
    let numbers = bytes.get(matrix.start as usize..).unwrap_or_default();
    if numbers.len() as u64 != matrix.bytes().unwrap_or(u64::MAX) {
        return Err(refused("the file is cut short or goes on behind its numbers".to_owned()));
    }
    let stored = doubles(numbers, matrix.numbers);
    let values = if matrix.numbers.by_columns {
        (0..height * width).map(|at| stored[at % width * height + at / width]).collect()
    } else {
        stored
    };
    match values.iter().position(|value| !(value.is_finite() && *value > 0.0)) {
        Some(at) => {
            Err(refused(format!("expected positive numbers, found {} in row {}", values[at], at / width + 1)))
        }
        None => Ok(Plane::new(height, width, values)),
    }
}

fn doubles(bytes: &[u8], numbers: Numbers) -> Vec<f64> {
    if numbers.float != Float::Double {
        let mut out = vec![0.0; bytes.len() / numbers.size()];
        numbers.decode(bytes, &mut out);
        return out.into_iter().map(f64::from).collect();
    }
    let of = if numbers.big_endian { f64::from_be_bytes } else { f64::from_le_bytes };
    bytes.as_chunks::<8>().0.iter().map(|bytes| of(*bytes)).collect()
}
