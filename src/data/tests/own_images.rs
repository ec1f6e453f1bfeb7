//! Images as written by microscopes: one file or one page per channel, 16 bits, the laboratory's own names.

use super::{Folder, png};
use crate::{
    data::{DataSet, Pixels, check, eval_view, info, measure, statistics},
    event::{Event, Listen, Silence},
};
use png::{BitDepth, ColorType};
use std::io::Cursor;
use tiff::encoder::{TiffEncoder, colortype::Gray16};

const COLUMNS: &str = "plate,well,site,Label,train_test_split,Task_one\n";
/// Two plates, the second of which has no training image.
const ROWS: [(&str, &str); 4] = [
    ("P1,A1,1", "x,Train,False"),
    ("P1,A1,2", "y,Train,False"),
    ("P2,A1,1", "x,Task_one,True"),
    ("P2,B1,1", "y,Task_one,True"),
];
const FILES: &str =
    "images = { layout = \"files\", pattern = \"{plate}/{well}_s{site:02}_{channel}.tif\" }\n";

fn table() -> String {
    ROWS.iter().fold(COLUMNS.to_owned(), |table, (place, rest)| format!("{table}{place},{rest}\n"))
}

/// Grey level of a pixel of a row's channel: plate P2 is four times as bright.
fn level(row: usize, channel: usize, at: usize) -> u16 {
    let bright = if row < 2 { 1 } else { 4 };
    (100 + (at * 37 + row * 11 + channel * 500) % 900) as u16 * bright
}

const HEIGHT: usize = 6;
const WIDTH: usize = 8;

fn pixels(row: usize, channel: usize) -> Vec<u16> {
    (0..HEIGHT * WIDTH).map(|at| level(row, channel, at)).collect()
}

/// A TIFF file with these pages of 16 bits, `width` columns wide.
fn tiff(width: usize, pages: &[Vec<u16>]) -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    let mut file = TiffEncoder::new(&mut out).unwrap();
    for page in pages {
        file.write_image::<Gray16>(width as u32, (page.len() / width) as u32, page).unwrap();
    }
    out.into_inner()
}

fn png16(width: usize, levels: &[u16]) -> Vec<u8> {
    let bytes: Vec<u8> = levels.iter().flat_map(|level| level.to_be_bytes()).collect();
    png(ColorType::Grayscale, BitDepth::Sixteen, width as u32, (levels.len() / width) as u32, &bytes)
}

fn described(set: &str) -> Folder {
    Folder::new(&format!("[sets.A]\nchannels = [\"dna\", \"er\"]\n{set}"))
}

/// One file per channel, `<plate>/<well>_s<site>_<channel>.tif`, all below the set's folder.
fn files(rule: &str) -> Folder {
    let folder = described(&format!("{FILES}{rule}"));
    folder.write("A/enriched_meta.csv", table());
    for (row, (place, _)) in ROWS.iter().enumerate() {
        for channel in 0..2 {
            folder.write(&file(place, channel), tiff(WIDTH, &[pixels(row, channel)]));
        }
    }
    folder
}

fn file(place: &str, channel: usize) -> String {
    let fields: Vec<&str> = place.split(',').collect();
    format!("A/{}/{}_s0{}_{}.tif", fields[0], fields[1], fields[2], ["dna", "er"][channel])
}

const RANGE: &str = "intensity = { range = [100, 4095] }\n";

/// The pixels of a channel as the tape has them, row by row.
fn channel_of(data: &DataSet, row: u32, channel: usize) -> Vec<f32> {
    let tape = data.sets[0].read(row).unwrap();
    let Pixels::Floats(pixels) = &tape.pixels else { panic!("a rule makes floats") };
    pixels
        .chunks(tape.width * tape.channels)
        .flat_map(|line| &line[channel * tape.width..][..tape.width])
        .copied()
        .collect()
}

fn stretched(level: u16, low: u16, high: u16) -> f32 {
    (f64::from(level.clamp(low, high) - low) / f64::from(high - low) * 255.0) as f32
}

