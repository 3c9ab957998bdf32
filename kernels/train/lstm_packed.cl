// An LSTM's step of time for OpenCL devices of type CPU: its recurrent product and what follows element
// by element in one launch, from weights that are packed once for all steps. It stands behind vector.cl
// with VW = 16.
//
// Layout: gates, cells, hiddens and places as in lstm.cl; weight 4 hidden x hidden. Packed weights, columns
// past the end zero:
//   forward    [hidden / 16][hidden][4][16]: for 16 units the weights of their four gates
//   backward   [hidden / 64][4 hidden][64]
//
// A work-group is one work-item, which owns 16 (forward) or 64 (backward) units of a share of the rows and
// takes MR rows at a time, whose sums stay in registers.
//
// Parameters
//   MR       4   1..6           rows at a time
//   UNROLL   4   1, 2, 4, 8     of the loop over the sum
//
// Launch: local size (1, 1, 1). `pack_forward`: global (ceil(hidden / 16), 4, 1); `pack_backward`: global
// (ceil(hidden / 64), g, 1); the steps: global (panels, g, 1), 1 <= g: rows are shared out evenly.

#ifndef MR
#define MR 4
#endif
#ifndef UNROLL
#define UNROLL 4
#endif

#if VW != 16 || MR < 1 || MR > 6
#error "VW must be 16, MR 1 to 6"
#endif

__kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void pack_forward(const int hidden, const __global float* restrict weight, __global float* restrict packed)
{
  const int panel = get_global_id(0), gate = get_global_id(1);
  const __global float* s = weight + ((size_t)gate * hidden + panel * 16) * hidden;
  __global float* d = packed + ((size_t)panel * hidden * 4 + gate) * 16;
  const int units = min(hidden - panel * 16, 16);
  for (int k = 0; k < hidden; k += 16) {
    const int left = hidden - k;
    float block[16][16];
    for (int u = 0; u < 16; ++u)
      vstore16(u < units ? get(s + (size_t)u * hidden + k, left, 0.0f) : (float16)(0.0f), 0, block[u]);
    for (int e = 0; e < min(left, 16); ++e)
      for (int u = 0; u < 16; ++u) d[(size_t)(k + e) * 64 + u] = block[u][e];
  }
}

__kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void pack_backward(const int hidden, const __global float* restrict weight, __global float* restrict packed)
{
  const int panel = get_global_id(0), rows = 4 * hidden;
  const int share = DIV_UP(rows, (int)get_global_size(1)), first = get_global_id(1) * share;
  const int left = hidden - panel * 64;
  for (int p = first; p < min(first + share, rows); ++p)
    for (int v = 0; v < 4; ++v)
      vstore16(16 * v < left ? get(weight + (size_t)p * hidden + panel * 64 + 16 * v, left - 16 * v, 0.0f)
                             : (float16)(0.0f),
               v, packed + ((size_t)panel * rows + p) * 64);
}

#define FOR_TILE(statement)                        \
  _Pragma("unroll")                                \
  for (int r = 0; r < MR; ++r) {                   \
    _Pragma("unroll")                              \
    for (int v = 0; v < 4; ++v) { statement; }     \
  }

// acc += the rows of a, from `i` on, times a panel; rows past the last repeat it.
#define MULTIPLY(length, ld)                                                                          \
  for (int r = 0; r < MR; ++r) line[r] = a + (size_t)min(i + r, end - 1) * (ld);                       \
  _Pragma("unroll UNROLL")                                                                            \
  for (int p = 0; p < (length); ++p) {                                                                \
    float16 b[4];                                                                                     \
    _Pragma("unroll")                                                                                 \
    for (int v = 0; v < 4; ++v) b[v] = vload16(v, panel + (size_t)p * 64);                             \
    FOR_TILE(acc[r][v] += (float16)(line[r][p]) * b[v])                                               \
  }

#define MY_ROWS                                                                                       \
  const int share = DIV_UP(DIV_UP(rows, MR), (int)get_global_size(1)) * MR;                            \
  const int first = get_global_id(1) * share, end = min(first + share, rows);

__kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void lstm_forward(const int rows, const int hidden, const int gates_at, const int at, const int is_first,
                  const int is_last, const __global float* restrict packed, __global float* gates,
                  __global float* cells, __global float* hiddens, __global float* y)
{
  const int j = get_global_id(0) * 16, left = hidden - j;
  const __global float* panel = packed + (size_t)j * hidden * 4;
  const __global float* a = hiddens + at - (is_first ? 0 : rows * hidden);
  const __global float* line[MR];
  MY_ROWS
  for (int i = first; i < end; i += MR) {
    float16 acc[MR][4];
    FOR_TILE(acc[r][v] = (float16)(0.0f))
    if (!is_first) {
      MULTIPLY(hidden, hidden)
    }
    float sums[MR * 64];
    FOR_TILE(vstore16(acc[r][v], v, sums + 64 * r))
    for (int r = 0; r < min(MR, end - i); ++r) {
      __global float* z = gates + gates_at + (size_t)(i + r) * 4 * hidden + j;
      const float* sum = sums + 64 * r;
      const int here = at + (i + r) * hidden + j;
      const wide in = sigmoid_of(vload16(0, sum) + get(z, left, 0.0f));
      const wide forget = sigmoid_of(vload16(1, sum) + get(z + hidden, left, 0.0f));
      const wide g = tanh_of(vload16(2, sum) + get(z + 2 * hidden, left, 0.0f));
      const wide out = sigmoid_of(vload16(3, sum) + get(z + 3 * hidden, left, 0.0f));
      wide cell = in * g;
      if (!is_first) cell += forget * get(cells + here - rows * hidden, left, 0.0f);
      const wide h = out * tanh_of(cell);
      put(z, in, left);
      put(z + hidden, forget, left);
      put(z + 2 * hidden, g, left);
      put(z + 3 * hidden, out, left);
      put(cells + here, cell, left);
      put(hiddens + here, h, left);
      if (is_last) put(y + (i + r) * hidden + j, h, left);
    }
  }
}

__kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void lstm_backward(const int rows, const int hidden, const int gates_at, const int at, const int is_first,
                   const int is_last, const __global float* restrict packed, __global float* gates,
                   const __global float* cells, const __global float* dy, __global float* dc)
{
  const int j0 = get_global_id(0) * 64;
  const __global float* panel = packed + (size_t)j0 * hidden * 4;
  // What went into the gates of the step after.
  const __global float* a = gates + gates_at + (is_last ? 0 : rows * 4 * hidden);
  const __global float* line[MR];
  MY_ROWS
  for (int i = first; i < end; i += MR) {
    float16 acc[MR][4];
    FOR_TILE(acc[r][v] = (float16)(0.0f))
    if (!is_last) {
      MULTIPLY(4 * hidden, 4 * hidden)
    }
    float sums[MR * 64];
    FOR_TILE(vstore16(acc[r][v], v, sums + 64 * r))
    for (int e = 0; e < 4 * min(MR, end - i); ++e) {
      const int row = i + e / 4, j = j0 + e % 4 * 16, left = hidden - j;
      if (left <= 0) continue;
      __global float* z = gates + gates_at + (size_t)row * 4 * hidden + j;
      const int here = row * hidden + j;
      const wide in = get(z, left, 0.0f), forget = get(z + hidden, left, 0.0f);
      const wide g = get(z + 2 * hidden, left, 0.0f), out = get(z + 3 * hidden, left, 0.0f);
      const wide t = tanh_of(get(cells + at + here, left, 0.0f));
      const wide d = is_last ? get(dy + here, left, 0.0f) : vload16(e, sums);
      wide before = (wide)(0.0f);
      if (!is_first) before = get(cells + at + here - rows * hidden, left, 0.0f);
      wide c = d * out * (1.0f - t * t);
      if (!is_last) c += get(dc + here, left, 0.0f);
      put(z, c * g * in * (1.0f - in), left);
      put(z + hidden, c * before * forget * (1.0f - forget), left);
      put(z + 2 * hidden, c * in * (1.0f - g * g), left);
      put(z + 3 * hidden, d * t * out * (1.0f - out), left);
      put(dc + here, c * forget, left);
    }
  }
}
