// Convolutions of frozen networks: neighbourhoods for a product (im2col), and what follows its sums.

// The neighbourhoods (side, side, C) at `n` / (side side C) positions of (N, H', W') from `first` on,
// zero-padded. Each thread copies one number.
KERNEL windows(const real *x, real *y, int height, int width, int channels, int side, int stride, wide first, wide n) {
  int rows = (height - 1) / stride + 1, cols = (width - 1) / stride + 1;
  for (wide i = FIRST; i < n; i += STRIDE) {
    int channel = (int)(i % channels), across = (int)(i / channels % side), down = (int)(i / channels / side % side);
    wide place = first + i / channels / side / side;
    int col = (int)(place % cols) * stride + across - side / 2, row = (int)(place / cols % rows) * stride + down - side / 2;
    wide image = place / cols / rows;
    int inside = row >= 0 && row < height && col >= 0 && col < width;
    y[i] = inside ? x[((image * height + row) * width + col) * channels + channel] : to_real(0);
  }
}

// Scale, shift, optional shortcut, optional ReLU.
KERNEL finish_maps(real *y, const float *scale, const float *shift, const real *shortcut, int relu, int maps, wide n) {
  for (wide i = FIRST; i < n; i += STRIDE) {
    float sum = of_real(y[i]) * scale[i % maps] + shift[i % maps];
    if (shortcut) sum += of_real(shortcut[i]);
    y[i] = to_real(relu ? fmaxf(sum, 0) : sum);
  }
}

// 3 x 3 max pooling with stride 2: `n` numbers of (N, H/2, W/2, C).
KERNEL max_pool(const real *x, real *y, int height, int width, int channels, wide n) {
  int rows = (height + 1) / 2, cols = (width + 1) / 2;
  for (wide i = FIRST; i < n; i += STRIDE) {
    int channel = (int)(i % channels), col = 2 * (int)(i / channels % cols), row = 2 * (int)(i / channels / cols % rows);
    wide image = i / channels / cols / rows;
    float top = LEAST;
    for (int line = row > 0 ? row - 1 : 0; line < row + 2 && line < height; line++)
      for (int at = col > 0 ? col - 1 : 0; at < col + 2 && at < width; at++)
        top = fmaxf(top, of_real(x[((image * height + line) * width + at) * channels + channel]));
    y[i] = to_real(top);
  }
}
