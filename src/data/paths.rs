//! Paths in tables: other ways to write the same one, and what two similar ones differ in.

use super::text;
use std::{fs, path::Path};

/// Endings of images, in lower case, the longer ones first.
pub(super) const ENDINGS: [&str; 5] = [".ome.tiff", ".ome.tif", ".tiff", ".tif", ".png"];

/// Length of the image's ending; 0 if it has none.
pub(super) fn ending(path: &str) -> usize {
    let is = |end: &&str| {
        let at = path.len().checked_sub(end.len());
        at.is_some_and(|at| path.is_char_boundary(at) && path[at..].eq_ignore_ascii_case(end))
    };
    ENDINGS.iter().find(|end| is(end)).map_or(0, |end| end.len())
}

/// Whether the path is that of an image, by its ending.
pub(super) fn is_image(path: &str) -> bool {
    ending(path) > 0
}

/// Whether a system or a tool has left the file: `._a.tif` of macOS, thumbnails of a share.
pub(super) fn is_left_behind(path: &str) -> bool {
    path.split('/').any(|part| part.starts_with('.') || ["__MACOSX", "@eaDir"].contains(&part))
        || is_thumbnail(path)
}

/// Whether an instrument has put the file beside an image as its small copy: `B02_s1_thumb_w1….TIF`.
pub(super) fn is_thumbnail(path: &str) -> bool {
    path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase().contains("_thumb")
}

/// A number for a file or folder, whatever its path; 0 where the system has none.
#[cfg(unix)]
pub(super) fn id(about: &fs::Metadata) -> u128 {
    use std::os::unix::fs::MetadataExt;
    u128::from(about.dev()) << 64 | u128::from(about.ino())
}

#[cfg(not(unix))]
pub(super) fn id(_: &fs::Metadata) -> u128 {
    0
}

/// The path relative to `root` with `/` between its parts, without `.`, `..` and empty parts; none if that is what it is,
/// or if it leads outside.
pub(super) fn tidy(path: &str, root: &Path) -> Option<String> {
    let slashes = path.replace('\\', "/");
    let inside = if slashes.starts_with('/') {
        let from = |root: &Path| slashes.strip_prefix(&format!("{}/", root.to_str()?)).map(str::to_owned);
        from(root).or_else(|| from(&root.canonicalize().ok()?))?
    } else {
        slashes
    };
    let mut parts: Vec<&str> = Vec::new();
    for part in inside.split('/') {
        match part {
            "" | "." => {}
            ".." => _ = parts.pop()?,
            part => parts.push(part),
        }
    }
    Some(parts.join("/")).filter(|tidy| tidy != path)
}

/// The same for paths that look alike: without case, ending, blanks at the ends of names, kinds of slashes, leading zeros
/// of numbers, and with accents in one form.
pub(super) fn alike(path: &str) -> String {
    let slashes = path.replace('\\', "/");
    let stem = slashes.trim_end();
    let stem = &stem[..stem.len() - ending(stem)];
    let parts = stem.split('/').filter(|part| !matches!(*part, "" | "."));
    parts.map(|part| numbers(&text::alike(part))).collect::<Vec<_>>().join("/")
}

/// Without leading zeros of numbers, and without `.0` behind them.
fn numbers(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        out.push_str(&rest[..start]);
        rest = &rest[start..];
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let number = rest[..end].trim_start_matches('0');
        out.push_str(if number.is_empty() { "0" } else { number });
        rest = &rest[end..];
        if let Some(behind) = rest.strip_prefix(".0")
            && !behind.starts_with(|c: char| c.is_ascii_digit())
        {
            rest = behind;
        }
    }
    out + rest
}

/// What two paths that are [`alike`] differ in.
pub(super) fn difference(a: &str, b: &str) -> &'static str {
    let slashes = |path: &str| {
        let path = path.replace('\\', "/");
        path.split('/').filter(|part| !matches!(*part, "" | ".")).collect::<Vec<_>>().join("/")
    };
    let stem = |path: &str| path[..path.len() - ending(path)].to_owned();
    let trimmed = |path: &str| path.split('/').map(text::alike).collect::<Vec<_>>().join("/");
    if slashes(a) == slashes(b) {
        "its slashes"
    } else if stem(a) == stem(b) && !a.eq_ignore_ascii_case(b) {
        "its ending"
    } else if trimmed(&slashes(a)) == trimmed(&slashes(b)) {
        text::difference(a, b)
    } else if numbers(a) == numbers(b) {
        "the zeros of a number"
    } else {
        "its spelling"
    }
}

/// What is at a path that is no file: `a folder`; none if there is nothing.
pub(super) fn instead(path: &Path) -> Option<&'static str> {
    let about = fs::symlink_metadata(path).ok()?;
    if about.is_symlink() {
        return match fs::metadata(path) {
            Ok(about) => kind(&about),
            Err(_) => Some("a link to nothing"),
        };
    }
    kind(&about)
}

fn kind(about: &fs::Metadata) -> Option<&'static str> {
    if about.is_file() {
        return None;
    }
    Some(if about.is_dir() { "a folder" } else { "a pipe, socket or device" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_ways_to_write_a_path_are_understood() {
        let root = Path::new("/data/x");
        for (path, tidied) in [
            ("./A/c/0.png", Some("A/c/0.png")),
            ("A//c/0.png", Some("A/c/0.png")),
            ("A\\c\\0.png", Some("A/c/0.png")),
            ("A/../A/c/0.png", Some("A/c/0.png")),
            ("/data/x/A/c/0.png", Some("A/c/0.png")),
            ("A/c/0.png", None),
            ("../A/c/0.png", None),
            ("/data/y/A/c/0.png", None),
        ] {
            assert_eq!(tidy(path, root).as_deref(), tidied, "{path}");
        }
    }

    #[test]
    fn near_paths_are_found_with_their_difference() {
        for (a, b, what) in [
            ("A/i0.tif", "A/I0.TIF", "case"),
            ("A/i0.tif ", "A/i0.tif", "blanks"),
            ("A/caf\u{e9}.tif", "A/cafe\u{301}.tif", "accents (composed or not)"),
            ("A\\i0.tif", "A/i0.tif", "its slashes"),
            ("A/i0.tif", "A/i0.tiff", "its ending"),
            ("A/B2_s01.tif", "A/B02_s1.tif", "the zeros of a number"),
            ("A/B02_s1.0_w1.tif", "A/B02_s01_w1.tif", "the zeros of a number"),
        ] {
            assert_eq!((alike(a) == alike(b), difference(a, b)), (true, what), "{a} {b}");
        }
        assert_ne!(alike("A/i0.tif"), alike("A/i1.tif"));
        assert!(is_image("A/x.TIF") && !is_image("A/x.csv"));
        assert!(is_thumbnail("A/B02_s1_thumb_w1.TIF") && !is_thumbnail("A_thumb/B02_s1_w1.TIF"));
        assert!(is_left_behind("A/._x.tif") && !is_left_behind("A/x._.tif"));
    }
}
