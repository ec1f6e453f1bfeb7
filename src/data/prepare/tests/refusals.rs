//! What is wrong is said: what was expected, what was found, where, and how to fix it.

use super::*;

fn has(said: &str, parts: &[&str]) {
    parts.iter().for_each(|part| assert!(said.contains(part), "`{part}` is not in: {said}"));
}

#[test]
fn tables_that_cannot_be_used() {
    const TABLE: &str = "CP_25_all_Phenix1/JCPQC016/load_data_with_illum.csv";
    let gallery = Gallery::new();
    let table = gallery::PlateOf::called("JCPQC016").table();
    let good = fs::read_to_string(gallery.root().join(&table)).unwrap();
    let say = |text: &str| {
        gallery.write(&table, text);
        gallery.refused(&gallery.request())
    };
    let said = say(&good.replace("FileName_OrigRNA", "Third"));
    has(
        &said,
        &[
            TABLE,
            "expected a column `FileName_OrigRNA` (the image of RNA), found ",
            "hint: a load table has a plate",
        ],
    );
    has(
        &say(&good.replace("Metadata_Well", "Metadata_well")),
        &["there is `Metadata_well`, which differs in case"],
    );
    has(
        &say(good.lines().next().unwrap()),
        &[TABLE, "expected rows below the header, found none", "download it again"],
    );
    has(&say(""), &["found an empty file"]);
    has(&say(&good.replace(',', ";")), &["expected fields separated by commas, found `;`"]);
    has(
        &say(&good.replace("A21,2", "A21,x")),
        &["row 5: expected a whole number in Metadata_Site, found `x`"],
    );
    has(&say(&good.replace("A21,2", "Z99,2")), &["row 5: expected a well in Metadata_Well, found `Z99`"]);
    has(&say(&good.replace("CP_25", "CP_26")), &["expected `CP_25_all_Phenix1` as Metadata_Batch", "row 2"]);
    // The file of AGP in the column of Mito: a mistake that real tables have had.
    let twice = good.replacen("r01c05f01p01-ch1sk1fk1fl1.tiff", "r01c05f01p01-ch2sk1fk1fl1.tiff", 1);
    has(
        &say(&twice),
        &["row 2: expected a file of its own for Mito of site 1 of well A05", "ch2sk1fk1fl1.tiff` again"],
    );
    let other = good.lines().nth(2).unwrap().replace("A05,2", "A05,1");
    has(
        &say(&format!("{good}{other}\n")),
        &["row 10: expected other files only for other sites", "is already in row 2"],
    );
    has(
        &say(&good.replace("BR5867a3", "BR1")),
        &["row 2: expected the folder `s3://", "BR1__2022", "hint: --images says"],
    );
}

#[test]
fn folders_that_are_not_there() {
    let gallery = Gallery::new();
    let request = |change: fn(&mut Request)| {
        let mut request = gallery.request();
        change(&mut request);
        gallery.refused(&request)
    };
    has(
        &request(|r| r.gallery = "nowhere".into()),
        &["nowhere: no such folder or table", "hint: give the folder"],
    );
    has(&request(|r| r.images = Some("nowhere".into())), &["nowhere: no such folder", "hint: --images is"]);
    has(&request(|r| r.gallery.push("source_3/images")), &["expected load tables", "found none"]);
    has(
        &request(|r| r.plates = vec!["JCPQC016".into()]),
        &[
            "source_3: expected a plate to train on, found only JCPQC016, by which checkpoints are selected",
            "hint: add another",
        ],
    );
    has(
        &request(|r| r.plates = vec!["JCPQC018".into()]),
        &["expected plate `JCPQC018`, found no load table"],
    );
    let empty = gallery.path().join("empty");
    fs::create_dir(&empty).unwrap();
    let request = Request { images: Some(empty), ..gallery.request() };
    let said = gallery.refused(&request);
    has(
        &said,
        &[
            "row 2: expected the folder `s3://cellpainting-gallery/cpg0016-jump/source_11",
            "below empty, found none",
        ],
    );
    has(&said, &["hint: --images says where images are"]);
    fs::create_dir(gallery.out()).unwrap();
    fs::write(gallery.out().join("thesis.tex"), "").unwrap();
    has(
        &gallery.refused(&gallery.request()),
        &["out: expected a new or empty folder", "choose another --out"],
    );
}

