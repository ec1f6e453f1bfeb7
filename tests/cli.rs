//! The command line as users see it: exit statuses, messages, documents, and the files that a run leaves
//! behind.

mod computed;

use candle_core::{Device, Tensor};
#[cfg(unix)]
use computed::computed;
use dichroic::{
    backbone::files,
    model::Extractor,
    params::{Params, Published},
    seed::Seed,
    spec::{
        Adapter, Backbone, ChannelReplication, ConvNextSize, DinoV2, DinoV2Size, Model, NetworkModel,
        OffTheShelf, ResNet, ResNetSize, View, Vit, VitSize,
    },
    store::Store,
};
use serde_json::Value;
use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// The data of `real_cells`: sets and their numbers of channels.
const SETS: [(&str, usize, &str); 3] = [
    ("Jurkat", 3, r#"["brightfield", "dna", "darkfield"]"#),
    ("Yeast", 2, r#"["protein", "cytosol"]"#),
    ("Pancreas", 5, r#"["h3", "cd99", "pin", "cd8a", "cdh"]"#),
];
/// Images of a set; a task queries the last eight.
const IMAGES: usize = 24;
const SIDE: usize = 16;
/// Seconds instead of minutes.
const SMALL: [&str; 12] = [
    "--scale",
    "quick",
    "--seed",
    "1",
    "--set",
    "train.image=32",
    "--set",
    "train.batch=12",
    "--set",
    "train.schedule.warmup=0",
    "--set",
    "model.adapter.hidden=8",
];

/// Instead of the user's cache.
const CACHE: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/cache");

/// A temporary folder for each test.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dichroic"));
        command.args(arguments).current_dir(self.0.path()).stdin(Stdio::null());
        command.env("XDG_CACHE_HOME", CACHE);
        for variable in ["STORE", "WEIGHTS", "DATA_CHAMMI", "DATA_MINI_REAL"] {
            command.env_remove(format!("DICHROIC_{variable}"));
        }
        command
    }

    fn say(&self, arguments: &[&str]) -> Said {
        Said(self.command(arguments).output().unwrap())
    }

    /// `exp real_cells` on these cells, small.
    fn exp(&self, cells: &Path, more: &[&str]) -> Vec<String> {
        let data = format!("mini_real={}", cells.display());
        let words =
            ["exp", "real_cells", "--data", &data].into_iter().chain(SMALL).chain(more.iter().copied());
        words.map(String::from).collect()
    }

    fn run(&self, cells: &Path, more: &[&str]) -> Said {
        let words = self.exp(cells, more);
        self.say(&words.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// Cells of two kinds, dim and bright.
    fn cells(&self) -> PathBuf {
        let root = self.path("cells");
        let mut description = String::from("name = \"mini_real\"\n");
        for (set, channels, names) in SETS {
            description += &format!("[sets.{set}]\nchannels = {names}\n");
            fs::create_dir_all(root.join(set)).unwrap();
            let mut table = String::from("file_path,Label,channel_width,train_test_split,Task_one\n");
            for image in 0..IMAGES {
                let (label, asked) = (["bright", "dim"][image % 2], image >= IMAGES - 8);
                let split = if asked { "Task_one" } else { "Train" };
                let asked = if asked { "True" } else { "False" };
                table += &format!("{image}.png,{label},{SIDE},{split},{asked}\n");
                write_cell(&root.join(set).join(format!("{image}.png")), channels, image);
            }
            fs::write(root.join(set).join("enriched_meta.csv"), table).unwrap();
        }
        fs::write(root.join("dataset.toml"), description).unwrap();
        root
    }
}

fn write_cell(path: &Path, channels: usize, image: usize) {
    let mut noise = Seed(image as u64).stream("cell");
    let width = SIDE * channels;
    let darkest = if image.is_multiple_of(2) { 150 } else { 20 };
    let pixels: Vec<u8> = (0..SIDE * width).map(|_| darkest + noise.below(50) as u8).collect();
    let mut encoder = png::Encoder::new(File::create(path).unwrap(), width as u32, SIDE as u32);
    encoder.set_color(png::ColorType::Grayscale);
    // Images of one size have one length, as those of microscopes.
    encoder.set_compression(png::Compression::NoCompression);
    encoder.write_header().unwrap().write_image_data(&pixels).unwrap();
}

struct Said(Output);

impl Said {
    fn status(&self) -> Option<i32> {
        self.0.status.code()
    }

    fn out(&self) -> String {
        String::from_utf8(self.0.stdout.clone()).unwrap()
    }

    fn error(&self) -> String {
        String::from_utf8(self.0.stderr.clone()).unwrap()
    }

    #[track_caller]
    fn expect(self, status: i32) -> Self {
        assert_eq!(self.status(), Some(status), "{}\n{}", self.out(), self.error());
        assert!(!self.error().contains("panicked"), "{}", self.error());
        self
    }

    #[track_caller]
    fn complains(self, error: &str, hint: &str) {
        let said = self.expect(1);
        assert!(said.error().contains(&format!("error: {error}")), "{}", said.error());
        assert!(said.error().contains(&format!("\n\nhint: {hint}")), "{}", said.error());
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.out()).unwrap_or_else(|error| panic!("{error}: {}", self.out()))
    }
}

#[test]
fn slips_are_answered_with_what_was_meant() {
    let place = Place::new();
    place
        .say(&["exp", "real_cell"])
        .complains("there is no experiment `real_cell`", "did you mean `real_cells`?");
    place
        .say(&["exp", "real_cells"])
        .complains("data set `mini_real` not found", "give its folder with --data mini_real=PATH");
    let missing = ["exp", "real_cells", "--data", "mini_real=nowhere"];
    place
        .say(&missing)
        .complains("data set `mini_real`: nowhere: no such folder", "give the folder of the data");
    let cuda = ["exp", "real_cells", "--device", "cuda"];
    place
        .say(&cuda)
        .complains("this build of dichroic has no CUDA", "build it on a machine with the CUDA toolkit");
    place.say(&["runs"]).complains("no store at runs/dichroic.db", "run an experiment first");
    place
        .say(&["diff", "real_cells", "hypernet_tp"])
        .complains("there is neither", "did you mean `hypernet_tps`?");
    assert!(!place.path("runs").exists(), "none of these creates a file");
}

#[test]
fn what_is_no_released_checkpoint_is_not_imported() {
    let place = Place::new();
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden/checkpoints");
    let import = |file: &Path, more: &[&str]| {
        let words = ["import", file.to_str().unwrap(), "--out", "a.safetensors"];
        place.say(&words.into_iter().chain(more.iter().copied()).collect::<Vec<_>>())
    };
    let page = place.path("page.pt");
    fs::write(&page, "<!DOCTYPE html>").unwrap();
    import(&page, &[])
        .complains(&format!("{} is not a PyTorch checkpoint", page.display()), "expected a `.pt`");
    let (tensors, hypernet) = (golden.join("tensors.pt"), golden.join("hypernet.pt"));
    import(&tensors, &[])
        .complains(&format!("{} belongs to no adapter", tensors.display()), "depthwise.pt, hypernet.pt");
    // As released except for its widths, which the test of its features uses unchanged.
    let narrow =
        format!("{} does not fit HyperNet as released: misshapen: hypernet.W_out", hypernet.display());
    import(&hypernet, &[]).complains(&narrow, "the backbone is ConvNeXt-Tiny");
    import(&hypernet, &[hypernet.to_str().unwrap()])
        .complains("two checkpoints would be written to", "import one");
    import(&hypernet, &["--set", "HPA"]).complains(&hypernet.display().to_string(), "leave `--set` out");
    assert!(!place.path("a.safetensors").exists());
    let empty = ["embed", "--weights", ".", "--data", "x", "--out", "y"];
    assert!(place.say(&empty).expect(1).error().contains("there is no `.safetensors` file in ."));
}

#[test]
fn malformed_commands_end_with_status_2() {
    let place = Place::new();
    for words in [
        &["exp"][..],
        &["train"],
        &["exp", "x", "--scale", "huge"],
        &["exp", "x", "--set", "lr"],
        &["runs", "--status", "lost"],
    ] {
        let said = place.say(words).expect(2);
        assert!(said.out().is_empty() && said.error().contains("error: "), "{words:?}: {}", said.error());
    }
    assert!(place.say(&["--help"]).expect(0).out().contains("Usage:"));
}

#[test]
fn values_are_checked_before_anything_runs() {
    let place = Place::new();
    let cells = place.cells();
    place
        .run(&cells, &["--set", "train.optimiser.l=1"])
        .complains("there is no `train.optimiser.l`", "did you mean `train.optimiser.lr`?");
    place
        .run(&cells, &["--set", "train.epochs=some"])
        .complains("cannot set `train.epochs` to `some`", "it is ");
    place
        .run(&cells, &["--precision", "bf16", "--device", "cpu"])
        .complains("real_cells, seed 1 (quick): precision bf16 needs a GPU", "use --device cuda");
    place.run(&cells, &["--set", "train.image=33"]).complains("real_cells: expected an image side", "");
    assert!(!place.path("runs").exists());
    let plan = place.run(&cells, &["--dry", "--json"]).expect(0).json();
    let fit = &plan["plans"][0]["steps"][0];
    assert_eq!((&fit["kind"], &fit["state"]), (&"fit".into(), &"open".into()));
    for cost in ["seconds", "memory_bytes", "disk_bytes"] {
        assert!(fit["cost"][cost].as_f64().unwrap() > 0.0, "{cost}: {fit}");
    }
    assert!(!place.path("runs").exists());
}

#[test]
fn a_run_is_computed_once_and_everything_else_can_be_asked() {
    let place = Place::new();
    let cells = place.cells();
    let first = place.run(&cells, &["--set", "train.epochs=2", "--json"]).expect(0);
    let run = &first.json()["runs"][0];
    let uid = run["run"].as_str().unwrap();
    assert_eq!(
        (&run["experiment"], &run["seed"], &run["scale"]),
        (&"real_cells".into(), &1.into(), &"quick".into())
    );
    assert_eq!(
        (&run["status"], &run["cps"], &run["label"]),
        (&"done".into(), &Value::Null, &serde_json::json!({}))
    );
    assert_eq!(run["data"]["mini_real"]["kind"], "real");
    assert_eq!(run["data"]["mini_real"]["fingerprint"].as_str().map(str::len), Some(64));
    assert!(run["seconds"].as_f64().is_some_and(|seconds| seconds > 0.0));
    for tasks in
        [&run["results"], &run["floors"]["constant"], &run["floors"]["prior"], &run["floors"]["untrained"]]
    {
        assert_eq!(tasks.as_object().map(|tasks| tasks.len()), Some(3), "{tasks}");
        assert!(tasks["Yeast/Task_one"]["f1_macro"].is_f64() && tasks["Yeast/Task_one"]["accuracy"].is_f64());
    }
    assert_eq!(
        run["floors"]["hand_made"]["Jurkat/Task_one"]["accuracy"], 1.0,
        "dim and bright are easy to tell"
    );
    let keys: Vec<&String> = run["scores"][0].as_object().unwrap().keys().collect();
    assert_eq!(keys, ["class", "data", "metric", "part", "protocol", "task", "value"]);

    let again = place.run(&cells, &["--set", "train.epochs=2", "--json"]).expect(0);
    assert_eq!(again.json(), first.json());
    assert!(again.error().contains("already done"), "{}", again.error());
    let sql = |question: &str| place.say(&["sql", question, "--format", "json"]).expect(0).json();
    assert_eq!(sql("SELECT max(n) AS n FROM attempt")[0]["n"], 1, "nothing ran twice");
    assert_eq!(sql("SELECT DISTINCT outcome FROM attempt")[0]["outcome"], "done");

    let table = place.run(&cells, &["--set", "train.epochs=2"]).expect(0).out();
    assert!(table.contains("Yeast/Task_one") && table.contains("dichroic sql"), "{table}");
    place
        .say(&["sql", "DELETE FROM run"])
        .complains("expected a statement that reads, found `DELETE`", "one SELECT");
    let runs = place
        .say(&["runs", "--exp", "real*", "--status", "done", "--where", "seed = 1 -- mine", "--json"])
        .expect(0);
    assert_eq!(runs.json()["runs"][0]["run"], uid);
    assert!(place.say(&["list"]).expect(0).out().contains("real_cells"));
    let diff = place.say(&["diff", "real_cells", &uid[..6]]).expect(0).out();
    assert!(diff.contains("\n-train.epochs = ") && diff.contains("\n+train.epochs = 2\n"), "{diff}");
    let data = format!("mini_real={}", cells.display());
    let small: Vec<&str> = ["show", "real_cells", "--data", &data]
        .into_iter()
        .chain(SMALL)
        .chain(["--set", "train.epochs=2"])
        .collect();
    assert!(place.say(&small).expect(0).out().contains(&format!("run {uid}, seed 1: done")));
    let report = place.say(&["report", "all", "--format", "md"]).expect(0).out();
    assert!(place.path(report.trim()).is_file(), "{report}");
    let none = place.say(&["report", "chammi_fig5", "--format", "svg,csv"]).expect(0).error();
    assert!(none.contains("no svg of chammi_fig5: there is nothing to draw"), "{none}");

    // What was shown can be run from a file, as the same run.
    let shown: Vec<&str> = small.iter().copied().chain(["--json"]).collect();
    let file = place.path("shown.json");
    fs::write(&file, place.say(&shown).expect(0).out()).unwrap();
    let from_file = ["exp", "--spec", "shown.json", "--seed", "1", "--data", &data, "--json"];
    assert_eq!(place.say(&from_file).expect(0).json()["runs"][0]["run"], uid);
    let bad = fs::read_to_string(&file).unwrap().replace("\"temperature\": 0.3", "\"temperature\": -1.0");
    fs::write(&file, bad).unwrap();
    place.say(&from_file).complains("real_cells: expected a temperature for `proxy_nca`", "CHAMMI");
    fs::write(&file, "{}").unwrap();
    place.say(&from_file).complains("shown.json: expected `experiments`", "write one with");

    // The run's own model embeds, and any scorer reproduces the run's scores.
    place.say(&["embed", "--run", &uid[..8], "--data", "cells", "--out", "features"]).expect(0);
    let scores =
        place.say(&["score", "--features", "features", "--data", "cells", "--json"]).expect(0).json();
    for (task, found) in run["results"].as_object().unwrap() {
        assert_eq!(found["f1_macro"], scores["tasks"][task]["f1_macro"], "{task}");
    }
    let export = |set| place.say(&["export", "--run", uid, "--set", set, "--out", "yeast.safetensors"]);
    assert!(
        export("Yeast").expect(0).out().contains("in_chans=2") && place.path("yeast.safetensors").is_file()
    );
    export("Mars")
        .complains("the model was not trained on a set `Mars`", "its sets are Jurkat, Yeast, Pancreas");
    place
        .say(&["embed", "--run", "zz", "--data", "cells", "--out", "features"])
        .complains("the store has no run that begins with `zz`", "`dichroic runs` lists");
    let yeast = fs::read_to_string(cells.join("dataset.toml")).unwrap().replace("cytosol", "nucleus");
    fs::write(cells.join("dataset.toml"), yeast).unwrap();
    place.say(&["embed", "--run", uid, "--data", "cells", "--out", "features"]).complains(
        "HyperNet has no parameters for set `Yeast` with channels protein, nucleus",
        "select sets with `--set NAME`",
    );
    let one = ["embed", "--run", uid, "--data", "cells", "--out", "features", "--set", "Jurkat"];
    place.say(&one).expect(0);
}

/// Waits until `works` trainings have passed their third step.
fn until_training(store: &Path, works: usize) {
    let began = Instant::now();
    let training = || {
        let sql = "SELECT count(DISTINCT work_id) FROM scalar WHERE step > 3";
        let rows = Store::open_read_only(store).ok()?.query(sql).ok()?;
        (rows.rows[0][0].to_string() == works.to_string()).then_some(())
    };
    while training().is_none() {
        assert!(began.elapsed() < Duration::from_secs(60), "training has not begun");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
#[cfg(unix)]
fn an_interrupted_run_goes_on_where_it_stopped() {
    let place = Place::new();
    let cells = place.cells();
    let words = place.exp(&cells, &["--set", "train.epochs=100", "--json"]);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let child = place.command(&words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let store = place.path("runs/dichroic.db");
    until_training(&store, 1);
    // Twice, as `timeout` does it: to the process and to its group.
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid, &pid]).status().unwrap().success());
    let said = Said(child.wait_with_output().unwrap()).expect(130);
    assert!(said.error().contains("run the same command to continue"), "{}", said.error());
    let ask = |question: &str| {
        Store::open_read_only(&store).unwrap().query(question).unwrap().rows[0][0].to_string()
    };
    assert_eq!(ask("SELECT status FROM run"), "queued");
    assert_eq!(ask("SELECT outcome FROM attempt ORDER BY id DESC"), "signal");

    assert_eq!(place.say(&words).expect(0).json()["runs"][0]["status"], "done");
    assert!(ask("SELECT resumed_step FROM attempt WHERE n = 2").parse::<u32>().is_ok_and(|step| step > 3));
}

/// The long form: `DICHROIC_KILLS=200 cargo test --release --test cli killed -- --nocapture`.
#[test]
#[cfg(unix)]
fn a_run_killed_at_any_moment_ends_as_if_nothing_had_happened() {
    let place = Place::new();
    let cells = place.cells();
    let kills: u32 = std::env::var("DICHROIC_KILLS").map_or(8, |kills| kills.parse().unwrap());
    let exp = |store: &str, more: &[&str]| {
        let all = ["--set", "train.epochs=80", "--checkpoint-every", "0.2", "--store", store, "--quiet"];
        place.exp(&cells, &[&all[..], more].concat())
    };
    let words = |words: &[String]| place.command(&words.iter().map(String::as_str).collect::<Vec<_>>());
    let began = Instant::now();
    let undisturbed = words(&exp("a/whole.db", &[])).output().unwrap();
    // Every life is shorter than the whole run, however fast the machine is.
    let longest = began.elapsed().as_millis() as usize * 6 / 10;
    assert!(undisturbed.status.success(), "{}", String::from_utf8_lossy(&undisturbed.stderr));
    let expected = computed(&place.path("a/whole.db"));

    let store = place.path("b/killed.db");
    let mut moments = Seed(7).stream("kills");
    let (mut killed, mut resumed, mut more) = (0, 0, vec![]);
    while killed < kills {
        let mut child =
            words(&exp("b/killed.db", &more)).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let until = Instant::now() + Duration::from_millis(moments.below(longest) as u64);
        while Instant::now() < until && child.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(2));
        }
        more.clear();
        if child.try_wait().unwrap().is_some() {
            assert_eq!(computed(&store), expected, "after {killed} kills");
            more = vec!["--fresh"];
            continue;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        killed += 1;
        let Ok(reader) = Store::open_read_only(&store) else { continue }; // killed before it existed
        assert_eq!(reader.query("PRAGMA integrity_check").unwrap().rows[0][0].to_string(), "ok");
        resumed = reader.query("SELECT count(*) FROM attempt WHERE resumed_step > 0").unwrap().rows[0][0]
            .to_string()
            .parse()
            .unwrap();
    }
    let last = words(&exp("b/killed.db", &[])).output().unwrap();
    assert!(last.status.success(), "{}", String::from_utf8_lossy(&last.stderr));
    assert_eq!(computed(&store), expected);
    eprintln!("{killed} kills, {resumed} attempts resumed from a checkpoint");
    assert!(resumed > 0, "no kill ever hit a training that had a checkpoint");
}

#[test]
#[cfg(unix)]
fn workers_do_each_run_once_and_a_scheduler_can_have_the_machine_back() {
    let place = Place::new();
    let cells = place.cells();
    let seeds: Vec<String> = (2..=40).map(|seed| seed.to_string()).collect();
    let mut more = vec!["--set", "train.epochs=1", "--store"];
    let seeds: Vec<&str> = seeds.iter().flat_map(|seed| ["--seed", seed]).collect();
    let mut several = more.clone();
    several.extend(["many.db", "--workers", "8", "--threads", "8", "--no-wait"].iter().chain(&seeds));
    let said = place.run(&cells, &several).expect(0);
    assert!(said.error().contains("8 workers, each with 1 "), "{}", said.error());
    assert_eq!(said.error().matches("(quick): done in ").count(), 40, "{}", said.error());
    let ask = |store: &str, question: &str| {
        Store::open_read_only(place.path(store)).unwrap().query(question).unwrap().rows[0][0].to_string()
    };
    assert_eq!(ask("many.db", "SELECT max(n) FROM attempt"), "1", "nothing was done twice");
    assert_eq!(ask("many.db", "SELECT count(*) FROM run WHERE status = 'done'"), "40");
    assert!(ask("many.db", "SELECT count(DISTINCT pid) FROM attempt").parse::<u32>().unwrap() > 1);
    more.extend(["one.db", "--workers", "1"].iter().chain(&seeds));
    place.run(&cells, &more).expect(0);
    assert_eq!(computed(&place.path("many.db")), computed(&place.path("one.db")));

    // When they are stopped from outside, workers stop with the process that started them.
    let slow = ["--set", "train.epochs=400", "--store", "slow.db", "--workers", "2", "--seed", "2"];
    let words = place.exp(&cells, &slow);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let child = place.command(&words).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    until_training(&place.path("slow.db"), 2);
    assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
    let said = Said(child.wait_with_output().unwrap()).expect(130);
    assert!(said.error().contains("stopped after 0 of 2 runs"), "{}", said.error());
    assert_eq!(
        ask("slow.db", "SELECT group_concat(outcome) FROM attempt WHERE step > 0"),
        "preempted,preempted"
    );
    assert_eq!(ask("slow.db", "SELECT count(*) FROM work WHERE status = 'running'"), "0");
    assert_eq!(ask("slow.db", "SELECT count(*) FROM artifact WHERE kind = 'checkpoint' AND step > 3"), "2");
}

#[test]
fn what_another_process_is_at_is_waited_for_or_left() {
    let place = Place::new();
    let cells = place.cells();
    let words = place.exp(&cells, &["--set", "train.epochs=60"]);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let first = place.command(&words).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    until_training(&place.path("runs/dichroic.db"), 1);
    let left = place.say(&[&words[..], &["--no-wait"]].concat()).expect(0);
    assert!(left.error().contains(&format!("skipped, held by process {}", first.id())), "{}", left.error());
    assert!(left.error().contains("1 of 1 runs are held by other processes"), "{}", left.error());
    let second = place.say(&words).expect(0);
    assert!(second.error().contains(&format!("waiting for process {}", first.id())), "{}", second.error());
    assert!(second.out().contains("Yeast/Task_one"), "{}", second.out());
    Said(first.wait_with_output().unwrap()).expect(0);
    let store = Store::open_read_only(place.path("runs/dichroic.db")).unwrap();
    assert_eq!(store.query("SELECT max(n) FROM attempt").unwrap().rows[0][0].to_string(), "1");
}

/// Two stages, the second on one set: each is a unit of work, scores and exports are those of the last, and a shared
/// first stage is computed once.
#[test]
fn stages_follow_one_another_to_the_scores() {
    let place = Place::new();
    let data = format!("mini_real={}", place.cells().display());
    let small = SMALL.into_iter().chain(["--set", "train.epochs=1", "--data", &data, "--json"]);
    let words: Vec<&str> = ["show", "real_cells"].into_iter().chain(small).collect();
    let mut shown = place.say(&words).expect(0).json();
    let experiments = shown["experiments"].as_array_mut().unwrap();
    experiments.truncate(1);
    let stages = experiments[0]["config"]["train"]["stages"].as_array_mut().unwrap();
    let mut second = stages[0].clone();
    second["on"] = serde_json::json!({ "name": "mini_real", "sets": ["Yeast"] });
    stages.push(second);
    fs::write(place.path("two.json"), shown.to_string()).unwrap();
    let exp = |more: &[&str]| {
        let words = ["exp", "--spec", "two.json", "--seed", "1", "--data", &data, "--json"];
        place.say(&[&words[..], more].concat())
    };
    let run = |said: &Value| said["runs"][0]["run"].as_str().unwrap().to_owned();
    let uid = run(&exp(&[]).expect(0).json());
    let sql = |question: &str| place.say(&["sql", question, "--format", "json"]).expect(0).json();
    let trained = "SELECT count(*) AS n FROM work WHERE kind = 'fit' AND json ->> '$.training' IS NOT NULL";
    assert_eq!(sql(trained)[0]["n"], 2);
    place.say(&["rerun", &uid, "--exact", "--data", &data]).expect(0);

    place.say(&["export", "--run", &uid, "--set", "Yeast", "--out", "model.safetensors"]).expect(0);
    let weights = "SELECT f.path AS path FROM artifact f JOIN work w ON w.id = f.work_id
        WHERE w.json ->> '$.training.number' = 1 AND f.kind = 'weights'";
    let last = place.path("runs/dichroic.db.d").join(sql(weights)[0]["path"].as_str().unwrap());
    let read = |path: &Path| candle_core::safetensors::load(path, &candle_core::Device::Cpu).unwrap();
    let values = |path: &Path, name: &str| read(path)[name].flatten_all().unwrap().to_vec1::<f32>().unwrap();
    let name = "stages.0.blocks.0.mlp.fc1.weight";
    assert_eq!(values(&place.path("model.safetensors"), name), values(&last, name));

    // Another second stage goes on from the same first one.
    let path = "train.stages.1.optimiser.lr=1e-5";
    let other = run(&exp(&["--set", path]).expect(0).json());
    assert!(other != uid && sql(trained)[0]["n"] == 3, "{}", sql(trained));
    exp(&["--set", "train.optimiser.lr=1e-5"])
        .complains("there is no `train.optimiser.lr`", "did you mean `train.stages.0.optimiser.lr`?");
}

#[test]
fn a_store_answers_for_its_numbers_and_can_be_looked_after() {
    let place = Place::new();
    let cells = place.cells();
    let data = format!("mini_real={}", cells.display());
    let said = place.run(&cells, &["--set", "train.epochs=2", "--json"]).expect(0);
    let uid = said.json()["runs"][0]["run"].as_str().unwrap().to_owned();

    let again = place.say(&["rerun", &uid[..8], "--exact", "--data", &data]).expect(0);
    assert!(again.out().contains(&format!("run {uid} came out the same to the bit")), "{}", again.out());
    assert!(again.error().contains("lock file") && !again.error().contains("differs"), "{}", again.error());
    assert_eq!(
        fs::read_dir(place.path("runs"))
            .unwrap()
            .filter(|e| e.as_ref().unwrap().file_name().to_string_lossy().contains("rerun"))
            .count(),
        0
    );
    let computed_twice = place.run(&cells, &["--set", "train.epochs=2", "--fresh"]).expect(0);
    assert!(!computed_twice.error().contains("already done"));
    let sql = |question: &str| place.say(&["sql", question, "--format", "json"]).expect(0).json();
    assert_eq!(sql("SELECT min(n) AS n FROM attempt WHERE n = 2")[0]["n"], 2);

    place.say(&["tag", &uid[..8], "good", "old-lamp"]).expect(0);
    place.say(&["tag", &uid[..8], "old-lamp", "--remove"]).expect(0);
    place.say(&["tag", &uid, "old-lamp", "--remove"]).complains(&format!("run {uid} has no tag"), "");
    place.say(&["note", &uid, "the lamp was new"]).expect(0);
    assert_eq!(sql("SELECT tags FROM v_runs")[0]["tags"], "good");
    let status = place.say(&["status"]).expect(0).out();
    assert!(status.contains("real_cells") && !status.contains("Running"), "{status}");
    let missing = place.say(&["missing", "chammi_table4"]).expect(0).out();
    assert!(missing.contains("HyperNet, tps: dichroic exp chammi_table4 --data chammi=PATH"), "{missing}");
    let why = place.say(&["why", "chammi_table4", "HyperNet/tps", "OOD_mean"]).expect(0).out();
    assert!(why.contains("print: 0.") && why.contains("measured: nothing"), "{why}");
    place
        .say(&["why", "chammi_table4", "HyperNet", "cps"])
        .complains("chammi_table4 has several rows", "say which: ");
    place.say(&["missing", "chammi_table5"]).complains("there is no published table", "did you mean");

    assert!(place.say(&["db", "check", "--contents"]).expect(0).out().contains("no problems"));
    place.say(&["db", "backup", "copy/other.db"]).expect(0);
    assert!(
        place
            .say(&["db", "check", "--contents", "--store", "copy/other.db"])
            .expect(0)
            .out()
            .contains("no problems")
    );
    let gone = place.say(&["rm", &uid[..8]]).expect(0).out();
    assert!(gone.contains("removed run"), "{gone}");
    assert_eq!(sql("SELECT count(*) AS n FROM work")[0]["n"], 0);
    let left = walk(&place.path("runs/dichroic.db.d")).into_iter().filter(|path| path.contains("/work/"));
    assert_eq!(left.count(), 0);
    let merged = place.say(&["db", "merge", "copy/other.db"]).expect(0).out();
    assert!(merged.contains("1 new runs"), "{merged}");
    assert_eq!(sql("SELECT tags FROM v_runs")[0]["tags"], "good");
    place.say(&["embed", "--run", &uid[..8], "--data", "cells", "--out", "features"]).expect(0);
    place
        .say(&["db", "merge", "runs/dichroic.db"])
        .complains("runs/dichroic.db is the store itself", "give only other");
    place.say(&["db", "vacuum"]).expect(0);
    place.say(&["db", "check"]).expect(0);
    let file = walk(&place.path("runs/dichroic.db.d"))
        .into_iter()
        .find(|path| path.contains("predictions"))
        .unwrap();
    fs::remove_file(&file).unwrap();
    place.say(&["db", "check"]).complains("runs/dichroic.db: 1 problems", "put the missing files back");
}

#[test]
fn a_run_that_fails_is_told_and_the_others_go_on() {
    let place = Place::new();
    let cells = place.cells();
    fs::write(cells.join("Yeast/3.png"), b"\x89PNG\r\n\x1a\n").unwrap();
    let said = place.run(&cells, &["--seed", "2", "--set", "train.epochs=1"]).expect(1);
    assert!(
        said.error().contains("Yeast/3.png") && said.error().contains("2 of 2 runs failed"),
        "{}",
        said.error()
    );
    let strict = ["--seed", "2", "--set", "train.epochs=1", "--workers", "2"];
    let said = place.run(&cells, &strict).expect(1);
    assert!(
        said.error().contains("Yeast/3.png") && said.error().contains(": failed, run "),
        "{}",
        said.error()
    );
    let said = place.run(&cells, &["--seed", "2", "--set", "train.epochs=1", "--fail-fast"]).expect(1);
    assert!(said.error().contains("1 of 2 runs failed\n1 of 2 runs are not finished"), "{}", said.error());
    let check = place.say(&["data", "check", "cells"]).expect(1);
    assert!(check.out().contains("1 problems") && check.out().contains("Yeast/3.png"), "{}", check.out());
}

/// The set `Yeast` as written by a microscope: 16 bits, one file per channel, plates of different brightness.
fn write_plates(cells: &Path, rule: &str) {
    let description = fs::read_to_string(cells.join("dataset.toml")).unwrap();
    let lines = format!(
        "[sets.Yeast]\nimages = {{ layout = \"files\", pattern = \"{{plate}}/s{{site:02}}_{{channel}}.png\", channel = {{ \
         protein = \"w1\", cytosol = \"w2\" }} }}\n{rule}"
    );
    fs::write(cells.join("dataset.toml"), description.replace("[sets.Yeast]\n", &lines)).unwrap();
    fs::remove_dir_all(cells.join("Yeast")).unwrap();
    let mut table = String::from("plate,site,Label,train_test_split,Task_one\n");
    for image in 0..IMAGES {
        let (label, asked) = (["bright", "dim"][image % 2], image >= IMAGES - 8);
        let (split, asked) = if asked { ("Task_one", "True") } else { ("Train", "False") };
        // The plates of the task are eight times as bright.
        let (plate, gain) = if image >= IMAGES - 8 { ("P2", 80) } else { ("P1", 10) };
        table += &format!("{plate},{image},{label},{split},{asked}\n");
        fs::create_dir_all(cells.join("Yeast").join(plate)).unwrap();
        for (channel, word) in ["w1", "w2"].into_iter().enumerate() {
            let mut noise = Seed((2 * image + channel) as u64).stream("cell");
            let darkest = if image.is_multiple_of(2) { 150 } else { 20 };
            let pixels: Vec<u8> = (0..SIDE * SIDE)
                .flat_map(|_| ((darkest + noise.below(50) as u16) * gain).to_be_bytes())
                .collect();
            let path = cells.join(format!("Yeast/{plate}/s{image:02}_{word}.png"));
            let mut encoder = png::Encoder::new(File::create(path).unwrap(), SIDE as u32, SIDE as u32);
            encoder.set_color(png::ColorType::Grayscale);
            encoder.set_depth(png::BitDepth::Sixteen);
            encoder.write_header().unwrap().write_image_data(&pixels).unwrap();
        }
    }
    fs::write(cells.join("Yeast/enriched_meta.csv"), table).unwrap();
}

#[test]
fn images_are_used_as_the_microscope_wrote_them() {
    let place = Place::new();
    let cells = place.cells();
    write_plates(&cells, "");
    let said = place.say(&["data", "check", "cells"]).expect(1);
    assert!(said.out().contains("Yeast/P1/s00_w1.png (row 2 of "), "{}", said.out());
    assert!(said.error().contains("\n\nhint: add to [sets.Yeast] in dataset.toml"), "{}", said.error());

    let cells = place.cells();
    write_plates(&cells, "intensity = { percentile = [1, 99], per = \"plate\" }\n");
    let info = place.say(&["data", "info", "cells"]).expect(0).out();
    assert!(info.contains("Yeast: 24 images, 2 channels of 16 x 16 pixels, 16 bits"), "{info}");
    assert!(info.contains("intensity: percentiles 1 to 99 per plate"), "{info}");
    assert!(place.say(&["data", "check", "cells"]).expect(0).out().contains("72 images read, 0 problems"));

    let small = ["--set", "train.epochs=1", "--json"];
    let first = place.run(&cells, &small).expect(0).json();
    let run = &first["runs"][0];
    assert_eq!(run["status"], "done");
    // Plates that differ only in brightness become equal.
    assert_eq!(run["floors"]["hand_made"]["Yeast/Task_one"]["accuracy"], 1.0);
    let kept = walk(&place.path("runs")).into_iter().filter(|path| path.contains("-intensity"));
    assert_eq!(kept.count(), 1, "measured once, and kept");
    let print = run["data"]["mini_real"]["fingerprint"].clone();
    fs::write(cells.join("Yeast/P2/s23_w2.png"), b"shorter").unwrap();
    let broken = place.run(&cells, &small).expect(1);
    assert!(broken.error().contains("Yeast/P2/s23_w2.png (row 25 of "), "{}", broken.error());
    let info = place.say(&["data", "info", "cells"]).expect(0).out();
    assert!(!info.contains(print.as_str().unwrap()), "each channel's file is in the fingerprint");
}

#[test]
fn other_contents_under_one_name_are_other_data() {
    let place = Place::new();
    let cells = place.cells();
    let image = cells.join("Yeast/3.png");
    let seed = |seed: &str| {
        let said = place.run(&cells, &["--set", "train.epochs=1", "--json", "--seed", seed]).expect(0);
        let run = said.json()["runs"][0].clone();
        (
            run["run"].as_str().unwrap().to_owned(),
            run["data"]["mini_real"]["fingerprint"].clone(),
            said.error(),
        )
    };
    let length = |path: &Path| fs::metadata(path).unwrap().len();
    let (first, print, said) = seed("1");
    assert!(!said.contains("other contents"), "{said}");
    let (before, modified) = (length(&image), fs::metadata(&image).unwrap().modified().unwrap());
    write_cell(&image, 2, 30);
    File::options().write(true).open(&image).unwrap().set_modified(modified).unwrap();
    assert_eq!(length(&image), before);

    let check =
        || place.say(&["data", "check", "--data", &format!("mini_real={}", cells.display())]).expect(0);
    let noted = "note: 1 finished run read other contents under the name `mini_real` (fingerprint ";
    assert!(check().out().contains(noted), "{}", check().out());
    let (second, other, said) = seed("1");
    assert!(second != first && other != print);
    assert!(said.contains("has other contents than what 1 finished run read under this name"), "{said}");
    let (_, _, said) = seed("2");
    assert!(!said.contains("other contents"), "it is said once: {said}");
    let seeds = "SELECT n, stale FROM v_seeds WHERE task = 'Yeast/Task_one' AND metric = 'accuracy' AND class = '' ORDER BY n";
    let seeds = || place.say(&["sql", seeds, "--format", "json"]).expect(0).json();
    assert_eq!(seeds(), serde_json::json!([{ "n": 1, "stale": 1 }, { "n": 2, "stale": 0 }]));

    write_cell(&image, 2, 3);
    assert_eq!(seed("1").0, first, "the contents of before are the data of before");
    assert_eq!(seeds(), serde_json::json!([{ "n": 1, "stale": 0 }, { "n": 2, "stale": 1 }]));
    assert!(check().out().contains("note: 2 finished runs read other contents"), "{}", check().out());
}

/// All files below a folder.
fn walk(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path.display().to_string()] })
        .collect()
}

