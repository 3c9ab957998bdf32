// Single-precision matrix product C = op(A) op(B) with tiles in local memory.
//
// A work-group computes a TM x TN tile of C. It walks along k in steps of TK, copies a TM x TK
// tile of op(A) and a TK x TN tile of op(B) into local memory, and multiplies from there. Each
// work-item keeps WM x WN sums in registers: WM/4 groups of four rows and WN/4 groups of four
// columns, the groups LY*4 rows and LX*4 columns apart.
//
// Layout: every matrix is row-major, ld* is the distance between two rows in elements.
//   TA=0: a is m x k     TA=1: a is stored k x m
//   TB=0: b is k x n     TB=1: b is stored n x k
//   c is m x n; it is only written, so it may hold anything before.
// m, n, k >= 1; every operand holds fewer than 2^31 elements. Nothing outside the operands is read.
//
// Parameters
//   TM, TN        tile of C                                  multiples of WM and WN
//   TK            depth of a tile                            >= 1; a multiple of VA if TA=0,
//                                                            of VB if TB=1
//   WM, WN        sums of a work-item                        multiples of 4
//   VA, VB        width of the global loads of A, B          1, 4 (see "Vector loads")
//   VC            width of the stores of C                   1, 4; 4 asks for ldc % 4 == 0 and
//                                                            a 16-byte aligned base of c
//   UNALIGNED     vector loads at any 4-byte address         0, 1
//   DB            0: load, multiply; 1: load the next tile   0, 1, 2
//                 into registers while multiplying;
//                 2: as 1, with two buffers in local
//                 memory, so one barrier a tile, not two
//   PREFETCH_BEFORE_BARRIER  (DB > 0) where the loads of     0, 1
//                 the next tile stand: 1 for NVIDIA, whose
//                 compiler otherwise sinks them below the
//                 multiplication; 0 elsewhere, as AMD
//                 drains outstanding loads at a barrier
//   PADA, PADB    spare elements in a row of a tile in       0, 4, 8, ...: TM + PADA and TN + PADB
//                 local memory, against bank conflicts       are multiples of 4
//                 (of use for A if TA=0, for B if TB=1)
//   RESTRICT      qualifier of the operands: empty for       restrict, empty
//                 NVIDIA, where it lets loads move over
//                 barriers
//   TA, TB        transposes                                 0, 1
// With WG = (TM/WM) * (TN/WN), the number of work-items in a group:
//   TM*TK is a multiple of WG*VA, TN*TK of WG*VB;
//   the vectors in a line of a tile (TK/VA or, TA=1, TM/VA; TN/VB or, TB=1, TK/VB) divide WG or are
//   a multiple of it;
//   local memory: 4 * TK * (TM + PADA + TN + PADB) bytes, twice that if DB=2.
//
// Vector loads. VA=4 asks for lda % 4 == 0 and a 16-byte aligned base of a, VB=4 the same of ldb
// and b. Nothing is asked of m, n and k: a vector that starts inside a row may end in the spare
// elements between that row and the next, whose values are not used. With UNALIGNED=1 it is
// enough that lda >= 4 (VA=4), ldb >= 4 (VB=4); that suits devices on which such a load is one
// instruction (AMD), and not NVIDIA, where it becomes four.
//
// Launch: local size (WG, 1, 1), group id 0 = tile column, group id 1 = tile row;
//   global size (ceil(n/TN) * WG, ceil(m/TM), 1).

#ifndef TM
#define TM 64
#endif
#ifndef TN
#define TN 64
#endif
#ifndef TK
#define TK 16
#endif
#ifndef WM
#define WM 8
#endif
#ifndef WN
#define WN 4
#endif
#ifndef VA
#define VA 1
#endif
#ifndef VB
#define VB 1
#endif
#ifndef VC
#define VC 1
#endif
#ifndef UNALIGNED
#define UNALIGNED 0
#endif
#ifndef DB
#define DB 1
#endif
#ifndef PREFETCH_BEFORE_BARRIER
#define PREFETCH_BEFORE_BARRIER 0
#endif
#ifndef PADA
#define PADA 4
#endif
#ifndef PADB
#define PADB 4
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

#define LX (TN / WN)
#define LY (TM / WM)
#define WG (LX * LY)

// Tiles lie k-major in local memory whatever the layout of the operand, so that the inner loop is
// the same for all transposes. These are the lengths of their rows.
#define A_ROW (TM + PADA)
#define B_ROW (TN + PADB)
#define A_TILE (TK * A_ROW)
#define B_TILE (TK * B_ROW)

