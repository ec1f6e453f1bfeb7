//! Files as tifffile and others write them: which are read, to the level, and what is said of the others.

use super::{Fault, Job, Levels, Page, one, several};

macro_rules! golden {
    ($name:literal) => {
        include_bytes!(concat!("../../../tests/golden/tiff/", $name)).as_slice()
    };
}

/// The pixels of `tests/golden/tiff.py`, times `times`.
fn grey(times: u16) -> Vec<u16> {
    let pixel = |i: usize| {
        let (r, c) = (i / 138, i % 138);
        ((r * r + 3 * c + r * c / 7) % 251) as u16 * times
    };
    (0..30 * 138).map(pixel).collect()
}

fn page(bytes: &[u8], tape: bool) -> Result<Page, Fault> {
    one(bytes, tape)?.decode()
}

fn pages(bytes: &[u8], wanted: Option<&[usize]>, expected: &[String]) -> Result<Vec<Page>, Fault> {
    several(bytes, wanted, expected)?.into_iter().map(Job::decode).collect()
}

fn levels(page: &Page) -> Vec<u16> {
    match &page.levels {
        Levels::Eight(levels) => levels.iter().map(|level| u16::from(*level)).collect(),
        Levels::Sixteen(levels) => levels.clone(),
    }
}

#[test]
fn what_tifffile_writes_is_read() {
    let files = [
        ("raw", golden!("raw.tif")),
        ("strips", golden!("strips.tif")),
        ("big-endian", golden!("big_endian.tif")),
        ("BigTIFF", golden!("big.tif")),
        ("deflate", golden!("deflate.tif")),
        ("LZW", golden!("lzw.tif")),
        ("LZW with predictor", golden!("lzw_predictor.tif")),
        ("tiles", golden!("tiles.tif")),
        ("tiles, deflate", golden!("tiles_deflate.tif")),
        ("OME", golden!("raw.ome.tiff")),
        ("OME, LZW", golden!("lzw.ome.tiff")),
        ("16 bits", golden!("bits16.tif")),
    ];
    for (name, bytes) in files {
        let found = page(bytes, true).unwrap_or_else(|fault| panic!("{name}: {fault}"));
        let (bits, times) = if name == "16 bits" { (16, 257) } else { (8, 1) };
        assert_eq!((found.height, found.width, found.levels.bits()), (30, 138, bits), "{name}");
        assert!(levels(&found) == grey(times), "{name}: other pixels");
    }
}

#[test]
fn other_tiffs_are_refused() {
    let files = [
        (golden!("rgb.tif"), "expected 8-bit or 16-bit grey pixels, found 8-bit RGB of 3 samples a pixel"),
        (golden!("float.tif"), "expected 8-bit or 16-bit grey pixels, found 32-bit float"),
        (golden!("signed.tif"), "expected 8-bit or 16-bit grey pixels, found 8-bit grey with a sign"),
        (
            golden!("pages.ome.tiff"),
            "expected one page with the channels side by side, found 3 pages: by its OME-XML these are 3 channels",
        ),
    ];
    for (bytes, expected) in files {
        assert_eq!(page(bytes, true).unwrap_err().to_string(), expected);
    }
}

#[test]
fn cut_tiffs_are_refused() {
    for (bytes, keep) in
        [(golden!("raw.tif"), 4000), (golden!("tiles_deflate.tif"), 3000), (golden!("lzw.tif"), 9)]
    {
        let found = page(&bytes[..keep], true);
        assert!(matches!(found, Err(Fault::Damaged(_))), "{found:?}");
    }
}

/// The pixels of `tests/golden/stack.py`: page p of 20 x 33.
fn stacked(page: usize) -> Vec<u16> {
    (0..20 * 33).map(|i| ((i / 33 * 977 + i % 33 * 131 + page * 15_013) % 65_536) as u16).collect()
}

const NAMES: [&str; 3] = ["dna", "er", "mito"];

fn names() -> Vec<String> {
    NAMES.map(String::from).to_vec()
}

#[test]
fn stacks_that_tifffile_writes_are_read() {
    macro_rules! stack {
        ($($name:literal),*) => {
            [$(($name, include_bytes!(concat!("../../../tests/golden/stack/", $name)).as_slice())),*]
        };
    }
    let files = stack!(
        "raw.tif",
        "big_endian.tif",
        "lzw.ome.tif",
        "deflate.ome.tif",
        "deflate_predictor.tif",
        "tiles_lzw_big_endian.ome.tif",
        "big.ome.tif"
    );
    for (name, bytes) in files {
        for (wanted, expected) in [(None, [0, 1, 2]), (Some(&[3, 1, 2][..]), [2, 0, 1])] {
            let found = pages(bytes, wanted, &names()).unwrap_or_else(|fault| panic!("{name}: {fault}"));
            assert_eq!(found.len(), 3, "{name}");
            for (found, page) in found.iter().zip(expected) {
                assert_eq!((found.height, found.width, found.levels.bits()), (20, 33, 16), "{name}");
                assert!(levels(found) == stacked(page), "{name}: other pixels on page {page}");
            }
        }
    }
    let eight = pages(golden!("pages.ome.tiff"), None, &names()).unwrap();
    let all = grey(1);
    for (page, found) in eight.iter().enumerate() {
        let expected = all.chunks(138).flat_map(|line| &line[page * 46..][..46]).copied();
        assert_eq!(levels(found), expected.collect::<Vec<_>>());
    }
}