#[test]
fn a_published_backbone_embeds_any_folder() {
    let place = Place::new();
    place.cells();
    let mut params = Params::new(Seed(1));
    Extractor::plain(ConvNextSize::Mini, 3, &mut params);
    files::save(&place.path("weights.safetensors"), &params, None, |_| true).unwrap();
    let words = ["embed", "--model", "convnext_mini", "--data", "cells", "--out", "features"];
    let with = |more: &[&str]| place.say(&[&words[..], more].concat());
    let native = ["--weights", "weights.safetensors"];
    let small = "0.png has 16 × 16 pixels; at its own size an image needs at least 32 × 32";
    with(&native).complains(small, "enlarge the images");
    let weights = [&native[..], &["--size", "32"]].concat();
    let told = with(&[&weights[..], &["--json"]].concat()).expect(0).json();
    // Mini has 256 features per channel.
    assert_eq!(
        (&told["sets"]["Yeast"]["rows"], &told["sets"]["Yeast"]["width"]),
        (&IMAGES.into(), &512.into())
    );
    let read = |set: &str| {
        let path = place.path("features").join(set).join("features.npy");
        Tensor::read_npy(path).unwrap().to_vec2::<f32>().unwrap()
    };
    let one_by_one = read("Pancreas");
    assert_eq!(one_by_one[0].len(), 5 * 256);
    with(&[&weights[..], &["--batch", "1", "--threads", "1"]].concat()).expect(0);
    assert_eq!(read("Pancreas"), one_by_one, "neither batches nor threads change a bit");
    with(&[&native[..], &["--size", "64"]].concat()).expect(0);
    assert_ne!(read("Pancreas"), one_by_one);
    with(&[&weights[..], &["--format", "parquet"]].concat()).expect(0);
    assert!(place.path("features/Yeast/features.parquet").is_file());
    fs::write(place.path("taken"), "").unwrap();
    let out = |out: &str| place.say(&[&words[..5], &weights[..], &["--out", out]].concat());
    out("taken/x").complains("taken is a file, and", "`--out` is a folder");
    fs::create_dir_all(place.path("other/Yeast/features.npy")).unwrap();
    out("other").complains("other/Yeast/features.npy is a folder, and", "`--out` is a folder");
    with(&["--weights", "nowhere"]).complains("weights `convnext_mini.fb_in22k` not found", "download");
    place
        .say(&["embed", "--model", "convnext_tinny", "--data", "cells", "--out", "x"])
        .complains("there is no model `convnext_tinny`", "did you mean `convnext_tiny`?");
    place
        .say(&["embed", "--weights", "weights.safetensors", "--data", "cells", "--out", "x"])
        .complains("weights.safetensors does not name its model", "for a published file");
    place
        .say(&[
            "embed",
            "--model",
            "convnext_atto",
            "--weights",
            "weights.safetensors",
            "--data",
            "cells",
            "--out",
            "x",
        ])
        .complains("weights.safetensors does not fit this model", "check that the file belongs");
}

