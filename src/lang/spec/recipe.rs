//! Recipes: what the authors released, what the paper says, what we repaired.
//!
//! A recipe fills in the switches that an experiment file does not state. [`SWITCHES`] is the only place where
//! these values stand: resolving a file reads it, and `show` prints it. A recipe's name is never part of an
//! identity, its values are.

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

/// Where the values come from that an experiment file does not state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Recipe {
    /// What the authors' code does, bugs that change numbers included.
    Released,
    /// What the paper and its appendix say; [`Recipe::Fixed`] where print is silent.
    Paper,
    /// Everything is trained, pairs are right, ProxyNCA++ stands in the mix. The default.
    #[default]
    Fixed,
}

impl Recipe {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Released, Self::Paper, Self::Fixed];

    /// The name on the command line and in the store.
    pub fn name(self) -> &'static str {
        match self {
            Self::Released => "released",
            Self::Paper => "paper",
            Self::Fixed => "fixed",
        }
    }

    /// The value of a switch of [`SWITCHES`].
    pub(super) fn value<T: DeserializeOwned>(self, path: &str) -> T {
        let switch = SWITCHES.iter().find(|switch| switch.path == path).expect("the table has this switch");
        serde_json::from_str(switch.text(self)).expect("a test reads every row of the table")
    }

    /// What the file states, else the value of the switch.
    pub(super) fn fill<T: DeserializeOwned>(self, stated: Option<T>, path: &str) -> T {
        stated.unwrap_or_else(|| self.value(path))
    }
}

/// One field of a resolved spec, and what each recipe sets it to where the file is silent.
#[derive(Clone, Copy, Debug)]
pub struct Switch {
    /// Where it stands in the spec's JSON; what has a kind is named by it: `train.augment.flip.p`,
    /// `model.adapter.hyper_net.embeddings`.
    pub path: &'static str,
    /// Value under [`Recipe::Released`], as JSON.
    pub released: &'static str,
    /// Value under [`Recipe::Paper`], as JSON.
    pub paper: &'static str,
    /// Value under [`Recipe::Fixed`], as JSON.
    pub fixed: &'static str,
    /// Where the values were read.
    pub source: &'static str,
    /// What was never published and is therefore our guess.
    pub guessed: Option<&'static str>,
}

impl Switch {
    /// Its value under a recipe, as JSON.
    pub fn text(&self, recipe: Recipe) -> &'static str {
        match recipe {
            Recipe::Released => self.released,
            Recipe::Paper => self.paper,
            Recipe::Fixed => self.fixed,
        }
    }

    /// Whether recipes set it to different values.
    pub fn differs(&self) -> bool {
        Recipe::ALL.iter().any(|recipe| self.text(*recipe) != self.fixed)
    }

    /// Its value in a resolved spec's JSON, if that spec has such a field.
    pub fn find<'a>(&self, spec: &'a Value) -> Option<&'a Value> {
        self.path.split('.').try_fold(spec, |value, key| match value {
            Value::Array(items) => items
                .iter()
                .map(|item| item.get("loss").unwrap_or(item))
                .find(|item| is_kind(item["kind"].as_str(), key)),
            _ if value["kind"] == key => Some(value),
            _ => value.get(key),
        })
    }
}

/// `supervised` means whichever term reads labels.
fn is_kind(kind: Option<&str>, key: &str) -> bool {
    kind == Some(key) || (key == "supervised" && kind != Some("sim_clr"))
}

const UNPUBLISHED: Option<&str> = Some("published for the plain run; taken over for the TPS and SSL rows");

macro_rules! switches {
    ($($path:literal: $released:literal, $paper:literal, $fixed:literal, $source:literal, $guessed:expr;)*) => {
        &[$(Switch {
            path: $path, released: $released, paper: $paper, fixed: $fixed, source: $source, guessed: $guessed,
        }),*]
    };
}

