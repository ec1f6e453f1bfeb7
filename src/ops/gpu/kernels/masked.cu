// Masked autoencoders: tokens that are chosen one by one, and the squared error of some.

// (N, all, C) to (N, count, C): the token at each of the places.
KERNEL chosen_tokens(const real *x, const unsigned *places, real *y, int count, int all, int width, wide n, int add) {
  for (wide i = FIRST; i < n; i += STRIDE) {
    int channel = (int)(i % width);
    wide token = i / width, image = token / count;
    give(y + i, of_real(x[(image * all + places[token]) * width + channel]), add);
  }
}

// (N, count, C) to (N, all, C): `numbers` (N, all) says which of them each token is; from `count` on it is the filler, or 0.
KERNEL spread_tokens(const real *x, const float *filler, const unsigned *numbers, real *y, int count, int all, int width, wide n, int add) {
  for (wide i = FIRST; i < n; i += STRIDE) {
    int channel = (int)(i % width);
    wide token = i / width, image = token / all;
    int number = (int)numbers[token];
    float other = filler ? filler[channel] : 0;
    give(y + i, number < count ? of_real(x[(image * count + number) * width + channel]) : other, add);
  }
}

// Sums over the tokens of each image that are no longer there; n is images times width.
KERNEL left_out_sums(const real *grad, const unsigned *numbers, float *sums, int count, int all, int width, wide n) {
  for (wide i = FIRST; i < n; i += STRIDE) {
    int channel = (int)(i % width);
    wide first = i / width * all;
    float sum = 0;
    for (int token = 0; token < all; token++)
      if ((int)numbers[first + token] >= count) sum += of_real(grad[(first + token) * width + channel]);
    sums[i] = sum;
  }
}

// The sum of squares of each of `rows`; a block for each.
KERNEL masked_error(const real *x, const float *target, const unsigned *rows, float *errors, int len) {
  wide row = (wide)rows[blockIdx.x] * len;
  float sum = 0;
  for (int i = threadIdx.x; i < len; i += BLOCK) {
    float apart = of_real(x[row + i]) - target[row + i];
    sum += apart * apart;
  }
  sum = sum_block(sum);
  if (threadIdx.x == 0) errors[blockIdx.x] = sum;
}

KERNEL masked_error_backward(const float *grad, const real *x, const float *target, const unsigned *counts, float scale, real *dx, int len,
                             wide n, int add) {
  float slope = grad[0] * scale;
  for (wide i = FIRST; i < n; i += STRIDE) give(dx + i, counts[i / len] ? slope * (of_real(x[i]) - target[i]) : 0, add);
}
