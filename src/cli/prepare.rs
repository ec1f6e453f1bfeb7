//! `data prepare`: from the images of a public gallery to a data set.

use super::{failure::Result, options::ThreadsOption, output, progress::Progress};
use crate::{
    data::prepare::{Done, Illumination, Plan, Request},
    disk,
    event::{Event, Listen},
    spec,
};
use clap::{Args, ValueEnum};
use std::path::PathBuf;

#[derive(Clone, Copy, Debug, ValueEnum)]
enum What {
    /// JUMP TARGET2 from cpg0016 of the Cell Painting Gallery: six sources, 73 plates
    Jump,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum IlluminationWord {
    /// The plate's mean image, filtered by a median: as DeepProfiler does it
    Measured,
    /// The functions (`.npy`) that the load table names: as CellProfiler made them
    Given,
}

/// Make a data set from the images of a public gallery
///
/// Each plate is read twice. The first pass measures, for each channel, the mean image of the plate and the grey level that
/// 99.99 % of its pixels are below. The second divides each image by the plate's light, halves it, cuts off its outliers
/// (below its 0.05th and above its 99.95th percentile, or above the plate's 99.99th), stretches what is left to 8 bits, and
/// writes a PNG file for each site with DNA, ER, RNA, AGP and Mito side by side. Which file is which channel is said by the
/// columns of the load tables (`FileName_OrigDNA`, `PathName_OrigDNA`), whose paths are found below GALLERY or --images.
///
/// A run that was interrupted or killed goes on where it was when the same command is given again, and ends with the same bytes.
#[derive(Args, Debug)]
pub(super) struct Prepare {
    /// Which data set
    what: What,
    /// The folder that holds `source_3` and so on, as `aws s3 sync` of cpg0016-jump makes it; or one load table
    gallery: PathBuf,
    /// The folder to write
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Where images are, if not below GALLERY: the folder that holds the folders of plates, or one above it
    #[arg(long, value_name = "DIR")]
    images: Option<PathBuf>,
    /// Only these plates [default: all plates of TARGET2 that have a load table]
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    plates: Vec<String>,
    /// What images are divided by
    #[arg(long, value_enum, default_value = "measured")]
    illumination: IlluminationWord,
    /// Also write the images of wells without a mechanism of action, which no experiment reads
    #[arg(long)]
    all_wells: bool,
    /// How many sites of a plate may lack a usable file, in percent: they are left out and listed in left_out.csv
    #[arg(long, value_name = "PERCENT", default_value_t = 1.0, value_parser = percent)]
    tolerate: f64,
    /// JCP2022 numbers of compounds: metadata/compound.csv.gz of jump-cellpainting/datasets [default: InChIKeys]
    #[arg(long, value_name = "FILE")]
    numbers: Option<PathBuf>,
    /// A plate map instead of TARGET2's: columns well_position and broad_sample
    #[arg(long, value_name = "FILE", requires = "compounds")]
    plate_map: Option<PathBuf>,
    /// The compounds of the plate map: columns broad_sample and InChIKey
    #[arg(long, value_name = "FILE", requires = "plate_map")]
    compounds: Option<PathBuf>,
    #[command(flatten)]
    threads: ThreadsOption,
    /// Read the tables and look up all files, print what would be done, and stop
    #[arg(long)]
    dry: bool,
}

fn percent(text: &str) -> std::result::Result<f64, String> {
    let number: f64 =
        text.trim_end_matches('%').parse().map_err(|_| format!("expected a number, found `{text}`"))?;
    if (0.0..=100.0).contains(&number) {
        Ok(number)
    } else {
        Err(format!("expected 0 to 100, found {number}"))
    }
}

impl Prepare {
    pub(super) fn run(&self, quiet: bool) -> Result {
        let What::Jump = self.what;
        self.threads.prepare()?;
        let mut progress = Progress::new(quiet);
        let plan = Plan::of(&self.request(), &mut progress)?;
        if self.dry {
            drop(progress);
            let mut lines = plan.lines();
            lines.extend(self.fetching(&plan));
            return output::say(&lines.join("\n"));
        }
        plan.lines().iter().for_each(|line| progress.note(line));
        let done = plan.carry_out(&mut progress)?;
        let disk = self.disk(&done, &mut progress);
        drop(progress);
        let mut lines = done.lines();
        lines.splice(1..1, disk);
        lines.extend(done.warnings.iter().map(|warning| format!("warning: {warning}")));
        let (out, name) = (self.out.display(), spec::jump::NAME);
        lines
            .push(format!("next: dichroic data check {out}; dichroic exp coda_s3 --data {name}={out} --dry"));
        output::say(&lines.join("\n"))
    }

    fn request(&self) -> Request {
        Request {
            gallery: self.gallery.clone(),
            images: self.images.clone(),
            out: self.out.clone(),
            plates: self.plates.clone(),
            layout: self.plate_map.clone().zip(self.compounds.clone()),
            numbers: self.numbers.clone(),
            illumination: match self.illumination {
                IlluminationWord::Measured => Illumination::Measured,
                IlluminationWord::Given => Illumination::Given,
            },
            all_wells: self.all_wells,
            tolerate: self.tolerate,
        }
    }

    /// How to get what is not here.
    fn fetching(&self, plan: &Plan) -> Option<String> {
        let absent = plan.absent();
        let first = absent.first()?;
        let (source, batch, plate) = (first.source, first.batch, first.name);
        Some(format!(
            "a plate is fetched like this, {plate} for one; its load table names the folder of its images in {batch}/images:\n  \
             aws s3 sync --no-sign-request s3://cellpainting-gallery/cpg0016-jump/{source}/workspace/load_data_csv/{batch}/{plate} \
             {}/{source}/workspace/load_data_csv/{batch}/{plate}",
            self.gallery.display()
        ))
    }

    /// How fast the disk could have written, where enough was written to ask.
    fn disk(&self, done: &Done, progress: &mut Progress) -> Option<String> {
        if done.written() < disk::PROBE {
            return None;
        }
        progress.receive(&Event::Note("measuring the disk"));
        let speed = disk::writing_speed(&self.out).ok()?;
        Some(format!("this disk writes {:.0} MB/s", speed / 1e6))
    }
}
