//! The objective: weighted terms on the outputs of the network. The settings of a loss declare what it needs
//! ([`Needs`]), a term where it probes; the training loop provides it.

mod cross_entropy;
pub(crate) mod dino;
mod forwarded;
mod koleo;
mod levels;
pub(crate) mod mae;
mod masking;
mod miro;
mod proxy_nca;
mod sim_clr;

pub use dino::Distillation;
pub use forwarded::Forwarded;
pub use mae::{Autoencoder, Drawn, Hidden};
pub use masking::Masking;
pub use miro::Miro;

use crate::{
    curve::Clock,
    ops::Scalar,
    params::Params,
    spec::{Loss, Needs, Taps, Term as Word, settings},
    state::{Lost, Stateful},
    tape::{Node, Tape},
};
use candle_core::{Result, Tensor};
use levels::Levels;

/// A loss with its parameters and its state between steps.
pub trait Term: Send + Sync {
    /// Where it probes the network; `None`: it reads features. A term with probes is a mean over images, so that
    /// it can be computed part by part; a term that reads features receives a set's whole part of the batch.
    fn probes(&self) -> Option<Taps> {
        None
    }

    /// The parameters of a second, frozen network whose outputs it compares with.
    fn oracle(&self) -> Option<&Params> {
        None
    }

    /// The autoencoder, if it is the error of one: the network then sees some patches of each image only. Like a term with
    /// probes, it is a mean over images.
    fn autoencoder(&self) -> Option<&Autoencoder> {
        None
    }

    /// How patches are masked, if it reads the tokens of masked ones.
    fn masking(&self) -> Option<Masking> {
        None
    }

    /// Called with all parameters before a training begins or resumes.
    ///
    /// # Errors
    /// If there is not enough memory for what it begins with.
    fn start(&mut self, _params: &Params) -> Result<()> {
        Ok(())
    }

    /// The parameters of a second network that sees the first group of crops, and learns in its own way.
    fn teacher(&self) -> Option<&Params> {
        None
    }

    /// The teacher and what belongs to it.
    fn distillation(&self) -> Option<&Distillation> {
        None
    }

    /// The same, to be changed before a training begins.
    fn distillation_mut(&mut self) -> Option<&mut Distillation> {
        None
    }

    /// Its value on all images of a set in the batch. A term with probes receives some of the images at a
    /// time; its mean over images is then combined.
    ///
    /// # Errors
    /// If the shapes do not fit.
    fn value(&self, tape: &mut Tape, params: &Params, out: &Forwarded<'_>, at: &Clock) -> Result<Valued>;

    /// Updates its state from the tensors that it kept of all sets in this step, in order, and from the parameters, which
    /// have changed.
    ///
    /// # Errors
    /// If they cannot be read.
    fn after_step(&mut self, _kept: &[Tensor], _at: &Clock, _params: &Params) -> Result<()> {
        Ok(())
    }

    /// What it publishes of its own value and of the numbers that it watched, each the mean over sets.
    fn report(&mut self, _loss: f64, _watched: &[f64], _at: &Clock) -> Report {
        Report::default()
    }

    /// Its state, by name.
    ///
    /// # Errors
    /// If it cannot be read.
    fn state(&self) -> Result<Vec<(String, Vec<f32>)>> {
        Ok(Vec::new())
    }

    /// Restores its state. `read` returns what was stored under a name.
    ///
    /// # Errors
    /// The name that is missing.
    fn restore(&mut self, _read: &dyn Fn(&str) -> Option<Vec<f32>>) -> std::result::Result<(), Lost> {
        Ok(())
    }
}

/// The value of a term.
pub struct Valued {
    /// A scalar on the tape.
    pub node: Node,
    /// The tensors for [`Term::after_step`].
    pub kept: Vec<Tensor>,
    /// The numbers for [`Term::report`].
    pub watched: Vec<Scalar>,
}

/// What a term publishes of a step.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Points of curves.
    pub curves: Vec<(&'static str, f64)>,
    /// A warning.
    pub remark: Option<String>,
}

impl From<Node> for Valued {
    fn from(node: Node) -> Self {
        Self { node, kept: Vec::new(), watched: Vec::new() }
    }
}

/// What losses read of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Read {
    /// Length of a feature vector.
    pub width: usize,
    /// What a decoder draws, if all images have patches of the same numbers.
    pub drawn: Option<Drawn>,
    /// Whether terms of features also read the tokens of channels, where those are behind the token of an image.
    pub of_channels: bool,
}

impl From<usize> for Read {
    fn from(width: usize) -> Self {
        Self { width, drawn: None, of_channels: false }
    }
}

/// A term with its weight.
struct Weighted {
    name: &'static str,
    weight: f32,
    needs: Needs,
    term: Box<dyn Term>,
}

