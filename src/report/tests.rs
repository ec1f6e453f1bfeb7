//! Reports from a real store: what is where, what must not be combined, and that the bytes are reproducible.

use super::*;
use crate::dsl::{
    ChannelReplication, Crop, DenseSwa, Depthwise, FixedChannels, Flip, ImageNet1k, Miro, OneNn, PROXY,
    Report, ResNet, SSL, Tps,
};
use crate::prelude::{Backbone, Chammi};
use crate::sample;
use crate::spec::quick::quick;
use crate::spec::recipe::Recipe;
use crate::spec::{Spec, Weights, id::SpecId};
use crate::store::{
    ArtifactRow, Claim, DataKind, DatasetRow, ExperimentRow, Floor, Outcome, Provenance, RunRow, Scale,
    ScoreRow, Store, WorkRow,
};

const TASKS: [(&str, &[&str]); 9] = [
    ("Allen/Task_one", &["M0", "M1M2", "M3", "M4M5", "M6M7_complete", "M6M7_single"]),
    ("Allen/Task_two", &["M0", "M1M2", "M3", "M4M5", "M6M7_complete", "M6M7_single"]),
    ("HPA/Task_one", &["golgi apparatus", "microtubules", "mitochondria", "nuclear speckles"]),
    ("HPA/Task_two", &["golgi apparatus", "microtubules", "mitochondria", "nuclear speckles"]),
    ("HPA/Task_three", &["cytosol", "endoplasmic reticulum", "nucleoplasm"]),
    ("CP/Task_one", &["BRD-A29260609", "BRD-K04185004", "BRD-K21680192", "DMSO"]),
    ("CP/Task_two", &["BRD-A29260609", "BRD-K04185004", "BRD-K21680192", "DMSO"]),
    ("CP/Task_three", &["BRD-A29260609", "BRD-K04185004", "BRD-K21680192", "DMSO"]),
    ("CP/Task_four", &["BRD-K11129031", "BRD-K62310379", "BRD-K77947974"]),
];

fn tps(recipe: Recipe, ssl: bool) -> Spec {
    let run = sample::hyper_net().augment(Crop + Flip + Tps::default());
    match ssl {
        true => sample::spec(run.loss(0.2 * SSL + 0.8 * PROXY), recipe),
        false => sample::spec(run.loss(PROXY), recipe),
    }
}

/// Scores that depend on the place of task and class only, raised by `lift`.
fn scores(lift: f64) -> Vec<ScoreRow> {
    let mut rows = Vec::new();
    let mut push = |task: &str, class: &str, metric: &str, value: f64| {
        let [protocol, data, part] = ["one_nn_cosine", "chammi", ""].map(String::from);
        let [task, class, metric] = [task, class, metric].map(String::from);
        rows.push(ScoreRow {
            protocol,
            data,
            part,
            task,
            class,
            metric,
            value: value.clamp(0.0, 1.0),
            n: 90,
        });
    };
    for (place, (task, classes)) in TASKS.iter().enumerate() {
        let base = 0.8 - 0.08 * place as f64 + lift;
        push(task, "", "accuracy", base + 0.05);
        push(task, "", "f1_macro", base);
        for (class, name) in classes.iter().enumerate() {
            push(task, name, "f1", base + 0.06 * (class as f64 - 1.5));
        }
    }
    rows
}

struct Home {
    _folder: tempfile::TempDir,
    store: Store,
    /// Which files of features a run stores.
    leaves: std::cell::Cell<Leaves>,
}

#[derive(Clone, Copy, PartialEq)]
enum Leaves {
    Nothing,
    Features,
    FeaturesAndImages,
}

