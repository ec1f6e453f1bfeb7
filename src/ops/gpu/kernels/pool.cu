// Global average pooling over an image's pixels.

// (N, pixels, C) to (N, C). Blocks are LANES channels by WARPS; one per image in y.
KERNEL mean_pixels(const real *x, float *y, int pixels, int channels) {
  SHARED float sums[WARPS][LANES];
  int channel = blockIdx.x * LANES + threadIdx.x;
  float sum = 0;
  if (channel < channels)
    for (int pixel = threadIdx.y; pixel < pixels; pixel += WARPS)
      sum += of_real(x[((wide)blockIdx.y * pixels + pixel) * channels + channel]);
  sums[threadIdx.y][threadIdx.x] = sum;
  __syncthreads();
  if (threadIdx.y == 0 && channel < channels) {
    float all = 0;
    for (int warp = 0; warp < WARPS; warp++) all += sums[warp][threadIdx.x];
    y[(wide)blockIdx.y * channels + channel] = all / pixels;
  }
}

KERNEL mean_pixels_backward(const float *grad, real *dx, int pixels, int channels, wide n, int add) {
  for (wide i = FIRST; i < n; i += STRIDE)
    give(dx + i, grad[i / channels / pixels * channels + i % channels] / pixels, add);
}
