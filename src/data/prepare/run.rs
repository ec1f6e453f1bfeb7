//! Carries a plan out: plate by plate, then the table.

use super::{
    super::{
        DataSet, Published, check,
        known::jump::TABLE,
        text::{bytes, many},
    },
    error::Error,
    kept::Kept,
    passes,
    plan::{LeftOut, Plan, Plate, tolerable},
    progress::Tally,
    released,
};
use crate::event::{Event, Listen};

/// What was prepared.
pub struct Done {
    images: [u64; 2],
    sites: u64,
    left_out: u64,
    seconds: f64,
    read: u64,
    written: u64,
    /// Published numbers, and those of the folder.
    pub published: Vec<Published>,
    /// Sentences about the folder.
    pub warnings: Vec<String>,
}

impl Plan {
    /// Makes what is not there yet. Whatever ends it, the same call goes on with the rest, and the end is the same.
    ///
    /// # Errors
    /// If too many sites of a plate cannot be used, something cannot be written, or the listener asks to stop.
    pub fn carry_out(&self, listen: &mut dyn Listen) -> Result<Done, Error> {
        let _lock = passes::take(&self.out)?;
        let kept = |plate: &Plate| Kept::read(&self.out, &plate.name, &plate.key);
        let mut there = [0, 0];
        let mut done = 0;
        for plate in &self.plates {
            let kept = kept(plate);
            passes::tidy(self, plate, kept.is_some())?;
            if let Some(kept) = kept {
                let [images, bytes] = passes::there(self, plate, &kept);
                there = [there[0] + images, there[1] + bytes];
                done += plate.sites.len() as u64 + images;
            }
        }
        self.fits(there[1])?;
        let [all, written] = self.sites();
        let mut tally = Tally::new(done);
        listen.receive(&Event::Began { what: "preparing", unit: "reading", total: all + written });
        listen.receive(&Event::Advanced { done, note: "" });
        let (mut finished, mut sites, mut left_out) = (Vec::new(), 0, 0);
        for plate in &self.plates {
            let kept = match kept(plate) {
                Some(kept) => kept,
                None => {
                    let kept = passes::measure(self, plate, &mut tally, listen)?;
                    let written = kept.write(&self.out, &plate.name, &plate.key);
                    written.map_err(|(path, cause)| Error::Write { path, cause })?;
                    kept
                }
            };
            let lacking: Vec<LeftOut> = plate.missing.iter().chain(&kept.left_out).cloned().collect();
            tolerable(plate, &lacking, plate.sites.len() + plate.missing.len(), self.tolerate)?;
            let planned = plate.sites.iter().filter(|site| Plate::writes(site, self.all_wells)).count();
            tally.skip((planned - passes::usable(self, plate, &kept.left_out).count()) as u64);
            passes::write(self, plate, &kept, &mut tally, listen)?;
            sites += passes::sites(plate, &kept.left_out).count() as u64;
            left_out += lacking.len() as u64;
            finished.push(kept.left_out);
        }
        listen.receive(&Event::Ended);
        released::write(self, &finished)?;
        let data = DataSet::open_without_fingerprint(crate::spec::jump::NAME, &self.out)?;
        Ok(Done {
            images: [tally.images, there[0]],
            sites,
            left_out,
            seconds: tally.seconds(),
            read: tally.read,
            written: tally.written,
            published: check::published(&data),
            warnings: data.warnings,
        })
    }
}

impl Done {
    /// Images that were written, those of earlier processes left out.
    pub fn images(&self) -> u64 {
        self.images[0]
    }

    /// Bytes that were written.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// What was prepared, as lines of text.
    pub fn lines(&self) -> Vec<String> {
        let Self { images: [new, old], sites, left_out, seconds, read, written, .. } = self;
        let mut first = format!("{} written", many(*new, "image"));
        if *old > 0 {
            first.push_str(&format!(", {old} were there already"));
        }
        if *new > 0 {
            let speed = |bytes: &u64| *bytes as f64 / 1e6 / seconds;
            first.push_str(&format!(
                " in {seconds:.1} s: {:.1} images/s, {} read ({:.0} MB/s), {} written ({:.1} MB/s)",
                *new as f64 / seconds,
                bytes(*read),
                speed(read),
                bytes(*written),
                speed(written)
            ));
        }
        let mut lines = vec![first, format!("{TABLE}: {}", many(*sites, "site"))];
        if *left_out > 0 {
            lines.push(format!("{} left out: {}", many(*left_out, "site"), released::LEFT_OUT));
        }
        let met = self.published.iter().filter(|row| row.is_met()).count();
        lines.push(format!("published numbers (Table 1, labels) met: {met} of {}", self.published.len()));
        // Of sources that are not here, nothing is said.
        for Published { what, printed, found, also } in
            self.published.iter().filter(|row| !row.is_met() && row.found > 0)
        {
            let also = also.map_or(String::new(), |also| format!(" (or {also})"));
            lines.push(format!("  {what}: published {printed}{also}, here {found}"));
        }
        lines
    }
}
