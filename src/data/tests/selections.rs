//! Rows by role and value, and what is left of them after thinning and holding out.

use crate::{
    data::{ImageSet, Role, sample},
    spec::Condition,
};

fn having(role: Role, values: &[&str]) -> Condition {
    Condition { role, values: values.iter().map(ToString::to_string).collect() }
}

fn rows(set: &ImageSet, only: &[Condition]) -> Vec<u32> {
    let chosen = set.chosen(only);
    (0..set.len() as u32).filter(|row| chosen.has(*row)).collect()
}

/// Batches are in the table in another order than sorted, one of them is the start of another, and one field is empty.
const ROWS: [(&str, &str); 9] = [
    ("x", "Train,False,b10,P1"),
    ("y", "Train,False,b2,P1"),
    ("x", "Train,False,b1,P2"),
    ("y", "Train,False,,P2"),
    ("x", "Task_one,True,b1,P1"),
    ("y", "Task_one,True,b10,P2"),
    ("y", "Task_one,True,b2,P2"),
    ("x", "Train,False,b1,P1"),
    ("y", "Task_one,True,b1,P2"),
];

fn with_set(test: impl FnOnce(&ImageSet)) {
    let root = tempfile::tempdir().unwrap();
    let set = sample::Set { name: "A", columns: "train_test_split,Task_one,batch,Plate", rows: &ROWS };
    test(&sample::folder(root.path(), &[set], "").sets[0]);
}

#[test]
fn rows_are_found_by_role_and_value() {
    with_set(|set| {
        assert_eq!(rows(set, &[having(Role::Batch, &["b1"])]), [2, 4, 7, 8], "not those of b10");
        assert_eq!(rows(set, &[having(Role::Batch, &["b2", "b10"])]), [0, 1, 5, 6]);
        let both = [having(Role::Plate, &["P2"]), having(Role::Batch, &["b1", "b2"])];
        assert_eq!(rows(set, &both), [2, 6, 8], "both conditions hold");
        assert_eq!(rows(set, &[having(Role::Label, &["x"]), having(Role::Plate, &["P1"])]), [0, 4, 7]);
        assert_eq!(rows(set, &[]).len(), 9);
        assert_eq!(rows(set, &[having(Role::Batch, &[""])]), [0; 0], "an empty field is no value");
        assert_eq!(rows(set, &[having(Role::Well, &["A1"])]), [0; 0], "there is no such column");
        assert_eq!(set.values(Role::Batch).unwrap().collect::<Vec<_>>(), ["b10", "b2", "b1"]);
        assert!(set.values(Role::Well).is_none());
        assert_eq!(set.roles().collect::<Vec<_>>(), [Role::Label, Role::Batch, Role::Plate]);
    });
}

#[test]
fn a_thinned_set_has_the_same_values_in_its_own_rows() {
    with_set(|set| {
        let thin = set.subset(2).unwrap();
        assert!(thin.len() < set.len());
        let only = [having(Role::Batch, &["b1"])];
        let keys = |set: &ImageSet| -> Vec<String> {
            rows(set, &only).into_iter().map(|row| set.key(row).to_owned()).collect()
        };
        let (all, few) = (keys(set), keys(&thin));
        let kept = all.into_iter().filter(|key| (0..thin.len() as u32).any(|row| thin.key(row) == key));
        assert_eq!(few, kept.collect::<Vec<_>>());
    });
}

#[test]
fn what_is_held_out_is_held_out_from_every_selection() {
    let root = tempfile::tempdir().unwrap();
    let fields: Vec<String> = (0..60).map(|row| format!("Train,b{},P{}", row % 3, row / 30)).collect();
    let rows: Vec<(&str, &str)> =
        fields.iter().enumerate().map(|(row, text)| (["x", "y"][row / 7 % 2], text.as_str())).collect();
    let set = sample::Set { name: "A", columns: "train_test_split,batch,Plate", rows: &rows };
    let data = sample::folder(root.path(), &[set], "");
    let set = &data.sets[0];
    let (kept, held) = set.training_rows(0.3, &[]);
    assert_eq!((kept.len(), held.len()), (42, 18));
    let mut seen = (vec![], vec![]);
    for batch in ["b0", "b1", "b2"] {
        let only = [having(Role::Batch, &[batch])];
        let (own, back) = set.training_rows(0.3, &only);
        assert!(own.iter().chain(&back).all(|row| set.role(*row, Role::Batch) == Some(batch)));
        assert!(own.iter().all(|row| kept.contains(row)) && back.iter().all(|row| held.contains(row)));
        seen.0.extend(own);
        seen.1.extend(back);
    }
    seen.0.sort_unstable();
    assert_eq!(seen.0, kept, "each image is trained on by the selection of its batch");
    assert!(seen.1.len() <= held.len());
    // A class of which nothing is left to train on is not looked at.
    let (own, back) = set.training_rows(0.97, &[having(Role::Plate, &["P1"])]);
    let labels =
        |rows: &[u32]| rows.iter().map(|row| set.label(*row)).collect::<std::collections::BTreeSet<_>>();
    assert!(labels(&back).is_subset(&labels(&own)), "{own:?} {back:?}");
}
