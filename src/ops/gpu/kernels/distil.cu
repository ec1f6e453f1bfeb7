// Self-distillation: softmax of centred logits, and the cross-entropy of a student's rows with a teacher's. A block of
// BLOCK threads per row.

// The softmax of sharpness times the centred logits of a row, and its entropy.
KERNEL sharpened(const float *logits, const float *centre, float sharpness, float *p, float *entropies, int cols) {
  logits += (wide)blockIdx.x * cols;
  p += (wide)blockIdx.x * cols;
  float top = LEAST, sum = 0, along = 0;
  for (int col = threadIdx.x; col < cols; col += BLOCK) top = fmaxf(top, logits[col] - centre[col]);
  top = most_block(top);
  for (int col = threadIdx.x; col < cols; col += BLOCK) {
    float z = sharpness * (logits[col] - centre[col] - top), e = expf(z);
    p[col] = e;
    sum += e;
    along += e * z;
  }
  sum = sum_block(sum);
  along = sum_block(along);
  for (int col = threadIdx.x; col < cols; col += BLOCK) p[col] /= sum;
  if (threadIdx.x == 0) entropies[blockIdx.x] = logf(sum) - along / sum;
}

// The entropy of factor times x; one block.
KERNEL entropy(const float *x, float factor, float *y, int n) {
  float sum = 0;
  for (int i = threadIdx.x; i < n; i += BLOCK) {
    float p = factor * x[i];
    if (p > 0) sum -= p * logf(p);
  }
  sum = sum_block(sum);
  if (threadIdx.x == 0) y[0] = sum;
}

// The softmax of a student's row, and its weight times its cross-entropy with the teacher's rows of its unit; with its own view's if
// `own` is 0.
KERNEL distil(const float *logits, float sharpness, const float *teacher, const float *weights, float *softmax, float *losses, int cols,
              int students, int teachers, int own) {
  int row = blockIdx.x, place = row % students;
  logits += (wide)row * cols;
  softmax += (wide)row * cols;
  teacher += (wide)(row / students) * teachers * cols;
  float top = LEAST, sum = 0, along = 0;
  for (int col = threadIdx.x; col < cols; col += BLOCK) top = fmaxf(top, logits[col]);
  top = most_block(top);
  for (int col = threadIdx.x; col < cols; col += BLOCK) {
    float z = sharpness * (logits[col] - top), e = expf(z), target = 0;
    for (int q = 0; q < teachers; q++)
      if (!own || q != place) target += teacher[(wide)q * cols + col];
    softmax[col] = e;
    sum += e;
    along += target * z;
  }
  sum = sum_block(sum);
  along = sum_block(along);
  for (int col = threadIdx.x; col < cols; col += BLOCK) softmax[col] /= sum;
  if (threadIdx.x == 0) losses[row] = weights[row] * ((teachers - own) * logf(sum) - along);
}

KERNEL distil_backward(const float *grad, const float *softmax, const float *teacher, const float *weights, float factor, float *dlogits, int cols,
                       int students, int teachers, int own, int add) {
  int row = blockIdx.x, place = row % students;
  float slope = grad[0] * factor * weights[row];
  softmax += (wide)row * cols;
  dlogits += (wide)row * cols;
  teacher += (wide)(row / students) * teachers * cols;
  for (int col = threadIdx.x; col < cols; col += BLOCK) {
    float target = 0;
    for (int q = 0; q < teachers; q++)
      if (!own || q != place) target += teacher[(wide)q * cols + col];
    give_float(dlogits + col, slope * ((teachers - own) * softmax[col] - target), add);
  }
}

// to = keep to + share from.
KERNEL blend(float *to, const float *from, float keep, float share, wide n) {
  for (wide i = FIRST; i < n; i += STRIDE) to[i] = keep * to[i] + share * from[i];
}
