//! The two passes over a plate: its sites are measured, then its images are made. Results do not depend on the number of
//! threads.

use super::{
    super::image::Fault,
    error::Error,
    kept::{self, FOLDER, Kept},
    load_table::CHANNELS,
    picture::{halved, halved_size, stretched},
    plan::{Illumination, LeftOut, Plan, Plate, Site, tolerable},
    plate::{Light, RADIUS, Sums, Thumb},
    progress::Tally,
    read,
};
use crate::{atomic_file, event::Listen};
use png::{BitDepth, ColorType, Compression, Encoder};
use rayon::prelude::*;
use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

/// Sites that are held in memory at once.
fn chunk() -> usize {
    (2 * rayon::current_num_threads()).clamp(4, 64)
}

impl Plate {
    fn path(&self, site: &Site, channel: usize) -> PathBuf {
        let (folder, name) = &site.files[channel];
        self.folders[*folder].join(name)
    }

    /// What a fault of a channel's file is called.
    fn left_out(&self, site: &Site, channel: usize, fault: &Fault) -> LeftOut {
        let file = self.path(site, channel).display().to_string();
        LeftOut {
            well: site.well.to_string(),
            site: site.site,
            file,
            why: format!("{}: {fault}", CHANNELS[channel]),
        }
    }
}

/// A site as it goes into the sums: its size and channels, or why it cannot be used.
type Seen = Result<([usize; 2], [Thumb; 5]), LeftOut>;

fn see(plate: &Plate, site: &Site, picture: bool) -> Seen {
    let mut thumbs = Vec::with_capacity(CHANNELS.len());
    let mut first = None;
    for (channel, name) in CHANNELS.iter().enumerate() {
        let left_out = |fault: &Fault| plate.left_out(site, channel, fault);
        let (found, levels) = read::levels(&plate.path(site, channel)).map_err(|fault| left_out(&fault))?;
        let expected = *first.get_or_insert(found);
        if found != expected {
            let [first, channel] = [CHANNELS[0], name].map(str::to_owned);
            return Err(left_out(&Fault::Size { channel, found, first, expected }));
        }
        thumbs.push(Thumb::of(&levels, found, picture));
    }
    let thumbs: Result<[Thumb; 5], _> = thumbs.try_into();
    Ok((first.unwrap_or_default(), thumbs.unwrap_or_else(|_| unreachable!("a thumb for each channel"))))
}

/// The first pass: reads all files of a plate. The size that most of its images have is the plate's; sites of others are left
/// out, and so are those that cannot be read.
///
/// # Errors
/// If no site can be used, or if the listener asks to stop.
pub(super) fn measure(
    plan: &Plan,
    plate: &Plate,
    tally: &mut Tally,
    listen: &mut dyn Listen,
) -> Result<Kept, Error> {
    let picture = plan.illumination == Illumination::Measured;
    let mut sums: BTreeMap<[usize; 2], [Sums; 5]> = BTreeMap::new();
    let mut left_out = BTreeMap::new();
    let mut sizes = Vec::with_capacity(plate.sites.len());
    for sites in plate.sites.chunks(chunk()) {
        let seen: Vec<Seen> = sites.par_iter().map(|site| see(plate, site, picture)).collect();
        for (site, seen) in sites.iter().zip(seen) {
            match seen {
                Ok((size, thumbs)) => {
                    let sums = sums.entry(size).or_insert_with(|| [(); 5].map(|()| Sums::new()));
                    sums.iter_mut().zip(thumbs).for_each(|(sums, thumb)| sums.add(thumb));
                    sizes.push(Some(size));
                }
                Err(fault) => {
                    left_out.insert(sizes.len(), fault);
                    sizes.push(None);
                }
            }
            tally.read(site.bytes);
        }
        tally.report(&plate.name, listen)?;
    }
    // Of equally frequent sizes the smaller one: any rule does, if it is one.
    let most = sums.iter().rev().max_by_key(|(_, sums)| sums[0].images()).map(|(size, _)| *size);
    let Some(size) = most else {
        let left_out: Vec<LeftOut> = left_out.into_values().collect();
        return match tolerable(plate, &left_out, plate.sites.len(), plan.tolerate) {
            Err(error) => Err(error),
            Ok(()) => Err(Error::refused(
                format!("plate {}: expected sites, found none with all files", plate.name),
                "--plates says which plates are prepared",
            )),
        };
    };
    for (place, (site, found)) in plate.sites.iter().zip(&sizes).enumerate() {
        if let Some(found) = found.filter(|found| *found != size) {
            let [[rows, columns], [of, by]] = [size, found];
            let why =
                format!("expected {rows} x {columns} pixels as most of the plate has, found {of} x {by}");
            let file = plate.path(site, 0).display().to_string();
            left_out.insert(place, LeftOut { well: site.well.to_string(), site: site.site, file, why });
        }
    }
    let sums = sums.remove(&size).expect("the size is one of them");
    let measured: Vec<_> =
        sums.into_iter().collect::<Vec<_>>().into_par_iter().map(|sums| sums.finish(RADIUS)).collect();
    let measured: Result<[_; 5], _> = measured.try_into();
    let measured = measured.unwrap_or_else(|_| unreachable!("sums for each channel"));
    Ok(Kept { size, measured, left_out: left_out.into_values().collect() })
}