impl Home {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path().join("test.db")).unwrap();
        for kind in [DataKind::Real, DataKind::Simulated] {
            let world = if kind == DataKind::Real { "" } else { "quick" };
            let row = DatasetRow {
                name: "chammi".into(),
                fingerprint: kind.as_str().repeat(6),
                kind,
                world: world.into(),
                images: 900,
                info: serde_json::json!({}),
            };
            store.register_dataset(&row).unwrap();
        }
        Self { _folder: folder, store, leaves: Leaves::Nothing.into() }
    }

    fn run(
        &self,
        experiment: &str,
        spec: &Spec,
        seed: u64,
        kind: DataKind,
        scale: Scale,
        lift: f64,
    ) -> String {
        let id = SpecId::of(spec);
        let uid = format!("{}-{seed}-{}", id.as_str(), kind.as_str());
        let work = format!("score-{uid}");
        let row = RunRow {
            uid: uid.clone(),
            spec: id.as_str().into(),
            spec_json: serde_json::to_value(spec).unwrap(),
            seed,
            scale,
            data: vec![
                ("train".into(), kind.as_str().repeat(6)),
                ("evaluate".into(), kind.as_str().repeat(6)),
            ],
            experiment: ExperimentRow { name: experiment.into(), about: String::new(), file: String::new() },
            label: vec![],
            place: 0,
            works: vec![
                WorkRow {
                    uid: format!("embed-{uid}"),
                    kind: "embed".into(),
                    json: serde_json::json!({ "data": { "name": "chammi" }, "subset": 1500 }),
                    parents: vec![],
                },
                WorkRow {
                    uid: work.clone(),
                    kind: "score".into(),
                    json: serde_json::json!({ "features": "model", "data": { "name": "chammi" } }),
                    parents: vec![format!("embed-{uid}")],
                },
            ],
        };
        self.store.register_run(&row).unwrap();
        self.embed(&format!("embed-{uid}"));
        let Claim::Yours(attempt) = self.store.claim(&work, &Provenance::default()).unwrap() else {
            panic!("{work} is taken")
        };
        attempt.scores(&scores(lift)).unwrap();
        for (floor, below) in Floor::ALL.iter().zip([0.5, 0.45, 0.2, 0.15, 0.25]) {
            attempt.floors(*floor, &scores(lift * 0.1 - below)).unwrap();
        }
        attempt.finish(Outcome::Done).unwrap();
        uid
    }

    /// Sixty images of HPA with features in three clusters: 45 of Train and 15 that a task queries, five of a
    /// novel class.
    fn embed(&self, work: &str) {
        let Claim::Yours(attempt) = self.store.claim(work, &Provenance::default()).unwrap() else {
            panic!("{work} is taken")
        };
        let leaves = self.leaves.get();
        let mut stream = crate::seed::Seed(3).stream("heaps");
        let (mut features, mut images) = (Vec::new(), String::from("image,label,splits\n"));
        for row in 0..60 {
            let heap = row % 3;
            for part in 0..4 {
                let value = if part == heap { 1.0 } else { 0.0 } + 0.1 * stream.normal();
                features.extend((value as f32).to_le_bytes());
            }
            let split = if row < 45 { "Train" } else { "Task_one+Task_two" };
            let label =
                ["golgi apparatus", "microtubules", if row < 45 { "mitochondria" } else { "cytosol" }];
            images += &format!("HPA/{row}.png,{},{split}\n", label[heap]);
        }
        let note = |name: &str, kind: &str, bytes: &[u8]| {
            let folder = crate::store::work_folder(self.store.path(), work).unwrap();
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(folder.join(name), bytes).unwrap();
            let row = ArtifactRow {
                name: name.into(),
                kind: kind.into(),
                path: format!("work/{work}/{name}").into(),
                bytes: bytes.len() as u64,
                blake3: String::new(),
                step: None,
            };
            attempt.artifact(&row).unwrap();
        };
        if leaves != Leaves::Nothing {
            note("features-HPA.f32", "features", &features);
        }
        if leaves == Leaves::FeaturesAndImages {
            note("images-HPA.csv", "images", images.as_bytes());
        }
        attempt.finish(Outcome::Done).unwrap();
    }

    fn report(&self, declared: &[Declaration]) -> (String, String, Option<String>) {
        self.report_of("chammi_table4", declared)
    }

    fn report_of(&self, name: &str, declared: &[Declaration]) -> (String, String, Option<String>) {
        let out = tempfile::tempdir().unwrap();
        let files =
            render(&[wanted(name)], self.store.read().unwrap(), declared, out.path(), &formats()).unwrap();
        let read = |file: &str| std::fs::read_to_string(out.path().join(file)).ok();
        assert!(files.iter().all(|file| file.exists()));
        (read("report.md").unwrap(), read(&format!("{name}.csv")).unwrap(), read(&format!("{name}.svg")))
    }
}

