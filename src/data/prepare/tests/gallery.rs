//! A gallery as `aws s3 sync` makes it, of small images by a formula that `tests/golden/jump_plate.py` repeats.

use super::{super::*, *};
use std::{fmt::Write as _, path::PathBuf};
use tempfile::TempDir;

/// Rows and columns of an image.
pub(super) const SIZE: [usize; 2] = [60, 72];
/// Sites of a well.
pub(super) const SITES: usize = 2;
/// DMSO, and wells with a mechanism of action.
pub(super) const WELLS: [&str; 4] = ["A05", "A21", "B04", "B15"];
pub(super) const CHANNELS: [&str; 5] = ["DNA", "ER", "RNA", "AGP", "Mito"];

pub(super) struct PlateOf {
    pub(super) source: &'static str,
    pub(super) batch: &'static str,
    pub(super) name: &'static str,
    /// The folder of its images.
    folder: &'static str,
    /// The numbers of the channels.
    numbers: [u8; 5],
}

/// Plates of three microscopes, as the gallery has them.
pub(super) const PLATES: [PlateOf; 4] = [
    PlateOf {
        source: "source_3",
        batch: "CP_25_all_Phenix1",
        name: "JCPQC016",
        folder: "BR5867a3__2022-04-29T01_02_16-Measurement 1/Images",
        numbers: [5, 4, 3, 2, 1],
    },
    PlateOf {
        source: "source_3",
        batch: "CP_25_all_Phenix1",
        name: "JCPQC017",
        folder: "BR5867b3__2022-04-29T03_02_16-Measurement 1/Images",
        numbers: [5, 4, 3, 2, 1],
    },
    PlateOf {
        source: "source_5",
        batch: "JUMPCPE-20210706-Run06_20210706_235916",
        name: "ACPJUM032",
        folder: "ACPJUM032",
        numbers: [1, 2, 3, 4, 5],
    },
    PlateOf {
        source: "source_11",
        batch: "Batch2",
        name: "LM37-70_1",
        folder: "LM37-70_1__2021-06-03T17_24_29-Measurement1/Images",
        numbers: [1, 2, 4, 3, 5],
    },
];

impl PlateOf {
    pub(super) fn called(name: &str) -> &'static Self {
        PLATES.iter().find(|plate| plate.name == name).unwrap()
    }

    /// The name of a file.
    fn file(&self, well: &str, site: usize, channel: &str) -> String {
        let number = self.numbers[CHANNELS.iter().position(|name| *name == channel).unwrap()];
        let (row, column) = (well.as_bytes()[0] - b'A' + 1, &well[1..]);
        match self.source {
            "source_5" => format!("{}_{well}_T0001F{site:03}L01A01Z01C{number:02}.tif", self.name),
            _ => format!("r{row:02}c{column}f{site:02}p01-ch{number}sk1fk1fl1.tiff"),
        }
    }

    fn images(&self) -> String {
        format!("{}/images/{}/images/{}", self.source, self.batch, self.folder)
    }

    fn illum(&self) -> String {
        format!("{}/images/{}/illum/{}", self.source, self.batch, self.name)
    }

    pub(super) fn table(&self) -> String {
        format!(
            "{}/workspace/load_data_csv/{}/{}/load_data_with_illum.csv",
            self.source, self.batch, self.name
        )
    }
}

/// The grey levels of an image.
pub(super) fn levels(well: usize, site: usize, channel: usize) -> Vec<u16> {
    let [height, width] = SIZE.map(|side| side as i64);
    let seed = (well * 7 + site * 3 + channel) as i64;
    let level = |y: i64, x: i64| {
        let ground = 400 + 37 * channel as i64 + (x * 7 + y * 13 + seed * 31) % 23;
        let blob = |blob: i64| {
            let (cy, cx) = ((seed * 17 + blob * 23) % height, (seed * 29 + blob * 31) % width);
            40 * (36 - (y - cy).pow(2) - (x - cx).pow(2)).max(0)
        };
        let light = 1000 - (x - width / 3).pow(2) / 8 - (y - height / 2).pow(2) / 12;
        (ground + (0..5).map(blob).sum::<i64>()) * light / 1000
    };
    (0..height).flat_map(|y| (0..width).map(move |x| level(y, x) as u16)).collect()
}

