//! The labels of an image: one, or several.

/// The true or predicted labels of one image: indices into the set's list of names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Truth {
    /// Exactly one.
    One(u16),
    /// Any number of the first 64, possibly none: label `n` is bit `n`.
    Many(u64),
}

impl Truth {
    /// The labels, ascending.
    pub fn labels(self) -> impl Iterator<Item = u16> {
        let (one, many) = match self {
            Self::One(label) => (Some(label), 0),
            Self::Many(bits) => (None, bits),
        };
        one.into_iter().chain((0..64).filter(move |label| many >> label & 1 == 1))
    }

    /// Whether `label` is among them.
    pub fn has(self, label: u16) -> bool {
        match self {
            Self::One(own) => own == label,
            Self::Many(bits) => label < 64 && bits >> label & 1 == 1,
        }
    }
}

/// The labels of all images of a set.
#[derive(Clone, Copy, Debug)]
pub enum Labels<'a> {
    /// One each.
    One(&'a [u16]),
    /// Any number each, as the bits of [`Truth::Many`].
    Many(&'a [u64]),
}

impl Labels<'_> {
    /// The number of images.
    pub fn len(&self) -> usize {
        match self {
            Self::One(labels) => labels.len(),
            Self::Many(labels) => labels.len(),
        }
    }

    /// Whether there are no images.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Those of one image.
    ///
    /// # Panics
    /// If the row does not exist.
    pub fn of(&self, row: u32) -> Truth {
        match self {
            Self::One(labels) => Truth::One(labels[row as usize]),
            Self::Many(labels) => Truth::Many(labels[row as usize]),
        }
    }
}
