//! Galleries in small: three sources that number their channels in three orders, prepared, read again, and all that can be
//! wrong with them.

mod files;
mod gallery;
mod refusals;

use super::{super::DataSet, *};
use crate::event::{Event, Listen, Silence};
use gallery::{CHANNELS, Gallery, PLATES, SITES, WELLS};
use std::{collections::BTreeMap, fs, path::Path};

/// The files below a folder that are the outcome: not what is kept for going on.
fn outcome(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(at) = folders.pop() {
        for entry in fs::read_dir(at).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(folder).unwrap().display().to_string();
            if path.is_dir() && !name.starts_with('.') {
                folders.push(path);
            } else if path.is_file() {
                files.insert(name, fs::read(path).unwrap());
            }
        }
    }
    files
}

/// The grey levels of a tape.
fn tape(path: &Path) -> Vec<u8> {
    let mut reader =
        png::Decoder::new(std::io::BufReader::new(fs::File::open(path).unwrap())).read_info().unwrap();
    let mut levels = vec![0; reader.output_buffer_size().unwrap()];
    reader.next_frame(&mut levels).unwrap();
    levels
}

/// `tests/golden/jump_plate.py`: scikit-image and scipy.
fn expected() -> BTreeMap<String, Vec<u8>> {
    let text = include_str!("../../../tests/golden/jump_plate.json");
    let digits: BTreeMap<String, String> = serde_json::from_str(text).unwrap();
    let byte = |two: &[u8; 2]| u8::from_str_radix(std::str::from_utf8(two).unwrap(), 16).unwrap();
    digits
        .into_iter()
        .map(|(name, digits)| (name, digits.as_bytes().as_chunks::<2>().0.iter().map(byte).collect()))
        .collect()
}

#[test]
fn plates_become_what_deepprofiler_makes_of_them_whatever_the_order_of_channels() {
    let gallery = Gallery::new();
    let done = gallery.prepare().unwrap();
    assert_eq!(done.images(), (PLATES.len() * (WELLS.len() - 1) * SITES) as u64);
    let expected = expected();
    assert_eq!(expected.len(), (WELLS.len() - 1) * SITES);
    for plate in PLATES {
        for (name, levels) in &expected {
            let found = tape(&gallery.out().join(plate.name).join(format!("{name}.png")));
            assert!(found == *levels, "{} {name}", plate.name);
        }
    }
    // Of wells without a mechanism there are rows and no images.
    assert!(!gallery.out().join("JCPQC016/A05_s1.png").exists());
    let data =
        DataSet::open("jump", &gallery.out(), &crate::data::Contents::not_kept(), &mut Silence).unwrap();
    let names: Vec<&str> = data.sets.iter().map(|set| set.name.as_str()).collect();
    assert_eq!(names, ["source_3", "source_5", "source_11"]);
    let set = &data.sets[0];
    assert_eq!((set.len(), set.unlabelled), (12, 4));
    assert_eq!(set.labels, ["SRC inhibitor", "sphingosine 1-phosphate receptor agonist"]);
    let role = |role| set.role(0, role).unwrap();
    use crate::data::Role::{Batch, Plate, Site, Treatment, Well};
    assert_eq!([Plate, Batch, Well, Site].map(role), ["JCPQC016", "CP_25_all_Phenix1", "A21", "1"]);
    assert_eq!(role(Treatment).len(), 27, "an InChIKey");
    let read = set.read(0).unwrap();
    assert_eq!((read.height, read.width, read.channels), (30, 36, 5));
    let report = crate::data::check(&data, &mut Silence).unwrap();
    assert_eq!(report.problem_count, 0, "{:?}", report.problems);
    let count = |what: &str| report.published.iter().find(|row| row.what == what).map(|row| row.found);
    assert_eq!(count("source_3 images of all wells"), Some(16));
    assert_eq!(count("source_3 plates"), Some(2));
    let lines = done.lines().join("\n");
    assert!(lines.contains("source_3 plates: published 25, here 2"), "{lines}");
    assert!(lines.starts_with("24 images written in "), "{lines}");
}

#[test]
fn the_number_of_threads_changes_no_byte() {
    let gallery = Gallery::new();
    let on = |threads: usize, out: &str| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let request = Request { out: gallery.path().join(out), ..gallery.request() };
        pool.install(|| Plan::of(&request, &mut Silence).unwrap().carry_out(&mut Silence).unwrap());
        outcome(&request.out)
    };
    assert!(on(1, "one") == on(7, "seven"));
}

/// Asks to stop after some reports, as if the process were interrupted there.
struct StopAfter(u32);

impl Listen for StopAfter {
    fn receive(&mut self, event: &Event<'_>) {
        if let Event::Advanced { note, .. } = event
            && !note.is_empty()
        {
            self.0 = self.0.saturating_sub(1);
        }
    }

    fn stop(&self) -> bool {
        self.0 == 0
    }
}

