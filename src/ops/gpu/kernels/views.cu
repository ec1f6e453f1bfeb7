// Augmented views of stored images: warped if there is a warp, then resampled along rows and columns, turned,
// normalised, brightened, changed in intensity.
//
// `views` has a row of LINE integers per view. Grey levels are bytes, or floats if there are no bytes.

#define LINE 17
#define PIXELS 0      // offset of the image
#define HEIGHT 1
#define WIDTH 2       // of a channel; channels are adjacent
#define ROWS 3        // offset in `firsts` of the first source row of each output row
#define ROW_TAPS 4    // source rows of each
#define ROW_WEIGHTS 5 // offset of their weights in `numbers`
#define COLUMNS 6
#define COLUMN_TAPS 7
#define COLUMN_WEIGHTS 8
#define QUARTERS 9    // counter-clockwise
#define BRIGHTNESS 10 // offset in `numbers` of a factor for each channel; -1: none
#define WARP 11       // 0: none; 1: a spline; 2: a grid of points
#define TERMS 12      // offset of the warp's numbers in `numbers`
#define WARPED 13     // offset of the warped image in `warped`, channel by channel
#define DOWN 14       // points of the grid; terms of the spline
#define ACROSS 15
#define INTENSITY 16  // offset in `numbers` of a shift and an exponent for each channel; -1: none

// The image is mirrored at its edge, repeating the last pixel.
DEVICE int mirrored(int i, int length) {
  i %= 2 * length;
  if (i < 0) i += 2 * length;
  return i < length ? i : 2 * length - 1 - i;
}

// A spline: unit, constant, slopes along the width and down, then centre and weight of each term; (row, column) except
// for centres, which are (column, row). A rotation is one without terms.
DEVICE void spline_at(const float *terms, int count, int row, int column, float *at) {
  float unit = terms[0], x = column * unit, y = row * unit;
  for (int k = 0; k < 2; k++) at[k] = terms[1 + k] + terms[3 + k] * x + terms[5 + k] * y;
  for (int term = 0; term < count; term++) {
    const float *own = terms + 7 + 4 * term;
    float dx = x - own[0], dy = y - own[1], square = dx * dx + dy * dy;
    float bend = square > 0 ? 0.5f * square * logf(square) : 0;
    at[0] += own[2] * bend;
    at[1] += own[3] * bend;
  }
  at[0] += row;
  at[1] += column;
}

// Interpolates a grid of points, one for about every ten pixels.
DEVICE void grid_at(const float *points, int down, int across, int row, int column, int height, int width, float *at) {
  float most_y = down - 1, most_x = across - 1;
  float y = ((height - 1) / 10.0f - 1) * row / (height > 1 ? height - 1 : 1);
  float x = ((width - 1) / 10.0f - 1) * column / (width > 1 ? width - 1 : 1);
  y = fminf(fmaxf(y, 0), most_y);
  x = fminf(fmaxf(x, 0), most_x);
  int above = (int)y, left = (int)x;
  int below = above + 1 < down ? above + 1 : down - 1, right = left + 1 < across ? left + 1 : across - 1;
  y -= above;
  x -= left;
  for (int k = 0; k < 2; k++) {
    float top = points[(above * across + left) * 2 + k] * (1 - x) + points[(above * across + right) * 2 + k] * x;
    float low = points[(below * across + left) * 2 + k] * (1 - x) + points[(below * across + right) * 2 + k] * x;
    at[k] = top * (1 - y) + low * y;
  }
}

DEVICE float level(const unsigned char *bytes, const float *floats, wide at) { return bytes ? bytes[at] : floats[at]; }

