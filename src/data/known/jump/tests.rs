//! Small folders in the form of the released table: what is read of them, and what is said of those that are wrong.

use super::{CHANNELS, TABLE, TASK};
use crate::{
    data::{Column, DataSet, Error, Role, tests::Folder},
    dsl::DataWord,
    event::Silence,
    spec::{Condition, jump::SETS},
};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

mod refusals;

/// One row: mechanism, number, plate, file, compound, source, batch, and further fields.
const HEADER: &str =
    ",Metadata_moa,moa_id,Metadata_Plate,paths,split,JCP2022_id,Metadata_Source,Metadata_Batch";

/// Two sources; the second one's selection plate is missing, and a row of each has no mechanism.
const ROWS: [&str; 9] = [
    "0,b,1,JCPQC016,1.png,train,C1,source_3,B1",
    "1,a,0,JCPQC017,1.png,train,C2,source_3,B1",
    "2,,,JCPQC017,2.png,train,DMSO,source_3,B1",
    "3,b,1.0,JCPQC020,1.png,test,C1,source_3,B2",
    "4,a,0,X,1.png,train,C3,source_8,B8",
    "5,NaN,,X,gone.png,train,DMSO,source_8,B8",
    "6,b,1,Y,1.png,train,C4,source_8,B9",
    "7,a,0,W,1.png,train,C2,source_1,B0",
    "8,a,0,JCPQC020,2.png,train,C3,source_3,B2",
];

/// A folder of these rows, with an image of 4 x 3 pixels and five channels for each row that is read.
fn folder(more: &str, rows: &[impl AsRef<str>]) -> Folder {
    let folder = Folder::new("");
    let lines: Vec<&str> = rows.iter().map(AsRef::as_ref).collect();
    folder.write(TABLE, format!("{HEADER}{more}\n{}\n", lines.join("\n")));
    for (row, line) in lines.iter().enumerate() {
        let fields: Vec<&str> = line.split(',').collect();
        let plain = !fields[3].is_empty() && !fields[3].starts_with('.');
        if plain && SETS.contains(&fields[7]) && !fields[4].contains("gone") {
            folder.png(&format!("{}/{}", fields[3], fields[4]), 15, 4, |at| (at % 15 / 3 * 50 + row) as u8);
        }
    }
    folder
}

fn keys(data: &DataSet, set: &str, only: &[Condition]) -> Vec<String> {
    let set = data.set(set).unwrap();
    let chosen = set.chosen(only);
    (0..set.len() as u32).filter(|row| chosen.has(*row)).map(|row| set.key(row).to_owned()).collect()
}

#[test]
fn sources_are_sets_and_rows_without_a_mechanism_are_left_out() {
    let folder = folder("", &ROWS);
    let data = folder.open().unwrap();
    assert_eq!(data.sets.iter().map(|set| set.name.as_str()).collect::<Vec<_>>(), ["source_3", "source_8"]);
    let set = &data.sets[0];
    assert_eq!(set.spelled, CHANNELS);
    assert_eq!(set.channels, ["nucleus", "er", "rna", "agp", "mito"]);
    assert_eq!(
        keys(&data, "source_3", &[]),
        ["JCPQC016/1.png", "JCPQC017/1.png", "JCPQC020/1.png", "JCPQC020/2.png"]
    );
    assert_eq!((set.unlabelled, data.sets[1].unlabelled), (1, 1));
    let trained: Vec<&str> = set.train_rows().into_iter().map(|row| set.key(row)).collect();
    assert_eq!(
        trained,
        ["JCPQC017/1.png", "JCPQC020/1.png", "JCPQC020/2.png"],
        "not those of the selection plate"
    );
    assert_eq!(data.sets[1].train_rows().len(), 2);
    // The labels of all sources, so that one number means one mechanism everywhere.
    assert!(data.sets.iter().all(|set| set.labels == ["a", "b"]));
    let task = set.task(TASK).unwrap();
    assert_eq!(task.queries, [0, 1, 2, 3]);
    let plates = task.leave_out.as_ref().unwrap();
    assert_eq!(
        (plates.group.as_slice(), plates.names.as_slice()),
        (&[0, 1, 2, 2][..], &["JCPQC016", "JCPQC017", "JCPQC020"].map(String::from)[..])
    );
    let row = |role| set.role(2, role);
    assert_eq!(
        [Role::Treatment, Role::Source, Role::Batch, Role::Plate, Role::PlateSplit].map(row),
        ["C1", "source_3", "B2", "JCPQC020", "strict"].map(Some)
    );
    assert_eq!((row(Role::Well), row(Role::PositionSplit)), (None, None));
    let tape = set.read(2).unwrap();
    assert_eq!((tape.height, tape.width, tape.channels), (4, 3, 5));
    let expected: [&str; 4] = [
        "source_3: 1 of 5 rows without a mechanism of action are left out",
        "source_8: 1 of 3 rows without a mechanism of action are left out",
        "1 row of other sources are not read: source_1",
        "source_8: its selection plate A1166127 has no row: all its plates are in Train",
    ];
    for said in expected {
        assert!(data.warnings.iter().any(|warning| warning == said), "{said}: {:?}", data.warnings);
    }
}