/// The light of each channel.
fn lights(plate: &Plate, kept: &Kept) -> Result<[Light; 5], Error> {
    let light = |channel: usize| -> Result<Light, Error> {
        let measured = &kept.measured[channel];
        match (&measured.smooth, &plate.lights) {
            (Some(smooth), _) => Ok(Light::of(smooth, kept.size, measured.top)),
            (None, Some(files)) => {
                Ok(Light { field: read::light(&files[channel], kept.size)?, top: measured.top })
            }
            (None, None) => unreachable!("light is measured or given"),
        }
    };
    let lights: Vec<Light> = (0..5).into_par_iter().map(light).collect::<Result<_, _>>()?;
    Ok(lights.try_into().expect("a light for each channel"))
}

/// The second pass: makes the images of a plate that are not there yet. Returns how many it made.
///
/// # Errors
/// If a file can be read no more or an image cannot be written, or if the listener asks to stop.
pub(super) fn write(
    plan: &Plan,
    plate: &Plate,
    kept: &Kept,
    tally: &mut Tally,
    listen: &mut dyn Listen,
) -> Result<u64, Error> {
    let folder = plan.out.join(&plate.name);
    let left: Vec<&Site> =
        usable(plan, plate, &kept.left_out).filter(|site| !is_whole(&folder.join(site.file()))).collect();
    if left.is_empty() {
        return Ok(0);
    }
    fs::create_dir_all(&folder).map_err(|cause| Error::Write { path: folder.clone(), cause })?;
    let lights = lights(plate, kept)?;
    for sites in left.chunks(chunk()) {
        let written: Vec<u64> = sites
            .par_iter()
            .map(|site| make(plate, site, kept.size, &lights, &folder.join(site.file())))
            .collect::<Result<_, _>>()?;
        for (site, bytes) in sites.iter().zip(written) {
            tally.read(site.bytes);
            tally.wrote(bytes);
        }
        tally.report(&plate.name, listen)?;
    }
    Ok(left.len() as u64)
}

/// The sites of a plate whose images are written.
pub(super) fn usable<'a>(
    plan: &'a Plan,
    plate: &'a Plate,
    left_out: &'a [LeftOut],
) -> impl Iterator<Item = &'a Site> {
    sites(plate, left_out).filter(|site| Plate::writes(site, plan.all_wells))
}

/// The sites of a plate that can be used.
pub(super) fn sites<'a>(plate: &'a Plate, left_out: &'a [LeftOut]) -> impl Iterator<Item = &'a Site> {
    let out: std::collections::HashSet<(&str, u32)> =
        left_out.iter().map(|site| (site.well.as_str(), site.site)).collect();
    plate.sites.iter().filter(move |site| !out.contains(&(site.well.to_string().as_str(), site.site)))
}

