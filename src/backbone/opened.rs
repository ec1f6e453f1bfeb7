//! A file of weights in safetensors format, or an index of several: its tensors by name, as 32-bit floats whatever their
//! format, without the prefix that a wrapper put before all names.

use super::files::{Error, is_head};
use crate::npy;
use safetensors::{Dtype, SafeTensors};
use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, Visitor},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::{self, Formatter},
    fs::File,
    ops::Range,
    path::{Component, Path, PathBuf},
};

/// What `torch.nn.DataParallel`, Lightning and others put before all names.
const PREFIXES: [&str; 5] = ["module.", "model.", "backbone.", "encoder.", "_orig_mod."];
/// Wrappers inside one another put no more bytes before a name.
const MAX_PREFIX: usize = 256;
/// The end of an index's name.
pub(super) const INDEX: &str = ".safetensors.index.json";
/// Most files of an index, and bytes of it.
const MAX_SHARDS: usize = 1000;
const MAX_INDEX: u64 = 64 << 20;

/// Opened weights. Numbers are read when they are asked for.
pub(super) struct Opened {
    path: PathBuf,
    files: Vec<memmap2::Mmap>,
    tensors: BTreeMap<String, Placed>,
    /// What was done to read them.
    pub(super) remarks: Vec<String>,
}

/// A tensor in one of the files.
pub(super) struct Placed {
    file: usize,
    pub(super) dtype: Dtype,
    pub(super) shape: Vec<usize>,
    bytes: Range<usize>,
}

impl Opened {
    /// Opens a file, or the files of an index.
    ///
    /// # Errors
    /// If one of them cannot be read, is something else, or has a name twice.
    pub(super) fn read(path: &Path) -> Result<Self, Error> {
        let mut this = Self { path: path.into(), files: vec![], tensors: BTreeMap::new(), remarks: vec![] };
        if is_index(path) {
            let shards = shards(path)?;
            for shard in &shards {
                this.add(shard)?;
            }
            this.remarks.push(format!(
                "{} names {} files, which are read together",
                path.display(),
                shards.len()
            ));
        } else {
            this.add(path)?;
        }
        this.strip();
        let count = |wanted: Dtype| this.tensors.values().filter(|one| one.dtype == wanted).count();
        for (dtype, what) in [(Dtype::F16, "widened"), (Dtype::BF16, "widened"), (Dtype::F64, "rounded")] {
            let count = count(dtype);
            if count > 0 {
                this.remarks
                    .push(format!("{}: {count} tensors {what} from {dtype:?} to F32", path.display()));
            }
        }
        Ok(this)
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    pub(super) fn get(&self, name: &str) -> Option<&Placed> {
        self.tensors.get(name)
    }

    /// The numbers of a tensor.
    pub(super) fn floats(&self, tensor: &Placed) -> Vec<f32> {
        let bytes = &self.files[tensor.file][tensor.bytes.clone()];
        let halves = || bytes.as_chunks::<2>().0.iter().map(|bytes| u16::from_le_bytes(*bytes));
        match tensor.dtype {
            Dtype::F16 => halves().map(npy::half).collect(),
            Dtype::BF16 => halves().map(|bits| f32::from_bits(u32::from(bits) << 16)).collect(),
            Dtype::F64 => {
                bytes.as_chunks::<8>().0.iter().map(|bytes| f64::from_le_bytes(*bytes) as f32).collect()
            }
            _ => bytes.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect(),
        }
    }

    fn add(&mut self, path: &Path) -> Result<(), Error> {
        let format = |reason: String| Error::Format { path: path.into(), reason };
        let bytes = map(path)?;
        let (header, metadata) =
            SafeTensors::read_metadata(&bytes).map_err(|error| super::files::format(path, &error))?;
        if let Some(twice) = twice(bytes.get(8..8 + header).unwrap_or_default()) {
            return Err(format(format!("its header has the name `{twice}` twice")));
        }
        let start = 8 + header;
        for (name, info) in metadata.tensors() {
            let (from, to) = info.data_offsets;
            let bytes = start + from..start + to;
            let (dtype, shape) = (info.dtype, info.shape.clone());
            let placed = Placed { file: self.files.len(), dtype, shape, bytes };
            if self.tensors.insert(name.clone(), placed).is_some() {
                return Err(format(format!("it has `{name}`, which another file of the index has too")));
            }
        }
        self.files.push(bytes);
        Ok(())
    }

    /// Removes prefixes that all names but those of heads have.
    fn strip(&mut self) {
        let mut prefix = String::new();
        while prefix.len() < MAX_PREFIX
            && let Some(next) = PREFIXES.iter().find(|next| {
                let with = format!("{prefix}{next}");
                let mut others = self.names().filter(|name| !is_head(name)).peekable();
                others.peek().is_some() && others.all(|name| name.starts_with(&with))
            })
        {
            prefix.push_str(next);
        }
        if prefix.is_empty() {
            return;
        }
        let count = self.names().filter(|name| name.starts_with(&prefix)).count();
        self.remarks.push(format!(
            "{}: all {count} names begin with `{prefix}`, which is left out",
            self.path.display()
        ));
        let tensors = std::mem::take(&mut self.tensors);
        let short = |name: String| name.strip_prefix(&prefix).map(String::from).unwrap_or(name);
        self.tensors = tensors.into_iter().map(|(name, placed)| (short(name), placed)).collect();
    }
}

/// Whether a path is that of an index.
pub(super) fn is_index(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().ends_with(INDEX))
}