/// A paper's report by the name that it has in `experiments/`.
fn wanted(name: &str) -> Wanted {
    let figure = name.strip_prefix("chammi_fig").map(|number| format!("figure{number}"));
    let published = figure.unwrap_or_else(|| name.trim_start_matches("chammi_").into());
    let report = Report::published("chammi", &published);
    report.check().unwrap();
    Wanted { name: name.into(), title: String::new(), report }
}

/// All formats that this build writes.
fn formats() -> Vec<Format> {
    Format::ALL.into_iter().filter(|format| format.is_built()).collect()
}

fn declared(experiment: &str, spec: &Spec) -> Declaration {
    Declaration { experiment: experiment.into(), spec: spec.clone() }
}

#[test]
fn an_empty_store_gives_thirty_holes_and_says_what_fills_them() {
    let (page, csv, svg) = Home::new().report(&[declared("hypernet_tps", &tps(Recipe::Fixed, true))]);
    assert_eq!(page.matches("declared by no experiment").count(), 29);
    assert_eq!(page.matches("`dichroic exp hypernet_tps`").count(), 1);
    assert_eq!(csv.lines().filter(|line| line.contains(",measured,")).count(), 330);
    assert_eq!(csv.lines().filter(|line| line.contains(",print,")).count(), 330);
    assert_eq!(svg, None);
}

#[test]
fn simulated_numbers_stand_apart_from_print_and_the_page_says_so() {
    let home = Home::new();
    let spec = quick(&tps(Recipe::Released, true));
    home.run("hypernet_tps", &spec, 1, DataKind::Simulated, Scale::Quick, 0.0);
    home.run("hypernet_tps", &spec, 2, DataKind::Simulated, Scale::Quick, 0.02);
    let (page, csv, svg) = home.report(&[declared("hypernet_tps", &tps(Recipe::Released, true))]);
    let title = page.lines().next().unwrap();
    assert!(
        title.starts_with("# CHAMMI, appendix, Table 4") && title.ends_with("on *simulated* data"),
        "{title}"
    );
    assert!(page.contains("not comparable: the data are simulated"));
    assert!(!page.contains("(published "), "no published value is next to a simulated one");
    let row = page.lines().find(|line| line.contains("TPS + 0.2 SSL | released | hypernet\\_tps")).unwrap();
    assert!(row.contains("| 2 |") && row.contains("0.730 ± 0.014"), "two seeds of W_Task2: {row}");
    assert!(page.contains("*untrained HyperNet*") && page.contains("*hand-made features*"));
    let with_difference = |line: &&str| line.split(',').rev().nth(1).is_some_and(|field| !field.is_empty());
    assert_eq!(csv.lines().skip(1).filter(with_difference).count(), 0);
    let svg = svg.unwrap();
    assert!(
        svg.contains("HyperNet, TPS + 0.2 SSL") && svg.contains("M6M7_complete") && svg.contains("WTC T1")
    );
    assert_eq!(home.report(&[]).2.unwrap(), svg, "the same bytes");
}

#[test]
fn real_data_at_full_scale_under_a_published_recipe_stand_beside_print() {
    let home = Home::new();
    home.run("released", &tps(Recipe::Released, true), 1, DataKind::Real, Scale::Paper, 0.0);
    home.run("paper", &tps(Recipe::Paper, false), 1, DataKind::Real, Scale::Paper, -0.02);
    home.run("ours", &tps(Recipe::Fixed, true), 1, DataKind::Real, Scale::Paper, 0.03);
    let (page, ..) = home.report(&[]);
    assert!(!page.lines().next().unwrap().contains("simulated"));
    let row = |name: &str| page.lines().find(|line| line.contains(&format!("| {name} |"))).unwrap();
    assert!(row("released").contains("(published 0.632, "), "{}", row("released"));
    assert!(row("paper").contains("(published "), "{}", row("paper"));
    assert!(!row("ours").contains("(published"), "{}", row("ours"));
    let reason = "not comparable: neither the released recipe nor the paper's: it departs from";
    assert!(row("ours").contains(reason) && page.matches(reason).count() == 1, "{}", row("ours"));
    assert!(row("ours").contains("**"), "the best of a column is bold");
}

