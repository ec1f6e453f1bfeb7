//! `rerun`: recomputes a stored run in a temporary store, and reports what came out the same.

use super::{
    failure::{Context, Failure, Result},
    grid::{self, Format},
    locate,
    options::{ComputeOptions, DataOption, MemoryOption, StoreOption},
    output,
    progress::Progress,
    provenance, run_by_prefix,
};
use crate::{
    backbone, device,
    execute::{Ended, Executor},
    format,
    plan::Plan,
    seed::Seed,
    spec::{SCHEMA, Spec, upgrade},
    store::{ExperimentRow, Reader, Rows, Scale, Store, Value, short_fingerprint},
    train::CHECKPOINT_EVERY,
};
use candle_core::Device;
use clap::Args;
use serde_json::Value as Json;
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// Recompute a stored run and report what is the same; changes nothing in the store
#[derive(Args, Debug)]
pub(super) struct Rerun {
    /// A prefix of the run's id
    run: String,
    /// Fail unless every number is the same to the bit
    #[arg(long)]
    exact: bool,
    #[command(flatten)]
    store: StoreOption,
    #[command(flatten)]
    data: DataOption,
    #[command(flatten)]
    compute: ComputeOptions,
    #[command(flatten)]
    memory: MemoryOption,
    /// Published weights: a file, or a folder of them [default: $DICHROIC_WEIGHTS, else the Hugging Face cache]
    #[arg(long, value_name = "PATH")]
    weights: Option<PathBuf>,
}

/// What is stored of the run.
struct Stored {
    uid: String,
    spec: Spec,
    /// Whether an earlier version of the program declared it, in whose terms runs and data have other names.
    earlier: bool,
    seed: u64,
    scale: Scale,
}

impl Rerun {
    pub(super) fn run(&self, quiet: bool) -> Result {
        let device = self.compute.prepare()?;
        rayon::scope(|_| self.run_here(device, quiet))
    }

    fn run_here(&self, device: Device, quiet: bool) -> Result {
        let path = self.store.path();
        let reader = Store::open_read_only(&path)?;
        let stored = stored(&reader, &run_by_prefix::find(&reader, &self.run)?)?;
        let mut progress = Progress::new(quiet);
        let names = Plan::data_names(&stored.spec);
        let data = locate::open(&names, &self.data, &path, &mut progress)?;
        let plan = Plan::of(&stored.spec, Seed(stored.seed), &data).at(&stored.uid)?;
        backbone::built(&stored.spec.model.backbone).at(&stored.uid)?;
        device::computes(&device, format::of(stored.spec.train.precision)).at(&stored.uid)?;
        let here = provenance::here(None, &device);
        let mut facts = then_and_now(&reader, &stored.uid, &here)?;
        for (name, print) in &plan.data {
            let sql = "SELECT d.fingerprint FROM run r JOIN run_data t ON t.run_id = r.id JOIN dataset d ON d.id = t.dataset_id
                WHERE r.uid = ? AND d.name = ?";
            let then = reader.query_with(sql, &[text(&stored.uid), text(name)])?.rows;
            let then = then.first().map(|row| row[0].to_string()).unwrap_or_default();
            facts.push((format!("data {name}"), short_fingerprint(&then), short_fingerprint(print)));
        }
        output::note(&table(&facts));
        if stored.earlier {
            output::note(
                "declared under an earlier schema of specs: whether the data are the same is not known",
            );
        } else if plan.run.as_str() != stored.uid {
            let hint = "give the folder of the original data: --data NAME=PATH";
            return Err(Failure::new("the data differ: a different run would be computed").hint(hint));
        }
        let room = Room::new(&path, &stored.uid)?;
        let store = Store::open(room.store())?;
        let executor = Executor {
            store: &store,
            data: &data,
            weights: self.weights.clone(),
            provenance: here,
            checkpoint_every: CHECKPOINT_EVERY,
            keep: self.memory.keep(&device),
            device,
        };
        let experiment = ExperimentRow { name: "rerun".into(), about: String::new(), file: String::new() };
        executor.register(&plan, &experiment, &[], 0, stored.scale)?;
        let ended = executor.run(&plan, &mut progress).at(&stored.uid)?;
        drop(progress);
        if ended != Ended::Done {
            return Err(Failure::Interrupted("stopped: a rerun cannot be resumed".into()));
        }
        let differences = compare((&reader, &stored.uid), (store.read()?, plan.run.as_str()))?;
        store.close()?;
        drop(room);
        let same = differences.iter().all(|one| one.differing == 0 && one.missing == 0);
        for one in &differences {
            output::say(&one.line())?;
        }
        if same {
            return output::say(&format!("run {} came out the same to the bit", stored.uid));
        }
        let message = format!("run {} did not come out the same to the bit", stored.uid);
        if self.exact {
            let hint = "the table above shows what has changed since";
            return Err(Failure::new(message).hint(hint));
        }
        output::say(&message)
    }
}

