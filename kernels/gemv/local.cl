// Product of a matrix and a vector, y = op(A) x. It stands behind number.cl.
//
// A is read once, in vectors: nothing else takes time. So that all units of a device have something to read, the
// sums are cut into pieces where y is short, and what comes of the pieces is added by gemv_sums.
//
// Layout: TA=0: a is m x n     TA=1: a is stored n x m     row-major, dense; x n numbers, y m
//   m, n >= 1; every operand holds fewer than 2^31 elements.
//
// Parameters
//   WG     work-items of a group                              a power of 2
//   V      numbers of a load                                  1, 2, 4; rows of a begin at multiples of V
//   ROWS   rows of a that are read side by side               >= 1
//   TA     transpose                                          0, 1
//
// TA=0: a work-group takes ROWS rows, and its items read neighbouring vectors of each.
// TA=1: a work-item takes V columns, its neighbour the next ones, and reads ROWS rows before it adds them.
//
// Launch of gemv: local size (WG, 1, 1), group id 0: rows (TA=0) or columns (TA=1) of a; group id 1: the piece, of
//   `piece` terms, a multiple of V, but for the last. What comes of piece p goes to y + p m.
// Launch of gemv_sums: local size (WG, 1, 1), one work-item an element of y.

#ifndef WG
#define WG 128
#endif
#ifndef V
#define V 1
#endif
#ifndef ROWS
#define ROWS 4
#endif
#ifndef TA
#define TA 0
#endif

#pragma OPENCL FP_CONTRACT ON

#if V == 4
typedef SUM4 vec;
typedef STORED4 stored_vec;
#define WIDE_VEC WIDE4
#define ADDED(v) (((v).x + (v).y) + ((v).z + (v).w))
#elif V == 2
typedef SUM2 vec;
typedef STORED2 stored_vec;
#define WIDE_VEC WIDE2
#define ADDED(v) ((v).x + (v).y)
#else
typedef SUM vec;
typedef STORED stored_vec;
#define WIDE_VEC WIDE
#define ADDED(v) (v)
#endif

// vloadn would promise the alignment of an element only.
#define LOAD(p) WIDE_VEC(*(const __global stored_vec *)(p))

__attribute__((reqd_work_group_size(WG, 1, 1)))
__kernel void gemv(const int m, const int n, const int piece, const __global STORED *restrict a,
                   const __global STORED *restrict x, __global STORED *restrict y)
{
    const int lid = get_local_id(0);
    const int from = (int)get_group_id(1) * piece, to = min(from + piece, n);
    y += get_group_id(1) * (size_t)m;
#if TA
    const int column = ((int)get_group_id(0) * WG + lid) * V;
    if (column < m) {
        vec sum = (vec)(0.0f);
        int p = from;
        for (; p + ROWS <= to; p += ROWS) {
            vec row[ROWS];
            #pragma unroll
            for (int r = 0; r < ROWS; ++r)
                row[r] = LOAD(a + (size_t)(p + r) * m + column);
            #pragma unroll
            for (int r = 0; r < ROWS; ++r)
                sum += row[r] * WIDE(x[p + r]);
        }
        for (; p < to; ++p)
            sum += LOAD(a + (size_t)p * m + column) * WIDE(x[p]);
#if V == 4
        *(__global stored_vec *)(y + column) = NARROW4(sum);
#elif V == 2
        *(__global stored_vec *)(y + column) = sum;
#else
        y[column] = NARROW(sum);
#endif
    }
#else
    __local SUM parts[ROWS * WG];
    const int row0 = (int)get_group_id(0) * ROWS;
    vec sum[ROWS];
    #pragma unroll
    for (int r = 0; r < ROWS; ++r)
        sum[r] = (vec)(0.0f);
    // Rows outside are read as the last one: what comes of them is not written.
    for (int j = from + lid * V; j < to; j += WG * V) {
        const vec v = LOAD(x + j);
        #pragma unroll
        for (int r = 0; r < ROWS; ++r)
            sum[r] += LOAD(a + (size_t)min(row0 + r, m - 1) * n + j) * v;
    }
    #pragma unroll
    for (int r = 0; r < ROWS; ++r)
        parts[r * WG + lid] = ADDED(sum[r]);
    for (int step = WG / 2; step > 0; step /= 2) {
        barrier(CLK_LOCAL_MEM_FENCE);
        if (lid < step) {
            #pragma unroll
            for (int r = 0; r < ROWS; ++r)
                parts[r * WG + lid] += parts[r * WG + lid + step];
        }
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int r = lid; r < ROWS && row0 + r < m; r += WG)
        y[row0 + r] = NARROW(parts[r * WG]);
#endif
}

__attribute__((reqd_work_group_size(WG, 1, 1)))
__kernel void gemv_sums(const int m, const int pieces, const __global STORED *restrict parts,
                        __global STORED *restrict y)
{
    const int i = get_global_id(0);
    if (i < m) {
        SUM sum = WIDE(parts[i]);
        for (int p = 1; p < pieces; ++p)
            sum += WIDE(parts[(size_t)p * m + i]);
        y[i] = NARROW(sum);
    }
}