#[test]
fn worlds_and_scales_are_tables_of_their_own() {
    let home = Home::new();
    home.run("a", &tps(Recipe::Fixed, false), 1, DataKind::Real, Scale::Paper, 0.0);
    home.run("a", &quick(&tps(Recipe::Fixed, false)), 1, DataKind::Simulated, Scale::Quick, 0.1);
    let (page, ..) = home.report(&[declared("b", &tps(Recipe::Fixed, true))]);
    let headings: Vec<&str> = page.lines().filter(|line| line.starts_with("## ")).collect();
    assert_eq!(headings.len(), 3, "{headings:?}");
    assert!(
        headings[0].contains("real cells, scale paper")
            && headings[1].contains("*simulated* cells (world quick)")
    );
    assert!(page.contains("`dichroic exp b --data chammi=PATH`") && page.contains("`dichroic exp b`"));
}

#[test]
fn the_terminal_shows_nine_tasks_floors_and_the_overall_score() {
    let home = Home::new();
    let spec = quick(&tps(Recipe::Fixed, true));
    let run = home.run("hypernet_tps", &spec, 1, DataKind::Simulated, Scale::Quick, 0.0);
    let text = terminal_table(home.store.read().unwrap(), &[("hypernet_tps", &run)], None).unwrap();
    for (task, _) in TASKS {
        assert!(text.contains(task), "{task} is missing in\n{text}");
    }
    for word in ["cps", "W_Task1", "untrained", "0.632 overall", "simulated", "one seed"] {
        assert!(text.contains(word), "{word} is missing in\n{text}");
    }
    let head = text.lines().find(|line| line.contains("published")).unwrap();
    let heads: Vec<&str> = head.split_whitespace().skip(4).collect();
    assert_eq!(heads, ["constant", "prior", "hand-made", "standardised", "untrained"]);
    let narrow = terminal_table(home.store.read().unwrap(), &[("hypernet_tps", &run)], Some(100)).unwrap();
    assert!(narrow.lines().skip(1).all(|line| line.chars().count() <= 100), "{narrow}");
    assert_eq!(narrow.lines().count(), text.lines().count(), "no cell is wrapped: {narrow}");
    assert_eq!(
        terminal_table(home.store.read().unwrap(), &[("hypernet_tps", &run), ("hypernet_tps", &run)], None)
            .unwrap(),
        text,
        "one run is one seed"
    );
    let none = terminal_table(home.store.read().unwrap(), &[("a", "nobody")], None);
    assert!(matches!(none, Err(Error::NoScores { .. })));
}

#[test]
fn a_shared_run_is_headed_by_the_experiment_that_was_asked_for() {
    let home = Home::new();
    let spec = quick(&tps(Recipe::Fixed, true));
    let run = home.run("aaa", &spec, 1, DataKind::Simulated, Scale::Quick, 0.0);
    let text = |asked: &[(&str, &str)]| terminal_table(home.store.read().unwrap(), asked, None).unwrap();
    assert!(text(&[("zzz", &run)]).starts_with("zzz: "));
    assert!(text(&[("aaa", &run)]).starts_with("aaa: "));
    let both = text(&[("zzz", &run), ("aaa", &run)]);
    assert!(both.starts_with("zzz, aaa: ") && both.matches("one seed").count() == 1, "{both}");
}

/// The plain run of HyperNet on CHAMMI.
fn tuned(recipe: Recipe) -> Spec {
    sample::spec(sample::plain(), recipe)
}

/// The same from random weights.
fn from_scratch() -> Spec {
    let mut spec = tuned(Recipe::Released);
    spec.model.weights = Weights::Scratch;
    spec
}

