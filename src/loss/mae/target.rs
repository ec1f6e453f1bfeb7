//! What a hidden patch looks like: its pixels, or those less their mean, over their standard deviation.

use candle_core::{D, Result, Tensor};

/// Added to the variance of a patch.
const EPS: f64 = 1e-6;

/// Images (N, C, H, W) as patches (N, T, p·p·C): row, column, channel inside a patch. Normalised patches have mean 0 and an
/// unbiased variance of 1.
pub(super) fn of(pixels: &Tensor, patch: usize, normalised: bool) -> Result<Tensor> {
    let (n, channels, height, width) = pixels.dims4()?;
    let (rows, cols) = (height / patch, width / patch);
    let pixels = pixels.narrow(2, 0, rows * patch)?.narrow(3, 0, cols * patch)?.contiguous()?;
    let cut = pixels.reshape(&[n, channels, rows, patch, cols, patch][..])?;
    let len = patch * patch * channels;
    let patches = cut.permute([0, 2, 4, 3, 5, 1])?.contiguous()?.reshape((n, rows * cols, len))?;
    if !normalised {
        return Ok(patches);
    }
    let centred = patches.broadcast_sub(&patches.mean_keepdim(D::Minus1)?)?;
    let degrees = (len - 1).max(1) as f64;
    let variance = (centred.sqr()?.sum_keepdim(D::Minus1)? / degrees)?;
    centred.broadcast_div(&(variance + EPS)?.sqrt()?)
}
