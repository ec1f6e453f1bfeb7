// MIRO's variance penalty: negative log-likelihood under a Gaussian around other features, with one variance
// per channel.

#define LEAST_VARIANCE 1e-5f

DEVICE float variance_of(float raw) { return (raw > 20 ? raw : log1pf(expf(raw))) + LEAST_VARIANCE; }

// Half the mean over `count` numbers; one block.
KERNEL variance_penalty(const float *squares, const float *raw, float *y, int channels, float count) {
  float sum = 0;
  for (int c = threadIdx.x; c < channels; c += BLOCK) {
    float v = variance_of(raw[c]);
    sum += squares[c] / v + count / channels * logf(v);
  }
  sum = sum_block(sum);
  if (threadIdx.x == 0) y[0] = 0.5f * sum / count;
}

KERNEL variance_penalty_backward(const float *grad, const real *x, const real *around, const float *raw, real *dx, int channels,
                                 wide n, int add) {
  for (wide i = FIRST; i < n; i += STRIDE)
    give(dx + i, grad[0] / n / variance_of(raw[i % channels]) * (of_real(x[i]) - of_real(around[i])), add);
}

KERNEL variance_backward(const float *grad, const float *squares, const float *raw, float *draw, int channels, float count, int add) {
  for (wide c = FIRST; c < channels; c += STRIDE) {
    float v = variance_of(raw[c]);
    float slope = 0.5f * grad[0] / count * (count / channels / v - squares[c] / (v * v));
    give_float(draw + c, slope / (1 + expf(-raw[c])), add);
  }
}
