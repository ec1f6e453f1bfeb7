// Layer normalisation over rows. `group` neighbouring lanes share a row; each has up to `most` packs of it in
// registers. Blocks are BLOCK threads in one row.

#define MOST (32 / PACK) // packs: rows have at most 32 lanes times 32 numbers

typedef struct { float mean, inverse; } moments;

DEVICE void load_row(const real *x, int width, int group, int most, float v[MOST][PACK]) {
  for (int p = 0; p < most; p++) {
    int at = (threadIdx.x % group + p * group) * PACK;
    load_some(x + at, v[p], width - at);
  }
}

DEVICE moments moments_of(float v[MOST][PACK], int width, int group, int most, float eps) {
  int lane = threadIdx.x % group;
  moments m;
  float sum = 0, squares = 0;
  for (int p = 0; p < most; p++)
    for (int k = 0; k < PACK; k++) sum += v[p][k];
  m.mean = sum_lanes(sum, group) / width;
  for (int p = 0; p < most; p++)
    for (int k = 0; k < PACK; k++)
      if ((lane + p * group) * PACK + k < width) squares += (v[p][k] - m.mean) * (v[p][k] - m.mean);
  m.inverse = 1 / sqrtf(sum_lanes(squares, group) / width + eps);
  return m;
}

DEVICE void layer_norm_of(const real *x, const float *scale, const float *shift, real *y, int rows, int width, float eps,
                          int group, int most) {
  int lane = threadIdx.x % group;
  wide row = (wide)blockIdx.x * (BLOCK / group) + threadIdx.x / group;
  float v[MOST][PACK];
  // Lanes beyond the last row duplicate it, because all have to take part in the sums.
  load_row(x + (row < rows ? row : rows - 1) * width, width, group, most, v);
  moments m = moments_of(v, width, group, most, eps);
  if (row >= rows) return;
  for (int p = 0; p < most; p++) {
    int at = (lane + p * group) * PACK;
    if (at >= width) continue;
    for (int k = 0; k < PACK; k++)
      if (at + k < width) v[p][k] = (v[p][k] - m.mean) * m.inverse * scale[at + k] + shift[at + k];
    store_some(y + row * width + at, v[p], width - at);
  }
}

KERNEL layer_norm_1(const real *x, const float *scale, const float *shift, real *y, int rows, int width, float eps, int group) {
  layer_norm_of(x, scale, shift, y, rows, width, eps, group, 1);
}
KERNEL layer_norm_2(const real *x, const float *scale, const float *shift, real *y, int rows, int width, float eps, int group) {
  layer_norm_of(x, scale, shift, y, rows, width, eps, group, 2);
}
KERNEL layer_norm_4(const real *x, const float *scale, const float *shift, real *y, int rows, int width, float eps, int group) {
  layer_norm_of(x, scale, shift, y, rows, width, eps, group, 4);
}
KERNEL layer_norm_8(const real *x, const float *scale, const float *shift, real *y, int rows, int width, float eps, int group) {
  layer_norm_of(x, scale, shift, y, rows, width, eps, group, MOST < 8 ? MOST : 8);
}

// Gradients of input, scale and shift in one pass. A block loops over many rows and leaves one row of
// `parts`: the sums for scale, then those for shift.
DEVICE void layer_norm_backward_of(const real *x, const float *scale, const real *grad, real *dx, float *parts, int rows, int width,
                                   float eps, int group, int add, int most) {
  SHARED float sums[BLOCK * 32];
  int lane = threadIdx.x % group, own = threadIdx.x / group, groups = BLOCK / group;
  float dscale[MOST][PACK], dshift[MOST][PACK], v[MOST][PACK], g[MOST][PACK];
  for (int p = 0; p < most; p++)
    for (int k = 0; k < PACK; k++) dscale[p][k] = dshift[p][k] = 0;
  for (wide first = (wide)blockIdx.x * groups; first < rows; first += (wide)gridDim.x * groups) {
    int live = first + own < rows;
    wide row = live ? first + own : rows - 1;
    load_row(x + row * width, width, group, most, v);
    load_row(grad + row * width, width, group, most, g);
    moments m = moments_of(v, width, group, most, eps);
    float along = 0, across = 0;
    for (int p = 0; p < most; p++)
      for (int k = 0; k < PACK; k++) {
        int at = (lane + p * group) * PACK + k;
        if (at >= width) continue;
        v[p][k] = (v[p][k] - m.mean) * m.inverse;
        if (live) {
          dscale[p][k] += g[p][k] * v[p][k];
          dshift[p][k] += g[p][k];
        }
        g[p][k] *= scale[at];
        along += g[p][k];
        across += g[p][k] * v[p][k];
      }
    along = sum_lanes(along, group) / width;
    across = sum_lanes(across, group) / width;
    if (!live || !dx) continue;
    for (int p = 0; p < most; p++) {
      int at = (lane + p * group) * PACK;
      if (at >= width) continue;
      float known[PACK];
      if (add) load_some(dx + row * width + at, known, width - at);
      for (int k = 0; k < PACK; k++) {
        float slope = m.inverse * (g[p][k] - along - v[p][k] * across);
        known[k] = add ? known[k] + slope : slope;
      }
      store_some(dx + row * width + at, known, width - at);
    }
  }
  for (int which = 0; which < 2; which++) {
    for (int p = 0; p < most; p++)
      for (int k = 0; k < PACK; k++) {
        int at = (lane + p * group) * PACK + k;
        if (at < width) sums[own * width + at] = which ? dshift[p][k] : dscale[p][k];
      }
    __syncthreads();
    for (int at = threadIdx.x; at < width; at += BLOCK) {
      float sum = 0;
      for (int other = 0; other < groups; other++) sum += sums[other * width + at];
      parts[((wide)blockIdx.x * 2 + which) * width + at] = sum;
    }
    __syncthreads();
  }
}

KERNEL layer_norm_backward_1(const real *x, const float *scale, const real *grad, real *dx, float *parts, int rows, int width,
                             float eps, int group, int add) {
  layer_norm_backward_of(x, scale, grad, dx, parts, rows, width, eps, group, add, 1);
}
KERNEL layer_norm_backward_2(const real *x, const float *scale, const real *grad, real *dx, float *parts, int rows, int width,
                             float eps, int group, int add) {
  layer_norm_backward_of(x, scale, grad, dx, parts, rows, width, eps, group, add, 2);
}
KERNEL layer_norm_backward_4(const real *x, const float *scale, const real *grad, real *dx, float *parts, int rows, int width,
                             float eps, int group, int add) {
  layer_norm_backward_of(x, scale, grad, dx, parts, rows, width, eps, group, add, 4);
}
KERNEL layer_norm_backward_8(const real *x, const float *scale, const real *grad, real *dx, float *parts, int rows, int width,
                             float eps, int group, int add) {
  layer_norm_backward_of(x, scale, grad, dx, parts, rows, width, eps, group, add, MOST < 8 ? MOST : 8);
}
