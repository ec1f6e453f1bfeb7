//! The six sources: microscopes by the paper's Table 1, and the plates of a small screen.

/// How a microscope lights the specimen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// Light from above and below the focus is in the image.
    Widefield,
    /// Little of it is.
    Confocal,
}

/// A source.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source {
    /// `source_3`.
    pub(crate) name: &'static str,
    pub(super) mode: Mode,
    /// Numerical aperture.
    pub(super) aperture: f64,
    /// Side of a pixel in micrometres, after the images were halved.
    pub(super) pixel_um: f64,
    /// Plates of each batch.
    pub(super) batches: &'static [usize],
    /// The plate that keeps its published name, by which splits know it, and its batch.
    pub(super) selection: Option<(&'static str, usize)>,
}

/// Sources in the order of their sets. As published, source 3's selection plate shares its batch with a training plate, and
/// those of the others are alone in theirs.
pub(crate) const SOURCES: [Source; 6] = [
    Source {
        name: "source_3",
        mode: Mode::Widefield,
        aperture: 1.0,
        pixel_um: 1.196,
        batches: &[2, 2, 2],
        selection: Some(("JCPQC016", 0)),
    },
    Source {
        name: "source_5",
        mode: Mode::Confocal,
        aperture: 0.75,
        pixel_um: 1.3,
        batches: &[1, 2, 2, 1],
        selection: Some(("ACPJUM012", 0)),
    },
    Source {
        name: "source_7",
        mode: Mode::Confocal,
        aperture: 0.75,
        pixel_um: 1.3,
        batches: &[1, 2, 1, 1],
        selection: None,
    },
    Source {
        name: "source_8",
        mode: Mode::Confocal,
        aperture: 0.75,
        pixel_um: 1.406,
        batches: &[1, 2, 1, 1],
        selection: Some(("A1166127", 0)),
    },
    Source {
        name: "source_10",
        mode: Mode::Confocal,
        aperture: 0.75,
        pixel_um: 1.304,
        batches: &[1, 2, 1, 1],
        selection: None,
    },
    Source {
        name: "source_11",
        mode: Mode::Widefield,
        aperture: 1.0,
        pixel_um: 1.196,
        batches: &[1, 2, 2],
        selection: Some(("EC103-132LM2", 0)),
    },
];

/// A plate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Plate {
    pub(super) name: String,
    pub(super) batch: String,
}

impl Source {
    /// Its plates in order, at most `most`.
    pub(super) fn plates(&self, most: usize) -> Vec<Plate> {
        let number = self.name.trim_start_matches("source_");
        let mut plates = Vec::new();
        for (batch, &count) in self.batches.iter().enumerate() {
            for of_batch in 0..count {
                let own = self.selection.filter(|(_, of)| *of == batch && of_batch == 0);
                let numbered = format!("S{number}P{:02}", plates.len() + 1);
                plates.push(Plate {
                    name: own.map_or(numbered, |(name, _)| name.to_owned()),
                    batch: format!("S{number}B{}", batch + 1),
                });
            }
        }
        plates.truncate(most);
        plates
    }
}