#[test]
fn one_file_per_channel_is_read() {
    let folder = files(RANGE);
    let data = folder.open().unwrap();
    assert_eq!(data.warnings.len(), 0, "{:?}", data.warnings);
    let set = &data.sets[0];
    assert_eq!((set.key(0), set.key(3)), ("P1/A1_s01", "P2/B1_s01"));
    let names: Vec<_> =
        set.files(1).iter().map(|path| path.strip_prefix(folder.path()).unwrap().to_owned()).collect();
    assert_eq!(names, [file("P1,A1,2", 0), file("P1,A1,2", 1)].map(std::path::PathBuf::from));
    for row in 0..4 {
        for channel in 0..2 {
            let expected: Vec<f32> =
                pixels(row, channel).iter().map(|&level| stretched(level, 100, 4095)).collect();
            assert_eq!(channel_of(&data, row as u32, channel), expected);
        }
    }
    let report = check(&data, &mut Silence).unwrap();
    assert!(report.ok() && report.images == 4, "{report:?}");
    let said = info(&data).join("\n");
    for expected in [
        "A: 4 images, 2 channels of 6 x 8 pixels, 16 bits",
        "channels: nucleus (`dna`), er",
        "images: one file per channel (dna, er), {plate}/{well}_s{site:02}_{channel}.tif",
        "intensity: grey levels 100 to 4095",
    ] {
        assert!(said.contains(expected), "{expected} not in {said}");
    }
}

#[test]
fn words_in_names_patterns_from_the_root_and_roles_as_places_are_understood() {
    let folder = described(
        "images = { layout = \"files\", pattern = \"A/{batch}/{channel}/{treatment}.png\", channel = { dna = \"w1\" } }\n\
         roles = { batch = \"day\" }\n",
    );
    folder.write("A/enriched_meta.csv", "day,Treatment,Label,train_test_split\nmon,a b,x,Train\n");
    folder.png("A/mon/w1/a b.png", 3, 2, |at| at as u8);
    folder.png("A/mon/er/a b.png", 3, 2, |at| at as u8 + 100);
    let data = folder.open().unwrap();
    let set = &data.sets[0];
    assert_eq!(set.key(0), "A/mon/a b");
    let tape = set.read(0).unwrap();
    assert_eq!(tape.pixels.bytes().unwrap(), [0, 1, 2, 100, 101, 102, 3, 4, 5, 103, 104, 105]);
}

#[test]
fn missing_files_of_a_row_are_told_together() {
    let folder = files(RANGE);
    for channel in 0..2 {
        std::fs::remove_file(folder.path().join(file("P1,A1,2", channel))).unwrap();
    }
    std::fs::remove_file(folder.path().join(file("P2,B1,1", 1))).unwrap();
    let said = folder.refusal();
    for expected in [
        "A/enriched_meta.csv: 2 problems",
        "row 3: expected the files of channels dna, er at `A/P1/A1_s02_dna.tif`, `A/P1/A1_s02_er.tif`, found none",
        "row 5: expected the file of channel er at `A/P2/B1_s01_er.tif`, found none",
        "hint: `pattern` is relative to",
    ] {
        assert!(said.contains(expected), "{expected} not in {said}");
    }
}

#[test]
fn rows_of_a_pattern_need_their_fields_and_files_of_their_own() {
    let folder = files(RANGE);
    folder.write("A/enriched_meta.csv", format!("{}P1,,1,x,Train,False\nP1,A1,1,x,Train,False\n", table()));
    let said = folder.refusal();
    for expected in [
        "row 6: expected fields in `well` for {plate}/{well}_s{site:02}_{channel}.tif, found empty ones",
        "row 7: `P1/A1_s01_dna.tif` is already in an earlier row",
    ] {
        assert!(said.contains(expected), "{expected} not in {said}");
    }
    folder.write("A/enriched_meta.csv", table().replacen("well", "Position", 1));
    let said = folder.refusal();
    assert!(
        said.contains("expected a column `well` (in the pattern of `images`), found plate, Position"),
        "{said}"
    );
}

