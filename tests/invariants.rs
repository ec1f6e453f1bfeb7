//! The invariants of `src/ARCHITECTURE.md` that a text search can check.

use std::{fs, path::Path};

/// Files below `src/` that `part` names, with their contents, comments and test modules left out.
fn sources(parts: &[&str]) -> Vec<(String, String)> {
    fn visit(folder: &Path, found: &mut Vec<(String, String)>) {
        for entry in fs::read_dir(folder).expect("the sources are there") {
            let path = entry.expect("a readable entry").path();
            if path.is_dir() {
                visit(&path, found);
            } else if path.extension().is_some_and(|ext| ext == "rs") {
                let text = fs::read_to_string(&path).expect("UTF-8");
                let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
                let code = code.lines().filter(|line| !line.trim_start().starts_with("//"));
                found.push((path.display().to_string(), code.collect::<Vec<_>>().join("\n")));
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    visit(&root, &mut found);
    let inside = |path: &str| {
        let path = path.strip_prefix(&format!("{}/", root.display())).unwrap_or(path);
        let is_test = path.ends_with("/tests.rs") || path.contains("/tests/") || path == "ops/golden.rs";
        !is_test
            && parts.iter().any(|part| {
                path == format!("{part}.rs") || path.starts_with(&format!("{part}/")) || part.is_empty()
            })
    };
    found.retain(|(path, _)| inside(path));
    assert!(!found.is_empty(), "no sources in {parts:?}");
    found
}

#[track_caller]
fn never(parts: &[&str], words: &[&str], except: &[&str]) {
    for (path, code) in sources(parts) {
        if except.iter().any(|part| path.contains(part)) {
            continue;
        }
        for word in words {
            assert!(!code.contains(word), "`{word}` occurs in {path}");
        }
    }
}

#[test]
fn only_the_command_line_prints() {
    never(
        &[""],
        &["println!", "eprintln!", "print!(", "eprint!(", "dbg!("],
        &["src/cli", "src/build/", "src/fuzz/"],
    );
    never(&[""], &["env::args"], &["src/cli"]);
}

#[test]
fn a_spec_is_plain_data() {
    // `crate::data` is names there: its crate sees no images.
    let others = ["candle", "sqlx", "crate::store", "crate::train", "crate::ops", "crate::plan"];
    never(&["lang"], &others, &[]);
}

#[test]
fn training_knows_no_store_and_the_store_no_tensors() {
    never(
        &["train", "embed", "evaluate", "model", "ops", "loss", "adapter", "backbone"],
        &["sqlx", "crate::store"],
        &[],
    );
    never(&["store"], &["candle", "crate::train", "crate::tape", "crate::model", "crate::execute"], &[]);
}

#[test]
fn a_report_never_starts_a_run() {
    never(&["report"], &["crate::execute", "crate::train", "crate::plan", "candle"], &[]);
}

/// Papers' metrics, averages and protocols come from their data: scores, store, reports and page have none of
/// their own.
#[test]
fn metrics_and_averages_are_named_by_papers_only() {
    let [metric, average] = ["f1_macro", "cps"];
    let quoted = [metric, average].map(|name| [format!("\"{name}\""), format!("'{name}'")]).concat();
    let words: Vec<&str> = quoted.iter().map(String::as_str).chain(["one_nn_cosine"]).collect();
    never(&[""], &words, &["src/lang/papers/"]);
}

#[test]
fn there_is_one_reverse_pass() {
    never(&[""], &[".backward()", "GradStore", "Var::", "with_tracing"], &[]);
}

/// candle's layers cut gradients silently. Frozen networks have no gradients, and take no tape.
#[test]
fn candles_networks_are_known_to_the_zoo_only_and_never_recorded() {
    never(&[""], &["candle_nn", "candle_transformers"], &["src/backbone/zoo/"]);
    never(&["backbone/zoo"], &["Tape", "Node", "crate::tape", "crate::ops", "crate::train"], &[]);
    never(&[""], &["Zoo::new", "zoo::"], &["src/backbone/", "src/spec/", "src/dsl/"]);
}

#[test]
fn randomness_has_one_source() {
    let others =
        ["Tensor::rand", "Tensor::randn", "rand::", "thread_rng", "RandomState", "SystemTime::now().hash"];
    never(&[""], &others, &["src/ops/seed.rs"]);
}

#[test]
fn async_stops_at_the_store() {
    let the_only_others =
        ["src/store", "src/serve/server.rs", "src/serve/connections.rs", "src/serve/live.rs"];
    never(&[""], &["async fn", ".await", "tokio"], &the_only_others);
}

#[test]
fn the_page_only_reads_and_only_the_command_line_knows_it() {
    let others = ["Store::open(", "crate::execute", "crate::train", "crate::plan", "crate::cli", "candle"];
    never(&["serve"], &others, &[]);
    never(&[""], &["crate::serve", "serve::"], &["src/serve", "src/cli"]);
}

#[test]
fn gpus_are_known_to_operations_and_to_the_device_only() {
    never(&[""], &["cudarc", "cuda_backend", "feature = \"cuda\"", "CudaStorage", "CUDA_"], &["src/ops/"]);
}

#[test]
fn what_is_compiled_in_is_in_the_same_package() {
    let package = |path: &Path| {
        path.ancestors()
            .find(|folder| folder.join("Cargo.toml").exists())
            .map(Path::to_owned)
            .expect("a package")
    };
    let mut seen = 0;
    for (path, code) in sources(&[""]) {
        let path = Path::new(&path);
        for text in ["include_str!(", "include_bytes!("].iter().flat_map(|word| code.split(word).skip(1)) {
            let text = text.strip_prefix("concat!(").unwrap_or(text);
            let Some(named) = text.strip_prefix('"').and_then(|text| text.split('"').next()) else {
                continue;
            };
            let file = path.with_file_name(named).canonicalize().expect("what is included is there");
            assert_eq!(package(&file), package(path), "{} takes in {named}", path.display());
            seen += 1;
        }
    }
    assert!(seen > 30, "{seen} found");
}
