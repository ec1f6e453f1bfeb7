//! Files that are not there: what is said of a row's, and of how many rows of which plates.

use super::{
    super::{
        Role,
        describe::SetDescription,
        find,
        layout::Layout,
        listing::Listing,
        text::{many, plain},
    },
    Reading,
};

/// Names that a message lists.
const LISTED: usize = 6;

impl Reading<'_> {
    /// How many rows lack a file, and of which plates.
    pub(super) fn missing_rows(&self) -> Option<String> {
        let all = self.rows.flags.len();
        if self.absent.len() < 2 {
            return None;
        }
        let of_all = format!("in all, {} of {all} rows lack a file", self.absent.len());
        let by = [Role::Plate, Role::Batch, Role::Source].into_iter().find_map(|role| {
            let place = self.columns.roles.iter().position(|(found, _)| *found == role)?;
            Some((role, &self.roles[place].column))
        });
        let Some((role, column)) = by else { return Some(of_all) };
        let (mut rows, mut lack) = (vec![0; column.names.len()], vec![0; column.names.len()]);
        column.ids.iter().for_each(|id| rows[*id as usize] += 1);
        let absent = self.absent.iter().filter_map(|row| column.ids.get(*row as usize));
        absent.for_each(|id| lack[*id as usize] += 1);
        let group = |at: usize| {
            let name = plain(&column.names[at]);
            match lack[at] {
                0 => None,
                n if n == rows[at] => Some(format!("all {} of {} {name}", many(n, "row"), role.words())),
                n => Some(format!("{n} of {} {name}", role.words())),
            }
        };
        let mut groups: Vec<String> = (0..rows.len()).filter_map(group).collect();
        let more = groups.len().saturating_sub(LISTED);
        groups.truncate(LISTED);
        groups.extend((more > 0).then(|| format!("and of {more} more")));
        Some(format!("{of_all}: {}", groups.join(", ")))
    }
}

/// Hint and problem for files of a row that are not there.
pub(super) fn said(
    set: &SetDescription,
    names: &[String],
    absent: &[usize],
    listing: &Listing,
) -> (&'static str, String) {
    let (hint, instead) = find::instead(&set.name, &names[absent[0]], listing);
    if !matches!(set.layout, Layout::Files { .. }) {
        return (hint, format!("expected an image at `{}`, {instead}", find::shown(&names[0])));
    }
    let hint = if instead == "found none" {
        "`pattern` is relative to the data set's folder or to the set's, and its files are inside the latter; \
         images.channel gives other words for channels; {*} in the pattern stands for what varies"
    } else {
        hint
    };
    let channels: Vec<&str> = absent.iter().take(LISTED).map(|at| set.spelled[*at].as_str()).collect();
    // Paths below the data set's folder begin with the set's name.
    let inside = format!("{}/", set.name);
    let whole =
        |name: &String| if name.starts_with(&inside) { name.clone() } else { format!("{inside}{name}") };
    let names: Vec<String> = absent.iter().take(LISTED).map(|at| find::shown(&whole(&names[*at]))).collect();
    let (s, more) = (if absent.len() == 1 { "" } else { "s" }, absent.len().saturating_sub(LISTED));
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let [channels, names] = [channels.join(", "), names.join("`, `")];
    (hint, format!("expected the file{s} of channel{s} {channels}{more} at `{names}`, {instead}"))
}