#[test]
fn the_fingerprint_covers_the_files_of_every_channel_the_layout_and_the_rule() {
    let folder = files(RANGE);
    let print = || folder.open().unwrap().fingerprint;
    let mut prints = vec![print()];
    assert_eq!(print(), prints[0]);
    folder.write(&file("P2,B1,1", 1), tiff(WIDTH, &[vec![7; 2 * HEIGHT * WIDTH]]));
    prints.push(print());
    let toml = |channels: &str, rest: &str| {
        folder.write("dataset.toml", format!("[sets.A]\nchannels = {channels}\n{rest}"));
        print()
    };
    let both = "[\"dna\", \"er\"]";
    prints.push(toml(both, &format!("{FILES}intensity = {{ range = [100, 4094] }}\n")));
    prints.push(toml(both, &format!("{FILES}intensity = {{ percentile = [1, 99], per = \"set\" }}\n")));
    prints.push(toml(both, FILES));
    let swapped = FILES.replace(" }", ", channel = { dna = \"er\", er = \"dna\" } }");
    prints.push(toml(both, &swapped));
    let count = prints.len();
    prints.sort_unstable();
    prints.dedup();
    assert_eq!(prints.len(), count, "each change is seen");
    // Another word for the same channel and the same files is the same data.
    let words = |name: &str| FILES.replace(" }", &format!(", channel = {{ {name} = \"dna\" }} }}"));
    assert_eq!(toml("[\"DAPI\", \"er\"]", &words("DAPI")), toml("[\"hoechst\", \"er\"]", &words("hoechst")));
}

#[test]
fn what_was_said_without_layout_and_rule_is_the_fingerprint_that_it_was() {
    let description = super::super::describe::Description::of(Folder::good().path(), None).unwrap();
    assert_eq!(
        serde_json::to_string(&description.sets).unwrap(),
        "[{\"name\":\"A\",\"channels\":[\"nucleus\",\"er\"],\"leave_group_out\":{},\"roles\":{},\"pixel_size_um\":null,\
         \"printed\":null}]"
    );
}

/// A folder of stacks, one page per channel and a third page that is not a channel.
fn stacks(pages: &str) -> Folder {
    let folder = described(&format!("images = {{ layout = \"stack\"{pages} }}\n{RANGE}"));
    folder.write("A/enriched_meta.csv", "file_path,Label,train_test_split\na.tif,x,Train\nA/b.tif,y,Train\n");
    for (row, name) in ["A/a.tif", "A/b.tif"].into_iter().enumerate() {
        folder.write(name, tiff(WIDTH, &[pixels(row, 0), pixels(row, 1), vec![0; HEIGHT * WIDTH]]));
    }
    folder
}

#[test]
fn one_page_per_channel_is_read() {
    let folder = stacks(", pages = [2, 1]");
    let data = folder.open().unwrap();
    assert_eq!(data.sets[0].key(1), "A/b.tif");
    for row in 0..2 {
        for channel in 0..2 {
            let expected: Vec<f32> =
                pixels(row, 1 - channel).iter().map(|&level| stretched(level, 100, 4095)).collect();
            assert_eq!(channel_of(&data, row as u32, channel), expected);
        }
    }
    assert!(check(&data, &mut Silence).unwrap().ok());
    assert!(info(&data).join("\n").contains("images: one page per channel: 2, 1"), "{:?}", info(&data));
}

