//! Load tables in other formats and shapes, and folders that are elsewhere.

use super::*;
use crate::parquet_table::{Column, Kind, ParquetTable};
use flate2::{Compression, write::GzEncoder};
use std::io::Write;

fn one(gallery: &Gallery) -> Request {
    Request { plates: vec!["JCPQC017".to_owned()], ..gallery.request() }
}

fn made(request: &Request) -> BTreeMap<String, Vec<u8>> {
    Plan::of(request, &mut Silence).unwrap().carry_out(&mut Silence).unwrap();
    outcome(&request.out)
}

#[test]
fn tables_are_read_as_programs_write_them() {
    let gallery = Gallery::new();
    let reference = made(&one(&gallery));
    let table = gallery::PlateOf::called("JCPQC017").table();
    let text = fs::read_to_string(gallery.root().join(&table)).unwrap();
    let again = |what: &str| {
        let request = Request { out: gallery.path().join(what), ..one(&gallery) };
        assert!(made(&request) == reference, "{what}");
    };
    gallery.write(&table, format!("\u{feff}{}", text.replace('\n', "\r\n")));
    again("a mark of byte order and line ends of Windows");
    // Quoted, with a comma in a column that is not asked for, and with wells and sites written otherwise.
    let quoted = text.replace("none.tiff", "\"a, b.tiff\"").replace("A05,1,", "a5,1.0,");
    gallery.write(&table, quoted);
    again("quotes and other spellings");
    let doubled = format!("{text}{}\n", text.lines().nth(3).unwrap());
    gallery.write(&table, doubled);
    assert!(
        Plan::of(&one(&gallery), &mut Silence)
            .unwrap()
            .lines()
            .iter()
            .any(|line| line == "repeated in load tables, read once: 1 row")
    );
    again("a row twice");
    let shuffled: Vec<&str> =
        text.lines().take(1).chain(text.lines().skip(1).collect::<Vec<_>>().into_iter().rev()).collect();
    gallery.write(&table, shuffled.join("\n"));
    again("another order of rows");
    // Without source and batch, which the index and the place of the table know.
    gallery.write(&table, text.replace("Metadata_Source,Metadata_Batch", "Metadata_Row,Metadata_Col"));
    again("no source");
    fs::remove_file(gallery.root().join(&table)).unwrap();
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(text.as_bytes()).unwrap();
    gallery.write(
        &table.replace(".csv", ".csv.gz").replace("load_data_csv.gz", "load_data_csv"),
        packed.finish().unwrap(),
    );
    again("packed with gzip");
}

