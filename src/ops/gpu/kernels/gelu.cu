// Exact GELU, x times the normal distribution function; of x, or of a product plus bias.

DEVICE float distribution(float x) { return 0.5f * (1 + erff(x * 0.70710678f)); }

DEVICE float slope_of(float x) { return distribution(x) + x * 0.39894228f * expf(-0.5f * x * x); }

KERNEL gelu(const real *x, real *y, wide n) {
  for (wide i = FIRST; i * PACK < n; i += STRIDE) {
    float v[PACK];
    load_some(x + i * PACK, v, n - i * PACK);
    for (int k = 0; k < PACK; k++) v[k] *= distribution(v[k]);
    store_some(y + i * PACK, v, n - i * PACK);
  }
}

// Replaces the gradient of y by that of x.
KERNEL gelu_backward(const real *x, real *grad, wide n) {
  for (wide i = FIRST; i * PACK < n; i += STRIDE) {
    float v[PACK], g[PACK];
    load_some(x + i * PACK, v, n - i * PACK);
    load_some(grad + i * PACK, g, n - i * PACK);
    for (int k = 0; k < PACK; k++) g[k] *= slope_of(v[k]);
    store_some(grad + i * PACK, g, n - i * PACK);
  }
}

// Each thread has up to PACK columns of a row.
KERNEL gelu_of_sum(const real *x, const float *bias, real *y, wide rows, int cols) {
  int packs = (cols + PACK - 1) / PACK;
  for (wide i = FIRST; i < rows * packs; i += STRIDE) {
    int col = (int)(i % packs) * PACK, left = cols - col;
    wide at = i / packs * cols + col;
    float v[PACK];
    load_some(x + at, v, left);
    for (int k = 0; k < PACK && k < left; k++) {
      v[k] += bias[col + k];
      v[k] *= distribution(v[k]);
    }
    store_some(y + at, v, left);
  }
}

// The same in place, and a row of sums per part of the rows: the gradient of bias. Blocks are LANES packs of
// columns by WARPS rows.
KERNEL gelu_of_sum_backward(const real *x, const float *bias, real *grad, float *parts, int rows, int cols, int part) {
  int col = (blockIdx.x * LANES + threadIdx.x) * PACK, left = cols - col;
  wide end = (wide)(blockIdx.y + 1) * part < rows ? (wide)(blockIdx.y + 1) * part : rows;
  float sums[PACK], offset[PACK];
  for (int k = 0; k < PACK; k++) {
    sums[k] = 0;
    offset[k] = k < left ? bias[col + k] : 0;
  }
  for (wide row = (wide)blockIdx.y * part + threadIdx.y; left > 0 && row < end; row += WARPS) {
    float v[PACK], g[PACK];
    load_some(x + row * cols + col, v, left);
    load_some(grad + row * cols + col, g, left);
    for (int k = 0; k < PACK; k++) {
      g[k] *= slope_of(v[k] + offset[k]);
      sums[k] += g[k];
    }
    store_some(grad + row * cols + col, g, left);
  }
  store_packs(sums, parts + (wide)blockIdx.y * cols, cols);
}
