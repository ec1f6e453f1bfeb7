//! Pins the ids of everything that is declared here: specs and works, at both scales. A changed id orphans
//! stored results, so each change is visible in `tests/golden/identities.txt`; `UPDATE_IDENTITIES=1 cargo
//! test` rewrites it.

use dichroic::{
    data::DataSet,
    plan::{Plan, Work},
    registry,
    seed::Seed,
    spec::{Spec, id::SpecId, jump, quick::quick},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::Path,
};

#[test]
fn names_of_specs_and_works_move_only_where_that_is_meant() {
    let root = tempfile::tempdir().unwrap();
    let declared: Vec<(String, Spec)> = registry::entries()
        .unwrap()
        .into_iter()
        .flat_map(|entry| {
            let sentences = (entry.specs)().into_iter().enumerate();
            sentences.map(|(at, declared)| (format!("{} {}", entry.name, at + 1), declared.spec))
        })
        .collect();
    let data = folders(root.path(), declared.iter().map(|(_, spec)| spec));
    let lines: Vec<String> = declared
        .iter()
        .flat_map(|(name, spec)| {
            [
                format!("{name} paper {}", names(spec, &data)),
                format!("{name} quick {}", names(&quick(spec), &data)),
            ]
        })
        .collect();
    let found = lines.join("\n") + "\n";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden/identities.txt");
    if env::var_os("UPDATE_IDENTITIES").is_some() {
        fs::write(&path, &found).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    let moved =
        found.lines().zip(kept.lines().chain(std::iter::repeat(""))).find(|(found, kept)| found != kept);
    assert_eq!(
        moved,
        None,
        "found and kept; {} names now, {} kept",
        found.lines().count(),
        kept.lines().count()
    );
    assert_eq!(found.lines().count(), kept.lines().count());
}

/// The id of the spec, those of its trainings, and one digest for all dependent works.
fn names(spec: &Spec, data: &BTreeMap<String, DataSet>) -> String {
    let plan = Plan::of(spec, Seed(1), data).unwrap();
    let mut names = vec![SpecId::of(spec).to_string()];
    let mut rest = Vec::new();
    for step in &plan.steps {
        match step.work {
            Work::Pretrain { .. } | Work::Fit { .. } => {
                names.push(format!("{} {}", step.work.kind(), step.id));
            }
            Work::Embed { .. } | Work::Layers(_) | Work::Score { .. } => rest.push(step.id.to_string()),
        }
    }
    let digest = blake3::hash(rest.join(" ").as_bytes()).to_hex();
    names.push(format!("run {}, {} more {}", plan.run, rest.len(), &digest[..16]));
    names.join(" ")
}

/// Folders of three black images, of all sets that the specs name, with machine-independent fingerprints.
fn folders<'a>(root: &Path, specs: impl Iterator<Item = &'a Spec>) -> BTreeMap<String, DataSet> {
    let mut sets: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for spec in specs {
        let evaluated = spec.evaluate.iter().map(|evaluate| &evaluate.data);
        for data in [&spec.train.data].into_iter().chain(evaluated) {
            sets.entry(data.name.clone()).or_default().extend(data.sets.iter().cloned());
        }
    }
    sets.into_iter().map(|(name, sets)| (name.clone(), folder(&root.join(&name), &name, sets))).collect()
}

/// Of a screen.
const ROLES: &str = "roles = { plate = \"plate\", batch = \"batch\", well = \"well\", treatment = \"compound\", \
                     plate_split = \"split\" }\n";

/// The folder that `real_adapt.toml` describes, with an image of each of two labels on each plate.
fn cells(root: &Path, name: &str, sets: &BTreeSet<String>) -> DataSet {
    for set in sets {
        fs::create_dir_all(root.join(set)).unwrap();
        let mut table = "file_path,channel_width,Label,group\n".to_owned();
        for plate in ["E34", "G01", "J02", "field1", "field2", "field3", "field4"] {
            for label in ["one", "two"] {
                table += &format!("{plate}_{label}.png,4,{label},{plate}\n");
                black(&root.join(set).join(format!("{plate}_{label}.png")));
            }
        }
        fs::write(root.join(set).join("enriched_meta.csv"), table).unwrap();
    }
    fs::write(root.join("dataset.toml"), include_str!("../real_adapt.toml")).unwrap();
    opened(root, name)
}

fn folder(root: &Path, name: &str, sets: BTreeSet<String>) -> DataSet {
    if name == "cells" {
        return cells(root, name, &sets);
    }
    let sets = if sets.is_empty() { BTreeSet::from(["One".to_owned(), "Two".to_owned()]) } else { sets };
    let mut description = format!("name = \"{name}\"\n");
    for set in &sets {
        fs::create_dir_all(root.join(set)).unwrap();
        let table = "file_path,channel_width,Label,train_test_split,Task_one,plate,batch,well,compound,split\n\
                     a.png,4,one,Train,False,P1,B1,A1,C1,train\n\
                     b.png,4,two,Train,False,P2,B1,A2,C2,train\n\
                     c.png,4,one,Task_one,True,P3,B2,A1,C1,selection\n";
        fs::write(root.join(set).join("enriched_meta.csv"), table).unwrap();
        ["a", "b", "c"].iter().for_each(|image| black(&root.join(set).join(format!("{image}.png"))));
        let third = if name == jump::NAME { "mito" } else { "actin" };
        description += &format!("[sets.{set}]\nchannels = [\"dna\", \"er\", \"{third}\"]\n");
        if name == jump::NAME {
            description += ROLES;
        }
    }
    fs::write(root.join("dataset.toml"), description).unwrap();
    opened(root, name)
}

fn opened(root: &Path, name: &str) -> DataSet {
    let mut opened = DataSet::open_without_fingerprint(name, root).unwrap();
    opened.fingerprint = format!("the fingerprint of {name}");
    opened
}

fn black(path: &Path) {
    let mut encoder = png::Encoder::new(fs::File::create(path).unwrap(), 12, 4);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.write_header().unwrap().write_image_data(&[0; 48]).unwrap();
}