#[test]
fn stacks_of_other_pages_are_refused() {
    let folder = stacks("");
    let said = folder.say(&folder.open().unwrap().sets[0].read(1).unwrap_err());
    let expected = "A/b.tif (row 3 of A/enriched_meta.csv): expected 2 pages, one for each channel (dna, er), found 3\nhint: say in \
                    dataset.toml which pages the channels are";
    assert!(said.starts_with(expected), "{said}");
    let folder = stacks(", pages = [1, 4]");
    let said = folder.say(&folder.open().unwrap().sets[0].read(0).unwrap_err());
    assert!(
        said.contains("A/a.tif (row 2 of A/enriched_meta.csv): expected `er` on page 4, found 3 pages"),
        "{said}"
    );
    // A stack where a tape, or one channel, should be.
    let folder = Folder::good();
    folder.write("A/crops/b.png", tiff(WIDTH, &[pixels(0, 0), pixels(0, 1)]));
    let said = folder.say(&folder.open().unwrap().sets[0].read(1).unwrap_err());
    assert!(
        said.contains("expected one page with the channels side by side, found 2 pages\nhint: if each"),
        "{said}"
    );
    let folder = files(RANGE);
    folder.write(&file("P1,A1,2", 1), tiff(WIDTH, &[pixels(0, 0), pixels(0, 1)]));
    let said = folder.say(&folder.open().unwrap().sets[0].read(1).unwrap_err());
    let expected = "A/P1/A1_s02_er.tif (row 3 of A/enriched_meta.csv): expected one page with one channel, found 2 pages\nhint: ";
    assert!(said.starts_with(expected), "{said}");
}

#[test]
fn channels_of_another_size_are_refused() {
    let folder = files(RANGE);
    folder.write(&file("P1,A1,2", 1), tiff(WIDTH + 1, &[vec![200; HEIGHT * (WIDTH + 1)]]));
    let data = folder.open().unwrap();
    let said = folder.say(&data.sets[0].read(1).unwrap_err());
    let expected = "A/P1/A1_s02_er.tif (row 3 of A/enriched_meta.csv): expected 6 x 8 pixels as `dna` has, found 6 x 9 of `er`\n\
                    hint: all channels of an image";
    assert!(said.starts_with(expected), "{said}");
    let report = check(&data, &mut Silence).unwrap();
    assert!(!report.ok() && report.problem_count == 1, "{report:?}");
}

#[test]
fn sixteen_bits_without_a_rule_are_refused_with_the_line_to_add() {
    let folder = files("");
    let data = folder.open().unwrap();
    let said = folder.say(&data.sets[0].read(0).unwrap_err());
    assert!(
        said.starts_with("A/P1/A1_s01_dna.tif (row 2 of A/enriched_meta.csv): expected 8-bit grey pixels, or a rule for the"),
        "{said}"
    );
    let [low, high] = [pixels(0, 0).into_iter().min().unwrap(), pixels(0, 0).into_iter().max().unwrap()];
    assert!(
        said.contains(&format!(
            "found 16-bit grey ({low} to {high} here) and no rule\nhint: add to [sets.A]"
        )),
        "{said}"
    );
    let line = format!("intensity = {{ range = [{low}, {high}] }}");
    assert!(said.contains(&line), "{said}");
    assert!(check(&data, &mut Silence).unwrap().problem_count == 4);
    assert!(info(&data).join("\n").contains("expected 8-bit grey"), "{:?}", info(&data));
    // The line in the hint is one that works.
    files(&format!("{line}\n")).open().unwrap().sets[0].read(0).unwrap();
}

#[test]
fn a_range_may_be_each_channels_own_and_needs_bits_enough() {
    let folder = files("intensity = { range = { er = [200, 300], dna = [0, 65535] } }\n");
    let data = folder.open().unwrap();
    for (channel, [low, high]) in [[0, 65535], [200, 300]].into_iter().enumerate() {
        let expected: Vec<f32> =
            pixels(1, channel).iter().map(|&level| stretched(level, low, high)).collect();
        assert_eq!(channel_of(&data, 1, channel), expected);
    }
    assert!(
        info(&data).join("\n").contains("grey levels dna 0 to 65535, er 200 to 300"),
        "{:?}",
        info(&data)
    );
    let eight = png(ColorType::Grayscale, BitDepth::Eight, 8, 6, &[9; 48]);
    folder.write(&file("P1,A1,1", 0), &eight);
    let said = folder.say(&folder.open().unwrap().sets[0].read(0).unwrap_err());
    let expected = "A/P1/A1_s01_dna.tif (row 2 of A/enriched_meta.csv): expected 16 bits, as the range 0 to 65535 of `dna` says, \
                    found 8 bits\nhint: ";
    assert!(said.starts_with(expected), "{said}");
}

