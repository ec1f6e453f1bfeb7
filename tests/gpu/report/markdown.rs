//! The page of a run on a GPU: the verdict first, then the numbers behind it.

use serde_json::Value;
use std::fmt::Write;

/// The page.
pub fn write(all: &Value) -> String {
    let mut page = String::new();
    head(&mut page, all);
    pinned(&mut page, &all["pinned"]);
    speed(&mut page, all);
    profiles(&mut page, list(&all["profile"]));
    experiments(&mut page, list(&all["experiments"]));
    conditions(&mut page, all);
    page
}

/// Adds a line.
macro_rules! line {
    ($page:expr) => { $page.push('\n') };
    ($page:expr, $($text:tt)*) => { writeln!($page, $($text)*).expect("a text takes lines") };
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("unknown")
}

/// A number with three significant digits.
fn number(value: f64) -> String {
    let value = value + 0.0; // an empty sum is -0
    match value.abs() {
        _ if !value.is_finite() => "·".into(),
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

fn shown(value: &Value) -> String {
    value.as_f64().map_or("·".into(), number)
}

fn numbers(value: &Value) -> Vec<f64> {
    let mut numbers: Vec<f64> = list(value).iter().filter_map(Value::as_f64).collect();
    numbers.sort_by(f64::total_cmp);
    numbers
}

/// `median (least to most)`.
fn spread(value: &Value) -> String {
    let numbers = numbers(value);
    match numbers[..] {
        [] => "·".into(),
        [one] => number(one),
        _ => {
            let (low, high) = (numbers[0], numbers[numbers.len() - 1]);
            format!("{} ({} to {})", number(median(&numbers)), number(low), number(high))
        }
    }
}

/// The median of sorted numbers.
fn median(numbers: &[f64]) -> f64 {
    let middle = numbers.len() / 2;
    match numbers.len() {
        0 => f64::NAN,
        n if n % 2 == 0 => f64::midpoint(numbers[middle - 1], numbers[middle]),
        _ => numbers[middle],
    }
}

fn head(page: &mut String, all: &Value) {
    let (machine, carried, pinned) = (&all["machine"], &all["carried"], &all["pinned"]);
    let commit = text(&carried["commit"]);
    let dirty = if carried["dirty"] == true { " with changes" } else { "" };
    line!(page, "# dichroic on {}", text(&machine["gpu"]));
    line!(page);
    line!(
        page,
        "{}, commit {}{dirty}, {} s of {} s.",
        text(&machine["date"]),
        commit.get(..10).unwrap_or(commit),
        text(&machine["seconds"]),
        text(&machine["budget_s"])
    );
    if machine["device"] != "cuda" || machine["small"] == "yes" {
        line!(page);
        line!(page, "**A dry run: it shows that the parts work. No figure here is valid for a GPU.**");
    }
    line!(page);
    if !pinned.is_null() {
        let places: Vec<String> = pinned["ran_on"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(place, count)| format!("{count} on {place}"))
            .collect();
        let places = if places.is_empty() { "none on a GPU".to_owned() } else { places.join(", ") };
        let verdict = match (pinned["failed"].as_u64(), pinned["unfinished"].as_u64().unwrap_or(0)) {
            (Some(0), 0) => "all agree".to_owned(),
            (Some(0), unfinished) => format!("**{unfinished} did not finish**, the others agree"),
            _ => "**not all agree**".to_owned(),
        };
        let (passed, failed) = (&pinned["passed"], &pinned["failed"]);
        line!(page, "* Pinned cases: {passed} passed, {failed} failed ({places}); {verdict}.");
    }
    for ours in list(&all["speed"]).iter().filter(|side| side["how"] == "ours") {
        let peers = list(&all["speed"]).iter().filter(|side| {
            side["how"] != "ours" && side["work"] == ours["work"] && side["format"] == ours["format"]
        });
        let peers: Vec<String> = peers
            .filter(|side| !list(&side["ours_over_it"]).is_empty())
            .map(|side| {
                format!(
                    "{} × PyTorch {}",
                    number(median(&numbers(&side["ours_over_it"]))),
                    text(&side["how"])
                )
            })
            .collect();
        let beside = if peers.is_empty() { String::new() } else { format!(": {}", peers.join(", ")) };
        let speed = number(median(&numbers(&ours["images_per_s"])));
        line!(page, "* {} {}: {speed} images/s{beside}.", text(&ours["work"]), text(&ours["format"]));
    }
    for part in list(&all["parts"]).iter().filter(|part| part["outcome"] != "ok") {
        let said = text(&part["said"]).replace('\n', " / ");
        let said = if said.is_empty() { said } else { format!(": `{}`", said.replace('`', "'")) };
        line!(
            page,
            "* **{}: {} after {} s**{said}",
            text(&part["name"]),
            text(&part["outcome"]),
            shown(&part["seconds"])
        );
    }
    line!(page);
}

fn pinned(page: &mut String, pinned: &Value) {
    let cases = list(&pinned["cases"]);
    if cases.is_empty() {
        return;
    }
    line!(page, "## Pinned cases");
    line!(page);
    line!(page, "{} comparisons with golden values, or between CPU and GPU.", pinned["compared"]);
    for case in cases.iter().filter(|case| !["ok", "ignored"].contains(&text(&case["outcome"]))) {
        line!(page);
        let how = if case["outcome"] == "FAILED" { "failed" } else { "did not finish" };
        line!(page, "**{}** {how}", text(&case["name"]));
        line!(page);
        line!(page, "```text\n{}\n```", text(&case["message"]).trim_end());
    }
    for name in list(&pinned["passed_only_alone"]) {
        line!(page, "`{}` passed only in a separate process.", text(name));
    }
    let mut near: Vec<(f64, &Value)> = cases
        .iter()
        .filter_map(|case| {
            let worst = &case["worst"];
            Some((worst["error"].as_f64()? / worst["tolerance"].as_f64()?, case))
        })
        .collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0));
    if near.is_empty() {
        line!(page);
        return;
    }
    line!(page);
    line!(page, "Closest to their tolerance:");
    line!(page);
    line!(page, "| case | value | relative error | tolerance |\n|---|---|---|---|");
    for (_, case) in near.iter().take(8) {
        let worst = &case["worst"];
        let (error, tolerance) = (worst["error"].as_f64(), worst["tolerance"].as_f64());
        let (error, tolerance) = (error.unwrap_or(f64::NAN), tolerance.unwrap_or(f64::NAN));
        line!(page, "| `{}` | {} | {error:.1e} | {tolerance:.0e} |", text(&case["name"]), text(&worst["of"]));
    }
    line!(page);
}

