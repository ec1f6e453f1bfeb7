// Depthwise 7 x 7 convolution, stride 1, padding 3, channels last. A block keeps a tile of the image with its
// margin for LANES channels in shared memory; a warp computes one row of the tile, a thread one channel of
// it, with its taps and a strip of the row in registers. Blocks are LANES by WARPS threads.

#define SIDE 7
#define PAD 3
#define TAPS (SIDE * SIDE)
#define COLS 14 // of a tile; it has WARPS rows
#define TILE_COLS (COLS + 2 * PAD)
#define TILE_ROWS (WARPS + 2 * PAD)

DEVICE void load_tile(const real *image, float tile[TILE_ROWS][TILE_COLS][LANES], int row, int col, int height, int width,
                      int channels, int channel) {
  for (int place = threadIdx.y; place < TILE_ROWS * TILE_COLS; place += WARPS) {
    int i = row + place / TILE_COLS - PAD, j = col + place % TILE_COLS - PAD;
    int inside = channel < channels && i >= 0 && i < height && j >= 0 && j < width;
    tile[place / TILE_COLS][place % TILE_COLS][threadIdx.x] =
        inside ? of_real(image[((wide)i * width + j) * channels + channel]) : 0;
  }
}

// With `flip`, the taps are reversed, which gives the gradient of the input.
KERNEL depthwise(const real *x, const float *taps, const float *bias, real *y, int height, int width, int channels, int flip,
                 int add) {
  SHARED float tile[TILE_ROWS][TILE_COLS][LANES];
  int channel = blockIdx.y * LANES + threadIdx.x, across = (width + COLS - 1) / COLS;
  int row = blockIdx.x / across * WARPS, col = blockIdx.x % across * COLS;
  wide image = (wide)blockIdx.z * height * width * channels;
  load_tile(x + image, tile, row, col, height, width, channels, channel);
  __syncthreads();
  row += threadIdx.y;
  if (row >= height || channel >= channels) return;
  float tap[TAPS], sums[COLS];
  for (int k = 0; k < TAPS; k++) tap[k] = taps[(flip ? TAPS - 1 - k : k) * channels + channel];
  for (int t = 0; t < COLS; t++) sums[t] = bias ? bias[channel] : 0;
  for (int kh = 0; kh < SIDE; kh++) {
    float line[TILE_COLS];
    for (int t = 0; t < TILE_COLS; t++) line[t] = tile[threadIdx.y + kh][t][threadIdx.x];
    for (int kw = 0; kw < SIDE; kw++)
      for (int t = 0; t < COLS; t++) sums[t] += line[t + kw] * tap[kh * SIDE + kw];
  }
  real *out = y + image + ((wide)row * width + col) * channels + channel;
  for (int t = 0; t < COLS; t++)
    if (col + t < width) give(out + (wide)t * channels, sums[t], add);
}

// Gradient sums of taps (49, channels), followed by those of bias: a row of `parts` per warp of each block in
// x. A block loops over many tiles.
KERNEL depthwise_taps(const real *x, const real *grad, float *parts, int images, int height, int width, int channels) {
  SHARED float tile[TILE_ROWS][TILE_COLS][LANES];
  int channel = blockIdx.y * LANES + threadIdx.x, across = (width + COLS - 1) / COLS, down = (height + WARPS - 1) / WARPS;
  float sums[TAPS + 1];
  for (int k = 0; k <= TAPS; k++) sums[k] = 0;
  for (int number = blockIdx.x; number < images * down * across; number += gridDim.x) {
    int row = number / across % down * WARPS, col = number % across * COLS;
    wide image = (wide)(number / (across * down)) * height * width * channels;
    load_tile(x + image, tile, row, col, height, width, channels, channel);
    __syncthreads();
    row += threadIdx.y;
    if (row < height && channel < channels) {
      float g[COLS];
      const real *from = grad + image + ((wide)row * width + col) * channels + channel;
      for (int t = 0; t < COLS; t++) g[t] = col + t < width ? of_real(from[(wide)t * channels]) : 0;
      for (int t = 0; t < COLS; t++) sums[TAPS] += g[t];
      for (int kh = 0; kh < SIDE; kh++) {
        float line[TILE_COLS];
        for (int t = 0; t < TILE_COLS; t++) line[t] = tile[threadIdx.y + kh][t][threadIdx.x];
        for (int kw = 0; kw < SIDE; kw++)
          for (int t = 0; t < COLS; t++) sums[kh * SIDE + kw] += g[t] * line[t + kw];
      }
    }
    __syncthreads();
  }
  if (channel < channels)
    for (int k = 0; k <= TAPS; k++)
      parts[(((wide)blockIdx.x * WARPS + threadIdx.y) * (TAPS + 1) + k) * channels + channel] = sums[k];
}