/// A weighted sum of losses with their parameters.
pub struct Objective {
    terms: Vec<Weighted>,
}

/// The value of the terms that read features: their weighted sum, and each unweighted term by name.
pub struct Value {
    /// The weighted sum, on the tape.
    pub total: Node,
    /// `(name, value)` of each term.
    pub terms: Vec<(&'static str, Scalar)>,
    /// Tensors that each term keeps for the end of the step, by its index.
    pub kept: Kept,
    /// Numbers that each term watches, by its index.
    pub watched: Watched,
}

/// Tensors that terms keep, by their indices.
pub type Kept = Vec<(usize, Vec<Tensor>)>;

/// The value of terms that watch numbers and those numbers, by the terms' indices.
pub type Watched = Vec<(usize, Vec<Scalar>)>;

/// The value of a term on some images of a set.
pub struct OfPart {
    /// The term's index.
    pub term: usize,
    /// Its mean over these images.
    pub node: Node,
}

impl Objective {
    /// Adds the parameters of the losses (proxies, classifiers, decoders) to `params`.
    ///
    /// # Panics
    /// If a decoder draws patches of a network that has none, or of other numbers for each set, which the check refuses.
    pub fn new(words: &[Word], of: impl Into<Read>, classes: usize, params: &mut Params) -> Self {
        let Read { width, drawn, of_channels } = of.into();
        let levels = Levels { width, of_channels };
        let mut build = |word: &Word| -> Box<dyn Term> {
            match &word.loss {
                Loss::CrossEntropy(_) => Box::new(cross_entropy::Linear::new(width, classes, params)),
                Loss::CeOnFeatures(_) => Box::new(cross_entropy::OnFeatures),
                Loss::ProxyNca(word) => {
                    let proxies = (word.train_proxies, classes);
                    Box::new(proxy_nca::ProxyNca::new(word.temperature, word.scale, proxies, width, params))
                }
                Loss::Mae(word) => {
                    Box::new(Autoencoder::new(word, drawn.expect("the check refuses other networks"), params))
                }
                Loss::DinoV1(word) => Box::new(dino::Dino::v1(word, levels, params)),
                Loss::Dino(word) => Box::new(dino::Dino::v2(word, levels, params)),
                Loss::Ibot(word) => {
                    let dino = dino_beside(words).expect("the check refuses it without `Dino`");
                    Box::new(dino::Ibot::new(word, dino, width, params))
                }
                Loss::KoLeo(_) => Box::new(koleo::KoLeo { levels }),
                Loss::SimClr(word) => {
                    let (temperature, positives) = (word.temperature, word.positives);
                    Box::new(sim_clr::SimClr { temperature, positives })
                }
            }
        };
        let weighted = |word: &Word| {
            let (name, weight, needs) = (word.loss.kind(), word.weight as f32, word.loss.needs());
            Weighted { name, weight, needs, term: build(word) }
        };
        Self { terms: words.iter().map(weighted).collect() }
    }

    /// The same with another term.
    #[must_use]
    pub fn and(mut self, name: &'static str, weight: f32, needs: Needs, term: Box<dyn Term>) -> Self {
        self.terms.push(Weighted { name, weight, needs, term });
        self
    }

    /// The number of augmented views of each image that it needs.
    pub fn views(&self) -> usize {
        self.terms.iter().map(|weighted| weighted.needs.views).max().unwrap_or(1)
    }

    /// The autoencoder, whose network sees some patches only.
    pub fn autoencoder(&self) -> Option<&Autoencoder> {
        self.terms.iter().find_map(|weighted| weighted.term.autoencoder())
    }

    /// How the patches of large views are masked in front of the student, if they are.
    pub fn masking(&self) -> Option<Masking> {
        self.terms.iter().find_map(|weighted| weighted.term.masking())
    }

    /// Where the network is probed.
    pub fn probes(&self) -> Option<Taps> {
        self.terms.iter().find_map(|weighted| weighted.term.probes())
    }

    /// The second network, which is probed too.
    pub fn oracle(&self) -> Option<&Params> {
        self.terms.iter().find_map(|weighted| weighted.term.oracle())
    }

    /// Called with all parameters before a training begins or resumes.
    ///
    /// # Errors
    /// If there is not enough memory for what terms begin with.
    pub fn start(&mut self, params: &Params) -> Result<()> {
        self.terms.iter_mut().try_for_each(|one| one.term.start(params))
    }

    /// The network that sees the first group of crops too.
    pub fn teacher(&self) -> Option<&Params> {
        self.terms.iter().find_map(|one| one.term.teacher())
    }

    /// The teacher and what belongs to it.
    pub fn distillation(&self) -> Option<&Distillation> {
        self.terms.iter().find_map(|one| one.term.distillation())
    }

