//! Groups of parameters: how fast each learns, and whether it decays, by rules on published names.

use crate::params::Published;

/// Rules; a parameter follows every rule that matches it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Groups {
    rules: Vec<Rule>,
    /// Which parameters learn only after that many steps.
    late: Vec<(Names, u64)>,
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
}

impl Groups {
    /// With these rules; without any, all parameters have the same rate, and all decay.
    pub fn new(rules: Vec<Rule>) -> Self {
        Self { rules, late: Vec::new() }
    }

    /// The same with parameters that do not learn in the first steps: their gradients are dropped after clipping, and their
    /// running means begin later, as in PyTorch where a parameter has no gradient.
    #[must_use]
    pub fn waiting(mut self, names: Names, steps: u64) -> Self {
        self.late.push((names, steps));
        self
    }

    /// The settings of a parameter: rates multiply, and a single rule suffices to exempt it from decay.
    pub fn of(&self, published: &Published) -> Group {
        let late = self.late.iter().filter(|(names, _)| names.mean(published));
        let waits = late.map(|(_, steps)| *steps).max().unwrap_or(0);
        let rules = self.rules.iter().filter(|rule| rule.names.mean(published));
        rules.fold(Group { rate: 1.0, decays: true, waits }, |group, rule| Group {
            rate: group.rate * rule.rate,
            decays: group.decays && rule.decays,
            waits,
        })
    }
}

impl Names {
    fn mean(&self, published: &Published) -> bool {
        match self {
            Self::All => true,
            Self::Beginning(text) => published.name.starts_with(text.as_str()),
            Self::Ending(text) => published.name.ends_with(text.as_str()),
            Self::Vectors => published.shape.len() <= 1,
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
            let Group { rate, decays, .. } = groups.of(&Published::new(name, shape));
            (rate, decays)
        };
        assert_eq!(of("stem.0.weight", &[8, 3, 4, 4]), (0.1, true));
        assert_eq!(of("stem.0.bias", &[8]), (0.1, false));
        assert_eq!(of("norm.weight", &[8]), (0.5, false));
        assert_eq!(of("head.bias", &[1, 8]), (0.5, false));
        assert_eq!(of("head.weight", &[8, 8]), (0.5, true));
        let usual = Group { rate: 1.0, decays: true, waits: 0 };
        assert_eq!(Groups::default().of(&Published::new("b", &[1])), usual);
        let late = Groups::default().waiting(Names::Beginning("head.last".into()), 7);
        assert_eq!(late.of(&Published::new("head.last.weight", &[8, 8])), Group { waits: 7, ..usual });
        assert_eq!(late.of(&Published::new("head.mlp.weight", &[8, 8])), usual);
    }
}
