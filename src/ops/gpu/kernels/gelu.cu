// GELU in its exact form, x times the normal distribution function.

DEVICE float distribution(float x) { return 0.5f * (1 + erff(x * 0.70710678f)); }

KERNEL gelu(const real *x, real *y, wide n) {
  for (wide i = FIRST; i * PACK < n; i += STRIDE) {
    float v[PACK];
    load_some(x + i * PACK, v, n - i * PACK);
    for (int k = 0; k < PACK; k++) v[k] *= distribution(v[k]);
    store_some(y + i * PACK, v, n - i * PACK);
  }
}

// Turns the gradient of y into that of x, in place.
KERNEL gelu_backward(const real *x, real *grad, wide n) {
  for (wide i = FIRST; i * PACK < n; i += STRIDE) {
    float v[PACK], g[PACK];
    load_some(x + i * PACK, v, n - i * PACK);
    load_some(grad + i * PACK, g, n - i * PACK);
    for (int k = 0; k < PACK; k++)
      g[k] *= distribution(v[k]) + v[k] * 0.39894228f * expf(-0.5f * v[k] * v[k]);
    store_some(grad + i * PACK, g, n - i * PACK);
  }
}