fn stored(reader: &Reader, uid: &str) -> Result<Stored> {
    let sql =
        "SELECT s.json, r.seed, r.scale, r.status FROM run r JOIN spec s ON s.id = r.spec_id WHERE r.uid = ?";
    let row = reader.query_with(sql, &[text(uid)])?.rows.remove(0);
    if row[3].to_string() != "done" {
        let failure = Failure::new(format!("run {uid} is {}, not done", row[3]));
        return Err(failure.hint("`dichroic exp NAME` resumes it"));
    }
    let json: Json = serde_json::from_str(&row[0].to_string()).unwrap_or_default();
    let earlier = json["schema"].as_u64().is_some_and(|schema| schema < u64::from(SCHEMA));
    let spec = upgrade(json).map_err(|error| {
        Failure::new(format!("the spec of run {uid} cannot be read by this program: {error}"))
    })?;
    let scale = Scale::of(&row[2].to_string()).unwrap_or(Scale::Paper);
    let seed = row[1].to_string().parse().unwrap_or_default();
    Ok(Stored { uid: uid.into(), spec, earlier, seed, scale })
}

type Fact = (String, String, String);

/// Code and computer of the run's attempts, next to this program's.
fn then_and_now(reader: &Reader, uid: &str, here: &crate::store::Provenance) -> Result<Vec<Fact>> {
    let sql = "SELECT group_concat(DISTINCT k.version), group_concat(DISTINCT k.commit_id), group_concat(DISTINCT k.dirty),
          group_concat(DISTINCT k.sources), group_concat(DISTINCT k.lock), group_concat(DISTINCT k.binary), group_concat(DISTINCT k.build),
          group_concat(DISTINCT a.numerics)
        FROM run r JOIN run_work rw ON rw.run_id = r.id JOIN work w ON w.id = rw.work_id
        JOIN attempt a ON a.work_id = w.id AND a.n = w.attempt JOIN code k ON k.id = a.code_id WHERE r.uid = ?";
    let row = reader.query_with(sql, &[text(uid)])?.rows.remove(0);
    let code = &here.code;
    let dirty = code.dirty.map_or(String::new(), |dirty| u8::from(dirty).to_string());
    let now = [
        code.version.clone(),
        code.commit.clone().unwrap_or_default(),
        dirty,
        code.sources.clone(),
        code.lock.clone().unwrap_or_default(),
        code.binary.clone().unwrap_or_default(),
        code.build.clone(),
        here.numerics.clone(),
    ];
    let names = ["version", "commit", "changed since", "sources", "lock file", "binary", "build", "numerics"];
    let facts = names.into_iter().zip(&row).zip(now);
    Ok(facts.map(|((name, then), now)| (name.into(), short(&then.to_string()), short(&now))).collect())
}

/// Abbreviates hashes.
fn short(text: &str) -> String {
    let one = |word: &str| {
        let hash = word.len() >= 32 && word.chars().all(|c| c.is_ascii_hexdigit());
        if hash { word[..12].to_owned() } else { word.to_owned() }
    };
    text.split(',').map(one).collect::<Vec<_>>().join(", ")
}