    /// The same, to be changed before a training begins.
    pub fn distillation_mut(&mut self) -> Option<&mut Distillation> {
        self.terms.iter_mut().find_map(|one| one.term.distillation_mut())
    }

    /// The value of the terms that read features, on all images of a set in the batch.
    ///
    /// # Errors
    /// If the shapes do not fit.
    pub fn value(&self, tape: &mut Tape, params: &Params, out: &Forwarded<'_>, at: &Clock) -> Result<Value> {
        let (mut nodes, mut terms) = (Vec::new(), Vec::new());
        let (mut all_kept, mut all_watched) = (Kept::new(), Watched::new());
        let out = &Forwarded { distillation: self.distillation(), ..*out };
        for (number, Weighted { name, weight, term, .. }) in self.terms.iter().enumerate() {
            if by_parts(term.as_ref()) {
                continue;
            }
            let Valued { node, kept, watched } = term.value(tape, params, out, at)?;
            terms.push((*name, node.deferred()));
            nodes.push((*weight, node));
            if !kept.is_empty() {
                all_kept.push((number, kept));
            }
            if !watched.is_empty() {
                let own = terms.last().map(|(_, value): &(_, Scalar)| value.clone());
                all_watched.push((number, own.into_iter().chain(watched).collect()));
            }
        }
        Ok(Value { total: tape.weighted_sum(&nodes)?, terms, kept: all_kept, watched: all_watched })
    }

    /// The value of each term that is computed part by part, on some images of a set.
    ///
    /// # Errors
    /// If the shapes do not fit.
    pub fn of_part(
        &self,
        tape: &mut Tape,
        params: &Params,
        out: &Forwarded<'_>,
        at: &Clock,
    ) -> Result<Vec<OfPart>> {
        let probing = self.terms.iter().enumerate().filter(|(_, one)| by_parts(one.term.as_ref()));
        let value = |(number, one): (usize, &Weighted)| {
            Ok(OfPart { term: number, node: one.term.value(tape, params, out, at)?.node })
        };
        probing.map(value).collect()
    }

    /// The name and the weight of a term.
    pub fn term(&self, number: usize) -> (&'static str, f32) {
        (self.terms[number].name, self.terms[number].weight)
    }

    /// Updates the terms' state from what they kept of each set in a step, and from the changed parameters.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn after_step(&mut self, kept: &[Kept], at: &Clock, params: &Params) -> Result<()> {
        for (number, Weighted { term, .. }) in self.terms.iter_mut().enumerate() {
            let own = kept.iter().flatten().filter(|(of, _)| *of == number);
            let own: Vec<Tensor> = own.flat_map(|(_, kept)| kept.clone()).collect();
            if !own.is_empty() {
                term.after_step(&own, at, params)?;
            }
        }
        Ok(())
    }

    /// What the term of that index publishes of a step, from the means over sets of what it watched.
    pub fn report(&mut self, number: usize, watched: &[f64], at: &Clock) -> Report {
        match watched.split_first() {
            Some((own, watched)) => self.terms[number].term.report(*own, watched, at),
            None => Report::default(),
        }
    }

    /// The weighted sum of the terms that read labels, on one view of each image: the loss of held-out
    /// images.
    ///
    /// # Errors
    /// If the shapes do not fit.
    pub fn held_out(&self, params: &Params, out: &Forwarded<'_>, at: &Clock) -> Result<f64> {
        let mut tape = Tape::forgetting();
        let mut sum = 0.0;
        for Weighted { weight, term, .. } in self.terms.iter().filter(|one| one.needs.labels) {
            let value = term.value(&mut tape, params, out, at)?.node.scalar()?;
            sum += f64::from(*weight) * f64::from(value);
        }
        Ok(sum)
    }
}

/// The settings of `Dino` among the terms of a sum.
fn dino_beside(words: &[Word]) -> Option<&settings::Dino> {
    words.iter().find_map(|word| if let Loss::Dino(dino) = &word.loss { Some(dino) } else { None })
}

/// Whether a term is a mean over images that is computed while they pass, instead of from the features of all of them.
fn by_parts(term: &dyn Term) -> bool {
    term.probes().is_some() || term.autoencoder().is_some()
}

impl Stateful for Objective {
    fn state(&self) -> Result<Vec<(String, Vec<f32>)>> {
        let mut all = Vec::new();
        for (number, Weighted { name, term, .. }) in self.terms.iter().enumerate() {
            let named = |(what, values)| (format!("term/{number}/{name}/{what}"), values);
            all.extend(term.state()?.into_iter().map(named));
        }
        Ok(all)
    }

    fn restore(&mut self, read: &dyn Fn(&str) -> Option<Vec<f32>>) -> std::result::Result<(), Lost> {
        for (number, Weighted { name, term, .. }) in self.terms.iter_mut().enumerate() {
            term.restore(&|what| read(&format!("term/{number}/{name}/{what}")))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
