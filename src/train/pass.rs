//! The forward and backward pass of one set of a batch, in parts.
//!
//! A loss needs the features of all rows: each part is run forwards, the loss is computed on a separate tape,
//! and its gradient with respect to the features is run backwards through each part, in order. A part whose
//! tape was not kept is first run forwards again. Terms that probe the network are means over rows, and each
//! part contributes its share.

use super::{Error, Keep, Trainer, loader::Batch, parts};
use crate::{
    adapter::Images,
    curve::Clock,
    loss::{Forwarded, Hidden, Kept, OfPart, Watched},
    ops::{Places, Scalar},
    params::Params,
    pass::{Drops, Masks, Outputs, Pass, Want},
    tape::{Grad, Gradients, Node, Tape},
};
use candle_core::{Result, Tensor};
use std::ops::Range;

/// The results of one set's pass.
pub(super) struct SetPass {
    pub(super) loss: Scalar,
    /// Terms by name.
    pub(super) terms: Vec<(&'static str, Scalar)>,
    /// Tensors that terms keep for the end of the step.
    pub(super) kept: Kept,
    /// Numbers that terms watch.
    pub(super) watched: Watched,
}

/// Some rows of a group of crops that pass through the network together.
pub(super) struct Rows {
    pub(super) images: Images,
    pub(super) group: usize,
    pub(super) rows: Range<usize>,
    /// Rows of the whole group in this batch.
    pub(super) of: usize,
    /// Their masked patches.
    pub(super) masks: Option<Masks>,
    /// The channels of their set that they have, in their order; none: all of them.
    pub(super) channels: Option<Vec<usize>>,
}

/// What the parts of a batch say that losses read: of each group the features of its rows, and of the first the tokens of masked
/// patches.
struct Said {
    features: Vec<Vec<Tensor>>,
    tokens: Vec<Tensor>,
}

/// The results of rows on a tape.
pub(super) struct Taped {
    tape: Tape,
    features: Node,
    /// The tokens of masked patches, if some of these rows have any.
    tokens: Option<Node>,
    /// Terms that probe the network.
    probing: Vec<OfPart>,
}

/// A share of the rows, and the value of a term on them.
type Share = (f32, OfPart);

impl Trainer<'_> {
    /// The forward and backward pass of one set.
    pub(super) fn pass(
        &self,
        at: &Clock,
        batch: &Batch,
        keep: Keep,
        gradients: &mut Gradients,
    ) -> std::result::Result<SetPass, Error> {
        let mut parts = Vec::new();
        let (mut masks, mut sampled) = (batch.masks.clone(), None);
        for (group, crops) in batch.groups.iter().enumerate() {
            let mut images = crops.images(batch.set)?;
            if group == 0 {
                sampled = self.sampled(at, &images)?;
                if let (Some(of_all), Some(chosen)) = (&masks, &sampled) {
                    masks = Some(of_all.of_channels(chosen, images.pixels.dim(1)?));
                }
            }
            if let Some(chosen) = &sampled {
                images.pixels = only(&images.pixels, chosen)?;
            }
            let masks = masks.as_ref().filter(|_| group == 0);
            self.cut(&images, (group, sampled.as_deref()), masks, &mut parts)?;
        }
        let longest = parts.iter().map(|part| part.rows.len()).max().unwrap_or(0);
        let mut tapes = keep.begin(self.params.device(), longest, 4 * self.params.count() as u64);
        let mut taped = Vec::new();
        let mut said = Said { features: vec![Vec::new(); batch.groups.len()], tokens: Vec::new() };
        for (number, rows) in parts.iter().enumerate() {
            if tapes.keeps(number) {
                let forwards = self.forward(at, rows, batch)?;
                tapes.learn(number, rows.rows.len());
                said.features[rows.group].push(forwards.features.value().clone());
                said.tokens.extend(forwards.tokens.as_ref().map(|tokens| tokens.value().clone()));
                taped.push(Some(forwards));
            } else {
                let (features, tokens) = self.features(at, rows)?;
                said.features[rows.group].push(features);
                said.tokens.extend(tokens);
                taped.push(None);
            }
        }
        let mut tape = Tape::recording(self.params);
        let mut student = Vec::new();
        for features in &said.features {
            student.push(Outputs::of(tape.leaf(together_again(features)?)));
        }
        let tokens = match said.tokens.is_empty() {
            true => None,
            false => Some(tape.leaf(together_again(&said.tokens)?)),
        };
        if let Some(first) = student.first_mut() {
            first.tokens.clone_from(&tokens);
        }
        let (classes, together) = (&batch.classes[..], batch.together);
        let teacher = self.taught(&parts)?;
        let of_all = Forwarded::of(&student, classes);
        let out = Forwarded { teacher: &teacher, masks: masks.as_ref(), together, ..of_all };
        let value = self.objective.value(&mut tape, self.params, &out, at)?;
        let leaves = student.iter().map(|outputs| &outputs.features).chain(&tokens);
        let slopes = tape.backward_to(&value.total, gradients, leaves)?;
        let (slopes, of_tokens) = slopes.split_at(student.len());
        let mut before = 0;
        let all: usize = parts.iter().map(|part| part.rows.len()).sum();
        let mut shares = Vec::new();
        for (rows, taped) in parts.iter().zip(taped) {
            let taped = taped.map_or_else(|| self.forward(at, rows, batch), Ok)?;
            let share = (rows.rows.len() as f64 / all as f64) as f32;
            let own = before..before + rows.masks.as_ref().map_or(0, Masks::count);
            before = own.end;
            let of_tokens = of_tokens.first().and_then(Option::as_ref).map(|slope| (slope, own));
            let slopes = (slopes[rows.group].as_ref(), of_tokens);
            let probing = self.backward(rows, taped, share, slopes, gradients)?;
            shares.extend(probing.into_iter().map(|term| (share, term)));
        }
        let (loss, mut terms) = (value.total, value.terms);
        let loss = self.with_shares(&loss, &mut terms, shares)?;
        Ok(SetPass { loss, terms, kept: value.kept, watched: value.watched })
    }

