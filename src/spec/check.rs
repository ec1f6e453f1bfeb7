//! The rules of the language once more, for specs that have no types, and the rules about values.
//!
//! A spec that comes from JSON, from the command line or from the store was never seen by the compiler. A rule that
//! the types enforce too has the name of its case in `tests/ui/`; [`TYPE_RULES`] lists those.

use super::{
    Adapter, Augment, Backbone, DataRef, Evaluate, Loss, Model, SCHEMA, Spec, Strategy, SwaRate, Term, Train,
    Weights,
};

mod found;
mod zoo;

use found::Found;
pub use found::Problem;

/// A rule that the compiler enforces in experiment files.
#[derive(Clone, Copy, Debug)]
pub struct TypeRule {
    /// Its name, and the stem of its case in `tests/ui/`.
    pub name: &'static str,
    /// Whether plain data can break it; else only text can, and it cannot be written down as a spec.
    pub in_spec: bool,
}

macro_rules! type_rules {
    ($($name:ident $in_spec:literal),* $(,)?) => {
        &[$(TypeRule { name: stringify!($name), in_spec: $in_spec }),*]
    };
}

/// All rules that the compiler enforces, by name.
pub const TYPE_RULES: &[TypeRule] = type_rules![
    adapter_forgotten false,
    arguments false,
    attribute_arguments false,
    data_forgotten false,
    evaluate_without_data false,
    forgot_a_loss false,
    frozen_with_loss false,
    loss_forgotten false,
    loss_twice false,
    miro_needs_oracle true,
    no_return_type false,
    not_a_data_set false,
    not_a_part false,
    not_an_adapter false,
    not_an_augmentation false,
    not_convex true,
    not_evaluated true,
    report_of_nothing false,
    report_undocumented false,
    scratch_off_the_shelf true,
    stem_off_the_shelf true,
    strategy_before_loss false,
    swad_without_labels true,
    rate_of_a_set false,
    table_with_a_wrong_word false,
    train_on_a_part false,
    training_channel_replication true,
    undocumented false,
    unpublished_weights true,
    unseen_channels true,
    weights_forgotten false,
];

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
        model(&mut found, &self.model);
        train(&mut found, &self.train);
        if !self.train.objective.is_empty() {
            trained(&mut found, &self.train);
        }
        evaluate(&mut found, &self.evaluate);
        trainable(&mut found, self);
        oracle(&mut found, self);
        exposure(&mut found, self);
        zoo::one_side(&mut found, self);
        found.0
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
    let twice = seeds.iter().enumerate().find(|(at, seed)| seeds[..*at].contains(seed));
    let message = || format!("seed {} stands twice", twice.map_or(0, |(_, seed)| *seed));
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

fn model(found: &mut Found, model: &Model) {
    let Model { backbone, weights, adapter: word } = model;
    if let Backbone::ConvNext { drop_path, .. } = backbone {
        let message =
            || format!("expected a drop-path probability of at least 0 and below 1, found {drop_path}");
        let hint = "at 1 the last block would never be trained; CHAMMI: 0";
        found.unless((0.0..1.0).contains(drop_path), "drop_path", message, hint);
    }

    let message = || format!("there are no {weights} weights for {backbone}");
    let hint = "ImageNet-22k weights are for ConvNeXt-Tiny, -Small and -Base (the smaller ones start from scratch), \
                ImageNet-1k weights for ResNets, LVD-142M weights for DINOv2";
    found.unless(backbone.starts_from(weights), "unpublished_weights", message, hint);

    let off_the_shelf = backbone.is_off_the_shelf();
    let message = || format!("{backbone} is evaluated off the shelf and cannot start from scratch");
    let hint = "say `.pretrained(ImageNet1k)` for a ResNet and `.pretrained(Lvd142m)` for DINOv2";
    found.unless(!off_the_shelf || *weights != Weights::Scratch, "scratch_off_the_shelf", message, hint);

    let message = || {
        format!("{backbone} is evaluated off the shelf, and {} puts another stem in front of it", word.word())
    };
    let hint = "say `.adapter(ChannelReplication)`, or take a `ConvNext`";
    let replicated = matches!(word, Adapter::ChannelReplication(_));
    found.unless(!off_the_shelf || replicated, "stem_off_the_shelf", message, hint);

    adapter(found, word);
}