fn speed(page: &mut String, all: &Value) {
    let sides = list(&all["speed"]);
    if sides.is_empty() {
        return;
    }
    let first = &sides[0];
    line!(page, "## Speed");
    line!(page);
    line!(
        page,
        "ConvNeXt-Tiny, {} px, batch {}, ours and PyTorch's in turns; medians of rounds (least to most).",
        first["side"],
        first["batch"]
    );
    line!(page);
    line!(
        page,
        "| work | format | how | images/s | ours over it | rounds | tensors, MiB | process, MiB |\n|---|---|---|---|---|---|---|---|"
    );
    for side in sides {
        let ratio = if side["how"] == "ours" { "1".to_owned() } else { spread(&side["ours_over_it"]) };
        let speed = match side["error"].as_str() {
            Some(error) => error.lines().last().unwrap_or_default().replace('|', "/"),
            None => spread(&side["images_per_s"]),
        };
        line!(
            page,
            "| {} | {} | {} | {speed} | {ratio} | {} | {} | {} |",
            text(&side["work"]),
            text(&side["format"]),
            text(&side["how"]),
            list(&side["images_per_s"]).len(),
            shown(&side["peak_mib"]),
            shown(&side["process_mib"])
        );
    }
    line!(page);
    if let Some(peer) = sides.iter().map(|side| &side["peer"]).find(|peer| !peer.is_null()) {
        line!(page, "PyTorch {}, timm {}.", text(&peer["torch"]), text(&peer["timm"]));
    }
    for warm in list(&all["compiled"]).iter().filter(|warm| warm["warm_up_s"].is_number()) {
        let [work, format, how] = ["work", "format", "how"].map(|name| text(&warm[name]));
        line!(page, "PyTorch's {how} of {work} {format} took {} s to warm up.", shown(&warm["warm_up_s"]));
    }
    for warm in list(&all["compiled"]).iter().filter(|warm| warm["error"].is_string()) {
        line!(
            page,
            "PyTorch's compilation failed: `{}`",
            text(&warm["error"]).lines().next().unwrap_or_default()
        );
    }
    line!(page);
}

