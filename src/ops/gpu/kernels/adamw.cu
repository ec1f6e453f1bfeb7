// AdamW over all parameters at once. `table` has a row of five numbers for each of `lines` parameters: the
// addresses of weights, gradient, mean and square, and their number of elements. A block processes CHUNK
// elements; `starts` has the first block of each parameter.

#define CHUNK 4096

DEVICE int parameter_of(const int *starts, int lines, int block) {
  int from = 0, to = lines;
  while (to - from > 1) {
    int middle = (from + to) / 2;
    if (starts[middle] <= block)
      from = middle;
    else
      to = middle;
  }
  return from;
}

// `factors` has decay, rate and correction of each parameter.
KERNEL adamw(const wide *table, const int *starts, const float *factors, int lines, float beta1, float beta2, float rest1, float rest2,
             float eps) {
  int line = parameter_of(starts, lines, blockIdx.x);
  const wide *own = table + (wide)line * 5;
  float *weights = (float *)own[0], *mean = (float *)own[2], *square = (float *)own[3];
  const float *gradient = (const float *)own[1];
  float decay = factors[3 * line], rate = factors[3 * line + 1], correction = factors[3 * line + 2];
  wide first = (wide)(blockIdx.x - starts[line]) * CHUNK, end = first + CHUNK < own[4] ? first + CHUNK : own[4];
  for (wide i = first + threadIdx.x; i < end; i += BLOCK) {
    float g = gradient[i], m = beta1 * mean[i] + rest1 * g, s = beta2 * square[i] + rest2 * g * g;
    mean[i] = m;
    square[i] = s;
    weights[i] = weights[i] * decay - rate * m / (sqrtf(s) * correction + eps);
  }
}

// The sum of squares of the gradients, per block.
KERNEL gradient_squares(const wide *table, const int *starts, int lines, float *sums) {
  int line = parameter_of(starts, lines, blockIdx.x);
  const wide *own = table + (wide)line * 5;
  const float *gradient = (const float *)own[1];
  wide first = (wide)(blockIdx.x - starts[line]) * CHUNK, end = first + CHUNK < own[4] ? first + CHUNK : own[4];
  float sum = 0;
  for (wide i = first + threadIdx.x; i < end; i += BLOCK) sum += gradient[i] * gradient[i];
  sum = sum_block(sum);
  if (threadIdx.x == 0) sums[blockIdx.x] = sum;
}
