// The end of a residual block: x + keep[image] scale[channel] z. A thread has PACK numbers of one pixel, or, where channels
// come in no packs, one number (`odd`).

DEVICE float factor_of(const float *scale, const float *keep, int channels, wide per_image, wide at) {
  return (keep ? keep[at / per_image] : 1) * scale[at % channels];
}

KERNEL scale_residual(const real *x, const real *z, const float *scale, const float *keep, real *y, int channels, wide per_image,
                      wide n) {
  for (wide at = FIRST * PACK; at < n; at += STRIDE * PACK) {
    float kept = keep ? keep[at / per_image] : 1, a[PACK], b[PACK];
    int channel = (int)(at % channels);
    load_pack(x + at, a);
    load_pack(z + at, b);
    for (int k = 0; k < PACK; k++) a[k] += kept * scale[channel + k] * b[k];
    store_pack(y + at, a);
  }
}

KERNEL scale_residual_odd(const real *x, const real *z, const float *scale, const float *keep, real *y, int channels, wide per_image,
                          wide n) {
  for (wide at = FIRST; at < n; at += STRIDE)
    y[at] = to_real(of_real(x[at]) + factor_of(scale, keep, channels, per_image, at) * of_real(z[at]));
}

KERNEL scale_residual_backward(const real *grad, const float *scale, const float *keep, real *dz, int channels, wide per_image, wide n,
                               int add) {
  for (wide at = FIRST * PACK; at < n; at += STRIDE * PACK) {
    float kept = keep ? keep[at / per_image] : 1, g[PACK], known[PACK];
    int channel = (int)(at % channels);
    load_pack(grad + at, g);
    if (add) load_pack(dz + at, known);
    for (int k = 0; k < PACK; k++) {
      float slope = kept * scale[channel + k] * g[k];
      known[k] = add ? known[k] + slope : slope;
    }
    store_pack(dz + at, known);
  }
}

KERNEL scale_residual_backward_odd(const real *grad, const float *scale, const float *keep, real *dz, int channels, wide per_image,
                                   wide n, int add) {
  for (wide at = FIRST; at < n; at += STRIDE)
    give(dz + at, factor_of(scale, keep, channels, per_image, at) * of_real(grad[at]), add);
}