    /// What the teacher, if there is one, makes of the first group of crops, in the same parts. It drops no branch.
    fn taught(&self, parts: &[Rows]) -> Result<Vec<Outputs>> {
        let Some(params) = self.objective.teacher() else { return Ok(Vec::new()) };
        let (mut features, mut tokens) = (Vec::new(), Vec::new());
        for rows in parts.iter().filter(|rows| rows.group == 0) {
            let tape = &mut Tape::forgetting_in(params.format());
            let pass = Pass::new(tape, params).having(rows.channels.as_deref());
            let mut pass = pass.masking(rows.masks.as_ref(), None);
            let outputs = self.model.run(&mut pass, &rows.images)?;
            features.push(outputs.features.value().clone());
            tokens.extend(outputs.tokens.map(|tokens| tokens.value().clone()));
        }
        let tokens = match tokens.is_empty() {
            true => None,
            false => Some(Node::constant(together_again(&tokens)?)),
        };
        Ok(vec![Outputs { tokens, ..Outputs::of(Node::constant(together_again(&features)?)) }])
    }

    /// The channels of images that this step sees, the same ones in all of their crops.
    fn sampled(&self, at: &Clock, images: &Images) -> Result<Option<Vec<usize>>> {
        let mut stream = self.job.seed.stream(&format!("channels/step/{}/set/{}", at.step, images.set));
        self.model.sample(self.params, images.pixels.dim(1)?, &mut stream)
    }

    /// Cuts a group of crops, which have those channels, into parts.
    fn cut(
        &self,
        images: &Images,
        (group, sampled): (usize, Option<&[usize]>),
        masks: Option<&Masks>,
        parts: &mut Vec<Rows>,
    ) -> Result<()> {
        let (of, channels, height, width) = images.pixels.dims4()?;
        let pixels = self.model.passes(channels) * height * width;
        for rows in parts::cut(of, pixels, self.job.part) {
            let pixels = images.pixels.narrow(0, rows.start, rows.len())?;
            let masks = masks.map(|masks| masks.of(rows.clone()));
            let (images, channels) = (Images { pixels, set: images.set }, sampled.map(<[usize]>::to_vec));
            parts.push(Rows { images, group, rows, of, masks, channels });
        }
        Ok(())
    }

    /// The forward pass of rows on a tape.
    pub(super) fn forward(&self, at: &Clock, rows: &Rows, batch: &Batch) -> Result<Taped> {
        let mut tape = Tape::recording(self.params);
        let hidden = self.hidden(at, rows)?;
        let visible = hidden.as_ref().map(|hidden| &hidden.visible);
        let student = [self.outputs(&mut tape, self.params, (rows, visible), self.drops(at, rows))?];
        let oracle = match self.objective.oracle() {
            Some(params) => {
                let tape = &mut Tape::forgetting_in(self.params.format());
                vec![self.outputs(tape, params, (rows, None), Drops::none())?]
            }
            None => Vec::new(),
        };
        let each = rows.of / batch.classes.len().max(1);
        let classes: Vec<usize> = rows.rows.clone().map(|row| batch.classes[row / each.max(1)]).collect();
        let of_rows = Forwarded::of(&student, &classes);
        let out = Forwarded { oracle: &oracle, hidden: hidden.as_ref(), ..of_rows };
        let probing = self.objective.of_part(&mut tape, self.params, &out, at)?;
        let [Outputs { features, tokens, .. }] = student;
        let tokens = tokens.filter(|_| rows.masks.is_some());
        Ok(Taped { tape, features, tokens, probing })
    }

    /// The features of rows that will be run forwards again, and the tokens of their masked patches.
    pub(super) fn features(&self, at: &Clock, rows: &Rows) -> Result<(Tensor, Option<Tensor>)> {
        let mut tape = Tape::forgetting_in(self.params.format());
        let hidden = self.hidden(at, rows)?;
        let visible = hidden.as_ref().map(|hidden| &hidden.visible);
        let outputs = self.outputs(&mut tape, self.params, (rows, visible), self.drops(at, rows))?;
        let tokens = outputs.tokens.filter(|_| rows.masks.is_some());
        Ok((outputs.features.value().clone(), tokens.map(|tokens| tokens.value().clone())))
    }

