//! A file of weights, by safetensors or by PyTorch, or an index of several: its tensors by name, as 32-bit floats whatever
//! their format, without the prefix that a wrapper put before all names; transformers in timm's words, whatever their layout.

use super::{
    files::{Error, is_head},
    layout::{self, Known},
    position::{self, Rule},
    torch::{Checkpoint, Stored, is_checkpoint},
};
use crate::npy;
use safetensors::{Dtype, SafeTensors};
use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, Visitor},
};
use std::{
    cell::RefCell,
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
    checkpoint: Option<RefCell<Checkpoint>>,
    tensors: BTreeMap<String, Placed>,
    transformer: bool,
    /// What was done to read them.
    pub(super) remarks: Vec<String>,
}

/// A tensor, one after the other of whose parts along the first axis are in a file.
pub(super) struct Placed {
    pub(super) dtype: Dtype,
    pub(super) shape: Vec<usize>,
    parts: Vec<Part>,
}

enum Part {
    /// Numbers that were made of those of a file.
    Made(Vec<f32>),
    /// Bytes of one of the files.
    Bytes(usize, Range<usize>),
    /// A tensor of a checkpoint, and its name there.
    Stored(String, Stored),
}

impl Opened {
    /// Opens a file, or the files of an index.
    ///
    /// # Errors
    /// If one of them cannot be read, is something else, or has a name twice.
    pub(super) fn read(path: &Path) -> Result<Self, Error> {
        let mut this = Self::raw(path)?;
        this.strip();
        this.converted();
        Ok(this)
    }

    /// Opens weights that others published. Of several transformers, that whose prefix has `part` in it is read, and the
    /// teacher if nothing is asked.
    ///
    /// # Errors
    /// As [`Opened::read`], or if there are several transformers and it is not said which.
    pub(super) fn published(path: &Path, part: Option<&str>) -> Result<Self, Error> {
        let mut this = Self::raw(path)?;
        match this.root(part)? {
            Some(root) => {
                this.transformer = true;
                this.below(&root);
                this.name_as_timm()?;
                this.flatten_depth();
            }
            None => this.strip(),
        }
        this.converted();
        Ok(this)
    }

    /// Opens a projection head of DINO, whose prefix is left out: see [`Opened::published`] for `part`.
    ///
    /// # Errors
    /// As [`Opened::published`], or if there is no head.
    pub(super) fn head(path: &Path, part: Option<&str>) -> Result<Self, Error> {
        let mut this = Self::raw(path)?;
        let root = |name: &str| name.strip_suffix("mlp.0.weight").map(String::from);
        let roots = this.names().filter_map(root).collect();
        let none = || Error::Parts { path: path.into(), roots: vec![], asked: None };
        let root = this.chosen(roots, part)?.ok_or_else(none)?;
        this.below(&root);
        let tensors = std::mem::take(&mut this.tensors);
        let named = |(name, placed): (String, Placed)| (layout::of_a_head(&name).to_owned(), placed);
        this.tensors = tensors.into_iter().map(named).collect();
        Ok(this)
    }