/// The published baseline.
fn off_the_shelf() -> Spec {
    sample::spec(sample::off_the_shelf(), Recipe::Released)
}

#[test]
fn tables_2_and_3_take_weights_and_strategies_for_conditions() {
    let home = Home::new();
    home.run("tuned", &tuned(Recipe::Released), 1, DataKind::Real, Scale::Paper, 0.0);
    home.run("scratch", &from_scratch(), 1, DataKind::Real, Scale::Paper, -0.1);
    home.run(
        "miro",
        &sample::spec(sample::plain().strategy(Miro { lambda: 0.01 }), Recipe::Released),
        1,
        DataKind::Real,
        Scale::Paper,
        0.01,
    );
    let (page, csv, _) = home.report_of("chammi_table2", &[]);
    let row = |page: &str, name: &str| {
        let found = page.lines().find(|line| line.contains(&format!("| {name} |")));
        found.unwrap_or_else(|| panic!("no {name} in\n{page}")).to_owned()
    };
    assert!(row(&page, "tuned").contains("fine-tuned, as in Tables 3 and 4"), "{}", row(&page, "tuned"));
    assert!(row(&page, "tuned").contains("(published 0.616, "), "{}", row(&page, "tuned"));
    assert!(row(&page, "scratch").contains("(published 0.537, "), "{}", row(&page, "scratch"));
    assert!(page.contains("the published row mixes two runs") && !page.contains("| miro |"));
    let shelf = ResNet::r18().pretrained(ImageNet1k).adapter(ChannelReplication).train_on(Chammi).frozen();
    let shelf = shelf.evaluate(OneNn::cosine().on(Chammi));
    home.run("shelf", &sample::spec(shelf, Recipe::Released), 1, DataKind::Real, Scale::Paper, -0.2);
    let (page, ..) = home.report_of("chammi_table2", &[]);
    assert!(!page.contains("| shelf |") && page.contains("2 more runs have scores"), "{page}");
    assert!(page.contains("untrained ResNet-18"), "{page}");
    assert_eq!(csv.lines().filter(|line| line.contains(",print,")).count(), 14 * 14);
    let (page, ..) = home.report_of("chammi_table3", &[]);
    assert!(
        row(&page, "miro").contains("fine-tuned + MIRO | released")
            && row(&page, "miro").contains("(published ")
    );
    assert_eq!(page.matches("declared by no experiment").count(), 16);
}

#[test]
fn table_1_counts_what_models_cost() {
    let home = Home::new();
    let fixed = sample::spec(sample::on_chammi(FixedChannels).loss(PROXY), Recipe::Released);
    home.run("fixed", &fixed, 1, DataKind::Real, Scale::Paper, 0.0);
    home.run("off", &off_the_shelf(), 1, DataKind::Real, Scale::Paper, -0.2);
    home.run("hypernet", &tps(Recipe::Fixed, true), 1, DataKind::Real, Scale::Paper, 0.0);
    let (page, ..) = home.report_of("chammi_table1", &[]);
    let row =
        |name: &str| page.lines().find(|line| line.starts_with(&format!("| {name}"))).unwrap().to_owned();
    assert!(row("ChannelReplication").contains("released = paper = fixed | 27.819 | 4.0 |"), "{page}");
    assert!(row("FixedChannels").contains("| 83.471 | 1.0 |"), "{page}");
    assert!(row("HyperNet").starts_with("| HyperNet | fixed | 28.254 | 1.0 | · | · | · |"), "{page}");
    assert!(page.contains("| *HyperNet* | 28.290 | 1.0 | 0.537 | 0.616 | 0.630 | 0.632 |"), "{page}");
}

