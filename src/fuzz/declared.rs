//! What people declare: specs, tables of images, descriptions of data sets; and databases.

use super::Target;
use crate::{
    data::{Contents, DataSet, sample},
    event::Silence,
    sample as declared,
    spec::{self, recipe::Recipe},
    store::Store,
};
use std::{fs, path::Path};

/// Writes a data set of one set with two images.
fn two_images(root: &Path) {
    let set = sample::Set { name: "A", columns: "train_test_split", rows: &[("a", "Train"), ("b", "Train")] };
    drop(sample::folder(root, &[set], ""));
}

pub(super) fn spec(folder: &Path) -> Target {
    let specs = [
        declared::spec(declared::plain(), Recipe::Paper),
        declared::spec(declared::off_the_shelf(), Recipe::Fixed),
    ];
    let seeds = specs.iter().map(|spec| serde_json::to_vec(spec).expect("plain data")).collect();
    Target::new(seeds, folder.join("spec.json"), |path| {
        let Ok(json) = serde_json::from_slice(&fs::read(path).expect("it is there")) else { return false };
        spec::upgrade(json).is_ok_and(|spec| spec.check().is_empty())
    })
}

pub(super) fn table(folder: &Path) -> Target {
    two_images(folder);
    let (folder, path) = (folder.to_owned(), folder.join("A/enriched_meta.csv"));
    let seeds = vec![fs::read(&path).expect("it was written")];
    Target::new(seeds, path, move |_| DataSet::open_without_fingerprint("small", &folder).is_ok())
}

pub(super) fn description(folder: &Path) -> Target {
    two_images(folder);
    let (folder, path) = (folder.to_owned(), folder.join("dataset.toml"));
    let seeds = vec![fs::read(&path).expect("it was written")];
    Target::new(seeds, path, move |_| {
        DataSet::open("small", &folder, &Contents::not_kept(), &mut Silence).is_ok()
    })
}

/// A database, asked for everything that the command line shows first.
pub(super) fn store(folder: &Path) -> Target {
    let path = folder.join("whole.db");
    drop(Store::open(&path).expect("a store").close());
    let seeds = vec![fs::read(&path).expect("it was written")];
    Target::new(seeds, folder.join("changed.db"), |path| {
        let Ok(reader) = Store::open_read_only(path) else { return false };
        ["SELECT * FROM v_runs", "SELECT * FROM v_seeds", "SELECT * FROM v_paper", "SELECT * FROM work"]
            .iter()
            .all(|sql| reader.query(sql).is_ok())
            && reader.check(false).is_ok()
    })
}
