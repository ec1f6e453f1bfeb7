//! Finds a report of a paper by the two names in an experiment file, with errors for unknown names.

use super::{PAPERS, Paper, named};
use crate::spelling::closest;

/// Why no report matches these names.
#[derive(Clone, Debug, thiserror::Error)]
pub enum NotPublished {
    /// No paper has this name.
    #[error("there is no paper `{paper}`")]
    Paper {
        /// The name.
        paper: String,
    },
    /// The paper has no such table or figure.
    #[error("the paper `{}` has no `{name}`", paper.name)]
    Name {
        /// The paper.
        paper: &'static Paper,
        /// The name.
        name: String,
    },
}

impl NotPublished {
    /// A suggestion: the closest name, and all names.
    pub fn hint(&self) -> String {
        let (said, known): (&str, Vec<&str>) = match self {
            Self::Paper { paper } => (paper, PAPERS.iter().map(|paper| paper.name).collect()),
            Self::Name { paper, name } => (name, paper.reports().collect()),
        };
        let all = format!("there are {}", known.join(", "));
        match closest(said, known) {
            Some(meant) => format!("did you mean `{meant}`? {all}"),
            None => all,
        }
    }
}

/// The paper of this name, and the name of one of its tables or figures as the paper has it.
///
/// # Errors
/// If there is none.
pub fn find(paper: &str, name: &str) -> Result<(&'static Paper, &'static str), NotPublished> {
    let known = named(paper).ok_or_else(|| NotPublished::Paper { paper: paper.into() })?;
    let found = known.reports().find(|known| *known == name);
    found.map(|found| (known, found)).ok_or_else(|| NotPublished::Name { paper: known, name: name.into() })
}

/// The position of a report among those of all papers.
pub(crate) fn place(paper: &str, name: &str) -> usize {
    let all = PAPERS.into_iter().flat_map(|paper| paper.reports().map(move |name| (paper.name, name)));
    all.into_iter().position(|known| known == (paper, name)).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_name_is_answered_with_the_closest_and_with_all() {
        assert_eq!(find("chammi", "table4").unwrap().1, "table4");
        assert_eq!(find("chammi", "figure5").unwrap().0.name, "chammi");
        let slip = find("chammi", "tabel4").unwrap_err();
        assert_eq!(slip.to_string(), "the paper `chammi` has no `tabel4`");
        assert!(
            slip.hint().starts_with("did you mean `table4`? there are table1, table2, "),
            "{}",
            slip.hint()
        );
        let slip = find("chamy", "table4").unwrap_err();
        assert_eq!(slip.to_string(), "there is no paper `chamy`");
        assert!(slip.hint().contains("there are chammi"), "{}", slip.hint());
    }

    #[test]
    fn reports_come_in_the_order_of_their_paper() {
        let order = ["table1", "table4", "figure5", "figure6", "figure10", "directions"];
        assert!(order.map(|name| place("chammi", name)).is_sorted());
        assert_eq!(place("chammi", "table40"), usize::MAX);
    }
}