#[test]
fn the_unseen_compound_of_a_mechanism_is_the_same_in_all_sources() {
    let data = folder("", &ROWS).open().unwrap();
    let split = |set: &str, value: &str| {
        keys(&data, set, &[Condition { role: Role::CompoundSplit, values: vec![value.into()] }])
    };
    // Of a: C2 and C3. Of b: C1 and C4, of which source_3 has the first only.
    assert_eq!(split("source_3", "unseen"), ["JCPQC020/2.png"]);
    assert_eq!(split("source_8", "unseen"), ["X/1.png", "Y/1.png"]);
    assert_eq!(split("source_8", "seen"), [""; 0]);
}

#[test]
fn wells_and_sites_are_read_if_they_are_there() {
    let rows: Vec<String> =
        ROWS.iter().enumerate().map(|(row, line)| format!("{line},B{:02},{row}", row + 1)).collect();
    let data = folder(",Metadata_Well,Metadata_Site", &rows).open().unwrap();
    let set = &data.sets[0];
    let of = |role| (0..4).map(|row| set.role(row, role).unwrap()).collect::<Vec<_>>();
    assert_eq!(of(Role::Well), ["B01", "B02", "B04", "B09"]);
    assert_eq!(of(Role::Site), ["0", "1", "3", "8"]);
    assert_eq!(of(Role::PositionSplit), ["seen", "unseen", "seen", "seen"]);
    let odd = rows.iter().map(|row| row.replace(",B02,", ",7,")).collect::<Vec<_>>();
    let data = folder(",Metadata_Well,Metadata_Site", &odd).open().unwrap();
    assert!(
        data.sets[0].values(Role::PositionSplit).is_none()
            && data.sets[1].values(Role::PositionSplit).is_some()
    );
    let said =
        "source_3: there is no split by positions: expected wells such as `B02` in Metadata_Well, found `7`";
    assert!(data.warnings.iter().any(|warning| warning == said), "{:?}", data.warnings);
}

#[test]
fn the_table_of_a_set_is_its_rows_of_the_shared_one() {
    let folder = folder("", &ROWS);
    let data = folder.open().unwrap();
    let mut table = data.sets[1].metadata().unwrap();
    let column =
        |table: &crate::data::Metadata, name: &str| table.names.iter().position(|of| of == name).unwrap();
    let (path, compound) = (column(&table, "file_path"), column(&table, "JCP2022_id"));
    let first = table.rows(1).unwrap();
    assert_eq!(
        (first[path].as_slice(), first[compound].as_slice()),
        (&["X/1.png".to_owned()][..], &["C3".to_owned()][..])
    );
    let rest = table.rows(10).unwrap();
    assert_eq!(
        (rest[path].as_slice(), rest[compound].as_slice()),
        (&["Y/1.png".to_owned()][..], &["C4".to_owned()][..])
    );
    assert!(table.rows(10).unwrap()[path].is_empty());
}

#[test]
fn a_description_can_say_which_form_it_is_and_in_which_order_channels_are() {
    let folder = folder("", &ROWS);
    let published = folder.open().unwrap();
    folder.write(
        "dataset.toml",
        "kind = \"simulated\"\nworld = \"7\"\nform = \"jump\"\nchannels = [\"agp\", \"dna\", \"er\", \"mito\", \"rna\"]\n",
    );
    let data = folder.open().unwrap();
    assert_eq!((data.kind.name(), data.world.as_deref()), ("simulated", Some("7")));
    assert_eq!(data.sets[1].channels, ["agp", "nucleus", "er", "mito", "rna"]);
    assert_ne!(published.fingerprint, data.fingerprint);
    let counts = |data: &DataSet| crate::data::check(data, &mut Silence).unwrap().published;
    assert!(counts(&data).is_empty(), "a simulated one is not compared with Table 1");
    let counts = counts(&published);
    let of =
        |what: &str| counts.iter().find(|row| row.what == what).map(|row| (row.printed, row.also, row.found));
    assert_eq!(of("source_3 images of all wells"), Some((85_409, Some(86_400), 5)));
    assert_eq!(of("source_8 plates"), Some((4, None, 2)));
    assert_eq!(of("mechanisms of action"), Some((54, None, 2)));
    assert_eq!(of("mechanisms of the list"), Some((54, None, 0)));
    assert_eq!(of("compounds with one of them"), Some((135, None, 4)));
}