/// Writes a TIFF file of 16-bit grey.
pub(super) fn tiff(path: &Path, [height, width]: [usize; 2], levels: &[u16]) {
    use ::tiff::encoder::{TiffEncoder, colortype::Gray16};
    let mut encoder = TiffEncoder::new(fs::File::create(path).unwrap()).unwrap();
    encoder.write_image::<Gray16>(width as u32, height as u32, levels).unwrap();
}

pub(super) struct Gallery(TempDir);

impl Gallery {
    /// All plates.
    pub(super) fn new() -> Self {
        let gallery = Self(tempfile::tempdir().unwrap());
        for plate in &PLATES {
            let [images, illum] = [plate.images(), plate.illum()].map(|path| gallery.root().join(path));
            [&images, &illum].into_iter().for_each(|path| fs::create_dir_all(path).unwrap());
            let mut table =
                "Metadata_Plate,Metadata_Well,Metadata_Site,Metadata_Source,Metadata_Batch".to_owned();
            for kind in ["Orig", "Illum"] {
                CHANNELS
                    .iter()
                    .for_each(|name| write!(table, ",FileName_{kind}{name},PathName_{kind}{name}").unwrap());
            }
            table.push_str(",FileName_OrigBrightfield,PathName_OrigBrightfield\n");
            for (number, well) in WELLS.iter().enumerate() {
                for site in 0..SITES {
                    let (name, source, batch) = (plate.name, plate.source, plate.batch);
                    write!(table, "{name},{well},{},{source},{batch}", site + 1).unwrap();
                    for (at, channel) in CHANNELS.iter().enumerate() {
                        let file = plate.file(well, site + 1, channel);
                        tiff(&images.join(&file), SIZE, &levels(number, site, at));
                        write!(table, ",{file},s3://cellpainting-gallery/cpg0016-jump/{}/", plate.images())
                            .unwrap();
                    }
                    for channel in CHANNELS {
                        let path = plate.illum();
                        write!(table, ",{name}_Illum{channel}.npy,/home/ubuntu/bucket/{path}").unwrap();
                    }
                    table.push_str(",none.tiff,/nowhere\n");
                }
            }
            gallery.write(&plate.table(), table);
            gallery.light(plate.name, SIZE, |_| 1.0);
        }
        // A plate of compounds that are none of TARGET2's.
        gallery.write("source_3/workspace/load_data_csv/CP59/BR1/load_data.csv", "never read");
        gallery
    }

    pub(super) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(super) fn root(&self) -> PathBuf {
        self.path().join("cpg0016-jump")
    }

    pub(super) fn out(&self) -> PathBuf {
        self.path().join("out")
    }

    pub(super) fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.root().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// The file of a channel.
    pub(super) fn file(&self, plate: &str, well: &str, site: usize, channel: &str) -> PathBuf {
        let plate = PlateOf::called(plate);
        self.root().join(plate.images()).join(plate.file(well, site, channel))
    }

    /// Writes the functions of light of a plate.
    pub(super) fn light(&self, plate: &str, [rows, columns]: [usize; 2], value: impl Fn(usize) -> f64) {
        let mut header =
            format!("{{'descr': '<f8', 'fortran_order': False, 'shape': ({rows}, {columns}), }}");
        while !(10 + header.len() + 1).is_multiple_of(64) {
            header.push(' ');
        }
        header.push('\n');
        let mut bytes =
            [b"\x93NUMPY\x01\0", &(header.len() as u16).to_le_bytes()[..], header.as_bytes()].concat();
        (0..rows * columns).for_each(|at| bytes.extend(value(at).to_le_bytes()));
        for channel in CHANNELS {
            self.write(&format!("{}/{plate}_Illum{channel}.npy", PlateOf::called(plate).illum()), &bytes);
        }
    }

    pub(super) fn request(&self) -> Request {
        Request {
            gallery: self.root(),
            images: None,
            out: self.out(),
            plates: Vec::new(),
            layout: None,
            numbers: None,
            illumination: Illumination::Measured,
            all_wells: false,
            tolerate: 1.0,
        }
    }

    pub(super) fn prepare(&self) -> Result<Done, Error> {
        Plan::of(&self.request(), &mut Silence)?.carry_out(&mut Silence)
    }

    /// The error and its hint; the folder's own path is removed.
    pub(super) fn refused(&self, request: &Request) -> String {
        let run = || Plan::of(request, &mut Silence)?.carry_out(&mut Silence);
        let error = run().err().expect("this should be refused");
        let hint = error.hint().unwrap_or_default();
        format!("{error}\nhint: {hint}").replace(&format!("{}/", self.path().display()), "")
    }
}
