// Candidates for the nearest reference of a query: those whose score is within a margin of the best. A block
// of BLOCK threads per query; `scores` has a row per query, over the `count` references from `first` on.

#define MOST_FOUND 32 // candidates of a query

KERNEL candidates(const float *scores, const float *halves, const unsigned *groups, const unsigned *own, const float *margins,
                  float *best, unsigned *counts, unsigned *found, int first, int count) {
  SHARED int taken;
  int query = blockIdx.x;
  scores += (wide)query * count;
  float top = best[query];
  for (int i = threadIdx.x; i < count; i += BLOCK)
    if (!groups || groups[first + i] != own[query]) top = fmaxf(top, scores[i] - (halves ? halves[first + i] : 0));
  top = most_block(top);
  if (threadIdx.x == 0) taken = (int)counts[query];
  __syncthreads();
  float least = top - margins[query];
  for (int i = threadIdx.x; i < count; i += BLOCK) {
    if (groups && groups[first + i] == own[query]) continue;
    if (scores[i] - (halves ? halves[first + i] : 0) >= least) {
      int place = take_number(&taken);
      if (place < MOST_FOUND) found[(wide)query * MOST_FOUND + place] = (unsigned)(first + i);
    }
  }
  __syncthreads();
  if (threadIdx.x == 0) {
    best[query] = top;
    counts[query] = (unsigned)taken;
  }
}
