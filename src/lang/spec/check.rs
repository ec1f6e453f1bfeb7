//! The rules of the language once more, for specs that have no types, and the rules about values.
//!
//! A spec that comes from JSON, from the command line or from the store was never seen by the compiler. A rule that
//! the types enforce too has the name of its case in `tests/ui/`. A word's own rules are in its file; here are those
//! about how words go together, and about what is no word.

use super::{
    Adapt, Augment, Backbone, Classifier, Condition, Enters, Evaluate, InStage, Role, SCHEMA, Selection,
    Spec, Stage, Strategy, Term, Train, View, Weights,
};
use super::{bounds, normalise};
use crate::data::known;

mod found;

pub use found::{Found, Problem};

impl Spec {
    /// All that is wrong with it, not only the first thing; empty if it can be planned.
    ///
    /// Rules that need the images' channels or labels are the planner's.
    pub fn check(&self) -> Vec<Problem> {
        let mut found = Found::default();
        let message = || format!("expected a spec of schema {SCHEMA}, found {}", self.schema);
        found.unless(
            self.schema == SCHEMA,
            "schema",
            message,
            "it was written by another version of dichroic",
        );
        model(&mut found, self);
        train(&mut found, self);
        found.0.extend(never_trained(&self.train, self.train.data.sets.iter().map(String::as_str)));
        for stage in &self.train.stages {
            trained(&mut found, &InStage { spec: self, stage });
        }
        classifier(&mut found, self);
        adapt(&mut found, self);
        inspect(&mut found, self);
        self.embedding.check(self, &mut found);
        seen(&mut found, self);
        evaluate(&mut found, self);
        trainable(&mut found, self);
        exposure(&mut found, self);
        found.0
    }
}

/// A classifier reads the tokens of a model that was trained without labels.
fn classifier(found: &mut Found, spec: &Spec) {
    let Some(Classifier { backbone, weights, stage }) = &spec.classifier else { return };
    backbone.check(spec, found);
    let message = || format!("there are no {weights} weights for {backbone}");
    let hint =
        "a classifier starts from the weights that the model started from: take backbones that have them";
    found.unless(backbone.starts_from(weights), "unpublished_weights", message, hint);
    for of in [backbone, &spec.model.backbone] {
        let message = || format!("{of} has no tokens for a classifier to read");
        let hint = "both halves of a dual model are vision transformers, as in `.classify(Vit::small())`";
        found.unless(matches!(of, Backbone::Vit(_)), "classify_tokens", message, hint);
    }
    let message = || "a classifier is trained on a model that no stage trained".into();
    let hint = "train the model without labels first, or train it with `.loss(CrossEntropy)`";
    found.unless(!spec.train.is_frozen(), "classify_frozen", message, hint);
    trained(found, &InStage { spec, stage });
    let labels = stage.objective.iter().any(|term| term.loss.needs().labels);
    let message = || "a classifier is trained without labels".into();
    found.unless(labels, "classify_labels", message, "its loss is `cross_entropy`");
}

