// Matrix product C = op(A) op(B) with tiles in local memory. It stands behind number.cl and tile.cl,
// which explains the tiles and most parameters.
//
// Layout: every matrix is row-major, ld* is the distance between two rows in elements.
//   TA=0: a is m x k     TA=1: a is stored k x m
//   TB=0: b is k x n     TB=1: b is stored n x k
//   c is m x n; it is only written, so it may hold anything before.
// m, n, k >= 1; every operand holds fewer than 2^31 elements. Nothing outside the operands is read.
//
// Parameters, with those of tile.cl
//   VC            width of the stores of C                   1, 4; 4 asks for ldc % 4 == 0 and
//                                                            an aligned base of c
//   PREFETCH_BEFORE_BARRIER  (DB > 0) where the loads of     0, 1
//                 the next tile stand: 1 for NVIDIA, whose
//                 compiler otherwise sinks them below the
//                 multiplication; 0 elsewhere, as AMD
//                 drains outstanding loads at a barrier
//   RESTRICT      qualifier of the operands: empty for       restrict, empty
//                 NVIDIA, where it lets loads move over
//                 barriers
//   TA, TB        transposes                                 0, 1
//   PRODUCT_...   what a product is part of: product.cl
//
// Vector loads. VA=4 asks for lda % 4 == 0 and a base of a that is aligned to 4 elements, VB=4 the same of ldb
// and b. Nothing is asked of m, n and k: a vector that starts inside a row may end in the spare
// elements between that row and the next, whose values are not used. With UNALIGNED=1 it is
// enough that lda >= 4 (VA=4), ldb >= 4 (VB=4); that suits devices on which such a load is one
// instruction (AMD), and not NVIDIA, where it becomes four.
//
// Launch: local size (WG, 1, 1), group id 0 = tile column, group id 1 = tile row;
//   global size (ceil(n/TN) * WG, ceil(m/TM), 1).

#ifndef VC
#define VC 1
#endif
#ifndef PREFETCH_BEFORE_BARRIER
#define PREFETCH_BEFORE_BARRIER 0
#endif
#ifndef RESTRICT
#define RESTRICT restrict
#endif

#if VC != 1 && VC != 4
#error "VC must be 1 or 4"
#endif

#if VA == 4
#define A_EDGE edge4
#else
#define A_EDGE edge1
#endif
#if VB == 4
#define B_EDGE edge4
#else
#define B_EDGE edge1
#endif

// Elements (line, pos...) of an operand; zero outside of it.
static SUM edge1(const __global STORED *x, int line, int lines, int pos, int width, int ld)
{
    return line < lines && pos < width ? WIDE(x[(size_t)line * ld + pos]) : 0.0f;
}

static SUM4 edge4(const __global STORED *x, int line, int lines, int pos, int width, int ld)
{
    return (SUM4)(edge1(x, line, lines, pos, width, ld),
                  edge1(x, line, lines, pos + 1, width, ld),
                  edge1(x, line, lines, pos + 2, width, ld),
                  edge1(x, line, lines, pos + 3, width, ld));
}

// Global memory to registers.
static void fetch_a(a_vec r[A_LOADS], const __global STORED *x, const uint offset[A_LOADS])
{
    #pragma unroll
    for (int i = 0; i < A_LOADS; ++i)
        r[i] = A_LOAD(x + offset[i]);
}

static void fetch_b(b_vec r[B_LOADS], const __global STORED *x, const uint offset[B_LOADS])
{
    #pragma unroll
    for (int i = 0; i < B_LOADS; ++i)
        r[i] = B_LOAD(x + offset[i]);
}

// Writes the part of v that lies left of the edge of C.
static void write4(__global STORED *p, SUM4 sums, int left)
{
    const STORED4 v = NARROW4(sums);
    if (left >= 4) {
#if VC == 4
        *(__global STORED4 *)p = v;
#else
        vstore4(v, 0, p);
#endif
    } else {
        if (left > 0) p[0] = v.x;
        if (left > 1) p[1] = v.y;
        if (left > 2) p[2] = v.z;
    }
}

