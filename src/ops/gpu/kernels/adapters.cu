// Operations of Depthwise: per-channel patches, filters pooled over channels, instance normalisation.

// Planar images (N, C, H, W) to (N, H/s, W/s, C).
KERNEL channel_patches(const float *x, const float *weight, const float *bias, float *y, int channels, int height, int width,
                       int side, wide n) {
  int rows = height / side, cols = width / side, area = side * side;
  for (wide i = FIRST; i < n; i += STRIDE) {
    int channel = (int)(i % channels), col = (int)(i / channels % cols), row = (int)(i / channels / cols % rows);
    wide image = i / channels / cols / rows;
    const float *from = x + ((image * channels + channel) * height + row * side) * width + col * side;
    float sum = bias[channel];
    for (int tap = 0; tap < area; tap++) sum += from[tap / side * width + tap % side] * weight[channel * area + tap];
    y[i] = sum;
  }
}

// Sums for weights (C, area), then bias (C): a row of `parts` per block in y. A block of BLOCK threads has
// one channel, in x.
KERNEL channel_patches_backward(const float *x, const float *grad, float *parts, int channels, int height, int width, int side,
                                wide places) {
  int rows = height / side, cols = width / side, area = side * side, channel = blockIdx.x;
  for (int tap = 0; tap <= area; tap++) {
    float sum = 0;
    for (wide place = (wide)blockIdx.y * BLOCK + threadIdx.x; place < places; place += (wide)gridDim.y * BLOCK) {
      int col = (int)(place % cols), row = (int)(place / cols % rows);
      wide image = place / cols / rows;
      wide pixel = ((image * channels + channel) * height + row * side + tap / side) * width + col * side + tap % side;
      sum += grad[place * channels + channel] * (tap < area ? x[pixel] : 1);
    }
    sum = sum_block(sum);
    int at = tap < area ? channel * area + tap : channels * area + channel;
    if (threadIdx.x == 0) parts[(wide)blockIdx.y * channels * (area + 1) + at] = sum;
  }
}

// The weight of a channel: softmax of the logits, or 1/C.
DEVICE float share_of(const float *logits, int channels, int channel) {
  if (!logits) return 1.0f / channels;
  float top = logits[0], sum = 0;
  for (int c = 1; c < channels; c++) top = fmaxf(top, logits[c]);
  for (int c = 0; c < channels; c++) sum += expf(logits[c] - top);
  return expf(logits[channel] - top) / sum;
}

// Filters (C, K taps) to (taps C, K), each channel's times its weight.
KERNEL pooled_filters(const float *filters, const float *logits, float *y, int channels, int kernels, int taps) {
  int len = kernels * taps;
  for (wide i = FIRST; i < (wide)channels * len; i += STRIDE) {
    int channel = (int)(i / len), kernel = (int)(i % len / taps), tap = (int)(i % taps);
    y[(tap * channels + channel) * kernels + kernel] = share_of(logits, channels, channel) * filters[i];
  }
}

KERNEL pooled_filters_backward(const float *grad, const float *logits, float *dfilters, int channels, int kernels, int taps, int add) {
  int len = kernels * taps;
  for (wide i = FIRST; i < (wide)channels * len; i += STRIDE) {
    int channel = (int)(i / len), kernel = (int)(i % len / taps), tap = (int)(i % taps);
    float slope = share_of(logits, channels, channel) * grad[(tap * channels + channel) * kernels + kernel];
    give_float(dfilters + i, slope, add);
  }
}

