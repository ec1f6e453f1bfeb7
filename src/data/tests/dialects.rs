//! Tables that others write: what is said of each, with the hint of the first problem.

use super::{Folder, GOOD};

fn refusal(table: impl AsRef<[u8]>) -> String {
    let folder = Folder::good();
    folder.write("A/enriched_meta.csv", table);
    folder.refusal()
}

#[track_caller]
fn says(table: impl AsRef<[u8]>, parts: &[&str]) {
    let said = refusal(table);
    for part in parts {
        assert!(said.contains(part), "{part} not in {said}");
    }
}

#[test]
fn separators_encodings_and_rows_are_named() {
    says(
        GOOD.replace(',', ";"),
        &["expected fields separated by commas, found `;`\nhint: write the table with commas"],
    );
    says(GOOD.replace(',', "\t"), &["expected fields separated by commas, found tabs\nhint: "]);
    says(
        GOOD.replace(',', ", "),
        &["found the column ` Label`\nhint: write the table without blanks around"],
    );
    let utf_16: Vec<u8> =
        "\u{feff}".chars().chain(GOOD.chars()).flat_map(|c| (c as u16).to_le_bytes()).collect();
    says(utf_16, &["expected a table in UTF-8, found UTF-16\nhint: save the table as UTF-8"]);
    let mut latin = GOOD.as_bytes().to_vec();
    let at = GOOD.find(",y,Train").unwrap() + 1;
    latin[at] = 0xe9;
    says(
        latin,
        &["row 3: expected text in UTF-8, found other bytes in field 3\nhint: save the table as UTF-8; most"],
    );
    says(
        GOOD.replace("y,Train,False", "y,Train"),
        &["row 3: expected 5 fields as in the header, found 4\nhint: each row"],
    );
    says(
        b"PK\x03\x04\x14\0\x06\0",
        &["expected a table, found a zip archive, as spreadsheets are (.xlsx)\nhint: export"],
    );
    says("", &["found an empty file\nhint: export"]);
    let folder = Folder::good();
    std::fs::remove_file(folder.path().join("A/enriched_meta.csv")).unwrap();
    std::fs::create_dir(folder.path().join("A/enriched_meta.csv")).unwrap();
    assert!(folder.refusal().contains("expected a table, found a folder"), "{}", folder.refusal());
}

#[test]
fn columns_that_are_there_twice_are_refused() {
    let twice = |name: &str| {
        GOOD.replacen('\n', &format!(",{name}\n"), 1)
            .replace("False\n", "False,z\n")
            .replace("True\n", "True,z\n")
    };
    for name in ["Label", "Task_one", "file_path", "train_test_split"] {
        let said = refusal(twice(name));
        let expected = format!("expected the column `{name}` once, found it twice in the header (columns");
        assert!(said.contains(&expected) && said.contains("\nhint: remove or rename"), "{said}");
    }
    // A column that nothing reads may be there as often as one likes.
    let folder = Folder::good();
    folder.write("A/enriched_meta.csv", twice("note,note").replace(",z\n", ",z,z\n"));
    folder.open().unwrap();
}

#[test]
fn columns_of_a_near_name_are_offered() {
    let said = "expected a column `Label` or `label`, there is `Label_x`\nhint: joining two tables in pandas";
    says(GOOD.replace("Label", "Label_x"), &[said]);
    says(
        GOOD.replace("Label", "LABEL"),
        &["there is `LABEL`, which differs in case\nhint: rename the column"],
    );
    says(
        GOOD.replace("file_path", "filepath"),
        &["expected a column `file_path`, there is `filepath`\nhint: rename"],
    );
}

#[test]
fn the_hint_is_that_of_the_first_problem() {
    let said = refusal(GOOD.replace("False", "no").replace("True", "yes"));
    assert!(said.contains("row 2: expected True or False in Task_one, found `no`"), "{said}");
    assert!(
        said.ends_with("\nhint: write True or False, or 1 and 0, in every row of a task's column"),
        "{said}"
    );
}

#[test]
fn truth_is_read_as_pandas_writes_it_and_tasks_are_found_in_other_case() {
    let folder = Folder::good();
    folder.write("A/enriched_meta.csv", GOOD.replace("False", "0.0").replace("True", "1.0"));
    assert_eq!(folder.open().unwrap().sets[0].tasks[0].queries, [2]);
    let said = "expected a column `Task_one`, as train_test_split names it, there is `task_one`, which differs in case";
    says(GOOD.replace("Task_one\n", "task_one\n"), &[said]);
}