#[test]
fn stacks_of_other_pages_are_refused() {
    let three = golden!("pages.ome.tiff");
    let say = |bytes: &[u8], wanted: Option<&[usize]>, count: usize| {
        pages(bytes, wanted, &names()[..count]).unwrap_err().to_string()
    };
    let expected =
        "expected 2 pages, one for each channel (dna, er), found 3: by its OME-XML these are 3 channels";
    assert_eq!(say(three, None, 2), expected);
    assert_eq!(say(three, Some(&[1, 4]), 2), "expected `er` on page 4, found 3 pages");
    assert_eq!(
        say(golden!("raw.tif"), None, 3),
        "expected 3 pages, one for each channel (dna, er, mito), found 1"
    );
    let cut = say(&three[..three.len() - 2000], None, 3);
    assert!(cut.starts_with("the image is damaged or cut short: "), "{cut}");
    assert_eq!(pages(three, Some(&[2]), &names()[..1]).unwrap().len(), 1);
}

macro_rules! described {
    ($name:literal) => {
        include_bytes!(concat!("../../../tests/golden/described/", $name)).as_slice()
    };
}

/// Plane p of `tests/golden/described.py`.
fn plane(p: usize) -> Vec<u16> {
    (0..80).map(|i| ((100 * p + i / 10 * 10 + i % 10) % 251) as u16).collect()
}

fn three(bytes: &[u8], wanted: Option<&[usize]>) -> Result<Vec<Vec<u16>>, String> {
    let found = pages(bytes, wanted, &names());
    let said = |fault: Fault| format!("{fault}\nhint: {}", fault.hint().unwrap_or_default());
    found.map(|pages| pages.iter().map(levels).collect()).map_err(said)
}

#[track_caller]
fn says(found: Result<Vec<Vec<u16>>, String>, expected: &[&str]) {
    let said = found.unwrap_err();
    for part in expected {
        assert!(said.contains(part), "{part} not in {said}");
    }
}

#[test]
fn planes_of_depth_and_time_are_no_channels() {
    let refused = "found 6: by its OME-XML these are 3 channels x 2 planes of depth";
    says(three(described!("cz.ome.tif"), None), &[refused, "pages = [1, 3, 5]"]);
    says(three(described!("zc.ome.tif"), None), &[refused, "pages = [1, 2, 3]"]);
    let one =
        "found pages 1 and 2 to be one channel at two depths: by its OME-XML the pages are 3 channels x 2";
    says(three(described!("cz.ome.tif"), Some(&[1, 2, 3])), &[one, "pages = [1, 3, 5]"]);
    assert_eq!(three(described!("cz.ome.tif"), Some(&[1, 3, 6])).unwrap(), [plane(0), plane(2), plane(5)]);
    assert_eq!(three(described!("zc.ome.tif"), Some(&[1, 2, 3])).unwrap(), [plane(0), plane(1), plane(2)]);
    says(
        three(described!("z.ome.tif"), None),
        &["one channel at two depths", "say so in dataset.toml", "[1, 2, 3]"],
    );
    says(
        three(described!("t.ome.tif"), None),
        &["one channel at two times", "the pages are 1 channel x 3 times"],
    );
    let both = "by ImageJ's description these are 3 channels x 2 planes of depth";
    says(three(described!("hyperstack.tif"), None), &[both, "pages = [1, 2, 3]"]);
    // What dataset.toml states counts where the file knows no better; a file without a description has only pages.
    assert_eq!(three(described!("z.ome.tif"), Some(&[1, 2, 3])).unwrap().len(), 3);
    assert_eq!(three(described!("plain.tif"), None).unwrap(), [plane(0), plane(1), plane(2)]);
    let said = page(described!("z.ome.tif"), false).unwrap_err();
    assert!(
        said.to_string().ends_with("found 3 pages: by its OME-XML these are 1 channel x 3 planes of depth"),
        "{said}"
    );
}

#[test]
fn planes_without_a_directory_are_missed() {
    for (bytes, by) in
        [(described!("one_directory.tif"), "ImageJ's"), (described!("truncated.tif"), "tifffile's")]
    {
        let expected = format!("{by} description says 3 planes, the file has a directory for one of them");
        says(three(bytes, None), &[&expected]);
        for tape in [true, false] {
            assert!(page(bytes, tape).unwrap_err().to_string().starts_with(&expected));
        }
    }
}