/// Makes and writes an image; returns its bytes.
fn make(
    plate: &Plate,
    site: &Site,
    size: [usize; 2],
    lights: &[Light; 5],
    path: &Path,
) -> Result<u64, Error> {
    let [height, width] = halved_size(size);
    let mut tape = vec![0; height * width * CHANNELS.len()];
    for (channel, light) in lights.iter().enumerate() {
        let changed = |fault: &Fault| {
            Error::refused(
                format!("{}: {fault}; it could be read before", plate.path(site, channel).display()),
                "the same command goes on with what is left; check the disk or the share",
            )
        };
        let (found, levels) = read::levels(&plate.path(site, channel)).map_err(|fault| changed(&fault))?;
        if found != size {
            let [first, channel] = [CHANNELS[0], CHANNELS[channel]].map(str::to_owned);
            return Err(changed(&Fault::Size { channel, found, first, expected: size }));
        }
        let eight = stretched(&halved(&levels, size, light), light);
        for (into, row) in tape.chunks_exact_mut(width * CHANNELS.len()).zip(eight.chunks_exact(width)) {
            into[channel * width..][..width].copy_from_slice(row);
        }
    }
    let failed = |cause| Error::Write { path: path.to_owned(), cause };
    let bytes = encoded(&tape, [height, width * CHANNELS.len()]).map_err(failed)?;
    atomic_file::fill_lightly(path, |part| fs::write(part, &bytes)).map_err(failed)?;
    Ok(bytes.len() as u64)
}

fn encoded(tape: &[u8], [height, width]: [usize; 2]) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, width as u32, height as u32);
    encoder.set_color(ColorType::Grayscale);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_compression(Compression::Fast);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(tape)?;
    writer.finish()?;
    Ok(bytes)
}

/// The end of every PNG file.
const END: [u8; 12] = [0, 0, 0, 0, b'I', b'E', b'N', b'D', 0xae, 0x42, 0x60, 0x82];

/// Whether an image is there from beginning to end: after a power cut, a file may have its name and not its contents.
fn is_whole(path: &Path) -> bool {
    let read = || -> io::Result<bool> {
        let (mut file, mut start, mut end) = (File::open(path)?, [0; 8], [0; 12]);
        file.read_exact(&mut start)?;
        file.seek(SeekFrom::End(-(END.len() as i64)))?;
        file.read_exact(&mut end)?;
        Ok(start == *b"\x89PNG\r\n\x1a\n" && end == END)
    };
    read().unwrap_or(false)
}

/// Bytes of the images of a plate that are there.
pub(super) fn there(plan: &Plan, plate: &Plate, kept: &Kept) -> [u64; 2] {
    let folder = plan.out.join(&plate.name);
    let files = usable(plan, plate, &kept.left_out).map(|site| folder.join(site.file()));
    files.filter(|file| is_whole(file)).fold([0, 0], |[count, bytes], file| {
        [count + 1, bytes + fs::metadata(file).map_or(0, |about| about.len())]
    })
}

/// Removes images of a plate that were made of other files, and what killed processes left.
///
/// # Errors
/// If one cannot be removed.
pub(super) fn tidy(plan: &Plan, plate: &Plate, is_kept: bool) -> Result<(), Error> {
    let ours = |name: &str| match name.strip_suffix(".part") {
        Some(part) => part.starts_with('.') && part.contains(".png."),
        None => !is_kept && name.ends_with(".png"),
    };
    let file = kept::file(&plan.out, &plate.name);
    atomic_file::forget_parts(&file).map_err(|cause| Error::Write { path: file, cause })?;
    let folder = plan.out.join(&plate.name);
    let Ok(entries) = fs::read_dir(&folder) else { return Ok(()) };
    for entry in entries.flatten() {
        if entry.file_name().to_str().is_some_and(ours) {
            let path = entry.path();
            fs::remove_file(&path).map_err(|cause| Error::Write { path, cause })?;
        }
    }
    Ok(())
}

/// Makes the folder that is written, and takes it for this process alone.
///
/// # Errors
/// If there is something else, or another process at work.
pub(super) fn take(out: &Path) -> Result<File, Error> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |cause| Error::Write { path, cause }
    };
    let kept = out.join(FOLDER);
    let empty = || fs::read_dir(out).is_ok_and(|mut entries| entries.next().is_none());
    if out.exists() && !kept.is_dir() && !empty() {
        return Err(Error::refused(
            format!(
                "{}: expected a new or empty folder, or one that this command has begun, found another",
                out.display()
            ),
            "choose another --out",
        ));
    }
    fs::create_dir_all(&kept).map_err(failed(&kept))?;
    let path = kept.join("lock");
    let lock = File::options().write(true).create(true).truncate(false).open(&path).map_err(failed(&path))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(fs::TryLockError::WouldBlock) => Err(Error::refused(
            format!("{}: another process prepares images there", out.display()),
            "wait for it, or choose another --out",
        )),
        Err(fs::TryLockError::Error(cause)) => Err(failed(&path)(cause)),
    }
}
