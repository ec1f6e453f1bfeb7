//! Which compound is in a well, and what it does: the shipped layout of TARGET2, or a plate map and its compounds.

use super::{
    super::{
        Error, Problems,
        known::jump::{mechanisms, target2},
        text::plain,
    },
    sheet::Sheet,
    well::Well,
};
use std::{
    collections::{BTreeSet, HashMap},
    path::Path,
};

/// A compound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Compound {
    /// Its JCP2022 number where a table gives it, else its InChIKey.
    pub(super) id: String,
    /// Its one mechanism that another compound has too, and the number of that.
    pub(super) mechanism: Option<(&'static str, usize)>,
}

/// The compounds of a plate.
pub(super) struct Compounds {
    list: Vec<Compound>,
    of_well: HashMap<Well, usize>,
    /// Compounds whose JCP2022 number is not known.
    pub(super) without_number: usize,
}

/// Files that say what is in which well.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Files<'a> {
    /// `JUMP-Target-2_compound_platemap.tsv` and `JUMP-Target-2_compound_metadata.tsv`.
    pub(super) layout: Option<(&'a Path, &'a Path)>,
    /// `compound.csv.gz`: JCP2022 numbers.
    pub(super) numbers: Option<&'a Path>,
}

/// The InChIKey of DMSO: what is in wells without a sample.
const DMSO: &str = "IAZDPXIOMUYVGZ-UHFFFAOYSA-N";

impl Compounds {
    /// Reads the files; without a layout, that of TARGET2.
    ///
    /// # Errors
    /// If a table has other columns, a well twice, or a sample that the compounds do not have.
    pub(super) fn read(files: Files<'_>) -> Result<Self, Error> {
        let keys: Vec<(Well, String)> = match files.layout {
            Some((map, compounds)) => of_layout(map, compounds)?,
            None => {
                let own = |(well, key): (&str, &str)| Some((Well::read(well)?, key.to_owned()));
                target2::wells().filter_map(own).collect()
            }
        };
        let wanted: BTreeSet<&str> = keys.iter().map(|(_, key)| key.as_str()).collect();
        let numbers = files.numbers.map(|file| numbers(file, &wanted)).transpose()?;
        let names = mechanisms::names();
        let mechanism_of: HashMap<&str, &str> = mechanisms::listed().collect();
        let compound = |key: &&str| {
            let number = numbers.as_ref().and_then(|numbers| numbers.get(*key)).cloned();
            let known = number.is_some();
            let mechanism = mechanism_of.get(key).map(|name| {
                let number = names.binary_search(name).expect("the list has every name");
                (*name, number)
            });
            (known, Compound { id: number.unwrap_or_else(|| (*key).to_owned()), mechanism })
        };
        let list: Vec<(bool, Compound)> = wanted.iter().map(compound).collect();
        let place: HashMap<&str, usize> = wanted.iter().copied().zip(0..).collect();
        Ok(Self {
            of_well: keys.iter().map(|(well, key)| (*well, place[key.as_str()])).collect(),
            without_number: list.iter().filter(|(known, _)| !known).count(),
            list: list.into_iter().map(|(_, compound)| compound).collect(),
        })
    }

    /// What is in a well; none if the layout does not have it.
    pub(super) fn of(&self, well: Well) -> Option<&Compound> {
        self.of_well.get(&well).map(|place| &self.list[*place])
    }
}

/// Wells and InChIKeys of a plate map, by the compounds of its samples.
fn of_layout(map: &Path, compounds: &Path) -> Result<Vec<(Well, String)>, Error> {
    const COMPOUNDS: &str =
        "the compounds are JUMP-Target-2_compound_metadata.tsv of jump-cellpainting/JUMP-Target";
    const MAP: &str = "the plate map is JUMP-Target-2_compound_platemap.tsv of jump-cellpainting/JUMP-Target";
    let sheet = Sheet::read(compounds, &["broad_sample", "InChIKey"])?;
    let mut problems = Problems::new(compounds.to_owned());
    let sample = sheet.need("broad_sample", "the sample", COMPOUNDS, &mut problems);
    let key = sheet.need("InChIKey", "the compound", COMPOUNDS, &mut problems);
    let (Some(sample), Some(key)) = (sample, key) else { return Err(Error::Table(Box::new(problems))) };
    let key_of: HashMap<&str, &str> = sheet.rows.iter().map(|row| (&row[sample], &row[key])).collect();
    let sheet = Sheet::read(map, &["well_position", "broad_sample"])?;
    let mut problems = Problems::new(map.to_owned());
    let well = sheet.need("well_position", "the well", MAP, &mut problems);
    let sample = sheet.need("broad_sample", "the sample, or nothing for DMSO", MAP, &mut problems);
    let (Some(well), Some(sample)) = (well, sample) else { return Err(Error::Table(Box::new(problems))) };
    let mut first: HashMap<Well, u64> = HashMap::new();
    let mut keys = Vec::new();
    for (line, row) in sheet.numbered() {
        let (place, sample) = (&row[well], row[sample].trim());
        let Some(well) = Well::read(place.trim()) else {
            problems.add(Some(line), Some(MAP), || {
                format!("expected a well such as B02, found `{}`", plain(place))
            });
            continue;
        };
        if let Some(before) = first.insert(well, line) {
            problems.add(Some(line), Some("each well has one row"), || {
                format!("well {well} is already in row {before}")
            });
        }
        match key_of.get(sample) {
            Some(key) => keys.push((well, (*key).to_owned())),
            None if matches!(sample, "" | "NA" | "DMSO") => keys.push((well, DMSO.to_owned())),
            None => problems.add(
                Some(line),
                Some("plate map and compounds belong to one release of JUMP-Target"),
                || format!("expected a sample that {} has, found `{}`", compounds.display(), plain(sample)),
            ),
        }
    }
    problems.into_result()?;
    Ok(keys)
}

/// The JCP2022 numbers of these InChIKeys.
fn numbers(file: &Path, wanted: &BTreeSet<&str>) -> Result<HashMap<String, String>, Error> {
    const HINT: &str = "the numbers are in metadata/compound.csv.gz of jump-cellpainting/datasets";
    let sheet = Sheet::read(file, &["Metadata_JCP2022", "Metadata_InChIKey"])?;
    let mut problems = Problems::new(file.to_owned());
    let number = sheet.need("Metadata_JCP2022", "the compound's number", HINT, &mut problems);
    let key = sheet.need("Metadata_InChIKey", "the compound", HINT, &mut problems);
    let (Some(number), Some(key)) = (number, key) else { return Err(Error::Table(Box::new(problems))) };
    let rows = sheet.rows.iter().filter(|row| wanted.contains(&row[key]) && !row[number].is_empty());
    let found: HashMap<String, String> =
        rows.map(|row| (row[key].to_owned(), row[number].to_owned())).collect();
    if found.is_empty() {
        problems
            .add(None, Some(HINT), || "expected the compounds of the plates, found none of them".to_owned());
    }
    problems.into_result()?;
    Ok(found)
}
