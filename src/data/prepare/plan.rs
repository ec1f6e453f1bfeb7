//! What is to be done: which sites of which plates, from which files; and how that is said.

use super::{
    super::{
        known::jump::target2,
        text::{bytes, many, plain},
    },
    compounds::Compound,
    error::Error,
    load_table::CHANNELS,
    well::Well,
};
use crate::spec::jump::SETS;
use std::{collections::BTreeSet, path::PathBuf};

/// Raised when the images of a plate change that are made of the same files.
pub(super) const REVISION: u32 = 1;

/// By what images are divided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Illumination {
    /// The median-filtered mean image of the plate.
    #[default]
    Measured,
    /// The functions (`.npy`) that the load table names.
    Given,
}

/// What to prepare, from what.
#[derive(Clone, Debug)]
pub struct Request {
    /// The folder that holds load tables, or one load table.
    pub gallery: PathBuf,
    /// Where images are, if not in the gallery.
    pub images: Option<PathBuf>,
    /// The folder to write.
    pub out: PathBuf,
    /// These plates; empty: all plates of TARGET2 that have a load table.
    pub plates: Vec<String>,
    /// A plate map and its compounds, instead of TARGET2's.
    pub layout: Option<(PathBuf, PathBuf)>,
    /// The table of JCP2022 numbers.
    pub numbers: Option<PathBuf>,
    /// By what images are divided.
    pub illumination: Illumination,
    /// Also writes the images of wells without a mechanism of action.
    pub all_wells: bool,
    /// Percent of a plate's sites that may lack a usable file.
    pub tolerate: f64,
}

/// A site whose files are all there.
#[derive(Clone, Debug)]
pub(super) struct Site {
    pub(super) well: Well,
    pub(super) site: u32,
    /// Places of its channels' folders, and names.
    pub(super) files: [(usize, String); 5],
    /// Bytes of all of them.
    pub(super) bytes: u64,
    pub(super) compound: Compound,
}

impl Site {
    /// Its image, in the plate's folder.
    pub(super) fn file(&self) -> String {
        format!("{}_s{}.png", self.well, self.site)
    }
}

/// A site that is left out, and why.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct LeftOut {
    pub(super) well: String,
    pub(super) site: u32,
    pub(super) file: String,
    pub(super) why: String,
}

/// A plate.
pub(super) struct Plate {
    pub(super) source: String,
    pub(super) batch: String,
    pub(super) name: String,
    pub(super) folders: Vec<PathBuf>,
    /// In the order of wells and sites.
    pub(super) sites: Vec<Site>,
    pub(super) missing: Vec<LeftOut>,
    /// Files of the functions of light, where they are given.
    pub(super) lights: Option<[PathBuf; 5]>,
    /// Rows and columns of its first image; none if that cannot be read.
    pub(super) size: Option<[usize; 2]>,
    /// What its files are: whatever was made of others is made again.
    pub(super) key: String,
}

/// All that is to be done.
pub struct Plan {
    pub(super) out: PathBuf,
    pub(super) plates: Vec<Plate>,
    pub(super) all_wells: bool,
    pub(super) tolerate: f64,
    pub(super) illumination: Illumination,
    /// Plates with a load table that are not asked for.
    pub(super) others: Vec<String>,
    pub(super) repeated: u64,
    pub(super) without_number: usize,
    pub(super) all_of_target2: bool,
    pub(super) free: Option<u64>,
}

impl Plate {
    /// Whether an image of the site is written.
    pub(super) fn writes(site: &Site, all_wells: bool) -> bool {
        all_wells || site.compound.mechanism.is_some()
    }
}

impl Plan {
    /// Plates of TARGET2 that have no load table here.
    pub fn absent(&self) -> Vec<target2::Plate> {
        if !self.all_of_target2 {
            return Vec::new();
        }
        let there = |plate: &target2::Plate| self.plates.iter().any(|found| found.name == plate.name);
        target2::plates().filter(|plate| !there(plate)).collect()
    }

    /// Sites of all plates, and how many of them are written.
    pub(super) fn sites(&self) -> [u64; 2] {
        let all = self.plates.iter().flat_map(|plate| &plate.sites);
        let written = all.clone().filter(|site| Plate::writes(site, self.all_wells));
        [all.count() as u64, written.count() as u64]
    }

    /// Bytes that are read twice and once more for writing, and the most that is written.
    fn size(&self) -> [u64; 3] {
        let mut size = [0; 3];
        for plate in &self.plates {
            let each =
                plate.size.map_or(0, |[rows, columns]| (rows / 2 * (columns / 2) * CHANNELS.len()) as u64);
            for site in &plate.sites {
                let written = u64::from(Plate::writes(site, self.all_wells));
                size[0] += site.bytes;
                size[1] += written * site.bytes;
                size[2] += written * (each + each / 100 + 1024);
            }
        }
        size
    }

