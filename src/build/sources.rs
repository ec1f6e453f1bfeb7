//! A digest of the sources, computed by the build script and again when a run starts: if the two agree, the
//! diff of the working tree is the diff of the running program.

use std::{fs, io, path::Path};

/// The sources of a program, below the folder of its `Cargo.toml`.
pub(crate) const PARTS: [&str; 6] =
    ["Cargo.toml", "Cargo.lock", "src", "macros", "experiments", "migrations"];

/// 32 hexadecimal digits (FNV-1a, 128 bits) over the sorted paths and the contents of all parts; missing
/// parts are skipped.
///
/// # Errors
/// If a file or a folder cannot be read.
pub fn digest(root: &Path) -> io::Result<String> {
    let mut state = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d_u128;
    for part in PARTS {
        if root.join(part).exists() {
            add(&mut state, root, part)?;
        }
    }
    Ok(format!("{state:032x}"))
}

/// Names are joined with `/` everywhere, so that the digest is the same on all systems.
fn add(state: &mut u128, root: &Path, name: &str) -> io::Result<()> {
    let path = root.join(name);
    if !path.is_dir() {
        let contents = fs::read(&path)?;
        eat(state, name.as_bytes());
        eat(state, &(contents.len() as u64).to_le_bytes());
        eat(state, &contents);
        return Ok(());
    }
    let names: io::Result<Vec<_>> = fs::read_dir(&path)?.map(|entry| Ok(entry?.file_name())).collect();
    let mut names = names?;
    names.sort();
    for below in names.iter().filter_map(|name| name.to_str()).filter(|below| !below.starts_with('.')) {
        add(state, root, &format!("{name}/{below}"))?;
    }
    Ok(())
}

fn eat(state: &mut u128, bytes: &[u8]) {
    for &byte in bytes {
        *state = (*state ^ u128::from(byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_sees_names_contents_and_additions_only() -> io::Result<()> {
        let root = std::env::temp_dir().join(format!("dichroic-sources-{}", std::process::id()));
        fs::create_dir_all(root.join("src/dsl"))?;
        fs::write(root.join("src/dsl/a.rs"), "one")?;
        let first = digest(&root)?;
        fs::write(root.join("README.md"), "not a source")?;
        assert_eq!(digest(&root)?, first);
        fs::write(root.join("src/dsl/a.rs"), "two")?;
        let changed = digest(&root)?;
        fs::rename(root.join("src/dsl/a.rs"), root.join("src/dsl/b.rs"))?;
        let renamed = digest(&root)?;
        fs::write(root.join("Cargo.toml"), "")?;
        let added = digest(&root)?;
        fs::remove_dir_all(&root)?;
        assert!(first != changed && changed != renamed && renamed != added);
        Ok(())
    }
}
