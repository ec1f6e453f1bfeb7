// Attention weights: softmax of scale times the rows of logits. LANES threads per row.

KERNEL softmax_rows(const float *logits, real *weights, float scale, int width, wide rows) {
  wide row = (wide)blockIdx.x * WARPS + threadIdx.x / LANES;
  if (row >= rows) return;
  logits += row * width;
  weights += row * width;
  float top = LEAST, sum = 0;
  for (int col = threadIdx.x % LANES; col < width; col += LANES) top = fmaxf(top, logits[col]);
  top = most_lanes(top, LANES);
  for (int col = threadIdx.x % LANES; col < width; col += LANES) sum += expf(scale * (logits[col] - top));
  float share = 1 / sum_lanes(sum, LANES);
  for (int col = threadIdx.x % LANES; col < width; col += LANES)
    weights[col] = to_real(share * expf(scale * (logits[col] - top)));
}

// The gradient of the logits, from the weights and their gradient `grad`.
KERNEL softmax_rows_backward(const real *weights, const float *grad, real *slopes, float scale, int width, wide rows) {
  wide row = (wide)blockIdx.x * WARPS + threadIdx.x / LANES;
  if (row >= rows) return;
  weights += row * width;
  grad += row * width;
  slopes += row * width;
  float mean = 0;
  for (int col = threadIdx.x % LANES; col < width; col += LANES) mean += of_real(weights[col]) * grad[col];
  mean = sum_lanes(mean, LANES);
  for (int col = threadIdx.x % LANES; col < width; col += LANES)
    slopes[col] = to_real(scale * of_real(weights[col]) * (grad[col] - mean));
}
