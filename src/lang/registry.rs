//! The experiments and reports linked into this program.
//!
//! The build script finds the files in `experiments/`, `#[experiment]` registers the functions in them.

use crate::{
    dsl::{Declared, Report},
    spelling::closest,
};
use std::{collections::BTreeMap, fmt};

/// One `#[experiment]` function, as the macro registered it.
pub struct Entry {
    /// Its name, by which `exp` runs it.
    pub name: &'static str,
    /// Its documentation; the first line says what it shows.
    pub about: &'static str,
    /// Its file, relative to the package.
    pub file: &'static str,
    /// The line of its attribute.
    pub line: u32,
    /// What it declares.
    pub specs: fn() -> Vec<Declared>,
}

inventory::collect!(Entry);

/// One `#[report]` function, as the macro registered it.
pub struct ReportEntry {
    /// Its name, by which `report` writes it.
    pub name: &'static str,
    /// Its documentation; the first line is its title.
    pub about: &'static str,
    /// Its file, relative to the package.
    pub file: &'static str,
    /// The line of its attribute.
    pub line: u32,
    /// What it shows.
    pub report: fn() -> Report,
}

inventory::collect!(ReportEntry);

impl ReportEntry {
    /// The first line of its documentation, without its full stop.
    pub fn title(&self) -> &'static str {
        title(self.about)
    }

    /// What is wrong with it, and a suggestion.
    pub fn problem(&self) -> Option<(String, String)> {
        let wrong = (self.report)().check().err()?;
        Some((format!("{} ({}:{}): {wrong}", self.name, self.file, self.line), wrong.hint()))
    }
}

fn title(about: &'static str) -> &'static str {
    about.lines().next().unwrap_or_default().trim_end_matches('.')
}

impl Entry {
    /// All problems of its declarations, each with the declaration's number.
    pub fn problems(&self) -> Vec<String> {
        let (mut problems, mut known) = (vec![], vec![]);
        for (at, declared) in (self.specs)().iter().enumerate() {
            let place = format!("{} ({}:{}), declaration {}", self.name, self.file, self.line, at + 1);
            problems.extend(declared.check().iter().map(|problem| format!("{place}: {problem}")));
            match known.iter().position(|spec| *spec == declared.spec) {
                Some(before) => problems.push(format!("{place}: the same as declaration {}", before + 1)),
                None => known.push(declared.spec.clone()),
            }
        }
        problems
    }

    /// The first line of its documentation, without its full stop.
    pub fn title(&self) -> &'static str {
        title(self.about)
    }

    /// The first line of its documentation.
    pub fn summary(&self) -> &'static str {
        self.about.lines().next().unwrap_or_default()
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}:{})", self.name, self.file, self.line)
    }
}

/// Why an experiment was not found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Two functions have the same name.
    #[error("two {what}s have the name `{name}`: {first} and {second}")]
    Twice {
        /// `experiment` or `report`.
        what: &'static str,
        /// The name.
        name: &'static str,
        /// File and line of the first.
        first: String,
        /// File and line of the second.
        second: String,
    },
    /// Nothing has this name.
    #[error("there is no experiment `{name}`")]
    Unknown {
        /// The requested name.
        name: String,
        /// The most similar name.
        closest: Option<&'static str>,
        /// The number of experiments.
        known: usize,
    },
}

impl Error {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Twice { what: "report", .. } => {
                "rename one of them; the name is what `report` writes".into()
            }
            Self::Twice { .. } => "rename one of them; the name is what `exp` runs".into(),
            Self::Unknown { known: 0, .. } => "put a file with an `#[experiment]` into `experiments/`".into(),
            Self::Unknown { closest: Some(name), .. } => format!("did you mean `{name}`?"),
            Self::Unknown { known, .. } => {
                format!("`dichroic list` shows all {known}; `name*` runs all that begin with `name`")
            }
        })
    }
}

/// All experiments, by name.
///
/// # Errors
/// If two have the same name.
pub fn entries() -> Result<Vec<&'static Entry>, Error> {
    sorted(inventory::iter::<Entry>.into_iter().collect())
}

/// All reports: those of papers in the papers' order, then the others by name.
///
/// # Errors
/// If two have the same name.
pub fn reports() -> Result<Vec<&'static ReportEntry>, Error> {
    let mut all: Vec<&'static ReportEntry> = inventory::iter::<ReportEntry>.into_iter().collect();
    all.sort_by_key(|entry| {
        let report = (entry.report)();
        (report.place(), report, entry.name, entry.line)
    });
    once("report", all.iter().map(|entry| (entry.name, entry.file, entry.line)))?;
    Ok(all)
}

/// The experiment with this name, or all whose names begin with the text before a final `*`.
///
/// # Errors
/// If there is none, or two have the same name.
pub fn find(pattern: &str) -> Result<Vec<&'static Entry>, Error> {
    matching(&entries()?, pattern)
}

/// All problems of all declarations, each with its experiment; empty if all can be planned.
pub fn problems() -> Vec<String> {
    let reports = match reports() {
        Ok(entries) => entries
            .iter()
            .filter_map(|entry| entry.problem())
            .map(|(what, instead)| format!("{what}; {instead}"))
            .collect(),
        Err(error) => vec![error.to_string()],
    };
    let experiments = match entries() {
        Ok(entries) => entries.iter().flat_map(|entry| entry.problems()).collect(),
        Err(error) => vec![error.to_string()],
    };
    experiments.into_iter().chain(reports).collect()
}