#[test]
fn a_task_without_a_true_row_is_left_out_with_a_word() {
    let folder = Folder::good();
    folder.write("A/enriched_meta.csv", GOOD.replace("True", "False").replace("y,Task_one", "y,none"));
    let data = folder.open().unwrap();
    assert!(data.sets[0].tasks.is_empty());
    assert_eq!(data.warnings, ["A: no row is True in Task_one: left out, as nothing is asked there"]);
}

#[test]
fn labels_that_look_alike_are_named() {
    let folder = Folder::good();
    let table = GOOD.replace("a.png,4,x", "a.png,4,x ").replace("b.png,4,y", "b.png,4,nan");
    folder.write("A/enriched_meta.csv", table);
    let said = folder.open().unwrap().warnings.join("\n");
    for expected in [
        "the labels `x ` (1 image) and `x` (1 image) differ only in blanks",
        "`nan` (1 image) looks like an empty field",
    ] {
        assert!(said.contains(expected), "{expected} not in {said}");
    }
    says(GOOD.replace("b.png,4,y", "b.png,4, "), &["row 3: expected a label, found blanks only"]);
}

#[test]
fn tasks_that_no_reference_can_answer_are_named() {
    let folder = Folder::good();
    let warnings = |table: String| {
        folder.write("A/enriched_meta.csv", table);
        folder.open().unwrap().warnings.join("\n")
    };
    let said = warnings(GOOD.replace("c.png,4,y", "c.png,4,new"));
    assert_eq!(said, "A: none of the labels of Task_one can be found: no reference has them");
    let more = GOOD.replace("d.png,4,x,Train,False", "d.png,4,new,Task_one,True");
    assert_eq!(
        warnings(more.clone()),
        "A: of Task_one, 1 image of `new` cannot be found by construction: no reference has their label"
    );
    folder.write(
        "dataset.toml",
        "[sets.A]\nchannels = [\"dna\", \"er\"]\nleave_group_out = { Task_one = \"day\" }\n",
    );
    let days = |c: &str, d: &str| {
        let rows = more.replace("c.png,4,y", "c.png,4,new");
        let rows = rows.replacen("Task_one\n", "Task_one,day\n", 1).replace("False\n", "False,mon\n");
        rows.replacen("True\n", &format!("True,{c}\n"), 1).replacen("True\n", &format!("True,{d}\n"), 1)
    };
    let said = warnings(days("tue", "tue"));
    let expected = "A: Task_one leaves out values of `day`, and all its images have `tue`: none of its labels can be found";
    assert_eq!(said, expected);
    assert_eq!(warnings(days("tue", "wed")), "");
}

#[test]
fn what_is_shown_holds_no_control_characters() {
    let folder = Folder::good();
    folder.write(
        "A/enriched_meta.csv",
        GOOD.replace("a.png,4,x", "a.png,4,\x1b[31mred").replace("c.png", "\x07c.png"),
    );
    let said = folder.refusal();
    assert!(said.contains("A/crops/\\u{7}c.png") && !said.contains('\x07'), "{said:?}");
    folder.write("A/enriched_meta.csv", GOOD.replace("a.png,4,x", "a.png,4,\x1b[31mred"));
    let data = folder.open().unwrap();
    assert_eq!(data.sets[0].labels[0], "\x1b[31mred", "it is what it is");
    let said = crate::data::info(&data).join("\n");
    assert!(said.contains("labels: \\u{1b}[31mred, x, y") && !said.contains('\x1b'), "{said:?}");
}

#[test]
fn descriptions_have_bounds() {
    let described = |toml: &str| {
        let folder = Folder::good();
        folder.write("dataset.toml", toml);
        folder.refusal()
    };
    for size in ["nan", "inf", "-1.0", "0.0"] {
        let said = described(&format!("[sets.A]\nchannels = [\"dna\", \"er\"]\npixel_size_um = {size}\n"));
        assert!(
            said.contains("expected pixel_size_um of set `A` as micrometres above 0")
                && said.contains("\nhint: "),
            "{said}"
        );
    }
    let many: Vec<String> = (0..100_000).map(|n| format!("\"c{n}\"")).collect();
    let said = described(&format!("[sets.A]\nnew_channels = true\nchannels = [{}]\n", many.join(",")));
    assert!(said.contains("expected at most 4096 channels in set `A`, found 100000"), "{said}");
    let said = described(&format!("x = {}\n", "[".repeat(100_000)));
    assert!(said.lines().all(|line| line.chars().count() < 300), "{}", said.len());
    for per in ["train_test_split", "Task_one", "Label", "file_path"] {
        let rule = format!("intensity = {{ percentile = [1, 99], per = \"{per}\" }}");
        let said = described(&format!("[sets.A]\nchannels = [\"dna\", \"er\"]\n{rule}\n"));
        assert!(
            said.contains("expected images grouped by anything but their") && said.contains(per),
            "{said}"
        );
    }
}