#[test]
fn networks_off_the_shelf_embed_any_folder() {
    let place = Place::new();
    place.cells();
    let adapter = Adapter::ChannelReplication(ChannelReplication { view: View::Native });
    let backbones: [Backbone; 2] =
        [ResNet { size: ResNetSize::R18 }.into(), DinoV2 { size: DinoV2Size::SmallReg }.into()];
    for (backbone, features) in backbones.into_iter().zip([512u64, 384]) {
        let name = files::name(&backbone);
        // The usual place of published files.
        let path = place.path(&format!("{}.safetensors", files::published(&backbone)));
        let mut params = Params::new(Seed(1));
        let model = Model { weights: backbone.published(), backbone, adapter: adapter.clone() };
        Extractor::new(&model, &[], &[], &mut params);
        files::save(&path, &params, None, |_| true).unwrap();
        let words = ["embed", "--model", &name, "--weights", ".", "--data", "cells", "--out", &name];
        let words = [&words[..], &["--set", "Yeast", "--json"]].concat();
        let read = || {
            let path = place.path(&name).join("Yeast/features.npy");
            Tensor::read_npy(path).unwrap().to_vec2::<f32>().unwrap()
        };
        let small = [&words[..], &["--size", "32"]].concat();
        let told = place.say(&small).expect(0).json();
        assert_eq!(told["sets"]["Yeast"]["width"], 2 * features, "{name}");
        let together = read();
        place.say(&[&small[..], &["--batch", "1", "--threads", "1"]].concat()).expect(0);
        assert_eq!(read(), together, "{name}: neither batches nor threads change a bit");
        if name.starts_with("dinov2") {
            // 16 px at native size: two patches of 14 along each side.
            place.say(&words).expect(0);
            assert_ne!(read(), together);
        }
    }
    place
        .say(&["embed", "--model", "resnet50", "--weights", ".", "--data", "cells", "--out", "x"])
        .complains("weights `resnet50.tv_in1k` not found", "download");
    let other = "resnet18.tv_in1k.safetensors";
    place
        .say(&["embed", "--model", "dinov2_vits14_reg", "--weights", other, "--data", "cells", "--out", "x"])
        .complains(
            "resnet18.tv_in1k.safetensors does not fit this model: missing: ",
            "check that the file belongs",
        );
}

