//! Exports `mlruns`, MLflow's file store: a folder per experiment, in it one per run, in it a file per
//! parameter, tag and metric.

use super::{
    Error, Pace, Written, folder, names,
    selection::{Run, Selection},
    small_file,
};
use crate::store::Status;
use std::{
    collections::BTreeSet,
    fmt::Write as _,
    io::{self, Write},
    path::{Path, PathBuf},
};

/// The longest parameter value that MLflow accepts, in characters.
const MAX_VALUE: usize = 6000;

/// Writes `mlruns`.
pub(super) fn write(
    selection: &Selection<'_>,
    out: &Path,
    pace: &mut Pace<'_>,
) -> Result<Vec<Written>, Error> {
    let root = out.join("mlruns");
    folder(&root)?;
    // MLflow stores absolute addresses of the folders for files of runs.
    let whole = std::path::absolute(&root).map_err(|source| Error::Write { path: root.clone(), source })?;
    let (mut known, mut count) = (BTreeSet::new(), 0);
    pace.begin("runs for MLflow", selection.len());
    for portion in selection.portions() {
        for run in selection.runs(portion)? {
            let id = experiment_id(&run.experiment);
            if known.insert(id.clone()) {
                experiment(selection, &run.experiment, &root.join(&id), &address(&whole.join(&id)))?;
            }
            let name = run_id(&run);
            let home = address(&whole.join(&id).join(&name).join("artifacts"));
            export_run(selection, &run, &root.join(&id).join(name), &id, &home, pace)?;
            count += 1;
            pace.check()?;
        }
        pace.advance(portion.len())?;
    }
    pace.end();
    Ok(vec![Written { path: root, count, unit: "run" }])
}

/// Numeric ids, as MLflow's own; derived from the name, so that they are stable.
fn experiment_id(name: &str) -> String {
    let hash = blake3::hash(name.as_bytes());
    let number = hash.as_bytes()[..8].iter().fold(0u64, |number, byte| number << 8 | u64::from(*byte));
    (100_000_000_000_000_000 + number % 900_000_000_000_000_000).to_string()
}

/// 32 hexadecimal digits that begin with the run's own; in MLflow a run belongs to one experiment, in the
/// store to any number.
fn run_id(run: &Run) -> String {
    let hash = blake3::hash(run.experiment.as_bytes()).to_hex();
    format!("{}{hash}", run.uid).chars().take(32).collect()
}

fn experiment(selection: &Selection<'_>, name: &str, place: &Path, home: &str) -> Result<(), Error> {
    let (about, since) = selection.experiment(name)?;
    let mut meta = Meta::default();
    meta.text("artifact_location", home);
    meta.number("creation_time", since);
    meta.text("experiment_id", &experiment_id(name));
    meta.number("last_update_time", since);
    meta.text("lifecycle_stage", "active");
    meta.text("name", name);
    Folder::new(place.join("tags")).text("mlflow.note.content", &about)?;
    // Last: a folder with this file is an experiment.
    text(&place.join("meta.yaml"), &meta.0)
}

fn export_run(
    selection: &Selection<'_>,
    run: &Run,
    place: &Path,
    experiment: &str,
    home: &str,
    pace: &Pace<'_>,
) -> Result<(), Error> {
    let label = names::label(run);
    let name = format!("{label}{}seed {}", if label.is_empty() { "" } else { ", " }, run.seed);
    folder(&place.join("artifacts"))?;
    let mut params = Folder::new(place.join("params"));
    for (key, value) in selection.params(run)? {
        // A parameter is one line.
        let line: String = value.replace(['\n', '\r'], " ").chars().take(MAX_VALUE).collect();
        params.text(&key, &line)?;
    }
    let mut tags = Folder::new(place.join("tags"));
    tags.text("mlflow.runName", &name)?;
    tags.text("mlflow.source.type", "LOCAL")?;
    tags.text("mlflow.source.name", "dichroic")?;
    if let Some(commit) = &run.commit {
        tags.text("mlflow.source.git.commit", commit)?;
        tags.text("dichroic.dirty", if run.dirty { "true" } else { "false" })?;
    }
    let seed = run.seed.to_string();
    let facts =
        [("run", &run.uid), ("spec", &run.spec), ("seed", &seed), ("scale", &run.scale), ("data", &run.data)];
    for (key, value) in facts {
        tags.text(&format!("dichroic.{key}"), value)?;
    }
    tags.text("dichroic.status", run.status.as_str())?;
    // Always written, so that a later export replaces the value of an earlier one.
    tags.text("dichroic.stale", if run.stale { "true" } else { "false" })?;
    tags.text("dichroic.tags", &run.tags)?;
    for (axis, value) in &run.label {
        tags.text(&format!("label.{axis}"), value)?;
    }
    metrics(selection, run, place, pace)?;
    let mut meta = Meta::default();
    meta.text("artifact_uri", home);
    match run.finished_ms {
        Some(time) => meta.number("end_time", time),
        None => meta.nothing("end_time"),
    }
    meta.text("entry_point_name", "");
    meta.text("experiment_id", experiment);
    meta.text("lifecycle_stage", "active");
    meta.text("run_id", &run_id(run));
    meta.text("run_name", &name);
    meta.text("source_name", "");
    meta.number("source_type", 4); // local
    meta.text("source_version", "");
    meta.number("start_time", run.started_ms.unwrap_or(run.created_ms));
    meta.number("status", status(run.status));
    meta.0.push_str("tags: []\n");
    meta.text("user_id", "");
    text(&place.join("meta.yaml"), &meta.0)
}

