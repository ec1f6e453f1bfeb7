//! Files that the browser fetches once: our scripts and style, and uPlot as published by its author.

/// A file embedded in the program.
pub(super) struct Asset {
    /// Its name below `/a/`.
    name: &'static str,
    /// Its media type.
    pub(super) kind: &'static str,
    /// Its contents.
    pub(super) bytes: &'static [u8],
}

macro_rules! assets {
    ($($folder:literal $name:literal $kind:literal),* $(,)?) => {
        [$(Asset { name: $name, kind: $kind, bytes: include_bytes!(concat!($folder, $name)) }),*]
    };
}

const ASSETS: [Asset; 9] = assets![
    "../report/fonts/" "Inter-Regular.woff2" "font/woff2",
    "../report/fonts/" "Inter-Bold.woff2" "font/woff2",
    "assets/" "app.css" "text/css; charset=utf-8",
    "assets/" "app.js" "text/javascript; charset=utf-8",
    "assets/" "charts.js" "text/javascript; charset=utf-8",
    "assets/" "icon.svg" "image/svg+xml",
    "assets/" "uPlot.iife.min.js" "text/javascript; charset=utf-8",
    "assets/" "uPlot.min.css" "text/css; charset=utf-8",
    "assets/" "uPlot.LICENSE" "text/plain; charset=utf-8",
];

/// The file with this name.
pub(super) fn find(name: &str) -> Option<&'static Asset> {
    ASSETS.iter().find(|asset| asset.name == name)
}

/// The address of a file. It changes with the contents, so that a browser may cache it.
pub(super) fn address(name: &str) -> String {
    let hash = find(name).map_or(String::new(), |asset| blake3::hash(asset.bytes).to_hex()[..8].to_owned());
    format!("/a/{name}?{hash}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uplot_is_as_published() {
        for (name, hash) in [
            ("uPlot.iife.min.js", "ea2d16ff65797375"),
            ("uPlot.min.css", "70ead7542eab83ef"),
            ("uPlot.LICENSE", "80723da02446eaf6"),
        ] {
            assert_eq!(blake3::hash(find(name).unwrap().bytes).to_hex()[..16], *hash, "{name}");
        }
        let text = |name| std::str::from_utf8(find(name).unwrap().bytes).unwrap();
        assert!(text("uPlot.iife.min.js").contains("(v1.6.32)"));
        assert!(text("uPlot.LICENSE").contains("MIT License"));
    }
}