#[test]
fn figures_without_runs_are_not_drawn_and_say_what_would_fill_them() {
    let known = [("off", off_the_shelf()), ("carried", carried("CP")), ("fixed", fixed())];
    let known = known.map(|(name, spec)| declared(name, &spec));
    let figures = [
        ("chammi_fig5", "off"),
        ("chammi_fig10", "off"),
        ("chammi_fig6", "carried"),
        ("chammi_fig6a", "fixed"),
        ("chammi_fig9", "off"),
    ];
    for (name, experiment) in figures {
        let (page, csv, svg) = Home::new().report_of(name, &known);
        assert_eq!(svg, None, "{name}");
        assert!(page.contains(&format!("`dichroic exp {experiment}`")), "{name}: {page}");
        assert!(page.contains("declared by no experiment"), "{name}");
        assert!(!csv.lines().any(|line| line.contains(",measured,") && line.contains("0.")), "{name}: {csv}");
    }
}

#[test]
fn radar_and_heatmap_show_fine_tuned_models_beside_the_one_off_the_shelf() {
    let home = Home::new();
    let simulated = |name: &str, spec: Spec, lift| {
        home.run(name, &quick(&spec), 1, DataKind::Simulated, Scale::Quick, lift);
    };
    simulated("off", off_the_shelf(), -0.3);
    simulated("tuned", tuned(Recipe::Released), 0.0);
    simulated("scratch", from_scratch(), -0.1);
    let (page, _, radar) = home.report_of("chammi_fig5", &[]);
    let radar = radar.unwrap();
    // One measured polygon has six corners in the radar of the recipe, and so does the one off the shelf;
    // seven models are published.
    let (rings, corners) = (2 * 5, (2 + 7) * 6);
    assert_eq!(radar.matches("<circle").count(), rings + corners);
    for text in ["fine-tuned, released", "published, not comparable", "HPA T3", "scale quick"] {
        assert!(radar.contains(text), "{text}");
    }
    assert!(!page.contains("scratch") && !page.contains("(published "), "{page}");
    let (page, csv, heatmap) = home.report_of("chammi_fig10", &[]);
    let heatmap = heatmap.unwrap();
    assert!(
        heatmap.contains("HyperNet, fine-tuned") && heatmap.contains("ChannelReplication, off the shelf")
    );
    assert!(!heatmap.contains("from scratch") && heatmap.contains("untrained HyperNet"));
    assert!(page.contains("| WTC T1 M0 |") && page.contains("F1 of each class"));
    let line =
        csv.lines().find(|line| line.contains(",tuned,") && line.contains("CP/Task_four/BRD-K77947974"));
    assert!(line.unwrap().contains(",measured,"), "{line:?}");
}

/// FixedChannels, fine-tuned, as in Table 3.
fn fixed() -> Spec {
    sample::spec(sample::on_chammi(FixedChannels).loss(PROXY), Recipe::Released)
}

#[test]
fn figure_6a_has_a_bar_for_each_strategy_beside_the_published_ones() {
    let home = Home::new();
    home.run("plain", &fixed(), 1, DataKind::Real, Scale::Paper, 0.0);
    let swad = sample::on_chammi(FixedChannels).loss(PROXY).strategy(DenseSwa { start_epoch: 5 });
    let swad = sample::spec(swad, Recipe::Released);
    home.run("averaged", &swad, 1, DataKind::Real, Scale::Paper, 0.05);
    let (page, _, svg) = home.report_of("chammi_fig6a", &[]);
    let svg = svg.unwrap();
    for text in
        ["FixedChannels", "TargetParam", "with SWAD", "with MIRO", "real cells, scale paper", "HPA T3"]
    {
        assert!(svg.contains(text), "{text}");
    }
    // Twelve groups of three bars in each panel; measured are two bars of one model, published are all.
    assert_eq!(svg.matches('·').count(), 2 * 6 * 3 - 2 * 6);
    assert!(svg.contains("published"));
    assert!(page.contains("FixedChannels") && page.contains("TargetParam"), "{page}");
}

/// What Figure 6 declares for a set left out.
fn carried(set: &str) -> Spec {
    use crate::spec::{Evaluate, chammi};
    let others: Vec<&str> = chammi::SETS.into_iter().filter(|other| *other != set).collect();
    let run = sample::on_chammi(Depthwise { kernels: 64 }).loss(PROXY);
    let mut spec = sample::spec(run, Recipe::Released);
    spec.train.data = chammi::selection(&others);
    let protocol = spec.evaluate[0].protocol.clone();
    spec.evaluate = vec![Evaluate { protocol, data: chammi::selection(&[set]) }];
    spec
}