/// Every switch: released, paper, fixed, source, what is guessed. "Code" is the authors' repository with its
/// checkpoint configurations.
pub const SWITCHES: &[Switch] = switches! {
    "model.backbone.drop_path": "0.0", "0.0", "0.0", "code: drop path 0", None;
    "model.adapter.channel_replication.view": r#""native""#, r#""native""#, r#""native""#,
        "evaluation code: as each backbone has it, ConvNeXt at native size", None;
    "model.adapter.fixed_channels.first_layer": r#""pad_average""#, r#""pad_average""#, r#""pad_average""#,
        "checkpoint configs: pretrained_pad_avg", None;
    "model.adapter.fixed_channels.rates": "[]", "[]", "[]", "as the file says with `.lr_on(…)`", None;
    "model.adapter.depthwise.pooling": r#""weighted""#, r#""average""#, r#""weighted""#,
        "checkpoint config: weighted_sum_random; paper: averaging", None;
    "model.adapter.depthwise.train_norm": "false", "true", "true",
        "code: the norm's scale and shift are in no group of the optimiser", None;
    "model.adapter.depthwise.new_channels": r#""refuse""#, r#""refuse""#, r#""refuse""#,
        "code: nothing there reads other channels; say `.replicating()`", None;
    "model.adapter.target_param.first_layer": r#""pad_average""#, r#""pad_average""#, r#""pad_average""#,
        "checkpoint config: pretrained_pad_avg", None;
    "model.adapter.slice_param.first_layer": r#""pad_duplicates""#, r#""pad_duplicates""#, r#""pad_duplicates""#,
        "checkpoint config: pretrained_pad_dups", None;
    "model.adapter.slice_param.class_embedding": r#""noise""#, r#""none""#, r#""learned""#,
        "checkpoint config: on, code: never trained; paper: filters per channel", None;
    "model.adapter.slice_param.one_slice": "false", "false", "false", "checkpoint config: duplicate off", None;
    "model.adapter.template_mixing.coefficients": r#""per_set""#, r#""per_set""#, r#""per_set""#,
        "checkpoint config: separate coefficients", None;
    "model.adapter.hyper_net.embeddings": r#""per_set""#, r#""per_set""#, r#""per_set""#,
        "code: hyperconvnext with separate embeddings", None;
    "train.image": "224", "224", "224", "code and appendix", None;
    "train.hold_out": "0.0", "0.0", "0.0", "code: no validation split", None;
    "train.subset": "null", "null", "null", "all images", None;
    "train.objective.supervised.kind": r#""ce_on_features""#, r#""proxy_nca""#, r#""proxy_nca""#,
        "the term beside SimCLR. Code: cross-entropy on the features; appendix: ProxyNCA++", None;
    "train.objective.proxy_nca.train_proxies": "false", "true", "true",
        "code: proxies are in no group of the optimiser; paper: learned", None;
    "train.objective.proxy_nca.scale.learned.rule": r#""inverse""#, r#""square_root""#, r#""square_root""#,
        "code: a learnable temperature starts the scale at 1/T; paper: T", None;
    "train.objective.proxy_nca.scale.learned.trained": "false", "true", "true",
        "code: it is in no group of the optimiser", None;
    "train.objective.sim_clr.positives": r#""row_plus_n""#, r#""same_image""#, r#""same_image""#,
        "code: interleaved views, read as halves; appendix: the other view", None;
    "train.strategy.kind": r#""erm""#, r#""erm""#, r#""erm""#, "checkpoint configs: SWAD off", None;
    "train.strategy.dense_swa.rate": r#"{"kind":"annealed","lr":0.05}"#, r#"{"kind":"scheduled"}"#,
        r#"{"kind":"scheduled"}"#, "code: SWALR to 0.05 within ten steps; print is silent",
        Some("the rate behind the published SWAD rows");
    "train.strategy.dense_swa.keep": r#""last""#, r#""average""#, r#""average""#,
        "code: the average is neither evaluated nor saved", None;
    "train.strategy.miro.taps": r#""branches""#, r#""three_stages""#, r#""stages""#,
        "code: stem and residual branches; appendix: stem, stages 1 to 3; MIRO's authors: block outputs", None;
    "train.strategy.miro.oracle": r#""independent""#, r#""copy""#, r#""copy""#,
        "code: a second instance; MIRO's authors: the pretrained model", None;
    "train.strategy.miro.rate_factor": "10.0", "10.0", "10.0", "code: miro_lr_mult", None;
    "train.augment.crop.scale": "[0.8, 1.0]", "[0.8, 1.0]", "[0.8, 1.0]", "code", None;
    "train.augment.crop.ratio": "[0.9, 1.1]", "[0.9, 1.1]", "[0.9, 1.1]", "code", None;
    "train.augment.crop.fit": r#""fallback""#, r#""adapted""#, r#""adapted""#,
        "code: torchvision, a constant crop on WTC; paper: a random crop", None;
    "train.augment.flip.p": "0.5", "0.5", "0.5", "code: horizontal only", None;
    "train.augment.tps.p": "0.5", "0.5", "0.5", "code: the class's own default",
        Some("the probability behind the published TPS rows");
    "train.augment.tps.warp": r#""released""#, r#""exact""#, r#""exact""#,
        "code: coarse map, zoom, exchanged axes; appendix: a thin-plate spline", None;
    "train.augment_stream": r#""repeated""#, r#""fresh""#, r#""fresh""#,
        "code: workers are seeded alike in every epoch", None;
    "train.sampling": r#""shuffled""#, r#""shuffled""#, r#""shuffled""#, "code: one shuffled pass", None;
    "train.optimiser.lr": "4e-4", "4e-4", "4e-4", "checkpoint config of HyperNet", UNPUBLISHED;
    "train.optimiser.weight_decay": "5e-5", "5e-4", "5e-5", "checkpoint configs; appendix: 5e-4", UNPUBLISHED;
    "train.optimiser.betas": "[0.9, 0.999]", "[0.9, 0.999]", "[0.9, 0.999]", "code: AdamW's defaults", None;
    "train.optimiser.eps": "1e-8", "1e-8", "1e-8", "code: AdamW's defaults", None;
    "train.schedule.warmup": "3", "3", "3", "code: two epochs of ramp; print is silent", None;
    "train.schedule.warmup_lr": "1e-5", "1e-5", "1e-5", "code; print is silent", None;
    "train.schedule.lr_min": "1e-6", "1e-7", "1e-6", "code; appendix: 1e-7", None;
    "train.epochs": "15", "15", "15", "checkpoint configs and appendix", UNPUBLISHED;
    "train.batch": "128", "128", "128", "checkpoint configs and appendix", UNPUBLISHED;
    "train.precision": r#""f32""#, r#""f32""#, r#""f32""#, "code: mixed precision off", None;
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::draft::{
        Draft, StatedAdapter, StatedAugment, StatedChannelReplication, StatedDenseSwa, StatedDepthwise,
        StatedFixedChannels, StatedHyperNet, StatedLoss, StatedMiro, StatedScale, StatedSliceParam,
        StatedStrategy, StatedTargetParam, StatedTemplateMixing, sample,
    };

    /// Files that state nothing they need not: each adapter under the mix, with a learned temperature, and plain.
    fn resolved(recipe: Recipe) -> Vec<Value> {
        let learned = StatedLoss::ProxyNca {
            temperature: 0.07,
            scale: StatedScale::Learned { rule: None, trained: None },
            train_proxies: None,
        };
        let mix = [(0.2, StatedLoss::sim_clr(0.07)), (0.8, StatedLoss::proxy_nca(0.07))];
        let objectives = [mix.to_vec(), vec![(1.0, learned)], vec![(1.0, StatedLoss::proxy_nca(0.07))]];
        let adapters: [StatedAdapter; 7] = [
            StatedChannelReplication::new().into(),
            StatedFixedChannels::new().into(),
            StatedDepthwise::new(64).into(),
            StatedTargetParam::new().into(),
            StatedSliceParam::new().into(),
            StatedTemplateMixing::new(128).into(),
            StatedHyperNet::new(128, 256).into(),
        ];
        let augment = Some(vec![StatedAugment::crop(), StatedAugment::flip(), StatedAugment::tps()]);
        let one = |objective: &Vec<_>, adapter| Draft {
            objective: objective.clone(),
            adapter,
            augment: augment.clone(),
            ..sample()
        };
        let strategies = [
            StatedStrategy::DenseSwa(StatedDenseSwa { start_epoch: 5, rate: None, keep: None }),
            StatedStrategy::Miro(StatedMiro { lambda: 0.01, taps: None, oracle: None, rate_factor: None }),
        ];
        let drafts = objectives.iter().flat_map(|objective| adapters.map(|adapter| one(objective, adapter)));
        let others =
            strategies.into_iter().map(|strategy| Draft { strategy, ..one(&objectives[2], adapters[6]) });
        drafts.chain(others).map(|draft| serde_json::to_value(draft.resolve(recipe)).unwrap()).collect()
    }

    #[test]
    fn every_switch_resolves_as_the_table_says() {
        for recipe in Recipe::ALL {
            let specs = resolved(recipe);
            for switch in SWITCHES {
                let want: Value = serde_json::from_str(switch.text(recipe)).unwrap();
                let found: Vec<&Value> = specs.iter().filter_map(|spec| switch.find(spec)).collect();
                assert!(found.contains(&&want), "{} under {}: {found:?}", switch.path, recipe.name());
            }
        }
    }

    #[test]
    fn no_default_hides_outside_the_table() {
        let stated = ["schema", "model.backbone.kind", "model.backbone.size", "model.weights.kind"];
        let said = [
            "model.adapter.z",
            "model.adapter.hidden",
            "model.adapter.kernels",
            "model.adapter.templates",
            "train.strategy.start_epoch",
            "train.strategy.lambda",
            "train.data",
            "evaluate",
        ];
        for spec in resolved(Recipe::Fixed) {
            let mut leaves = vec![];
            list(&spec, String::new(), &mut leaves);
            for (leaf, value) in leaves {
                let named =
                    leaf.ends_with(".weight") || leaf.ends_with(".kind") || leaf.ends_with(".temperature");
                let same = |found: &Value| std::ptr::eq(found, value);
                let listed = SWITCHES.iter().any(|switch| switch.find(&spec).is_some_and(same));
                let known = stated.iter().chain(&said).any(|path| leaf.starts_with(path));
                assert!(
                    listed || known || named,
                    "`{leaf}` has a value that no file stated and no table lists"
                );
            }
        }
    }

    fn list<'a>(value: &'a Value, path: String, leaves: &mut Vec<(String, &'a Value)>) {
        let below = |key: &str| if path.is_empty() { key.into() } else { format!("{path}.{key}") };
        match value {
            Value::Object(fields) => fields.iter().for_each(|(key, value)| list(value, below(key), leaves)),
            Value::Array(items) if items.iter().all(|item| item.is_object()) => {
                for item in items {
                    let item = item.get("loss").unwrap_or(item);
                    list(item, below(item["kind"].as_str().unwrap_or_default()), leaves);
                }
            }
            _ => leaves.push((path, value)),
        }
    }

    #[test]
    fn the_readme_lists_the_switches_in_which_recipes_differ() {
        let readme = include_str!("../../../README.md");
        for switch in SWITCHES {
            assert_eq!(readme.contains(&format!("| `{}`", switch.path)), switch.differs(), "{}", switch.path);
        }
    }

    #[test]
    fn what_a_file_states_no_recipe_changes() {
        let draft = Draft { lr: Some(1e-3), weight_decay: Some(0.1), epochs: Some(7), ..sample() };
        for recipe in Recipe::ALL {
            let spec = draft.resolve(recipe);
            assert_eq!((spec.train.optimiser.lr, spec.train.epochs), (1e-3, 7));
            assert_eq!(spec.train.optimiser.weight_decay, 0.1);
        }
    }
}