/// Adaptation goes on with a training without labels, on images that the model can read.
fn adapt(found: &mut Found, spec: &Spec) {
    let Some(adapt) = &spec.adapt else { return };
    let Adapt { data: target, per, on_one, rate, keep, stage, student: _, centre: _, head: _ } = adapt;
    data(found, target);
    trained(found, &InStage { spec, stage });
    let labels = stage.objective.iter().any(|term| term.loss.needs().labels);
    let message = || "an adaptation reads labels of its target".into();
    let hint = "adapt by a loss without labels, such as `dino_v1`";
    found.unless(!labels, "adapt_labels", message, hint);
    let kinds = |stage: &Stage| stage.objective.iter().map(|term| term.loss.kind()).collect::<Vec<_>>();
    let goes_on = spec.train.stages.last().is_some_and(|last| kinds(last) == kinds(stage));
    let message = || "an adaptation minimises something else than the last stage of the model".into();
    let hint = "it goes on with that stage: heads and teachers are taken over";
    found.unless(goes_on, "adapt_goes_on", message, hint);
    let reads = spec.model.adapter.reads_unseen_sets() || target.is_within(&spec.train.data.all_images());
    let message = || {
        let word = spec.model.adapter.word();
        format!("{word} has parameters tied to its training channels and cannot adapt to {target}")
    };
    let hint =
        "take an adapter that reads other sets, such as `Planes`, or adapt to sets that were trained on";
    found.unless(reads, "adapt_unseen_channels", message, hint);
    let message = || format!("expected a factor of learning rates from 0 to 100, found {rate}");
    found.unless((0.0..=100.0).contains(rate), "adapt_rate", message, "0 changes nothing: a control");
    if let Some(role) = per {
        let message = || format!("expected one model per batch or plate, found one per {}", role.words());
        let hint = "say `Oda::per(Batch)` or `Oda::per(Plate)`; `Source` adapts to all images at once";
        found.unless(matches!(role, Role::Batch | Role::Plate), "adapt_per", message, hint);
    }
    let message = || "what a classifier says decides when the adaptation stops, and there is none".into();
    let hint = "say `.classify(Vit::small())` before `.adapt(…)`, or keep the last step";
    found.unless(keep.is_last() || spec.classifier.is_some(), "adapt_keep", message, hint);
    let averages = matches!(stage.strategy, Strategy::Swad(_) | Strategy::DenseSwa(_));
    let message = || "the strategy of an adaptation already says which weights are kept".into();
    let hint = "leave the strategy out, or keep the last step";
    found.unless(keep.is_last() || !averages, "adapt_keep_strategy", message, hint);
    let message = || "expected a model per batch or plate to ask about all images, found one model".into();
    let hint = "one model for all images is asked about all of them anyway: leave `on_one` out";
    found.unless(!on_one || per.is_some(), "adapt_on_one", message, hint);
}

/// Only a transformer has the layers that are looked into, and they read the images like those that are asked about.
fn inspect(found: &mut Found, spec: &Spec) {
    if spec.inspect.is_empty() {
        return;
    }
    let backbone = &spec.model.backbone;
    let message = || format!("{backbone} has no blocks of attention to look into");
    let hint = "`.inspect(…)` is for a `Vit`; leave it out";
    found.unless(matches!(backbone, Backbone::Vit(_)), "inspect_layers", message, hint);
    for images in &spec.inspect {
        data(found, images);
        let reads = spec.model.adapter.reads_unseen_sets() || images.is_within(&spec.train.data.all_images());
        let message = || format!("{} cannot read {images}, which it never saw", spec.model.adapter.word());
        let hint =
            "look at sets that were trained on, or take an adapter that reads others, such as `Planes`";
        found.unless(reads, "inspect_unseen_channels", message, hint);
        let message = || format!("expected all images of a set to look at, found {images}");
        let hint =
            "leave `.having(…)` out: what is kept has a row for each image, and each can be found by its key";
        found.unless(images.only.is_empty(), "inspect_all", message, hint);
    }
}

/// What is wrong with the seeds of an experiment.
pub fn seeds(seeds: &[u64]) -> Vec<Problem> {
    let mut found = Found::default();
    found.unless(
        !seeds.is_empty(),
        "no_seeds",
        || "expected at least one seed, found none".into(),
        "say `.seeds([0])`",
    );
    let twice = twice(seeds);
    let message = || format!("seed {} stands twice", twice.copied().unwrap_or_default());
    found.unless(
        twice.is_none(),
        "seed_twice",
        message,
        "each seed is one run; the same one gives the same run",
    );
    found.0
}

