// The common prefix of all kernels. Kernels are written in the subset of C that both CUDA's compiler and a C
// compiler accept, so that a test can run them on the CPU; they include none of CUDA's headers.
//
// `real` is the number format of activations: 32-bit floats, or bfloat16 where BF16 is 1. Sums are always 32-bit floats.

typedef long long wide;

#ifdef __CUDACC_RTC__
#define KERNEL extern "C" __global__ void
#define DEVICE static __device__ __forceinline__
#define SHARED __shared__
#define ALIGNED __align__(16)
DEVICE float lane_xor(float x, int distance) { return __shfl_xor_sync(0xffffffffu, x, distance); }
// The next number; which thread gets which number is arbitrary.
DEVICE int take_number(int *next) { return atomicAdd(next, 1); }
#endif

#define LANES 32 // threads that run together
#define WARPS 8  // of a block that is LANES x WARPS threads
#define BLOCK (LANES * WARPS)

typedef union { unsigned bits; float value; } word;

DEVICE float float_of_bits(unsigned bits) {
  word w;
  w.bits = bits;
  return w.value;
}

#define LEAST float_of_bits(0xff800000u) // less than any number

#if BF16
typedef unsigned short real;
DEVICE float of_real(real x) { return float_of_bits((unsigned)x << 16); }
// Rounds to nearest, ties to even; NaN stays NaN.
DEVICE real to_real(float x) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
  real y;
  asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(y) : "f"(x));
  return y;
#else
  word w;
  w.value = x;
  if ((w.bits & 0x7fffffffu) > 0x7f800000u) return (real)(w.bits >> 16 | 0x40);
  return (real)((w.bits + 0x7fffu + (w.bits >> 16 & 1u)) >> 16);
#endif
}
#define PACK 8
#else
typedef float real;
DEVICE float of_real(real x) { return x; }
DEVICE real to_real(float x) { return x; }
#define PACK 4
#endif

// PACK numbers are sixteen bytes, which a thread reads and writes at once; their address must be a multiple
// of sixteen.
typedef struct ALIGNED { unsigned part[4]; } sixteen;

DEVICE void load_pack(const real *from, float *to) {
  sixteen bytes = *(const sixteen *)from;
#if BF16
  for (int i = 0; i < 4; i++) {
    to[2 * i] = float_of_bits(bytes.part[i] << 16);
    to[2 * i + 1] = float_of_bits(bytes.part[i] & 0xffff0000u);
  }
#else
  for (int i = 0; i < 4; i++) to[i] = float_of_bits(bytes.part[i]);
#endif
}

DEVICE void store_pack(real *to, const float *from) {
  sixteen bytes;
  for (int i = 0; i < 4; i++) {
#if BF16
    bytes.part[i] = (unsigned)to_real(from[2 * i]) | (unsigned)to_real(from[2 * i + 1]) << 16;
#else
    word w;
    w.value = from[i];
    bytes.part[i] = w.bits;
#endif
  }
  *(sixteen *)to = bytes;
}

// The same if only `left` numbers remain, or the address is not a multiple of sixteen; missing numbers are 0.
DEVICE void load_some(const real *from, float *to, wide left) {
  if (left >= PACK && ((wide)from & 15) == 0)
    load_pack(from, to);
  else
    for (int k = 0; k < PACK; k++) to[k] = k < left ? of_real(from[k]) : 0;
}

DEVICE void store_some(real *to, const float *from, wide left) {
  if (left >= PACK && ((wide)to & 15) == 0)
    store_pack(to, from);
  else
    for (int k = 0; k < PACK && k < left; k++) to[k] = to_real(from[k]);
}

// The sum over `group` neighbouring lanes, a power of two; each of them receives it.
DEVICE float sum_lanes(float x, int group) {
  for (int distance = group / 2; distance > 0; distance /= 2) x += lane_xor(x, distance);
  return x;
}

DEVICE float most_lanes(float x, int group) {
  for (int distance = group / 2; distance > 0; distance /= 2) x = fmaxf(x, lane_xor(x, distance));
  return x;
}

// The sum over all BLOCK threads of a block in one row; each of them receives it.
DEVICE float sum_block(float x) {
  SHARED float sums[WARPS];
  x = sum_lanes(x, LANES);
  __syncthreads();
  if (threadIdx.x % LANES == 0) sums[threadIdx.x / LANES] = x;
  __syncthreads();
  float total = 0;
  for (int warp = 0; warp < WARPS; warp++) total += sums[warp];
  return total;
}

DEVICE float most_block(float x) {
  SHARED float tops[WARPS];
  x = most_lanes(x, LANES);
  __syncthreads();
  if (threadIdx.x % LANES == 0) tops[threadIdx.x / LANES] = x;
  __syncthreads();
  float top = tops[0];
  for (int warp = 1; warp < WARPS; warp++) top = fmaxf(top, tops[warp]);
  return top;
}

// Sums of PACK columns over the rows of a block of LANES packs by WARPS rows, added to a line of `cols`.
DEVICE void store_packs(const float *sums, float *line, int cols) {
  SHARED float shared[WARPS][LANES * PACK];
  __syncthreads();
  for (int k = 0; k < PACK; k++) shared[threadIdx.y][threadIdx.x * PACK + k] = sums[k];
  __syncthreads();
  for (int at = threadIdx.y * LANES + threadIdx.x; at < LANES * PACK; at += BLOCK) {
    float all = 0;
    for (int warp = 0; warp < WARPS; warp++) all += shared[warp][at];
    int col = blockIdx.x * LANES * PACK + at;
    if (col < cols) line[col] = all;
  }
}

// A thread's first element in a row of blocks, and the distance to its next one.
#define FIRST ((wide)blockIdx.x * blockDim.x + threadIdx.x)
#define STRIDE ((wide)gridDim.x * blockDim.x)

// Sets a contribution to a gradient, or adds it.
DEVICE void give(real *sum, float more, int add) { *sum = to_real(add ? of_real(*sum) + more : more); }
DEVICE void give_float(float *sum, float more, int add) { *sum = add ? *sum + more : more; }
