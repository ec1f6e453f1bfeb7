//! Valid folders, and what is read from them.

use super::{Folder, GOOD};
use crate::{
    data::{Contents, DataSet, Kind, Role, check, hold_out, info, statistics},
    event::{Event, Listen, Silence},
    seed::Seed,
};

#[test]
fn a_folder_is_read() {
    let folder = Folder::good();
    let data = folder.open().unwrap();
    assert_eq!((data.kind, data.warnings.len()), (Kind::Real, 0));
    let set = data.set("A").unwrap();
    assert_eq!((set.len(), &set.labels[..]), (4, &["x".to_owned(), "y".to_owned()][..]));
    assert_eq!((0..4).map(|row| set.label(row)).collect::<Vec<_>>(), [0, 1, 1, 0]);
    assert_eq!((set.train_rows(), &set.tasks[0].queries[..]), (vec![0, 1, 3], &[2][..]));
    assert_eq!((set.key(2), set.channel_width(2)), ("A/crops/c.png", Some(4)));
    let tape = set.read(1).unwrap();
    assert_eq!((tape.height, tape.width, tape.channels), (3, 4, 2));
    assert_eq!(tape.pixels.bytes().unwrap(), (0..24).map(|at| at * 7 + 20).collect::<Vec<u8>>());
}

#[test]
fn sets_are_chosen_by_name() {
    let folder = Folder::good();
    let data = folder.open().unwrap();
    assert_eq!(data.only(&[]).unwrap().len(), 1);
    assert_eq!(data.only(&["A".to_owned()]).unwrap()[0].name, "A");
    let said = data.only(&["A".to_owned(), "B".to_owned()]).unwrap_err().to_string();
    assert_eq!(said, "data set `test` has no set `B`; it has A");
}

#[test]
fn roles_tasks_and_groups_come_from_description_and_defaults() {
    let toml = "name = \"own\"\nkind = \"simulated\"\nworld = \"7\"\nsimulator = { revision = 3 }\n\
        [sets.Z]\nchannels = [\"dna\", \"lamp\"]\nnew_channels = true\npixel_size_um = 0.6\nroles = { batch = \"day\" }\n\
        leave_group_out = { Task_two = \"batch\" }\n[sets.A]\nchannels = [\"dna\"]\n";
    let folder = Folder::new(toml);
    let table = "file_path,channel_width,Label,train_test_split,Task_two,Task_one,day,Plate,FOVId\n\
        crops/a.png,4,x,Train,False,False,mon,P1,\ncrops/b.png,4,x,Task_two,True,False,tue,P1,f\n\
        crops/c.png,4,x,Task_two,1,0,mon,P2,f\ncrops/d.png,4,x,Train,false,true,wed,P2,f\n";
    folder.write("Z/enriched_meta.csv", table);
    for name in ["a", "b", "c", "d", "extra"] {
        folder.png(&format!("Z/crops/{name}.png"), 8, 4, |_| 0);
    }
    let data = folder.open().unwrap();
    assert_eq!((data.kind, data.world.as_deref()), (Kind::Simulated, Some("7")));
    let warnings = data.warnings.join("\n");
    assert!(warnings.contains("calls itself `own` and is used as `test`"), "{warnings}");
    assert!(warnings.contains("set `A` is skipped"), "{warnings}");
    assert!(
        warnings.contains("column Task_one and train_test_split disagree in 1 rows, first in row 5"),
        "{warnings}"
    );
    assert!(warnings.contains("1 images are in no row of the table, first Z/crops/extra.png"), "{warnings}");
    let set = &data.sets[0];
    assert_eq!(set.tasks.iter().map(|task| task.name.as_str()).collect::<Vec<_>>(), ["Task_one", "Task_two"]);
    assert_eq!((set.role(0, Role::Batch), set.role(2, Role::Plate)), (Some("mon"), Some("P2")));
    assert_eq!((set.role(0, Role::FieldOfView), set.role(0, Role::Well)), (None, None));
    let left = set.tasks[1].leave_out.as_ref().unwrap();
    assert_eq!(
        (left.column.as_str(), &left.group[..], left.names.join(" ").as_str()),
        ("batch", &[0, 1][..], "tue mon")
    );
    assert!(set.read(0).is_ok() && set.pixel_size_um == Some(0.6));
}