#[test]
fn eight_bits_with_the_whole_range_are_the_same_to_the_last_bit() {
    let plain = Folder::good();
    let ruled = Folder::good();
    ruled.write("dataset.toml", "[sets.A]\nchannels = [\"dna\", \"er\"]\nintensity = { range = [0, 255] }\n");
    let [plain, ruled] = [plain, ruled].map(|folder| {
        let data = folder.open().unwrap();
        let set = &data.sets[0];
        let norm = statistics(set, &set.train_rows(), &mut Silence).unwrap();
        let mut out = vec![0.0; 2 * 5 * 5];
        eval_view(&set.read(1).unwrap(), 5, &norm, &mut out);
        (norm, out)
    });
    assert_eq!(plain, ruled);
}

#[test]
fn statistics_of_sixteen_bits_are_those_of_the_stretched_pixels() {
    let folder = files(RANGE);
    let data = folder.open().unwrap();
    let set = &data.sets[0];
    let found = [1, 3].map(|threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| statistics(set, &[0, 1, 2, 3], &mut Silence).unwrap())
    });
    assert_eq!(found[0], found[1]);
    for channel in 0..2 {
        let all: Vec<f64> =
            (0..4).flat_map(|row| channel_of(&data, row, channel)).map(|x| f64::from(x) / 255.0).collect();
        let mean = all.iter().sum::<f64>() / all.len() as f64;
        let sd = (all.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / all.len() as f64).sqrt();
        assert!((f64::from(found[0].mean[channel]) - mean).abs() < 1e-6, "{found:?} {mean}");
        assert!((f64::from(found[0].sd[channel]) - sd).abs() < 1e-6, "{found:?} {sd}");
    }
}

/// The level that `percent` of these do not exceed, by sorting.
fn percentile(mut levels: Vec<u16>, percent: f64) -> u16 {
    levels.sort_unstable();
    let rank = (percent / 100.0 * levels.len() as f64).ceil().max(1.0) as usize;
    levels[rank - 1]
}

#[test]
fn percentiles_are_measured_over_all_images_of_a_group() {
    for (per, groups) in [
        ("plate", vec![vec![0, 1], vec![2, 3]]),
        ("well", vec![vec![0, 1, 2], vec![3]]),
        ("set", vec![vec![0, 1, 2, 3]]),
        ("image", vec![vec![0], vec![1], vec![2], vec![3]]),
    ] {
        let folder = files(&format!("intensity = {{ percentile = [5, 95.5], per = \"{per}\" }}\n"));
        let data = folder.open().unwrap();
        let set = &data.sets[0];
        assert_eq!(set.needs_measuring(), per != "image", "{per}");
        if set.needs_measuring() {
            let said = folder.say(&set.read(0).unwrap_err());
            assert!(said.starts_with("expected measured percentiles of set `A`"), "{said}");
            assert!(check(&data, &mut Silence).unwrap().ok(), "a check needs no measuring");
        }
        let measured = [1, 3].map(|threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| measure(set, &mut Silence).unwrap())
        });
        assert_eq!(measured[0], measured[1]);
        data.measure(&mut Silence).unwrap();
        assert!(!set.needs_measuring());
        for rows in &groups {
            for channel in 0..2 {
                let all: Vec<u16> = rows.iter().flat_map(|&row| pixels(row, channel)).collect();
                let [low, high] = [5.0, 95.5].map(|percent| percentile(all.clone(), percent));
                for &row in rows {
                    let expected: Vec<f32> =
                        pixels(row, channel).iter().map(|&level| stretched(level, low, high)).collect();
                    assert_eq!(channel_of(&data, row as u32, channel), expected, "{per}, row {row}");
                }
            }
        }
    }
}

