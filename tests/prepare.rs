//! `data prepare` as users see it: from a small gallery of 16-bit TIFF files, through kills, to whatever is done next with a data
//! set.

use dichroic::{backbone::files, model::Extractor, params::Params, seed::Seed, spec::ConvNextSize};
use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// Instead of the user's cache.
const CACHE: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/cache");
const CHANNELS: [&str; 5] = ["DNA", "ER", "RNA", "AGP", "Mito"];
/// DMSO; SRC inhibitors; agonists of one receptor.
const WELLS: [&str; 5] = ["A05", "B04", "C03", "A21", "B15"];
const SITES: usize = 3;
/// Rows and columns.
const SIZE: [usize; 2] = [160, 180];

/// Plates of all six sources: their batches, and the numbers of their channels.
const PLATES: [(&str, &str, &str, [u8; 5]); 8] = [
    ("source_3", "CP_25_all_Phenix1", "JCPQC016", [5, 4, 3, 2, 1]),
    ("source_3", "CP_25_all_Phenix1", "JCPQC017", [5, 4, 3, 2, 1]),
    ("source_3", "CP_26_all_Phenix1", "JCPQC018", [5, 4, 3, 2, 1]),
    ("source_5", "JUMPCPE-20210706-Run06_20210706_235916", "ACPJUM032", [1, 2, 3, 4, 5]),
    ("source_7", "20210719_Run1", "CP1-SC1-25", [1, 4, 3, 5, 2]),
    ("source_8", "J1", "A1170384", [5, 4, 3, 2, 1]),
    ("source_10", "2021_08_03_U2OS_48_hr_run12", "Dest210726-160150", [1, 2, 3, 4, 5]),
    ("source_11", "Batch2", "LM37-70_1", [1, 2, 4, 3, 5]),
];

struct Place(TempDir);

impl Place {
    /// With a gallery.
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        let mut pixels = Seed(3).stream("pixels");
        for (source, batch, plate, numbers) in PLATES {
            let images =
                format!("{source}/images/{batch}/images/{plate}__2021-05-02T16_02_51-Measurement1/Images");
            fs::create_dir_all(place.path("gallery").join(&images)).unwrap();
            let mut table = "Metadata_Plate,Metadata_Well,Metadata_Site".to_owned();
            CHANNELS
                .iter()
                .for_each(|name| write!(table, ",FileName_Orig{name},PathName_Orig{name}").unwrap());
            table.push('\n');
            for well in WELLS {
                for site in 1..=SITES {
                    write!(table, "{plate},{well},{site}").unwrap();
                    for number in numbers {
                        let file = format!("{well}-f{site:02}-ch{number}.tiff");
                        let levels: Vec<u16> =
                            (0..SIZE[0] * SIZE[1]).map(|_| 300 + pixels.below(4000) as u16).collect();
                        fs::write(place.path("gallery").join(&images).join(&file), tiff(&levels)).unwrap();
                        write!(table, ",{file},/home/ubuntu/bucket/{images}/").unwrap();
                    }
                    table.push('\n');
                }
            }
            let folder =
                place.path("gallery").join(format!("{source}/workspace/load_data_csv/{batch}/{plate}"));
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join("load_data.csv"), table).unwrap();
        }
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dichroic"));
        command.args(words).current_dir(self.0.path()).stdin(Stdio::null()).env("XDG_CACHE_HOME", CACHE);
        for variable in ["STORE", "WEIGHTS", "DATA_JUMP"] {
            command.env_remove(format!("DICHROIC_{variable}"));
        }
        command
    }

    fn prepare(&self, out: &str) -> Command {
        self.command(&["data", "prepare", "jump", "gallery", "--out", out, "--threads", "1"])
    }

    /// Standard output of a command that must succeed.
    fn say(&self, words: &[&str]) -> String {
        let (said, output) = texts(self.command(words).output().unwrap());
        assert!(output.status.success(), "{words:?}: {said}");
        String::from_utf8(output.stdout).unwrap()
    }
}

/// Everything that was said.
fn texts(output: Output) -> (String, Output) {
    let both = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    (both.concat(), output)
}

/// A TIFF file of one strip of 16-bit grey.
fn tiff(levels: &[u16]) -> Vec<u8> {
    let bytes: Vec<u8> = levels.iter().flat_map(|level| level.to_le_bytes()).collect();
    let [height, width] = SIZE.map(|side| side as u32);
    // Width, length, bits, compression, photometric, offset, samples, rows of a strip, bytes of it.
    let tags = [
        (256, 4, width),
        (257, 4, height),
        (258, 3, 16),
        (259, 3, 1),
        (262, 3, 1),
        (273, 4, 8),
        (277, 3, 1),
        (278, 4, height),
        (279, 4, bytes.len() as u32),
    ];
    let mut file = [b"II*\0".as_slice(), &(8 + bytes.len() as u32).to_le_bytes(), &bytes].concat();
    file.extend((tags.len() as u16).to_le_bytes());
    for (tag, kind, value) in tags {
        file.extend([tag as u16, kind].into_iter().flat_map(u16::to_le_bytes));
        file.extend([1, value].into_iter().flat_map(u32::to_le_bytes));
    }
    file.extend([0; 4]);
    file
}

/// All files below a folder but those that are kept for going on.
fn files_of(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(at) = folders.pop() {
        for entry in fs::read_dir(at).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.file_name().is_some_and(|name| name == ".prepare") {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else {
                found.insert(path.strip_prefix(folder).unwrap().to_owned(), fs::read(&path).unwrap());
            }
        }
    }
    found
}

