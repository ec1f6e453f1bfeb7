//! Resizes position embeddings to patch grids other than the trained one, as in DINOv2's own code: PyTorch's
//! bicubic interpolation with `antialias=True`, whose kernel (a = -1/2) widens with the reduction.

/// Resizes a grid of vectors of `width` numbers, `from` × `from`, row by row, to `rows` × `cols`.
pub(super) fn resized(grid: &[f32], width: usize, from: usize, [rows, cols]: [usize; 2]) -> Vec<f32> {
    assert_eq!(grid.len(), from * from * width, "a square grid of vectors");
    let along = |to: usize| (0..to).map(move |at| Taps::new(at, from, to));
    let mut narrow = vec![0f32; from * cols * width];
    for (line, out) in grid.chunks_exact(from * width).zip(narrow.chunks_exact_mut(cols * width)) {
        for (taps, out) in along(cols).zip(out.chunks_exact_mut(width)) {
            taps.sum(line, out);
        }
    }
    let mut found = vec![0f32; rows * cols * width];
    for (taps, out) in along(rows).zip(found.chunks_exact_mut(cols * width)) {
        taps.sum(&narrow, out);
    }
    found
}

/// The source positions of each target position, with their weights.
struct Taps {
    first: usize,
    weights: Vec<f64>,
}

impl Taps {
    fn new(at: usize, from: usize, to: usize) -> Self {
        let scale = from as f64 / to as f64;
        let stretch = scale.max(1.0);
        let centre = scale * (at as f64 + 0.5);
        let low = (centre - 2.0 * stretch + 0.5).max(0.0) as usize;
        let high = ((centre + 2.0 * stretch + 0.5) as usize).min(from);
        let weights: Vec<f64> =
            (low..high).map(|place| cubic((place as f64 + 0.5 - centre) / stretch)).collect();
        let sum: f64 = weights.iter().sum();
        Self { first: low, weights: weights.into_iter().map(|weight| weight / sum).collect() }
    }

    /// The weighted sum of consecutive vectors with the length of `out`.
    fn sum(&self, vectors: &[f32], out: &mut [f32]) {
        let vectors = vectors.chunks_exact(out.len()).skip(self.first);
        for (vector, &weight) in vectors.zip(&self.weights) {
            out.iter_mut().zip(vector).for_each(|(out, x)| *out += weight as f32 * x);
        }
    }
}

/// Keys' cubic kernel.
fn cubic(x: f64) -> f64 {
    let x = x.abs();
    match x {
        x if x < 1.0 => (1.5 * x - 2.5) * x * x + 1.0,
        x if x < 2.0 => ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0,
        _ => 0.0,
    }
}
