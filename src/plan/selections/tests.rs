//! What a folder of two sets says against selections.

use crate::{
    data::{DataSet, sample},
    dsl::Having,
    plan::{Plan, Work},
    prelude::*,
    seed::Seed,
    spec::Spec,
};
use std::collections::BTreeMap;

/// Set A has batches and plates, B plates only. P3 is in Train only, P9 in a task only.
fn small(root: &std::path::Path) -> BTreeMap<String, DataSet> {
    let a = [
        ("x", "Train,False,b2,P1"),
        ("y", "Train,False,b1,P1"),
        ("x", "Train,False,b1,P3"),
        ("y", "Train,False,b2,P3"),
        ("x", "Task_one,True,b1,P9"),
        ("y", "Task_one,True,b2,P1"),
    ];
    let b = [
        ("x", "Train,False,P1"),
        ("y", "Train,False,P1"),
        ("x", "Task_one,True,P1"),
        ("y", "Task_one,True,P9"),
    ];
    let sets = [
        sample::Set { name: "A", columns: "train_test_split,Task_one,batch,Plate", rows: &a },
        sample::Set { name: "B", columns: "train_test_split,Task_one,Plate", rows: &b },
    ];
    [("small".to_owned(), sample::folder(root, &sets, ""))].into()
}

fn spec(trained: impl TrainingData, asked: impl DataWord) -> Spec {
    let model = ConvNext::mini().scratch().adapter(HyperNet { z: 4, hidden: 4 });
    let run = model.train_on(SMALL).loss(PROXY).evaluate(OneNn::cosine().on(SMALL));
    let mut spec = run.specs().remove(0).spec;
    spec.train.data = trained.data();
    spec.evaluate[0].data = asked.data();
    spec.canonical()
}

fn refused(spec: &Spec) -> Vec<(String, String)> {
    let root = tempfile::tempdir().unwrap();
    match Plan::of(spec, Seed(0), &small(root.path())) {
        Ok(_) => vec![],
        Err(problems) => problems.0.into_iter().map(|problem| (problem.message, problem.hint)).collect(),
    }
}

#[test]
fn sets_without_any_task_are_refused_before_they_are_trained_on() {
    let root = tempfile::tempdir().unwrap();
    let rows = [("x", "Train"), ("y", "Train"), ("x", "Train"), ("y", "Train")];
    let sets = [sample::Set { name: "A", columns: "train_test_split", rows: &rows }];
    let data = [("small".to_owned(), sample::folder(root.path(), &sets, ""))].into();
    let mut spec = spec(SMALL, SMALL);
    let problems = Plan::of(&spec, Seed(0), &data).unwrap_err();
    assert_eq!(problems.0[0].message, "`small` has no task to score: its sets (A) ask nothing");
    spec.train.hold_out = 0.5;
    assert!(Plan::of(&spec, Seed(0), &data).is_ok(), "held-out images are asked for");
}

#[track_caller]
fn says(spec: &Spec, message: &str, hint: &str) {
    let found = refused(spec);
    let [(said, advice)] = &found[..] else { panic!("one problem is expected, found {found:?}") };
    assert!(said.contains(message), "{said}");
    assert!(advice.contains(hint), "{advice}");
}

const SMALL: Folder = Folder("small");

#[test]
fn roles_and_values_that_are_not_there_are_named_with_those_that_are() {
    says(
        &spec(SMALL, SMALL.having(Role::Batch, ["b1"])),
        "the table of `B` of `small` has no column for the role batch; it has label, plate",
        "dataset.toml",
    );
    let a = || SMALL.only(["A"]);
    says(
        &spec(a(), a().having(Role::Batch, ["b11"])),
        "no image of `small` has batch `b11`",
        "did you mean `b1`?",
    );
    says(&spec(a().having(Role::Plate, ["zzz"]), a()), "has plate `zzz`", "there are P1, P3, P9");
    // A role, and a value of another: both are said.
    let two = SMALL.having(Role::Plate, ["P7777"]).having(Role::Source, ["s"]);
    assert_eq!(refused(&spec(SMALL, two)).len(), 3);
}

#[test]
fn a_selection_that_leaves_nothing_is_refused() {
    let a = || SMALL.only(["A"]);
    says(
        &spec(a().having(Role::Plate, ["P9"]), a()),
        "no image of `A` of `small` having plate P9 is left to train on",
        "split Train",
    );
    says(
        &spec(SMALL.having(Role::Plate, ["P3"]), a()),
        "no image of `B` of `small` having plate P3 is left to train on",
        "split Train",
    );
    says(
        &spec(a(), a().having(Role::Plate, ["P3"])),
        "no task of `small` asks for an image having plate P3",
        "they are in the split Train",
    );
    // Each condition holds for some query, both for none.
    let both = a().having(Role::Plate, ["P1", "P3"]).having(Role::Batch, ["b1"]);
    says(&spec(a(), both), "an image having batch b1 and plate P1 or P3", "split Train");
    assert_eq!(
        refused(&spec(a().having(Role::Batch, ["b1"]), SMALL.only(["A"]).having(Role::Plate, ["P9"]))),
        []
    );
}

