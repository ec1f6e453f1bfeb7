//! Invalid folders, and the error message for each.

use super::{Folder, GOOD, png};
use crate::{
    data::{Contents, DataSet, check},
    event::Silence,
};
use png::{BitDepth, ColorType};

/// The good folder with another table.
fn table(content: &str) -> Folder {
    let folder = Folder::good();
    folder.write("A/enriched_meta.csv", content);
    folder
}

fn described(toml: &str) -> String {
    let folder = Folder::good();
    folder.write("dataset.toml", toml);
    folder.refusal()
}

#[test]
fn a_table_without_a_column_is_refused() {
    let said = table(&GOOD.replace("channel_width", "w").replace("Label", "kind")).refusal();
    assert!(said.starts_with("A/enriched_meta.csv: 2 problems\n"), "{said}");
    assert!(
        said.contains("expected a column `Label` or `label`, found file_path, w, kind, train_test"),
        "{said}"
    );
    assert!(said.contains("expected a column `channel_width`, found"), "{said}");
}

#[test]
fn rows_are_named_and_collected() {
    let wrong = GOOD
        .replace("b.png,4,y", "bb.png,4,y")
        .replace("c.png,4,y", "a.png,0,y")
        .replace("4,x,Train,False\n", "4,,Train,maybe\n");
    let said = table(&wrong).refusal();
    for expected in [
        "7 problems",
        "row 2: expected a label, found an empty field",
        "row 2: expected True or False in Task_one, found `maybe`",
        "row 3: expected an image at `A/crops/bb.png`, found none",
        "row 4: `A/crops/a.png` is already in an earlier row",
        "row 4: expected channel_width as a positive whole number, found `0`",
        "row 5: expected a label",
    ] {
        assert!(said.contains(expected), "{expected} not in {said}");
    }
}

#[test]
fn several_labels_of_an_image_are_refused() {
    let folder = Folder::good();
    folder.write("A/enriched_meta.csv", GOOD.replace("d.png,4,x", "d.png,4,y|x"));
    let said = folder.refusal();
    assert!(said.contains("found `y|x`, whose parts are labels too"), "{said}");
    assert!(said.contains("several labels are not read yet"), "{said}");
    folder.write("A/enriched_meta.csv", GOOD.replace("d.png,4,x", "d.png,4,y|z"));
    assert_eq!(folder.open().unwrap().sets[0].labels, ["x", "y", "y|z"], "`z` is no label: this is a name");
}

#[test]
fn ten_problems_are_enough() {
    let mut wrong = GOOD.to_owned();
    (0..30).for_each(|i| wrong.push_str(&format!("A/crops/no{i}.png,4,x,Train,False\n")));
    let said = table(&wrong).refusal();
    assert!(said.contains("30 problems") && said.contains("and 20 more"), "{said}");
    assert_eq!(said.lines().filter(|line| line.contains("row ")).count(), 10, "{said}");
}

#[test]
fn empty_splits_are_refused() {
    let said = table(&GOOD.replace(",Train,", ",train,")).refusal();
    assert!(said.contains("expected rows of split Train, found only `Task_one`, `train`"), "{said}");
    let said = table(&GOOD.replace("d.png,4,x,Train", "d.png,4,x,Task_two")).refusal();
    assert!(said.contains("expected a column `Task_two`, as train_test_split names it"), "{said}");
    let said = table(GOOD.lines().next().unwrap()).refusal();
    assert!(said.contains("expected rows of split Train, found no rows"), "{said}");
}

#[test]
fn tables_that_are_none_are_refused() {
    let said = table(&GOOD.replace("y,Task_one,True", "y,Task_one")).refusal();
    assert!(said.contains("row 4: expected 5 fields as in the header, found 4\nhint: each row"), "{said}");
    let folder = Folder::good();
    std::fs::remove_file(folder.path().join("A/enriched_meta.csv")).unwrap();
    let said = folder.refusal();
    assert!(said.starts_with("cannot read A/enriched_meta.csv: "), "{said}");
}

#[test]
fn a_group_that_is_left_out_needs_its_column() {
    let said =
        described("[sets.A]\nchannels = [\"dna\", \"er\"]\nleave_group_out = { Task_one = \"day\" }\n");
    assert!(said.contains("expected a column `day` (left out in Task_one)"), "{said}");
    let said =
        described("[sets.A]\nchannels = [\"dna\", \"er\"]\nleave_group_out = { Task_two = \"Label\" }\n");
    assert!(said.contains("expected a column `Task_two` (its groups are left out)"), "{said}");
    let said = described("[sets.A]\nchannels = [\"dna\", \"er\"]\nroles = { plate = \"P\" }\n");
    assert!(said.contains("expected a column `P` (role plate in dataset.toml)"), "{said}");
}