#[test]
fn contents_and_table_are_in_the_fingerprint() {
    let folder = folder("", &ROWS);
    let print = |folder: &Folder| folder.open().unwrap().fingerprint;
    let first = print(&folder);
    folder.png("JCPQC017/2.png", 15, 4, |at| at as u8);
    assert_eq!(print(&folder), first, "an image that is left out");
    folder.png("X/1.png", 15, 4, |at| at as u8);
    let second = print(&folder);
    assert_ne!(first, second);
    let table = std::fs::read_to_string(folder.path().join(TABLE)).unwrap();
    folder.write(TABLE, table.replace("test,C1", "train,C1"));
    assert_ne!(print(&folder), second);
}

/// A table of the reference, and who is in which split by the published code.
#[derive(Deserialize)]
struct Reference {
    table: Vec<Row>,
    train: BTreeSet<String>,
    validation: BTreeSet<String>,
    test_source_5: BTreeSet<String>,
    /// By image: whom the published code draws as its partner, another plate's image of its compound.
    partners: BTreeMap<String, BTreeSet<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Row {
    #[serde(rename = "Metadata_moa")]
    moa: Option<String>,
    #[serde(rename = "moa_id")]
    number: u32,
    #[serde(rename = "Metadata_Plate")]
    plate: String,
    #[serde(rename = "paths")]
    path: String,
    #[serde(rename = "split")]
    split: String,
    #[serde(rename = "JCP2022_id")]
    compound: String,
    #[serde(rename = "Metadata_Source")]
    source: String,
    #[serde(rename = "Metadata_Batch")]
    batch: String,
}

/// `tests/golden/reference/jump_splits.json`: made by running the published code of CODA.
#[test]
fn splits_and_partners_are_those_of_the_published_code() {
    let text = include_str!("../../../../tests/golden/reference/jump_splits.json");
    let reference: Reference = serde_json::from_str(text).unwrap();
    let line = |(at, row): (usize, &Row)| {
        let Row { moa, number, plate, path, split, compound, source, batch } = row;
        let moa = moa.as_deref().unwrap_or_default();
        format!("{at},{moa},{number},{plate},{path},{split},{compound},{source},{batch}")
    };
    let rows: Vec<String> = reference.table.iter().enumerate().map(line).collect();
    let data = folder("", &rows).open().unwrap();
    let [set, other] = ["source_8", "source_5"].map(|name| data.set(name).unwrap());
    let file = |key: &str| key.rsplit('/').next().unwrap_or_default().to_owned();
    let names = |set: &crate::data::ImageSet, train: bool| -> BTreeSet<String> {
        (0..set.len() as u32)
            .filter(|row| set.is_train(*row) == train)
            .map(|row| file(set.key(row)))
            .collect()
    };
    assert_eq!(names(set, true), reference.train);
    assert_eq!(names(set, false), reference.validation);
    let asked = &other.task(TASK).unwrap().queries;
    assert_eq!(
        asked.iter().map(|row| file(other.key(*row))).collect::<BTreeSet<_>>(),
        reference.test_source_5
    );
    let id = |column: &Column, row: u32| column.ids[row as usize];
    let [compound, plate] = [Role::Treatment, Role::Plate].map(|role| set.role_column(role).unwrap());
    for anchor in set.train_rows() {
        let fits =
            |row: &u32| id(compound, *row) == id(compound, anchor) && id(plate, *row) != id(plate, anchor);
        let found: BTreeSet<String> =
            set.train_rows().into_iter().filter(fits).map(|row| file(set.key(row))).collect();
        assert_eq!(found, reference.partners[&file(set.key(anchor))], "{}", set.key(anchor));
    }
}

#[test]
fn words_of_the_language_select_what_they_say() {
    use crate::prelude::{JumpSplits, S3, S8};
    let data = folder("", &ROWS).open().unwrap();
    let of = |selection: crate::spec::Selection| keys(&data, &selection.sets[0], &selection.only);
    assert_eq!(of(S3.selection_plate().data()), ["JCPQC016/1.png"]);
    assert_eq!(of(S3.strict_plate().data()), ["JCPQC020/1.png", "JCPQC020/2.png"]);
    assert_eq!(of(S3.strict().data()), ["JCPQC017/1.png"]);
    assert_eq!(of(S8.unseen_compounds().data()), ["X/1.png", "Y/1.png"]);
}

fn refused(folder: &Folder) -> String {
    let error: Error = folder.open().expect_err("the folder should be refused");
    folder.say(&error)
}
