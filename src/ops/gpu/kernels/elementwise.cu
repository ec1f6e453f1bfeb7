// Sums, casts and scalars.

KERNEL add_into(real *sum, const real *more, wide n) {
  for (wide i = FIRST; i < n; i += STRIDE) sum[i] = to_real(of_real(sum[i]) + of_real(more[i]));
}

KERNEL add(const real *a, const real *b, real *y, wide n) {
  for (wide i = FIRST; i < n; i += STRIDE) y[i] = to_real(of_real(a[i]) + of_real(b[i]));
}

KERNEL narrow(const float *x, real *y, wide n) {
  for (wide i = FIRST; i < n; i += STRIDE) y[i] = to_real(x[i]);
}

KERNEL widen(const real *x, float *y, wide n, int add) {
  for (wide i = FIRST; i < n; i += STRIDE) give_float(y + i, of_real(x[i]), add);
}

// y = factor x, or y += factor x.
KERNEL scaled(const float *x, float *y, float factor, wide n, int add) {
  for (wide i = FIRST; i < n; i += STRIDE) give_float(y + i, factor * x[i], add);
}

// y = factor x for each of n, where x is a scalar.
KERNEL spread(const float *x, real *y, float factor, wide n, int add) {
  for (wide i = FIRST; i < n; i += STRIDE) give(y + i, factor * x[0], add);
}

// y = x e^(rate exponent).
KERNEL times_exp(const float *x, const float *exponent, float rate, float *y, wide n, int add) {
  float factor = expf(rate * exponent[0]);
  for (wide i = FIRST; i < n; i += STRIDE) give_float(y + i, x[i] * factor, add);
}

// The factor times the dot product; one block.
KERNEL dot(const float *a, const float *b, float factor, float *y, int n, int add) {
  float sum = 0;
  for (int i = threadIdx.x; i < n; i += BLOCK) sum += a[i] * b[i];
  sum = sum_block(sum);
  if (threadIdx.x == 0) give_float(y, factor * sum, add);
}

// The factor times the sum; one block.
KERNEL total(const float *x, float factor, float *y, int n, int add) {
  float sum = 0;
  for (int i = threadIdx.x; i < n; i += BLOCK) sum += x[i];
  sum = sum_block(sum);
  if (threadIdx.x == 0) give_float(y, factor * sum, add);
}

// Updates a running mean with `next`, the last of `count`.
KERNEL approach(float *mean, const float *next, float count, wide n) {
  for (wide i = FIRST; i < n; i += STRIDE) mean[i] += (next[i] - mean[i]) / count;
}