    /// What is going to happen, as lines of text.
    pub fn lines(&self) -> Vec<String> {
        let ([sites, written], [first, second, most]) = (self.sites(), self.size());
        let mut lines = vec![format!(
            "{}, {} of {} channels: {}",
            many(self.plates.len() as u64, "plate"),
            many(sites, "site"),
            CHANNELS.len(),
            many(sites * CHANNELS.len() as u64, "file")
        )];
        for source in SETS {
            let plates: Vec<&Plate> = self.plates.iter().filter(|plate| plate.source == source).collect();
            if plates.is_empty() {
                continue;
            }
            let batches: BTreeSet<&str> = plates.iter().map(|plate| plate.batch.as_str()).collect();
            let sites = plates.iter().flat_map(|plate| &plate.sites);
            let labelled = sites.clone().filter(|site| site.compound.mechanism.is_some()).count();
            let sizes: BTreeSet<[usize; 2]> = plates.iter().filter_map(|plate| plate.size).collect();
            let sizes: Vec<String> =
                sizes.iter().map(|[rows, columns]| format!("{rows} x {columns}")).collect();
            let mut line = format!(
                "  {source}: {} of {} in {}, {} of {} pixels, {labelled} with a mechanism of action",
                plates.len(),
                many(target2::plates().filter(|plate| plate.source == source).count() as u64, "plate"),
                if batches.len() == 1 { "1 batch".to_owned() } else { format!("{} batches", batches.len()) },
                many(sites.count() as u64, "site"),
                sizes.join(" and "),
            );
            let missing: usize = plates.iter().map(|plate| plate.missing.len()).sum();
            if missing > 0 {
                line.push_str(&format!("; {} left out for lack of a file", many(missing as u64, "site")));
            }
            lines.push(line);
        }
        let light = match self.illumination {
            Illumination::Measured => {
                "each plate's mean image and its 99.99th percentile, channel by channel"
            }
            Illumination::Given => "each plate's 99.99th percentile, channel by channel; its light is given",
        };
        lines.push(format!("first pass, {} read: {light}", bytes(first)));
        lines.push(format!(
            "second pass, {} read: {} written, at most {}{}",
            bytes(second),
            many(written, "image"),
            bytes(most),
            self.free.map_or(String::new(), |free| format!("; {} are free", bytes(free)))
        ));
        if self.repeated > 0 {
            lines.push(format!("repeated in load tables, read once: {}", many(self.repeated, "row")));
        }
        let names = |names: &mut dyn Iterator<Item = &str>, count: usize| {
            let mut listed: Vec<String> = names.take(6).map(|name| plain(name).into_owned()).collect();
            listed.extend((count > 6).then(|| format!("and {} more", count - 6)));
            listed.join(", ")
        };
        if !self.others.is_empty() {
            let all = names(&mut self.others.iter().map(String::as_str), self.others.len());
            lines.push(format!(
                "{} of other kinds or sources are not read: {all}",
                many(self.others.len() as u64, "plate")
            ));
        }
        let absent = self.absent();
        if !absent.is_empty() {
            let all = names(&mut absent.iter().map(|plate| plate.name), absent.len());
            lines.push(format!(
                "{} of TARGET2 have no load table here: {all}",
                many(absent.len() as u64, "plate")
            ));
        }
        if self.without_number > 0 {
            lines.push(
                "compounds are called by their InChIKeys, for want of their JCP2022 numbers (--numbers compound.csv.gz): the split by \
                 compounds, which holds out the last of each mechanism, holds out others than with numbers"
                    .to_owned(),
            );
        }
        lines
    }
}

impl Plan {
    /// Refuses what does not fit on the disk. `done`: bytes that are there already.
    pub(super) fn fits(&self, done: u64) -> Result<(), Error> {
        let most = self.size()[2].saturating_sub(done);
        match self.free {
            Some(free) if free < most => Err(Error::refused(
                format!("expected {} free for {}, found {}", bytes(most), self.out.display(), bytes(free)),
                "free space, choose another --out, or prepare some of the plates: --plates NAME,…",
            )),
            _ => Ok(()),
        }
    }
}

/// Refuses a plate of which too many sites are left out.
pub(super) fn tolerable(plate: &Plate, left_out: &[LeftOut], all: usize, tolerate: f64) -> Result<(), Error> {
    let (count, share) = (left_out.len(), 100.0 * left_out.len() as f64 / all.max(1) as f64);
    if count == 0 || share <= tolerate && count < all {
        return Ok(());
    }
    let listed: Vec<String> = left_out
        .iter()
        .take(5)
        .map(|LeftOut { well, site, file, why }| {
            let file = if file.is_empty() { String::new() } else { format!("{file}: ") };
            format!("\n  {}", plain(&format!("{well} site {site}: {file}{why}")))
        })
        .collect();
    let more = if count > 5 { format!("\n  and {} more", count - 5) } else { String::new() };
    let said = format!(
        "plate {}: {count} of {} lack a usable file{}{more}",
        plain(&plate.name),
        many(all as u64, "site"),
        listed.join("")
    );
    let hint = if count == all {
        "no site of the plate can be used; --images says where images are, and --plates which plates are prepared".to_owned()
    } else {
        format!(
            "get the files again, or leave such sites out: --tolerate {} (percent of a plate; they are listed in left_out.csv)",
            (share.ceil() as u64).min(100)
        )
    };
    Err(Error::Refused { said, hint })
}
