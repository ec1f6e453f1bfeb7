//! The cells of a simulated CHAMMI: sets, splits, labels, groups; no pixels yet.

use super::cell::Kind;
use super::structures::Structure;
use super::world::{Size, World};

/// One set of CHAMMI.
pub(super) struct SetPlan {
    /// Name of its folder.
    pub(super) name: &'static str,
    /// The kind of cells.
    pub(super) kind: Kind,
    /// Channels in tape order.
    pub(super) channels: &'static [Structure],
    /// Largest share of light that leaks into the next channel. Small where labels are relations between
    /// channels, or the leak would show the relation in one channel.
    pub(super) bleed: f64,
    /// The task that leaves groups out, and the column that names them.
    pub(super) leave_out: Option<(&'static str, &'static str)>,
    /// Further columns, and their roles.
    pub(super) roles: &'static [(&'static str, &'static str)],
    /// Splits in table order.
    pub(super) splits: &'static [SplitPlan],
}

/// One split: its published number of images, labels, sources, batches and groups.
pub(super) struct SplitPlan {
    /// `Train`, `Task_one` …
    pub(super) name: &'static str,
    /// Labels with their published number of images, or shares of `images` where only these are published.
    pub(super) labels: &'static [(&'static str, f64)],
    /// Published number of images.
    pub(super) images: f64,
    /// Source, for CP; nothing for the other sets.
    pub(super) source: &'static str,
    /// Groups of its cells: structures (Allen), cell lines (HPA), plates (CP).
    pub(super) groups: &'static [&'static str],
}

const STAGES: &[(&str, f64)] =
    &[("M0", 94.5), ("M1M2", 1.1), ("M3", 0.6), ("M4M5", 1.6), ("M6M7_complete", 0.6), ("M6M7_single", 1.7)];
const KNOWN: &[(&str, f64)] =
    &[("golgi apparatus", 21.1), ("microtubules", 9.3), ("mitochondria", 27.2), ("nuclear speckles", 19.8)];
const NOVEL: &[(&str, f64)] = &[("cytosol", 7.9), ("endoplasmic reticulum", 5.7), ("nucleoplasm", 9.0)];

const STRUCTURES: &[&str] =
    &["endoplasmic reticulum", "golgi", "microtubules", "mitochondria", "nuclear envelope", "nucleoli"];
const NEW_STRUCTURES: &[&str] = &["actin bundles", "centrioles", "tight junctions"];

const CELL_LINES: &[&str] = &[
    "A-431",
    "A549",
    "EFO-21",
    "HAP1",
    "HEK 293",
    "HUVEC TERT2",
    "HaCaT",
    "HeLa",
    "PC-3",
    "RPTEC TERT1",
    "RT4",
    "SH-SY5Y",
];
const NEW_CELL_LINES: &[&str] = &["CACO-2", "Hep G2", "MCF7", "SiHa", "U-2 OS"];
const ALL_CELL_LINES: &[&str] = &[
    "A-431",
    "A549",
    "CACO-2",
    "EFO-21",
    "HAP1",
    "HEK 293",
    "HUVEC TERT2",
    "HaCaT",
    "HeLa",
    "Hep G2",
    "MCF7",
    "PC-3",
    "RPTEC TERT1",
    "RT4",
    "SH-SY5Y",
    "SiHa",
    "U-2 OS",
];

const PLATES: &[&str] = &["SQ00015202", "SQ00015204", "SQ00015206", "SQ00015208", "SQ00015210", "SQ00015212"];
const NEW_PLATES: &[&str] = &["SQ00015096", "SQ00015098", "SQ00015100"];