// A tile in global memory is a set of lines, contiguous along k or along the side of C.
// *_AT gives the place of an element of it in local memory.
#define A_KCONTIG (!TA)
#define B_KCONTIG TB
#if A_KCONTIG
#define A_LINE TK
#define A_AT(line, pos) ((pos) * A_ROW + (line))
#else
#define A_LINE TM
#define A_AT(line, pos) ((line) * A_ROW + (pos))
#endif
#if B_KCONTIG
#define B_LINE TK
#define B_AT(line, pos) ((pos) * B_ROW + (line))
#else
#define B_LINE TN
#define B_AT(line, pos) ((line) * B_ROW + (pos))
#endif

// Vectors in a line, and vectors that a work-item moves. The vectors of one work-item lie at fixed
// distances, line and position *_DLINE(i) and *_DPOS(i), from its first one.
#define A_VECS (A_LINE / VA)
#define B_VECS (B_LINE / VB)
#define A_LOADS (TM * TK / (WG * VA))
#define B_LOADS (TN * TK / (WG * VB))
#if A_VECS > WG
#define A_DLINE(i) ((i) / (A_VECS / WG))
#define A_DPOS(i) ((i) % (A_VECS / WG) * (WG * VA))
#else
#define A_DLINE(i) ((i) * (WG / A_VECS))
#define A_DPOS(i) 0
#endif
#if B_VECS > WG
#define B_DLINE(i) ((i) / (B_VECS / WG))
#define B_DPOS(i) ((i) % (B_VECS / WG) * (WG * VB))
#else
#define B_DLINE(i) ((i) * (WG / B_VECS))
#define B_DPOS(i) 0
#endif

#if TM % WM || TN % WN || WM % 4 || WN % 4
#error "WM and WN must be multiples of 4 and divide TM and TN"
#endif
#if (VA != 1 && VA != 4) || (VB != 1 && VB != 4) || (VC != 1 && VC != 4)
#error "VA, VB and VC must be 1 or 4"
#endif
#if A_LINE % VA || B_LINE % VB || (TM * TK) % (WG * VA) || (TN * TK) % (WG * VB)
#error "each work-item must load whole vectors, equally many"
#endif
#if (A_VECS % WG && WG % A_VECS) || (B_VECS % WG && WG % B_VECS)
#error "the vectors in a line must divide the work-group size or be a multiple of it"
#endif
#if A_ROW % 4 || B_ROW % 4
#error "TM + PADA and TN + PADB must be multiples of 4"
#endif

#if VA == 4
typedef float4 a_vec;
#define A_LOAD load4
#define A_EDGE edge4
#else
typedef float a_vec;
#define A_LOAD load1
#define A_EDGE edge1
#endif
#if VB == 4
typedef float4 b_vec;
#define B_LOAD load4
#define B_EDGE edge4
#else
typedef float b_vec;
#define B_LOAD load1
#define B_EDGE edge1
#endif

#if A_KCONTIG && VA == 4
#define A_PUT(at, v) put_column4(at, A_ROW, v)
#elif VA == 4
#define A_PUT(at, v) put_row4(at, v)
#else
#define A_PUT(at, v) (*(at) = (v))
#endif
#if B_KCONTIG && VB == 4
#define B_PUT(at, v) put_column4(at, B_ROW, v)
#elif VB == 4
#define B_PUT(at, v) put_row4(at, v)
#else
#define B_PUT(at, v) (*(at) = (v))
#endif

static float load1(const __global float *p)
{
    return *p;
}

static float4 load4(const __global float *p)
{
#if UNALIGNED
    return vload4(0, p);
#else
    return *(const __global float4 *)p;  // vload4 would promise 4-byte alignment only
#endif
}

// Elements (line, pos...) of an operand; zero outside of it.
static float edge1(const __global float *x, int line, int lines, int pos, int width, int ld)
{
    return line < lines && pos < width ? x[(size_t)line * ld + pos] : 0.0f;
}

static float4 edge4(const __global float *x, int line, int lines, int pos, int width, int ld)
{
    return (float4)(edge1(x, line, lines, pos, width, ld),
                    edge1(x, line, lines, pos + 1, width, ld),
                    edge1(x, line, lines, pos + 2, width, ld),
                    edge1(x, line, lines, pos + 3, width, ld));
}

static void put_row4(__local float *at, float4 v)
{
    *(__local float4 *)at = v;
}

