// Runs kernels on the CPU, one block after the other: each thread of a block has its own stack, and waits for
// the others where CUDA's threads do. Kernels and a caller for each of them are appended to this text.

#define _GNU_SOURCE
#include <math.h>
#include <setjmp.h>
#include <stdlib.h>
#include <ucontext.h>

#define KERNEL static void
#define DEVICE static inline __attribute__((unused))
#define SHARED static
#define ALIGNED __attribute__((aligned(16)))
#define MOST_THREADS 1024
#define STACK (64 * 1024)

typedef struct { int x, y, z; } place;
static place blockIdx, threadIdx, blockDim, gridDim;

static struct { jmp_buf rest; place at; int begun, live; } threads[MOST_THREADS];
static jmp_buf scheduler;
static char *stacks;
static int current, alive;

// Switches to the next waiting thread; returns when it is this one's turn again.
static void let_others_run(void) {
  if (!_setjmp(threads[current].rest)) _longjmp(scheduler, 1);
  threadIdx = threads[current].at;
}

// How many of `expected` threads have reached a barrier, and how often all of them have.
typedef struct { int here; unsigned rounds; } gate;
static gate whole_block, warps[MOST_THREADS / 32];
static int alive_in_warp[MOST_THREADS / 32];

static void wait_at(gate *gate, int *expected) {
  unsigned round = gate->rounds;
  gate->here++;
  for (;;) {
    // Threads that have ended are not waited for.
    if (gate->rounds != round) return;
    if (gate->here >= *expected) {
      gate->here = 0;
      gate->rounds++;
      return;
    }
    let_others_run();
  }
}

static void __syncthreads(void) { wait_at(&whole_block, &alive); }

static float slots[MOST_THREADS];

static float lane_xor(float x, int distance) {
  int own = current, warp = own / 32;
  slots[own] = x;
  wait_at(&warps[warp], &alive_in_warp[warp]);
  float other = slots[own ^ distance];
  wait_at(&warps[warp], &alive_in_warp[warp]);
  return other;
}

static int take_number(int *next) { return (*next)++; }

static void (*running)(void **);
static void **running_with;

// The endless loop of each stack: a thread of this block, then one of the next.
static void one_after_the_other(void) {
  for (;;) {
    threadIdx = threads[current].at;
    running(running_with);
    threads[current].live = 0;
    alive--;
    alive_in_warp[current / 32]--;
    let_others_run();
  }
}

static void let_run(int thread) {
  current = thread;
  if (_setjmp(scheduler)) return;
  if (threads[thread].begun) _longjmp(threads[thread].rest, 1);
  threads[thread].begun = 1;
  ucontext_t context;
  getcontext(&context);
  context.uc_stack.ss_sp = stacks + (size_t)thread * STACK;
  context.uc_stack.ss_size = STACK;
  context.uc_link = 0;
  makecontext(&context, one_after_the_other, 0);
  setcontext(&context);
}

static void run(void (*kernel)(void **), const int *grid, const int *block, void **arguments) {
  int count = block[0] * block[1];
  if (!stacks) stacks = malloc((size_t)MOST_THREADS * STACK);
  running = kernel;
  running_with = arguments;
  gridDim = (place){grid[0], grid[1], grid[2]};
  blockDim = (place){block[0], block[1], 1};
  static int backwards;
  for (blockIdx.z = 0; blockIdx.z < grid[2]; blockIdx.z++)
    for (blockIdx.y = 0; blockIdx.y < grid[1]; blockIdx.y++)
      for (blockIdx.x = 0; blockIdx.x < grid[0]; blockIdx.x++) {
        alive = count;
        whole_block.here = 0;
        for (int warp = 0; warp * 32 < count; warp++) {
          warps[warp].here = 0;
          alive_in_warp[warp] = count - warp * 32 < 32 ? count - warp * 32 : 32;
        }
        for (int i = 0; i < count; i++) {
          threads[i].at = (place){i % block[0], i / block[0], 0};
          threads[i].live = 1;
        }
        // Every other block starts from its last thread: a missing barrier shows in one of them.
        backwards = !backwards;
        while (alive)
          for (int i = 0; i < count; i++) {
            int thread = backwards ? count - 1 - i : i;
            if (threads[thread].live) let_run(thread);
          }
      }
}