/// The three sets of CHAMMI. Numbers of images: the paper's section 3.2 and its appendix; CP's per label from
/// the history of the evaluation package, Train as the remainder of the whole.
pub(super) const SETS: [SetPlan; 3] = [
    SetPlan {
        name: "Allen",
        kind: Kind::Dividing,
        channels: &[Structure::Nucleus, Structure::Membrane, Structure::Protein],
        bleed: 0.1,
        leave_out: None,
        roles: &[],
        splits: &[
            SplitPlan { name: "Train", labels: STAGES, images: 31_060.0, source: "", groups: STRUCTURES },
            SplitPlan { name: "Task_one", labels: STAGES, images: 12_419.0, source: "", groups: STRUCTURES },
            SplitPlan {
                name: "Task_two",
                labels: STAGES,
                images: 21_624.0,
                source: "",
                groups: NEW_STRUCTURES,
            },
        ],
    },
    SetPlan {
        name: "HPA",
        kind: Kind::Polarised,
        channels: &[Structure::Microtubules, Structure::Protein, Structure::Nucleus, Structure::Er],
        bleed: 0.02,
        leave_out: Some(("Task_three", "cell_type")),
        roles: &[("plate", "plate"), ("well", "well"), ("field_of_view", "field_of_view")],
        splits: &[
            SplitPlan { name: "Train", labels: KNOWN, images: 32_725.0, source: "", groups: CELL_LINES },
            SplitPlan { name: "Task_one", labels: KNOWN, images: 13_051.0, source: "", groups: CELL_LINES },
            SplitPlan {
                name: "Task_two",
                labels: KNOWN,
                images: 5_994.0,
                source: "",
                groups: NEW_CELL_LINES,
            },
            SplitPlan {
                name: "Task_three",
                labels: NOVEL,
                images: 15_166.0,
                source: "",
                groups: ALL_CELL_LINES,
            },
        ],
    },
    SetPlan {
        name: "CP",
        kind: Kind::Spread,
        channels: &[Structure::Nucleus, Structure::Er, Structure::Rna, Structure::Golgi, Structure::Mito],
        bleed: 0.15,
        leave_out: Some(("Task_four", "Plate")),
        roles: &[
            ("treatment", "Treatment"),
            ("control", "is_control"),
            ("batch", "batch"),
            ("well", "Well"),
            ("site", "Site"),
        ],
        splits: &[
            SplitPlan {
                name: "Train",
                labels: &[
                    ("BRD-A29260609", 11_736.0),
                    ("BRD-K04185004", 7_157.0),
                    ("BRD-K21680192", 1_087.0),
                    ("DMSO", 16_380.0),
                ],
                images: 36_360.0,
                source: "LINCS",
                groups: PLATES,
            },
            SplitPlan {
                name: "Task_one",
                labels: &[
                    ("BRD-A29260609", 4_313.0),
                    ("BRD-K04185004", 2_702.0),
                    ("BRD-K21680192", 393.0),
                    ("DMSO", 5_657.0),
                ],
                images: 13_065.0,
                source: "LINCS",
                groups: PLATES,
            },
            SplitPlan {
                name: "Task_two",
                labels: &[
                    ("BRD-A29260609", 3_778.0),
                    ("BRD-K04185004", 2_209.0),
                    ("BRD-K21680192", 369.0),
                    ("DMSO", 10_039.0),
                ],
                images: 16_395.0,
                source: "LINCS",
                groups: NEW_PLATES,
            },
            SplitPlan {
                name: "Task_three",
                labels: &[
                    ("BRD-A29260609", 3_470.0),
                    ("BRD-K04185004", 2_581.0),
                    ("BRD-K21680192", 1_504.0),
                    ("DMSO", 2_520.0),
                ],
                images: 10_075.0,
                source: "CDRP",
                groups: &["24277", "24278", "24279"],
            },
            SplitPlan {
                name: "Task_four",
                labels: &[("BRD-K11129031", 4_738.0), ("BRD-K62310379", 4_113.0), ("BRD-K77947974", 3_499.0)],
                images: 12_350.0,
                source: "BBBC022",
                groups: &["20585", "20586", "20607", "20608"],
            },
        ],
    },
];

/// One cell to be imaged.
#[derive(Clone, Debug)]
pub(super) struct CellPlan {
    /// Running number in its set, from 0; names its random streams.
    pub(super) number: usize,
    pub(super) label: &'static str,
    pub(super) split: &'static str,
    pub(super) source: &'static str,
    pub(super) group: &'static str,
}

impl SetPlan {
    /// The set's cells, split by split, labels and groups mixed in each. Groups are dealt to each label in
    /// turn, so that neither group nor batch is informative about the label.
    pub(super) fn cells(&self, world: &World, size: &Size) -> Vec<CellPlan> {
        let mut all = Vec::new();
        for split in self.splits {
            let floor = if split.name == "Train" { size.floor_train } else { size.floor_test };
            let total: f64 = split.labels.iter().map(|label| label.1).sum();
            let mut cells = Vec::new();
            for &(label, share) in split.labels {
                let count = ((split.images * size.images * share / total).round() as usize).max(floor);
                let first = cells.len();
                cells.extend((0..count).map(|n| CellPlan {
                    number: 0,
                    label,
                    split: split.name,
                    source: split.source,
                    group: split.groups[(first + n) % split.groups.len()],
                }));
            }
            world.stream(&format!("plan/{}/{}", self.name, split.name)).shuffle(&mut cells);
            all.append(&mut cells);
        }
        for (number, cell) in all.iter_mut().enumerate() {
            cell.number = number;
        }
        all
    }
}