fn table(facts: &[Fact]) -> String {
    let row = |(name, then, now): &Fact| {
        let same = if then == now { "" } else { "differs" };
        [name, then, now, same].map(|text| Value::Text(text.to_owned())).to_vec()
    };
    let columns = ["", "then", "now", ""].map(String::from).to_vec();
    grid::write(&Rows { columns, rows: facts.iter().map(row).collect() }, Format::Table)
}

/// A folder next to the store, for the duration of the second computation.
struct Room(PathBuf);

impl Room {
    fn new(store: &Path, uid: &str) -> Result<Self> {
        let mut name = store.as_os_str().to_owned();
        name.push(format!(".rerun-{uid}-{}", std::process::id()));
        let folder = PathBuf::from(name);
        fs::create_dir_all(&folder)
            .map_err(|error| Failure::new(format!("cannot create {}: {error}", folder.display())))?;
        Ok(Self(folder))
    }

    fn store(&self) -> PathBuf {
        self.0.join("rerun.db")
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0); // a leftover is recognisable by its name
    }
}

/// The comparison of one kind of results.
struct Compared {
    what: &'static str,
    same: usize,
    differing: usize,
    /// Only on one side.
    missing: usize,
    /// The largest difference of two numbers, and where.
    largest: Option<(f64, String)>,
}

impl Compared {
    fn line(&self) -> String {
        let Self { what, same, differing, missing, largest } = self;
        let mut line = format!("{what}: {same} the same");
        if *differing > 0 {
            line += &format!(", {differing} differ");
        }
        if let Some((largest, of)) = largest.as_ref().filter(|_| *differing > 0) {
            line += &format!(" (by {largest:.2e} at most: {of})");
        }
        if *missing > 0 {
            line += &format!(", {missing} on one side only");
        }
        line
    }
}

/// Works are matched by their place in the run: another revision of the code gives them other ids.
fn compare(then: (&Reader, &str), now: (&Reader, &str)) -> Result<Vec<Compared>> {
    let files = "SELECT rw.place || ' ' || f.name, f.blake3 FROM run r JOIN run_work rw ON rw.run_id = r.id
        JOIN artifact f ON f.work_id = rw.work_id WHERE r.uid = ? AND f.kind <> 'checkpoint'";
    let curves = "SELECT rw.place || ' ' || m.name || ' step ' || s.step, s.value FROM run r JOIN run_work rw ON rw.run_id = r.id
        JOIN scalar s ON s.work_id = rw.work_id JOIN metric m ON m.id = s.metric_id AND m.clock = 0 WHERE r.uid = ?";
    let scores = "SELECT s.protocol || ' ' || s.data || ' ' || s.part || ' ' || s.task || ' ' || s.class || ' ' || s.metric, s.value
        FROM run r JOIN score s ON s.run_id = r.id WHERE r.uid = ?";
    let mut all = Vec::new();
    for (what, sql) in [("files", files), ("points of curves", curves), ("scores", scores)] {
        let read = |(reader, uid): (&Reader, &str)| -> Result<BTreeMap<String, Value>> {
            let rows = reader.query_with(sql, &[text(uid)])?.rows;
            Ok(rows.into_iter().map(|mut row| (row[0].to_string(), row.swap_remove(1))).collect())
        };
        let (then, now) = (read(then)?, read(now)?);
        let mut one = Compared { what, same: 0, differing: 0, missing: 0, largest: None };
        for (key, before) in &then {
            match now.get(key) {
                None => one.missing += 1,
                Some(after) if same(before, after) => one.same += 1,
                Some(after) => {
                    one.differing += 1;
                    if let (Value::Real(a), Value::Real(b)) = (before, after)
                        && one.largest.as_ref().is_none_or(|(largest, _)| (a - b).abs() > *largest)
                    {
                        one.largest =
                            Some(((a - b).abs(), key.split_whitespace().collect::<Vec<_>>().join(" ")));
                    }
                }
            }
        }
        one.missing += now.keys().filter(|key| !then.contains_key(*key)).count();
        all.push(one);
    }
    Ok(all)
}

fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Real(a), Value::Real(b)) => a.to_bits() == b.to_bits(),
        _ => a == b,
    }
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}
