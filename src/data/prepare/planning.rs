//! Makes a plan of load tables: everything that can be known before images are read is found out here.

use super::{
    super::{Error as DataError, Problems, known::jump::target2, text::plain},
    compounds::{Compound, Compounds, Files},
    error::Error,
    gallery::{self, Found},
    load_table::{CHANNELS, LoadTable, Row},
    plan::{Illumination, LeftOut, Plan, Plate, REVISION, Request, Site, tolerable},
    read,
    roots::{Folder, Roots},
};
use crate::{
    disk,
    event::{Event, Listen},
    spec::jump::{SETS, selection_plate},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    rc::Rc,
};

impl Plan {
    /// Reads all tables and looks up all files.
    ///
    /// # Errors
    /// If a table has mistakes, images are not where they should be, or the disk is too small for what is to be written.
    pub fn of(request: &Request, listen: &mut dyn Listen) -> Result<Self, Error> {
        let tables = gallery::tables(&request.gallery)?;
        let layout = request.layout.as_ref().map(|(map, compounds)| (map.as_path(), compounds.as_path()));
        let compounds = Compounds::read(Files { layout, numbers: request.numbers.as_deref() })?;
        if let Some(images) = request.images.as_ref().filter(|images| !images.is_dir()) {
            let hint = "--images is the folder that holds the plates' folders of images, or one above it";
            return Err(Error::refused(format!("{}: no such folder", images.display()), hint));
        }
        let mut planning =
            Planning { request, compounds, plates: Vec::new(), others: BTreeSet::new(), repeated: 0 };
        listen.receive(&Event::Began { what: "looking up files", unit: "table", total: tables.len() as u64 });
        for (done, table) in (1..).zip(&tables) {
            planning.table(table)?;
            listen.receive(&Event::Advanced { done, note: "" });
            if listen.stop() {
                return Err(Error::Stopped);
            }
        }
        listen.receive(&Event::Ended);
        planning.finish()
    }
}

/// A plan while tables are read.
struct Planning<'a> {
    request: &'a Request,
    compounds: Compounds,
    plates: Vec<(Plate, PathBuf)>,
    others: BTreeSet<String>,
    repeated: u64,
}

/// A mistake of a table as a whole, or of one row.
fn mistake(file: &Path, row: Option<u64>, message: String, hint: &'static str) -> Error {
    let mut problems = Problems::new(file.to_owned());
    problems.add(row, Some(hint), || message);
    DataError::Table(Box::new(problems)).into()
}