/// The long form: `DICHROIC_KILLS=200 cargo test --release --test prepare killed -- --nocapture`.
#[test]
#[cfg(unix)]
fn a_preparation_killed_at_any_moment_ends_with_the_same_bytes() {
    let place = Place::new();
    let kills: u32 = std::env::var("DICHROIC_KILLS").map_or(8, |kills| kills.parse().unwrap());
    let began = Instant::now();
    let (said, output) = texts(place.prepare("whole").output().unwrap());
    assert!(output.status.success(), "{said}");
    let longest = began.elapsed().as_millis() as usize * 6 / 10;
    let whole = files_of(&place.path("whole"));
    let images = |files: &BTreeMap<PathBuf, Vec<u8>>| {
        files.keys().filter(|path| path.extension().is_some_and(|end| end == "png")).count()
    };
    assert_eq!(images(&whole), PLATES.len() * (WELLS.len() - 1) * SITES);
    let mut moments = Seed(11).stream("kills");
    let (mut killed, mut halfway) = (0, 0);
    while killed < kills {
        let mut child = place.prepare("killed").stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let until = Instant::now() + Duration::from_millis(moments.below(longest) as u64);
        while Instant::now() < until && child.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(2));
        }
        let ended = child.try_wait().unwrap().is_some();
        if !ended {
            child.kill().unwrap();
            child.wait().unwrap();
            killed += 1;
        }
        let found = files_of(&place.path("killed"));
        // What has its name is whole.
        for (path, bytes) in found.iter().filter(|(path, _)| !path.to_string_lossy().ends_with(".part")) {
            assert!(whole.get(path) == Some(bytes), "{}", path.display());
        }
        let there = images(&found);
        halfway += usize::from(there > 0 && there < images(&whole));
        if ended {
            assert!(found == whole);
            fs::remove_dir_all(place.path("killed")).unwrap();
        }
    }
    let (said, output) = texts(place.prepare("killed").output().unwrap());
    assert!(output.status.success(), "{said}");
    assert!(files_of(&place.path("killed")) == whole);
    eprintln!("{killed} kills, {halfway} of them with some of the images written");
    let again = texts(place.prepare("killed").output().unwrap()).0;
    assert!(again.contains("0 images written, 96 were there already"), "{again}");
}

#[test]
fn what_is_prepared_can_be_described_checked_embedded_and_trained_on() {
    let place = Place::new();
    let plan = place.say(&["data", "prepare", "jump", "gallery", "--out", "jump", "--dry"]);
    for part in [
        "8 plates, 120 sites of 5 channels: 600 files",
        "source_3: 3 of 25 plates in 2 batches, 45 sites of 160 x 180 pixels, 36 with a mechanism of action",
        "second pass, 28 MB read: 96 images written, at most 4 MB",
        "65 plates of TARGET2 have no load table here: ",
        "aws s3 sync --no-sign-request s3://cellpainting-gallery/cpg0016-jump/source_3/workspace/load_data_csv/",
    ] {
        assert!(plan.contains(part), "`{part}` is not in {plan}");
    }
    assert!(!place.path("jump").exists(), "--dry writes nothing");
    let done = place.say(&["data", "prepare", "jump", "gallery", "--out", "jump"]);
    for part in [
        "96 images written in ",
        "images/s",
        "source_3 plates: published 25, here 3",
        "next: dichroic data check jump",
    ] {
        assert!(done.contains(part), "`{part}` is not in {done}");
    }
    let info = place.say(&["data", "info", "jump"]);
    assert!(info.contains("source_3: 36 images, 5 channels of 80 x 90 pixels, 8 bits"), "{info}");
    // A part of the published data: the check says which numbers differ, and nothing else.
    let (said, output) = texts(place.command(&["data", "check", "jump"]).output().unwrap());
    assert_eq!(output.status.code(), Some(1));
    assert!(
        said.contains("96 images read, 0 problems")
            && said.contains("source_5 plates: published 24, found 1"),
        "{said}"
    );
    let dry = place.say(&["exp", "coda_s3", "--data", "jump=jump", "--scale", "quick", "--dry"]);
    assert!(dry.contains("coda_s3"), "{dry}");
    let mut params = Params::new(Seed(1));
    Extractor::plain(ConvNextSize::Mini, 3, &mut params);
    files::save(&place.path("weights.safetensors"), &params, None, |_| true).unwrap();
    place.say(&[
        "embed",
        "--model",
        "convnext_mini",
        "--weights",
        "weights.safetensors",
        "--size",
        "32",
        "--data",
        "jump",
        "--out",
        "features",
    ]);
    for set in ["source_3", "source_5", "source_11"] {
        assert!(place.path("features").join(set).join("features.npy").is_file());
    }
}

#[test]
fn wrong_inputs_are_refused_in_words() {
    let place = Place::new();
    let refused = |words: &[&str]| {
        let (said, output) =
            texts(place.command(&[&["data", "prepare", "jump"], words].concat()).output().unwrap());
        assert!(!output.status.success(), "{said}");
        said
    };
    let said = refused(&["nowhere", "--out", "out"]);
    assert!(
        said.contains("error: nowhere: no such folder or table") && said.contains("hint: give the folder"),
        "{said}"
    );
    let said = refused(&["gallery", "--out", "out", "--images", "."]);
    assert!(said.contains("expected the folder `/home/ubuntu/bucket/source_10/images"), "{said}");
    let said = refused(&["gallery", "--out", "out", "--plates", "JCPQC016"]);
    assert!(said.contains("expected a plate to train on"), "{said}");
    let said = refused(&["gallery", "--out", "out", "--tolerate", "many"]);
    assert!(said.contains("expected a number, found `many`"), "{said}");
    let said = refused(&["gallery", "--out", "gallery"]);
    assert!(said.contains("expected a new or empty folder"), "{said}");
    assert!(!place.path("out").exists());
}
