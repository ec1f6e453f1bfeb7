//! Student's t distribution: quantiles for confidence intervals of a mean over a few seeds.

use libm::lgamma;
use std::f64::consts::PI;

/// The quantile of a t distribution with these degrees of freedom, for a probability `p` of at least 0.5.
pub fn quantile(p: f64, freedom: f64) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    while below(high, freedom) < p {
        (low, high) = (high, 2.0 * high);
    }
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if below(middle, freedom) < p { low = middle } else { high = middle }
    }
    f64::midpoint(low, high)
}

/// The cumulative distribution. With t = √ν tan θ the density is a power of a cosine, which Simpson's rule
/// integrates to more digits than are needed.
fn below(t: f64, freedom: f64) -> f64 {
    const PARTS: usize = 400;
    let end = (t / freedom.sqrt()).atan();
    let step = end / PARTS as f64;
    let density = |at: usize| (at as f64 * step).cos().powf(freedom - 1.0);
    let inner: f64 = (1..PARTS).map(|at| density(at) * if at % 2 == 1 { 4.0 } else { 2.0 }).sum();
    let whole = (density(0) + inner + density(PARTS)) * step / 3.0;
    let scale = (lgamma((freedom + 1.0) / 2.0) - lgamma(freedom / 2.0)).exp() / PI.sqrt();
    0.5 + scale * whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_scipys() {
        // scipy.stats.t.ppf(p, freedom)
        for (p, freedom, value) in [
            (0.975, 1.0, 12.706_204_736),
            (0.975, 2.0, 4.302_652_73),
            (0.8, 2.0, 1.060_660_172),
            (0.975, 5.5, 2.501_858_617_6),
            (0.975, 30.0, 2.042_272_456),
            (0.8, 1e6, 0.841_621_593),
        ] {
            let found = quantile(p, freedom);
            assert!((found - value).abs() < 2e-6 * value, "t({p}, {freedom}): {found}, expected {value}");
        }
    }
}
