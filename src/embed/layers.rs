//! What each layer of a transformer says of images, mini-batch by mini-batch, so that no more than one is in memory.

use super::{Embedder, Error, Preprocess};
use crate::{
    adapter::Images,
    data::{ImageSet, Norm},
    evaluate::cka::{LEAST, Layers},
    event::{Event, Listen},
    seed::Seed,
    tape::Node,
};
use candle_core::{DType, Tensor};

/// Raised when another Gram matrix comes from the same model.
pub const REVISION: u32 = 1;

/// The images to look at: at most `most` of `rows`, the same ones for all models, in whole mini-batches of at most `batch`; and how
/// many are in one. Fewer than [`LEAST`] are none.
pub fn drawn(set: &ImageSet, mut rows: Vec<u32>, most: usize, batch: usize) -> (Vec<u32>, usize) {
    // Neighbours in a table are of one plate: in order, a mini-batch would have nothing but one.
    Seed(0).stream(&format!("layers/{}", set.name)).shuffle(&mut rows);
    rows.truncate(most);
    let batch = batch.min(rows.len());
    if batch < LEAST {
        return (vec![], batch);
    }
    rows.truncate(rows.len() / batch * batch);
    (rows, batch)
}

impl Embedder {
    /// Looks into each layer with these rows of `set`, which fill mini-batches of `batch`. The set is at position `at` of those
    /// to embed.
    ///
    /// # Errors
    /// If an image cannot be read, does not fit into memory, or a layer says something that is no number.
    pub fn layers(
        &self,
        (set, rows): (&ImageSet, &[u32]),
        at: usize,
        norm: &Norm,
        batch: usize,
        listen: &mut dyn Listen,
    ) -> Result<Layers, Error> {
        let (channels, number) = (set.channels.len(), self.numbers[at]);
        let most = match self.preprocess {
            Preprocess::Square { side, .. } | Preprocess::Window { side } => {
                self.together(number, channels, (side, side), batch)?
            }
            Preprocess::Native => 1,
        };
        let mut layers = Layers::of(rows.iter().map(|row| set.key(*row)), batch);
        listen.receive(&Event::Began { what: "layers", unit: "image", total: rows.len() as u64 });
        let mut done = 0;
        for rows in rows.chunks_exact(batch) {
            // A layer waits until it has said all of a mini-batch.
            let mut waiting: Vec<Vec<f32>> = Vec::new();
            for rows in rows.chunks(most) {
                for part in self.batches(set, number, rows, norm)? {
                    let shape = [part.images, channels, part.height, part.width];
                    let pixels = Tensor::from_vec(part.pixels, &shape[..], self.params.device())?;
                    let (mut layer, mut wrong) = (0, None);
                    let mut tap = |node: &Node| {
                        let values = node.value().to_dtype(DType::F32)?.flatten_all()?.to_vec1::<f32>()?;
                        if waiting.len() <= layer {
                            waiting.push(Vec::new());
                        }
                        let said = &mut waiting[layer];
                        said.extend(values);
                        let each = node.value().elem_count() / part.images;
                        if said.len() == batch * each && wrong.is_none() {
                            let class = (layer > 0).then(|| node.dims()[node.dims().len() - 1]);
                            wrong = layers.add(layer, &std::mem::take(said), class).err();
                        }
                        layer += 1;
                        Ok(())
                    };
                    self.model.layers(&self.params, &Images { pixels, set: number }, &mut tap)?;
                    if let Some(wrong) = wrong {
                        return Err(Error::Layers(wrong));
                    }
                }
            }
            done += rows.len();
            listen.receive(&Event::Advanced { done: done as u64, note: &set.name });
            if listen.stop() {
                listen.receive(&Event::Ended);
                return Err(Error::Stopped);
            }
        }
        listen.receive(&Event::Ended);
        Ok(layers)
    }
}
