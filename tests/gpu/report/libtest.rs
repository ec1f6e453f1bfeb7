//! Parses the output of Rust's tests with `--show-output`: which passed, where they ran, and how close
//! numbers were.

use serde_json::{Value, json};
use std::collections::BTreeMap;

/// One test.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Test {
    /// `ok`, `FAILED`, `ignored`; empty if the program ended during the test.
    pub outcome: String,
    /// `cuda NVIDIA H200`, `the emulator`.
    pub ran_on: Vec<String>,
    /// The comparison closest to its tolerance: error, tolerance, name.
    pub worst: Option<(f64, f64, String)>,
    /// The number of comparisons on GPUs.
    pub compared: usize,
    /// Its message if it failed.
    pub message: String,
}

/// The tests of a program by name.
pub fn read(text: &str) -> BTreeMap<String, Test> {
    let mut tests = BTreeMap::<String, Test>::new();
    let mut of: Option<String> = None;
    for line in text.lines() {
        if let Some((name, outcome)) = line.strip_prefix("test ").and_then(|rest| rest.split_once(" ... ")) {
            let word = outcome.split([' ', ',']).next().unwrap_or_default(); // `ignored, a benchmark`
            tests.entry(name.to_owned()).or_default().outcome = word.to_owned();
            of = None;
        } else if let Some(name) =
            line.strip_prefix("---- ").and_then(|rest| rest.strip_suffix(" stdout ----"))
        {
            of = Some(name.to_owned());
        } else if ["successes:", "failures:"].contains(&line) || line.starts_with("test result:") {
            of = None;
        } else if let Some(test) = of.as_ref().and_then(|name| tests.get_mut(name)) {
            test.receive(line);
        }
    }
    tests
}

impl Test {
    fn receive(&mut self, line: &str) {
        if let Some(place) = line.strip_prefix("ran on ") {
            if !self.ran_on.iter().any(|known| known == place) {
                self.ran_on.push(place.to_owned());
            }
        } else if let Some(rest) = line.strip_prefix("compared ") {
            let mut words = rest.splitn(3, ' ');
            let mut number = || words.next().and_then(|word| word.parse::<f64>().ok());
            let (Some(error), Some(tolerance)) = (number(), number()) else { return };
            self.compared += 1;
            let nearer = self.worst.as_ref().is_none_or(|(worst, of, _)| error / tolerance > worst / of);
            if nearer {
                self.worst = Some((error, tolerance, words.next().unwrap_or_default().to_owned()));
            }
        } else if self.outcome == "FAILED" && !line.is_empty() && !line.starts_with("note: ") {
            let gap = if self.message.is_empty() { "" } else { "\n" };
            self.message = format!("{}{gap}{line}", self.message).chars().take(600).collect();
        }
    }

    pub fn json(&self, name: &str) -> Value {
        let worst = self
            .worst
            .as_ref()
            .map(|(error, tolerance, of)| json!({"error": error, "tolerance": tolerance, "of": of}));
        json!({
            "name": name, "outcome": self.outcome, "ran_on": self.ran_on, "compared": self.compared,
            "worst": worst, "message": self.message,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_places_and_errors_are_read() {
        let text = "\nrunning 3 tests\ntest a::one ... ok\ntest a::two ... FAILED\ntest a::three ... ok\n\nsuccesses:\n\n\
            ---- a::one stdout ----\nran on cuda NVIDIA H200\ncompared 1e-6 1e-4 y of x\ncompared 5e-5 1e-4 dx\n\n\n\
            successes:\n    a::one\n\nfailures:\n\n---- a::two stdout ----\ncompared 3e-2 1e-4 y\n\
            thread 'a::two' panicked at src/golden.rs:9:\ny: relative error 3e-2 is above 1e-4\n\
            note: run with `RUST_BACKTRACE=1`\n\n\nfailures:\n    a::two\n\ntest result: FAILED. 2 passed; 1 failed\n";
        let tests = read(text);
        assert_eq!(tests.len(), 3);
        let one = &tests["a::one"];
        assert_eq!((one.outcome.as_str(), one.compared), ("ok", 2));
        assert_eq!(one.ran_on, ["cuda NVIDIA H200"]);
        assert_eq!(one.worst, Some((5e-5, 1e-4, "dx".into())));
        let two = &tests["a::two"];
        assert_eq!(two.outcome, "FAILED");
        assert!(two.message.ends_with("y: relative error 3e-2 is above 1e-4") && two.ran_on.is_empty());
        assert_eq!(tests["a::three"], Test { outcome: "ok".into(), ..Test::default() });
    }

    #[test]
    fn a_test_in_which_the_program_ended_has_no_outcome() {
        assert_eq!(read("test a::one ... ok\ntest a::two ... ")["a::two"].outcome, "");
        assert_eq!(read("test a ... ignored, it takes long")["a"].outcome, "ignored");
    }
}
