// Matrix product C = op(A) op(B) straight from global memory, for devices whose local memory is
// ordinary cached memory or slower than their caches. It stands behind number.cl and product.cl.
//
// Each work-item computes WM x WN elements of C: WM consecutive rows, and WN/V groups of V
// columns, the groups LX*V columns apart, so that neighbours read neighbouring vectors of B.
// No local memory, no barriers.
//
// Layout: every matrix is row-major, ld* is the distance between two rows in elements.
//   TA=0: a is m x k     TA=1: a is stored k x m
//   TB=0: b is k x n     TB=1: b is stored n x k
//   c is m x n; it is only written, so it may hold anything before.
// m, n, k >= 1; every operand holds fewer than 2^31 elements. Nothing outside the operands is read.
//
// Parameters
//   WM, WN      elements of C of a work-item                 >= 1; WN a multiple of V,
//                                                            WM too if TA=1
//   V           width of the loads and of the sums           1, 2, 4 (see "Vector loads")
//   KU          steps of k per turn of the loop              >= 1; a multiple of V,
//                                                            unless TA=1 and TB=0
//   LX, LY      work-items of a group along n, along m       >= 1, LX * LY <= the device's limit
//   UNALIGNED   vector loads at the address of any element   0, 1
//   RESTRICT    qualifier of the operands                    restrict, empty
//   TA, TB      transposes                                   0, 1
//   PRODUCT_... what a product is part of: product.cl
//
// Vector loads. V > 1 asks for lda % V == 0, ldb % V == 0 and bases of a and b aligned to V
// elements. Nothing is asked of m, n, k and c: a vector that starts inside a row may end in the spare
// elements between that row and the next, whose values are not used. With UNALIGNED=1 it is
// enough that lda >= V and ldb >= V.
//
// Launch: local size (LX*LY, 1, 1), group id 0 = tile column, group id 1 = tile row, for tiles of
//   LY*WM x LX*WN; global size (ceil(n / (LX*WN)) * LX*LY, ceil(m / (LY*WM)), 1).

#ifndef WM
#define WM 4
#endif
#ifndef WN
#define WN 4
#endif
#ifndef V
#define V 1
#endif
#ifndef KU
#define KU 4
#endif
#ifndef LX
#define LX 16
#endif
#ifndef LY
#define LY 8
#endif
#ifndef UNALIGNED
#define UNALIGNED 0
#endif
#ifndef RESTRICT
#define RESTRICT restrict
#endif
#ifndef TA
#define TA 0
#endif
#ifndef TB
#define TB 0
#endif

#pragma OPENCL FP_CONTRACT ON

// The vectors of an operand run along k or along the side of C.
#define A_KCONTIG (!TA)
#define B_KCONTIG TB

#if V != 1 && V != 2 && V != 4
#error "V must be 1, 2 or 4"
#endif
#if WN % V || (!A_KCONTIG && WM % V)
#error "WN, and WM if TA=1, must be multiples of V"
#endif
#if (A_KCONTIG || B_KCONTIG) && KU % V
#error "KU must be a multiple of V unless TA=1 and TB=0"
#endif

#if V == 4
typedef SUM4 vec;
#define STORED_VEC STORED4
#define WIDE_VEC WIDE4
#define VLOAD(p) vload4(0, p)
#elif V == 2
typedef SUM2 vec;
#define STORED_VEC STORED2
#define WIDE_VEC WIDE2
#define VLOAD(p) vload2(0, p)
#else
typedef SUM vec;
#define STORED_VEC STORED
#define WIDE_VEC WIDE
#define VLOAD(p) (*(p))
#endif

static vec load(const __global STORED *p)
{
#if UNALIGNED
    return WIDE_VEC(VLOAD(p));
#else
    return WIDE_VEC(*(const __global STORED_VEC *)p);  // vload would promise the alignment of an element
#endif
}

// Spreads v over x[0], x[step], ...
static void spread(SUM *x, int step, vec v)
{
#if V == 1
    x[0] = v;
#else
    x[0] = v.x;
    x[step] = v.y;
#if V == 4
    x[2 * step] = v.z;
    x[3 * step] = v.w;
#endif
#endif
}

static vec gather(const SUM *x)
{
#if V == 4
    return (SUM4)(x[0], x[1], x[2], x[3]);
#elif V == 2
    return (SUM2)(x[0], x[1]);
#else
    return x[0];
#endif
}

// sum += x y, x a column of WM elements and y a row of WN.
static void multiply(vec sum[WM][WN / V], const SUM x[WM], const SUM y[WN])
{
    #pragma unroll
    for (int i = 0; i < WM; ++i) {
        #pragma unroll
        for (int j = 0; j < WN / V; ++j)
            sum[i][j] += x[i] * gather(y + j * V);
    }
}

