//! The table of all images, in the form of CODA's authors, and what is said of how they were made.

use super::{
    super::known::jump::TABLE,
    error::Error,
    passes,
    plan::{Illumination, LeftOut, Plan, Plate, REVISION},
};
use crate::atomic_file;
use serde_json::json;
use std::path::Path;

/// The table of sites that are left out.
pub(super) const LEFT_OUT: &str = "left_out.csv";
/// How the images were made.
const MADE: &str = "prepared.json";

/// Writes the tables; `prepared` are the sites of each plate that could not be used. That of images comes last: a folder
/// without it is not finished.
///
/// # Errors
/// If one cannot be written.
pub(super) fn write(plan: &Plan, prepared: &[Vec<LeftOut>]) -> Result<(), Error> {
    let mut images = Table::new([
        "",
        "Metadata_moa",
        "moa_id",
        "Metadata_Plate",
        "paths",
        "split",
        "JCP2022_id",
        "Metadata_Source",
        "Metadata_Batch",
        "Metadata_Well",
        "Metadata_Site",
    ]);
    let mut left_out = Table::new([
        "Metadata_Source",
        "Metadata_Batch",
        "Metadata_Plate",
        "Metadata_Well",
        "Metadata_Site",
        "file",
        "why",
    ]);
    let mut number = 0;
    for (plate, out) in plan.plates.iter().zip(prepared) {
        let Plate { source, batch, name, .. } = plate;
        for site in passes::sites(plate, out) {
            let (moa, id) =
                site.compound.mechanism.map_or(("", String::new()), |(moa, id)| (moa, id.to_string()));
            let [well, at, row] = [site.well.to_string(), site.site.to_string(), number.to_string()];
            let compound = &site.compound.id;
            images.row([&row, moa, &id, name, &site.file(), "train", compound, source, batch, &well, &at]);
            number += 1;
        }
        for LeftOut { well, site, file, why } in plate.missing.iter().chain(out) {
            left_out.row([source, batch, name, well, &site.to_string(), file, why]);
        }
    }
    let light = match plan.illumination {
        Illumination::Measured => "measured",
        Illumination::Given => "given",
    };
    let [sites, written] = plan.sites();
    let made = json!({
        "program": concat!("dichroic ", env!("CARGO_PKG_VERSION")),
        "revision": REVISION,
        "channels": super::load_table::CHANNELS,
        "illumination": light,
        "all_wells": plan.all_wells,
        "compounds_without_number": plan.without_number,
        "plates": plan.plates.iter().map(|plate| &plate.name).collect::<Vec<_>>(),
        "sites": sites,
        "images": written,
    });
    put(&plan.out.join(LEFT_OUT), left_out.bytes())?;
    put(&plan.out.join(MADE), format!("{made:#}\n").into_bytes())?;
    put(&plan.out.join(TABLE), images.bytes())
}

fn put(path: &Path, bytes: Vec<u8>) -> Result<(), Error> {
    let written = atomic_file::forget_parts(path).and_then(|()| atomic_file::write(path, bytes));
    written.map_err(|cause| Error::Write { path: path.to_owned(), cause })
}

/// Rows of CSV in memory.
struct Table(csv::Writer<Vec<u8>>);

impl Table {
    fn new<const N: usize>(header: [&str; N]) -> Self {
        let mut table = Self(csv::Writer::from_writer(Vec::new()));
        table.row(header);
        table
    }

    fn row<const N: usize>(&mut self, fields: [&str; N]) {
        self.0.write_record(fields).expect("memory can be written");
    }

    fn bytes(self) -> Vec<u8> {
        self.0.into_inner().expect("memory can be written")
    }
}
