//! Paths of tables that are not quite those of the files, and names that a pattern leaves open.

use super::{Folder, GOOD};

fn table(from: &str, to: &str) -> Folder {
    let folder = Folder::good();
    folder.write("A/enriched_meta.csv", GOOD.replace(from, to));
    folder
}

#[test]
fn harmless_ways_to_write_a_path_are_read() {
    let whole = Folder::good();
    let expected = whole.open().unwrap().sets[0].read(0).unwrap();
    for (from, to) in [
        ("A/crops", "./A/crops"),
        ("A/crops", "A//crops"),
        ("A/crops/", "A\\crops\\"),
        ("A/crops", "./crops"),
    ] {
        let data = table(from, to).open();
        assert_eq!(data.unwrap().sets[0].len(), 4, "{to}");
        let folder = table(from, to);
        let data = folder.open().unwrap();
        let set = &data.sets[0];
        assert!(["A/crops/a.png", "crops/a.png"].contains(&set.key(0)), "{}", set.key(0));
        assert_eq!(set.read(0).unwrap(), expected);
    }
    let folder = Folder::good();
    let inside = format!("{}/A/crops", folder.path().display());
    folder.write("A/enriched_meta.csv", GOOD.replace("A/crops", &inside));
    assert_eq!(folder.open().unwrap().sets[0].key(0), "A/crops/a.png");
    let said = table("crops/b.png", "crops/./a.png").refusal();
    assert!(said.contains("`A/crops/./a.png` is already in an earlier row"), "{said}");
}

#[test]
fn what_is_there_instead_is_said() {
    for (to, expected) in [
        (
            "crops/B.PNG",
            "found none; there is `A/crops/b.png`, which differs in case\nhint: write the table as the files",
        ),
        ("crops/b.png ", "found none; there is `A/crops/b.png`, which differs in blanks"),
        ("crops/b.tif", "found none; there is `A/crops/b.png`, which differs in its ending"),
        ("crops", "expected an image at `A/crops`, found a folder\nhint: "),
        ("crops/zz.png", "expected an image at `A/crops/zz.png`, found none\nhint: file_path is relative"),
        ("../dataset.toml", "found it outside of the folder of `A`"),
    ] {
        let said = table("crops/b.png", to).refusal();
        assert!(said.contains(expected), "{expected} not in {said}");
    }
    let folder = table("a.png", "caf\u{e9}.png");
    std::fs::rename(folder.path().join("A/crops/a.png"), folder.path().join("A/crops/cafe\u{301}.png"))
        .unwrap();
    assert!(folder.refusal().contains("which differs in accents"), "{}", folder.refusal());
}

#[cfg(unix)]
#[test]
fn pipes_are_not_opened_and_links_not_followed_in_circles() {
    let folder = table("b.png", "pipe.png");
    let path = std::ffi::CString::new(folder.path().join("A/crops/pipe.png").to_str().unwrap()).unwrap();
    // SAFETY: a path that ends in 0.
    assert_eq!(unsafe { libc::mkfifo(path.as_ptr(), 0o600) }, 0);
    assert!(folder.refusal().contains("found a pipe, socket or device"), "{}", folder.refusal());
    let folder = Folder::good();
    std::os::unix::fs::symlink(folder.path().join("A"), folder.path().join("A/again")).unwrap();
    assert!(folder.open().unwrap().warnings.is_empty());
}

#[test]
fn what_systems_leave_behind_is_no_image() {
    let folder = Folder::good();
    folder.write("A/crops/._a.png", "junk");
    folder.write("A/__MACOSX/b.tif", "junk");
    assert!(folder.open().unwrap().warnings.is_empty());
    folder.write("A/crops/z.TIF", "junk");
    assert_eq!(
        folder.open().unwrap().warnings,
        ["A: 1 images are in no row of the table, first A/crops/z.TIF"]
    );
}

#[test]
fn missing_files_are_counted_by_plate() {
    let folder = Folder::new("[sets.A]\nchannels = [\"dna\"]\n");
    let mut table = "file_path,channel_width,Label,train_test_split,Plate\n".to_owned();
    for row in 0..8 {
        table += &format!("c/{row}.png,4,x,Train,P{}\n", row / 4);
        if row > 4 {
            folder.png(&format!("A/c/{row}.png"), 4, 4, |at| (at + row) as u8);
        }
    }
    folder.write("A/enriched_meta.csv", table);
    let said = folder.refusal();
    assert!(
        said.contains("\n  in all, 5 of 8 rows lack a file: all 4 rows of plate P0, 1 of plate P1"),
        "{said}"
    );
}

/// ImageXpress: a GUID in every name, and thumbnails beside the images.
#[test]
fn patterns_may_leave_open_what_varies() {
    let rule = "images = { layout = \"files\", pattern = \"{plate}/{well}_s{site}_{channel}{*}.TIF\", channel = { dna = \"w1\", er = \
                \"w2\" } }\n";
    let folder = Folder::new(&format!("[sets.A]\nchannels = [\"dna\", \"er\"]\n{rule}"));
    folder.write(
        "A/enriched_meta.csv",
        "plate,well,site,Label,train_test_split\nP,B02,1,x,Train\nP,B02,2,y,Train\n",
    );
    for (at, (site, word)) in [(1, 1), (1, 2), (2, 1), (2, 2)].into_iter().enumerate() {
        folder.png(&format!("A/P/B02_s{site}_w{word}0A-{at}F.TIF"), 3, 2, |pixel| (pixel * 9 + at) as u8);
        folder.write(&format!("A/P/B02_s{site}_w{word}_thumb0A{at}.TIF"), "junk");
    }
    let data = folder.open().unwrap();
    assert!(data.warnings.is_empty(), "thumbnails are no images: {:?}", data.warnings);
    let set = &data.sets[0];
    assert_eq!((set.key(1), set.files(1).len()), ("P/B02_s2", 2));
    assert!(set.files(1)[0].ends_with("A/P/B02_s2_w10A-2F.TIF"), "{:?}", set.files(1));
    assert_eq!(set.read(1).unwrap().pixels.bytes().unwrap()[..6], [2, 11, 20, 3, 12, 21]);
    assert_eq!(set.subset(1).unwrap().files(0), set.files(0));
    folder.png("A/P/B02_s2_w1again.TIF", 3, 2, |_| 0);
    let said = folder.refusal();
    assert!(
        said.contains(
            "row 3: expected one file at `P/B02_s2_w1*.TIF`, found several: `A/P/B02_s2_w10A-2F.TIF`"
        ),
        "{said}"
    );
    std::fs::remove_file(folder.path().join("A/P/B02_s1_w20A-1F.TIF")).unwrap();
    let said = folder.refusal();
    assert!(
        said.contains("row 2: expected the file of channel er at `A/P/B02_s1_w2*.TIF`, found none\n"),
        "{said}"
    );
}
