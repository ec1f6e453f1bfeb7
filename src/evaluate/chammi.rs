//! The paper's averages of macro-F1 over tasks.

use super::names::AVERAGES;

/// One of [`AVERAGES`] by its name in the store; `None` while a task that it needs has no score.
///
/// `f1_macro` answers with the macro-F1 of a task by its name in the store.
pub fn average(name: &str, f1_macro: impl Fn(&str) -> Option<f64>) -> Option<f64> {
    let average = AVERAGES.iter().find(|average| average.name == name)?;
    average.parts.iter().map(|(task, weight)| Some(weight * f1_macro(task)?)).sum()
}

/// The CHAMMI performance score.
pub fn cps(f1_macro: impl Fn(&str) -> Option<f64>) -> Option<f64> {
    average("cps", f1_macro)
}

#[cfg(test)]
mod tests {
    use super::super::names;
    use super::*;
    use std::collections::BTreeMap;

    /// The averages that the paper prints follow from the tasks that it prints, within its three digits.
    #[test]
    fn printed_averages_follow_from_printed_tasks() {
        let tables = [
            include_str!("../../reports/paper/chammi_table2.csv"),
            include_str!("../../reports/paper/chammi_table3.csv"),
            include_str!("../../reports/paper/chammi_table4.csv"),
        ];
        let mut compared = 0;
        for table in tables {
            let mut rows: BTreeMap<(String, String), BTreeMap<&str, f64>> = BTreeMap::new();
            for record in csv::Reader::from_reader(table.as_bytes()).records() {
                let record = record.unwrap();
                let row = rows.entry((record[1].into(), record[2].into())).or_default();
                // The one row that contradicts itself in print, and its cells that are lost.
                let damaged = ["printed_inconsistent", "missing", "ocr_single"].contains(&&record[5]);
                if let (Some(name), Ok(value), false) =
                    (names::from_paper(&record[3]), record[4].parse(), damaged)
                {
                    row.insert(name, value);
                }
            }
            for (row, values) in rows {
                for name in AVERAGES.iter().map(|average| average.name) {
                    let computed = average(name, |task| values.get(task).copied());
                    if let (Some(computed), Some(printed)) = (computed, values.get(name)) {
                        assert!(
                            (computed - printed).abs() < 1.1e-3,
                            "{row:?} {name}: {computed} against {printed}"
                        );
                        compared += 1;
                    }
                }
            }
        }
        assert!(compared > 220, "only {compared} averages were compared");
    }

    #[test]
    fn a_missing_task_leaves_no_average() {
        assert_eq!(cps(|task| (task != "CP/Task_four").then_some(1.0)), None);
        assert_eq!(cps(|_| Some(1.0)).map(|cps| (cps * 1e9).round()), Some(1e9));
    }
}