fn profiles(page: &mut String, profiles: &[Value]) {
    for profile in profiles {
        let whose = match text(&profile["profile"]) {
            "ours" => "Ours".to_owned(),
            how => format!("PyTorch, {how}"),
        };
        line!(
            page,
            "## {whose}: where a step's time goes ({} {})",
            text(&profile["work"]),
            text(&profile["format"])
        );
        line!(page);
        let kernels = list(&profile["kernels"]);
        let total = profile["kernels_ms"].as_f64().unwrap_or_default();
        let calls: f64 = kernels.iter().filter_map(|kernel| kernel["calls"].as_f64()).sum();
        let step = profile["step_ms"].as_f64().unwrap_or(f64::NAN);
        let while_profiled = match profile["profiled_step_ms"].as_f64() {
            Some(ms) => format!(" ({} ms while profiled)", number(ms)),
            None => " (while profiled)".into(),
        };
        line!(
            page,
            "{} ms a step{while_profiled}, {} ms in {} launches ({} % of the step).",
            number(step),
            number(total),
            number(calls),
            number(100.0 * total / step)
        );
        if kernels.is_empty() {
            line!(page, "\nNothing was launched: on the CPU there are no kernels.\n");
            continue;
        }
        line!(page);
        line!(page, "| kernel | calls | ms | share | TB/s | TFLOP/s |\n|---|---|---|---|---|---|");
        let row = |page: &mut String, name: &str, of: &[&Value]| {
            let sum = |field: &str| of.iter().filter_map(|kernel| kernel[field].as_f64()).sum::<f64>();
            let (calls, ms, bytes, operations) = (sum("calls"), sum("ms"), sum("bytes"), sum("operations"));
            let rate = |amount: f64| if amount > 0.0 { number(amount / ms / 1e9) } else { "·".into() };
            let share = 100.0 * ms / total;
            let name = name.replace('|', "/").chars().take(90).collect::<String>();
            line!(
                page,
                "| {name} | {} | {ms:.3} | {share:.1} % | {} | {} |",
                number(calls),
                rate(bytes),
                rate(operations)
            );
        };
        let is_product = |kernel: &&Value| text(&kernel["name"]).starts_with("product ");
        let products: Vec<&Value> = kernels.iter().filter(is_product).collect();
        if !products.is_empty() {
            row(page, "**all matrix products**", &products);
        }
        for kernel in kernels.iter().take(30) {
            row(page, text(&kernel["name"]), &[kernel]);
        }
        let rest: Vec<&Value> = kernels.iter().skip(30).collect();
        if !rest.is_empty() {
            row(page, &format!("{} others", rest.len()), &rest);
        }
        line!(page);
    }
}

fn experiments(page: &mut String, experiments: &[Value]) {
    if experiments.is_empty() {
        return;
    }
    line!(page, "## Whole experiments, from their stores");
    line!(page);
    line!(
        page,
        "| experiment | works, seconds | training, images/s | macro-F1 (cps) | numerics |\n|---|---|---|---|---|"
    );
    for experiment in experiments {
        let works = list(&experiment["works"]);
        let took: Vec<String> =
            works.iter().map(|work| format!("{} {}", text(&work["kind"]), shown(&work["secs"]))).collect();
        let paces: Vec<String> = experiment["pace"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(kind, pace)| {
                format!(
                    "{kind} {} ({} to {})",
                    shown(&pace["median"]),
                    shown(&pace["low"]),
                    shown(&pace["high"])
                )
            })
            .collect();
        let cps = list(&experiment["scores"]).iter().find(|row| row["task"] == "cps");
        let cps =
            cps.and_then(|row| row["value"].as_f64()).map_or("·".into(), |value| format!("{value:.3}"));
        let numerics = works.iter().map(|work| text(&work["numerics"])).next().unwrap_or("·");
        line!(
            page,
            "| {} | {} | {} | {cps} | {numerics} |",
            text(&experiment["name"]),
            took.join(", "),
            paces.join(", ")
        );
    }
    line!(page);
}

