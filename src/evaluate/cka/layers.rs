//! Every layer of a model as a file: for each mini-batch, how alike its images are. Any two models that saw the same images are
//! then compared without either of them, or the images.
//!
//! The file is safetensors: `all.i` and `class.i` of layer i are (batches, B (B − 1) / 2) float64, what is above the diagonal of
//! the centred Gram matrix of a mini-batch of B images, row by row. The first layer, the patches, has no class token.

use super::{Error, Gram, MiniBatches};
use crate::atomic_file::{self, Digest};
use rayon::prelude::*;
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use std::{collections::HashMap, fs, io, path::Path};

/// Which tokens of an image represent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tokens {
    /// All of them, side by side.
    All,
    /// The class token.
    Class,
}

impl Tokens {
    /// Both.
    pub const EACH: [Self; 2] = [Self::All, Self::Class];

    /// Its name in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Class => "class",
        }
    }
}

/// The layers of a model, each with a Gram matrix for each mini-batch.
pub struct Layers {
    /// Images of a mini-batch.
    pub batch: usize,
    /// What the images are known by: a hash of their keys in order.
    images: String,
    all: Vec<Vec<Gram>>,
    /// Of all layers but the first.
    class: Vec<Vec<Gram>>,
}

impl Layers {
    /// Of the images with these keys, before any layer is added.
    pub fn of<'k>(images: impl Iterator<Item = &'k str>, batch: usize) -> Self {
        let mut hash = blake3::Hasher::new();
        for key in images {
            // A length in front, or two lists could be one text.
            hash.update(&(key.len() as u64).to_le_bytes()).update(key.as_bytes());
        }
        let images = hash.finalize().to_hex()[..16].to_owned();
        Self { batch, images, all: vec![], class: vec![] }
    }

    /// Adds what layer `layer` says of the next mini-batch: the tokens of each image in a row, of which the first `class` numbers
    /// are the class token. Layers and batches come in order.
    ///
    /// # Errors
    /// Numbers that do not fill whole rows, or are not finite.
    pub fn add(&mut self, layer: usize, tokens: &[f32], class: Option<usize>) -> Result<(), Error> {
        let width = tokens.len() / self.batch;
        if let Some(at) = tokens.iter().position(|value| !value.is_finite()) {
            let (row, column) = (at / width.max(1), at % width.max(1));
            return Err(Error::NotFinite { row, column, value: tokens[at] });
        }
        let all = Gram::of(tokens, width)?;
        if let (Some(class), Some(at)) = (class, layer.checked_sub(1)) {
            let own: Vec<f32> = tokens.chunks_exact(width).flat_map(|row| &row[..class]).copied().collect();
            put(&mut self.class, at, Gram::of(&own, class)?);
        }
        put(&mut self.all, layer, all);
        Ok(())
    }

    /// Mini-batches.
    pub fn batches(&self) -> usize {
        self.all.first().map_or(0, Vec::len)
    }

    /// The layers with these tokens: the number of the first one, and the Gram matrices of each.
    fn with(&self, tokens: Tokens) -> (usize, &[Vec<Gram>]) {
        match tokens {
            Tokens::All => (0, &self.all),
            Tokens::Class => (1, &self.class),
        }
    }

    /// The numbers of the layers with these tokens, from 0: the patches, then of each block attention and the hidden layer.
    pub fn numbers(&self, tokens: Tokens) -> std::ops::Range<usize> {
        let (first, layers) = self.with(tokens);
        first..first + layers.len()
    }

    /// Each of these layers beside each layer of another model: a row for each layer of this one.
    ///
    /// # Errors
    /// If the other model saw other images, or in other mini-batches.
    pub fn beside(&self, other: &Self, tokens: Tokens) -> Result<Vec<Vec<MiniBatches>>, Error> {
        let same =
            (&self.images, self.batch, self.batches()) == (&other.images, other.batch, other.batches());
        if !same {
            return Err(Error::OtherImages);
        }
        let ((_, own), (_, others)) = (self.with(tokens), other.with(tokens));
        let pair = |own: &Vec<Gram>, other: &Vec<Gram>| {
            let mut batches = MiniBatches::default();
            for (own, other) in own.iter().zip(other) {
                batches.add(own.hsic(other)?);
            }
            Ok(batches)
        };
        own.par_iter().map(|own| others.iter().map(|other| pair(own, other)).collect()).collect()
    }

    /// Writes the file.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(&self, path: &Path) -> Result<Digest, Error> {
        let shape = vec![self.batches(), self.batch * (self.batch - 1) / 2];
        let mut tensors: Vec<(String, Vec<u8>)> = Vec::new();
        for tokens in Tokens::EACH {
            let (first, layers) = self.with(tokens);
            for (at, layer) in layers.iter().enumerate() {
                let values = layer.iter().flat_map(Gram::above).flat_map(f64::to_le_bytes);
                tensors.push((name(tokens, first + at), values.collect()));
            }
        }
        let write = || -> io::Result<Digest> {
            let views = tensors
                .iter()
                .map(|(name, bytes)| Ok((name, TensorView::new(Dtype::F64, shape.clone(), bytes)?)))
                .collect::<Result<Vec<_>, safetensors::SafeTensorError>>()
                .map_err(io::Error::other)?;
            let notes =
                HashMap::from([(BATCH, self.batch.to_string()), (IMAGES, self.images.clone())].map(owned));
            let bytes = safetensors::serialize(views, Some(notes)).map_err(io::Error::other)?;
            atomic_file::write(path, bytes)?;
            Digest::of(path)
        };
        write().map_err(|source| Error::Features { path: path.to_owned(), source })
    }

    /// Reads a file.
    ///
    /// # Errors
    /// If it cannot be read, or is damaged.
    pub fn read(path: &Path) -> Result<Self, Error> {
        Self::read_from(path).map_err(|source| Error::Features { path: path.to_owned(), source })
    }

    fn read_from(path: &Path) -> io::Result<Self> {
        let damaged = |what: &str| io::Error::new(io::ErrorKind::InvalidData, format!("expected {what}"));
        let bytes = fs::read(path)?;
        let (_, metadata) = SafeTensors::read_metadata(&bytes).map_err(io::Error::other)?;
        let note = |name: &str| {
            let found = metadata.metadata().as_ref().and_then(|notes| notes.get(name));
            found.cloned().ok_or_else(|| damaged(&format!("a note `{name}`")))
        };
        let batch: usize = note(BATCH)?.parse().map_err(|_| damaged("a whole number of images"))?;
        let mut read = Self { batch, images: note(IMAGES)?, all: vec![], class: vec![] };
        let file = SafeTensors::deserialize(&bytes).map_err(io::Error::other)?;
        for tokens in Tokens::EACH {
            let first = read.with(tokens).0;
            let mut found = Vec::new();
            while let Ok(view) = file.tensor(&name(tokens, first + found.len())) {
                let each = batch.checked_mul(batch.saturating_sub(1)).map_or(0, |twice| twice / 2);
                let fits = view.dtype() == Dtype::F64 && each > 0 && view.shape().get(1) == Some(&each);
                if !fits || view.shape().len() != 2 {
                    return Err(damaged("Gram matrices of one size"));
                }
                let values: Vec<f64> =
                    view.data().as_chunks().0.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect();
                found.push(values.chunks_exact(each).map(|above| Gram::of_above(batch, above)).collect());
            }
            match tokens {
                Tokens::All => read.all = found,
                Tokens::Class => read.class = found,
            }
        }
        let batches = read.batches();
        let whole = batches > 0 && read.all.iter().chain(&read.class).all(|layer| layer.len() == batches);
        if whole { Ok(read) } else { Err(damaged("as many mini-batches of each layer")) }
    }
}

/// The keys of the notes.
const BATCH: &str = "batch";
const IMAGES: &str = "images";

fn owned((key, value): (&str, String)) -> (String, String) {
    (key.to_owned(), value)
}

fn name(tokens: Tokens, layer: usize) -> String {
    format!("{}.{layer}", tokens.name())
}

fn put(layers: &mut Vec<Vec<Gram>>, at: usize, gram: Gram) {
    if layers.len() <= at {
        layers.resize_with(at + 1, Vec::new);
    }
    layers[at].push(gram);
}