/// What is wrong with a sum that was said to be convex.
pub fn convex(terms: &[Term]) -> Vec<Problem> {
    let sum: f64 = terms.iter().map(|term| term.weight).sum();
    let mut found = Found::default();
    let message =
        || format!("the weights of a convex loss sum to 1; these sum to {}", (sum * 1e9).round() / 1e9);
    let hint = "change a weight, or leave `.convex()` out";
    found.unless((sum - 1.0).abs() <= 1e-8, "not_convex", message, hint);
    found.0
}

fn model(found: &mut Found, spec: &Spec) {
    let (backbone, weights, adapter) = (&spec.model.backbone, &spec.model.weights, &spec.model.adapter);
    backbone.check(spec, found);

    let message = || format!("there are no {weights} weights for {backbone}");
    let hint = "ImageNet-22k weights are for ConvNeXt-Tiny, -Small and -Base (the smaller ones start from scratch), \
                ImageNet-1k weights for ResNets and for ViT-Tiny, -Small and -Base with patches of 16 px, LVD-142M weights for \
                DINOv2; other ViTs start from scratch";
    found.unless(backbone.starts_from(weights), "unpublished_weights", message, hint);

    let off_the_shelf = backbone.is_off_the_shelf();
    let message = || format!("{backbone} is evaluated off the shelf and cannot start from scratch");
    let hint = "say `.pretrained(ImageNet1k)` for a ResNet and `.pretrained(Lvd142m)` for DINOv2";
    found.unless(!off_the_shelf || *weights != Weights::Scratch, "scratch_off_the_shelf", message, hint);

    let word = adapter.word();
    let message =
        || format!("{backbone} is evaluated off the shelf, and {word} puts another stem in front of it");
    let hint = "say `.adapter(ChannelReplication)`, or take a `ConvNext` or a `Vit`";
    let keeps_stem = match adapter.enters() {
        Enters::Images => true,
        Enters::Maps => false,
    };
    found.unless(!off_the_shelf || keeps_stem, "stem_off_the_shelf", message, hint);

    adapter.sizes().iter().for_each(|(bound, size)| found.within(bound, *size));
    adapter.check(spec, found);
}

/// An image at its own size, or as a published network expects it, is not normalised by us.
fn seen(found: &mut Found, spec: &Spec) {
    let holds = spec.train.normalise.is_empty() || spec.model.adapter.view() == View::Resized;
    let message =
        || format!("{} sees images as in its own training, and a normalisation is said", spec.model.backbone);
    let hint = "leave `.normalise(…)` out, or resize the images: `ChannelReplication.view(View::Resized)`";
    found.unless(holds, "normalised_off_the_shelf", message, hint);

    let holds = !spec.train.window || spec.model.adapter.view() == View::Resized;
    let message =
        || format!("{} sees images as in its own training, and a window is said", spec.model.backbone);
    let hint = "leave `.window(…)` out, or say `ChannelReplication.view(View::Resized)`";
    found.unless(holds, "window_off_the_shelf", message, hint);
}

/// What is trained, and what is only ever evaluated.
fn trainable(found: &mut Found, spec: &Spec) {
    let word = spec.model.adapter.word();
    let holds = spec.model.adapter.trains() || spec.train.is_frozen();
    let message = || format!("{word} is evaluated off the shelf and cannot be trained");
    let hint = "leave the loss out: `.frozen()`";
    found.unless(holds, "training_channel_replication", message, hint);
}

fn train(found: &mut Found, spec: &Spec) {
    let train = &spec.train;
    data(found, &train.data);
    found.within(bounds::image(&spec.model.backbone), train.image);

    let hold_out = train.hold_out;
    let message = || format!("expected a hold-out of at least 0 and below 0.9, found {hold_out}");
    found.unless(
        (0.0..0.9).contains(&hold_out),
        "hold_out",
        message,
        "a fifth, 0.2, is usual; 0 keeps nothing back",
    );

    normalise::check(&train.normalise, found);
    if let Some(subset) = train.subset {
        found.within(&bounds::SUBSET, subset);
    }
}

