//! CHAMMI's nine tasks and its averages over them, with the paper's names.

use crate::papers::{Average, Task};

const fn task(name: &'static str, paper: &'static str, short: &'static str, novel: bool) -> Task {
    Task { name, paper, short, novel }
}

/// The nine tasks in the paper's order; `Task_one` queries nothing that training has not seen.
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

/// The paper's four averages, the overall one first: CPS = W2/3 + (H2 + H3)/6 + (C2 + C3 + C4)/9. The last
/// one is ours: CPS without two tasks in which trivial predictors are above nearly every published system.
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