#[test]
fn parquet_and_addresses_are_read() {
    let gallery = Gallery::new();
    let reference = made(&one(&gallery));
    let table = gallery.root().join(gallery::PlateOf::called("JCPQC017").table());
    let text = fs::read_to_string(&table).unwrap();
    fs::remove_file(&table).unwrap();
    let mut lines = text.lines().map(|line| line.split(',').collect::<Vec<&str>>());
    let (header, rows) = (lines.next().unwrap(), lines.collect::<Vec<_>>());
    let kind = |name: &str| if name == "Metadata_Site" { Kind::Whole } else { Kind::Text };
    let columns: Vec<Column<'_>> = header
        .iter()
        .map(|name| Column { name, kind: kind(name), optional: *name == "Metadata_Batch" })
        .collect();
    let path = table.with_extension("parquet");
    let mut parquet = ParquetTable::new(fs::File::create(&path).unwrap(), "schema", &columns).unwrap();
    for rows in rows.chunks(3) {
        parquet
            .group(|group| {
                for (at, column) in columns.iter().enumerate() {
                    let cells = rows.iter().map(|row| row[at]);
                    match column.kind {
                        Kind::Whole => group.cells(cells.map(|cell| Some(cell.parse::<i64>().unwrap())))?,
                        _ if column.optional => group.cells(cells.map(|_| None::<&str>))?,
                        _ => group.cells(cells.map(Some))?,
                    }
                }
                Ok(())
            })
            .unwrap();
    }
    parquet.finish().unwrap();
    let request = Request { out: gallery.path().join("parquet"), ..one(&gallery) };
    assert!(made(&request) == reference);
    for damage in [30, 400, 4000] {
        let mut bytes = fs::read(&path).unwrap();
        let at = bytes.len() - damage.min(bytes.len() - 5);
        bytes[at] ^= 0x55;
        fs::write(table.with_file_name("load_data_with_illum.parquet"), &bytes).unwrap();
        // Refused in words, or harmless: never a panic.
        let _ = Plan::of(&request, &mut Silence);
    }
    fs::remove_file(&path).unwrap();
    // File and folder as one address.
    let url = |line: &str| {
        let fields: Vec<&str> = line.split(',').collect();
        let mut out = fields[..5].to_vec().join(",");
        for pair in fields[5..15].chunks(2) {
            let joined = if pair[0].starts_with("FileName") {
                pair[0].replace("FileName", "URL")
            } else {
                format!("{}{}", pair[1].replace(' ', "%20"), pair[0])
            };
            out = format!("{out},{joined}");
        }
        out
    };
    fs::write(&table, text.lines().map(url).collect::<Vec<_>>().join("\n")).unwrap();
    let request = Request { out: gallery.path().join("url"), ..one(&gallery) };
    assert!(made(&request) == reference);
}

#[test]
fn images_may_be_elsewhere() {
    let gallery = Gallery::new();
    let reference = made(&one(&gallery));
    let there = gallery.root().join("source_3/images/CP_25_all_Phenix1/images");
    let elsewhere = gallery.path().join("disk 2");
    fs::rename(there, &elsewhere).unwrap();
    let request =
        Request { out: gallery.path().join("moved"), images: Some(elsewhere.clone()), ..one(&gallery) };
    assert!(made(&request) == reference);
    let table = gallery.root().join(gallery::PlateOf::called("JCPQC017").table());
    let plate = elsewhere.join("BR5867b3__2022-04-29T03_02_16-Measurement 1");
    let request =
        Request { out: gallery.path().join("one"), images: Some(plate), gallery: table, ..gallery.request() };
    assert!(made(&request) == reference);
}

#[test]
fn layout_and_numbers_may_be_given() {
    let gallery = Gallery::new();
    let file = |name: &str, text: &str| {
        fs::write(gallery.path().join(name), text).unwrap();
        gallery.path().join(name)
    };
    let numbers = file(
        "compound.csv",
        "Metadata_JCP2022,Metadata_InChIKey,Metadata_InChI\nJCP2022_000001,IIXWYSCJSQVBQM-UHFFFAOYSA-N,\"a,b\"\n",
    );
    let map = file("map.tsv", "well_position\tbroad_sample\nA05\t\nA21\tX\nB04\tY\nB15\tX\n");
    let compounds = file(
        "compounds.tsv",
        "broad_sample\tInChIKey\nX\tIIXWYSCJSQVBQM-UHFFFAOYSA-N\nY\tVERWOWGGCGHDQE-UHFFFAOYSA-N\n",
    );
    let request = Request { layout: Some((map, compounds)), numbers: Some(numbers), ..one(&gallery) };
    let files = made(&request);
    let table = String::from_utf8(files["metadata_Target_2_moa.csv"].clone()).unwrap();
    let mut lines = table.lines().skip(1);
    assert_eq!(
        lines.next(),
        Some("0,,,JCPQC017,A05_s1.png,train,IAZDPXIOMUYVGZ-UHFFFAOYSA-N,source_3,CP_25_all_Phenix1,A05,1")
    );
    assert_eq!(
        lines.nth(1),
        Some(
            "2,ALK tyrosine kinase receptor inhibitor,0,JCPQC017,A21_s1.png,train,JCP2022_000001,source_3,CP_25_all_Phenix1,A21,1"
        )
    );
}