fn adapter(found: &mut Found, adapter: &Adapter) {
    match adapter {
        Adapter::HyperNet(word) => {
            let (z, hidden) = (word.z, word.hidden);
            let message =
                || format!("expected widths of at least 1 for HyperNet, found z {z} and hidden {hidden}");
            found.unless(z > 0 && hidden > 0, "hypernet_width", message, "CHAMMI: z 128, hidden 256");
        }
        Adapter::Depthwise(word) => {
            let message = || "expected at least one filter for each channel of Depthwise, found 0".into();
            found.unless(word.kernels > 0, "depthwise_kernels", message, "CHAMMI: 64");
        }
        Adapter::TemplateMixing(word) => {
            let message = || "expected at least one template for TemplateMixing, found 0".into();
            found.unless(word.templates > 0, "templates", message, "CHAMMI: 128");
        }
        Adapter::FixedChannels(word) => {
            for rate in &word.rates {
                let what = format!("a learning rate for `{}`", rate.set);
                found.above_zero("set_rate", &what, rate.lr, "CHAMMI: 1e-4 to 1e-3");
            }
        }
        Adapter::ChannelReplication(_) | Adapter::TargetParam(_) | Adapter::SliceParam(_) => {}
    }
}

/// What is trained, and what is only ever evaluated.
fn trainable(found: &mut Found, spec: &Spec) {
    let word = spec.model.adapter.word();
    let holds = spec.model.adapter.is_trainable() || spec.train.objective.is_empty();
    let message = || format!("{word} is evaluated off the shelf and cannot be trained");
    let hint = "leave the loss out: `.frozen()`";
    found.unless(holds, "training_channel_replication", message, hint);
}

fn train(found: &mut Found, train: &Train) {
    data(found, &train.data);
    let image = train.image;
    let message = || format!("expected an image side that is a multiple of 32, found {image}");
    let hint = "a ConvNeXt halves the side five times; CHAMMI: 224";
    found.unless(image > 0 && image.is_multiple_of(32), "image_side", message, hint);

    let hold_out = train.hold_out;
    let message = || format!("expected a hold-out of at least 0 and below 0.9, found {hold_out}");
    found.unless(
        (0.0..0.9).contains(&hold_out),
        "hold_out",
        message,
        "a fifth, 0.2, is usual; 0 keeps nothing back",
    );

    let message = || "expected a subset of at least one image, found 0".into();
    found.unless(train.subset != Some(0), "empty_subset", message, "leave it out (null) to read all images");
    found.unless(
        train.batch > 0,
        "no_batch",
        || "expected a batch of at least 1, found 0".into(),
        "CHAMMI: 128",
    );
}

