//! `doctor`: what works on this machine, and what to do about what does not.

use super::{
    failure::{Failure, Result},
    locate::{self, Place},
    options::{DataOption, StoreOption},
    output,
};
use crate::{
    backbone::files,
    data::DataSet,
    device::{self, Choice},
    disk, ops, program, registry,
    spec::{Backbone, ConvNext, ConvNextSize, chammi},
    store::{self, Git, Host, Store},
};
use clap::Args;
use serde::Serialize;
use std::{
    env, fs,
    path::{Path, PathBuf},
    process,
};

/// Less free disk than this deserves a word: a paper-sized run keeps a few GB of features and weights.
const ROOM: u64 = 5 << 30;

/// Looks at this machine and says what to do about what does not work
#[derive(Args, Debug)]
pub(super) struct Doctor {
    #[command(flatten)]
    store: StoreOption,
    #[command(flatten)]
    data: DataOption,
    /// Where published weights may lie: a file or a folder
    #[arg(long, value_name = "PATH")]
    weights: Option<PathBuf>,
    /// Prints one JSON document
    #[arg(long)]
    json: bool,
}

/// How something is.
#[derive(Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Ok,
    /// Not there, and not needed for everything.
    Absent,
    Broken,
}

#[derive(Serialize)]
struct Finding {
    what: &'static str,
    state: State,
    found: String,
    hint: Option<String>,
}

fn finding(what: &'static str, state: State, found: impl Into<String>) -> Finding {
    Finding { what, state, found: found.into(), hint: None }
}

impl Finding {
    fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

impl Doctor {
    pub(super) fn run(&self) -> Result {
        let mut findings = vec![processor(), threads(), cuda(), self.store(), self.disk()];
        findings.extend(self.data());
        findings.extend([self.weights(), experiments(), code()]);
        if self.json {
            output::say_json(&serde_json::json!({ "findings": findings }))?;
        } else {
            for Finding { what, state, found, hint } in &findings {
                let mark = match state {
                    State::Ok => "ok",
                    State::Absent => "-",
                    State::Broken => "BROKEN",
                };
                output::say(&format!("{mark:<7} {what:<12} {found}"))?;
                if let Some(hint) = hint {
                    output::say(&format!("{:<20} hint: {hint}", ""))?;
                }
            }
        }
        match findings.iter().filter(|finding| finding.state == State::Broken).count() {
            0 => Ok(()),
            broken => Err(Failure::new(format!("{broken} of {} things do not work", findings.len()))),
        }
    }

    /// Opens the store without changing it; where there is none yet, makes one elsewhere and removes it.
    fn store(&self) -> Finding {
        let path = self.store.path();
        let broken = |error: store::Error| {
            let found = finding("store", State::Broken, error.to_string());
            error.hint().into_iter().fold(found, Finding::hint)
        };
        if path.exists() {
            let runs = Store::open_read_only(&path).and_then(|store| store.query("SELECT count(*) FROM run"));
            return match runs {
                Err(error) => broken(error),
                Ok(rows) => {
                    finding("store", State::Ok, format!("{}, {} runs", path.display(), rows.rows[0][0]))
                }
            };
        }
        let trial = env::temp_dir().join(format!("dichroic-doctor-{}", process::id()));
        let made = Store::open(trial.join("trial.db")).and_then(Store::close);
        let _ = fs::remove_dir_all(&trial); // in the folder for temporary files
        match made {
            Err(error) => broken(error),
            Ok(()) => {
                finding("store", State::Ok, format!("none yet; the first run makes {}", path.display()))
            }
        }
    }

    fn disk(&self) -> Finding {
        let store = env::current_dir().unwrap_or_default().join(self.store.path());
        let folder = store.ancestors().skip(1).find(|folder| folder.is_dir()).unwrap_or(Path::new("/"));
        let Some(disk) = disk::free_and_total(folder) else {
            return finding("disk", State::Absent, "this system does not say how much is free");
        };
        let gb = |bytes: u64| bytes as f64 / 1e9;
        let found = format!("{:.1} GB free of {:.1} at {}", gb(disk.free), gb(disk.total), folder.display());
        match disk.free >= ROOM {
            true => finding("disk", State::Ok, found),
            false => {
                finding("disk", State::Absent, found).hint("make room, or name another place: --store PATH")
            }
        }
    }

    /// CHAMMI, and every data set that an option or a variable names.
    fn data(&self) -> Vec<Finding> {
        let mut found = vec![];
        match locate::place(chammi::NAME, &self.data, &self.store.path()) {
            Place::Here(root) => found.push(open(chammi::NAME, &root)),
            _ => found.push(
                finding("data", State::Absent, "no CHAMMI; `exp` simulates a small one once").hint(
                    "download it from Zenodo (record 7988357) and say --data chammi=PATH or set $DICHROIC_DATA_CHAMMI",
                ),
            ),
        }
        let stated = self.data.names().filter(|name| *name != chammi::NAME);
        found.extend(stated.filter_map(|name| Some(open(name, &self.data.path(name)?))));
        let named = env::vars_os().filter_map(|(name, path)| {
            let name = name.to_str()?.strip_prefix("DICHROIC_DATA_")?.to_lowercase();
            (name != chammi::NAME && !path.is_empty()).then(|| open(&name, Path::new(&path)))
        });
        found.extend(named);
        found
    }

