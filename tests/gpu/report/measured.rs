//! Collects what the parts of `tests/gpu/run.sh` wrote, as one JSON document. A missing file is a part that
//! did not get that far.

use crate::libtest;
use serde_json::{Map, Value, json};
use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

/// Everything.
pub fn read(work: &Path) -> io::Result<Value> {
    let text = |name: &str| fs::read_to_string(work.join(name)).unwrap_or_default();
    let document = |name: &str| serde_json::from_str::<Value>(&text(name)).unwrap_or(Value::Null);
    Ok(json!({
        "report": "gpu",
        "version": 1,
        "machine": pairs(&text("machine.tsv")),
        "carried": document("carried.json"),
        "parts": parts(work, &text("parts.tsv")),
        "pinned": pinned(work)?,
        "compiled": lines(&text("warm.jsonl")),
        "speed": newest(lines(&(text("train.out") + &text("embed.out")))),
        "profile": lines(&text("profile.out")),
        "experiments": experiments(work)?,
        "clocks": clocks(&text("clocks.csv")),
    }))
}

/// `name<TAB>value`.
fn pairs(text: &str) -> Value {
    let pair = |line: &str| line.split_once('\t').map(|(name, value)| (name.to_owned(), json!(value)));
    Value::Object(text.lines().filter_map(pair).collect::<Map<_, _>>())
}

/// The lines that are JSON.
fn lines(text: &str) -> Vec<Value> {
    let of = |line: &str| line.starts_with('{').then(|| serde_json::from_str(line).ok()).flatten();
    text.lines().filter_map(of).collect()
}

/// The latest of equal records: each round repeats what is known.
fn newest(all: Vec<Value>) -> Vec<Value> {
    let mut newest: Vec<Value> = vec![];
    for value in all {
        let same =
            |known: &&mut Value| ["work", "format", "how"].iter().all(|name| known[*name] == value[*name]);
        match newest.iter_mut().find(same) {
            Some(known) => *known = value,
            None => newest.push(value),
        }
    }
    newest
}

/// How each part ended, and its last output if it did not succeed.
fn parts(work: &Path, text: &str) -> Vec<Value> {
    let part = |line: &str| {
        let [name, status, seconds, limit] = line.split('\t').collect::<Vec<_>>()[..] else { return None };
        let outcome = match status {
            "0" => "ok",
            "124" | "137" => "out of time",
            "-" => "left out",
            _ => "failed",
        };
        let said = fs::read_to_string(work.join(format!("{name}.err"))).unwrap_or_default();
        let last: Vec<&str> = said.lines().filter(|line| !line.trim().is_empty()).rev().take(2).collect();
        let last: Vec<&str> = last.into_iter().rev().collect();
        let number = |text: &str| text.parse::<f64>().ok();
        Some(json!({
            "name": name, "outcome": outcome, "seconds": number(seconds), "limit_s": number(limit),
            "said": if outcome == "ok" { String::new() } else { last.join("\n") },
        }))
    };
    text.lines().filter_map(part).collect()
}

