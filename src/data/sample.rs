//! Small folders with roles, made for tests of selections.

use super::{Contents, DataSet};
use crate::event::Silence;
use std::{fs, path::Path};

/// One set of a folder in the making.
pub(crate) struct Set<'a> {
    pub(crate) name: &'a str,
    /// Columns behind `file_path`, `channel_width` and `Label`.
    pub(crate) columns: &'a str,
    /// A label, and what is in these columns.
    pub(crate) rows: &'a [(&'a str, &'a str)],
}

/// Writes a folder called `small` of images of one channel and 32 x 32 pixels, which differ by label and row, and opens it.
/// `more` is text of each set's table in `dataset.toml`.
pub(crate) fn folder(root: &Path, sets: &[Set<'_>], more: &str) -> DataSet {
    folder_of(root, sets, &["dna"], more)
}

/// The same with these channels.
pub(crate) fn folder_of(root: &Path, sets: &[Set<'_>], channels: &[&str], more: &str) -> DataSet {
    let width = 32 * channels.len();
    let mut toml = "name = \"small\"\n".to_owned();
    for set in sets {
        toml += &format!("[sets.{}]\nchannels = {channels:?}\n{more}", set.name);
        fs::create_dir_all(root.join(set.name)).unwrap();
        let mut table = format!("file_path,channel_width,Label,{}\n", set.columns);
        for (row, (label, fields)) in set.rows.iter().enumerate() {
            let bright = label.bytes().map(usize::from).sum::<usize>();
            let pixel = |at: usize| ((at * (bright % 13 + 3) + row * 29) % 251) as u8;
            let file = fs::File::create(root.join(set.name).join(format!("{row}.png"))).unwrap();
            let mut encoder = png::Encoder::new(file, width as u32, 32);
            encoder.set_color(png::ColorType::Grayscale);
            let pixels: Vec<u8> = (0..width * 32).map(pixel).collect();
            encoder.write_header().unwrap().write_image_data(&pixels).unwrap();
            table += &format!("{row}.png,32,{label},{fields}\n");
        }
        fs::write(root.join(set.name).join("enriched_meta.csv"), table).unwrap();
    }
    fs::write(root.join("dataset.toml"), toml).unwrap();
    DataSet::open("small", root, &Contents::not_kept(), &mut Silence).unwrap()
}
