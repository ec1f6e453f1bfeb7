//! Reads the images and true states of a simulated folder for the gates.

use super::super::{Error, FACTORS};
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

/// One image with its ground truth.
pub(super) struct Cell {
    pub(super) label: String,
    pub(super) split: String,
    pub(super) source: String,
    /// Whether its label is visible.
    pub(super) penetrant: bool,
    /// The true state: the twelve factors and three alignments.
    pub(super) truth: Vec<f64>,
    /// One 8-bit plane per channel.
    pub(super) planes: Vec<Vec<u8>>,
    /// Columns of a plane.
    pub(super) width: usize,
}

/// Reads all cells of a set.
pub(super) fn set(root: &Path, name: &str) -> Result<Vec<Cell>, Error> {
    let table = rows(&root.join(name).join("enriched_meta.csv"))?;
    let truth_path = root.join(name).join("simulated_truth.csv");
    let truth = rows(&truth_path)?;
    if truth.1.len() != table.1.len() {
        let found = format!("{} rows of truth for {} images", truth.1.len(), table.1.len());
        return Err(Error::NotSimulated { path: truth_path, found });
    }
    let source = table.0.iter().position(|column| column == "source");
    let [path, width, label, split] =
        columns(root, name, &table.0, ["file_path", "channel_width", "Label", "train_test_split"])?;
    let [true_path, penetrant] = columns(root, name, &truth.0, ["file_path", "penetrant"])?;
    let mut cells = Vec::with_capacity(table.1.len());
    for (row, known) in table.1.iter().zip(&truth.1) {
        let bad = |found: String| Error::NotSimulated { path: truth_path.clone(), found };
        if row[path] != known[true_path] {
            return Err(bad(format!("the truth of {} next to {}", &known[true_path], &row[path])));
        }
        let width = row[width].parse().map_err(|_| bad(format!("a channel width of {}", &row[width])))?;
        let numbers = known.iter().skip(2).take(FACTORS.len() + 3).map(str::parse);
        cells.push(Cell {
            label: row[label].to_owned(),
            split: row[split].to_owned(),
            source: source.map_or_else(String::new, |column| row[column].to_owned()),
            penetrant: &known[penetrant] == "True",
            truth: numbers.collect::<Result<_, _>>().map_err(|_| bad(format!("{known:?}")))?,
            planes: planes(&root.join(&row[path]), Some(width))?.1,
            width,
        });
    }
    Ok(cells)
}

pub(super) fn rows(path: &Path) -> Result<(csv::StringRecord, Vec<csv::StringRecord>), Error> {
    let fault = |e: csv::Error| Error::NotSimulated { path: path.to_owned(), found: e.to_string() };
    let mut reader = csv::Reader::from_path(path).map_err(fault)?;
    let header = reader.headers().map_err(fault)?.clone();
    let rows = reader.records().collect::<Result<_, _>>().map_err(fault)?;
    Ok((header, rows))
}

fn columns<const N: usize>(
    root: &Path,
    set: &str,
    header: &csv::StringRecord,
    names: [&str; N],
) -> Result<[usize; N], Error> {
    let mut found = [0; N];
    for (place, name) in found.iter_mut().zip(names) {
        *place = header.iter().position(|column| column == name).ok_or_else(|| Error::NotSimulated {
            path: root.join(set),
            found: format!("a table without the column {name}"),
        })?;
    }
    Ok(found)
}

/// The planes of a tape, and their width: that given, or a fifth.
pub(super) fn planes(path: &Path, width: Option<usize>) -> Result<(usize, Vec<Vec<u8>>), Error> {
    let (bytes, total) = decode(path)?;
    let width = width.unwrap_or(total / 5);
    if width == 0 || total % width != 0 {
        let why = format!("expected a width that is a multiple of {width}, found {total}");
        return Err(Error::Encode { path: path.to_owned(), why });
    }
    let mut planes = vec![Vec::with_capacity(bytes.len() / (total / width)); total / width];
    for (piece, part) in bytes.chunks_exact(width).enumerate() {
        planes[piece % (total / width)].extend_from_slice(part);
    }
    Ok((width, planes))
}

/// Pixels and width of an 8-bit grey PNG or TIFF.
fn decode(path: &Path) -> Result<(Vec<u8>, usize), Error> {
    let io = |source| Error::Io { path: path.to_owned(), source };
    let fault = |why: String| Error::Encode { path: PathBuf::from(path), why };
    let file = BufReader::new(File::open(path).map_err(io)?);
    if path.extension().is_some_and(|end| end == "png") {
        let mut reader = png::Decoder::new(file).read_info().map_err(|e| fault(e.to_string()))?;
        let size = reader.output_buffer_size().ok_or_else(|| fault("too large".to_owned()))?;
        let mut bytes = vec![0; size];
        let frame = reader.next_frame(&mut bytes).map_err(|e| fault(e.to_string()))?;
        return Ok((bytes, frame.width as usize));
    }
    let mut decoder = tiff::decoder::Decoder::new(file).map_err(|e| fault(e.to_string()))?;
    let (width, _) = decoder.dimensions().map_err(|e| fault(e.to_string()))?;
    match decoder.read_image().map_err(|e| fault(e.to_string()))? {
        tiff::decoder::DecodingResult::U8(bytes) => Ok((bytes, width as usize)),
        _ => Err(fault("expected 8 bits, found more".to_owned())),
    }
}