/// A model has parameters for every set of its data; those of a set that no stage reads would stay random.
///
/// The planner asks again about the sets of folders, which only their descriptions name.
pub fn never_trained<'a>(train: &Train, mut sets: impl Iterator<Item = &'a str>) -> Option<Problem> {
    let read = |set: &str| train.stages.iter().any(|stage| train.data_of(stage).reads(set));
    let missed = sets.find(|set| !train.is_frozen() && !read(set))?;
    Some(Problem {
        rule: "set_never_trained",
        message: format!("no stage trains on `{missed}`"),
        hint: "name that set in a stage's `.on(…)`, or leave it out of `.train_on(…)`".into(),
    })
}

/// Rules about a stage.
fn trained(found: &mut Found, at: &InStage<'_>) {
    let InStage { spec, stage } = at;
    // Every field is named, so that the compiler asks for the rules of one that comes later.
    let Stage {
        on,
        objective,
        strategy,
        augment,
        augment_stream: _,
        sampling: _,
        optimiser,
        schedule,
        epochs,
        batch,
    } = stage;
    if let Some(selected) = on {
        data(found, selected);
        let all = &spec.train.data;
        let holds = selected.is_within(all);
        let message = || format!("a stage trains on {selected}, and the model on {all}");
        let hint = "a stage reads some of the images of `.train_on(…)`; name all of them there";
        found.unless(holds, "stage_reads_more", message, hint);
    }
    let message = || "a stage minimises nothing".into();
    found.unless(!objective.is_empty(), "no_objective", message, "leave the stage out, or name a loss");
    for term in objective {
        let hint = "leave a term out instead of weighing it with 0";
        let what = format!("a weight for `{}`", term.loss.kind());
        found.above_zero("weight", &what, term.weight, hint);
        term.loss.check(at, found);
    }
    let kinds: Vec<_> = objective.iter().map(|term| term.loss.kind()).collect();
    let message = || "two loss terms are of the same kind".into();
    let hint = "their curves would share one name; keep one of them";
    found.unless(!has_twice(&kinds), "loss_kind_twice", message, hint);

    augment.iter().for_each(|change| change.check(at, found));
    let side = spec.train.image;
    let rescaled = augment.iter().find(|change| spec.train.window && change.rescales());
    let message = || {
        let word = rescaled.map_or("", Augment::word);
        format!("the network sees windows at the images' own scale, and `{word}` resizes what it cuts out")
    };
    let hint = format!(
        "say `.augment(Flips)` or another sum without it: a window of {side} px is cut out at random anyway"
    );
    found.unless(rescaled.is_none(), "window_rescaled", message, &hint);
    strategy.check(at, found);

    found.within(&bounds::BATCH, *batch);
    found.above_zero("lr", "a learning rate", optimiser.lr, "CHAMMI: 1e-4 to 1e-3");
    found.not_negative("weight_decay", "a weight decay", optimiser.weight_decay);
    let message = || format!("expected betas of at least 0 and below 1, found {:?}", optimiser.betas);
    let holds = optimiser.betas.iter().all(|beta| (0.0..1.0).contains(beta));
    found.unless(holds, "betas", message, "AdamW's defaults: 0.9 and 0.999");
    found.above_zero("eps", "an epsilon", optimiser.eps, "AdamW's default: 1e-8");
    found.not_negative("schedule", "a rate where the ramp starts", schedule.warmup_lr);
    found.not_negative("schedule", "a rate where the cosine ends", schedule.lr_min);

    found.within(&bounds::EPOCHS, *epochs);
    let (warmup, epochs) = (schedule.warmup, *epochs);
    let message = || format!("the ramp of {warmup} epochs is longer than the training of {epochs}");
    let holds = epochs == 0 || warmup <= epochs;
    found.unless(holds, "warmup_too_long", message, "train longer, or say a shorter `.warmup(...)`");
}

