//! Declares experiment files as modules of the program.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The experiment files of a folder, by name.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("the folder of experiments, {}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.expect("a readable folder").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect();
    files.sort();
    files
}

/// One module per file, so that files can share items: `use super::chammi::*`.
pub(crate) fn declarations(files: &[PathBuf]) -> String {
    let declaration = |path: &PathBuf| {
        let stem = path.file_stem().and_then(|stem| stem.to_str()).expect("a file name in UTF-8");
        format!("#[path = {:?}]\nmod {};\n", path.display().to_string(), name(stem))
    };
    files.iter().map(declaration).collect()
}

/// A module name for any file name: `3-channels.rs` becomes `in_3_channels`.
fn name(stem: &str) -> String {
    let name = stem.to_lowercase().replace(|c: char| !c.is_alphanumeric(), "_");
    let reserved = ["self", "super", "crate", "_"].contains(&name.as_str());
    let begins_well = name.starts_with(|c: char| c.is_alphabetic() || c == '_');
    // `r#` allows a file named `type.rs`.
    let prefix = if begins_well && !reserved { "r#" } else { "in_" };
    format!("{prefix}{name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_file_name_becomes_a_module() {
        let found = ["hypernet_tps", "3-channels", "type", "self", "Größe"].map(name);
        assert_eq!(found, ["r#hypernet_tps", "in_3_channels", "r#type", "in_self", "r#größe"]);
    }
}
