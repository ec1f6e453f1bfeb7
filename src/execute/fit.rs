//! Training works: from random or published weights to `weights.safetensors`, by way of checkpoints; and embedding
//! by what they leave behind.

use super::{Desk, Error, Progress, artifacts, sets::Part};
use crate::{
    adapter::SetChannels,
    backbone::files,
    data::hold_out,
    embed::Embedder,
    event::Listen,
    model::Extractor,
    params::Params,
    plan::{Step, Work},
    seed::Seed,
    spec::{self, ConvNextSize, DataRef, Model, Train, Weights, id::WorkId},
    store::Attempt,
    train::{Folder, Job, Pretraining, Source},
};
use std::path::Path;

const WEIGHTS: &str = "weights.safetensors";
const CHECKPOINT: &str = "checkpoint.safetensors";

/// Held-out rows belong to the data, not to a run: the same for every seed.
pub(super) const HOLD_OUT_SEED: Seed = Seed(0);

/// The seed of the shared pre-training.
const PRETRAIN_SEED: Seed = Seed(0);

impl Desk<'_> {
    /// Trains, or takes the model as it starts.
    pub(super) fn fit(
        &self,
        step: &Step,
        model: &Model,
        train: &Train,
        attempt: &mut Attempt,
        listen: &mut dyn Listen,
    ) -> Result<Progress, Error> {
        let seed = step.seed.unwrap_or(PRETRAIN_SEED);
        let sets = self.sets.open(&train.data, train.subset, listen)?;
        let mut params = Params::new(seed);
        let extractor = Extractor::new(model, &channels(&sets), &mut params);
        match &model.weights {
            Weights::Scratch => {}
            Weights::ImageNet22k => {
                let spec::Backbone::ConvNext { size, .. } = model.backbone;
                let file = files::find(&files::imagenet22k(size), self.lab.weights.as_deref())?;
                extractor.load(&file, &mut params)?;
            }
            Weights::SimulatedPretrain => {
                let parent = step.parents.first().expect("the plan puts the pre-training before the fit");
                extractor.load(&self.of_parent(parent, WEIGHTS), &mut params)?;
            }
        }
        if train.objective.is_empty() {
            return self.keep(attempt, &params);
        }
        let mut parts = Vec::new();
        for part in &sets {
            let norm = self.sets.statistics(part, train.subset, listen)?;
            let (rows, _) = hold_out(part.set(), train.hold_out, HOLD_OUT_SEED);
            parts.push((part.set(), rows, norm));
        }
        let source = Folder::new(parts);
        self.train(train, seed, &source, &extractor, &mut params, attempt, listen)
    }

    /// A backbone's first training, on simulated images of three channels.
    pub(super) fn pretrain(
        &self,
        size: ConvNextSize,
        attempt: &mut Attempt,
        listen: &mut dyn Listen,
    ) -> Result<Progress, Error> {
        let source = Pretraining::new();
        let train = Pretraining::train();
        let mut params = Params::new(PRETRAIN_SEED);
        let channels = source.sets()[0].channels.len();
        let extractor = Extractor::plain(size, channels, &mut params);
        self.train(&train, PRETRAIN_SEED, &source, &extractor, &mut params, attempt, listen)
    }

    #[expect(clippy::too_many_arguments, reason = "a training has that many sides")]
    fn train(
        &self,
        train: &Train,
        seed: Seed,
        source: &dyn Source,
        extractor: &Extractor,
        params: &mut Params,
        attempt: &mut Attempt,
        listen: &mut dyn Listen,
    ) -> Result<Progress, Error> {
        let checkpoint = self.folder.join(CHECKPOINT);
        let job = Job { train, seed, source, checkpoint: &checkpoint };
        // Before the first point: those that a lost attempt logged after the checkpoint go.
        attempt.resume_at(job.resumes_at())?;
        let ended = job.run(extractor, params, listen)?;
        if !ended.complete {
            let noted = artifacts::beside(self.lab.store.path(), &checkpoint);
            attempt.checkpoint(ended.steps, &noted, length(&checkpoint)?, "")?;
            return Ok(Progress::Stopped);
        }
        let done = self.keep(attempt, params)?;
        // The weights are there: the checkpoint has done its service.
        let _ = std::fs::remove_file(&checkpoint);
        Ok(done)
    }

    fn keep(&self, attempt: &Attempt, params: &Params) -> Result<Progress, Error> {
        let path = self.folder.join(WEIGHTS);
        files::save(&path, params, |_| true)?;
        self.note(attempt, "weights", &path)?;
        Ok(Progress::Done)
    }

    /// Features of every image of `data` by the model that the parent left behind.
    pub(super) fn embed(
        &self,
        step: &Step,
        data: &DataRef,
        image: usize,
        subset: Option<usize>,
        attempt: &mut Attempt,
        listen: &mut dyn Listen,
    ) -> Result<Progress, Error> {
        let parent = step.parents.first().expect("the plan puts the fit before the embedding");
        let (model, train) = self.fitted(parent);
        let trained = channels(&self.sets.open(&train.data, train.subset, listen)?);
        let mut params = Params::new(Seed(0));
        let extractor = Extractor::new(model, &trained, &mut params);
        files::restore(&self.of_parent(parent, WEIGHTS), &mut params)?;
        let embedder = Embedder { model: &extractor, params: &params, side: image };
        for part in self.sets.open(data, subset, listen)? {
            let number = trained.iter().position(|known| known.set == part.set().name);
            let number = number.expect("the plan refuses sets that the model has no channels for");
            let norm = self.sets.statistics(&part, subset, listen)?;
            let features = embedder.embed(part.set(), number, &norm, listen)?;
            let path = self.folder.join(features_file(&part.set().name));
            artifacts::write_floats(&path, &features)?;
            self.note(attempt, "features", &path)?;
        }
        Ok(Progress::Done)
    }

    /// What a fit of this plan trained.
    fn fitted(&self, id: &WorkId) -> (&Model, &Train) {
        match self.plan.step(id).map(|step| &step.work) {
            Some(Work::Fit { model, train, .. }) => (model, train),
            _ => unreachable!("the parent of an embedding is a fit of the same plan"),
        }
    }
}

/// The file of a set's features, (images, width) 32-bit floats.
pub(super) fn features_file(set: &str) -> String {
    format!("features-{set}.f32")
}

fn channels(sets: &[Part<'_>]) -> Vec<SetChannels> {
    let one =
        |part: &Part<'_>| SetChannels { set: part.set().name.clone(), channels: part.set().channels.clone() };
    sets.iter().map(one).collect()
}

fn length(path: &Path) -> Result<u64, Error> {
    let meta = std::fs::metadata(path).map_err(|source| Error::Io { path: path.to_owned(), source })?;
    Ok(meta.len())
}