/// Sites without a usable file are named; by rule, the run stops or leaves them out.
#[test]
fn files_that_cannot_be_used() {
    let gallery = Gallery::new();
    let strict = Request { plates: vec!["JCPQC017".to_owned()], ..gallery.request() };
    let file = |well: &str, site, channel: &str| gallery.file("JCPQC017", well, site, channel);
    let truncated = file("A21", 1, "ER");
    let bytes = fs::read(&truncated).unwrap();
    fs::write(&truncated, &bytes[..bytes.len() / 2]).unwrap();
    has(
        &gallery.refused(&strict),
        &[
            "plate JCPQC017: 1 of 8 sites lack a usable file\n  A21 site 1: ",
            "r01c21f01p01-ch4sk1fk1fl1.tiff: ER: the image is damaged or cut short",
            "hint: get the files again, or leave such sites out: --tolerate 13 ",
        ],
    );
    assert!(!gallery.out().join("JCPQC017").exists(), "nothing is written of the plate");
    let image = |levels: &[u8], colour: bool| {
        use ::tiff::encoder::{TiffEncoder, colortype};
        let mut bytes = std::io::Cursor::new(Vec::new());
        let mut encoder = TiffEncoder::new(&mut bytes).unwrap();
        if colour {
            encoder.write_image::<colortype::RGB8>(72, 60, levels).unwrap();
        } else {
            encoder.write_image::<colortype::Gray8>(72, 60, levels).unwrap();
        }
        bytes.into_inner()
    };
    fs::write(file("A21", 2, "DNA"), image(&[7; 60 * 72], false)).unwrap();
    fs::write(file("B04", 1, "Mito"), image(&[7; 60 * 72 * 3], true)).unwrap();
    fs::remove_file(file("B04", 2, "RNA")).unwrap();
    gallery::tiff(&file("A05", 1, "AGP"), [30, 36], &[500; 30 * 36]);
    CHANNELS.iter().for_each(|channel| gallery::tiff(&file("A05", 2, channel), [30, 36], &[500; 30 * 36]));
    let said = gallery.refused(&strict);
    has(&said, &["1 of 8 sites lack a usable file\n  B04 site 2: ", "expected the image of RNA, found none"]);
    let said = gallery.refused(&Request { tolerate: 20.0, ..strict.clone() });
    has(
        &said,
        &[
            "6 of 8 sites lack",
            "A05 site 1",
            "AGP: expected 60 x 72 pixels as `DNA` has, found 30 x 36 of `AGP`",
        ],
    );
    has(&said, &["A05 site 2", "expected 60 x 72 pixels as most of the plate has, found 30 x 36"]);
    has(
        &said,
        &["DNA: expected 16 bits, as microscopes write them, found 8 bits", "and 1 more", "--tolerate 75 "],
    );
    let tolerant = Request { tolerate: 75.0, ..strict };
    let done = Plan::of(&tolerant, &mut Silence).unwrap().carry_out(&mut Silence).unwrap();
    assert_eq!(done.images(), 2);
    let files = outcome(&gallery.out());
    let names: Vec<&str> = files.keys().map(String::as_str).filter(|name| name.ends_with("png")).collect();
    assert_eq!(names, ["JCPQC017/B15_s1.png", "JCPQC017/B15_s2.png"]);
    let left_out = String::from_utf8(files["left_out.csv"].clone()).unwrap();
    assert_eq!(left_out.lines().count(), 7);
    has(&left_out, &["Mito: expected 8-bit or 16-bit grey pixels, found 8-bit RGB of 3 samples a pixel"]);
    let table = String::from_utf8(files["metadata_Target_2_moa.csv"].clone()).unwrap();
    assert_eq!(table.lines().count(), 3);
    assert!(done.lines().iter().any(|line| line == "6 sites left out: left_out.csv"), "{:?}", done.lines());
}

#[test]
fn a_second_process_and_a_full_disk() {
    let gallery = Gallery::new();
    let mut plan = Plan::of(&gallery.request(), &mut Silence).unwrap();
    let held = passes::take(&gallery.out()).unwrap();
    let said = plan.carry_out(&mut Silence).err().unwrap().to_string();
    has(&said, &["another process prepares images there"]);
    drop(held);
    plan.free = Some(1000);
    let error = plan.carry_out(&mut Silence).err().unwrap();
    has(&error.to_string(), &["expected 0 MB free", "found 0 MB"]);
    has(&error.hint().unwrap(), &["--plates"]);
}