/// Rules about what is only read when there is something to train.
fn trained(found: &mut Found, train: &Train) {
    for term in &train.objective {
        let name = term.loss.name();
        let hint = "leave a term out instead of weighing it with 0";
        found.above_zero("weight", &format!("a weight for `{name}`"), term.weight, hint);
        if let Loss::ProxyNca { temperature, .. } | Loss::SimClr { temperature, .. } = term.loss {
            let what = format!("a temperature for `{name}`");
            found.above_zero("temperature", &what, temperature, "CHAMMI: 0.05 to 0.5, mostly 0.07");
        }
    }
    let names: Vec<_> = train.objective.iter().map(|term| term.loss.name()).collect();
    let hint = "their curves would share one name; keep one of them";
    found.unless(
        !has_twice(&names),
        "loss_kind_twice",
        || "two loss terms are of the same kind".into(),
        hint,
    );
    let views = train.objective.iter().any(|term| term.loss.views() > 1);
    let message = || "expected a batch of at least 2 for a loss that compares images, found 1".into();
    found.unless(
        !views || train.batch != 1,
        "batch_of_one",
        message,
        "SimCLR repels the other images of the batch",
    );

    for change in &train.augment {
        match *change {
            Augment::Crop { scale, ratio, .. } => {
                found.interval("crop_scale", "a crop's share of the area", scale, 1.0, "CHAMMI: 0.8 to 1");
                found.interval(
                    "crop_ratio",
                    "a crop's width over height",
                    ratio,
                    f64::MAX,
                    "CHAMMI: 0.9 to 1.1",
                );
            }
            Augment::Flip { p } => found.probability("a flip", p),
            Augment::Tps { p, .. } => found.probability("a thin-plate spline", p),
            Augment::Turn => {}
            Augment::Brightness { sd } => {
                found.not_negative("brightness", "a standard deviation of brightness", sd);
            }
        }
    }

    strategy(found, train);
    let (optimiser, schedule) = (&train.optimiser, &train.schedule);
    found.above_zero("lr", "a learning rate", optimiser.lr, "CHAMMI: 1e-4 to 1e-3");
    found.not_negative("weight_decay", "a weight decay", optimiser.weight_decay);
    let message = || format!("expected betas of at least 0 and below 1, found {:?}", optimiser.betas);
    let holds = optimiser.betas.iter().all(|beta| (0.0..1.0).contains(beta));
    found.unless(holds, "betas", message, "AdamW's defaults: 0.9 and 0.999");
    found.above_zero("eps", "an epsilon", optimiser.eps, "AdamW's default: 1e-8");
    found.not_negative("schedule", "a rate where the ramp starts", schedule.warmup_lr);
    found.not_negative("schedule", "a rate where the cosine ends", schedule.lr_min);

    let hint = "to train nothing, say `.frozen()`";
    found.unless(train.epochs > 0, "no_epochs", || "expected at least one epoch, found 0".into(), hint);
    let (warmup, epochs) = (schedule.warmup, train.epochs);
    let message = || format!("the ramp of {warmup} epochs is longer than the training of {epochs}");
    let holds = epochs == 0 || warmup <= epochs;
    found.unless(holds, "warmup_too_long", message, "train longer, or say a shorter `.warmup(...)`");
}

fn strategy(found: &mut Found, train: &Train) {
    match &train.strategy {
        Strategy::Erm => {}
        Strategy::Swad(swad) => {
            let least = swad.every.min(swad.converge).min(swad.tolerance);
            let message =
                || "expected steps between looks, and looks to converge and to tolerate, found 0".into();
            found.unless(least > 0, "swad_looks", message, "SWAD's authors: 100, 3 and 6");
            found.not_negative("swad_ratio", "a ratio for SWAD's threshold", swad.ratio);
            let message = || "SWAD looks at a held-out loss, and nothing is held out".into();
            let hint = "say `.hold_out(0.2)`, as its authors do";
            found.unless(train.hold_out > 0.0, "swad_without_hold_out", message, hint);
            let labels = train.objective.iter().any(|term| term.loss.uses_labels());
            let message = || "SWAD looks at a held-out loss, and this loss reads no labels".into();
            let hint = "add a loss that reads labels, such as `ProxyNca::t(0.07)`, or take `DenseSwa`";
            found.unless(labels, "swad_without_labels", message, hint);
        }
        Strategy::DenseSwa(swa) => {
            let (start, epochs) = (swa.start_epoch, train.epochs);
            let message =
                || format!("weights are averaged after epoch {start}, and the training has {epochs} epochs");
            let hint = "average earlier or train longer; CHAMMI: after epoch 5 of 15";
            found.unless(start < epochs || epochs == 0, "swa_after_the_end", message, hint);
            if let SwaRate::Annealed { lr } = swa.rate {
                found.above_zero("swa_rate", "a rate while weights are averaged", lr, "released: 0.05");
            }
        }
        Strategy::Miro(miro) => {
            found.above_zero("miro_lambda", "a weight for MIRO", miro.lambda, "CHAMMI: 0.01");
            found.above_zero("miro_rate", "a factor for the variances' rate", miro.rate_factor, "CHAMMI: 10");
        }
    }
}