/// The files with this prefix and suffix, in order.
fn files(work: &Path, begins: &str, ends: &str) -> io::Result<Vec<PathBuf>> {
    let mut found = vec![];
    for entry in fs::read_dir(work)? {
        let path = entry?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if name.starts_with(begins) && name.ends_with(ends) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// Every test that may run on GPUs. One that failed together with others was run again in a separate process:
/// a kernel with an invalid read makes all later ones fail.
fn pinned(work: &Path) -> io::Result<Value> {
    let mut tests = BTreeMap::<String, libtest::Test>::new();
    for path in files(work, "pinned-", ".txt")? {
        tests.extend(libtest::read(&fs::read_to_string(path)?));
    }
    let mut beside = vec![];
    for path in files(work, "alone-", ".txt")? {
        for (name, test) in libtest::read(&fs::read_to_string(path)?) {
            let failed = tests.get(&name).is_some_and(|known| known.outcome == "FAILED");
            if failed && test.outcome == "ok" {
                beside.push(name.clone());
            }
            tests.insert(name, test);
        }
    }
    if tests.is_empty() {
        return Ok(Value::Null);
    }
    let count = |outcome: &str| tests.values().filter(|test| test.outcome == outcome).count();
    let mut places = BTreeMap::<&str, usize>::new();
    for place in tests.values().filter(|test| test.outcome == "ok").flat_map(|test| &test.ran_on) {
        *places.entry(place).or_default() += 1;
    }
    let (passed, failed, ignored) = (count("ok"), count("FAILED"), count("ignored"));
    let cases: Vec<Value> = tests.iter().map(|(name, test)| test.json(name)).collect();
    Ok(json!({
        "passed": passed, "failed": failed, "ignored": ignored, "unfinished": tests.len() - passed - failed - ignored,
        "ran_on": places,
        "compared": tests.values().map(|test| test.compared).sum::<usize>(), "passed_only_alone": beside, "cases": cases,
    }))
}

/// The experiments whose stores were queried: pace of training, duration of each work, scores.
fn experiments(work: &Path) -> io::Result<Vec<Value>> {
    let mut all = vec![];
    for path in files(work, "experiment", ".pace.json")? {
        let name =
            path.file_name().map(|name| name.to_string_lossy().replace(".pace.json", "")).unwrap_or_default();
        let rows = |what: &str| {
            let text = fs::read_to_string(work.join(format!("{name}.{what}.json"))).unwrap_or_default();
            serde_json::from_str::<Value>(&text).unwrap_or(Value::Null)
        };
        let mut paces = BTreeMap::<String, Vec<f64>>::new();
        for row in rows("pace").as_array().into_iter().flatten() {
            let kind = row["kind"].as_str().unwrap_or_default().to_owned();
            paces.entry(kind).or_default().extend(row["value"].as_f64());
        }
        let pace: BTreeMap<String, Value> = paces
            .into_iter()
            .map(|(kind, mut values)| {
                values.sort_by(f64::total_cmp);
                let (low, middle, high) = (values.first(), values.get(values.len() / 2), values.last());
                (kind, json!({"low": low, "median": middle, "high": high, "points": values.len()}))
            })
            .collect();
        all.push(json!({"name": name, "pace": pace, "works": rows("works"), "scores": rows("scores")}));
    }
    Ok(all)
}

/// Clock of the multiprocessors while the GPU was busy, once a second: `MHz, MHz of memory, W, °C, MiB, % busy`.
fn clocks(text: &str) -> Value {
    let numbers = |line: &str| -> Option<Vec<f64>> {
        line.split(',').map(|number| number.trim().parse().ok()).collect()
    };
    let busy: Vec<Vec<f64>> =
        text.lines().filter_map(numbers).filter(|row| row.len() == 6 && row[5] >= 50.0).collect();
    let ends = |at: usize| {
        let values = busy.iter().map(|row| row[at]);
        json!([values.clone().fold(f64::INFINITY, f64::min), values.fold(0.0, f64::max)])
    };
    if busy.is_empty() {
        return Value::Null;
    }
    json!({"busy_seconds": busy.len(), "sm_mhz": ends(0), "memory_mhz": ends(1), "watt": ends(2), "celsius": ends(3), "mib": ends(4)})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_run_left_is_one_document() {
        let work = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| fs::write(work.path().join(name), text).unwrap();
        file("machine.tsv", "gpu\tNVIDIA H200\n");
        file("parts.tsv", "pinned\t101\t12\t90\ntrain\t124\t150\t150\nembed\t-\t0\t3\nprofile\t0\t9\t30\n");
        file("train.err", "a\n\nb\n");
        file("pinned-1.txt", "test a ... ok\ntest b ... FAILED\ntest c ... FAILED\ntest d ... ");
        file("alone-b.txt", "test b ... ok\n\nsuccesses:\n\n---- b stdout ----\nran on cuda X\n");
        file("alone-c.txt", "test c ... FAILED\n");
        file("train.out", "train: 9\n{\"how\":\"ours\",\"n\":1}\n{\"how\":\"ours\",\"n\":2}\n{broken\n");
        let paces: Vec<Value> =
            [3, 1, 2].iter().map(|value| json!({"kind": "fit", "value": value})).collect();
        file("experiment_f32.pace.json", &json!(paces).to_string());
        file("clocks.csv", "1980, 3201, 600, 50, 900, 99\n345, 3201, 90, 30, 0, 0\n[N/A], 1, 1, 1, 1, 1\n");
        let all = read(work.path()).unwrap();
        assert_eq!(all["machine"]["gpu"], "NVIDIA H200");
        let outcomes: Vec<&Value> =
            all["parts"].as_array().unwrap().iter().map(|part| &part["outcome"]).collect();
        assert_eq!(outcomes, ["failed", "out of time", "left out", "ok"]);
        assert_eq!(all["parts"][1]["said"], "a\nb");
        let pinned = &all["pinned"];
        let counts = ["passed", "failed", "unfinished"].map(|name| pinned[name].as_u64().unwrap());
        assert_eq!(counts, [2, 1, 1]);
        assert_eq!((&pinned["passed_only_alone"], &pinned["ran_on"]), (&json!(["b"]), &json!({"cuda X": 1})));
        assert_eq!(all["speed"], json!([{"how": "ours", "n": 2}]), "the newest round");
        assert_eq!(
            all["experiments"][0]["pace"]["fit"],
            json!({"low": 1.0, "median": 2.0, "high": 3.0, "points": 3})
        );
        assert_eq!(all["clocks"]["sm_mhz"], json!([1980.0, 1980.0]));
    }

    #[test]
    fn nothing_is_a_document_too() {
        let all = read(tempfile::tempdir().unwrap().path()).unwrap();
        assert_eq!((&all["pinned"], &all["clocks"], &all["speed"]), (&Value::Null, &Value::Null, &json!([])));
    }
}