impl Planning<'_> {
    fn is_wanted(&self, plate: &str) -> bool {
        match &self.request.plates[..] {
            [] => target2::plates().any(|known| known.name == plate),
            plates => plates.iter().any(|wanted| wanted == plate),
        }
    }

    fn table(&mut self, found: &Found) -> Result<(), Error> {
        if let Some([.., plate]) = found.place.as_ref().filter(|[.., plate]| !self.is_wanted(plate)) {
            self.others.insert(plate.clone());
            return Ok(());
        }
        let given = self.request.illumination == Illumination::Given;
        let table = LoadTable::read(&found.file, given)?;
        self.repeated += table.repeated;
        let mut of_plate: BTreeMap<&str, Vec<&Row>> = BTreeMap::new();
        table.rows.iter().for_each(|row| of_plate.entry(&row.plate).or_default().push(row));
        for (name, mut rows) in of_plate {
            if !self.is_wanted(name) {
                self.others.insert(name.to_owned());
                continue;
            }
            if let Some((_, before)) = self.plates.iter().find(|(plate, _)| plate.name == name) {
                let message = format!("plate `{}` is already in {}", plain(name), before.display());
                return Err(mistake(
                    &found.file,
                    Some(rows[0].line),
                    message,
                    "each plate has one load table: remove the other",
                ));
            }
            rows.sort_unstable_by_key(|row| (row.well, row.site));
            let [source, batch] = self.origin(found, &rows)?;
            let roots = Roots::of(self.request.images.as_deref(), &self.request.gallery, &found.file);
            let mut files =
                Lookup { table: &table, file: &found.file, roots, known: BTreeMap::new(), absent: 0 };
            let plate = files.plate([&source, &batch, name], &rows, &self.compounds, given)?;
            self.plates.push((plate, found.file.clone()));
        }
        Ok(())
    }

    /// Source and batch of a plate: by the public index, by the table, by the table's place.
    fn origin(&self, found: &Found, rows: &[&Row]) -> Result<[String; 2], Error> {
        const SAME: &str = "the source and batch of a TARGET2 plate are those of metadata/plate.csv.gz in \
                            jump-cellpainting/datasets; repair the table";
        const SOURCE: &str = "the table needs Metadata_Source and Metadata_Batch, or its place in the gallery: \
                              source_3/workspace/load_data_csv/BATCH/PLATE";
        let name = &rows[0].plate;
        let known = target2::plates().find(|plate| plate.name == *name);
        let mut origin = [String::new(), String::new()];
        let placed = found.place.as_ref().map(|[source, batch, _]| [source.as_str(), batch]);
        let places = placed.unwrap_or_default();
        for (at, column) in ["Metadata_Source", "Metadata_Batch"].into_iter().enumerate() {
            let of = |row: &Row| [&row.source, &row.batch][at].clone();
            let index = known.map(|plate| [plate.source, plate.batch][at]);
            for row in rows.iter().filter(|row| !of(row).is_empty()) {
                let (here, expected) = (of(row), index.map_or_else(|| of(rows[0]), str::to_owned));
                if here != expected {
                    let message = format!(
                        "expected `{expected}` as {column} of plate `{}`, found `{}`",
                        plain(name),
                        plain(&here)
                    );
                    return Err(mistake(&found.file, Some(row.line), message, SAME));
                }
            }
            origin[at] = index.map_or_else(|| of(rows[0]), str::to_owned);
            if origin[at].is_empty() {
                origin[at] = places[at].to_owned();
            }
            if origin[at].is_empty() {
                let message = format!("expected {column} of plate `{}`, found none", plain(name));
                return Err(mistake(&found.file, None, message, SOURCE));
            }
        }
        if !SETS.contains(&origin[0].as_str()) {
            let message = format!(
                "expected plate `{}` to be of {}, found `{}`",
                plain(name),
                SETS.join(", "),
                plain(&origin[0])
            );
            return Err(mistake(
                &found.file,
                None,
                message,
                "plates of other sources are no part of this data set",
            ));
        }
        Ok(origin)
    }

    fn finish(self) -> Result<Plan, Error> {
        let Self { request, compounds, mut plates, others, repeated } = self;
        let there: Vec<&str> = plates.iter().map(|(plate, _)| plate.name.as_str()).collect();
        if let Some(absent) = request.plates.iter().find(|name| !there.contains(&name.as_str())) {
            let near = crate::spelling::closest(absent, others.iter().map(String::as_str));
            let near = near.map_or(String::new(), |near| format!("; there is `{near}`"));
            return Err(Error::refused(
                format!("expected plate `{absent}`, found no load table of it{near}"),
                "plates are called as in Metadata_Plate",
            ));
        }
        if plates.is_empty() {
            let mut names: Vec<String> = others.iter().take(4).map(|name| plain(name).into_owned()).collect();
            names.extend((others.len() > 4).then(|| "others".to_owned()));
            return Err(Error::refused(
                format!(
                    "{}: expected plates of TARGET2 such as JCPQC016, found only {}",
                    request.gallery.display(),
                    names.join(", ")
                ),
                "`--plates NAME,…` prepares others that have the layout of TARGET2",
            ));
        }
        let order = |plate: &Plate| SETS.iter().position(|set| *set == plate.source);
        plates.sort_by(|(a, _), (b, _)| (order(a), &a.batch, &a.name).cmp(&(order(b), &b.batch, &b.name)));
        let mut plan = Plan {
            out: request.out.clone(),
            plates: plates.into_iter().map(|(plate, _)| plate).collect(),
            all_wells: request.all_wells,
            tolerate: request.tolerate,
            illumination: request.illumination,
            others: others.into_iter().collect(),
            repeated,
            without_number: compounds.without_number,
            all_of_target2: request.plates.is_empty(),
            free: None,
        };
        for source in SETS {
            let names: Vec<&str> = plan
                .plates
                .iter()
                .filter(|plate| plate.source == source)
                .map(|plate| plate.name.as_str())
                .collect();
            if names.iter().all(|name| Some(*name) == selection_plate(source)) && !names.is_empty() {
                return Err(Error::refused(
                    format!(
                        "{source}: expected a plate to train on, found only {}, by which checkpoints are selected",
                        names.join(", ")
                    ),
                    "add another plate of the source",
                ));
            }
        }
        for plate in &plan.plates {
            tolerable(plate, &plate.missing, plate.sites.len() + plate.missing.len(), plan.tolerate)?;
        }
        plan.free = request.out.ancestors().find_map(disk::free_and_total).map(|disk| disk.free);
        Ok(plan)
    }
}

/// The files of a table's rows.
struct Lookup<'a> {
    table: &'a LoadTable,
    file: &'a Path,
    roots: Roots,
    /// By folder of the table: the place in the plate's folders, and what is in it.
    known: BTreeMap<usize, (usize, Rc<Folder>)>,
    /// Files that are not there.
    absent: usize,
}

/// Missing files for which a similar one is looked for.
const SHOWN: usize = 5;