static void put_column4(__local float *at, int row, float4 v)
{
    at[0] = v.x;
    at[row] = v.y;
    at[2 * row] = v.z;
    at[3 * row] = v.w;
}

// Global memory to registers, registers to local memory.
static void fetch_a(a_vec r[A_LOADS], const __global float *x, const uint offset[A_LOADS])
{
    #pragma unroll
    for (int i = 0; i < A_LOADS; ++i)
        r[i] = A_LOAD(x + offset[i]);
}

static void fetch_b(b_vec r[B_LOADS], const __global float *x, const uint offset[B_LOADS])
{
    #pragma unroll
    for (int i = 0; i < B_LOADS; ++i)
        r[i] = B_LOAD(x + offset[i]);
}

static void stage_a(__local float *at, const a_vec r[A_LOADS])
{
    #pragma unroll
    for (int i = 0; i < A_LOADS; ++i)
        A_PUT(at + A_AT(A_DLINE(i), A_DPOS(i)), r[i]);
}

static void stage_b(__local float *at, const b_vec r[B_LOADS])
{
    #pragma unroll
    for (int i = 0; i < B_LOADS; ++i)
        B_PUT(at + B_AT(B_DLINE(i), B_DPOS(i)), r[i]);
}

// Adds the product of two staged tiles; as and bs point to the first row and column of the item.
// The sums are vectors because some compilers pair multiply-adds only then.
static void multiply(float4 sum[WM][WN / 4], const __local float *as, const __local float *bs)
{
    #pragma unroll
    for (int p = 0; p < TK; ++p) {
        float x[WM];
        float4 y[WN / 4];
        #pragma unroll
        for (int g = 0; g < WM / 4; ++g) {
            const float4 v = *(const __local float4 *)(as + p * A_ROW + g * (LY * 4));
            x[4 * g] = v.x;
            x[4 * g + 1] = v.y;
            x[4 * g + 2] = v.z;
            x[4 * g + 3] = v.w;
        }
        #pragma unroll
        for (int j = 0; j < WN / 4; ++j)
            y[j] = *(const __local float4 *)(bs + p * B_ROW + j * (LX * 4));
        #pragma unroll
        for (int i = 0; i < WM; ++i) {
            #pragma unroll
            for (int j = 0; j < WN / 4; ++j)
                sum[i][j] += x[i] * y[j];
        }
    }
}

// Writes the part of v that lies left of the edge of C.
static void write4(__global float *p, float4 v, int left)
{
    if (left >= 4) {
#if VC == 4
        *(__global float4 *)p = v;
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
                   const __global float *RESTRICT a, const int lda,
                   const __global float *RESTRICT b, const int ldb,
                   __global float *RESTRICT c, const int ldc)
{
    __local float tiles[(DB == 2 ? 2 : 1) * (A_TILE + B_TILE)] __attribute__((aligned(16)));

    const int lid = get_local_id(0);
    const int m0 = get_group_id(1) * TM;
    const int n0 = get_group_id(0) * TN;

    // 32 consecutive items share 4 groups of rows and 8 of columns: that takes fewer reads of
    // local memory than a line of 32 would.
#if LX % 8 == 0 && LY % 4 == 0
    const int patch = lid / 32;
    const int tx = patch % (LX / 8) * 8 + lid % 8;
    const int ty = patch / (LX / 8) * 4 + lid / 8 % 4;
#else
    const int tx = lid % LX;
    const int ty = lid / LX;
#endif

    // The first vector that this item moves, and where it goes in local memory.
    const int a_line = lid / A_VECS, a_pos = lid % A_VECS * VA;
    const int b_line = lid / B_VECS, b_pos = lid % B_VECS * VB;
    __local float *a_put = tiles + A_AT(a_line, a_pos);
    __local float *b_put = tiles + A_TILE + B_AT(b_line, b_pos);
    const __local float *a_get = tiles + 4 * ty;
    const __local float *b_get = tiles + A_TILE + 4 * tx;

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

    float4 sum[WM][WN / 4];
    #pragma unroll
    for (int i = 0; i < WM; ++i) {
        #pragma unroll
        for (int j = 0; j < WN / 4; ++j)
            sum[i][j] = (float4)(0.0f);
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
    int other = A_TILE + B_TILE;  // from the buffer being read to the one being filled
    a_put += other;
    b_put += other;
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
        a_get += other;
        b_get += other;
        a_put -= other;
        b_put -= other;
        other = -other;
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
                write4(c + (size_t)row * ldc + col, sum[i][j], n - col);
            }
        }
    }
}