#[test]
fn figure_6_measures_what_is_left_out_against_the_backbone_off_the_shelf() {
    let home = Home::new();
    home.run("off", &off_the_shelf(), 1, DataKind::Real, Scale::Paper, 0.0);
    home.run("carried", &carried("CP"), 1, DataKind::Real, Scale::Paper, 0.05);
    home.run("carried", &carried("CP"), 2, DataKind::Real, Scale::Paper, 0.07);
    let (page, csv, svg) = home.report_of("chammi_fig6", &[]);
    let svg = svg.unwrap();
    assert!(svg.contains("CP left out") && svg.contains("real cells, scale paper"));
    // Nine tasks of the baseline, four of the set left out; three short lines for each of the four.
    let value = |task: &str, row: &str| -> f64 {
        let line = csv.lines().find(|line| line.contains(&format!(",{row},{task},"))).unwrap();
        line.split(',').nth_back(6).unwrap().parse().unwrap()
    };
    let mean = |lift: f64| {
        let rows = scores(lift);
        rows.iter().find(|row| row.task == "CP/Task_two" && row.metric == "f1_macro").unwrap().value
    };
    let expected = (mean(0.05) + mean(0.07)) / 2.0 / mean(0.0) - 1.0;
    assert!((value("CP/Task_two", "derived") - expected).abs() < 1e-12);
    assert!(svg.contains(&format!("{:+.0}%", expected * 100.0)));
    assert_eq!(
        page.matches("up to 11 % better on WTC").count(),
        3,
        "the statement of the paper is below each table"
    );
    assert_eq!(page.matches("| Depthwise | WTC + HPA |").count(), 1);
    assert_eq!(page.matches("declared by no experiment").count(), 2, "two sets were never left out");
}

#[test]
fn figure_9_draws_kept_features_and_says_which_it_cannot_draw() {
    let home = Home::new();
    let tuned = tuned(Recipe::Fixed);
    let run = |name: &str, spec: &Spec| {
        home.run(name, &quick(spec), 1, DataKind::Simulated, Scale::Quick, 0.0);
    };
    // An older version stored no images.
    home.leaves.set(Leaves::Features);
    run("off", &off_the_shelf());
    let (page, _, svg) = home.report_of("chammi_fig9", &[]);
    assert!(svg.is_none() && page.contains("an older version stored these features"), "{page}");
    // A newer one stores the images of the rows, for both.
    home.leaves.set(Leaves::FeaturesAndImages);
    run("tuned", &tuned);
    let (page, csv, svg) = home.report_of("chammi_fig9", &[]);
    let svg = svg.unwrap();
    assert_eq!(svg.matches("<circle").count(), 2 * 60, "two models, every image once");
    for text in [
        "ChannelReplication",
        "fine-tuned, fixed",
        "off the shelf",
        "Train",
        "tasks",
        "cytosol",
        "scale quick",
    ] {
        assert!(svg.contains(text), "{text}");
    }
    assert!(page.contains("| HPA | 45 | 15 |"), "{page}");
    // Clusters that are far apart are separate in the plane too.
    let scores = |name: &str| -> Vec<f64> {
        let values = csv.lines().filter_map(|line| line.split_once(&format!(",{name},")));
        values.map(|(_, value)| value.split(',').next().unwrap().parse().unwrap()).collect()
    };
    assert_eq!((scores("five_nn_train"), scores("five_nn_tasks")), (vec![1.0; 2], vec![1.0; 2]));
    assert_eq!(home.report_of("chammi_fig9", &[]).2.unwrap(), svg, "the same bytes");
    // Features that no longer fit their rows are refused.
    let spec = quick(&tuned);
    let cut = crate::store::files(home.store.path())
        .join(format!("work/embed-{}-1-simulated/features-HPA.f32", SpecId::of(&spec).as_str()));
    std::fs::write(&cut, [0; 8]).unwrap();
    let (page, ..) = home.report_of("chammi_fig9", &[]);
    assert!(page.contains("expected 60 rows of features, found 8 bytes"), "{page}");
}