pub(super) fn map(path: &Path) -> Result<memmap2::Mmap, Error> {
    let io = |source| Error::Io { path: path.to_owned(), source };
    let file = File::open(path).map_err(io)?;
    // SAFETY: the file is only read; if another program truncates it meanwhile, reading fails, as it would without a map.
    unsafe { memmap2::Mmap::map(&file) }.map_err(io)
}

/// The files of an index, all beside it.
fn shards(path: &Path) -> Result<Vec<PathBuf>, Error> {
    #[derive(Deserialize)]
    struct Index {
        weight_map: BTreeMap<String, String>,
    }
    let io = |source| Error::Io { path: path.to_owned(), source };
    let format = |reason: String| Error::Format { path: path.into(), reason };
    if path.metadata().map_err(io)?.len() > MAX_INDEX {
        return Err(format("an index of weights is no longer than 64 MiB".into()));
    }
    let text = std::fs::read(path).map_err(io)?;
    let index: Index =
        serde_json::from_slice(&text).map_err(|error| format(format!("as an index: {error}")))?;
    let names: BTreeSet<String> = index.weight_map.into_values().collect();
    if names.is_empty() || names.len() > MAX_SHARDS {
        return Err(format(format!("expected an index of 1 to {MAX_SHARDS} files, found {}", names.len())));
    }
    let folder = path.parent().unwrap_or(Path::new(""));
    names
        .into_iter()
        .map(|name| {
            let mut parts = Path::new(&name).components();
            match (parts.next(), parts.next()) {
                (Some(Component::Normal(_)), None) => Ok(folder.join(&name)),
                _ => Err(format(format!("expected files beside the index, found `{}`", name.escape_debug()))),
            }
        })
        .collect()
}