    fn weights(&self) -> Finding {
        let published = |backbone: &Backbone| backbone.starts_from(&backbone.published());
        let names: Vec<String> =
            files::all().iter().filter(|one| published(one)).map(files::published).collect();
        let found = |name: &String| files::find(name, self.weights.as_deref()).ok();
        let there: Vec<String> = names.iter().filter(|name| found(name).is_some()).cloned().collect();
        if !there.is_empty() {
            return finding("weights", State::Ok, there.join(", "));
        }
        let trained = files::all().into_iter().filter(|one| published(one) && !one.is_off_the_shelf());
        let trained: Vec<String> = trained.map(|one| files::published(&one)).collect();
        let found = format!("no published weights, as {}; `--scale quick` needs none", trained.join(", "));
        let missing = finding("weights", State::Absent, found);
        let usual = ConvNext { size: ConvNextSize::Tiny, drop_path: 0.0 }.into();
        let hint = files::find(&files::published(&usual), self.weights.as_deref())
            .err()
            .and_then(|error| error.hint());
        hint.into_iter().fold(missing, Finding::hint)
    }
}

fn processor() -> Finding {
    let (host, level) = (Host::here(), ops::level());
    let memory = host.ram_mb as f64 / 1024.0;
    let name = if host.cpu.is_empty() { &host.os } else { &host.cpu };
    let found = format!("{name}, {level:?} ({} floats at a time), {memory:.1} GiB of memory", level.lanes());
    finding("processor", State::Ok, found)
}

fn threads() -> Finding {
    let cores = Host::here().cores;
    finding(
        "threads",
        State::Ok,
        format!("{} workers on {cores} cores (--threads)", rayon::current_num_threads()),
    )
}

fn cuda() -> Finding {
    let driver = match device::driver() {
        Ok(driver) => driver,
        Err(why) => return finding("cuda", State::Absent, format!("{why}; computing on the processor")),
    };
    let one = |(number, gpu): (usize, &device::Gpu)| {
        let (memory, (major, minor)) = (gpu.memory as f64 / f64::from(1 << 30), gpu.capability);
        format!("{number}: {}, {memory:.0} GiB, compute capability {major}.{minor}", gpu.name)
    };
    let gpus: Vec<String> = driver.gpus.iter().enumerate().map(one).collect();
    let gpus = if gpus.is_empty() { "no GPU".into() } else { gpus.join("; ") };
    let (major, minor) = driver.version;
    let found = format!("driver for CUDA {major}.{minor}, {gpus}");
    match (driver.gpus.is_empty(), device::open(Choice::Auto)) {
        (true, _) => finding("cuda", State::Absent, found),
        (false, _) if !device::BUILT_WITH_CUDA => finding("cuda", State::Absent, found)
            .hint(format!("this build computes on the processor; {}", device::HOW_TO_BUILD)),
        (false, Ok(_)) => finding("cuda", State::Ok, found),
        (false, Err(error)) => {
            let broken = finding("cuda", State::Broken, format!("{found}: {error}"));
            error.hint().into_iter().fold(broken, Finding::hint)
        }
    }
}

fn open(name: &str, root: &Path) -> Finding {
    match DataSet::open_without_fingerprint(name, root) {
        Ok(set) => {
            let images: usize = set.sets.iter().map(|set| set.len()).sum();
            let kind = set.kind.name();
            finding(
                "data",
                State::Ok,
                format!("{name}: {images} images in {} sets, {kind}, {}", set.sets.len(), root.display()),
            )
        }
        Err(error) => {
            let found = finding("data", State::Broken, format!("{name}: {error}"));
            error.hint().into_iter().fold(found, Finding::hint)
        }
    }
}

fn experiments() -> Finding {
    let problems = registry::problems();
    match (problems.first(), registry::entries()) {
        (Some(first), _) => {
            finding("experiments", State::Broken, format!("{} problems; the first: {first}", problems.len()))
        }
        (None, Ok(entries)) if entries.is_empty() => finding("experiments", State::Absent, "none")
            .hint("`new NAME` writes a repository with a first one; a file in its `experiments/` is enough for more"),
        (None, Ok(entries)) => {
            finding("experiments", State::Ok, format!("{}, all of which can be planned", entries.len()))
        }
        (None, Err(error)) => finding("experiments", State::Broken, error.to_string()),
    }
}

/// What runs say about the code that they came from.
fn code() -> Finding {
    let build = program::build();
    let root = Path::new(build.root);
    if !root.is_dir() {
        return finding("code", State::Absent, "the repository of this program is not on this machine");
    }
    match (Git::at(root), build.unchanged_root()) {
        (_, None) => finding("code", State::Absent, format!("{} has changed since this program was built", root.display()))
            .hint("build it again: until then runs keep no changes that are not committed"),
        (None, Some(_)) => finding("code", State::Absent, format!("no commit in {}", root.display()))
            .hint("`git init && git add . && git commit -m start`: each run then names the commit that it came from"),
        (Some(git), Some(_)) => {
            let dirty = if git.dirty { " and changes, which are kept with each run" } else { "" };
            let commit = git.commit.get(..10).unwrap_or(&git.commit);
            finding("code", State::Ok, format!("commit {commit}{dirty}, {}", root.display()))
        }
    }
}