__attribute__((reqd_work_group_size(LX * LY, 1, 1)))
__kernel void gemm(const int m, const int n, const int k,
                   const __global STORED *RESTRICT a, const int lda,
                   const __global STORED *RESTRICT b, const int ldb,
                   __global STORED *RESTRICT c, const int ldc PRODUCT_ARGUMENTS)
{
    PRODUCT_ENTER
    const int lid = get_local_id(0);
    const int row0 = ((int)get_group_id(1) * LY + lid / LX) * WM;
    const int col0 = (int)get_group_id(0) * (LX * WN) + lid % LX * V;
#define COLUMN(j) (col0 + (j) / V * (LX * V) + (j) % V)  // the j-th column of this item

    // Where the vectors of a turn start. Rows and columns outside C are clamped to ones inside,
    // since what they yield is not written.
#if A_KCONTIG
    uint a_off[WM];
    #pragma unroll
    for (int i = 0; i < WM; ++i)
        a_off[i] = (uint)min(row0 + i, m - 1) * (uint)lda;
#else
    uint a_off[WM / V];
    #pragma unroll
    for (int i = 0; i < WM / V; ++i)
        a_off[i] = min(row0 + i * V, (m - 1) / V * V);
#endif
#if B_KCONTIG
    uint b_off[WN];
    #pragma unroll
    for (int j = 0; j < WN; ++j)
        b_off[j] = (uint)min(COLUMN(j), n - 1) * (uint)ldb;
#else
    uint b_off[WN / V];
    #pragma unroll
    for (int j = 0; j < WN / V; ++j)
        b_off[j] = min(COLUMN(j * V), (n - 1) / V * V);
#endif

    vec sum[WM][WN / V];
    #pragma unroll
    for (int i = 0; i < WM; ++i) {
        #pragma unroll
        for (int j = 0; j < WN / V; ++j)
            sum[i][j] = (vec)(0.0f);
    }

    // Turns of KU steps. At least one step is left to the loop below: a vector past the end of a
    // line then stays inside the buffer, as that line is not the last one.
    const __global STORED *pa = a, *pb = b;
    const int turns = (k - 1) / KU;
    for (int t = 0; t < turns; ++t) {
        SUM x[KU * WM], y[KU * WN];
#if A_KCONTIG
        #pragma unroll
        for (int i = 0; i < WM; ++i) {
            #pragma unroll
            for (int u = 0; u < KU; u += V)
                spread(x + u * WM + i, WM, load(pa + a_off[i] + u));
        }
        pa += KU;
#else
        #pragma unroll
        for (int u = 0; u < KU; ++u) {
            #pragma unroll
            for (int i = 0; i < WM / V; ++i)
                spread(x + u * WM + i * V, 1, load(pa + a_off[i]));
            pa += lda;
        }
#endif
#if B_KCONTIG
        #pragma unroll
        for (int j = 0; j < WN; ++j) {
            #pragma unroll
            for (int u = 0; u < KU; u += V)
                spread(y + u * WN + j, WN, load(pb + b_off[j] + u));
        }
        pb += KU;
#else
        #pragma unroll
        for (int u = 0; u < KU; ++u) {
            #pragma unroll
            for (int j = 0; j < WN / V; ++j)
                spread(y + u * WN + j * V, 1, load(pb + b_off[j]));
            pb += ldb;
        }
#endif
        #pragma unroll
        for (int u = 0; u < KU; ++u)
            multiply(sum, x + u * WM, y + u * WN);
    }

    // The remaining 1 to KU steps, element by element.
    for (int p = turns * KU; p < k; ++p) {
        SUM x[WM], y[WN];
        #pragma unroll
        for (int i = 0; i < WM; ++i) {
            const size_t row = min(row0 + i, m - 1);
            x[i] = WIDE(A_KCONTIG ? a[row * lda + p] : a[(size_t)p * lda + row]);
        }
        #pragma unroll
        for (int j = 0; j < WN; ++j) {
            const size_t col = min(COLUMN(j), n - 1);
            y[j] = WIDE(B_KCONTIG ? b[col * ldb + p] : b[(size_t)p * ldb + col]);
        }
        multiply(sum, x, y);
    }

    #pragma unroll
    for (int i = 0; i < WM; ++i) {
        if (row0 + i < m) {
            __global STORED *const row = c + (size_t)(row0 + i) * ldc;
            SUM v[WN];
            #pragma unroll
            for (int j = 0; j < WN / V; ++j)
                spread(v + j * V, 1, sum[i][j]);
            #pragma unroll
            for (int j = 0; j < WN; ++j) {
                if (COLUMN(j) < n)
                    row[COLUMN(j)] = NARROW(PRODUCT_ADDS ? WIDE(row[COLUMN(j)]) + v[j] : v[j]);
            }
        }
    }
#ifdef PRODUCT_FINISH
    #pragma unroll 1
    for (int e = 0; e < WM * WN; ++e) {
        const int row = row0 + e / WN, col = COLUMN(e % WN);
        if (row < m && col < n) {
            PRODUCT_FINISH(row, 1, col, 1)
        }
    }
#endif
}
