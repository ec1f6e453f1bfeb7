// Losses on a few hundred rows and columns: L2 normalisation of rows, softmax with cross-entropy. A block of
// BLOCK threads per row.

#define SHORTEST 1e-12f // shorter rows are divided by this instead

KERNEL normalise_rows(const float *x, float *y, int width) {
  x += (wide)blockIdx.x * width;
  y += (wide)blockIdx.x * width;
  float sum = 0;
  for (int i = threadIdx.x; i < width; i += BLOCK) sum += x[i] * x[i];
  float inverse = 1 / fmaxf(sqrtf(sum_block(sum)), SHORTEST);
  for (int i = threadIdx.x; i < width; i += BLOCK) y[i] = x[i] * inverse;
}

KERNEL normalise_rows_backward(const float *x, const float *y, const float *grad, float *dx, int width, int add) {
  wide row = (wide)blockIdx.x * width;
  float squares = 0, along = 0;
  for (int i = threadIdx.x; i < width; i += BLOCK) {
    squares += x[row + i] * x[row + i];
    along += y[row + i] * grad[row + i];
  }
  float length = sqrtf(sum_block(squares));
  along = sum_block(along);
  // A row that was divided by the minimum norm has no component to project out.
  if (length <= SHORTEST) along = 0;
  for (int i = threadIdx.x; i < width; i += BLOCK)
    give_float(dx + row + i, (grad[row + i] - y[row + i] * along) / fmaxf(length, SHORTEST), add);
}

// Softmax of scale times the logits, and -log of it at the target; `without` is a column that a row excludes.
KERNEL cross_entropy(const float *logits, float scale, const unsigned *targets, const unsigned *without, float *softmax,
                     float *losses, int cols) {
  int row = blockIdx.x, left_out = without ? (int)without[row] : -1;
  logits += (wide)row * cols;
  softmax += (wide)row * cols;
  float top = LEAST, sum = 0;
  for (int col = threadIdx.x; col < cols; col += BLOCK)
    if (col != left_out) top = fmaxf(top, logits[col]);
  top = most_block(top);
  for (int col = threadIdx.x; col < cols; col += BLOCK) {
    float e = col == left_out ? 0 : expf(scale * (logits[col] - top));
    softmax[col] = e;
    sum += e;
  }
  sum = sum_block(sum);
  for (int col = threadIdx.x; col < cols; col += BLOCK) softmax[col] /= sum;
  if (threadIdx.x == 0) losses[row] = logf(sum) - scale * (logits[targets[row]] - top);
}

KERNEL cross_entropy_backward(const float *grad, const float *softmax, const unsigned *targets, float scale, float *dlogits, int rows,
                              int cols, int add) {
  float slope = grad[0] * scale / rows;
  for (wide i = FIRST; i < (wide)rows * cols; i += STRIDE)
    give_float(dlogits + i, slope * (softmax[i] - (i % cols == targets[i / cols])), add);
}

// Embedding lookup: rows of a table, by number.
KERNEL table_rows(const float *table, const unsigned *rows, float *y, int width, wide n) {
  for (wide i = FIRST; i < n; i += STRIDE) y[i] = table[(wide)rows[i / width] * width + i % width];
}

// The gradient of a table: each of its rows gathers from all positions that used it, in order.
KERNEL table_rows_backward(const float *grad, const unsigned *rows, float *dtable, int count, int width, wide n, int add) {
  for (wide i = FIRST; i < n; i += STRIDE) {
    float sum = 0;
    for (int row = 0; row < count; row++)
      if (rows[row] == i / width) sum += grad[(wide)row * width + i % width];
    give_float(dtable + i, sum, add);
  }
}