/// A name that occurs twice in the header.
fn twice(header: &[u8]) -> Option<String> {
    struct Names(Option<String>);

    impl<'de> Deserialize<'de> for Names {
        fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
            from.deserialize_map(Look)
        }
    }

    struct Look;

    impl<'de> Visitor<'de> for Look {
        type Value = Names;

        fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
            f.write_str("names with tensors")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Names, A::Error> {
            let (mut seen, mut twice) = (BTreeSet::new(), None);
            while let Some((name, IgnoredAny)) = map.next_entry::<String, IgnoredAny>()? {
                if let Some(name) = seen.replace(name) {
                    twice = twice.or(Some(name));
                }
            }
            Ok(Names(twice))
        }
    }

    serde_json::from_slice::<Names>(header).ok()?.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backbone::files::bytes;

    /// A file with these tensors of two numbers, in a format.
    fn file(path: &Path, names: &[&str], dtype: &str, data: &[u8]) {
        let each = data.len();
        let entry = |(at, name): (usize, &&str)| {
            format!(
                "\"{name}\":{{\"dtype\":\"{dtype}\",\"shape\":[2],\"data_offsets\":[{},{}]}}",
                at * each,
                (at + 1) * each
            )
        };
        let head = format!("{{{}}}", names.iter().enumerate().map(entry).collect::<Vec<_>>().join(","));
        let all =
            [&(head.len() as u64).to_le_bytes()[..], head.as_bytes(), &data.repeat(names.len())].concat();
        std::fs::write(path, all).unwrap();
    }

    #[test]
    fn halves_are_widened_and_doubles_rounded_and_it_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.safetensors");
        let double = [1.5f64, -0.1].map(f64::to_le_bytes).concat();
        let cases: [(&str, Vec<u8>, f32); 4] = [
            ("F32", bytes(&[1.5, -0.1]), -0.1),
            ("F16", [0x3e00u16, 0xae66].map(u16::to_le_bytes).concat(), -0.099975586),
            ("BF16", [0x3fc0u16, 0xbdcd].map(u16::to_le_bytes).concat(), -0.100_097_656),
            ("F64", double, -0.1),
        ];
        for (dtype, data, second) in cases {
            file(&path, &["a", "b"], dtype, &data);
            let opened = Opened::read(&path).unwrap();
            assert_eq!(opened.floats(opened.get("b").unwrap()), [1.5, second], "{dtype}");
            let said = opened.remarks.concat();
            assert_eq!(
                said.contains(&"2 tensors ".to_string()) && said.contains(&format!("from {dtype} to F32")),
                dtype != "F32",
                "{said}"
            );
        }
    }

    #[test]
    fn a_prefix_of_all_names_is_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.safetensors");
        for (names, expected) in [
            (&["module.model.a", "module.model.b"][..], &["a", "b"][..]),
            (&["backbone.a", "head.fc.weight"], &["a", "head.fc.weight"]),
            (&["module.a", "b"], &["b", "module.a"]),
            (&["modules.a"], &["modules.a"]),
        ] {
            file(&path, names, "F32", &bytes(&[1.0, 2.0]));
            let opened = Opened::read(&path).unwrap();
            assert_eq!(opened.names().collect::<Vec<_>>(), expected);
            assert_eq!(opened.remarks.len(), usize::from(names.iter().any(|name| !expected.contains(name))));
        }
    }

    #[test]
    fn an_index_is_followed_beside_itself_only() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        file(&at("one.safetensors"), &["a"], "F32", &bytes(&[1.0, 2.0]));
        file(&at("two.safetensors"), &["b"], "F32", &bytes(&[3.0, 4.0]));
        let index = |map: &str| {
            std::fs::write(at("model.safetensors.index.json"), format!("{{\"weight_map\":{map}}}")).unwrap();
            Opened::read(&at("model.safetensors.index.json"))
        };
        let opened = index(r#"{"a":"one.safetensors","b":"two.safetensors"}"#).unwrap();
        assert_eq!(opened.floats(opened.get("b").unwrap()), [3.0, 4.0]);
        assert!(opened.remarks[0].ends_with("names 2 files, which are read together"));
        for map in [r#"{"a":"../one.safetensors"}"#, r#"{"a":"/one.safetensors"}"#, "{}", "7"] {
            assert!(matches!(index(map), Err(Error::Format { .. })), "{map}");
        }
        file(&at("two.safetensors"), &["a"], "F32", &bytes(&[3.0, 4.0]));
        let both = index(r#"{"a":"one.safetensors","b":"two.safetensors"}"#).err().unwrap().to_string();
        assert!(both.contains("which another file of the index has too"), "{both}");
    }

    #[test]
    fn lies_in_a_header_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.safetensors");
        let refused = |head: &str, length: u64, data: usize| {
            let all = [&length.to_le_bytes()[..], head.as_bytes(), &vec![0; data]].concat();
            std::fs::write(&path, all).unwrap();
            Opened::read(&path).err().unwrap().to_string()
        };
        let tensor = r#""a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}"#;
        let twice = format!("{{{tensor},{tensor}}}");
        assert!(refused(&twice, twice.len() as u64, 8).contains("the name `a` twice"));
        assert!(refused("{}", 1 << 40, 8).contains("is not a safetensors file"));
        let far = r#"{"a":{"dtype":"F32","shape":[1099511627776,1099511627776],"data_offsets":[0,8]}}"#;
        assert!(refused(far, far.len() as u64, 8).contains("is not a safetensors file"));
    }
}