impl Lookup<'_> {
    /// The folder of a file, which must be there.
    fn folder(&mut self, number: usize, row: u64) -> Result<(usize, Rc<Folder>), Error> {
        if let Some((place, folder)) = self.known.get(&number) {
            return Ok((*place, folder.clone()));
        }
        let text = &self.table.folders[number];
        let Some(folder) = self.roots.find(text)? else {
            const HINT: &str = "--images says where images are: the folder that holds the folder of each plate, or one above it as \
                                the gallery has them";
            let message = format!(
                "expected the folder `{}`, or an end of its path below {}, found none",
                plain(text),
                self.roots.listed()
            );
            return Err(mistake(self.file, Some(row), message, HINT));
        };
        let found = (self.known.len(), folder);
        self.known.insert(number, found.clone());
        Ok(found)
    }

    fn plate(
        &mut self,
        [source, batch, name]: [&str; 3],
        rows: &[&Row],
        compounds: &Compounds,
        given: bool,
    ) -> Result<Plate, Error> {
        let (mut sites, mut missing, mut hash) = (Vec::new(), Vec::new(), blake3::Hasher::new());
        hash.update(&REVISION.to_le_bytes());
        for row in rows {
            let Some(compound) = compounds.of(row.well) else {
                let message = format!("expected a well of the plate map, found {}", row.well);
                return Err(mistake(
                    self.file,
                    Some(row.line),
                    message,
                    "the plate map lists every well of the plate",
                ));
            };
            match self.site(row, compound, &mut hash)? {
                Ok(site) => sites.push(site),
                Err(left_out) => missing.push(left_out),
            }
        }
        let lights = if given { Some(self.lights(rows, &mut hash)?) } else { None };
        let mut folders: Vec<&(usize, Rc<Folder>)> = self.known.values().collect();
        folders.sort_unstable_by_key(|(place, _)| *place);
        let folders: Vec<PathBuf> = folders.into_iter().map(|(_, folder)| folder.path.clone()).collect();
        let first = sites.first().map(|site| folders[site.files[0].0].join(&site.files[0].1));
        Ok(Plate {
            source: source.to_owned(),
            batch: batch.to_owned(),
            name: name.to_owned(),
            size: first.and_then(|file| read::size(&file).ok()),
            folders,
            sites,
            missing,
            lights,
            key: hash.finalize().to_hex().to_string(),
        })
    }

    /// A site, or the file that it lacks.
    fn site(
        &mut self,
        row: &Row,
        compound: &Compound,
        hash: &mut blake3::Hasher,
    ) -> Result<Result<Site, LeftOut>, Error> {
        let left_out = |file, why| LeftOut { well: row.well.to_string(), site: row.site, file, why };
        let (mut files, mut bytes, mut parts) = (Vec::with_capacity(5), 0, Vec::new());
        for (channel, named) in CHANNELS.iter().zip(&row.files) {
            let Some(named) = named else {
                let why = format!("the load table has no file of {channel} in row {}", row.line);
                return Ok(Err(left_out(String::new(), why)));
            };
            let (place, folder) = self.folder(named.folder, row.line)?;
            let Some(stamp) = folder.files.get(&named.name) else {
                // The whole folder is looked through: that is for the first ones only.
                self.absent += 1;
                let near = if self.absent > SHOWN { None } else { folder.near(&named.name) };
                let near = near.map_or("none".to_owned(), |near| format!("none; there is `{near}`"));
                let path = folder.path.join(&named.name).display().to_string();
                return Ok(Err(left_out(path, format!("expected the image of {channel}, found {near}"))));
            };
            bytes += stamp.length;
            parts.extend(named.name.as_bytes());
            parts.push(0);
            parts.extend(stamp.bytes());
            files.push((place, named.name.clone()));
        }
        hash.update(format!("{}/{}\0", row.well, row.site).as_bytes()).update(&parts);
        let files = files.try_into().expect("a file for each channel");
        Ok(Ok(Site { well: row.well, site: row.site, files, bytes, compound: compound.clone() }))
    }

    /// The functions of light of a plate, one for each channel.
    fn lights(&mut self, rows: &[&Row], hash: &mut blake3::Hasher) -> Result<[PathBuf; 5], Error> {
        const ONE: &str =
            "each plate has one function for each channel; `--illumination measured` needs none";
        let mut paths = Vec::with_capacity(5);
        for (at, channel) in CHANNELS.iter().enumerate() {
            let all: BTreeSet<_> = rows
                .iter()
                .map(|row| row.lights[at].as_ref().map(|named| (named.folder, &named.name)))
                .collect();
            let mut all = all.into_iter();
            let (Some(Some((folder, name))), None) = (all.next(), all.next()) else {
                let message = format!(
                    "expected one function of light of {channel} for plate {}, found none or several",
                    rows[0].plate
                );
                return Err(mistake(self.file, Some(rows[0].line), message, ONE));
            };
            let (_, found) = self.folder(folder, rows[0].line)?;
            let path = found.path.join(name);
            let Some(stamp) = found.files.get(name) else {
                let message = format!("expected the light of {channel} at {}, found none", path.display());
                return Err(mistake(self.file, Some(rows[0].line), message, ONE));
            };
            hash.update(name.as_bytes()).update(&stamp.bytes());
            paths.push(path);
        }
        Ok(paths.try_into().expect("a path for each channel"))
    }
}
