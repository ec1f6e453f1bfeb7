//! Finds the files of a row: as the table writes them, as it may have meant them, and what to say of those that are not
//! there.

use super::{
    listing::Listing,
    paths,
    pattern::WILD,
    set::IN_SET_FOLDER,
    text::{plain, short},
};

/// The files of a row.
pub(super) struct Found {
    /// The flag for the folder that their names are relative to.
    pub(super) flag: u8,
    /// Their names there, if they differ from what was looked for.
    pub(super) names: Option<Vec<String>>,
    /// One that an earlier row names already.
    pub(super) again: Option<String>,
    /// The places of names that are not there.
    pub(super) absent: Vec<usize>,
    /// The place of a name that several files match, and two of them.
    pub(super) several: Option<(usize, [String; 2])>,
}

/// Finds the files of a row of `set`, all below the data set's folder or all below the set's, and marks them as named.
pub(super) fn find(set: &str, names: &[String], listing: &mut Listing) -> Found {
    let below = format!("{set}/");
    let mut best = look(listing, "", names);
    let mut flag = 0;
    if best.iter().all(Option::is_none) {
        (best, flag) = (look(listing, &below, names), IN_SET_FOLDER);
    }
    let absent: Vec<usize> = (0..names.len()).filter(|place| best[*place].is_none()).collect();
    let folder = if flag == 0 { "" } else { below.as_str() };
    let mut several = None;
    let mut actual = Vec::with_capacity(names.len());
    let mut again = None;
    for (place, (files, name)) in best.iter().zip(names).enumerate() {
        let Some(files) = files else { continue };
        if let [first, second, ..] = files[..] {
            several.get_or_insert((place, [first, second].map(|file| listing.path(file).to_owned())));
        }
        actual.push(listing.path(files[0])[folder.len()..].to_owned());
        if listing.name(files[0]) {
            again.get_or_insert_with(|| name.clone());
        }
    }
    let same = actual.iter().zip(names).all(|(actual, name)| actual == name);
    let names = (!same && absent.is_empty()).then_some(actual);
    Found { flag, names, again, absent, several }
}

/// The files that each name means below a folder: one, several of a name with wildcards, or none.
fn look(listing: &Listing, folder: &str, names: &[String]) -> Vec<Option<Vec<usize>>> {
    let one = |name: &String| {
        let path = format!("{folder}{name}");
        if name.contains(WILD) {
            return Some(matching(listing, &path)).filter(|files| !files.is_empty());
        }
        let tidied = || listing.find(&paths::tidy(&path, listing.root())?);
        // An absolute path is not below the set's folder.
        let absolute = || {
            (folder.is_empty() && name.starts_with('/')).then(|| paths::tidy(name, listing.root())).flatten()
        };
        let found = listing.find(&path).or_else(tidied);
        found.or_else(|| listing.find(&absolute()?)).map(|file| vec![file])
    };
    names.iter().map(one).collect()
}

/// The files that a name with wildcards means, at most two. Instruments put thumbnails beside images: they are meant only
/// if the name says so.
fn matching(listing: &Listing, name: &str) -> Vec<usize> {
    let mut pieces = name.split(WILD);
    let start = pieces.next().unwrap_or_default();
    let pieces: Vec<&str> = pieces.collect();
    let fits = |file: &usize| {
        let path = listing.path(*file);
        fits(&path[start.len()..], &pieces) && (!paths::is_left_behind(path) || paths::is_thumbnail(name))
    };
    listing.beginning(start).filter(fits).take(2).collect()
}

/// Whether `text` is something, the first piece, something, the next one, and so on, up to the end. A wildcard stands for
/// anything within a name.
fn fits(mut text: &str, pieces: &[&str]) -> bool {
    let Some((last, pieces)) = pieces.split_last() else { return text.is_empty() };
    // The first place is as good as any: what is between it and a later one is within a name.
    for piece in pieces {
        let Some(found) = text.find(piece).filter(|found| !text[..*found].contains('/')) else {
            return false;
        };
        text = &text[found + piece.len()..];
    }
    text.strip_suffix(last).is_some_and(|between| !between.contains('/'))
}

/// What is said of an image that is not there: what is there instead, or in a similar place.
pub(super) fn instead(set: &str, name: &str, listing: &Listing) -> (&'static str, String) {
    const SPELLING: &str = "write the table as the files are called, or rename the files";
    const FILES: &str = "each row names the files of its image";
    const RELATIVE: &str =
        "file_path is relative to the data set's folder or to the set's, and inside the latter";
    let (root, below) = (listing.root(), format!("{set}/{name}"));
    for path in [name, &below] {
        if name.contains(WILD) {
            break;
        }
        if let Some(near) = listing.near(path) {
            let what = paths::difference(path, near);
            return (SPELLING, format!("found none; there is `{}`, which differs in {what}", plain(near)));
        }
    }
    for path in [root.join(name), root.join(&below)] {
        if name.contains(WILD) {
            break;
        }
        if let Some(kind) = paths::instead(&path) {
            return (FILES, format!("found {kind}"));
        }
        if path.is_file() {
            let why = format!("found it outside of the folder of `{}`", plain(set));
            return (RELATIVE, why);
        }
    }
    (RELATIVE, "found none".to_owned())
}

/// A name as a sentence shows it: `*` where anything may be.
pub(super) fn shown(name: &str) -> String {
    short(&plain(&name.replace(WILD, "*")), 300).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_are_anything_within_a_name() {
        for (text, pieces, expected) in [
            ("0A1B.TIF", &[".TIF"][..], true),
            (".TIF", &[".TIF"], true),
            ("a.TIF.TIF", &[".TIF"], true),
            ("a/b.TIF", &[".TIF"], false),
            ("a.TIFF", &[".TIF"], false),
            ("ab_w1cd.tif", &["_w1", ".tif"], true),
            ("ab_w2cd.tif", &["_w1", ".tif"], false),
            ("a/x_w1b.tif", &["/x_w1", ".tif"], true),
            ("a_w1_w1b/x.tif", &["_w1", "b/x", ".tif"], true),
            ("a_w1/_w1b.tif", &["_w1b", ".tif"], false),
            ("", &[""], true),
        ] {
            assert_eq!(fits(text, pieces), expected, "{text} {pieces:?}");
        }
        // Every place of every piece would be more than can ever be tried.
        let (text, pieces) = ("a".repeat(200), [vec!["a"; 30], vec!["b"]].concat());
        assert!(!fits(&text, &pieces) && fits(&format!("{text}b"), &pieces));
    }
}
