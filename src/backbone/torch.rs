//! Checkpoints written by PyTorch's `torch.save`, in its current format (a zip archive) and in the one before
//! 1.6.
//!
//! candle has a reader too, but it supports neither the older format nor pickles above protocol 2, skips
//! tensors of unknown types, and exposes only tensors.

use super::pickle::{Fault, Id, Pickle};
use crate::npy;
use safetensors::Dtype;
use std::{
    collections::BTreeMap,
    fs::File,
    io::Read,
    ops::Range,
    path::{Path, PathBuf},
};
use zip::ZipArchive;

/// An error with a checkpoint.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It cannot be read.
    #[error("cannot read the checkpoint {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// It is not a checkpoint.
    #[error("{} is not a PyTorch checkpoint: {reason}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What was found.
        reason: String,
    },
    /// It is damaged, or of an unsupported kind.
    #[error("{}: {what}", path.display())]
    Broken {
        /// The file.
        path: PathBuf,
        /// What was expected and what was found.
        what: String,
    },
    /// Reading it would take many times its size: tensors of it share storages, or it is compressed.
    #[error("{}: expected tensors with storages of their own; reading it takes more than {most} bytes", path.display())]
    Work {
        /// The file.
        path: PathBuf,
        /// The most that is read.
        most: u64,
    },
    /// A tensor has numbers other than floats.
    #[error("{}: {name} has {found}; expected floats of 16, 32 or 64 bits", path.display())]
    Type {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// PyTorch's name of the type.
        found: String,
    },
}

impl Error {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Io { .. } => None,
            Self::Format { .. } => Some(
                "expected a `.pt` file written by `torch.save`; a file from a site that asks for confirmation before a download \
                 may be that page: check its first line"
                    .into(),
            ),
            Self::Work { .. } => Some("in Python: torch.save(torch.load(FILE, weights_only=False, map_location=\"cpu\"), FILE)".into()),
            Self::Broken { .. } => Some("download the file again, and compare its length with the original's".into()),
            Self::Type { .. } => Some(
                "in Python: c = torch.load(FILE, weights_only=False, map_location=\"cpu\"); c[\"model_params\"] = \
                 {k: v.float() for k, v in c[\"model_params\"].items()}; torch.save(c, FILE)"
                    .into(),
            ),
        }
    }
}

/// Whether a file begins as checkpoints do.
pub(super) fn is_checkpoint(path: &Path) -> bool {
    let mut head = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MAGIC.len() as u64).read_to_end(&mut head));
    // The length of a header of safetensors may begin with PK; with all four, it would have 67 MB.
    read.is_ok() && (head == MAGIC || head.starts_with(b"PK\x03\x04"))
}

/// The first bytes of the older format: a pickled magic number.
const MAGIC: &[u8] = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";

/// PyTorch's names of types, and bytes per number.
const TYPES: [(&str, usize); 13] = [
    ("FloatStorage", 4),
    ("DoubleStorage", 8),
    ("HalfStorage", 2),
    ("BFloat16Storage", 2),
    ("LongStorage", 8),
    ("IntStorage", 4),
    ("ShortStorage", 2),
    ("CharStorage", 1),
    ("ByteStorage", 1),
    ("BoolStorage", 1),
    ("UntypedStorage", 1),
    ("ComplexFloatStorage", 8),
    ("ComplexDoubleStorage", 16),
];

/// A checkpoint whose tensors are read on demand.
#[derive(Debug)]
pub struct Checkpoint {
    path: PathBuf,
    pickle: Pickle,
    storages: Storages,
    /// Bytes that may still be read, and at first.
    left: u64,
    most: u64,
}

/// Most bytes of a pickle: names, shapes and a configuration.
const MAX_PICKLE: u64 = 1 << 23;
/// Most axes of a tensor; PyTorch's.
const MAX_AXES: usize = 64;
/// Rebuild functions inside one another.
const MAX_DEPTH: usize = 8;
/// Keys that are looked at, bytes of each, and dictionaries inside one another.
const MAX_KEYS: usize = 1 << 20;
const MAX_KEY: usize = 1024;
const MAX_NESTED: usize = 3;
/// How many times its length may be read of a file: each tensor reads its whole storage.
const MAX_READS: u64 = 64;