fn conditions(page: &mut String, all: &Value) {
    line!(page, "## Machine and build");
    line!(page);
    line!(page, "| | |\n|---|---|");
    for (name, value) in all["machine"].as_object().into_iter().flatten() {
        line!(page, "| {name} | {} |", text(value).replace('|', "/"));
    }
    let clocks = &all["clocks"];
    if !clocks.is_null() {
        let ends = |name: &str| format!("{} to {}", shown(&clocks[name][0]), shown(&clocks[name][1]));
        line!(
            page,
            "| while busy | {} MHz, memory {} MHz, {} W, {} °C, over {} s |",
            ends("sm_mhz"),
            ends("memory_mhz"),
            ends("watt"),
            ends("celsius"),
            clocks["busy_seconds"]
        );
    }
    let carried = &all["carried"];
    let libraries: Vec<&str> = list(&carried["libraries"]).iter().map(text).collect();
    line!(
        page,
        "| binaries | {}, {}; glibc {} or later; {} |",
        text(&carried["rustc"]),
        text(&carried["nvcc"]),
        text(&carried["glibc"]),
        libraries.join(", ")
    );
    line!(page);
    line!(page, "| part | outcome | seconds | limit |\n|---|---|---|---|");
    for part in list(&all["parts"]) {
        line!(
            page,
            "| {} | {} | {} | {} |",
            text(&part["name"]),
            text(&part["outcome"]),
            shown(&part["seconds"]),
            shown(&part["limit_s"])
        );
    }
    line!(page);
    line!(page, "Method: `tests/gpu/METHOD.md`.");
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_page_begins_with_what_holds() {
        let page = write(&json!({
            "machine": {"gpu": "NVIDIA H200", "device": "cuda", "small": "no", "seconds": "300", "budget_s": "480"},
            "carried": {"commit": "0123456789abcdef", "dirty": false},
            "parts": [{"name": "embed", "outcome": "out of time", "seconds": 9.0, "limit_s": 9.0, "said": "a\nb"}],
            "pinned": {"passed": 2, "failed": 1, "compared": 7, "ran_on": {"cuda NVIDIA H200": 2}, "passed_only_alone": [],
                "cases": [{"name": "a::b", "outcome": "FAILED", "message": "y: relative error 3e-2"},
                    {"name": "c", "outcome": "ok", "worst": {"error": 5e-5, "tolerance": 1e-4, "of": "dx"}}]},
            "speed": [{"work": "train", "format": "bf16", "how": "ours", "images_per_s": [100.0, 104.0, 90.0]},
                {"work": "train", "format": "bf16", "how": "eager", "images_per_s": [50.0], "ours_over_it": [2.0, 2.08, 1.8]},
                {"work": "train", "format": "bf16", "how": "compile", "error": "RuntimeError: no compiler", "ours_over_it": []}],
            "profile": [{"profile": "ours", "work": "train", "format": "bf16", "step_ms": 20.0, "kernels_ms": 16.0,
                "kernels": [{"name": "product 4×5 · 5×6 bf16", "calls": 3, "ms": 12.0, "bytes": 24e9, "operations": 6e12},
                    {"name": "gelu bf16", "calls": 6, "ms": 4.0, "bytes": 8e9, "operations": 0}]}],
            "experiments": [], "compiled": [], "clocks": null,
        }));
        let at = |part: &str| page.find(part).unwrap_or_else(|| panic!("no {part} in\n{page}"));
        assert!(page.starts_with("# dichroic on NVIDIA H200\n"));
        assert!(at("2 passed, 1 failed (2 on cuda NVIDIA H200); **not all agree**") < at("## Pinned cases"));
        assert!(at("* train bf16: 100 images/s: 2.00 × PyTorch eager.") < at("## Speed"));
        at("* **embed: out of time after 9.00 s**: `a / b`");
        at("**a::b** failed\n\n```text\ny: relative error 3e-2\n```");
        at("| `c` | dx | 5.0e-5 | 1e-4 |");
        at("| train | bf16 | compile | RuntimeError: no compiler |");
        at("| **all matrix products** | 3.00 | 12.000 | 75.0 % | 2.00 | 500 |");
        assert!(!page.contains("dry run"));
    }

    #[test]
    fn a_dry_run_says_so() {
        let page = write(&json!({"machine": {"device": "cpu"}}));
        assert!(page.contains("**A dry run"), "{page}");
    }
}
