//! What is minimised: terms on feature vectors, weighted and added.

mod cross_entropy;
mod proxy_nca;
mod sim_clr;

use crate::{
    ops::Scalar,
    params::Params,
    spec::{Loss, Needs, Term as Word},
    tape::{Node, Tape},
};
use candle_core::Result;

/// Raised when a loss computes something else; part of the identity of every work that trains.
pub const REVISION: u32 = 1;

/// What a loss sees of the images of one set in a batch.
pub struct Outputs<'a> {
    /// (rows, width). With two views, the views of an image are neighbours: a0, a0', a1, a1', …
    pub features: &'a Node,
    /// The class of each *row*, over all training sets.
    pub classes: &'a [usize],
}

/// One loss with its parameters.
trait Term: Send + Sync {
    fn loss(&self, tape: &mut Tape, params: &Params, outputs: &Outputs<'_>) -> Result<Node>;
}

/// A loss in a sum.
struct Weighted {
    name: &'static str,
    weight: f32,
    uses_labels: bool,
    term: Box<dyn Term>,
}

/// A weighted sum of losses with their parameters.
pub struct Objective {
    terms: Vec<Weighted>,
    views: usize,
}

/// The value of an objective and of each of its terms, unweighted, by name.
pub struct Value {
    /// The weighted sum, on the tape.
    pub total: Node,
    /// `(name, value)` of each term.
    pub terms: Vec<(&'static str, Scalar)>,
}

impl Objective {
    /// Adds the parameters of the losses (proxies, classifiers) to `params`.
    pub fn new(words: &[Word], width: usize, classes: usize, params: &mut Params) -> Self {
        let mut build = |word: &Word| -> Box<dyn Term> {
            match &word.loss {
                Loss::CrossEntropy(_) => Box::new(cross_entropy::Linear::new(width, classes, params)),
                Loss::CeOnFeatures(_) => Box::new(cross_entropy::OnFeatures),
                Loss::ProxyNca(word) => {
                    let proxies = (word.train_proxies, classes);
                    Box::new(proxy_nca::ProxyNca::new(word.temperature, word.scale, proxies, width, params))
                }
                Loss::SimClr(word) => {
                    let (temperature, positives) = (word.temperature, word.positives);
                    Box::new(sim_clr::SimClr { temperature, positives })
                }
            }
        };
        let weighted = |word: &Word| Weighted {
            name: word.loss.kind(),
            weight: word.weight as f32,
            uses_labels: word.loss.needs().labels,
            term: build(word),
        };
        let terms = words.iter().map(weighted).collect();
        Self { terms, views: Needs::of(words).views }
    }

    /// How many augmented views of each image it needs.
    pub fn views(&self) -> usize {
        self.views
    }

    /// Its value on the images of one set.
    ///
    /// # Errors
    /// If the shapes do not fit.
    pub fn value(&self, tape: &mut Tape, params: &Params, outputs: &Outputs<'_>) -> Result<Value> {
        let mut nodes = Vec::new();
        let mut terms = Vec::new();
        for Weighted { name, weight, term, .. } in &self.terms {
            let node = term.loss(tape, params, outputs)?;
            terms.push((*name, node.later()));
            nodes.push((*weight, node));
        }
        Ok(Value { total: tape.weighted_sum(&nodes)?, terms })
    }

    /// The weighted sum of the terms that read labels, on one view of each image: a loss for images held out.
    ///
    /// # Errors
    /// If the shapes do not fit.
    pub fn held_out(&self, params: &Params, outputs: &Outputs<'_>) -> Result<f64> {
        let mut tape = Tape::forgetting();
        let mut sum = 0.0;
        for Weighted { weight, term, .. } in self.terms.iter().filter(|term| term.uses_labels) {
            sum += f64::from(*weight) * f64::from(term.loss(&mut tape, params, outputs)?.scalar()?);
        }
        Ok(sum)
    }
}

#[cfg(test)]
mod tests;