#[test]
fn a_published_transformer_reads_planes_or_channels() {
    let place = Place::new();
    place.cells();
    let adapter = Adapter::ChannelReplication(ChannelReplication { view: View::Native });
    let backbone = Backbone::from(Vit::plain(VitSize::Tiny));
    let mut params = Params::new(Seed(1));
    Extractor::new(&Model { weights: backbone.published(), backbone, adapter }, &[], &[], &mut params);
    params.add_constant(Published::new("head.weight", &[1000, 192]), 0.0);
    let file = "deit_tiny_patch16_224.fb_in1k.safetensors";
    files::save(&place.path(file), &params, None, |_| true).unwrap();
    let words =
        ["embed", "--model", "deit_tiny_patch16_224", "--weights", ".", "--data", "cells", "--out", "x"];
    let with = |more: &[&str]| place.say(&[&words[..], more].concat());
    let read = |set: &str| {
        let path = place.path("x").join(set).join("features.npy");
        Tensor::read_npy(path).unwrap().to_vec2::<f32>().unwrap()
    };
    let planes = ["--adapter", "planes", "--set", "Jurkat", "--size", "32"];
    let of = |more: &[&str]| {
        let said = with(&[&planes[..], more].concat()).expect(0);
        (read("Jurkat"), said.error())
    };
    let (class, said) = of(&[]);
    assert_eq!((class.len(), class[0].len()), (IMAGES, 192));
    assert!(
        said.contains("pixels: minus mean 0.485 0.456 0.406, divided by SD 0.229 0.224 0.225, as the"),
        "{said}"
    );
    let (mean, said) = of(&["--tokens", "mean", "--normalise", "imagenet", "--batch", "5", "--threads", "1"]);
    assert!(said.contains("as --normalise says"), "{said}");
    let (both, _) = of(&["--tokens", "cls+mean"]);
    for ((both, class), mean) in both.iter().zip(&class).zip(&mean) {
        assert_eq!(*both, [&class[..], mean].concat(), "the class token, then the mean");
    }
    let (last, _) = of(&["--tokens", "cls+mean", "--last-blocks", "3"]);
    let (tenth, _) = of(&["--block", "10"]);
    assert_eq!((last[0].len(), &last[0][192..384], &last[0][384..768]), (768, &tenth[0][..], &both[0][..]));
    let (crop, _) = of(&["--normalise", "crop"]);
    assert_ne!(crop, class);

    // Channels for themselves, in order; at their own size.
    let (out, said) = {
        let said = with(&["--set", "Jurkat", "--tokens", "cls+mean"]).expect(0);
        (read("Jurkat"), said.error())
    };
    assert_eq!(out[0].len(), 3 * 2 * 192);
    assert!(said.contains("pixels: values from 0 to 1, no mean and SD, as channel replication"), "{said}");

    fs::remove_dir_all(place.path("x")).unwrap();
    with(&["--adapter", "planes"]).complains(
        "expected 3 channels in set `Yeast` for the 3 planes of ",
        "select sets with `--set NAME`, or say --adapter channel-replication",
    );
    assert!(!place.path("x").exists(), "nothing is begun");
    with(&["--last-blocks", "13"])
        .complains("--last-blocks: expected 1 to 12 last blocks, found 13", "DINOv2's probes read 1 or 4");
    with(&["--block", "12"])
        .complains("--block: expected a block from 0 to 11, found 12", "blocks are counted from 0");
    place
        .say(&["embed", "--model", "deit_smal_patch16_224", "--data", "cells", "--out", "x"])
        .complains("there is no model `deit_smal_patch16_224`", "did you mean `deit_small_patch16_224`?");
    place
        .say(&[
            "embed",
            "--model",
            "deit_small_patch16_224",
            "--weights",
            ".",
            "--data",
            "cells",
            "--out",
            "x",
        ])
        .complains("weights `deit_small_patch16_224.fb_in1k` not found", "download");
    let other =
        ["embed", "--model", "deit_small_patch16_224", "--weights", file, "--data", "cells", "--out", "x"];
    let error = format!("{file} does not fit this model: misshapen: ");
    place.say(&other).complains(&error, "check that the file belongs");
    place
        .say(&["embed", "--model", "convnext_tiny", "--tokens", "mean", "--data", "cells", "--out", "x"])
        .complains("expected a published transformer for `--tokens`", "say it with --model");
}