#[test]
fn a_run_that_was_interrupted_anywhere_ends_with_the_same_bytes_and_does_nothing_twice() {
    let gallery = Gallery::new();
    gallery.prepare().unwrap();
    let whole = outcome(&gallery.out());
    let other = Request { out: gallery.path().join("other"), ..gallery.request() };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let (mut images, mut interrupted) = (0, 0);
    loop {
        // Each time a little further; and what a killed process leaves is in the way.
        let plan = Plan::of(&other, &mut Silence).unwrap();
        let there =
            |files: &BTreeMap<String, Vec<u8>>| files.keys().filter(|name| name.ends_with("png")).count();
        let before = if other.out.exists() { there(&outcome(&other.out)) } else { 0 };
        match pool.install(|| plan.carry_out(&mut StopAfter(3))) {
            Ok(done) => {
                images += done.images() as usize;
                break;
            }
            Err(Error::Stopped) => {
                interrupted += 1;
                assert!(
                    !other.out.join("metadata_Target_2_moa.csv").exists(),
                    "an unfinished folder is no data set"
                );
                let files = outcome(&other.out);
                images += there(&files) - before;
                if let Some(name) = files.keys().find(|name| name.ends_with("png")) {
                    let path = other.out.join(name);
                    fs::write(path.with_file_name(".B04_s9.png.77.part"), "half").unwrap();
                    if interrupted == 6 {
                        // A power cut: the name is there, the contents are not.
                        fs::write(&path, &files[name][..40]).unwrap();
                    }
                }
            }
            Err(error) => panic!("{error}"),
        }
        assert!(interrupted < 100);
    }
    assert!(interrupted > 5, "{interrupted}");
    assert_eq!(images, 24);
    assert!(outcome(&other.out) == whole);
    let again = Plan::of(&other, &mut Silence).unwrap().carry_out(&mut Silence).unwrap();
    assert_eq!(again.images(), 0);
    assert!(again.lines()[0].starts_with("0 images written, 24 were there already"), "{:?}", again.lines());
    assert!(outcome(&other.out) == whole);
}

#[test]
fn a_plate_whose_files_changed_is_made_again_and_no_other() {
    let gallery = Gallery::new();
    gallery.prepare().unwrap();
    let before = outcome(&gallery.out());
    let file = gallery.file("ACPJUM032", "B04", 1, "DNA");
    let brighter: Vec<u16> = gallery::levels(2, 0, 0).iter().map(|level| level * 2).collect();
    gallery::tiff(&file, [60, 72], &brighter);
    let done = gallery.prepare().unwrap();
    assert_eq!(done.images(), 6);
    let after = outcome(&gallery.out());
    let changed: Vec<&String> = before.keys().filter(|name| before[*name] != after[*name]).collect();
    assert!(!changed.is_empty() && changed.iter().all(|name| name.starts_with("ACPJUM032/")), "{changed:?}");
}

#[test]
fn all_wells_have_images_if_they_are_asked_for() {
    let gallery = Gallery::new();
    let request = Request { all_wells: true, plates: vec!["LM37-70_1".to_owned()], ..gallery.request() };
    let done = Plan::of(&request, &mut Silence).unwrap().carry_out(&mut Silence).unwrap();
    assert_eq!(done.images(), 8);
    assert!(gallery.out().join("LM37-70_1/A05_s2.png").exists());
}

#[test]
fn light_can_be_given_as_functions() {
    let gallery = Gallery::new();
    let request = Request {
        illumination: Illumination::Given,
        plates: vec!["LM37-70_1".to_owned()],
        ..gallery.request()
    };
    let run = || Plan::of(&request, &mut Silence)?.carry_out(&mut Silence);
    run().unwrap();
    let flat = outcome(&gallery.out());
    // Light that is the same everywhere changes nothing but the place of the plate's top, which nothing is above here.
    gallery.light("LM37-70_1", [60, 72], |_| 1.0);
    run().unwrap();
    let one = outcome(&gallery.out());
    assert_eq!(flat["LM37-70_1/B04_s1.png"], one["LM37-70_1/B04_s1.png"]);
    gallery.light("LM37-70_1", [60, 72], |at| 1.0 + (at % 72) as f64 / 72.0);
    run().unwrap();
    assert_ne!(outcome(&gallery.out())["LM37-70_1/B04_s1.png"], one["LM37-70_1/B04_s1.png"]);
    gallery.light("LM37-70_1", [60, 72], |at| at as f64);
    let said = run().err().unwrap().to_string();
    assert!(said.ends_with("expected positive numbers, found 0 in row 1"), "{said}");
    gallery.light("LM37-70_1", [30, 72], |_| 1.0);
    let said = run().err().unwrap().to_string();
    assert!(said.contains("expected 60 x 72 numbers") && said.ends_with("found 30 x 72"), "{said}");
}