#[test]
fn measured_ranges_are_kept_as_text_and_only_taken_where_they_fit() {
    let folder = files("intensity = { percentile = [0, 100], per = \"plate\" }\n");
    let (data, again) = (folder.open().unwrap(), folder.open().unwrap());
    let measured = measure(&data.sets[0], &mut Silence).unwrap();
    assert_eq!(measured.groups, ["P1", "P2"]);
    let text = serde_json::to_string(&measured).unwrap();
    let mut other = measured.clone();
    other.groups[1] = "P3".to_owned();
    assert!(!again.sets[0].take_measured(other) && again.sets[0].needs_measuring());
    assert!(
        again.sets[0].take_measured(serde_json::from_str(&text).unwrap()) && !again.sets[0].needs_measuring()
    );
    // A thinned set is measured again, over what is left.
    let thinned = data.sets[0].subset(1).unwrap();
    assert_eq!((thinned.len(), thinned.needs_measuring()), (2, true));
    let few = measure(&thinned, &mut Silence).unwrap();
    assert!(few != measured && thinned.take_measured(few));
    thinned.read(1).unwrap();
}

#[test]
fn a_flat_channel_has_a_range_of_one_level() {
    let folder = files("intensity = { percentile = [1, 99], per = \"set\" }\n");
    for (place, _) in ROWS {
        folder.write(&file(place, 1), png16(WIDTH, &[300; HEIGHT * WIDTH]));
    }
    let data = folder.open().unwrap();
    data.measure(&mut Silence).unwrap();
    assert!(channel_of(&data, 0, 1).iter().all(|&x| x == 0.0));
    let flat = statistics(&data.sets[0], &[0, 1], &mut Silence).unwrap();
    assert_eq!((flat.mean[1], flat.sd[1]), (0.0, 1.0 / 255.0));
}

#[test]
fn a_group_of_mixed_depths_is_refused() {
    let folder = files("intensity = { percentile = [1, 99], per = \"plate\" }\n");
    folder.write(&file("P2,A1,1", 1), png(ColorType::Grayscale, BitDepth::Eight, 8, 6, &[9; 48]));
    let data = folder.open().unwrap();
    let said = folder.say(&data.measure(&mut Silence).unwrap_err());
    let expected = "A/P2/A1_s01_er.tif (row 4 of A/enriched_meta.csv): expected 16 bits of `er`, as in row 2, found 8 bits\nhint: ";
    assert!(said.starts_with(expected), "{said}");
    assert_eq!(check(&data, &mut Silence).unwrap().problem_count, 1);
}

/// Counts images and stops after this many.
struct Stops(u64, Vec<u64>);
impl Listen for Stops {
    fn receive(&mut self, event: &Event<'_>) {
        match event {
            Event::Began { total, .. } => self.1.push(*total),
            Event::Advanced { done, .. } => self.1.push(*done),
            _ => {}
        }
    }
    fn stop(&self) -> bool {
        self.1.last().is_some_and(|done| *done >= self.0) && self.1.len() > 1
    }
}

#[test]
fn measuring_says_how_far_it_is_and_stops_when_asked() {
    let folder = files("intensity = { percentile = [1, 99], per = \"plate\" }\n");
    let data = folder.open().unwrap();
    let mut listener = Stops(2, vec![]);
    assert_eq!(data.measure(&mut listener).unwrap_err().to_string(), "stopped");
    assert_eq!(listener.1, [4, 2]);
    assert!(data.sets[0].needs_measuring());
    let mut listener = Stops(9, vec![]);
    data.measure(&mut listener).unwrap();
    assert_eq!(listener.1, [4, 2, 4]);
}