/// Where the numbers are stored.
#[derive(Debug)]
enum Storages {
    /// An entry `<prefix>data/<key>` per storage.
    Zip { archive: ZipArchive<File>, prefix: String },
    /// One after the other.
    Legacy { file: memmap2::Mmap, places: BTreeMap<String, Range<usize>> },
}

/// A tensor in a checkpoint. Two equal ones are two names of the same tensor.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored {
    /// Its shape.
    pub shape: Vec<usize>,
    /// Strides, in numbers.
    strides: Vec<usize>,
    /// Offset in its storage, in numbers.
    offset: usize,
    /// PyTorch's name of the type: `FloatStorage`.
    kind: String,
    storage: String,
}

impl Checkpoint {
    /// Reads everything but the numbers.
    ///
    /// # Errors
    /// If it is not a checkpoint.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let io = |source| Error::Io { path: path.to_owned(), source };
        let format = |reason: String| Error::Format { path: path.to_owned(), reason };
        let mut file = File::open(path).map_err(io)?;
        let mut head = Vec::new();
        file.by_ref().take(MAGIC.len() as u64).read_to_end(&mut head).map_err(io)?;
        if head == MAGIC {
            // SAFETY: the file is only read; if another program truncates it meanwhile, reading fails, as it would without a map.
            let file = unsafe { memmap2::Mmap::map(&file) }.map_err(io)?;
            let (pickle, places) = legacy(&file)
                .map_err(|fault| Error::Broken { path: path.to_owned(), what: fault.to_string() })?;
            let most = MAX_READS * file.len() as u64;
            let storages = Storages::Legacy { file, places };
            return Ok(Self { path: path.to_owned(), pickle, storages, left: most, most });
        }
        if !head.starts_with(b"PK") {
            let head: String = String::from_utf8_lossy(&head).escape_debug().collect();
            return Err(format(format!("it begins with `{head}`")));
        }
        let most = MAX_READS * file.metadata().map_err(io)?.len();
        let mut archive = ZipArchive::new(file).map_err(|error| format(error.to_string()))?;
        let prefix = archive.file_names().find_map(|name| {
            let prefix = name.ok()?.strip_suffix("data.pkl")?.to_owned();
            (prefix.is_empty() || prefix.ends_with('/')).then_some(prefix)
        });
        let prefix = prefix.ok_or_else(|| format("there is no `data.pkl` in the archive".into()))?;
        let broken = |what: String| Error::Broken { path: path.to_owned(), what };
        // Little-endian unless stated otherwise.
        if entry(&mut archive, &format!("{prefix}byteorder"), 64).is_ok_and(|order| order != b"little") {
            return Err(broken("expected little-endian numbers".into()));
        }
        let pickle = entry(&mut archive, &format!("{prefix}data.pkl"), MAX_PICKLE).map_err(broken)?;
        let pickle = Pickle::read(&pickle).map_err(|fault| broken(format!("data.pkl: {fault}")))?;
        Ok(Self {
            path: path.to_owned(),
            pickle,
            storages: Storages::Zip { archive, prefix },
            left: most,
            most,
        })
    }

    /// The keys of the outermost dictionary.
    pub fn keys(&self) -> Vec<&str> {
        let entries = self.pickle.entries(self.pickle.top).unwrap_or_default();
        entries.iter().filter_map(|(key, _)| self.pickle.text(*key)).collect()
    }

    /// The integer under a key of the outermost dictionary.
    pub fn number(&self, key: &str) -> Option<i64> {
        self.pickle.int(self.pickle.get(self.pickle.top, key)?)
    }

    /// A text of an OmegaConf object under a key of the outermost dictionary: `["config", "model",
    /// "pooling"]`. Members of an enumeration are replaced by their values.
    pub fn word(&self, path: &[&str]) -> Option<&str> {
        let pickle = &self.pickle;
        let id = self.node(path)?;
        pickle.text(id).or_else(|| pickle.text(*pickle.made(id)?.1.first()?))
    }

    /// An integer of such an object.
    pub fn setting(&self, path: &[&str]) -> Option<i64> {
        self.pickle.int(self.node(path)?)
    }

    fn node(&self, path: &[&str]) -> Option<Id> {
        let pickle = &self.pickle;
        let (first, rest) = path.split_first()?;
        let mut id = pickle.get(pickle.top, first)?;
        for key in rest {
            let content = pickle.get(pickle.state(id)?, "_content")?;
            id = pickle.get(content, key)?;
        }
        pickle.get(pickle.state(id)?, "_val")
    }

    /// The tensors of the dictionary under a key of the outermost one, by name; `None` if there is no such
    /// dictionary.
    ///
    /// # Errors
    /// If something in it is not a tensor, or larger than its storage.
    pub fn tensors(&mut self, key: &str) -> Result<Option<BTreeMap<String, Stored>>, Error> {
        let pickle = &self.pickle;
        let Some(entries) = pickle.get(pickle.top, key).and_then(|id| pickle.entries(id)) else {
            return Ok(None);
        };
        let one = |(name, value): &(Id, Id)| {
            let name =
                pickle.text(*name).ok_or_else(|| self.broken(format!("{key} has a key that is no text")))?;
            let stored = self.stored(*value);
            let stored =
                stored.ok_or_else(|| self.broken(format!("{key}.{name}: expected a dense tensor")))?;
            Ok((name.to_owned(), stored))
        };
        let tensors: BTreeMap<String, Stored> = entries.iter().map(one).collect::<Result<_, _>>()?;
        for (name, stored) in &tensors {
            self.extent(name, stored)?;
        }
        Ok(Some(tensors))
    }

    /// All dense tensors in dictionaries, and in dictionaries within them, by their keys joined with points; what is neither
    /// is left out.
    ///
    /// # Errors
    /// If there are more than a million, or a tensor is larger than its storage.
    pub fn all(&mut self) -> Result<BTreeMap<String, Stored>, Error> {
        let (mut found, mut left) = (BTreeMap::new(), MAX_KEYS);
        self.below(self.pickle.top, "", 0, &mut left, &mut found);
        if left == 0 {
            return Err(self.broken(format!("expected at most {MAX_KEYS} keys")));
        }
        for (name, stored) in &found {
            self.extent(name, stored)?;
        }
        Ok(found)
    }

    /// Adds the tensors of a dictionary whose own key is `prefix`.
    fn below(
        &self,
        id: Id,
        prefix: &str,
        depth: usize,
        left: &mut usize,
        found: &mut BTreeMap<String, Stored>,
    ) {
        for (key, value) in self.pickle.entries(id).unwrap_or_default() {
            let Some(key) = self.pickle.text(*key).filter(|key| key.len() <= MAX_KEY) else { continue };
            *left = left.saturating_sub(1);
            if *left == 0 {
                return;
            }
            let name = format!("{prefix}{key}");
            match self.stored(*value) {
                Some(stored) => drop(found.insert(name, stored)),
                None if depth < MAX_NESTED => self.below(*value, &format!("{name}."), depth + 1, left, found),
                None => {}
            }
        }
    }

    /// Bytes of a storage.
    fn length(&mut self, storage: &str) -> Result<u64, String> {
        match &mut self.storages {
            Storages::Legacy { places, .. } => {
                places.get(storage).map(|place| place.len() as u64).ok_or_else(|| "it is missing".into())
            }
            Storages::Zip { archive, prefix } => {
                let entry = archive.by_name(&format!("{prefix}data/{storage}"));
                entry.map(|entry| entry.size()).map_err(|error| error.to_string())
            }
        }
    }

    /// The bytes of a tensor's storage up to its last number. It must be there: what a shape says is not believed.
    fn extent(&mut self, name: &str, stored: &Stored) -> Result<u64, Error> {
        let Stored { shape, strides, offset, storage, .. } = stored;
        let size = TYPES.iter().find(|(known, _)| *known == stored.kind).map_or(1, |(_, size)| *size as u64);
        let bytes = self.length(storage);
        let bytes = bytes.map_err(|error| self.broken(format!("storage {storage} of {name}: {error}")))?;
        let count = bytes / size;
        let last = shape.iter().zip(strides).try_fold(*offset as u64, |last, (n, stride)| {
            last.checked_add((*n as u64).saturating_sub(1).checked_mul(*stride as u64)?)
        });
        let wanted = shape.iter().try_fold(1u64, |all, n| all.checked_mul(*n as u64));
        if shape.len() != strides.len() || wanted.is_none() {
            return Err(self.broken(format!("{name}: expected a tensor, found the shape {shape:?}")));
        }
        match last.filter(|last| *last < count && wanted <= Some(count)) {
            _ if wanted == Some(0) => Ok(0),
            Some(last) => Ok((last + 1) * size),
            None => Err(self
                .broken(format!("storage {storage} of {name} has {count} numbers, too few for {shape:?}"))),
        }
    }

    /// The tensor that PyTorch's rebuild functions would return. A parameter that is made of itself is none.
    fn stored(&self, mut id: Id) -> Option<Stored> {
        let pickle = &self.pickle;
        let of = (0..MAX_DEPTH).find_map(|_| {
            let (by, of) = pickle.made(id)?;
            match by {
                "torch._utils._rebuild_parameter" => {
                    id = *of.first()?;
                    None
                }
                "torch._tensor._rebuild_from_type_v2" => pickle.items(*of.get(2)?),
                "torch._utils._rebuild_tensor_v2" => Some(of),
                _ => None,
            }
        })?;
        let [storage, offset, shape, strides, ..] = of else { return None };
        let number = |id: &Id| usize::try_from(pickle.int(*id)?).ok();
        let numbers = |id: Id| {
            let axes = pickle.items(id).filter(|axes| axes.len() <= MAX_AXES)?;
            axes.iter().map(number).collect::<Option<Vec<_>>>()
        };
        let (kind, storage) = address(pickle, pickle.outside(*storage)?)?;
        Some(Stored {
            shape: numbers(*shape)?,
            strides: numbers(*strides)?,
            offset: number(offset)?,
            kind: kind.to_owned(),
            storage: storage.to_owned(),
        })
    }

    /// The numbers of a tensor in row-major order. `name` is for errors.
    ///
    /// # Errors
    /// If they are not floats (those of 64 bits are rounded, those of 16 widened), or cannot be read.
    pub fn values(&mut self, name: &str, stored: &Stored) -> Result<Vec<f32>, Error> {
        let Stored { shape, strides, offset, kind, storage } = stored;
        if !["FloatStorage", "DoubleStorage", "HalfStorage", "BFloat16Storage"].contains(&kind.as_str()) {
            let (path, name, found) = (self.path.clone(), name.to_owned(), kind.clone());
            return Err(Error::Type { path, name, found });
        }
        let (kind, extent) = (kind.clone(), self.extent(name, stored)?);
        if extent == 0 {
            return Ok(Vec::new());
        }
        self.left =
            self.left.checked_sub(extent).ok_or(Error::Work { path: self.path.clone(), most: self.most })?;
        let bytes = match &mut self.storages {
            Storages::Legacy { file, places } => places
                .get(storage)
                .map(|place| file[place.clone()][..extent as usize].to_vec())
                .ok_or("it is missing".to_owned()),
            Storages::Zip { archive, prefix } => entry(archive, &format!("{prefix}data/{storage}"), extent),
        };
        let bytes = bytes.map_err(|error| self.broken(format!("storage {storage} of {name}: {error}")))?;
        if bytes.len() as u64 != extent {
            let found = bytes.len();
            return Err(
                self.broken(format!("storage {storage} of {name}: expected {extent} bytes, found {found}"))
            );
        }
        let mut places = vec![*offset];
        for (n, stride) in shape.iter().zip(strides) {
            places = places.iter().flat_map(|place| (0..*n).map(move |at| place + at * stride)).collect();
        }
        let (single, _) = bytes.as_chunks::<4>();
        let (double, _) = bytes.as_chunks::<8>();
        let (halves, _) = bytes.as_chunks::<2>();
        let value = |place: &usize| match kind.as_str() {
            "HalfStorage" => npy::half(u16::from_le_bytes(halves[*place])),
            "BFloat16Storage" => f32::from_bits(u32::from(u16::from_le_bytes(halves[*place])) << 16),
            "FloatStorage" => f32::from_le_bytes(single[*place]),
            _ => f64::from_le_bytes(double[*place]) as f32,
        };
        Ok(places.iter().map(value).collect())
    }

    fn broken(&self, what: String) -> Error {
        Error::Broken { path: self.path.clone(), what }
    }
}