fn evaluate(found: &mut Found, spec: &Spec) {
    let all: &[Evaluate] = &spec.evaluate;
    let message = || "expected at least one evaluation, found none".into();
    let hint = "say `.evaluate(OneNn::cosine().on(Chammi))`";
    found.unless(!all.is_empty(), "not_evaluated", message, hint);
    for one in all {
        one.protocol.check(spec, found);
        data(found, &one.data);
    }
    let message = || "the same evaluation stands twice".into();
    found.unless(!has_twice(all), "evaluation_twice", message, "one of them is enough");
}

fn data(found: &mut Found, data: &Selection) {
    let name = &data.name;
    let usual = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let message = || format!("expected a data set's name of letters, digits, `_` and `-`, found `{name}`");
    let hint = "the name is what `--data NAME=PATH` gives a place to; the path is no part of it";
    found.unless(!name.is_empty() && name.chars().all(usual), "data_name", message, hint);

    let message = || format!("`{name}` names a set twice: {}", data.sets.join(", "));
    found.unless(!has_twice(&data.sets), "set_twice", message, "name each set once");
    if let Some(known) = known(name) {
        let unknown = data.sets.iter().find(|set| !known.sets.contains(&set.as_str()));
        let message = || format!("{} has no set `{}`", known.title, unknown.map_or("", String::as_str));
        let hint = format!("its sets are {}", known.sets.join(", "));
        found.unless(unknown.is_none(), "unknown_set", message, &hint);
    }
    conditions(found, data);
}

/// Whether a table has such a column and such values is the planner's.
fn conditions(found: &mut Found, data: &Selection) {
    for Condition { role, values } in &data.only {
        let message =
            || format!("expected at least one value of {} for `{}`, found none", role.words(), data.name);
        let hint = "say which, as in `.having(Role::Batch, [\"B3\"])`, or leave the condition out";
        found.unless(!values.is_empty(), "no_values", message, hint);
    }
    let roles: Vec<Role> = data.only.iter().map(|condition| condition.role).collect();
    let message = || format!("`{}` has two conditions on the same role", data.name);
    let hint = "an image has one value: name all that are meant in one `.having(…)`";
    found.unless(!has_twice(&roles), "role_twice", message, hint);
}

/// Most adapters have parameters for the channels that they were trained on, and each set of a known data set has channels
/// of its own.
fn exposure(found: &mut Found, spec: &Spec) {
    let Some(known) = known(&spec.train.data.name) else { return };
    let sets_of = |data: &Selection| -> Vec<&str> {
        let meant = |set: &&str| data.sets.is_empty() || data.sets.iter().any(|named| named == set);
        known.sets.iter().copied().filter(meant).collect()
    };
    let seen = sets_of(&spec.train.data);
    let same = spec.evaluate.iter().filter(|evaluate| evaluate.data.name == known.name);
    let mut unseen: Vec<&str> =
        same.flat_map(|evaluate| sets_of(&evaluate.data)).filter(|set| !seen.contains(set)).collect();
    unseen.dedup();
    let holds = unseen.is_empty() || spec.model.adapter.reads_unseen_sets();
    let word = spec.model.adapter.word();
    let message = || {
        let sets = unseen.join(", ");
        format!(
            "{word} has parameters tied to its training channels and cannot read {sets}, which it never saw"
        )
    };
    let hint = format!("train on all of {}, or evaluate only on sets that were trained on", known.title);
    found.unless(holds, "unseen_channels", message, &hint);
}

/// The first item that stands before already.
pub(crate) fn twice<T: PartialEq>(items: &[T]) -> Option<&T> {
    items.iter().enumerate().find(|(at, item)| items[..*at].contains(item)).map(|(_, item)| item)
}

pub(super) fn has_twice<T: PartialEq>(items: &[T]) -> bool {
    twice(items).is_some()
}

#[cfg(test)]
mod tests;