#[test]
fn reduced_copies_are_no_pages_of_their_own() {
    let bytes = described!("levels.tif");
    assert_eq!(three(bytes, None).unwrap(), [plane(0), plane(1), plane(2)]);
    let said = pages(bytes, None, &names()[..2]).unwrap_err().to_string();
    assert_eq!(
        said,
        "expected 2 pages, one for each channel (dna, er), found 7: pages 4 to 7 are reduced copies"
    );
    // NewSubfileType of the copies set to 0: what is left is their size.
    let mut unmarked = bytes.to_vec();
    for at in 0..bytes.len() - 12 {
        if unmarked[at..][..9] == [254, 0, 4, 0, 1, 0, 0, 0, 1] {
            unmarked[at + 8] = 0;
        }
    }
    let smaller = "found 7: pages 4 to 7 are smaller than the first";
    says(three(&unmarked, None), &[smaller, "pages = [1, 2, 3]"]);
}

#[test]
fn zstd_and_grey_palettes_are_read() {
    assert_eq!(levels(&page(described!("zstd.tif"), true).unwrap()), plane(0));
    let sixteen: Vec<u16> = plane(0).iter().map(|level| level * 257).collect();
    assert_eq!(levels(&page(described!("zstd_16.tif"), true).unwrap()), sixteen);
    let inverted: Vec<u16> = plane(0).iter().map(|level| 255 - level).collect();
    assert_eq!(levels(&page(described!("palette.tif"), true).unwrap()), inverted);
}

/// The file with another value of a tag of one number.
fn with(bytes: &[u8], tag: u16, value: u16) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let at = usize::from(u16::from_le_bytes([bytes[4], bytes[5]]));
    let entry = (0..40).map(|n| at + 2 + 12 * n).find(|at| bytes[*at..][..2] == tag.to_le_bytes()).unwrap();
    bytes[entry + 8..][..2].copy_from_slice(&value.to_le_bytes());
    bytes
}

#[test]
fn other_formats_are_named_with_what_helps() {
    let plain = described!("plain.tif");
    for (bytes, said) in [
        (
            described!("colours.tif").to_vec(),
            "found 8-bit palette of colours\nhint: convert the images to grey: in Fiji",
        ),
        (described!("half.tif").to_vec(), "found 16-bit float\nhint: convert them with one factor"),
        (
            described!("together.tif").to_vec(),
            "found 8-bit grey of 3 samples a pixel\nhint: write one channel a page",
        ),
        (
            described!("apart.tif").to_vec(),
            "found 8-bit grey of 3 samples a pixel, in planes of their own\nhint: ",
        ),
        (with(plain, 259, 7), "compressed with JPEG, which is not read\nhint: write the images without loss"),
        (with(plain, 259, 34_712), "compressed with JPEG 2000, which is not read\nhint: "),
        (with(plain, 259, 50_002), "compressed with JPEG XL, which is not read\nhint: "),
        (with(plain, 259, 34_925), "compressed with LZMA, which is not read\nhint: "),
        (with(plain, 259, 4711), "compressed with an unknown method (4711), which is not read\nhint: "),
        (with(plain, 258, 12), "found 12-bit grey\nhint: convert the images to grey of 8 or 16 bits"),
        (with(plain, 262, 4), "found 8-bit mask\nhint: "),
        (with(plain, 257, 9000), "damaged or cut short: its header claims 9000 x 10 pixels, which its"),
    ] {
        let fault = pages(&bytes, Some(&[1]), &names()[..1]).unwrap_err();
        let found = format!("{fault}\nhint: {}", fault.hint().unwrap());
        assert!(found.contains(said), "{said} not in {found}");
    }
}

/// Every number in a file may be wrong: it is refused or read, and nothing is allocated for what it claims.
#[test]
fn headers_are_not_believed() {
    let files = [
        described!("cz.ome.tif"),
        described!("zstd.tif"),
        described!("palette.tif"),
        golden!("tiles_deflate.tif"),
    ];
    for bytes in files {
        for at in 0..bytes.len().min(900) {
            for value in [0, 0x7f, 0xff] {
                let mut wrong = bytes.to_vec();
                wrong[at] = value;
                let _ = page(&wrong, true);
                let _ = pages(&wrong, None, &names());
                let _ = pages(&wrong[..at], Some(&[1, 2, 3]), &names());
            }
        }
    }
}

/// A directory may be anywhere, so that 2,000 of them fit into 36 KB, with a list of 60,000 strips each.
#[test]
fn directories_in_the_same_bytes_are_not_read_over_and_over() {
    let mut bytes = [b"II*\0\x08\0\0\0".as_slice(), &[1; 65_536]].concat();
    for page in 0..2000_u32 {
        let at = 8 + 18 * page as usize;
        let entry = [&1u16.to_le_bytes()[..], &273u16.to_le_bytes(), &1u16.to_le_bytes()].concat();
        let rest = [60_000, 8, at as u32 + 18].map(u32::to_le_bytes).concat();
        bytes[at..at + 6].copy_from_slice(&entry);
        bytes[at + 6..at + 18].copy_from_slice(&rest);
    }
    let fault = pages(&bytes, None, &names()).unwrap_err();
    assert!(fault.to_string().contains("many times the file's length"), "{fault}");
}