impl Stored {
    /// The key of its storage.
    #[cfg(test)]
    pub(super) fn storage(&self) -> &str {
        &self.storage
    }

    /// Whether its numbers have 64 bits.
    pub fn is_double(&self) -> bool {
        self.kind == "DoubleStorage"
    }

    /// The type of its numbers in the words of safetensors, if they are floats.
    pub(super) fn dtype(&self) -> Option<Dtype> {
        match self.kind.as_str() {
            "FloatStorage" => Some(Dtype::F32),
            "DoubleStorage" => Some(Dtype::F64),
            "HalfStorage" => Some(Dtype::F16),
            "BFloat16Storage" => Some(Dtype::BF16),
            _ => None,
        }
    }

    /// Whether its numbers have 16 bits.
    pub fn is_half(&self) -> bool {
        ["HalfStorage", "BFloat16Storage"].contains(&self.kind.as_str())
    }
}

/// Type and key of a storage from its address, ('storage', type, key, device, numbers).
fn address<'a>(pickle: &'a Pickle, address: &[Id]) -> Option<(&'a str, &'a str)> {
    let [_, kind, key, ..] = address else { return None };
    Some((pickle.name(*kind)?.strip_prefix("torch.")?, pickle.text(*key)?))
}

/// At most `most` bytes of an entry, whatever it unpacks to.
fn entry(archive: &mut ZipArchive<File>, name: &str, most: u64) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    archive
        .by_name(name)
        .map_err(|error| error.to_string())?
        .take(most)
        .read_to_end(&mut bytes)
        .map_err(|e| e.to_string())?;
    Ok(bytes)
}

