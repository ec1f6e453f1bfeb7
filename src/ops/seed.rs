//! Named random streams: each is derived from the run's seed and a name, never from a global generator.
//!
//! So adding a layer, a worker thread or a draw changes no other stream, and CPU and GPU start from the same
//! numbers. Draws use `libm`, so that they are the same on every machine.

use chacha20::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};

/// Raised when the numbers of a stream change; part of the identity of all work that draws.
pub const REVISION: u32 = 1;

/// The seed of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Seed(pub u64);

impl Seed {
    /// The stream called `name`. Names read like paths: `init/stages.0.blocks.0.conv_dw.weight`.
    pub fn stream(self, name: &str) -> Stream {
        let mut hash = blake3::Hasher::new_derive_key("dichroic 2026-11-20 random streams");
        hash.update(&self.0.to_le_bytes());
        hash.update(name.as_bytes());
        Stream { rng: ChaCha8Rng::from_seed(*hash.finalize().as_bytes()), spare: None }
    }
}

/// A sequence of random numbers.
pub struct Stream {
    rng: ChaCha8Rng,
    spare: Option<f64>,
}

impl Stream {
    /// Uniform 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.rng.next_u64()
    }

    /// Uniform in [0, 1), 53 bits.
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// Uniform in [low, high).
    pub fn uniform(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// Uniform in 0 … n - 1, without bias.
    ///
    /// # Panics
    /// If `n` is 0.
    pub fn below(&mut self, n: usize) -> usize {
        assert!(n > 0, "a draw needs at least one outcome");
        let n = n as u64;
        let limit = u64::MAX - u64::MAX % n;
        loop {
            let bits = self.bits();
            if bits < limit {
                return (bits % n) as usize;
            }
        }
    }

    /// True with probability `p`.
    pub fn chance(&mut self, p: f64) -> bool {
        self.unit() < p
    }

    /// Standard normal (Box-Muller, both values used).
    pub fn normal(&mut self) -> f64 {
        if let Some(value) = self.spare.take() {
            return value;
        }
        let radius = libm::sqrt(-2.0 * libm::log(1.0 - self.unit()));
        let angle = 2.0 * std::f64::consts::PI * self.unit();
        self.spare = Some(radius * libm::sin(angle));
        radius * libm::cos(angle)
    }

    /// A random order of `items` (Fisher-Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_depend_on_seed_and_name_only() {
        let draw = |seed, name: &str| Seed(seed).stream(name).bits();
        assert_eq!(draw(1, "a"), draw(1, "a"));
        assert_ne!(draw(1, "a"), draw(2, "a"));
        assert_ne!(draw(1, "a"), draw(1, "b"));
    }

    #[test]
    fn the_numbers_of_a_stream_are_pinned() {
        let mut stream = Seed(125_617).stream("init/stem.0.weight");
        let found: Vec<u64> = (0..3).map(|_| stream.bits()).collect();
        let mut normal = Seed(125_617).stream("init/stem.0.weight");
        let bits = [14_262_361_465_415_193_473, 18_160_303_663_136_765_473, 12_266_148_317_652_572_696];
        assert_eq!(found, bits);
        assert_eq!(normal.normal().to_bits(), 4_610_399_444_018_622_025);
    }

    #[test]
    fn draws_have_the_moments_they_should() {
        let mut stream = Seed(0).stream("moments");
        let n = 20_000;
        let normals: Vec<f64> = (0..n).map(|_| stream.normal()).collect();
        let mean = normals.iter().sum::<f64>() / n as f64;
        let var = normals.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n as f64;
        assert!(mean.abs() < 0.03 && (var - 1.0).abs() < 0.04, "mean {mean}, variance {var}");
        let low = (0..n).filter(|_| stream.below(4) == 0).count();
        assert!((low as f64 / n as f64 - 0.25).abs() < 0.015);
    }
}
