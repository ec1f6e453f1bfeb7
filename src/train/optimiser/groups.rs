//! Groups of parameters: how fast each learns, and whether it decays, by rules on published names.

use crate::{backbone::files::is_head, params::Published};

/// Rules; a parameter follows every rule that matches it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Groups {
    rules: Vec<Rule>,
    /// Which parameters learn only after that many steps.
    late: Vec<(Names, u64)>,
    /// Which parameters have a rate of 0 in that many steps.
    still: Vec<(Names, u64)>,
    /// How rates differ from layer to layer of a transformer.
    layers: Option<Layers>,
}

/// Rates that fall from the last block of a transformer to its first layer (DINOv2's `get_vit_lr_decay_rate`).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Layers {
    /// The rate of a block beside that of the next.
    pub decay: f64,
    /// The factor of the first layer beside that.
    pub first: f64,
}

/// Settings of some parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// Which parameters.
    pub names: Names,
    /// The factor of the peak of their learning rate; the ends of the curve are the same. 0: they
    /// do not learn.
    pub rate: f64,
    /// Whether they decay.
    pub decays: bool,
}

/// Which parameters.
#[derive(Clone, Debug, PartialEq)]
pub enum Names {
    /// All.
    All,
    /// Those with this prefix.
    Beginning(String),
    /// Those with this suffix: `.bias`.
    Ending(String),
    /// Those with at most one axis: biases, norms, scales.
    Vectors,
    /// Those with this in their name.
    Containing(String),
}

/// Settings of one parameter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Group {
    /// The factor of the peak of its learning rate.
    pub rate: f64,
    /// Whether it decays.
    pub decays: bool,
    /// Steps in which it does not learn, at the beginning.
    pub waits: u64,
    /// Steps in which its rate is 0, at the beginning, while its running means begin.
    pub still: u64,
    /// The factor of its whole rate, ends of the curve included.
    pub scale: f64,
}

impl Group {
    /// Of a parameter that no rule means.
    pub const USUAL: Self = Self { rate: 1.0, decays: true, waits: 0, still: 0, scale: 1.0 };
}

impl Groups {
    /// With these rules; without any, all parameters have the same rate, and all decay.
    pub fn new(rules: Vec<Rule>) -> Self {
        Self { rules, ..Self::default() }
    }

    /// The same with parameters that do not learn in the first steps: their gradients are dropped after clipping, and their
    /// running means begin later, as in PyTorch where a parameter has no gradient.
    #[must_use]
    pub fn waiting(mut self, names: Names, steps: u64) -> Self {
        self.late.push((names, steps));
        self
    }

    /// The same with parameters whose rate is 0 in the first steps; their running means begin all the same (DINOv2).
    #[must_use]
    pub fn keeping_still(mut self, names: Names, steps: u64) -> Self {
        self.still.push((names, steps));
        self
    }

    /// The same with rates that differ from layer to layer.
    #[must_use]
    pub fn by_layer(mut self, layers: Layers) -> Self {
        self.layers = Some(layers);
        self
    }

    /// The settings of a parameter of a network with `blocks` blocks: rates multiply, and a single rule suffices to exempt it from
    /// decay.
    pub fn of(&self, published: &Published, blocks: usize) -> Group {
        let longest = |all: &[(Names, u64)]| -> u64 {
            let meant = all.iter().filter(|(names, _)| names.mean(published));
            meant.map(|(_, steps)| *steps).max().unwrap_or(0)
        };
        let scale = self.layers.map_or(1.0, |layers| layers.of(&published.name, blocks));
        let usual = Group { waits: longest(&self.late), still: longest(&self.still), scale, ..Group::USUAL };
        let rules = self.rules.iter().filter(|rule| rule.names.mean(published));
        rules.fold(usual, |group, rule| Group {
            rate: group.rate * rule.rate,
            decays: group.decays && rule.decays,
            ..group
        })
    }
}

impl Layers {
    /// The factor of a parameter's rate: the last normalisation and heads have 1, block i of n `decay` to the power n - i, and
    /// what comes before the blocks `decay` to the power n + 1.
    fn of(self, name: &str, blocks: usize) -> f64 {
        const TOKENS: [&str; 4] = ["cls_token", "pos_embed", "mask_token", "reg_token"];
        let fewer = |layers: usize| self.decay.powi(layers as i32);
        match block(name) {
            // Not a transformer.
            _ if blocks == 0 => 1.0,
            Some(block) => fewer(blocks.saturating_sub(block)),
            None if TOKENS.contains(&name) => fewer(blocks + 1),
            None if name.starts_with("norm.") || name.contains('/') || is_head(name) => 1.0,
            // The first layer, whatever the adapter.
            None => self.first * fewer(blocks + 1),
        }
    }
}

/// The number of the block of a transformer that a parameter belongs to.
fn block(name: &str) -> Option<usize> {
    name.strip_prefix("blocks.")?.split('.').next()?.parse().ok()
}

/// The number of blocks of the transformer with these parameters; 0 of another network.
pub(super) fn blocks<'a>(names: impl Iterator<Item = &'a str>) -> usize {
    names.filter_map(block).max().map_or(0, |last| last + 1)
}

impl Names {
    fn mean(&self, published: &Published) -> bool {
        match self {
            Self::All => true,
            Self::Beginning(text) => published.name.starts_with(text.as_str()),
            Self::Ending(text) => published.name.ends_with(text.as_str()),
            Self::Vectors => published.shape.len() <= 1,
            Self::Containing(text) => published.name.contains(text.as_str()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// DINO's `get_params_groups`: biases and vectors do not decay; here the first layer also has a lower
    /// rate.
    #[test]
    fn every_rule_that_means_a_parameter_holds() {
        let rule = |names, rate, decays| Rule { names, rate, decays };
        let groups = Groups::new(vec![
            rule(Names::Vectors, 1.0, false),
            rule(Names::Ending(".bias".into()), 1.0, false),
            rule(Names::Beginning("stem.".into()), 0.2, true),
            rule(Names::All, 0.5, true),
        ]);
        let of = |name: &str, shape: &[usize]| {
            let Group { rate, decays, .. } = groups.of(&Published::new(name, shape), 0);
            (rate, decays)
        };
        assert_eq!(of("stem.0.weight", &[8, 3, 4, 4]), (0.1, true));
        assert_eq!(of("stem.0.bias", &[8]), (0.1, false));
        assert_eq!(of("norm.weight", &[8]), (0.5, false));
        assert_eq!(of("head.bias", &[1, 8]), (0.5, false));
        assert_eq!(of("head.weight", &[8, 8]), (0.5, true));
        let usual = Group::USUAL;
        assert_eq!(Groups::default().of(&Published::new("b", &[1]), 0), usual);
        let late = Groups::default().waiting(Names::Beginning("head.last".into()), 7);
        assert_eq!(late.of(&Published::new("head.last.weight", &[8, 8]), 0), Group { waits: 7, ..usual });
        assert_eq!(late.of(&Published::new("head.mlp.weight", &[8, 8]), 0), usual);
    }
}
