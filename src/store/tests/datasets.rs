//! Data sets of one name that contain different things.

use super::*;

/// A finished run on these contents, with a score.
fn finished(store: &Store, fingerprint: &str, seed: u64, value: f64) {
    store.register_dataset(&of(fingerprint)).unwrap();
    let works = [format!("fit-{fingerprint}-{seed}"), format!("score-{fingerprint}-{seed}")];
    let uid = format!("run-{fingerprint}-{seed}");
    let mut run = run_of("first", &uid, seed, &works.each_ref().map(String::as_str));
    run.data = ["train", "evaluate"].map(|role| (role.into(), fingerprint.to_owned())).into();
    store.register_run(&run).unwrap();
    claim(store, &works[0]).finish(Outcome::Done).unwrap();
    let attempt = claim(store, &works[1]);
    attempt.scores(&[score("Allen/Task_one", "", "f1_macro", value)]).unwrap();
    attempt.finish(Outcome::Done).unwrap();
}

fn of(fingerprint: &str) -> DatasetRow {
    DatasetRow { fingerprint: fingerprint.into(), ..dataset(DataKind::Real) }
}

#[test]
fn other_contents_under_one_name_are_never_averaged() {
    let (_folder, path) = place();
    let store = Store::open(&path).unwrap();
    let (a, b) = ("a".repeat(64), "b".repeat(64) + "-sampled");
    finished(&store, &a, 1, 0.5);
    finished(&store, &a, 2, 0.7);
    assert_eq!(store.read().unwrap().other_contents(&of(&a)).unwrap(), []);
    assert!(!store.read().unwrap().is_current(&of(&b)).unwrap());
    finished(&store, &b, 3, 0.1);

    let sql = "SELECT n, round(mean, 3), stale, reads FROM v_seeds WHERE task = 'Allen/Task_one' ORDER BY n";
    let seeds = |stale: [i64; 2]| {
        let row = |n: i64, mean: f64, stale: i64, print: &str| {
            let reads = format!("evaluate=chammi@{print} train=chammi@{print}");
            vec![Value::Integer(n), Value::Real(mean), Value::Integer(stale), Value::Text(reads)]
        };
        vec![row(1, 0.1, stale[1], "bbbbbbbbbbbb-sampled"), row(2, 0.6, stale[0], "aaaaaaaaaaaa")]
    };
    let read = || store.read().unwrap();
    assert_eq!(read().query(sql).unwrap().rows, seeds([1, 0]));
    let other = |fingerprint: &str, runs| [OtherContents { fingerprint: fingerprint.into(), runs }];
    assert_eq!(read().other_contents(&of(&a)).unwrap(), other(&b, 1));
    assert_eq!(read().other_contents(&of(&b)).unwrap(), other(&a, 2));
    assert_eq!([&a, &b].map(|print| read().is_current(&of(print)).unwrap()), [false, true]);

    // The name means the first again.
    store.register_dataset(&of(&a)).unwrap();
    assert_eq!(read().query(sql).unwrap().rows, seeds([0, 1]));
    assert_eq!([&a, &b].map(|print| read().is_current(&of(print)).unwrap()), [true, false]);
    let elsewhere = DatasetRow { name: "mini_real".into(), ..of(&"c".repeat(64)) };
    assert_eq!(read().other_contents(&elsewhere).unwrap(), []);
}

#[test]
fn a_short_fingerprint_still_says_that_it_is_sampled() {
    let print = "0123456789abcdef".repeat(4);
    assert_eq!(short_fingerprint(&print), "0123456789ab");
    assert_eq!(short_fingerprint(&(print + "-sampled")), "0123456789ab-sampled");
    assert_eq!(["", "f00d"].map(short_fingerprint), ["", "f00d"]);
}
