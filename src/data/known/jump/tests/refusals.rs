//! Tables that are refused, and in which words.

use super::*;

/// The rows with one of them changed.
fn with(row: usize, from: &str, to: &str) -> Vec<String> {
    let mut rows = ROWS.map(String::from).to_vec();
    assert!(rows[row].contains(from));
    rows[row] = rows[row].replace(from, to);
    rows
}

fn said(rows: &[String]) -> String {
    refused(&folder("", rows))
}

#[test]
fn columns_contradict_each_other() {
    for (row, from, to, expected) in [
        (
            3,
            "B2",
            "B1",
            "row 10: expected plate `JCPQC020` to have batch `B1` as in row 5, found `B2`\nhint: a plate is of one",
        ),
        (6, "B9", "B1", "row 8: expected batch `B1` to have source `source_3` as in row 2, found `source_8`"),
        (1, "a,0", "a,2", "row 6: expected mechanism `a` to have moa_id `2` as in row 3, found `0`"),
        (1, "a,0", "a,1", "row 3: expected moa_id `1` to have mechanism `b` as in row 2, found `a`"),
        (
            1,
            "a,0",
            "a,zero",
            "row 3: expected moa_id as a whole number, found `zero`\nhint: moa_id is the number",
        ),
        (1, "a,0", "a,", "row 3: expected moa_id as a whole number, found an empty field"),
        (1, "a,0", "a,0.5", "row 3: expected moa_id as a whole number, found `0.5`"),
        (
            1,
            "JCPQC017",
            "",
            "row 3: expected fields in `Metadata_Plate`, found empty ones\nhint: every row with a mechanism",
        ),
        (1, "C2", " ", "row 3: expected fields in `JCP2022_id`, found empty ones"),
        (8, "2.png", "1.png", "row 10: `JCPQC020/1.png` is already in row 5\nhint: each image has one row"),
        (
            1,
            "JCPQC017",
            "../JCPQC017",
            "row 3: expected the name of a folder as Metadata_Plate, found `../JCPQC017`",
        ),
        (1, "a,0", "a|b,0", "expected one label for each image, found `a|b`, whose parts are labels too"),
    ] {
        let said = said(&with(row, from, to));
        assert!(said.contains(expected), "{said}\nwhere\n{expected}\nwas expected");
    }
}

#[test]
fn files_are_not_there() {
    let folder = folder("", &ROWS);
    std::fs::remove_file(folder.path().join("X/1.png")).unwrap();
    let one = refused(&folder);
    assert!(one.contains("row 6: expected an image at `X/1.png`, found none\nhint: the image of a row is the file `paths` in the folder"), "{one}");
    std::fs::remove_dir_all(folder.path().join("JCPQC020")).unwrap();
    folder.png("Y/1.PNG", 15, 4, |_| 0);
    std::fs::remove_file(folder.path().join("Y/1.png")).unwrap();
    let several = refused(&folder);
    for expected in [
        "row 5: expected an image at `JCPQC020/1.png`, found no folder `JCPQC020`",
        "row 8: expected an image at `Y/1.png`, found none; there is `Y/1.PNG`, which differs in case",
        "in all, 4 of 6 rows lack a file: all 2 rows of plate JCPQC020, all 1 row of plate X, all 1 row of plate Y",
    ] {
        assert!(several.contains(expected), "{several}\nwhere\n{expected}\nwas expected");
    }
}

#[test]
fn images_are_no_tapes_of_five_channels() {
    let folder = folder("", &ROWS);
    folder.png("X/1.png", 16, 4, |_| 0);
    let data = folder.open().unwrap();
    let said = folder.say(&data.set("source_8").unwrap().read(0).unwrap_err());
    let expected = "X/1.png (row 6 of metadata_Target_2_moa.csv): expected a width of 5 equal parts side by side (dna, er, rna, agp, \
                    mito), found 16\nhint: each image is one file with all channels side by side";
    assert!(said.contains(expected), "{said}");
}

#[test]
fn tables_are_not_in_the_form() {
    let say = |text: &str| {
        let folder = Folder::new("");
        folder.write(TABLE, text);
        refused(&folder)
    };
    let table = |header: &str| format!("{header}\n{}\n", ROWS.join("\n"));
    for (text, expected) in [
        (String::new(), "expected a table with a header and a row for each image, found an empty file"),
        (table(HEADER).replace(',', ";"), "expected fields separated by commas, found `;`"),
        (
            table(&HEADER.replace("JCP2022_id", "compound")),
            "expected a column `JCP2022_id` (the compound), found",
        ),
        (
            table(&HEADER.replace("paths", "Paths")),
            "expected a column `paths` (the file in the plate's folder), there is `Paths`, which differs in case",
        ),
        (table(&HEADER.replace("split", "paths")), "expected the column `paths` once, found it twice"),
        (table(HEADER).replace(",source_3,B2", ",source_3"), "expected 9 fields as in the header, found 8"),
        (
            format!("{HEADER}\n"),
            "expected rows of source_3, source_5, source_7, source_8, source_10, source_11 with a mechanism of action, found none",
        ),
        (format!("{HEADER}\n{}\n", ROWS[7]), "found only rows of source_1"),
        (format!("{HEADER}\n{}\n", ROWS[2]), "found only such without one"),
    ] {
        let said = say(&text);
        assert!(said.contains(expected), "{said}\nwhere\n{expected}\nwas expected");
    }
    let alone = refused(&folder("", &ROWS[..1]));
    assert!(
        alone.contains("expected a training plate of source_3, found only its selection plate"),
        "{alone}"
    );
}

#[test]
fn descriptions_of_a_form_are_refused() {
    let folder = folder("", &ROWS);
    for (toml, expected) in [
        (
            "form = \"jmp\"",
            "dataset.toml, line 1: expected the name of a known data set as `form` (chammi, jump), found `jmp`",
        ),
        (
            "form = \"jump\"\n[sets.A]\nchannels = [\"dna\"]",
            "expected no [sets] beside form = \"jump\", found some",
        ),
        ("form = \"chammi\"", "expected the tables of `chammi` beside this file, found none"),
        (
            "form = \"jump\"\nchannels = [\"dna\", \"er\"]",
            "expected the 5 channels of `source_3` in `channels`, found 2",
        ),
        ("form = \"jump\"\nchannels = [\"dna\", \"dapi\", \"er\", \"rna\", \"agp\"]", "both are `nucleus`"),
        (
            "channels = [\"dna\"]\n[sets.A]\nchannels = [\"dna\"]",
            "expected `channels` in the table of a set, found it outside of all",
        ),
        ("kind = \"real\"", "expected at least one table [sets.NAME], found none"),
    ] {
        folder.write("dataset.toml", toml);
        let said = refused(&folder);
        assert!(said.contains(expected), "{said}\nwhere\n{expected}\nwas expected");
    }
}

#[test]
fn a_compound_of_two_mechanisms_is_said() {
    let data = folder("", &with(4, "C3", "C1")).open().unwrap();
    let expected = "compound `C1` has the mechanisms `b` (row 2) and `a` (row 6): pairs of images of one compound are then not of \
                    one mechanism";
    assert!(data.warnings.iter().any(|warning| warning == expected), "{:?}", data.warnings);
}
