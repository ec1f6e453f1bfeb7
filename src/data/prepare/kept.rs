//! What is kept of a plate between its two passes, so that a run that was killed goes on where it was.

use super::{
    plan::LeftOut,
    plane::Plane,
    plate::{Measured, thumb_size},
};
use crate::atomic_file;
use serde::{Deserialize, Serialize};
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// The folder of what is kept, in the one that is written.
pub(super) const FOLDER: &str = ".prepare";

/// A plate after its first pass.
#[derive(Debug, PartialEq)]
pub(super) struct Kept {
    /// Rows and columns of its images.
    pub(super) size: [usize; 2],
    /// Its channels.
    pub(super) measured: [Measured; 5],
    /// Sites that cannot be used.
    pub(super) left_out: Vec<LeftOut>,
}

/// The first line of the file; behind it are the smoothed mean images, as 64-bit floats in little-endian order.
#[derive(Serialize, Deserialize)]
struct Head {
    key: String,
    size: [usize; 2],
    tops: [f64; 5],
    smooth: bool,
    left_out: Vec<LeftOut>,
}

/// Where it is kept.
pub(super) fn file(out: &Path, plate: &str) -> PathBuf {
    out.join(FOLDER).join(format!("{plate}.measured"))
}

impl Kept {
    /// What is kept of a plate whose files have this key. What cannot be understood is as good as nothing.
    pub(super) fn read(out: &Path, plate: &str, key: &str) -> Option<Self> {
        let bytes = fs::read(file(out, plate)).ok()?;
        let line = bytes.iter().position(|byte| *byte == b'\n')?;
        let head: Head = serde_json::from_slice(&bytes[..line]).ok().filter(|head: &Head| head.key == key)?;
        let [height, width] = thumb_size(head.size);
        let each = height.checked_mul(width)?;
        let (numbers, rest) = bytes[line + 1..].as_chunks::<8>();
        if !rest.is_empty() || numbers.len() != if head.smooth { each.checked_mul(5)? } else { 0 } {
            return None;
        }
        let plane = |channel: usize| {
            let values = numbers[channel * each..][..each].iter().map(|bytes| f64::from_le_bytes(*bytes));
            Plane::new(height, width, values.collect())
        };
        let measured = |channel: usize| Measured {
            smooth: head.smooth.then(|| plane(channel)),
            top: head.tops[channel],
        };
        Some(Self { size: head.size, measured: [0, 1, 2, 3, 4].map(measured), left_out: head.left_out })
    }

    /// Keeps it.
    ///
    /// # Errors
    /// The file, and why it cannot be written.
    pub(super) fn write(&self, out: &Path, plate: &str, key: &str) -> Result<(), (PathBuf, io::Error)> {
        let head = Head {
            key: key.to_owned(),
            size: self.size,
            tops: self.measured.each_ref().map(|measured| measured.top),
            smooth: self.measured[0].smooth.is_some(),
            left_out: self.left_out.clone(),
        };
        let mut bytes = serde_json::to_vec(&head).expect("numbers and texts");
        bytes.push(b'\n');
        let planes = self.measured.iter().filter_map(|measured| measured.smooth.as_ref());
        planes.flat_map(|plane| &plane.values).for_each(|value| bytes.extend(value.to_le_bytes()));
        let path = file(out, plate);
        atomic_file::write(&path, bytes).map_err(|cause| (path, cause))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_comes_back_for_the_same_files_only() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join(FOLDER)).unwrap();
        let plane = |channel: usize| Plane::new(2, 3, (0..6).map(|at| (at * channel) as f64 / 3.0).collect());
        let measured = |channel| Measured { smooth: Some(plane(channel)), top: channel as f64 * 1000.0 };
        let why = "the image is damaged".to_owned();
        let left_out = LeftOut { well: "B02".to_owned(), site: 3, file: "x.tif".to_owned(), why };
        let kept = Kept { size: [8, 12], measured: [0, 1, 2, 3, 4].map(measured), left_out: vec![left_out] };
        kept.write(folder.path(), "P", "abc").unwrap();
        assert_eq!(Kept::read(folder.path(), "P", "abc").as_ref(), Some(&kept));
        assert_eq!(Kept::read(folder.path(), "P", "abd"), None);
        let path = file(folder.path(), "P");
        let bytes = fs::read(&path).unwrap();
        for cut in [0, 5, bytes.len() / 2, bytes.len() - 1] {
            fs::write(&path, &bytes[..cut]).unwrap();
            assert_eq!(Kept::read(folder.path(), "P", "abc"), None);
        }
    }
}
