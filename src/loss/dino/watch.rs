//! Whether a teacher still tells images apart. Its information is the entropy of its mean answer minus its mean entropy: 0 if
//! it says the same of every image, at most the logarithm of the number of prototypes.

/// Less information than this is a collapse, if it lasts.
const LEAST: f64 = 0.05;
/// How many steps it lasts.
const LASTS: u32 = 20;
/// Below this entropy of the mean answer, nearly all images have the same prototype.
const ONE_PROTOTYPE: f64 = 1.0;

/// Counts steps.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Watch {
    low: u32,
    said: bool,
}

impl Watch {
    /// A remark in the step in which the information has been low for long, once in a training.
    pub(super) fn look(&mut self, information: f64, of_mean: f64, ready: bool, step: u64) -> Option<String> {
        self.low = if ready && information < LEAST { self.low + 1 } else { 0 };
        if self.low < LASTS || std::mem::replace(&mut self.said, true) {
            return None;
        }
        let what = match of_mean < ONE_PROTOTYPE {
            true => {
                "gives nearly all images one and the same prototype: keep the centre of the stage before, lower the \
                     learning rate, or take a larger batch"
            }
            false => {
                "says nearly the same of every image: lower the learning rate or the teacher's temperature (0.04 \
                      throughout), let the teacher follow faster (an `ema` of 0.97 for a few hundred steps), or take \
                      fewer prototypes"
            }
        };
        Some(format!(
            "DINO has collapsed or not begun: for {LASTS} steps up to step {} the teacher's information was below {LEAST} \
             (now {information:.3}, healthy 0.3 to 0.8); it {what}",
            step + 1
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collapse_is_said_once_when_it_lasts() {
        let remarks = |information: fn(u64) -> f64, of_mean: f64| -> Vec<(u64, String)> {
            let mut watch = Watch::default();
            let look = |step| Some((step, watch.look(information(step), of_mean, step >= 10, step)?));
            (0..100).filter_map(look).collect()
        };
        let found = remarks(|_| 0.01, 6.2);
        assert_eq!(found.len(), 1);
        assert!(
            found[0].0 == 29 && found[0].1.contains("step 30") && found[0].1.contains("an `ema` of 0.97"),
            "{found:?}"
        );
        assert!(remarks(|_| 0.01, 0.5)[0].1.contains("one and the same prototype"));
        // Low now and then only.
        assert_eq!(remarks(|step| if step % 19 == 0 { 0.5 } else { 0.0 }, 6.2), []);
        assert_eq!(remarks(|_| 0.3, 6.2), []);
    }
}