/// Why a file in the older format cannot be read.
#[derive(Debug, thiserror::Error)]
enum Flaw {
    #[error(transparent)]
    Pickle(#[from] Fault),
    #[error("storage {0} is of no known type")]
    Type(String),
    #[error("it ends before storage {0} does")]
    Short(String),
}

/// Parses the older format: pickles of the magic number, the version, the machine, the object and the keys of
/// its storages, followed by the storages, each preceded by its number of elements.
fn legacy(file: &[u8]) -> Result<(Pickle, BTreeMap<String, Range<usize>>), Flaw> {
    let mut at = 0;
    let mut next = || -> Result<Pickle, Fault> {
        let pickle = Pickle::read(&file[at..])?;
        at += pickle.length;
        Ok(pickle)
    };
    next()?;
    next()?;
    next()?;
    let (pickle, keys) = (next()?, next()?);
    let kinds: BTreeMap<&str, &str> =
        pickle.addresses().filter_map(|of| address(&pickle, of)).map(|(kind, key)| (key, kind)).collect();
    let mut places = BTreeMap::new();
    for key in keys.items(keys.top).unwrap_or_default().iter().filter_map(|id| keys.text(*id)) {
        let kind = kinds.get(key).copied().unwrap_or_default();
        let size = TYPES.iter().find(|(known, _)| *known == kind).map(|(_, size)| *size);
        let size = size.ok_or_else(|| Flaw::Type(key.to_owned()))?;
        let short = || Flaw::Short(key.to_owned());
        let count = file.get(at..at + 8).and_then(|bytes| bytes.try_into().ok()).map(u64::from_le_bytes);
        let start = at + 8;
        let length = usize::try_from(count.ok_or_else(short)?).ok().and_then(|count| count.checked_mul(size));
        let end = length.and_then(|length| start.checked_add(length)).filter(|end| *end <= file.len());
        at = end.ok_or_else(short)?;
        places.insert(key.to_owned(), start..at);
    }
    Ok((pickle, places))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden;

    fn file(name: &str) -> PathBuf {
        golden::folder().join(format!("checkpoints/{name}.pt"))
    }

    #[test]
    fn tensors_are_read_as_their_strides_say() {
        let mut checkpoint = Checkpoint::open(&file("tensors")).unwrap();
        assert_eq!(checkpoint.keys(), ["epoch", "long", "model_params"]);
        assert_eq!((checkpoint.number("epoch"), checkpoint.number("long")), (Some(-3), None));
        assert!(checkpoint.tensors("epoch").unwrap().is_none());
        let tensors = checkpoint.tensors("model_params").unwrap().unwrap();
        let mut read = |name: &str| {
            let values = checkpoint.values(name, &tensors[name])?;
            Ok::<_, Error>((tensors[name].shape.clone(), values))
        };
        let transposed = vec![0., 4., 8., 1., 5., 9., 2., 6., 10., 3., 7., 11.];
        assert_eq!(read("transposed").unwrap(), (vec![4, 3], transposed));
        assert_eq!(read("part").unwrap(), (vec![4], vec![4., 5., 6., 7.]));
        assert_eq!(read("scalar").unwrap(), (vec![], vec![2.5]));
        assert_eq!(read("none").unwrap(), (vec![0, 3], vec![]));
        assert_eq!(read("double").unwrap(), (vec![1], vec![0.1]));
        assert_eq!(read("parameter").unwrap(), (vec![2], vec![1., 1.]));
        assert!(tensors["half"].is_half() && read("half").unwrap().1.iter().all(|value| value.is_finite()));
    }

    #[test]
    fn a_tensor_larger_than_its_storage_is_refused() {
        let mut checkpoint = Checkpoint::open(&file("tensors")).unwrap();
        let tensors = checkpoint.tensors("model_params").unwrap().unwrap();
        let part = &tensors["part"];
        for wrong in [
            Stored { offset: 9, ..part.clone() },
            Stored { strides: vec![3], ..part.clone() },
            Stored { strides: vec![usize::MAX], ..part.clone() },
            Stored { shape: vec![1 << 40], strides: vec![0], ..part.clone() },
            Stored { shape: vec![2, 2], ..part.clone() },
        ] {
            let error = checkpoint.values("part", &wrong).unwrap_err().to_string();
            let named = error.contains("has 12 numbers, too few") || error.contains("found the shape [2, 2]");
            assert!(named, "{wrong:?}: {error}");
        }
    }

    /// A pickle of `model_params`, in a zip archive with a storage of four numbers.
    fn hostile(value: &[u8]) -> Result<Vec<f32>, Error> {
        let text = |text: &str| [b"X", &(text.len() as u32).to_le_bytes()[..], text.as_bytes()].concat();
        let name = text("model_params");
        let pickle = [b"\x80\x02}(", &name[..], b"}(", &text("a"), value, b"uu."].concat();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.pt");
        let mut zip = zip::ZipWriter::new(File::create(&path).unwrap());
        for (name, bytes) in [("data.pkl", &pickle[..]), ("data/0", &[0; 16])] {
            zip.start_file(format!("archive/{name}"), zip::write::SimpleFileOptions::default()).unwrap();
            std::io::Write::write_all(&mut zip, bytes).unwrap();
        }
        zip.finish().unwrap();
        let mut checkpoint = Checkpoint::open(&path)?;
        let tensors = checkpoint.tensors("model_params")?.unwrap();
        checkpoint.values("a", &tensors["a"])
    }

    /// `_rebuild_tensor_v2` of storage 0 with this shape, and strides of 0.
    fn tensor(shape: &[i64]) -> Vec<u8> {
        let text = |text: &str| [b"X", &(text.len() as u32).to_le_bytes()[..], text.as_bytes()].concat();
        let whole = |n: i64| [&b"\x8a\x08"[..], &n.to_le_bytes()].concat();
        let tuple = |items: Vec<Vec<u8>>| [b"(", &items.concat()[..], b"t"].concat();
        let storage = tuple(vec![
            text("storage"),
            b"ctorch\nFloatStorage\n".to_vec(),
            text("0"),
            text("cpu"),
            whole(4),
        ]);
        let (shape, strides) =
            (shape.iter().map(|n| whole(*n)).collect(), shape.iter().map(|_| whole(0)).collect());
        let parts = vec![
            [storage, b"Q".to_vec()].concat(),
            whole(0),
            tuple(shape),
            tuple(strides),
            b"\x89}".to_vec(),
        ];
        [b"ctorch._utils\n_rebuild_tensor_v2\n".to_vec(), tuple(parts), b"R".to_vec()].concat()
    }

    #[test]
    fn what_a_pickle_claims_costs_nothing() {
        assert_eq!(hostile(&tensor(&[2, 2])).unwrap(), [0.0; 4]);
        assert_eq!(hostile(&tensor(&[1 << 40, 0])).unwrap(), [0.0; 0]);
        for shape in [
            &[1i64 << 20, 1, 1 << 20][..],
            &[1 << 40],
            &[1 << 62],
            &[1 << 62, 1 << 62],
            &[5],
            &[-1],
            &[1; 100_000],
        ] {
            let error = hostile(&tensor(shape)).unwrap_err().to_string();
            let named = ["too few for", "found the shape", "expected a dense tensor"];
            assert!(named.iter().any(|words| error.contains(words)), "{error}");
        }
        // A parameter whose list of arguments holds the parameter.
        let itself = b"ctorch._utils\n_rebuild_parameter\n]q\x00Rq\x01h\x00h\x01a0";
        let error = hostile(itself).unwrap_err().to_string();
        assert!(error.ends_with("model_params.a: expected a dense tensor"), "{error}");
        // A class of a remembered module: five bytes for a copy of its name.
        let long = [b"X\x00\x08\x00\x00".as_slice(), &[b'm'; 2048], b"q\x00h\x00\x93"].concat();
        let error = hostile(&long).unwrap_err().to_string();
        assert!(error.contains("there is a class without a name"), "{error}");
    }

    #[test]
    fn names_of_one_tensor_are_equal() {
        for (name, second, first) in [
            ("hypernet", "adaptive_interface.0.HPA", "conv1_emb.HPA"),
            ("depthwise", "adaptive_interface.1.weight", "conv_1x1.weight"),
        ] {
            let tensors = Checkpoint::open(&file(name)).unwrap().tensors("model_params").unwrap().unwrap();
            assert_eq!(tensors[second], tensors[first]);
            assert_ne!(tensors[second], tensors["proxies"]);
        }
    }

    #[test]
    fn configurations_are_read_in_each_format() {
        for (name, pooling) in
            [("hypernet", None), ("slice_param", None), ("depthwise", Some("weighted_sum_random"))]
        {
            let checkpoint = Checkpoint::open(&file(name)).unwrap();
            assert_eq!(checkpoint.word(&["config", "model", "pooling"]), Some("avg"), "{name}");
            assert_eq!(checkpoint.word(&["config", "model", "pooling_channel_type"]), pooling, "{name}");
            assert_eq!(checkpoint.setting(&["config", "dataset", "img_size"]), Some(224), "{name}");
            assert_eq!(checkpoint.setting(&["config", "dataset", "none"]), None, "{name}");
        }
    }

    /// Whatever is cut off or changed in a file, an error reports it and nothing panics.
    #[test]
    fn damaged_files_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.pt");
        let open = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            let mut checkpoint = Checkpoint::open(&path)?;
            let tensors = checkpoint.tensors("model_params")?.unwrap_or_default();
            tensors.iter().try_for_each(|(name, stored)| checkpoint.values(name, stored).map(drop))
        };
        for (bytes, reason) in [
            (&b"<!DOCTYPE html><html>"[..], "it begins with `<!DOCTYPE html>`"),
            (b"", "it begins with ``"),
            (b"\x80\x02}q\x00.", "it begins with"),
            (b"PK\x03\x04 and nothing else", "is not a PyTorch checkpoint"),
        ] {
            let error = open(bytes).unwrap_err();
            assert!(error.to_string().contains(reason) && error.hint().is_some(), "{error}");
        }
        for name in ["tensors", "depthwise"] {
            let whole = std::fs::read(file(name)).unwrap();
            for keep in [whole.len() - 1, whole.len() / 2, MAGIC.len(), MAGIC.len() + 7] {
                assert!(open(&whole[..keep]).is_err(), "{name}, {keep} bytes of {}", whole.len());
            }
            for at in (0..whole.len().min(60_000)).step_by(97) {
                let mut changed = whole.clone();
                changed[at] ^= 0x55;
                let _ = open(&changed);
            }
        }
    }
}
