//! What `data check` sees in pixels: copies, flat channels, channels that change places, images that are too small.

use super::Folder;
use crate::{data::check, event::Silence};

/// One file per channel of 32 x 40 pixels: `level` of row, channel and pixel.
fn screen(level: impl Fn(usize, usize, usize) -> u8) -> Folder {
    let rule = "images = { layout = \"files\", pattern = \"{plate}/{well}_{channel}.png\" }\n";
    let folder = Folder::new(&format!("[sets.Screen]\nchannels = [\"dna\", \"er\"]\n{rule}"));
    let mut table = "plate,well,Label,train_test_split,Task_one\n".to_owned();
    for row in 0..8 {
        let (plate, label) = (row / 4 + 1, ["control", "treated"][row % 2]);
        let (split, asked) = if row < 6 { ("Train", "False") } else { ("Task_one", "True") };
        table += &format!("P{plate},W{row},{label},{split},{asked}\n");
        for (channel, name) in ["dna", "er"].into_iter().enumerate() {
            folder.png(&format!("Screen/P{plate}/W{row}_{name}.png"), 40, 32, |at| level(row, channel, at));
        }
    }
    folder.write("Screen/enriched_meta.csv", table);
    folder
}

fn plain(row: usize, channel: usize, at: usize) -> u8 {
    (20 + 100 * channel + (at * 7 + row * 13) % 61) as u8
}

fn warnings(folder: &Folder) -> Vec<String> {
    let report = check(&folder.open().unwrap(), &mut Silence).unwrap();
    assert!(report.ok(), "{report:?}");
    report.warnings
}

#[test]
fn sound_images_give_no_warning() {
    assert_eq!(warnings(&screen(plain)), Vec::<String>::new());
}

#[test]
fn copies_are_named_with_splits_and_labels() {
    let folder = screen(|row, channel, at| plain(if row == 7 { 2 } else { row }, channel, at));
    assert_eq!(
        warnings(&folder),
        [
            "rows 4 and 9 of Screen are the same image, in Train and Task_one, under different labels, `control` and `treated`"
        ]
    );
    // Pixels are compared, not bytes.
    let path = folder.path().join("Screen/P2/W7_er.png");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes.extend(b"more");
    std::fs::write(&path, bytes).unwrap();
    assert_eq!(warnings(&folder).len(), 1);
}

#[test]
fn one_picture_under_two_channels_is_named() {
    let folder = screen(|row, channel, at| plain(row, if row == 1 { 0 } else { channel }, at));
    assert_eq!(
        warnings(&folder),
        [
            "Screen: `dna` and `er` are the same picture in 1 of 8 rows, first in row 3 (`Screen/P1/W1_er.png`)"
        ]
    );
    let folder =
        screen(|row, channel, at| plain(if channel == 1 && row == 6 { 5 } else { row }, channel, at));
    assert_eq!(
        warnings(&folder),
        ["`er` of row 7 of Screen and `er` of row 8 of Screen are the same picture"]
    );
}

#[test]
fn flat_channels_are_named_with_their_plate() {
    let flat = |noise: usize| {
        move |row: usize, channel: usize, at: usize| match (row / 4, channel) {
            (1, 1) => 117 + u8::from(noise > 0 && (at + row * 97).is_multiple_of(noise)),
            _ => plain(row, channel, at),
        }
    };
    assert_eq!(warnings(&screen(flat(0))), ["Screen, plate P2: er is flat (117 to 117)"]);
    assert_eq!(warnings(&screen(flat(400)))[0], "Screen, plate P2: er is flat (117 to 118)");
    let blank = |row, channel, at| if row == 3 { 0 } else { plain(row, channel, at) };
    assert_eq!(warnings(&screen(blank)), ["Screen: 1 of 8 images are blank, first row 5 (`P1/W3`)"]);
    let one = |row, channel, at| if (row, channel) == (3, 1) { 9 } else { plain(row, channel, at) };
    assert_eq!(
        warnings(&screen(one)),
        ["Screen: er is flat in 1 of 8 images, first row 5 (`P1/W3`) (9 to 9)"]
    );
}

#[test]
fn channels_that_change_places_are_named_with_their_means() {
    let swapped =
        |row: usize, channel: usize, at: usize| plain(row, if row < 4 { channel } else { 1 - channel }, at);
    let expected = "Screen: the means of dna and er change places between values of plate: 50 and 150 on P1, 150 and 50 on P2";
    let said = warnings(&screen(swapped));
    assert!(said.len() == 1 && said[0].starts_with(expected), "{said:?}");
    // A column that names each image is no group, and one image is not a plate.
    let folder = screen(swapped);
    folder.write(
        "dataset.toml",
        std::fs::read_to_string(folder.path().join("dataset.toml")).unwrap()
            + "roles = { plate = \"well\" }\n",
    );
    assert_eq!(warnings(&folder), Vec::<String>::new());
    let blank = |row: usize, channel: usize, at: usize| {
        if row > 3 && channel == 1 { 9 } else { plain(row, channel, at) }
    };
    assert_eq!(warnings(&screen(blank)), ["Screen, plate P2: er is flat (9 to 9)"]);
}

#[test]
fn small_images_are_counted() {
    let folder = Folder::good();
    let said = warnings(&folder).join("\n");
    assert!(said.contains("A: 4 of 4 images are below 32 pixels a side, first row 2 (3 x 4)"), "{said}");
}
