//! Helper of `tests/gpu/build.sh` and `tests/gpu/run.sh`: collects the binaries to copy, and writes the page
//! of results.
//!
//! cargo … --message-format=json | gpu_report collect ROOT FOLDER      # copies what cargo built, and lists it
//! gpu_report page WORK FOLDER                                          # WORK: what the parts wrote; FOLDER: gpu.json, gpu.md

mod carried;
mod libtest;
mod markdown;
mod measured;

use std::{env, error::Error, fs, path::Path, process::ExitCode};

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let done = match *words {
        ["collect", root, folder] => carried::collect(Path::new(root), Path::new(folder)),
        ["page", work, folder] => page(Path::new(work), Path::new(folder)),
        _ => Err("expected `collect ROOT FOLDER` or `page WORK FOLDER`".into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("gpu_report: {error}");
            ExitCode::FAILURE
        }
    }
}

fn page(work: &Path, folder: &Path) -> Result<(), Box<dyn Error>> {
    let all = measured::read(work)?;
    fs::create_dir_all(folder)?;
    fs::write(folder.join("gpu.json"), serde_json::to_string_pretty(&all)?)?;
    fs::write(folder.join("gpu.md"), markdown::write(&all))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path, process::Command};

    fn text(name: &str) -> String {
        let package = Path::new(env!("CARGO_MANIFEST_DIR"));
        fs::read_to_string(package.join("tests/gpu").join(name)).unwrap()
    }

    /// Parts in order, with the percentage of the time by which each ends.
    fn parts_of_the_script() -> Vec<(String, u32)> {
        let script = text("run.sh");
        let part = |line: &str| {
            let (name, until) = line.strip_prefix("part ")?.split_once(' ')?;
            Some((name.to_owned(), until.parse().ok()?))
        };
        script.lines().filter_map(part).collect()
    }

    #[test]
    fn the_readme_has_the_parts_that_the_script_runs() {
        let readme = text("README.md");
        let part = |line: &str| {
            let mut cells = line.strip_prefix("| `")?.split('|').map(str::trim);
            let name = cells.next()?.trim_end_matches('`').to_owned();
            Some((name, cells.next()?.strip_suffix(" %")?.parse().ok()?))
        };
        let listed: Vec<(String, u32)> = readme.lines().filter_map(part).collect();
        let parts = parts_of_the_script();
        assert_eq!(listed, parts);
        assert!(parts.len() >= 5, "{parts:?}");
        assert!(
            parts.windows(2).all(|pair| pair[0].1 < pair[1].1),
            "each ends after the previous one: {parts:?}"
        );
        assert!(parts.last().unwrap().1 < 100, "all of them end within the time");
        let script = text("run.sh");
        for (name, _) in parts {
            assert!(script.contains(&format!("\n{name}() {{")), "the script has a function {name}");
        }
    }

    #[test]
    fn bash_takes_the_scripts() {
        for name in ["run.sh", "build.sh"] {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/gpu").join(name);
            match Command::new("bash").arg("-n").arg(path).output() {
                Ok(said) => assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr)),
                Err(error) => eprintln!("skipped: there is no bash: {error}"),
            }
        }
    }
}
