//! CHAMMI as published on Zenodo (record 7988357): channels, statistics and image counts that its folder does
//! not state.

use super::{Images, Known, Published, Statistics, sets_in_folders};
use crate::{
    data::{
        Kind,
        describe::{Description, SetDescription},
        layout::Layout,
    },
    spec::chammi::{NAME, SETS},
};
use std::{collections::BTreeMap, path::Path};

/// What is known of it.
pub(super) static KNOWN: Known =
    Known { name: NAME, describe, read: sets_in_folders, images: &IMAGES, counts: |_| vec![] };

/// The description that `dataset.toml` would hold, if `root` has any of CHAMMI's folders.
fn describe(root: &Path) -> Option<Description> {
    if !SETS.iter().any(|set| root.join(set).join("enriched_meta.csv").is_file()) {
        return None;
    }
    let allen = set("Allen", None);
    let hpa = set("HPA", Some(("Task_three", "cell_type")));
    let cp = set("CP", Some(("Task_four", "Plate")));
    let sets = vec![allen, hpa, cp];
    Some(Description {
        name: None,
        kind: Kind::Real,
        world: None,
        simulator: None,
        form: None,
        sets,
        known: None,
    })
}

/// Channels of a set in tape order, and the number of classes in its `Train`.
pub fn channels(set: &str) -> Option<(&'static [&'static str], usize)> {
    match set {
        "Allen" => Some((&["nucleus", "membrane", "protein"], 6)),
        "HPA" => Some((&["microtubules", "protein", "nucleus", "er"], 4)),
        "CP" => Some((&["nucleus", "er", "rna", "golgi", "mito"], 4)),
        _ => None,
    }
}

/// Published mean and standard deviation of each channel of a set, from the released configuration.
pub fn statistics(set: &str) -> Option<Statistics> {
    match set {
        "Allen" => Some(ALLEN.into()),
        "HPA" => Some(HPA.into()),
        "CP" => Some(CP.into()),
        _ => None,
    }
}

fn set(name: &str, leave_out: Option<(&str, &str)>) -> SetDescription {
    let channels: Vec<String> = channels(name)
        .map(|(channels, _)| channels.iter().map(|&channel| channel.to_owned()).collect())
        .unwrap_or_default();
    SetDescription {
        name: name.to_owned(),
        channels: channels.clone(),
        spelled: channels,
        layout: Layout::Tape,
        intensity: None,
        leave_group_out: leave_out
            .map(|(task, column)| (task.to_owned(), column.to_owned()))
            .into_iter()
            .collect(),
        ask_all: None,
        roles: BTreeMap::new(),
        pixel_size_um: None,
        printed: statistics(name),
    }
}

const ALLEN: Published =
    (&[0.172_996_04, 0.212_032_63, 0.067_171_64], &[0.180_391_4, 0.194_780_2, 0.087_711_74]);
const HPA: Published = (
    &[0.082_904_75, 0.041_127_32, 0.064_044_476, 0.084_454_87],
    &[0.081_065_54, 0.052_796_874, 0.088_567_1, 0.081_555_4],
);
const CP: Published = (
    &[0.099_575_33, 0.192_297_38, 0.162_508_79, 0.182_402_48, 0.149_781_76],
    &[0.077_283_904, 0.074_369_825, 0.067_849_63, 0.066_472_545, 0.068_180_084],
);

/// Sources: the paper's section 3.2 and appendix, the evaluation package's history (CP's classes and its Task_two), and
/// differences of those (Train).
const IMAGES: [Images; 30] = [
    ("Allen", "", "", 65_103),
    ("Allen", "Train", "", 31_060),
    ("Allen", "Task_one", "", 12_419),
    ("Allen", "Task_two", "", 21_624),
    ("HPA", "", "", 66_936),
    ("HPA", "Train", "", 32_725),
    ("HPA", "Task_one", "", 13_051),
    ("HPA", "Task_two", "", 5_994),
    ("HPA", "Task_three", "", 15_166),
    ("CP", "", "", 88_245),
    ("CP", "Train", "", 36_360),
    ("CP", "Task_one", "", 13_065),
    ("CP", "Task_two", "", 16_395),
    ("CP", "Task_three", "", 10_075),
    ("CP", "Task_four", "", 12_350),
    ("CP", "Task_one", "BRD-A29260609", 4_313),
    ("CP", "Task_one", "BRD-K21680192", 393),
    ("CP", "Task_one", "BRD-K04185004", 2_702),
    ("CP", "Task_one", "DMSO", 5_657),
    ("CP", "Task_two", "BRD-A29260609", 3_778),
    ("CP", "Task_two", "BRD-K21680192", 369),
    ("CP", "Task_two", "BRD-K04185004", 2_209),
    ("CP", "Task_two", "DMSO", 10_039),
    ("CP", "Task_three", "BRD-A29260609", 3_470),
    ("CP", "Task_three", "BRD-K21680192", 1_504),
    ("CP", "Task_three", "BRD-K04185004", 2_581),
    ("CP", "Task_three", "DMSO", 2_520),
    ("CP", "Task_four", "BRD-K11129031", 4_738),
    ("CP", "Task_four", "BRD-K62310379", 4_113),
    ("CP", "Task_four", "BRD-K77947974", 3_499),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printed_numbers_add_up() {
        let sum = |set: &str, split: Option<&str>| -> u64 {
            let of = |&&(s, p, label, _): &&Images| {
                s == set
                    && split
                        .map_or(!p.is_empty() && label.is_empty(), |split| p == split && !label.is_empty())
            };
            IMAGES.iter().filter(of).map(|row| row.3).sum()
        };
        let printed =
            |set: &str, split: &str| IMAGES.iter().find(|r| (r.0, r.1, r.2) == (set, split, "")).map(|r| r.3);
        for set in SETS {
            assert_eq!(Some(sum(set, None)), printed(set, ""), "{set}");
        }
        for task in ["Task_one", "Task_two", "Task_three", "Task_four"] {
            assert_eq!(Some(sum("CP", Some(task))), printed("CP", task), "{task}");
        }
    }
}