#[test]
fn groups_need_their_column_and_their_fields_and_are_no_labels() {
    let said = files("intensity = { percentile = [1, 99], per = \"Label\" }\n").refusal();
    let expected =
        "expected images grouped by anything but their labels in `per` of `intensity`, found `Label`";
    assert!(said.contains(expected) && said.contains("\nhint: "), "{said}");
    let folder = files("intensity = { percentile = [1, 99], per = \"day\" }\n");
    let said = folder.refusal();
    assert!(said.contains("expected a column `day` (`per` of `intensity`), found plate, well"), "{said}");
    folder.write(
        "A/enriched_meta.csv",
        table()
            .replace("Task_one\n", "Task_one,day\n")
            .replace("e\nP", "e,mon\nP")
            .replace("True\n", "True,\n"),
    );
    let said = folder.refusal();
    assert!(
        said.contains("row 5: expected a field in the column of `per = \"day\"`, found an empty one"),
        "{said}"
    );
}

#[test]
fn sixteen_bit_tapes_and_pngs_are_read() {
    let folder = described("intensity = { range = [0, 65535] }\n");
    folder.write("A/enriched_meta.csv", "file_path,channel_width,Label,train_test_split\na.png,3,x,Train\n");
    let levels: Vec<u16> = (0..12).map(|at| at * 5000).collect();
    folder.write("A/a.png", png16(6, &levels));
    let data = folder.open().unwrap();
    let Pixels::Floats(found) = data.sets[0].read(0).unwrap().pixels else { panic!("16 bits") };
    let expected: Vec<f32> = levels.iter().map(|&level| stretched(level, 0, 65535)).collect();
    assert_eq!(found, expected);
}

/// The error message for a line of `dataset.toml`.
#[test]
fn slips_in_the_description_are_told_with_their_line() {
    let files = |rest: &str| {
        format!("images = {{ layout = \"files\", pattern = \"{{well}}_{{channel}}.tif\"{rest} }}\n")
    };
    for (line, expected) in [
        (
            "images = { layout = \"files\" }",
            "images of set `A`: expected a `pattern` that names the files of a row, found none",
        ),
        (
            "images = { layout = \"files\", pattern = \"{well}.tif\" }",
            "images of set `A`: expected `{channel}` in the pattern, found `{well}.tif`",
        ),
        (
            "images = { layout = \"stack\", pattern = \"x\" }",
            "expected no `pattern` in this layout, found one",
        ),
        ("images = { layout = \"tape\", pages = [1, 2] }", "expected no `pages` in this layout, found one"),
        (
            "images = { layout = \"stack\", pages = [1] }",
            "expected 2 pages, one for each channel (dna, er), found 1",
        ),
        ("images = { layout = \"stack\", pages = [0, 1] }", "expected pages counted from 1, found page 0"),
        (
            "images = { layout = \"stack\", pages = [2, 2] }",
            "expected a different page for each channel, found page 2 for `dna` and `er`",
        ),
        (
            &files(", channel = { dapi = \"w1\" }"),
            "expected channels of the set (dna, er) in images.channel, found `dapi`",
        ),
        (
            &files(", channel = { dna = \"er\" }"),
            "expected a different word for each channel, found `er` for `dna` and `er`",
        ),
        (&files(", channel = { dna = \"\" }"), "expected a word for channel `dna`, found an empty one"),
        (
            "intensity = { range = [100] }",
            "intensity of set `A`: expected range as two whole grey levels from 0 to 65535, the lower one first, found [100]",
        ),
        ("intensity = { range = [100, 70000] }", "the lower one first, found [100, 70000]"),
        ("intensity = { range = [9, 9] }", "the lower one first, found [9, 9]"),
        ("intensity = { range = [0.0, 1.0] }", "the lower one first, found [0.0, 1.0]"),
        (
            "intensity = { range = { dna = [1, 2] } }",
            "expected a range for each channel, found none for `er`",
        ),
        (
            "intensity = { range = { rna = [1, 2] } }",
            "expected channels of the set (dna, er) in range, found `rna`",
        ),
        (
            "intensity = { percentile = [1, 99] }",
            "expected `per` with `percentile`: over which images, found none",
        ),
        (
            "intensity = { percentile = [1, 101], per = \"set\" }",
            "expected percentile as two numbers from 0 to 100",
        ),
        (
            "intensity = { percentile = [9, 1], per = \"set\" }",
            "expected percentile as two numbers from 0 to 100",
        ),
        ("intensity = { percentile = [1, 99], per = \"label\" }", "a role (not the label)"),
        ("intensity = { }", "expected either `range` or `percentile` and `per`, found nothing"),
        (
            "intensity = { range = [1, 2], percentile = [1, 99] }",
            "expected either `range` or `percentile` and `per`, found `range`, `percentile`",
        ),
    ] {
        let said = described(&format!("{line}\n")).refusal();
        assert!(said.starts_with("dataset.toml, line 3: "), "{line}: {said}");
        assert!(said.contains(expected), "{line}: {expected} not in {said}");
        assert!(said.contains("\nhint: "), "{line}: {said}");
    }
    for line in [
        "intensity = { rnage = [1, 2] }",
        "images = { layout = \"tapes\" }",
        "images = { layout = \"stack\", pages = \"all\" }",
        "normalise = \"per_image\"",
    ] {
        let said = described(&format!("{line}\n")).refusal();
        assert!(said.contains("TOML parse error at line 3"), "{line}: {said}");
    }
}

