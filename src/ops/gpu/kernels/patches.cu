// Patches of images and neighbourhoods of pixels: reordering of numbers.

// (N, H, W, C) to (N, H/p, W/p, p p C); with `back`, from patches to the image. Each thread copies one
// number.
KERNEL patches(const real *x, real *y, int height, int width, int channels, int side, wide n) {
  int rows = height / side, cols = width / side, line = side * channels;
  for (wide i = FIRST; i < n; i += STRIDE) {
    int within = (int)(i % line), row = (int)(i / line % side), col = (int)(i / line / side % cols);
    wide above = i / line / side / cols; // image and row of patches
    wide image = above / rows, top = above % rows * side + row;
    y[i] = x[((image * height + top) * width + (wide)col * side) * channels + within];
  }
}

KERNEL patches_backward(const real *grad, real *dx, int height, int width, int channels, int side, wide n, int add) {
  int rows = height / side, cols = width / side;
  for (wide i = FIRST; i < n; i += STRIDE) {
    int channel = (int)(i % channels), col = (int)(i / channels % width), row = (int)(i / channels / width % height);
    wide image = i / channels / width / height;
    int inside = row / side < rows && col / side < cols; // pixels beyond the last patch are in none
    wide patch = (image * rows + row / side) * cols + col / side;
    float g = inside ? of_real(grad[((patch * side + row % side) * side + col % side) * channels + channel]) : 0;
    give(dx + i, g, add);
  }
}

// Planar images (N, C, H, W) to (N, H/p, W/p, C p p).
KERNEL planar_patches(const float *x, real *y, int channels, int height, int width, int side, wide n) {
  int rows = height / side, cols = width / side;
  for (wide i = FIRST; i < n; i += STRIDE) {
    int across = (int)(i % side), down = (int)(i / side % side), channel = (int)(i / side / side % channels);
    wide patch = i / side / side / channels;
    int col = (int)(patch % cols), row = (int)(patch / cols % rows);
    wide image = patch / cols / rows;
    y[i] = to_real(x[((image * channels + channel) * height + row * side + down) * width + col * side + across]);
  }
}

// (N, H, W, C) to (N, H, W, 9 C): each pixel with its eight neighbours, zero-padded.
KERNEL neighbourhoods(const real *x, real *y, int height, int width, int channels, wide n) {
  for (wide i = FIRST; i < n; i += STRIDE) {
    int channel = (int)(i % channels), tap = (int)(i / channels % 9);
    wide pixel = i / channels / 9;
    int col = (int)(pixel % width) + tap % 3 - 1, row = (int)(pixel / width % height) + tap / 3 - 1;
    wide image = pixel / width / height;
    int inside = row >= 0 && row < height && col >= 0 && col < width;
    y[i] = inside ? x[((image * height + row) * width + col) * channels + channel] : to_real(0);
  }
}

KERNEL neighbourhoods_backward(const real *grad, real *dx, int height, int width, int channels, wide n, int add) {
  for (wide i = FIRST; i < n; i += STRIDE) {
    int channel = (int)(i % channels);
    wide pixel = i / channels, image = pixel / width / height;
    float sum = 0;
    for (int tap = 0; tap < 9; tap++) {
      int col = (int)(pixel % width) + tap % 3 - 1, row = (int)(pixel / width % height) + tap / 3 - 1;
      // The neighbour at `tap` has this pixel at the opposite tap.
      if (row >= 0 && row < height && col >= 0 && col < width)
        sum += of_real(grad[(((image * height + row) * width + col) * 9 + 8 - tap) * channels + channel]);
    }
    give(dx + i, sum, add);
  }
}