#[test]
fn descriptions_are_read_strictly() {
    let said = described("[sets.A]\nchannels = [\"dna\", \"nuclues\"]\n");
    assert!(
        said.contains(
            "dataset.toml, line 2: expected a known channel in set `A`, found `nuclues`; the nearest"
        ),
        "{said}"
    );
    assert!(
        said.contains("`nucleus`, ") && said.contains("\nhint: a name of your own needs `new_channels"),
        "{said}"
    );
    let folder = Folder::good();
    folder.write("dataset.toml", "new_channels = true\n[sets.A]\nchannels = [\"dna\", \"nuclues\"]\n");
    assert_eq!(folder.open().unwrap().sets[0].channels[1], "nuclues");
    let said = described("[sets.A]\nchannels = []\n");
    assert!(said.contains("set `A` has no channels"), "{said}");
    let said = described("[sets.A]\nchannel = [\"dna\"]\n");
    assert!(said.contains("dataset.toml: TOML parse error at line 2") && said.contains("channel"), "{said}");
    let said = described("[sets.\"../A\"]\nchannels = [\"dna\"]\n");
    assert!(said.contains("expected the name of a folder"), "{said}");
    let said = described("name = \"x\"\nsets = {}\n");
    assert!(said.contains("expected at least one table [sets.NAME]"), "{said}");
    let said = described("[sets.B]\nchannels = [\"dna\"]\n");
    assert!(said.contains("none of its sets exists: B"), "{said}");
}

#[test]
fn folders_that_are_none_are_refused() {
    let folder = Folder::new("");
    assert!(
        folder.refusal().contains("found neither `dataset.toml` nor a folder of CHAMMI"),
        "{}",
        folder.refusal()
    );
    let nowhere = DataSet::open("x", &folder.path().join("no"), &Contents::not_kept(), &mut Silence);
    assert!(nowhere.is_err_and(|error| error.to_string().ends_with("no such folder")));
}

#[test]
fn images_that_cannot_be_used_are_refused() {
    let whole = png(ColorType::Grayscale, BitDepth::Eight, 8, 3, &[9; 24]);
    let colours: Vec<u8> = (0..72).collect();
    let cases: [(&str, Vec<u8>); 11] = [
        ("damaged or cut short", whole[..whole.len() - 20].to_vec()),
        ("damaged or cut short", whole[..20].to_vec()),
        ("damaged or cut short", whole[..whole.len() - 5].to_vec()),
        (
            "found 16-bit grey (2313 to 2313 here) and no rule\nhint: add to [sets.A] in dataset.toml which",
            png(ColorType::Grayscale, BitDepth::Sixteen, 8, 3, &[9; 48]),
        ),
        ("found 8-bit RGB with colours\n", png(ColorType::Rgb, BitDepth::Eight, 8, 3, &colours)),
        (
            "found 8-bit grey and alpha, partly transparent\n",
            png(ColorType::GrayscaleAlpha, BitDepth::Eight, 8, 3, &[9; 48]),
        ),
        ("found 1-bit grey\n", png(ColorType::Grayscale, BitDepth::One, 8, 3, &[9; 3])),
        (
            "expected a width that is a multiple of channel_width 4, found 7\n",
            png(ColorType::Grayscale, BitDepth::Eight, 7, 3, &[9; 21]),
        ),
        (
            "expected 2 channels (dna, er), found 3\n",
            png(ColorType::Grayscale, BitDepth::Eight, 12, 2, &[9; 24]),
        ),
        ("expected a PNG or TIFF image, found an empty file", vec![]),
        (
            "expected a PNG or TIFF image, found a JPEG image\nhint: export the image again",
            vec![0xff, 0xd8, 0xff, 0xe0, 0],
        ),
    ];
    for (expected, bytes) in cases {
        let folder = Folder::good();
        folder.write("A/crops/b.png", bytes);
        let data = folder.open().unwrap();
        let said = folder.say(&data.sets[0].read(1).unwrap_err());
        assert!(said.starts_with("A/crops/b.png (row 3 of A/enriched_meta.csv): "), "{said}");
        assert!(said.contains(expected), "expected {expected}, found {said}");
        let report = check(&data, &mut Silence).unwrap();
        assert!(
            !report.ok()
                && report.problem_count == 1
                && report.problems[0].contains(expected.lines().next().unwrap()),
            "{report:?}"
        );
    }
}

#[test]
fn an_image_that_went_away_is_missed() {
    let folder = Folder::good();
    let data = folder.open().unwrap();
    std::fs::remove_file(folder.path().join("A/crops/c.png")).unwrap();
    let said = folder.say(&data.sets[0].read(2).unwrap_err());
    assert!(
        said.starts_with("A/crops/c.png (row 4 of A/enriched_meta.csv): cannot read the image"),
        "{said}"
    );
}
