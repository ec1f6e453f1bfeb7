// Adds the bias after a matrix product.

KERNEL add_bias(real *y, const float *bias, int outs, wide n) {
  for (wide i = FIRST; i < n; i += STRIDE) y[i] = to_real(of_real(y[i]) + bias[i % outs]);
}
