// Column sums of matrices in two stages: a row of partial sums per part of the rows, which are then summed in
// turn. The order is fixed, so that the same numbers give the same bits. Blocks are LANES columns by WARPS
// rows.

DEVICE void store_columns(float sum, float *sums, int cols, int add) {
  SHARED float shared[WARPS][LANES];
  int col = blockIdx.x * LANES + threadIdx.x;
  shared[threadIdx.y][threadIdx.x] = sum;
  __syncthreads();
  if (threadIdx.y == 0 && col < cols) {
    float all = 0;
    for (int warp = 0; warp < WARPS; warp++) all += shared[warp][threadIdx.x];
    give_float(sums + (wide)blockIdx.y * cols + col, all, add);
  }
  __syncthreads();
}

#define PART_OF_ROWS \
  int col = blockIdx.x * LANES + threadIdx.x; \
  wide first = (wide)blockIdx.y * part + threadIdx.y, end = (wide)(blockIdx.y + 1) * part; \
  if (end > rows) end = rows;

KERNEL column_sums(const real *x, float *sums, int rows, int cols, int part, int add) {
  PART_OF_ROWS
  float sum = 0;
  if (col < cols)
    for (wide row = first; row < end; row += WARPS) sum += of_real(x[row * cols + col]);
  store_columns(sum, sums, cols, add);
}

// Sums of squared differences.
KERNEL column_distances(const real *x, const real *around, float *sums, int rows, int cols, int part) {
  PART_OF_ROWS
  float sum = 0;
  if (col < cols)
    for (wide row = first; row < end; row += WARPS) {
      float apart = of_real(x[row * cols + col]) - of_real(around[row * cols + col]);
      sum += apart * apart;
    }
  store_columns(sum, sums, cols, 0);
}