fn sorted(mut entries: Vec<&'static Entry>) -> Result<Vec<&'static Entry>, Error> {
    entries.sort_by_key(|entry| (entry.name, entry.file, entry.line));
    once("experiment", entries.iter().map(|entry| (entry.name, entry.file, entry.line)))?;
    Ok(entries)
}

/// Refuses two functions with the same name.
fn once(
    what: &'static str,
    all: impl Iterator<Item = (&'static str, &'static str, u32)>,
) -> Result<(), Error> {
    let mut known = BTreeMap::new();
    for (name, file, line) in all {
        let second = format!("{file}:{line}");
        if let Some(first) = known.insert(name, second.clone()) {
            return Err(Error::Twice { what, name, first, second });
        }
    }
    Ok(())
}

fn matching(entries: &[&'static Entry], pattern: &str) -> Result<Vec<&'static Entry>, Error> {
    let wanted = |entry: &&Entry| match pattern.strip_suffix('*') {
        Some(prefix) => entry.name.starts_with(prefix),
        None => entry.name == pattern,
    };
    let found: Vec<_> = entries.iter().copied().filter(wanted).collect();
    if found.is_empty() {
        let names = entries.iter().map(|entry| entry.name);
        let closest = closest(pattern.trim_end_matches('*'), names);
        return Err(Error::Unknown { name: pattern.into(), closest, known: entries.len() });
    }
    Ok(found)
}

/// A file's path relative to its repository, or to its package if no repository is known: `file!()` is
/// absolute in included files.
#[doc(hidden)]
pub const fn relative(file: &'static str, root: Option<&'static str>, package: &'static str) -> &'static str {
    let root = match root {
        Some(root) => root,
        None => package,
    };
    let (path, start) = (file.as_bytes(), root.as_bytes());
    let mut at = 0;
    while at < start.len() {
        if at >= path.len() || path[at] != start[at] {
            return file;
        }
        at += 1;
    }
    while at < path.len() && (path[at] == b'/' || path[at] == b'\\') {
        at += 1;
    }
    file.split_at(at).1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &'static str, line: u32) -> &'static Entry {
        Box::leak(Box::new(Entry {
            name,
            about: "First.\nSecond.",
            file: "experiments/a.rs",
            line,
            specs: Vec::new,
        }))
    }

    fn names(entries: &[&Entry]) -> Vec<&'static str> {
        entries.iter().map(|entry| entry.name).collect()
    }

    #[test]
    fn experiments_are_sorted_and_found_by_name_or_prefix() {
        let all =
            sorted(vec![entry("real_cells", 1), entry("hypernet_tps", 2), entry("hypernet", 3)]).unwrap();
        assert_eq!(names(&all), ["hypernet", "hypernet_tps", "real_cells"]);
        assert_eq!(names(&matching(&all, "hypernet").unwrap()), ["hypernet"]);
        assert_eq!(names(&matching(&all, "hyper*").unwrap()), ["hypernet", "hypernet_tps"]);
        assert_eq!(matching(&all, "*").unwrap().len(), 3);
        assert_eq!(all[0].summary(), "First.");
    }

    #[test]
    fn a_slip_of_the_finger_is_understood() {
        let all = sorted(vec![entry("real_cells", 1), entry("hypernet_tps", 2)]).unwrap();
        let error = matching(&all, "hypernet_tsp").unwrap_err();
        assert_eq!(error.to_string(), "there is no experiment `hypernet_tsp`");
        assert_eq!(error.hint().unwrap(), "did you mean `hypernet_tps`?");
        let error = matching(&all, "swad*").unwrap_err();
        assert_eq!(
            error.hint().unwrap(),
            "`dichroic list` shows all 2; `name*` runs all that begin with `name`"
        );
    }

    #[test]
    fn two_experiments_of_one_name_are_refused_with_both_places() {
        let error = sorted(vec![entry("same", 9), entry("other", 1), entry("same", 3)]).unwrap_err();
        let text = "two experiments have the name `same`: experiments/a.rs:3 and experiments/a.rs:9";
        assert_eq!(error.to_string(), text);
    }

    #[test]
    fn problems_name_the_experiment_and_the_sentence() {
        use crate::prelude::*;
        fn twice() -> Vec<Declared> {
            let model = ConvNext::atto().scratch().adapter(HyperNet { z: 8, hidden: 8 });
            let run = model.train_on(Chammi).loss(PROXY).evaluate(OneNn::l2().on(Wtc));
            [run.clone(), run.clone().image(33), run].specs()
        }
        let entry = Entry { name: "twice", about: "", file: "a.rs", line: 7, specs: twice };
        let image = "twice (a.rs:7), declaration 2: expected an image side that is a multiple of 32, of 32 to 16384, found 33";
        assert_eq!(entry.problems(), [image, "twice (a.rs:7), declaration 3: the same as declaration 1"]);
    }

    #[test]
    fn a_report_of_what_no_paper_has_is_refused_with_what_there_is() {
        let entry =
            |report| ReportEntry { name: "mine", about: "", file: "experiments/a.rs", line: 7, report };
        assert_eq!(entry(|| Report::published("chammi", "table4")).problem(), None);
        assert_eq!(entry(|| Report::systems("anything")).problem(), None);
        let (what, instead) = entry(|| Report::published("chammi", "figur5")).problem().unwrap();
        assert_eq!(what, "mine (experiments/a.rs:7): the paper `chammi` has no `figur5`");
        assert!(instead.starts_with("did you mean `figure5`? there are table1, "), "{instead}");
    }

    #[test]
    fn places_are_relative_to_the_package() {
        assert_eq!(
            relative("/home/a/p/experiments/x.rs", Some("/home/a/p"), "/home/a/p/experiments"),
            "experiments/x.rs"
        );
        assert_eq!(relative("src/x.rs", None, "/home/a/p"), "src/x.rs");
    }
}
