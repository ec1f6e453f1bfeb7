//! Properties of every paper's data.

use super::*;
use std::collections::BTreeSet;

/// Model, condition, task, value and flag of every number of a table.
pub(super) fn numbers(table: &Published) -> Vec<[String; 5]> {
    let rows = csv::Reader::from_reader(table.csv.as_bytes()).into_records();
    rows.map(|row| {
        let row = row.unwrap_or_else(|error| panic!("{}: {error}", table.table));
        [1, 2, 3, 4, 5].map(|column| row[column].to_owned())
    })
    .collect()
}

#[test]
fn every_name_goes_there_and_back_and_every_average_weighs_one() {
    for paper in PAPERS {
        let names = paper.tasks.iter().map(|task| task.name);
        for name in names.chain(paper.averages.iter().map(|average| average.name)) {
            assert_eq!(paper.to_paper(name).and_then(|word| paper.from_paper(word)), Some(name));
            assert_eq!(paper.from_paper(name), Some(name));
            assert!(paper.short(name).is_some());
        }
        for average in paper.averages {
            let weight: f64 = average.parts.iter().map(|(_, weight)| weight).sum();
            assert!((weight - 1.0).abs() < 1e-12, "{}", average.name);
            for (part, _) in average.parts {
                assert!(paper.task(part).is_some(), "{part}");
            }
        }
    }
}

#[test]
fn no_two_papers_reports_or_tables_share_a_name() {
    let all = || PAPERS.into_iter().flat_map(|paper| paper.reports().map(move |name| (paper.name, name)));
    assert_eq!(all().collect::<BTreeSet<_>>().len(), all().count());
    let named: BTreeSet<&str> = PAPERS.iter().map(|paper| paper.name).collect();
    assert_eq!(named.len(), PAPERS.len());
}

#[test]
fn a_name_of_the_store_means_one_thing_in_all_papers() {
    for (at, paper) in PAPERS.iter().enumerate() {
        for other in &PAPERS[at + 1..] {
            for average in paper.averages {
                let same = other.average(average.name).is_none_or(|same| same.parts == average.parts);
                assert!(same, "`{}` is two averages, in {} and {}", average.name, paper.name, other.name);
            }
        }
    }
}

#[test]
fn every_number_is_one_and_every_table_has_its_rows_once() {
    for paper in PAPERS {
        for table in paper.tables {
            let mut seen = BTreeSet::new();
            for [model, condition, task, value, flag] in numbers(table) {
                assert!(value.parse::<f64>().is_ok() || flag == "missing", "{} {value}", table.table);
                let place = (model, condition, task);
                assert!(seen.insert(place.clone()), "{}: {place:?} twice", table.table);
            }
            assert!(!seen.is_empty(), "{} is empty", table.table);
            for row in table.unfillable {
                let known = |(model, condition, _): &(String, String, String)| {
                    model == row.model && condition == row.condition
                };
                assert!(seen.iter().any(known), "{} has no {} {}", table.table, row.model, row.condition);
            }
        }
    }
}

#[test]
fn names_are_sorted_as_papers_have_them_and_then_by_number() {
    let mut names = ["Yeast/Task_two", "CP/Task_one", "Yeast/Task_one", "Allen/Task_two", "cp_mean", "cps"];
    names.sort_by_key(|name| order(name));
    assert_eq!(
        names,
        ["cps", "cp_mean", "Allen/Task_two", "CP/Task_one", "Yeast/Task_one", "Yeast/Task_two"]
    );
}