#[test]
fn channels_that_mean_the_same_or_only_a_colour_are_refused() {
    let say = |channels: &str| Folder::new(&format!("\n[sets.A]\nchannels = [\n  {channels}\n]\n")).refusal();
    let said = say("\"DAPI\", \"Hoechst\"");
    let expected = "dataset.toml, line 4: expected channels that differ in set `A`, found `DAPI` and `Hoechst`: both are `nucleus`";
    assert!(said.starts_with(expected) && said.contains("\nhint: give one"), "{said}");
    let said = say("\"dna\",\n\"GFP\"");
    assert!(
        said.starts_with(
            "dataset.toml, line 5: expected a known channel in set `A`, found `GFP`; the nearest"
        ),
        "{said}"
    );
    assert!(said.contains("called by what it shows"), "{said}");
}

/// The example of the README, verbatim: its description and its table, with generated images.
#[test]
fn the_example_of_the_readme_works() {
    let readme = include_str!("../../../README.md");
    let section =
        readme.split("## Your own images").nth(1).and_then(|rest| rest.split("\n## ").next()).unwrap();
    let block =
        |kind: &str| section.split(&format!("```{kind}\n")).nth(1).unwrap().split("```").next().unwrap();
    let folder = Folder::new(block("toml"));
    folder.write("Screen/enriched_meta.csv", block("csv"));
    let rows: Vec<Vec<&str>> = block("csv").lines().skip(1).map(|line| line.split(',').collect()).collect();
    assert!(rows.len() >= 4);
    for (row, fields) in rows.iter().enumerate() {
        for (channel, word) in ["w1", "w2", "w3"].into_iter().enumerate() {
            let name = format!("Screen/{}/{}_s0{}_{word}.tif", fields[0], fields[1], fields[2]);
            folder.write(&name, tiff(WIDTH, &[pixels(row, channel)]));
        }
    }
    let data = folder.open().unwrap();
    assert!(data.warnings.iter().all(|warning| warning.contains("is used as `test`")), "{:?}", data.warnings);
    assert_eq!(data.sets[0].channels, ["nucleus", "er", "mito"]);
    assert_eq!(data.sets[0].key(0), "P1/B02_s01");
    assert!(check(&data, &mut Silence).unwrap().ok());
    data.measure(&mut Silence).unwrap();
    (0..rows.len() as u32).for_each(|row| assert_eq!(data.sets[0].read(row).unwrap().channels, 3));
}