/// Every build reads, checks and plans a spec that names a network of the zoo. A build without the zoo
/// refuses it before anything is computed; another one computes it.
#[test]
fn networks_of_the_zoo_are_computed_or_refused_first() {
    let place = Place::new();
    let cells = format!("mini_real={}", place.cells().display());
    let backbone = Backbone::from(OffTheShelf { model: NetworkModel::MobileNetV4Small });
    let name = files::name(&backbone);
    let adapter = Adapter::ChannelReplication(ChannelReplication { view: View::Native });
    let model = Model { weights: backbone.published(), backbone, adapter };

    let mut shown = place.say(&["show", "real_cells", "--data", &cells, "--json"]).expect(0).json();
    let experiments = shown["experiments"].as_array_mut().unwrap();
    experiments.truncate(1);
    let config = &mut experiments[0]["config"];
    config["model"] = serde_json::to_value(&model).unwrap();
    config["train"]["stages"] = Value::Array(vec![]);
    fs::write(place.path("zoo.json"), shown.to_string()).unwrap();
    let run = ["exp", "--spec", "zoo.json", "--scale", "paper", "--seed", "1", "--data", &cells];
    let run = [&run[..], &["--weights", ".", "--json"]].concat();
    let embed = ["embed", "--model", &name, "--weights", ".", "--data", "cells", "--out", "x", "--json"];
    if !cfg!(feature = "zoo") {
        let refusal = "this program was built without `mobilenetv4_conv_small`";
        for words in [&run[..], &[&run[..], &["--dry"]].concat(), &embed] {
            let said = place.say(words).expect(1).error();
            assert!(said.contains(refusal) && said.contains("--features zoo"), "{said}");
        }
        assert!(!place.path("dichroic.sqlite").exists() && !place.path("x").exists());
        return;
    }
    place.say(&run).complains("weights `mobilenetv4_conv_small.e2400_r224_in1k` not found", "download");
    let mut params = Params::new(Seed(1));
    Extractor::new(&model, &[], &[], &mut params);
    // A published file also has a classifier.
    params.add_constant(Published::new("classifier.bias", &[1000]), 0.0);
    let file = place.path(&format!("{}.safetensors", files::published(&model.backbone)));
    files::save(&file, &params, None, |_| true).unwrap();
    let told = place.say(&embed).expect(0).json();
    assert_eq!(told["sets"]["Yeast"]["width"], 2 * 1280);
    let done = place.say(&run).expect(0).json();
    assert_eq!(done["runs"][0]["status"], "done");
}

