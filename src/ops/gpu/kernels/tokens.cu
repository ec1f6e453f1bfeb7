// Tokens of transformers: reordering of numbers, and sums over images.

// (N, T, C) to (N, first + T, C) = (N, all, C). Each token has a row of the table (all, C).
KERNEL tokens(const real *patches, const real *table, real *y, int first, int all, int width, wide n) {
  for (wide i = FIRST; i < n; i += STRIDE) {
    int channel = (int)(i % width), token = (int)(i / width % all);
    wide image = i / width / all;
    float sum = of_real(table[(wide)token * width + channel]);
    if (token >= first) sum += of_real(patches[(image * (all - first) + token - first) * width + channel]);
    y[i] = to_real(sum);
  }
}

// Sums over images, in order; n is the size of the table.
KERNEL tokens_table_backward(const real *grad, real *dtable, int images, wide n, int add) {
  for (wide i = FIRST; i < n; i += STRIDE) {
    float sum = 0;
    for (int image = 0; image < images; image++) sum += of_real(grad[image * n + i]);
    give(dtable + i, sum, add);
  }
}

// `count` of the tokens (N, all, C) from `first` on.
KERNEL token_range(const real *x, real *y, int first, int count, int all, int width, wide n, int add) {
  for (wide i = FIRST; i < n; i += STRIDE) {
    int channel = (int)(i % width), token = (int)(i / width % count);
    wide image = i / width / count;
    give(y + i, of_real(x[(image * all + first + token) * width + channel]), add);
  }
}

KERNEL token_range_backward(const real *grad, real *dx, int first, int count, int all, int width, wide n, int add) {
  for (wide i = FIRST; i < n; i += STRIDE) {
    int channel = (int)(i % width), token = (int)(i / width % all) - first;
    wide image = i / width / all;
    int inside = token >= 0 && token < count;
    float g = inside ? of_real(grad[(image * count + token) * width + channel]) : 0;
    give(dx + i, g, add);
  }
}
