//! Benchmark of `score` on features of CHAMMI's size, compared with faiss doing the same searches, in
//! alternating rounds: 220,284 rows of 768 numbers, nine tasks, two of which leave groups out in turn.
//!
//! DICHROIC_PYTHON=python3 cargo bench --bench score
//!
//! The Python of `$DICHROIC_PYTHON` needs faiss and numpy (`score_peer.py`); without it only our side is
//! measured. Ours is the whole command, including reading; of faiss only the searches count. Limits: 1.1
//! times faiss's time on two cores, 3 GiB. Writes 680 MB to the temporary folder.

use dichroic::seed::Seed;
use serde_json::{Value, json};
use std::{
    fs::{self, File},
    io::{BufWriter, Write},
    path::Path,
    process::{Command, Stdio},
    time::Instant,
};

const WIDTH: usize = 768;
const ROUNDS: usize = 3;

/// A set: Train, then the tasks; its number of classes, and the task and column that leave out this many
/// groups.
struct Set {
    name: &'static str,
    rows: &'static [usize],
    classes: usize,
    groups: Option<(usize, &'static str, usize)>,
}

const SETS: [Set; 3] = [
    Set { name: "Allen", rows: &[31_060, 12_419, 21_624], classes: 6, groups: None },
    Set {
        name: "HPA",
        rows: &[32_725, 13_051, 5_994, 15_166],
        classes: 4,
        groups: Some((3, "cell_type", 17)),
    },
    Set {
        name: "CP",
        rows: &[36_360, 13_065, 16_395, 10_075, 12_350],
        classes: 4,
        groups: Some((4, "Plate", 4)),
    },
];
const SPLITS: [&str; 5] = ["Train", "Task_one", "Task_two", "Task_three", "Task_four"];

fn main() {
    let folder = tempfile::tempdir().expect("a folder for temporary files");
    write(folder.path());
    let python = std::env::var_os("DICHROIC_PYTHON");
    let (mut ours, mut searches, mut whole, mut memory) = (Vec::new(), Vec::new(), Vec::new(), 0.0);
    for round in 0..ROUNDS {
        let mut mine = || {
            let (seconds, _) = run(Command::new(env!("CARGO_BIN_EXE_dichroic"))
                .args(["score", "--json", "--threads", "2"])
                .args([
                    "--features".as_ref(),
                    folder.path().as_os_str(),
                    "--data".as_ref(),
                    folder.path().as_os_str(),
                ]));
            ours.push(seconds);
        };
        if round % 2 == 0 {
            mine();
        }
        if round == 0 {
            // Before any peer has run: the peak memory of a child of this process.
            memory = largest_child();
        }
        if let Some(python) = &python {
            let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/benches/score_peer.py");
            let (seconds, out) = run(Command::new(python).arg(script).arg(folder.path()).arg("2"));
            let told: Value = serde_json::from_slice(&out).expect("the peer prints JSON");
            searches.push(told["search_seconds"].as_f64().expect("a number"));
            whole.push(seconds);
        }
        if round % 2 == 1 {
            mine();
        }
    }
    let median = |values: &[f64]| {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        sorted.get(sorted.len() / 2).copied()
    };
    let spread =
        |values: &[f64]| values.iter().map(|value| format!("{value:.1}")).collect::<Vec<_>>().join(", ");
    let ratio = |peer: &[f64]| Some(median(&ours)? / median(peer)?);
    println!("ours, the whole command: {} s; {memory:.2} GiB (bar 3)", spread(&ours));
    println!("faiss, searches alone: {} s; with reading: {} s", spread(&searches), spread(&whole));
    let result = json!({ "ours_over_faiss_searches": ratio(&searches), "ours_over_faiss_whole": ratio(&whole), "bar": 1.1 });
    println!("{result}");
}

/// Tables and features.
fn write(root: &Path) {
    for set in &SETS {
        let folder = root.join(set.name);
        fs::create_dir_all(&folder).expect("a writable folder");
        let mut stream = Seed(1).stream(set.name);
        let rows: usize = set.rows.iter().sum();
        let mut table =
            format!("file_path,channel_width,Label,train_test_split,{}", SPLITS[1..set.rows.len()].join(","));
        table += set
            .groups
            .map_or("", |_| ",group_column")
            .replace("group_column", set.groups.map_or("", |it| it.1))
            .as_str();
        table.push('\n');
        let mut row = 0;
        for (split, count) in set.rows.iter().enumerate() {
            for _ in 0..*count {
                let novel = set.groups.is_some_and(|(task, ..)| task == split);
                let class = stream.below(set.classes) + if novel { set.classes } else { 0 };
                table += &format!("{}/{row}.png,64,c{class},{}", set.name, SPLITS[split]);
                for task in 1..set.rows.len() {
                    table += if task == split { ",True" } else { ",False" };
                }
                if let Some((_, _, groups)) = set.groups {
                    table += &format!(",g{}", stream.below(groups));
                }
                table.push('\n');
                row += 1;
            }
        }
        fs::write(folder.join("enriched_meta.csv"), table).expect("room for a table");
        let mut file = BufWriter::new(File::create(folder.join("features.npy")).expect("a writable folder"));
        let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {WIDTH}), }}");
        let length = (10 + header.len() + 1).next_multiple_of(64) - 10;
        file.write_all(b"\x93NUMPY\x01\x00").expect("room");
        file.write_all(&(length as u16).to_le_bytes()).expect("room");
        file.write_all(format!("{header:<0$}\n", length - 1).as_bytes()).expect("room");
        for _ in 0..rows * WIDTH / 2 {
            let bits = stream.bits();
            for half in [bits as u32, (bits >> 32) as u32] {
                let value = half as f32 / u32::MAX as f32 - 0.5;
                file.write_all(&value.to_le_bytes()).expect("room for features");
            }
        }
        file.flush().expect("room for features");
    }
}

/// Seconds, and its output.
fn run(command: &mut Command) -> (f64, Vec<u8>) {
    let began = Instant::now();
    let output = command.stderr(Stdio::inherit()).output().expect("the program starts");
    assert!(output.status.success(), "{command:?} failed");
    (began.elapsed().as_secs_f64(), output.stdout)
}

/// Peak memory of the largest finished child, in GiB.
#[cfg(target_os = "linux")]
fn largest_child() -> f64 {
    // SAFETY: the structure may be all zeros and is large enough.
    let usage = unsafe {
        let mut usage = std::mem::zeroed::<libc::rusage>();
        libc::getrusage(libc::RUSAGE_CHILDREN, &raw mut usage);
        usage
    };
    usage.ru_maxrss as f64 / (1 << 20) as f64
}

#[cfg(not(target_os = "linux"))]
fn largest_child() -> f64 {
    f64::NAN
}