#[test]
fn anybodys_features_are_scored_without_images() {
    let place = Place::new();
    let cells = place.cells();
    let features = place.path("features");
    for (set, _, _) in SETS {
        fs::create_dir_all(features.join(set)).unwrap();
        for image in 0..IMAGES {
            fs::remove_file(cells.join(set).join(format!("{image}.png"))).unwrap();
        }
        write_features(&features.join(set), |image| [1.0, (image % 2) as f32]);
    }
    let words = ["score", "--features", "features", "--data", "cells"];
    let scores = place.say(&[&words[..], &["--metric", "l2", "--json"]].concat()).expect(0).json();
    assert_eq!((&scores["metric"], &scores["cps"]), (&"l2".into(), &Value::Null));
    let task = &scores["tasks"]["Jurkat/Task_one"];
    assert_eq!((&task["accuracy"], &task["f1_macro"]), (&1.0.into(), &1.0.into()));
    assert_eq!(task["per_class"]["dim"]["support"], 4);

    // Others may answer, several at once; each has a document of its own.
    let all = ["--protocol", "knn", "--protocol", "linear", "--k", "3", "--absent-classes", "zero", "--json"];
    let all = place.say(&[&words[..], &all].concat()).expect(0).json();
    for name in ["knn_3", "linear_probe"] {
        let task = &all["protocols"][name]["tasks"]["Jurkat/Task_one"];
        assert_eq!((&task["accuracy"], &task["f1_macro"]), (&1.0.into(), &1.0.into()), "{name}");
        assert_eq!(all["protocols"][name]["protocol"], name);
    }
    place
        .say(&[&words[..], &["--protocol", "knn", "--temperature", "0"]].concat())
        .complains("--temperature: expected a number above 0, found 0", "DINO and DINOv2: 0.07");

    write_features(&features.join("Yeast"), |image| if image == 5 { [0.0, f32::NAN] } else { [1.0, 0.0] });
    place
        .say(&words)
        .complains("features/Yeast/features.npy: row 5, column 1", "features are in the order of the table");
    write_features(&features.join("Yeast"), |image| if image == 5 { [0.0, 0.0] } else { [1.0, 0.0] });
    place.say(&words).complains("features/Yeast/features.npy: row 5", "");
    let short = Tensor::zeros((3, 2), candle_core::DType::F32, &Device::Cpu).unwrap();
    short.write_npy(features.join("Yeast/features.npy")).unwrap();
    let said = place.say(&words).expect(1);
    assert!(said.error().contains("expected 24 rows, one for each row of"), "{}", said.error());
}