// A block in y per view.
KERNEL warp_images(const unsigned char *bytes, const float *floats, const wide *views, const float *numbers, float *warped, int channels) {
  const wide *view = views + (wide)blockIdx.y * LINE;
  if (!view[WARP]) return;
  int height = (int)view[HEIGHT], width = (int)view[WIDTH];
  for (wide i = FIRST; i < (wide)height * width; i += STRIDE) {
    int row = (int)(i / width), column = (int)(i % width);
    float at[2];
    if (view[WARP] == 1)
      spline_at(numbers + view[TERMS], (int)view[DOWN], row, column, at);
    else
      grid_at(numbers + view[TERMS], (int)view[DOWN], (int)view[ACROSS], row, column, height, width, at);
    float down = floorf(at[0]), across = floorf(at[1]), y = at[0] - down, x = at[1] - across;
    int above = mirrored((int)down, height), below = mirrored((int)down + 1, height);
    int left = mirrored((int)across, width), right = mirrored((int)across + 1, width);
    for (int channel = 0; channel < channels; channel++) {
      wide first = view[PIXELS] + (wide)channel * width, line = (wide)width * channels;
      float a = level(bytes, floats, first + above * line + left) * ((1 - y) * (1 - x));
      float b = level(bytes, floats, first + above * line + right) * ((1 - y) * x);
      float c = level(bytes, floats, first + below * line + left) * (y * (1 - x));
      float d = level(bytes, floats, first + below * line + right) * (y * x);
      warped[view[WARPED] + (wide)channel * height * width + i] = (a + b) + (c + d);
    }
  }
}

// (views, channels, side, side). A block in y per view; `norm` has mean and standard deviation of each
// channel of each view.
KERNEL resample_views(const unsigned char *bytes, const float *floats, const float *warped, const wide *views, const unsigned *firsts,
                      const float *numbers, const float *norm, float *out, int channels, int side) {
  const wide *view = views + (wide)blockIdx.y * LINE;
  int width = (int)view[WIDTH], last = side - 1, bent = view[WARP] != 0;
  int row_taps = (int)view[ROW_TAPS], column_taps = (int)view[COLUMN_TAPS];
  for (wide i = FIRST; i < (wide)side * side; i += STRIDE) {
    int r = (int)(i / side), c = (int)(i % side), row = r, column = c;
    if (view[QUARTERS] == 1) row = c, column = last - r;
    if (view[QUARTERS] == 2) row = last - r, column = last - c;
    if (view[QUARTERS] == 3) row = last - c, column = r;
    const float *row_weights = numbers + view[ROW_WEIGHTS] + (wide)row * row_taps;
    const float *column_weights = numbers + view[COLUMN_WEIGHTS] + (wide)column * column_taps;
    wide top = firsts[view[ROWS] + row], left = firsts[view[COLUMNS] + column];
    for (int channel = 0; channel < channels; channel++) {
      wide line = bent ? width : (wide)width * channels;
      wide first = bent ? view[WARPED] + (wide)channel * view[HEIGHT] * width : view[PIXELS] + (wide)channel * width;
      float sum = 0;
      for (int a = 0; a < column_taps; a++) {
        float along = 0;
        for (int b = 0; b < row_taps; b++) {
          wide at = first + (top + b) * line + left + a;
          along += row_weights[b] * (bent ? warped[at] : level(bytes, floats, at));
        }
        sum += along * column_weights[a];
      }
      const float *own = norm + 2 * ((wide)blockIdx.y * channels + channel);
      float mean = own[0], sd = own[1];
      float value = sum / (255 * sd) - mean / sd;
      if (view[BRIGHTNESS] >= 0) {
        float bright = (value * sd + mean) * numbers[view[BRIGHTNESS] + channel];
        value = (fminf(fmaxf(bright, 0), 1) - mean) / sd;
      }
      if (view[INTENSITY] >= 0) {
        const float *change = numbers + view[INTENSITY] + 2 * channel;
        float shifted = fminf(fmaxf(value * sd + mean + change[0], 0), 1);
        value = (fminf(fmaxf(powf(shifted, change[1]), 0), 1) - mean) / sd;
      }
      out[((wide)blockIdx.y * channels + channel) * side * side + i] = value;
    }
  }
}
