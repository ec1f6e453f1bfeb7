//! What is kept, for figures, of the model itself: `.inspect(S5)`.

use super::{DataWord, Meets, Model, ReadBy, Run, Transformer};
use crate::word::plain;

impl<B: Transformer, W, A, D, O, E> Run<Model<B, W, A>, D, O, E> {
    /// Keeps, beside the scores, what the trained or adapted model says of these images without the classifier on top of it:
    /// its features, for a map of them (CODA, Figure 5), and how alike images are in each of its layers, for centred kernel
    /// alignment with another model (Figure 6). May be called once for each set. No score depends on it.
    ///
    /// ```
    /// # extern crate dichroic_lang as dichroic;
    /// # use dichroic::prelude::*;
    /// # let run = Vit::mini().scratch().adapter(Planes(["dna", "er", "mito"])).train_on(S3);
    /// let dual = run.loss(DinoV1::ema(0.996)).classify(Vit::mini());
    /// let _ = dual.inspect(S3).inspect(S5).evaluate(Accuracy.on(S5));
    /// ```
    /// ```compile_fail
    /// # extern crate dichroic_lang as dichroic;
    /// # use dichroic::prelude::*;
    /// # let run = ConvNext::atto().scratch().adapter(HyperNet { z: 8, hidden: 8 }).train_on(Chammi);
    /// let _ = run.loss(PROXY).inspect(Wtc);
    /// ```
    #[must_use]
    pub fn inspect<X: DataWord>(mut self, images: X) -> Self
    where
        D: Meets<X, Exposure: ReadBy<A>>,
    {
        self.draft.push("inspect", plain(&images.data()));
        self
    }
}