fn write_features(folder: &Path, row: impl Fn(usize) -> [f32; 2]) {
    let values: Vec<f32> = (0..IMAGES).flat_map(row).collect();
    let tensor = Tensor::from_vec(values, (IMAGES, 2), &Device::Cpu).unwrap();
    tensor.write_npy(folder.join("features.npy")).unwrap();
}

#[test]
fn a_closed_pipe_is_a_normal_end() {
    let place = Place::new();
    for words in [&["list"][..], &["doctor"], &["show", "hypernet_tps"], &["--help"]] {
        let mut child = place.command(words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let said = Said(child.wait_with_output().unwrap()).expect(0);
        assert_eq!(said.error(), "", "{words:?}");
    }
}

#[test]
fn export_writes_numbers_for_other_programs() {
    let place = Place::new();
    let cells = place.cells();
    let words = ["--set", "train.epochs=1", "--json"];
    let uid = place.run(&cells, &words).expect(0).json()["runs"][0]["run"].as_str().unwrap().to_owned();
    let export = |format: &str, more: &[&str]| {
        let words = ["export", format, "--out", "numbers"];
        place.say(&words.into_iter().chain(more.iter().copied()).collect::<Vec<_>>())
    };
    let rows = |view: &str| {
        let question = format!("SELECT count(*) AS n FROM {view}");
        place.say(&["sql", &question, "--format", "json"]).expect(0).json()[0]["n"].as_u64().unwrap()
    };
    let counts = [("runs", "v_runs"), ("scores", "v_results"), ("floors", "v_floors"), ("curves", "v_curve")]
        .map(|(table, view)| (table, rows(view)));
    for format in ["csv", "parquet"] {
        let said = export(format, &["--exp", "real*", "--run", &uid[..6]]).expect(0);
        for (table, count) in counts {
            let line = format!("numbers/{table}.{format}: {count} row");
            assert!(count > 0 && said.out().contains(&line), "{line}: {}", said.out());
        }
        assert!(said.error().contains("curves: 1 run in "), "{}", said.error());
    }
    let mut csv = csv::Reader::from_path(place.path("numbers/scores.csv")).unwrap();
    let header = csv.headers().unwrap().clone();
    assert_eq!(header.get(0), Some("uid"));
    assert!(csv.records().all(|record| record.unwrap().get(0) == Some(&uid)));
    export("json", &[]).expect(0);
    let text = fs::read_to_string(place.path("numbers/dichroic.json")).unwrap();
    let all: Value = serde_json::from_str(&text).unwrap();
    for (table, count) in counts {
        assert_eq!(all[table].as_array().map(|rows| rows.len() as u64), Some(count), "{table}");
    }
    let board = export("tensorboard", &["--quiet"]).expect(0);
    assert_eq!((board.out(), board.error()), ("numbers: 1 run\n".into(), String::new()));
    let events = format!("numbers/real_cells/seed-001-{}/events.out.tfevents.0000000000.dichroic", &uid[..8]);
    assert!(place.path(&events).is_file());
    assert_eq!(export("mlflow", &[]).expect(0).out(), "numbers/mlruns: 1 run\n");

    export("csv", &["--exp", "real_cell"])
        .complains("the store has no run of an experiment `real_cell`", "`dichroic runs` lists");
    place
        .say(&["export", "csv", "--out", "cells/dataset.toml"])
        .complains("expected a folder to write to, found the file cells/dataset.toml", "name a folder");
    for words in [
        &["export"][..],
        &["export", "csv"],
        &["export", "xlsx", "--out", "x"],
        &["export", "--run", &uid, "--out", "x"],
        &["export", "--run", &uid, "csv", "--out", "x"],
    ] {
        place.say(words).expect(2);
    }
}

#[test]
fn the_store_is_made_by_any_number_of_processes_at_once() {
    let place = Place::new();
    let made: Vec<_> = (0..4)
        .map(|_| {
            place
                .command(&["db", "init", "--store", "a/b.db"])
                .stderr(Stdio::piped())
                .stdout(Stdio::null())
                .spawn()
                .unwrap()
        })
        .collect();
    for child in made {
        Said(child.wait_with_output().unwrap()).expect(0);
    }
    assert!(place.path("a/b.db").is_file());
}