    /// The network's outputs for rows. It is always probed, because otherwise other operations would give
    /// other bits.
    fn outputs(
        &self,
        tape: &mut Tape,
        params: &Params,
        (rows, visible): (&Rows, Option<&Places>),
        drops: Drops,
    ) -> Result<Outputs> {
        let want = Want { probes: self.objective.probes() };
        let token = self.objective.masking().map(|masking| masking.token);
        let pass = Pass::new(tape, params).dropping(drops).wanting(want);
        let pass = pass.masking(rows.masks.as_ref(), token).having(rows.channels.as_deref());
        self.model.run(&mut pass.seeing(visible), &rows.images)
    }

    /// What an autoencoder hides of these rows in a step, independent of how rows are grouped and how often they pass.
    fn hidden(&self, at: &Clock, rows: &Rows) -> Result<Option<Hidden>> {
        let Some(autoencoder) = self.objective.autoencoder() else { return Ok(None) };
        let name = format!("mask/step/{}/set/{}/crops/{}", at.step, rows.images.set, rows.group);
        let first = rows.rows.start;
        let stream = |row: usize| self.job.seed.stream(&format!("{name}/row/{}", first + row));
        Ok(Some(autoencoder.hide(self.model.seen(&rows.images)?, stream)?))
    }

    /// The residual branches dropped for these rows, independent of how rows are grouped and how often they
    /// pass.
    fn drops(&self, at: &Clock, rows: &Rows) -> Drops {
        let mut name = format!("drop path/step/{}/set/{}", at.step, rows.images.set);
        if rows.group > 0 {
            name.push_str(&format!("/crops/{}", rows.group));
        }
        Drops::part(self.job.seed.stream(&name), rows.of, rows.rows.clone())
    }

    /// The backward pass of rows, from the gradient of the loss with respect to the features of all rows of
    /// their group; returns the gradients of the probes.
    fn backward(
        &self,
        rows: &Rows,
        taped: Taped,
        share: f32,
        (slope, of_tokens): (Option<&Grad>, Option<(&Grad, Range<usize>)>),
        gradients: &mut Gradients,
    ) -> Result<Vec<OfPart>> {
        let Taped { tape, features, tokens, probing } = taped;
        let mut known = Vec::new();
        if let Some(slope) = slope {
            known.push((&features, slope.rows(rows.rows.clone())?));
        }
        if let (Some(tokens), Some((slope, own))) = (&tokens, of_tokens) {
            known.push((tokens, slope.rows(own)?));
        }
        for OfPart { term, node } in &probing {
            let slope = self.objective.term(*term).1 * share;
            let slope = Tensor::full(slope, node.value().shape(), node.value().device())?;
            known.push((node, Grad::of(slope)));
        }
        tape.backward_from(known, gradients)?;
        let value =
            |OfPart { term, node }: OfPart| OfPart { term, node: Node::constant(node.value().clone()) };
        Ok(probing.into_iter().map(value).collect())
    }

    /// The loss plus the terms that were computed in shares.
    fn with_shares(
        &self,
        loss: &Node,
        terms: &mut Vec<(&'static str, Scalar)>,
        shares: Vec<Share>,
    ) -> Result<Scalar> {
        let mut tape = Tape::forgetting();
        // Without a term that reads features, the loss is 0 so far.
        let mut sum = match terms.is_empty() {
            true => vec![],
            false => vec![(1.0, Node::constant(loss.value().clone()))],
        };
        let mut rest = shares;
        while let Some((_, OfPart { term, .. })) = rest.first() {
            let number = *term;
            let (same, others): (Vec<Share>, Vec<Share>) =
                rest.into_iter().partition(|(_, other)| other.term == number);
            let same: Vec<(f32, Node)> = same.into_iter().map(|(share, term)| (share, term.node)).collect();
            let mean = tape.weighted_sum(&same)?;
            let (name, weight) = self.objective.term(number);
            terms.push((name, mean.deferred()));
            sum.push((weight, mean));
            rest = others;
        }
        match sum.as_slice() {
            [(1.0, loss)] => Ok(loss.deferred()),
            several => Ok(tape.weighted_sum(several)?.deferred()),
        }
    }
}

/// Images (N, C, H, W) with these of their channels, in this order.
fn only(pixels: &Tensor, channels: &[usize]) -> Result<Tensor> {
    let planes: Vec<Tensor> =
        channels.iter().map(|channel| pixels.narrow(1, *channel, 1)).collect::<Result<_>>()?;
    Tensor::cat(&planes, 1)?.contiguous()
}

/// What the parts of a batch say, in their order.
fn together_again(parts: &[Tensor]) -> Result<Tensor> {
    match parts {
        [one] => Ok(one.clone()),
        several => Tensor::cat(several, 0),
    }
}