#[test]
fn the_fingerprint_follows_tables_and_contents_of_files_named_in_them() {
    let folder = Folder::good();
    let print = || folder.open().unwrap().fingerprint;
    let first = print();
    assert_eq!((first.len(), &print()), (64, &first));
    folder.write("A/features.npy", "not named");
    folder.write("dataset.toml", "# a remark\n[sets.A]\nchannels = [\"dna\", \"er\"]\n");
    assert_eq!(print(), first);
    folder.write("A/crops/a.png", [0; 5000]);
    let longer = print();
    assert_ne!(longer, first);
    folder.write("A/enriched_meta.csv", GOOD.replace("a.png,4,x", "a.png,4,y"));
    let labels = print();
    assert_ne!(labels, longer);
    folder.write("A/crops/a.png", [1; 5000]); // of the same length
    let pixels = print();
    assert_ne!(pixels, labels);
    folder.write("A/crops/a.png", [0; 5000]);
    assert_eq!(print(), labels, "it is of contents only, not of times");
    let [a, b] = ["A/crops/a.png", "A/crops/b.png"].map(|path| folder.path().join(path));
    let whole = std::fs::read(&b).unwrap();
    std::fs::rename(&a, &b).unwrap();
    std::fs::write(&a, whole).unwrap();
    assert_ne!(print(), labels, "two files that have changed places are others");
    folder.write("A/crops/b.png", std::fs::read(&a).unwrap());
    folder.write("A/crops/a.png", [0; 5000]);
    assert_eq!(print(), labels);
    folder.write("dataset.toml", "[sets.A]\nchannels = [\"er\", \"dna\"]\n");
    assert_ne!(print(), labels);
}

#[test]
fn a_sampled_fingerprint_says_so_and_is_another() {
    let folder = Folder::good();
    let open = |contents: Contents| DataSet::open("test", folder.path(), &contents, &mut Silence).unwrap();
    let full = open(Contents::not_kept());
    let sampled = open(Contents::not_kept().limit(100));
    assert_eq!((full.fingerprint.len(), full.warnings.len()), (64, 0));
    let (hash, word) = sampled.fingerprint.split_at(64);
    assert_eq!(word, "-sampled");
    assert_ne!(hash, full.fingerprint);
    assert!(sampled.warnings[0].starts_with("`test`: its fingerprint is sampled"), "{:?}", sampled.warnings);
    assert!(info(&sampled)[1].ends_with("-sampled"));
    assert!(check(&sampled, &mut Silence).unwrap().lines()[1].ends_with("-sampled"));
    assert_eq!(open(Contents::not_kept().limit(100).in_full()).fingerprint, full.fingerprint);
    let unread = DataSet::open_without_fingerprint("test", folder.path()).unwrap();
    assert_eq!((unread.fingerprint.as_str(), unread.sets.len()), ("", 1));
}

#[test]
fn check_counts_and_reads_every_image() {
    let folder = Folder::good();
    let first = check(&folder.open().unwrap(), &mut Silence).unwrap();
    assert!(first.ok() && first.images == 4 && first.published.is_empty(), "{first:?}");
    let counts: Vec<_> =
        first.counts.iter().map(|c| (c.split.as_str(), c.label.as_str(), c.images)).collect();
    assert_eq!(counts, [("Train", "x", 2), ("Train", "y", 1), ("Task_one", "y", 1)]);
}

#[test]
fn statistics_count_every_pixel_once_for_any_number_of_threads() {
    let folder = Folder::good();
    let data = folder.open().unwrap();
    let set = &data.sets[0];
    let measure = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| statistics(set, &set.train_rows(), &mut Silence).unwrap())
    };
    let found = measure(1);
    assert_eq!(found, measure(3));
    let mut pixels: [Vec<f64>; 2] = [vec![], vec![]];
    for image in [0, 1, 3] {
        (0..24).for_each(|at| pixels[at % 8 / 4].push(f64::from((at * 7 + image * 20) as u8) / 255.0));
    }
    for (channel, pixels) in pixels.iter().enumerate() {
        let mean = pixels.iter().sum::<f64>() / pixels.len() as f64;
        let sd = (pixels.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / pixels.len() as f64).sqrt();
        assert!((f64::from(found.mean[channel]) - mean).abs() < 1e-7, "{found:?} {mean}");
        assert!((f64::from(found.sd[channel]) - sd).abs() < 1e-7, "{found:?} {sd}");
    }
    folder.png("A/crops/a.png", 8, 3, |at| if at % 8 < 4 { 51 } else { at as u8 });
    let constant = statistics(set, &[0], &mut Silence).unwrap();
    assert_eq!((constant.mean[0], constant.sd[0]), (0.2, 1.0 / 255.0));
}