#[test]
fn what_is_thinned_or_held_out_away_is_said_to_be() {
    let a = || SMALL.only(["A"]);
    let mut thin = spec(a(), a().having(Role::Plate, ["P9"]));
    thin.train.subset = Some(1);
    let mut other = spec(a(), a().having(Role::Plate, ["P1"]));
    other.train.subset = Some(1);
    let found = [refused(&thin), refused(&other)];
    let [thin, other] = &found;
    assert_ne!(thin.is_empty(), other.is_empty(), "one query of two is left: {found:?}");
    assert!(thin.iter().chain(other).all(|(_, hint)| hint.contains("train.subset")), "{found:?}");

    // Of two images of a class one can be held out, and for one of the batches it is.
    let mut left = 0;
    for batch in ["b1", "b2"] {
        let mut spec = spec(a().having(Role::Batch, [batch]).having(Role::Label, ["x"]), a());
        spec.train.hold_out = 0.5;
        match &refused(&spec)[..] {
            [] => left += 1,
            [(message, hint)] => {
                assert!(
                    message.contains("is left to train on") && hint.contains("held out"),
                    "{message}: {hint}"
                );
            }
            more => panic!("{more:?}"),
        }
    }
    assert_eq!(left, 1);
}

#[test]
fn a_stage_is_asked_for_its_own_selection() {
    let model = ConvNext::mini().scratch().adapter(HyperNet { z: 4, hidden: 4 });
    let staged = |second: Having<Folder>| {
        let run = model.clone().train_on(SMALL).loss(SSL).then(PROXY).on(second);
        run.evaluate(OneNn::cosine().on(SMALL)).specs().remove(0).spec
    };
    says(
        &staged(SMALL.having(Role::Plate, ["P3"])),
        "no image of `B` of `small` having plate P3",
        "split Train",
    );
    says(&staged(SMALL.having(Role::Plate, ["P11"])), "has plate `P11`", "did you mean `P1`?");
    let root = tempfile::tempdir().unwrap();
    let data = small(root.path());
    let plan = |spec: &Spec| Plan::of(spec, Seed(0), &data).unwrap();
    let whole = spec(SMALL, SMALL);
    let p1 = || SMALL.having(Role::Plate, ["P1"]);
    let (staged, selected) = (plan(&staged(p1())), plan(&spec(p1(), SMALL)));
    let describe = |plan: &Plan, at: usize| plan.steps[at].work.describe();
    assert!(describe(&staged, 1).ends_with("epochs on small having plate P1"), "{}", describe(&staged, 1));
    assert!(
        describe(&selected, 0).ends_with("epochs on small having plate P1"),
        "{}",
        describe(&selected, 0)
    );

    // Said of the stage or of the training: it is the same work.
    let mut said_of_stage = whole;
    said_of_stage.train.stages[0].on = Some(p1().data());
    assert_eq!(plan(&said_of_stage).steps[0].id, selected.steps[0].id);
}

#[test]
fn features_of_all_images_serve_every_selection() {
    let root = tempfile::tempdir().unwrap();
    let data = small(root.path());
    let ids = |asked: &Spec, kind: &str| -> Vec<String> {
        let plan = Plan::of(asked, Seed(1), &data).unwrap();
        let steps = plan.steps.iter().filter(|step| step.work.kind() == kind);
        steps.map(|step| step.id.to_string()).collect()
    };
    let whole = spec(SMALL, SMALL);
    let part = spec(SMALL, SMALL.having(Role::Plate, ["P1"]));
    for kind in ["fit", "embed"] {
        assert_eq!(ids(&whole, kind), ids(&part, kind), "{kind}");
    }
    assert!(ids(&whole, "score").iter().all(|id| !ids(&part, "score").contains(id)));

    let trained = spec(SMALL.having(Role::Plate, ["P1"]), SMALL);
    assert_ne!(ids(&whole, "fit")[0], ids(&trained, "fit")[0]);
    let untrained = |spec: &Spec| ids(spec, "fit")[1].clone();
    assert_eq!(untrained(&whole), untrained(&trained), "the floor of a model that is not trained is shared");
    let plan = Plan::of(&trained, Seed(1), &data).unwrap();
    let Work::Fit { .. } = &plan.steps[0].work else { panic!("the training comes first") };
    assert!(
        plan.steps[0].work.describe().contains("small having plate P1"),
        "{}",
        plan.steps[0].work.describe()
    );
}

/// All images are training images and asked for, as in a screen without splits.
#[test]
fn one_source_is_trained_on_and_another_asked() {
    let root = tempfile::tempdir().unwrap();
    let rows = [
        ("x", "Train,True,A,P1"),
        ("y", "Train,True,A,P2"),
        ("x", "Train,True,B,P3"),
        ("y", "Train,True,B,P4"),
    ];
    let columns = "train_test_split,Task_one,source,Plate";
    let data = [(
        "small".to_owned(),
        sample::folder(root.path(), &[sample::Set { name: "S", columns, rows: &rows }], ""),
    )]
    .into();
    let said = |trained: Having<Folder>, asked: Having<Folder>| {
        let mut spec = spec(trained, asked);
        spec.train.hold_out = 0.0;
        Plan::of(&spec, Seed(0), &data).map_err(|problems| problems.0[0].message.clone())
    };
    let source = |name: &'static str| SMALL.having(Role::Source, [name]);
    let plan = said(source("A"), source("B")).unwrap();
    let trained = |work: &Work| matches!(work, Work::Fit(_));
    assert!(plan.steps.iter().any(|step| trained(&step.work)));
    let refused = said(source("A"), source("A")).unwrap_err();
    assert!(
        refused.contains("2 of 2 images of small having source A that are asked for are trained on"),
        "{refused}"
    );
    let partly = said(source("A"), SMALL.having(Role::Plate, ["P2", "P3"])).unwrap_err();
    assert!(partly.contains("1 of 2 images of small having plate P2 or P3 that are asked for"), "{partly}");
}
