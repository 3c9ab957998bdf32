// Product of a matrix and a vector, y = op(A) x, for OpenCL devices of type CPU. It stands behind number.cl, and serves
// numbers whose sums are stored as they are.
//
// A work-item does what a thread of a CPU library does: it reads a long stretch of A, in the order in which it lies
// in memory. Items share the outputs, or the terms of their sums: then each has sums of its own, which gemv_sums adds.
//
// Layout: TA=0: a is m x n     TA=1: a is stored n x m     row-major, dense; x n numbers, y m
//   m, n >= 1; every operand holds fewer than 2^31 elements.
//
// Parameters
//   ROWS    rows of a that are read side by side                           1..8
//   BLOCK   outputs that are added to in turn (TA=1): they stay in the first cache     a multiple of 16
//   TA      transpose                                                      0, 1
//
// Launch of gemv: local size (1, 1, 1), global id 0: outputs from `share` times it on; global id 1: terms from
//   `piece` times it on. What comes of piece p goes to y + p m. Items beyond m or n do nothing.
// Launch of gemv_sums: local size (1, 1, 1), any number of work-items.

#ifndef ROWS
#define ROWS 4
#endif
#ifndef BLOCK
#define BLOCK 2048
#endif
#ifndef TA
#define TA 0
#endif

#pragma OPENCL FP_CONTRACT ON

#if TA
// Adds `rows` rows of `length` numbers to y, each times its number of x.
static void add(const int rows, const int length, const __global STORED *a, const int row,
                const __global STORED *x, __global STORED *y)
{
    int i = 0;
    for (; i + 16 <= length; i += 16) {
        SUM16 sum = vload16(0, y + i);
        #pragma unroll
        for (int r = 0; r < rows; ++r)
            sum += vload16(0, a + (size_t)r * row + i) * x[r];
        vstore16(sum, 0, y + i);
    }
    for (; i < length; ++i) {
        SUM sum = y[i];
        for (int r = 0; r < rows; ++r)
            sum += a[(size_t)r * row + i] * x[r];
        y[i] = sum;
    }
}
#else
// `rows` rows of `length` numbers times x.
static void multiply(const int rows, const int length, const __global STORED *a, const int row,
                     const __global STORED *x, __global STORED *y)
{
    SUM16 sum[2 * ROWS];
    #pragma unroll
    for (int r = 0; r < 2 * rows; ++r)
        sum[r] = (SUM16)(0.0f);
    int j = 0;
    for (; j + 32 <= length; j += 32) {
        const SUM16 low = vload16(0, x + j), high = vload16(0, x + j + 16);
        #pragma unroll
        for (int r = 0; r < rows; ++r) {
            sum[2 * r] += vload16(0, a + (size_t)r * row + j) * low;
            sum[2 * r + 1] += vload16(0, a + (size_t)r * row + j + 16) * high;
        }
    }
    for (int r = 0; r < rows; ++r) {
        SUM lanes[16];
        vstore16(sum[2 * r] + sum[2 * r + 1], 0, lanes);
        SUM total = 0.0f;
        for (int e = 0; e < 16; ++e)
            total += lanes[e];
        for (int p = j; p < length; ++p)
            total += a[(size_t)r * row + p] * x[p];
        y[r] = total;
    }
}
#endif

__attribute__((reqd_work_group_size(1, 1, 1)))
__kernel void gemv(const int m, const int n, const int share, const int piece,
                   const __global STORED *restrict a, const __global STORED *restrict x,
                   __global STORED *restrict y)
{
    const int first = (int)get_global_id(0) * share, end = min(first + share, m);
    const int from = (int)get_global_id(1) * piece, to = min(from + piece, n);
    y += get_global_id(1) * (size_t)m;
#if TA
    for (int i = first; i < end; i += BLOCK) {
        const int length = min(end - i, BLOCK);
        for (int j = 0; j < length; ++j)
            y[i + j] = 0.0f;
        int p = from;
        for (; p + ROWS <= to; p += ROWS)
            add(ROWS, length, a + (size_t)p * m + i, m, x + p, y + i);
        for (; p < to; ++p)
            add(1, length, a + (size_t)p * m + i, m, x + p, y + i);
    }
#else
    int i = first;
    for (; i + ROWS <= end; i += ROWS)
        multiply(ROWS, to - from, a + (size_t)i * n + from, n, x + from, y + i);
    for (; i < end; ++i)
        multiply(1, to - from, a + (size_t)i * n + from, n, x + from, y + i);
#endif
}

__attribute__((reqd_work_group_size(1, 1, 1)))
__kernel void gemv_sums(const int m, const int pieces, const __global STORED *restrict parts,
                        __global STORED *restrict y)
{
    const int items = get_global_size(0), each = (m + items - 1) / items;
    const int first = (int)get_global_id(0) * each, end = min(first + each, m);
    for (int i = first; i < end; ++i) {
        SUM sum = parts[i];
        for (int p = 1; p < pieces; ++p)
            sum += parts[(size_t)p * m + i];
        y[i] = sum;
    }
}