struct Stops;
impl Listen for Stops {
    fn receive(&mut self, _: &Event<'_>) {}
    fn stop(&self) -> bool {
        true
    }
}

#[test]
fn long_work_stops_when_asked() {
    let folder = Folder::good();
    let data = folder.open().unwrap();
    assert_eq!(check(&data, &mut Stops).unwrap_err().to_string(), "stopped");
    assert_eq!(statistics(&data.sets[0], &[0], &mut Stops).unwrap_err().to_string(), "stopped");
}

#[test]
fn held_out_rows_are_a_share_of_each_label() {
    let folder = Folder::new("[sets.A]\nchannels = [\"dna\"]\n");
    let mut table = "file_path,channel_width,Label,train_test_split\n".to_owned();
    for i in 0..66 {
        folder.write(&format!("A/{i}.png"), "");
        let label = if i == 0 {
            "one"
        } else if i < 6 {
            "five"
        } else {
            "many"
        };
        let split = if i >= 46 { "other" } else { "Train" };
        table.push_str(&format!("{i}.png,4,{label},{split}\n"));
    }
    folder.write("A/enriched_meta.csv", table);
    let data = folder.open().unwrap();
    let set = &data.sets[0];
    let (train, held) = hold_out(set, 0.2, Seed(1));
    let of = |rows: &[u32], label: &str| {
        rows.iter().filter(|&&r| set.labels[usize::from(set.label(r))] == label).count()
    };
    assert_eq!(
        ["one", "five", "many"].map(|label| (of(&train, label), of(&held, label))),
        [(1, 0), (4, 1), (32, 8)]
    );
    let mut all = [train.clone(), held.clone()].concat();
    all.sort_unstable();
    assert_eq!(all, set.train_rows());
    assert!(held.is_sorted() && train.is_sorted());
    assert_eq!(hold_out(set, 0.2, Seed(1)), (train, held.clone()));
    assert_ne!(hold_out(set, 0.2, Seed(2)).1, held);
    assert!(hold_out(set, 0.0, Seed(1)).1.is_empty());
    assert_eq!(hold_out(set, 1.0, Seed(1)).0.len(), 3);
}

#[test]
fn a_folder_of_chammi_needs_no_description() {
    let folder = Folder::new("");
    let table = "ID,file_path,channel_width,train_test_split,Task_one,Task_two,Label,Structure\n\
        1,Allen/crops/1.ome.tiff,46,Train,False,False,M0,TUBA1B\n2,Allen/crops/2.ome.tiff,46,Task_one,True,False,M3,TUBA1B\n\
        3,Allen/crops/3.ome.tiff,46,Task_two,False,True,M0,ACTB\n";
    folder.write("Allen/enriched_meta.csv", table);
    for i in 1..4 {
        folder.write(
            &format!("Allen/crops/{i}.ome.tiff"),
            include_bytes!("../../../tests/golden/tiff/lzw.ome.tiff"),
        );
    }
    let data = DataSet::open("chammi", folder.path(), &Contents::not_kept(), &mut Silence).unwrap();
    assert_eq!((data.sets.len(), data.warnings.len()), (1, 3), "{:?}", data.warnings);
    let set = &data.sets[0];
    assert_eq!(set.channels, ["nucleus", "membrane", "protein"]);
    assert_eq!(set.printed_statistics.as_ref().unwrap().sd[2], 0.087_711_74);
    assert_eq!(set.role(2, Role::CellLine), Some("ACTB"));
    let report = check(&data, &mut Silence).unwrap();
    assert!(!report.ok() && report.problem_count == 0);
    let lines = report.lines().join("\n");
    assert!(lines.contains("problem: Allen Train: published 31060, found 1"), "{lines}");
    assert!(info(&data).join("\n").contains("30 x 46 pixels"), "{:?}", info(&data));
}

/// `DICHROIC_DATA_MINI_REAL=… cargo test --release -- --ignored --nocapture a_real_folder`
#[test]
#[ignore = "needs a folder"]
fn a_real_folder_is_read() {
    let root = std::env::var("DICHROIC_DATA_MINI_REAL").unwrap();
    let start = std::time::Instant::now();
    let data = DataSet::open("mini_real", root.as_ref(), &Contents::not_kept(), &mut Silence).unwrap();
    println!("opened in {:?}\n{}", start.elapsed(), info(&data).join("\n"));
    let report = check(&data, &mut Silence).unwrap();
    println!("checked by {:?}\n{}", start.elapsed(), report.lines().join("\n"));
    assert!(report.ok());
    for set in &data.sets {
        println!("{} {:?}", set.name, statistics(set, &set.train_rows(), &mut Silence).unwrap());
    }
    println!("measured by {:?}", start.elapsed());
}

#[test]
fn a_subset_draws_evenly_over_labels_and_keeps_groups() {
    let folder = Folder::new("[sets.A]\nchannels = [\"dna\"]\nleave_group_out = { Task_one = \"day\" }\n");
    let mut table = "file_path,channel_width,Label,train_test_split,Task_one,day\n".to_owned();
    for row in 0..60 {
        // Nine in ten are `common`.
        let label = if row % 10 == 0 { "rare" } else { "common" };
        let (split, asked) = if row < 40 { ("Train", "False") } else { ("Task_one", "True") };
        table += &format!("A/crops/{row:02}.png,4,{label},{split},{asked},d{}\n", row % 3);
        folder.png(&format!("A/crops/{row:02}.png"), 4, 4, |at| (at + row) as u8);
    }
    folder.write("A/enriched_meta.csv", table);
    let data = folder.open().unwrap();
    let whole = data.set("A").unwrap();
    assert!(whole.subset(40).is_none());
    let small = whole.subset(8).unwrap();
    let labels = |rows: &[u32]| {
        rows.iter().filter(|row| small.labels[usize::from(small.label(**row))] == "rare").count()
    };
    assert_eq!((small.train_rows().len(), labels(&small.train_rows())), (8, 4));
    assert_eq!((small.tasks[0].queries.len(), labels(&small.tasks[0].queries)), (8, 2));
    let left = small.tasks[0].leave_out.as_ref().unwrap();
    for (query, group) in small.tasks[0].queries.iter().zip(&left.group) {
        let number: u32 = small.key(*query)["A/crops/".len()..][..2].parse().unwrap();
        assert_eq!(left.names[*group as usize], format!("d{}", number % 3));
        assert_eq!(small.read(*query).unwrap().pixels.bytes().unwrap()[0], number as u8);
    }
    let again = whole.subset(8).unwrap();
    assert!((0..small.len() as u32).all(|row| small.key(row) == again.key(row)));
}

/// Four images on three plates, and no word about splits.
const UNSPLIT: &str = "file_path,channel_width,Label,barcode\nA/crops/a.png,4,x,P1\nA/crops/b.png,4,y,P1\nA/crops/c.png,4,y,P2\nA/crops/d.png,4,x,P3\n";

const ASK_ALL: &str = "[sets.A]\nchannels = [\"dna\", \"er\"]\nroles = { plate = \"barcode\" }\nask_all = { Type = \"plate\" }\n";

#[test]
fn one_task_can_ask_for_every_image() {
    let folder = Folder::good();
    folder.write("dataset.toml", ASK_ALL);
    folder.write("A/enriched_meta.csv", UNSPLIT);
    let data = folder.open().unwrap();
    assert_eq!(data.warnings, [""; 0]);
    let set = data.set("A").unwrap();
    assert_eq!(set.train_rows(), [0, 1, 2, 3]);
    let [task] = &set.tasks[..] else { panic!("one task, found {:?}", set.tasks) };
    let left_out = task.leave_out.as_ref().unwrap();
    assert_eq!((task.name.as_str(), &task.queries[..]), ("Type", &[0, 1, 2, 3][..]));
    assert_eq!(
        (&left_out.group[..], &left_out.names[..]),
        (&[0, 0, 1, 2][..], &["P1", "P2", "P3"].map(String::from)[..])
    );
    for (line, wanted) in [
        ("ask_all = {}", "ask_all of set `A`: expected one task, found 0"),
        ("ask_all = { Train = \"plate\" }", "expected the name of a task, found `Train`"),
        ("ask_all = { Type = \"dish\" }", "expected a column `dish` (left out in Type)"),
        (
            "ask_all = { Type = \"plate\" }\nleave_group_out = { Task_one = \"plate\" }",
            "expected `Type` to be the only task, found `Task_one` in leave_group_out",
        ),
    ] {
        folder.write("dataset.toml", ASK_ALL.replace("ask_all = { Type = \"plate\" }", line));
        assert!(folder.refusal().contains(wanted), "{}", folder.refusal());
    }
}

#[test]
fn a_description_can_be_elsewhere() {
    let (folder, elsewhere) = (Folder::good(), Folder::new(ASK_ALL));
    folder.write("A/enriched_meta.csv", UNSPLIT);
    assert!(folder.refusal().contains("expected a column `train_test_split`"));
    let open = |file: &str| {
        let file = elsewhere.path().join(file);
        DataSet::open_described("test", folder.path(), Some(&file), &Contents::not_kept(), &mut Silence)
    };
    let described = open("dataset.toml").unwrap();
    assert_eq!(described.set("A").unwrap().tasks[0].name, "Type");
    // The same as if it were the folder's own: the place of a description is no part of the data.
    folder.write("dataset.toml", ASK_ALL);
    assert_eq!(folder.open().unwrap().fingerprint, described.fingerprint);
    assert!(open("nowhere.toml").is_err());
}