/// An oracle is a model that knows something.
fn oracle(found: &mut Found, spec: &Spec) {
    let miro = matches!(spec.train.strategy, Strategy::Miro(_)) && !spec.train.objective.is_empty();
    let message = || "MIRO needs a pretrained oracle, and this model starts from scratch".into();
    let hint = "start with `.pretrained(ImageNet22k)`, or take another strategy";
    found.unless(!miro || spec.model.weights != Weights::Scratch, "miro_needs_oracle", message, hint);
}

fn evaluate(found: &mut Found, all: &[Evaluate]) {
    let message = || "expected at least one evaluation, found none".into();
    let hint = "say `.evaluate(OneNn::cosine().on(Chammi))`";
    found.unless(!all.is_empty(), "not_evaluated", message, hint);
    all.iter().for_each(|one| data(found, &one.data));
    let message = || "the same evaluation stands twice".into();
    found.unless(!has_twice(all), "evaluation_twice", message, "one of them is enough");
}

fn data(found: &mut Found, data: &DataRef) {
    let name = &data.name;
    let usual = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let message = || format!("expected a data set's name of letters, digits, `_` and `-`, found `{name}`");
    let hint = "the name is what `--data NAME=PATH` gives a place to; the path is no part of it";
    found.unless(!name.is_empty() && name.chars().all(usual), "data_name", message, hint);

    let message = || format!("`{name}` names a set twice: {}", data.sets.join(", "));
    found.unless(!has_twice(&data.sets), "set_twice", message, "name each set once");
    if name == DataRef::CHAMMI {
        let unknown = data.sets.iter().find(|set| !DataRef::CHAMMI_SETS.contains(&set.as_str()));
        let message = || format!("CHAMMI has no set `{}`", unknown.map_or("", String::as_str));
        found.unless(unknown.is_none(), "unknown_set", message, "its sets are Allen, HPA and CP");
    }
}

/// Most adapters have parameters for the channels that they were trained on, and each set of CHAMMI has channels of its
/// own.
fn exposure(found: &mut Found, spec: &Spec) {
    let of_chammi = |data: &DataRef| -> Vec<String> {
        let all = data.sets.is_empty();
        let sets =
            DataRef::CHAMMI_SETS.into_iter().filter(|set| all || data.sets.iter().any(|known| known == set));
        if data.name == DataRef::CHAMMI { sets.map(String::from).collect() } else { vec![] }
    };
    let seen = of_chammi(&spec.train.data);
    let asked = spec.evaluate.iter().flat_map(|evaluate| of_chammi(&evaluate.data));
    let mut unseen: Vec<String> = asked.filter(|set| !seen.contains(set)).collect();
    unseen.dedup();
    let known = spec.model.adapter.reads_unseen_sets() || spec.train.data.name != DataRef::CHAMMI;
    let holds = unseen.is_empty() || known;
    let word = spec.model.adapter.word();
    let message = || {
        let sets = unseen.join(", ");
        format!(
            "{word} has parameters tied to its training channels and cannot read {sets}, which it never saw"
        )
    };
    let hint = "train on all of CHAMMI, or evaluate only on sets that were trained on";
    found.unless(holds, "unseen_channels", message, hint);
}

fn has_twice<T: PartialEq>(items: &[T]) -> bool {
    items.iter().enumerate().any(|(at, item)| items[..at].contains(item))
}

#[cfg(test)]
mod tests;
