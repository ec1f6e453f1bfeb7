// KoLeo: rows keep away from their nearest neighbours. A block of BLOCK threads per row.

// Added to each difference and to each distance.
#define APART 1e-8f

// The row of its group with the largest product with each row, their distance and its logarithm.
KERNEL koleo(const float *x, unsigned *nearest, float *distances, float *logs, int rows, int width, int groups) {
  int row = blockIdx.x, found = row;
  const float *own = x + (wide)row * width;
  float most = LEAST;
  for (int other = row % groups; other < rows; other += groups) {
    if (other == row) continue;
    float product = 0;
    for (int col = threadIdx.x; col < width; col += BLOCK) product += own[col] * x[(wide)other * width + col];
    product = sum_block(product);
    if (product > most) {
      most = product;
      found = other;
    }
  }
  float sum = 0;
  for (int col = threadIdx.x; col < width; col += BLOCK) {
    float apart = own[col] - x[(wide)found * width + col] + APART;
    sum += apart * apart;
  }
  sum = sum_block(sum);
  if (threadIdx.x == 0) {
    nearest[row] = (unsigned)found;
    distances[row] = sqrtf(sum);
    logs[row] = logf(sqrtf(sum) + APART);
  }
}

// Each row gathers the slopes of its own distance and of those of which it is the nearest.
KERNEL koleo_backward(const float *grad, const float *x, const unsigned *nearest, const float *distances, float factor, float *dx,
                      int rows, int width, int groups, int add) {
  int row = blockIdx.x;
  float slope = grad[0] * factor;
  for (int col = threadIdx.x; col < width; col += BLOCK) {
    float own = x[(wide)row * width + col];
    float d = distances[row];
    float sum = slope / fmaxf(d * (d + APART), 1.17549435e-38f) * (own - x[(wide)nearest[row] * width + col] + APART);
    for (int other = row % groups; other < rows; other += groups) {
      if ((int)nearest[other] != row) continue;
      d = distances[other];
      sum -= slope / fmaxf(d * (d + APART), 1.17549435e-38f) * (x[(wide)other * width + col] - own + APART);
    }
    give_float(dx + (wide)row * width + col, sum, add);
  }
}