__attribute__((reqd_work_group_size(WG, 1, 1)))
__kernel void gemm(const int m, const int n, const int k,
                   const __global STORED *RESTRICT a, const int lda,
                   const __global STORED *RESTRICT b, const int ldb,
                   __global STORED *RESTRICT c, const int ldc PRODUCT_ARGUMENTS)
{
    __local SUM tiles[(DB == 2 ? 2 : 1) * (A_TILE + B_TILE)] __attribute__((aligned(4 * sizeof(SUM))));

    PRODUCT_ENTER
    const int lid = get_local_id(0);
    const int m0 = get_group_id(1) * TM;
    const int n0 = get_group_id(0) * TN;

    const int tx = item_x(lid), ty = item_y(lid);

    // The first vector that this item moves, and where it goes in local memory.
    const int a_line = lid / A_VECS, a_pos = lid % A_VECS * VA;
    const int b_line = lid / B_VECS, b_pos = lid % B_VECS * VB;
    __local SUM *a_put = tiles + A_AT(a_line, a_pos);
    __local SUM *b_put = tiles + A_TILE + B_AT(b_line, b_pos);
    const __local SUM *a_get = tiles + 4 * ty;
    const __local SUM *b_get = tiles + A_TILE + 4 * tx;

    a_vec ra[A_LOADS];
    b_vec rb[B_LOADS];
    uint a_off[A_LOADS], b_off[B_LOADS];

    // The tile at the end of k, of 1 to TK steps, comes first, element by element and zero outside
    // the operands. All others are full in k and go without a guard: rows and columns outside C
    // are clamped to ones inside, since what they yield is not written. The last line of an
    // operand whose lines run along m or n is thereby left to the guarded tile, and a vector past
    // the end of any other line stays inside the buffer.
    const int full = (k - 1) / TK;
    const int k0 = full * TK;

    #pragma unroll
    for (int i = 0; i < A_LOADS; ++i) {
        const int line = a_line + A_DLINE(i), pos = a_pos + A_DPOS(i);
#if A_KCONTIG
        ra[i] = A_EDGE(a, m0 + line, m, k0 + pos, k, lda);
        a_off[i] = (uint)min(m0 + line, m - 1) * (uint)lda + (uint)pos;
#else
        ra[i] = A_EDGE(a, k0 + line, k, m0 + pos, m, lda);
        a_off[i] = (uint)line * (uint)lda + (uint)min(m0 + pos, (m - 1) / VA * VA);
#endif
    }
    #pragma unroll
    for (int i = 0; i < B_LOADS; ++i) {
        const int line = b_line + B_DLINE(i), pos = b_pos + B_DPOS(i);
#if B_KCONTIG
        rb[i] = B_EDGE(b, n0 + line, n, k0 + pos, k, ldb);
        b_off[i] = (uint)min(n0 + line, n - 1) * (uint)ldb + (uint)pos;
#else
        rb[i] = B_EDGE(b, k0 + line, k, n0 + pos, n, ldb);
        b_off[i] = (uint)line * (uint)ldb + (uint)min(n0 + pos, (n - 1) / VB * VB);
#endif
    }
    const size_t a_step = A_KCONTIG ? TK : (size_t)TK * lda;
    const size_t b_step = B_KCONTIG ? TK : (size_t)TK * ldb;

    SUM4 sum[WM][WN / 4];
    #pragma unroll
    for (int i = 0; i < WM; ++i) {
        #pragma unroll
        for (int j = 0; j < WN / 4; ++j)
            sum[i][j] = (SUM4)(0.0f);
    }

    // Staging is never conditional: a branch between the multiplication and the end of the loop
    // body makes compilers move the multiplication below it and spill. So the last turn of the
    // loop stages the registers once more, into a buffer that nobody reads.
#if DB == 0
    for (int t = 0; t <= full; ++t) {
        if (t > 0) {
            fetch_a(ra, a, a_off);
            fetch_b(rb, b, b_off);
            a += a_step;
            b += b_step;
        }
        stage_a(a_put, ra);
        stage_b(b_put, rb);
        barrier(CLK_LOCAL_MEM_FENCE);
        multiply(sum, a_get, b_get);
        barrier(CLK_LOCAL_MEM_FENCE);
    }
#else
    stage_a(a_put, ra);
    stage_b(b_put, rb);
#if DB == 2
    int step_over = A_TILE + B_TILE;  // from the buffer being read to the one being filled
    a_put += step_over;
    b_put += step_over;
#endif
#if !PREFETCH_BEFORE_BARRIER
    barrier(CLK_LOCAL_MEM_FENCE);
#endif
    for (int t = 0; t <= full; ++t) {
        if (t < full) {
            fetch_a(ra, a, a_off);
            fetch_b(rb, b, b_off);
            a += a_step;
            b += b_step;
        }
#if PREFETCH_BEFORE_BARRIER
        barrier(CLK_LOCAL_MEM_FENCE);
#endif
        multiply(sum, a_get, b_get);
#if DB == 1
        barrier(CLK_LOCAL_MEM_FENCE);
#endif
        stage_a(a_put, ra);
        stage_b(b_put, rb);
#if DB == 2
        a_get += step_over;
        b_get += step_over;
        a_put -= step_over;
        b_put -= step_over;
        step_over = -step_over;
#endif
#if !PREFETCH_BEFORE_BARRIER
        barrier(CLK_LOCAL_MEM_FENCE);
#endif
    }
#endif

    #pragma unroll
    for (int i = 0; i < WM; ++i) {
        const int row = m0 + i / 4 * (LY * 4) + ty * 4 + i % 4;
        if (row < m) {
            #pragma unroll
            for (int j = 0; j < WN / 4; ++j) {
                const int col = n0 + j * (LX * 4) + tx * 4;
                if (PRODUCT_ADDS) sum[i][j] += edge4(c, row, m, col, n, ldc);
                write4(c + (size_t)row * ldc + col, sum[i][j], n - col);
            }
        }
    }
#ifdef PRODUCT_FINISH
    #pragma unroll 1
    for (int e = 0; e < WM * (WN / 4); ++e) {
        const int i = e / (WN / 4), j = e % (WN / 4);
        const int row = m0 + i / 4 * (LY * 4) + ty * 4 + i % 4;
        const int col = n0 + j * (LX * 4) + tx * 4;
        if (row < m && col < n) {
            PRODUCT_FINISH(row, 1, col, min(n - col, 4))
        }
    }
#endif
}
