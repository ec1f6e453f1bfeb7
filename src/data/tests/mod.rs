//! Valid and invalid folders, made for the tests.

mod bad_input;
mod dialects;
mod folders;
mod looks;
mod near_paths;
mod own_images;
mod selections;

use super::{Contents, DataSet};
use crate::event::Silence;
use std::path::Path;

/// A folder made for one test.
pub(super) struct Folder(tempfile::TempDir);

impl Folder {
    /// With a `dataset.toml`, unless that is empty.
    pub(super) fn new(toml: &str) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        if !toml.is_empty() {
            folder.write("dataset.toml", toml);
        }
        folder
    }

    /// One set `A` of two channels with four images of 3 x 4 pixels per channel, and one task.
    pub(super) fn good() -> Self {
        let folder = Self::new("[sets.A]\nchannels = [\"dna\", \"er\"]\n");
        folder.write("A/enriched_meta.csv", GOOD);
        for (i, name) in ["a", "b", "c", "d"].into_iter().enumerate() {
            folder.png(&format!("A/crops/{name}.png"), 8, 3, |at| (at * 7 + i * 20) as u8);
        }
        folder
    }

    pub(super) fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    pub(super) fn png(&self, path: &str, width: u32, height: u32, pixel: impl Fn(usize) -> u8) {
        let pixels: Vec<u8> = (0..(width * height) as usize).map(pixel).collect();
        self.write(path, png(png::ColorType::Grayscale, png::BitDepth::Eight, width, height, &pixels));
    }

    pub(super) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(super) fn open(&self) -> Result<DataSet, super::Error> {
        DataSet::open("test", self.path(), &Contents::not_kept(), &mut Silence)
    }

    /// The error message of opening, with its hint; the folder's own path is removed.
    pub(super) fn refusal(&self) -> String {
        self.say(&self.open().expect_err("the folder should be refused"))
    }

    pub(super) fn say(&self, error: &super::Error) -> String {
        let hint = error.hint().map(|hint| format!("\nhint: {hint}")).unwrap_or_default();
        format!("{error}{hint}").replace(&format!("{}/", self.path().display()), "")
    }
}

pub(super) const GOOD: &str = "file_path,channel_width,Label,train_test_split,Task_one\n\
    A/crops/a.png,4,x,Train,False\nA/crops/b.png,4,y,Train,False\n\
    A/crops/c.png,4,y,Task_one,True\nA/crops/d.png,4,x,Train,False\n";

pub(super) fn png(
    colour: png::ColorType,
    depth: png::BitDepth,
    width: u32,
    height: u32,
    bytes: &[u8],
) -> Vec<u8> {
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, width, height);
    encoder.set_color(colour);
    encoder.set_depth(depth);
    if colour == png::ColorType::Indexed {
        encoder.set_palette(vec![0; 9]);
    }
    encoder.write_header().unwrap().write_image_data(bytes).unwrap();
    out
}
