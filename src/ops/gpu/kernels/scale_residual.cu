// The end of a residual block: x + keep[image] scale[channel] (z + bias[channel]). Rows are pixels; a thread
// has up to PACK channels of one row.

KERNEL scale_residual(const real *x, const real *z, const float *bias, const float *scale, const float *keep, real *y, wide rows,
                      int channels, int rows_per_image) {
  int packs = (channels + PACK - 1) / PACK;
  for (wide i = FIRST; i < rows * packs; i += STRIDE) {
    wide row = i / packs, at = row * channels;
    int channel = (int)(i % packs) * PACK, left = channels - channel;
    float kept = keep ? keep[row / rows_per_image] : 1, a[PACK], b[PACK];
    load_some(x + at + channel, a, left);
    load_some(z + at + channel, b, left);
    for (int k = 0; k < PACK && k < left; k++) a[k] += kept * scale[channel + k] * (b[k] + (bias ? bias[channel + k] : 0));
    store_some(y + at + channel, a, left);
  }
}

// The gradient of z, and a row of sums per part of the rows: of kept gradients times z, then of kept
// gradients. Blocks are LANES packs of channels by WARPS rows.
KERNEL scale_residual_backward(const real *grad, const real *z, const float *scale, const float *keep, real *dz, float *parts, int rows,
                               int channels, int part, int rows_per_image, int add) {
  int channel = (blockIdx.x * LANES + threadIdx.x) * PACK, left = channels - channel;
  wide end = (wide)(blockIdx.y + 1) * part < rows ? (wide)(blockIdx.y + 1) * part : rows;
  float products[PACK], sums[PACK];
  for (int k = 0; k < PACK; k++) products[k] = sums[k] = 0;
  for (wide row = (wide)blockIdx.y * part + threadIdx.y; left > 0 && row < end; row += WARPS) {
    wide at = row * channels + channel;
    float kept = keep ? keep[row / rows_per_image] : 1, g[PACK], b[PACK], known[PACK];
    load_some(grad + at, g, left);
    load_some(z + at, b, left);
    if (add) load_some(dz + at, known, left);
    for (int k = 0; k < PACK; k++) {
      g[k] *= kept;
      products[k] += g[k] * b[k];
      sums[k] += g[k];
      float slope = k < left ? scale[channel + k] * g[k] : 0;
      known[k] = add ? known[k] + slope : slope;
    }
    store_some(dz + at, known, left);
  }
  store_packs(products, parts + (wide)blockIdx.y * 2 * channels, channels);
  store_packs(sums, parts + ((wide)blockIdx.y * 2 + 1) * channels, channels);
}

// From the sums of all rows: the gradients of scale and of bias.
KERNEL scale_gradient(const float *sums, const float *bias, float *dscale, int channels, int add) {
  for (wide c = FIRST; c < channels; c += STRIDE) give_float(dscale + c, sums[c] + (bias ? bias[c] * sums[channels + c] : 0), add);
}

KERNEL scaled_bias_gradient(const float *sums, const float *scale, float *dbias, int channels, int add) {
  for (wide c = FIRST; c < channels; c += STRIDE) give_float(dbias + c, scale[c] * sums[channels + c], add);
}