fn metrics(selection: &Selection<'_>, run: &Run, place: &Path, pace: &Pace<'_>) -> Result<(), Error> {
    let mut metrics = Folder::new(place.join("metrics"));
    let curves = names::curves(selection, run)?;
    for (name, curve) in &curves {
        // `loss` is a file, so that `loss/proxy_nca` cannot be in a folder of that name.
        let front = name.strip_suffix(curve.metric.as_str()).unwrap_or_default();
        let key = format!("{front}{}", curve.metric.replace('/', "."));
        small_file(&metrics.place(&key), |out| {
            selection.points(curve, |page| {
                pace.check()?;
                page.iter().try_for_each(|point| line(out, point.t_ms, point.value, point.step))
            })
        })?;
    }
    let last = selection.last_step(curves.iter().map(|(_, curve)| curve))?;
    let ended = run.finished_ms.unwrap_or(run.created_ms);
    for (name, value) in names::scores(selection.scores(run)?) {
        small_file(&metrics.place(&name), |out| line(out, ended, value, last))?;
    }
    Ok(())
}

/// A point with floats as Python writes them: `nan`, `inf`.
fn line(out: &mut impl Write, t_ms: i64, value: f64, step: i64) -> io::Result<()> {
    match value.is_nan() {
        true => writeln!(out, "{t_ms} nan {step}"),
        false => writeln!(out, "{t_ms} {value:?} {step}"),
    }
}

/// MLflow's numbers for the states of a run.
fn status(status: Status) -> i64 {
    match status {
        Status::Running => 1,
        Status::Queued => 2,  // SCHEDULED
        Status::Done => 3,    // FINISHED
        Status::Failed => 4,  // FAILED
        Status::Skipped => 5, // KILLED
    }
}

/// A folder whose file names are keys.
struct Folder {
    path: PathBuf,
    taken: BTreeSet<String>,
}

impl Folder {
    fn new(path: PathBuf) -> Self {
        Self { path, taken: BTreeSet::new() }
    }

    /// The path of a key's file. MLflow's keys have letters, digits, `_-. ` and the slash, which makes
    /// folders; other characters become `_`, and a key that is taken gets a different name.
    fn place(&mut self, key: &str) -> PathBuf {
        let plain = |c: char| if c.is_ascii_alphanumeric() || "_-. ".contains(c) { c } else { '_' };
        let word = |word: &str| match word.trim_matches('.') {
            "" => "_".into(),
            _ => word.chars().map(plain).collect::<String>(),
        };
        let words: Vec<String> = key.split('/').map(word).collect();
        let mut key = words.join("/");
        while !self.taken.insert(key.clone()) {
            key.push('_');
        }
        self.path.join(key)
    }

    fn text(&mut self, key: &str, content: &str) -> Result<(), Error> {
        text(&self.place(key), content)
    }
}

fn text(path: &Path, content: &str) -> Result<(), Error> {
    small_file(path, |out| out.write_all(content.as_bytes()))
}

/// A `meta.yaml`.
#[derive(Default)]
struct Meta(String);

impl Meta {
    /// Quoted, with everything but plain ASCII escaped: the only form that YAML takes without exceptions.
    fn text(&mut self, key: &str, value: &str) {
        let mut quoted = String::new();
        for c in value.chars() {
            let _ = match c {
                '"' | '\\' => write!(quoted, "\\{c}"),
                ' '..='~' => write!(quoted, "{c}"),
                _ => write!(quoted, "\\U{:08X}", u32::from(c)),
            };
        }
        self.line(key, &format!("\"{quoted}\""));
    }

    fn number(&mut self, key: &str, value: i64) {
        self.line(key, &value.to_string());
    }

    fn nothing(&mut self, key: &str) {
        self.line(key, "null");
    }

    fn line(&mut self, key: &str, value: &str) {
        self.0 += &format!("{key}: {value}\n");
    }
}

/// `file:///…`, a path as a URL.
fn address(path: &Path) -> String {
    let mut address = String::from("file://");
    for byte in path.to_string_lossy().replace('\\', "/").bytes() {
        let _ = match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'/' | b'-' | b'.' | b'_' | b'~' | b':' => {
                write!(address, "{}", char::from(byte))
            }
            _ => write!(address, "%{byte:02X}"),
        };
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_files_of_their_own() {
        let mut folder = Folder::new("metrics".into());
        for (key, place) in [
            ("loss", "loss"),
            ("score/HPA/Task_one/f1_macro", "score/HPA/Task_one/f1_macro"),
            ("a+b", "a_b"),
            ("a*b", "a_b_"),
            ("../..", "_/_"),
            ("/etc", "_/etc"),
        ] {
            assert_eq!(folder.place(key), Path::new("metrics").join(place));
        }
    }

    #[test]
    fn values_survive_yaml_and_addresses() {
        let mut meta = Meta::default();
        meta.text("name", "a: \"µ\"\n");
        assert_eq!(meta.0, "name: \"a: \\\"\\U000000B5\\\"\\U0000000A\"\n");
        assert_eq!(address(Path::new("/my runs/µ%")), "file:///my%20runs/%C2%B5%25");
        let mut lines = vec![];
        for value in [f64::NAN, f64::NEG_INFINITY, 1e-7, 2.0] {
            line(&mut lines, 5, value, 1).unwrap();
        }
        assert_eq!(String::from_utf8(lines).unwrap(), "5 nan 1\n5 -inf 1\n5 1e-7 1\n5 2.0 1\n");
    }
}
