//! What the papers call the things that the store calls `Allen/Task_one`: the one table of names and averages.

/// One scored task of CHAMMI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Task {
    /// In the store and in JSON.
    pub name: &'static str,
    /// In the paper's tables.
    pub paper: &'static str,
    /// Over a column.
    pub short: &'static str,
    /// Whether it asks for something that training has not seen (Task_one does not).
    pub novel: bool,
}

impl Task {
    /// The set: `Allen`.
    pub fn set(&self) -> &'static str {
        self.name.split_once('/').map_or(self.name, |(set, _)| set)
    }
}

const fn task(name: &'static str, paper: &'static str, short: &'static str, novel: bool) -> Task {
    Task { name, paper, short, novel }
}

/// The nine tasks in the paper's order.
pub const TASKS: [Task; 9] = [
    task("Allen/Task_one", "W_Task1", "WTC T1", false),
    task("Allen/Task_two", "W_Task2", "WTC T2", true),
    task("HPA/Task_one", "H_Task1", "HPA T1", false),
    task("HPA/Task_two", "H_Task2", "HPA T2", true),
    task("HPA/Task_three", "H_Task3", "HPA T3", true),
    task("CP/Task_one", "C_Task1", "CP T1", false),
    task("CP/Task_two", "C_Task2", "CP T2", true),
    task("CP/Task_three", "C_Task3", "CP T3", true),
    task("CP/Task_four", "C_Task4", "CP T4", true),
];

/// One average over tasks that the paper prints.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Average {
    /// In the store and in JSON.
    pub name: &'static str,
    /// In the paper's tables.
    pub paper: &'static str,
    /// What else it is called.
    pub also: &'static [&'static str],
    /// Over a column.
    pub short: &'static str,
    /// Each task's share.
    pub parts: &'static [(&'static str, f64)],
}

/// The paper's four averages, the overall one first: CPS = W2/3 + (H2 + H3)/6 + (C2 + C3 + C4)/9. Behind it one of ours, the
/// same without two tasks in which trivial predictors are above nearly every system in print.
pub const AVERAGES: [Average; 5] = [
    Average {
        name: "cps",
        paper: "OOD_mean",
        also: &["CPS", "Overall"],
        short: "CPS",
        parts: &[
            ("Allen/Task_two", 1.0 / 3.0),
            ("HPA/Task_two", 1.0 / 6.0),
            ("HPA/Task_three", 1.0 / 6.0),
            ("CP/Task_two", 1.0 / 9.0),
            ("CP/Task_three", 1.0 / 9.0),
            ("CP/Task_four", 1.0 / 9.0),
        ],
    },
    Average {
        name: "cps_without_c3_c4",
        paper: "CPS without C_Task3 and C_Task4",
        also: &[],
        short: "CPS−",
        parts: &[
            ("Allen/Task_two", 1.0 / 3.0),
            ("HPA/Task_two", 1.0 / 6.0),
            ("HPA/Task_three", 1.0 / 6.0),
            ("CP/Task_two", 1.0 / 3.0),
        ],
    },
    Average {
        name: "wtc_mean",
        paper: "WTC_OOD_mean",
        also: &["WTC"],
        short: "WTC",
        parts: &[("Allen/Task_two", 1.0)],
    },
    Average {
        name: "hpa_mean",
        paper: "HPA_OOD_mean",
        also: &["HPA"],
        short: "HPA",
        parts: &[("HPA/Task_two", 0.5), ("HPA/Task_three", 0.5)],
    },
    Average {
        name: "cp_mean",
        paper: "CP_OOD_mean",
        also: &["CP"],
        short: "CP",
        parts: &[("CP/Task_two", 1.0 / 3.0), ("CP/Task_three", 1.0 / 3.0), ("CP/Task_four", 1.0 / 3.0)],
    },
];

/// The name in the store of a task or an average that a paper spells in its own way (or already as the store does).
pub fn from_paper(word: &str) -> Option<&'static str> {
    let task = TASKS.iter().find(|task| task.paper == word || task.name == word).map(|task| task.name);
    task.or_else(|| {
        AVERAGES
            .iter()
            .find(|average| average.paper == word || average.name == word || average.also.contains(&word))
            .map(|average| average.name)
    })
}

/// The paper's spelling of a task or average of the store.
pub fn to_paper(name: &str) -> Option<&'static str> {
    let task = TASKS.iter().find(|task| task.name == name).map(|task| task.paper);
    task.or_else(|| AVERAGES.iter().find(|average| average.name == name).map(|average| average.paper))
}

/// What a task or an average is sorted by: averages, then CHAMMI's tasks as the paper has them, then others by set and
/// number. `Task_two` stands before `Task_three`.
pub fn order(name: &str) -> (usize, &str, usize) {
    let mut known = AVERAGES.iter().map(|average| average.name).chain(TASKS.iter().map(|task| task.name));
    let known = known.position(|known| known == name).unwrap_or(usize::MAX);
    let (set, task) = name.split_once('/').unwrap_or((name, ""));
    let number = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"];
    let number = number.iter().position(|word| task.ends_with(&format!("_{word}"))).unwrap_or(usize::MAX);
    (known, set, number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_goes_there_and_back_and_every_average_weighs_one() {
        for name in TASKS.iter().map(|task| task.name).chain(AVERAGES.iter().map(|average| average.name)) {
            assert_eq!(to_paper(name).and_then(from_paper), Some(name));
            assert_eq!(from_paper(name), Some(name));
        }
        for average in &AVERAGES {
            let weight: f64 = average.parts.iter().map(|(_, weight)| weight).sum();
            assert!((weight - 1.0).abs() < 1e-12, "{}", average.name);
            for (part, _) in average.parts {
                assert!(TASKS.iter().any(|task| task.name == *part && task.novel), "{part}");
            }
        }
        assert_eq!(from_paper("Overall"), Some("cps"));
        assert_eq!(from_paper("W_Task3"), None);
    }
}