/// A report of any kind from a store: its page, its CSV file, its figure.
fn shown(home: &Home, report: Report) -> (String, String, Option<String>) {
    let out = tempfile::tempdir().unwrap();
    let wanted = Wanted { name: "own".into(), title: "Own cells".into(), report };
    render(&[wanted], home.store.read().unwrap(), &[], out.path(), &formats()).unwrap();
    let read = |file: &str| std::fs::read_to_string(out.path().join(file)).ok();
    (read("report.md").unwrap(), read("own.csv").unwrap(), read("own.svg"))
}

#[test]
fn any_experiment_has_a_table_of_its_systems() {
    let home = Home::new();
    let (one, other) = (tps(Recipe::Fixed, true), tps(Recipe::Fixed, false));
    for seed in 1..4 {
        home.run("mine", &one, seed, DataKind::Real, Scale::Paper, 0.01 * seed as f64);
    }
    home.run("mine", &other, 1, DataKind::Real, Scale::Paper, -0.1);
    let (page, csv, svg) = shown(&home, Report::systems("mine"));
    assert!(page.starts_with("# Own cells\n"), "{page}");
    let rows: Vec<&str> = page.lines().filter(|line| line.contains("| 3 |")).collect();
    assert_eq!(rows.len(), 1, "three seeds of one system, one of the other: {page}");
    assert!(rows[0].contains("| 3 | **") && page.contains("*hand-made features*"), "{page}");
    assert!(csv.lines().any(|line| line.contains(",mean,")), "{csv}");
    assert!(svg.unwrap().contains("mean macro-F1"));
    let (page, _, svg) = shown(&home, Report::systems("nobody's"));
    assert!(page.contains("`dichroic exp nobody's` would fill this.") && svg.is_none());
}

#[test]
fn any_question_is_a_table() {
    let home = Home::new();
    home.run("mine", &tps(Recipe::Fixed, true), 7, DataKind::Real, Scale::Paper, 0.0);
    let sql = "SELECT experiment, seed, 0.25 AS f1, 0.5 AS f1_std, 2 AS f1_n FROM v_runs";
    let (page, ..) = shown(&home, Report::query(sql));
    assert!(page.contains("| mine | 7 | 0.250 ± 0.500 |"), "{page}");
    let wanted = Wanted { name: "x".into(), title: String::new(), report: Report::query("SELECT nothing") };
    let wrong = render(&[wanted], home.store.read().unwrap(), &[], std::path::Path::new("."), &formats());
    assert!(matches!(wrong, Err(Error::Store(_))));
}

#[test]
fn html_and_latex_say_what_markdown_says() {
    let home = Home::new();
    home.run("<script>", &tps(Recipe::Released, true), 1, DataKind::Simulated, Scale::Quick, 0.0);
    let out = tempfile::tempdir().unwrap();
    render(&[wanted("chammi_table4")], home.store.read().unwrap(), &[], out.path(), &formats()).unwrap();
    let read = |file: &str| std::fs::read_to_string(out.path().join(file)).unwrap();
    let (html, latex) = (read("report.html"), read("chammi_table4.tex"));
    assert!(
        html.contains("simulated: all cells here are drawn by a program")
            && html.contains("quick: every run")
    );
    assert!(html.contains("&lt;script&gt;"), "a name is a name");
    let outside = ["src=\"http", "href=\"http", "url(http", "@import"];
    assert!(!outside.iter().any(|way| html.contains(way)), "no network");
    for part in ["<svg", "data-v=\"0.7", "colspan=\"3\"", "chammi"] {
        assert!(html.contains(part), "{part}");
    }
    for part in ["\\toprule", "\\cmidrule(lr)", "\\emph{simulated}", "0.72", "\\label{tab:chammi-table4-1}"] {
        assert!(latex.contains(part), "{part} in {latex}");
    }
    assert!(!latex.contains("<script>"), "published tables have no column for experiments");
}