    /// Its tensors under the names that they have.
    fn raw(path: &Path) -> Result<Self, Error> {
        let (files, tensors, remarks) = (vec![], BTreeMap::new(), vec![]);
        let mut this =
            Self { path: path.into(), files, checkpoint: None, tensors, transformer: false, remarks };
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
        } else if is_checkpoint(path) {
            this.add_checkpoint()?;
        } else {
            this.add(path)?;
        }
        Ok(this)
    }

    /// Says which numbers are converted.
    fn converted(&mut self) {
        for (dtype, what) in [(Dtype::F16, "widened"), (Dtype::BF16, "widened"), (Dtype::F64, "rounded")] {
            let count = self.tensors.values().filter(|one| one.dtype == dtype).count();
            if count > 0 {
                let path = self.path.display();
                self.remarks.push(format!("{path}: {count} tensors {what} from {dtype:?} to F32"));
            }
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether a name is one that transformers have and their features do not need.
    pub(super) fn is_unused(&self, name: &str) -> bool {
        self.transformer && layout::is_unused(name)
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    pub(super) fn get(&self, name: &str) -> Option<&Placed> {
        self.tensors.get(name)
    }

    /// The numbers of a tensor.
    ///
    /// # Errors
    /// If a checkpoint is damaged.
    pub(super) fn floats(&self, tensor: &Placed) -> Result<Vec<f32>, Error> {
        let mut all = Vec::new();
        for part in &tensor.parts {
            match part {
                Part::Made(values) => all.extend_from_slice(values),
                Part::Bytes(file, range) => {
                    let floats = floats(&self.files[*file][range.clone()], tensor.dtype);
                    if tensor.parts.len() == 1 {
                        return Ok(floats);
                    }
                    all.extend(floats);
                }
                Part::Stored(name, stored) => {
                    let checkpoint = self.checkpoint.as_ref().expect("it is where the tensor was found");
                    all.extend(checkpoint.borrow_mut().values(name, stored)?);
                }
            }
        }
        Ok(all)
    }

    fn add_checkpoint(&mut self) -> Result<(), Error> {
        let mut checkpoint = Checkpoint::open(&self.path)?;
        for (name, stored) in checkpoint.all()? {
            // Counters and the like, which no network reads.
            let Some(dtype) = stored.dtype() else { continue };
            let shape = stored.shape.clone();
            let parts = vec![Part::Stored(name.clone(), stored)];
            self.tensors.insert(name, Placed { dtype, shape, parts });
        }
        self.checkpoint = Some(RefCell::new(checkpoint));
        Ok(())
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
            let parts = vec![Part::Bytes(self.files.len(), start + from..start + to)];
            let placed = Placed { dtype: info.dtype, shape: info.shape.clone(), parts };
            if self.tensors.insert(name.clone(), placed).is_some() {
                return Err(format(format!("it has `{name}`, which another file of the index has too")));
            }
        }
        self.files.push(bytes);
        Ok(())
    }

    /// The prefix of a transformer, which may be empty; `None`: there is no transformer.
    fn root(&self, part: Option<&str>) -> Result<Option<String>, Error> {
        let roots = self.names().filter_map(layout::root).map(String::from).collect();
        self.chosen(roots, part)
    }

    /// One of several prefixes.
    fn chosen(&self, roots: Vec<String>, part: Option<&str>) -> Result<Option<String>, Error> {
        let has = |root: &str, part: &str| {
            let own = format!("{part}_");
            root.starts_with(part) || root.split('.').any(|step| step == part || step.starts_with(&own))
        };
        let asked: Vec<&String> = match part {
            Some(part) => roots.iter().filter(|root| has(root, part)).collect(),
            None => roots.iter().filter(|root| roots.len() == 1 || has(root, "teacher")).collect(),
        };
        match (asked.as_slice(), part) {
            ([one], _) => Ok(Some((*one).clone())),
            (_, None) if roots.is_empty() => Ok(None),
            _ => Err(Error::Parts { path: self.path.clone(), roots, asked: part.map(String::from) }),
        }
    }

    /// Keeps what is below a prefix, and leaves the prefix out.
    fn below(&mut self, root: &str) {
        if root.is_empty() {
            return;
        }
        let tensors = std::mem::take(&mut self.tensors);
        let all = tensors.len();
        let (inside, outside): (BTreeMap<_, _>, BTreeMap<_, _>) =
            tensors.into_iter().partition(|(name, _)| name.starts_with(root));
        let (path, count) = (self.path.display(), inside.len());
        self.remarks.push(match outside.keys().find(|name| !is_head(name) && !layout::is_unused(name)) {
            None => format!("{path}: all {count} names begin with `{root}`, which is left out"),
            Some(other) => format!(
                "{path}: {count} of {all} names begin with `{root}`, which is left out; the others, such as `{other}`, are not \
                 read"
            ),
        });
        let short = |name: String| name.strip_prefix(root).map(String::from).unwrap_or(name);
        self.tensors = inside.into_iter().map(|(name, placed)| (short(name), placed)).collect();
    }

    /// Gives the tensors of a transformer timm's names, and joins queries, keys and values.
    fn name_as_timm(&mut self) -> Result<(), Error> {
        let mut thirds: BTreeMap<String, [Option<(String, Placed)>; 3]> = BTreeMap::new();
        for (theirs, placed) in std::mem::take(&mut self.tensors) {
            let Known { name, third } = layout::known(&theirs);
            match third {
                Some(third) => thirds.entry(name).or_default()[third] = Some((theirs, placed)),
                None => self.insert(name, placed)?,
            }
        }
        for (name, thirds) in thirds {
            let shape =
                |one: &Option<(String, Placed)>| one.as_ref().map(|(_, one)| (one.shape.clone(), one.dtype));
            let first = shape(&thirds[0]).filter(|(shape, _)| !shape.is_empty());
            // Otherwise they keep their names, which are then unexpected ones.
            if first.is_none() || thirds.iter().any(|third| shape(third) != first) {
                for (theirs, placed) in thirds.into_iter().flatten() {
                    self.insert(theirs, placed)?;
                }
                continue;
            }
            let joined = thirds.into_iter().flatten().map(|(_, placed)| placed).reduce(|mut joined, next| {
                joined.shape[0] = joined.shape[0].saturating_add(next.shape[0]);
                joined.parts.extend(next.parts);
                joined
            });
            self.insert(name, joined.expect("there are three"))?;
        }
        Ok(())
    }

    /// Of a patch embedding in three dimensions (Channel-ViT's), which is one plane deep, the depth is left out.
    fn flatten_depth(&mut self) {
        let Some(Placed { shape, .. }) = self.tensors.get_mut("patch_embed.proj.weight") else { return };
        if let [outs, planes, 1, height, width] = shape[..] {
            *shape = vec![outs, planes, height, width];
        }
    }

    /// Puts positions (1, `expected`, width) of a class token and of a square grid in the place of those of another square grid, with or
    /// without one of the class token, which is then 0.
    ///
    /// # Errors
    /// If a checkpoint is damaged.
    pub(super) fn resize_positions(&mut self, name: &str, expected: usize, rule: Rule) -> Result<(), Error> {
        let side = |count: usize| Some(count.isqrt()).filter(|side| *side > 0 && side * side == count);
        let Some(to) = expected.checked_sub(1).and_then(side) else { return Ok(()) };
        let Some(placed) = self.tensors.get(name) else { return Ok(()) };
        let [1, count, width] = placed.shape[..] else { return Ok(()) };
        // A table with one row more may belong to a network that has the class token's position in the token itself.
        if count == expected || count.checked_sub(1) == Some(expected) {
            return Ok(());
        }
        let (own, from) = match (side(count), count.checked_sub(1).and_then(side)) {
            (Some(from), _) => (0, from),
            (None, Some(from)) => (1, from),
            (None, None) => return Ok(()),
        };
        let values = self.floats(placed)?;
        let (class, grid) = values.split_at(own * width);
        let mut made = if own == 1 { class.to_vec() } else { vec![0.0; width] };
        for weights in position::map(from, [to, to], 1, rule).chunks_exact(from * from) {
            let mut row = vec![0f64; width];
            for (weight, position) in
                weights.iter().zip(grid.chunks_exact(width)).filter(|(weight, _)| **weight != 0.0)
            {
                row.iter_mut().zip(position).for_each(|(sum, x)| *sum += f64::from(weight * x));
            }
            made.extend(row.iter().map(|x| *x as f32));
        }
        self.remarks.push(format!(
            "{}: positions of {from} × {from} patches are resized to {to} × {to}",
            self.path.display()
        ));
        let placed =
            Placed { dtype: Dtype::F32, shape: vec![1, expected, width], parts: vec![Part::Made(made)] };
        self.tensors.insert(name.into(), placed);
        Ok(())
    }

    fn insert(&mut self, name: String, placed: Placed) -> Result<(), Error> {
        match self.tensors.insert(name.clone(), placed) {
            None => Ok(()),
            Some(_) => {
                let reason = format!("two of its names mean `{name}`");
                Err(Error::Format { path: self.path.clone(), reason })
            }
        }
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

/// Numbers of a file as 32-bit floats.
fn floats(bytes: &[u8], dtype: Dtype) -> Vec<f32> {
    let halves = || bytes.as_chunks::<2>().0.iter().map(|bytes| u16::from_le_bytes(*bytes));
    match dtype {
        Dtype::F16 => halves().map(npy::half).collect(),
        Dtype::BF16 => halves().map(|bits| f32::from_bits(u32::from(bits) << 16)).collect(),
        Dtype::F64 => {
            bytes.as_chunks::<8>().0.iter().map(|bytes| f64::from_le_bytes(*bytes) as f32).collect()
        }
        _ => bytes.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect(),
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
            assert_eq!(opened.floats(opened.get("b").unwrap()).unwrap(), [1.5, second], "{dtype}");
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
        assert_eq!(opened.floats(opened.get("b").unwrap()).unwrap(), [3.0, 4.0]);
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