// The gradient of the logits; one block, with at most BLOCK channels.
KERNEL pooled_logits_backward(const float *grad, const float *filters, const float *logits, float *dlogits, int channels, int kernels,
                              int taps, int add) {
  SHARED float slopes[BLOCK];
  int len = kernels * taps;
  for (int channel = 0; channel < channels; channel++) {
    float sum = 0;
    for (int i = threadIdx.x; i < len; i += BLOCK)
      sum += filters[channel * len + i] * grad[(i % taps * channels + channel) * kernels + i / taps];
    sum = sum_block(sum);
    if (threadIdx.x == 0) slopes[channel] = sum;
  }
  __syncthreads();
  int channel = threadIdx.x;
  if (channel >= channels) return;
  float mean = 0;
  for (int c = 0; c < channels; c++) mean += share_of(logits, channels, c) * slopes[c];
  give_float(dlogits + channel, share_of(logits, channels, channel) * (slopes[channel] - mean), add);
}

DEVICE float sum_warps(float x) {
  SHARED float sums[WARPS][LANES];
  __syncthreads();
  sums[threadIdx.y][threadIdx.x] = x;
  __syncthreads();
  float all = 0;
  for (int warp = 0; warp < WARPS; warp++) all += sums[warp][threadIdx.x];
  return all;
}

// Instance normalisation. Blocks are LANES channels by WARPS, one per image in y; `moments` (N, 2, C) are
// means, then inverse standard deviations.
KERNEL instance_norm(const real *x, const float *scale, const float *shift, real *y, float *moments, int pixels, int channels,
                     float eps) {
  int channel = blockIdx.x * LANES + threadIdx.x, live = channel < channels;
  const real *from = x + (wide)blockIdx.y * pixels * channels + channel;
  real *to = y + (wide)blockIdx.y * pixels * channels + channel;
  float sum = 0, squares = 0;
  for (int pixel = threadIdx.y; live && pixel < pixels; pixel += WARPS) sum += of_real(from[(wide)pixel * channels]);
  float mean = sum_warps(sum) / pixels;
  for (int pixel = threadIdx.y; live && pixel < pixels; pixel += WARPS) {
    float apart = of_real(from[(wide)pixel * channels]) - mean;
    squares += apart * apart;
  }
  float inverse = 1 / sqrtf(sum_warps(squares) / pixels + eps);
  if (!live) return;
  for (int pixel = threadIdx.y; pixel < pixels; pixel += WARPS)
    to[(wide)pixel * channels] = to_real((of_real(from[(wide)pixel * channels]) - mean) * inverse * scale[channel] + shift[channel]);
  if (threadIdx.y == 0) {
    moments[(wide)blockIdx.y * 2 * channels + channel] = mean;
    moments[((wide)blockIdx.y * 2 + 1) * channels + channel] = inverse;
  }
}

// `sums` (N, 2, C): sums of grad times the normalised, then of grad: the gradients of scale and shift, per image.
KERNEL instance_norm_backward(const real *x, const float *scale, const float *moments, const real *grad, real *dx, float *sums,
                              int pixels, int channels, int add) {
  int channel = blockIdx.x * LANES + threadIdx.x, live = channel < channels;
  wide image = (wide)blockIdx.y * pixels * channels, line = (wide)blockIdx.y * 2 * channels;
  float mean = live ? moments[line + channel] : 0, inverse = live ? moments[line + channels + channel] : 0;
  float along = 0, total = 0;
  for (int pixel = threadIdx.y; live && pixel < pixels; pixel += WARPS) {
    wide at = image + (wide)pixel * channels + channel;
    along += of_real(grad[at]) * (of_real(x[at]) - mean) * inverse;
    total += of_real(grad[at]);
  }
  along = sum_warps(along);
  total = sum_warps(total);
  if (!live) return;
  for (int pixel = threadIdx.y; pixel < pixels; pixel += WARPS) {
    wide at = image + (wide)pixel * channels + channel;
    float unit = (of_real(x[at]) - mean) * inverse;
    give(dx + at, scale[channel] * inverse * (of_real(grad[at]) - (total + unit * along) / pixels), add);
  }
  if (threadIdx.y == 0) {
    sums[line + channel] = along;
    sums[line + channels + channel] = total;
  }
}
