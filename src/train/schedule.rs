//! The learning rate of an epoch: timm's cosine with a linear ramp before it (specification, section 3.3).

use crate::spec::Schedule;
use std::f64::consts::PI;

/// The rate during epoch `t`, from 1 to `epochs`. The ramp replaces the beginning of the cosine; it does not delay it.
pub fn rate(schedule: &Schedule, peak: f64, epochs: usize, t: usize) -> f64 {
    if t < schedule.warmup {
        return schedule.warmup_lr + t as f64 * (peak - schedule.warmup_lr) / schedule.warmup as f64;
    }
    if t >= epochs {
        return schedule.lr_min;
    }
    schedule.lr_min + 0.5 * (peak - schedule.lr_min) * (1.0 + libm::cos(PI * t as f64 / epochs as f64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_agree_with_timm() {
        let path = crate::golden::folder().join("schedule.json");
        let golden: serde_json::Value =
            serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        let schedule = Schedule { warmup: 3, warmup_lr: 1e-5, lr_min: 1e-6 };
        for (peak, rates) in golden["rates"].as_object().unwrap() {
            let peak: f64 = peak.parse().unwrap();
            for (t, expected) in rates.as_array().unwrap().iter().enumerate() {
                let (found, expected) = (rate(&schedule, peak, 15, t + 1), expected.as_f64().unwrap());
                assert!(
                    (found - expected).abs() <= 1e-12 * peak.max(expected),
                    "t {}: {found} {expected}",
                    t + 1
                );
            }
        }
    }
}
