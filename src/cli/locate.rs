//! Finding data sets: where the person says, else, for those that can be simulated, a world that is made once.

use super::{
    failure::{Context, Failure, Result},
    options::{DataOption, variable},
    output,
    progress::Progress,
    simulate::{USUAL, Usual},
};
use crate::data::{Contents, DataSet, Kind, known};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// A data set by name, found or not.
pub(super) enum Place {
    /// It is here.
    Here(PathBuf),
    /// It would be simulated into this folder.
    Simulated(&'static Usual, PathBuf),
    /// No folder was given.
    Nowhere,
}

/// The folder of a data set. Simulated ones are kept next to the store, in `data/`.
pub(super) fn place(name: &str, option: &DataOption, store: &Path) -> Place {
    if let Some(path) = option.path(name) {
        return Place::Here(path);
    }
    let Some(usual) = USUAL.iter().find(|usual| usual.name == name) else { return Place::Nowhere };
    let root = store.parent().unwrap_or(Path::new("")).join("data").join((usual.folder)());
    if root.is_dir() { Place::Here(root) } else { Place::Simulated(usual, root) }
}

/// Opens these data sets; simulates those that can be where they are needed and there are no real data.
///
/// # Errors
/// If one is not found, or is invalid.
pub(super) fn open(
    names: &[String],
    option: &DataOption,
    store: &Path,
    progress: &mut Progress,
) -> Result<BTreeMap<String, DataSet>> {
    for stated in option.names().filter(|stated| !names.iter().any(|name| name == stated)) {
        progress.warn(&format!("`{stated}` is given and not used: this reads only {}", names.join(", ")));
    }
    let places: Vec<_> = names.iter().map(|name| (name, place(name, option, store))).collect();
    if let Some((name, _)) = places.iter().find(|(_, place)| matches!(place, Place::Nowhere)) {
        let hint = format!("give its folder with --data {name}=PATH, or set ${}", variable(name));
        let can: Vec<String> = USUAL.iter().map(|usual| format!("`{}`", usual.name)).collect();
        let can = can.join(" and ");
        return Err(
            Failure::new(format!("data set `{name}` not found (only {can} can be simulated)")).hint(hint)
        );
    }
    let mut data = BTreeMap::new();
    for (name, place) in places {
        let root = match place {
            Place::Here(root) => root,
            Place::Simulated(usual, root) => make(usual, root, progress)?,
            Place::Nowhere => continue,
        };
        let described = option.description(name);
        let set = DataSet::open_described(name, &root, described, &Contents::of_user(), progress)
            .at(format!("data set `{name}`"))?;
        set.warnings.iter().for_each(|warning| progress.warn(warning));
        data.insert(name.clone(), set);
    }
    Ok(data)
}

fn make(usual: &Usual, root: PathBuf, progress: &mut Progress) -> Result<PathBuf> {
    output::note(&format!(
        "No {} on this machine (--data {}=PATH or ${} gives its folder): simulating cells once, in {}",
        usual.title,
        usual.name,
        variable(usual.name),
        root.display()
    ));
    match (usual.make)(&root, progress) {
        // Another process was quicker.
        Err(_) if root.is_dir() => Ok(root),
        made => Ok(made.map(|()| root)?),
    }
}

/// Whether any of them is simulated.
pub(super) fn any_simulated(data: &BTreeMap<String, DataSet>, names: &[String]) -> bool {
    names.iter().filter_map(|name| data.get(name)).any(|set| set.kind == Kind::Simulated)
}

/// The name in the folder's description; a known data set needs none, any other folder keeps its own name.
pub(super) fn own_name(root: &Path) -> String {
    let text = std::fs::read_to_string(root.join("dataset.toml"));
    if let (Err(_), Some(known)) = (&text, known::name_of(root)) {
        return known.into();
    }
    let described = text.ok().and_then(|text| text.parse::<toml::Table>().ok());
    let stated = described.as_ref().and_then(|table| table.get("name")?.as_str().map(str::to_owned));
    let folder = || root.canonicalize().ok()?.file_name().map(|name| name.to_string_lossy().into_owned());
    stated.or_else(folder).unwrap_or_default()
}
