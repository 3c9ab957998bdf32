// A convolution or one of its gradients with tiles in local memory. It stands behind tile.cl, which
// explains the tiles, and view.cl, which explains the product C = A B that is computed.
//
// Layout: a, b and c hold an operand each, as view.cl has them; a row of A is contiguous along k
//   (in each image, if PIXELS). c is only written. Each holds fewer than 2^30 elements. taps reaches
//   TK entries past the last one that is used.
//
// Parameters, with those of tile.cl and view.cl
//   TAPWISE   k is ordered by taps as view.cl has it; every   0, 1
//             sum's length is a multiple of TK
//   PREFETCH_BEFORE_BARRIER   as in gemm/local.cl             0, 1
//   TA        0
//   TB        1 if PIXELS, else 0
//   VA        4 asks that lda, a_* and, if PIXELS, pixels are multiples of 4, and k too unless a
//             holds zeros up to the next one
//   VB        4 asks that BOUNDED=0, and that offsets in B are multiples of 16 bytes. If TAPWISE,
//             columns 4i to 4i+3 lie side by side, and their number is a multiple of 4; if PIXELS,
//             pixels 4i to 4i+3 do. Otherwise VB is 1.
// TN/VB divides WG if TB=0.
//
// Launch: local size (WG, 1, 1), group id 0 = tile column, 1 = tile row, 2 = group of channels +
//   groups * (phase + phases * slice); global size (ceil(n/TN) * WG, ceil(m/TM), groups * phases *
//   slices), n the largest number of columns of a phase.

#ifndef TAPWISE
#define TAPWISE 0
#endif
#ifndef PREFETCH_BEFORE_BARRIER
#define PREFETCH_BEFORE_BARRIER 0
#endif

#if TA || TB != PIXELS
#error "TA must be 0, and TB as PIXELS"
#endif
#if VB == 4 && (BOUNDED || !(TAPWISE || PIXELS))
#error "vectors of B ask for BOUNDED=0 and for TAPWISE or PIXELS"
#endif
#if !TB && WG % B_VECS
#error "TN / VB must divide the work-group size"
#endif

// Columns whose elements of B a work-item loads.
#define B_COLUMNS (TB ? B_LOADS : 1)

// A k that runs over the pixels of images.
typedef struct {
    int image;
    int pixel;
} Walk;

static Walk walk_from(int k, int pixels)
{
    Walk w = {k / pixels, k % pixels};
    return w;
}

static Walk walk_on(Walk w, Walk step, int pixels)
{
    w.image += step.image;
    w.pixel += step.pixel;
    if (w.pixel >= pixels) {
        w.pixel -= pixels;
        ++w.image;
    }
    return w;
}

// Where a work-item reads A and B: its rows and columns, and the k that comes next.
typedef struct {
    __constant const View *view;
    const __global float *a;
    const __global float *b;
    const __global int2 *taps;  // at the next tile
    uint row[A_LOADS];          // offsets in A
    Column column[B_COLUMNS];
    int2 tap;                   // what all vectors of B share, if TAPWISE or PIXELS
    Walk a_walk;                // if PIXELS
    Walk b_walk;
    Walk step;
} Source;

// An entry of taps; without borders only its offset is read.
static int2 entry(const __global int2 *tap)
{
#if BOUNDED
    return *tap;
#else
    return (int2)(*(const __global int *)tap, 0);
#endif
}

// Moves to the tile at k.
static void move_to(Source *s, const Source *origin, int k, int a_pos, int b_pos)
{
#if PIXELS
    s->a_walk = walk_from(k + a_pos, s->view->pixels);
    s->b_walk = walk_from(k + b_pos, s->view->pixels);
    s->tap = entry(s->taps + s->b_walk.pixel);
#elif TAPWISE
    s->a = origin->a + k;
    s->taps = origin->taps + k / TK;
    s->tap = entry(s->taps);
#else
    s->a = origin->a + k;
    s->taps = origin->taps + k;
#endif
}

// Moves on to the next tile. Entries of taps are read a tile ahead.
static void move_on(Source *s)
{
#if PIXELS
    s->a_walk = walk_on(s->a_walk, s->step, s->view->pixels);
    s->b_walk = walk_on(s->b_walk, s->step, s->view->pixels);
    s->tap = entry(s->taps + s->b_walk.pixel);
#elif TAPWISE
    s->a += TK;
    s->tap = entry(++s->taps);
#else
    s->a += TK;
    s->taps += TK;
#endif
}

// The item's vectors of A; none where `left`, the number of k from its first one on, is not
// positive.
static void fetch_a(a_vec r[A_LOADS], const Source *s, int left)
{
    const uint along = PIXELS ? s->a_walk.image * s->view->a_image + s->a_walk.pixel : 0;
    #pragma unroll
    for (int i = 0; i < A_LOADS; ++i)
        r[i] = left > 0 ? A_LOAD(s->a + (s->row[i] + along)) : (a_vec)(0.0f);
}

// The item's vectors of B, zero outside the image.
static void fetch_b(b_vec r[B_LOADS], const Source *s, int left)
{
    const uint image = PIXELS ? s->b_walk.image * s->view->b_image : 0;
    const uint along = WG / B_VECS * s->view->b_line;
    #pragma unroll
    for (int i = 0; i < B_LOADS; ++i) {
        const Column column = s->column[TB ? i : 0];
        const int2 tap = TAPWISE || PIXELS ? s->tap : entry(s->taps + B_DLINE(i));
        const uint offset = column.offset + (uint)tap.x + image + (TAPWISE ? i * along : 0);
        const bool is_there = inside(column.place + tap.y, s->view->limit) &&
                              (TB ? 0 : B_DLINE(i)) < left;
        r[i] = is_there ? B_AT_BYTE(b_vec, s->b, offset) : (b_vec)(0.0f);
    }
}

__attribute__((reqd_work_group_size(WG, 1, 1)))
__kernel void conv(const int groups, const int phases, __constant const View *views,
                   const __global int2 *RESTRICT taps,
                   const __global float *RESTRICT a, const __global float *RESTRICT b,
                   __global float *RESTRICT c)
{
    __local float tiles[(DB == 2 ? 2 : 1) * (A_TILE + B_TILE)] __attribute__((aligned(16)));

    const int lid = get_local_id(0);
    const int m0 = get_group_id(1) * TM;
    const int n0 = get_group_id(0) * TN;
    const int z = get_group_id(2);
    const int group = z % groups;
    const int slice = z / groups / phases;
    __constant const View *v = views + z / groups % phases;

    // A tile right of a phase's columns has nothing to add up, nor has a slice past its sum.
    const int m = v->m;
    const int n = v->blocks * v->grid_h * v->grid_w;
    const int start = min(slice * v->slice, v->k);
    const int k = n0 < n ? min(v->k - start, v->slice) : 0;
    c += v->c_first + (size_t)group * v->c_group + (size_t)slice * v->c_slice;

    const int tx = item_x(lid), ty = item_y(lid);

    // The first vector that this item moves, and where it goes in local memory.
    const int a_line = lid / A_VECS, a_pos = lid % A_VECS * VA;
    const int b_line = lid / B_VECS, b_pos = lid % B_VECS * VB;
    __local float *a_put = tiles + A_AT(a_line, a_pos);
    __local float *b_put = tiles + A_TILE + B_AT(b_line, b_pos);
    const __local float *a_get = tiles + 4 * ty;
    const __local float *b_get = tiles + A_TILE + 4 * tx;

    // Rows and columns outside C are clamped to ones inside, since what they yield is not written.
    Source source;
    source.view = v;
    source.a = a + v->a_first + (size_t)group * v->a_group;
    source.b = b + (size_t)group * v->b_group / 4;
    source.taps = taps + v->taps + (TAPWISE || PIXELS ? 0 : b_line);
    #pragma unroll
    for (int i = 0; i < A_LOADS; ++i)
        source.row[i] = (uint)min(m0 + a_line + A_DLINE(i), m - 1) * (uint)v->lda +
                        (PIXELS ? 0 : a_pos);
    #pragma unroll
    for (int i = 0; i < B_COLUMNS; ++i)
        source.column[i] =
            column_of(v, TB ? min(n0 + b_line + B_DLINE(i), n - 1) : min(n0 + b_pos, n - VB));
    if (TAPWISE) source.column[0].offset += b_line * v->b_line;
    source.step = walk_from(TK, PIXELS ? v->pixels : 1);
    const Source origin = source;

    // The tile at the end of k, of up to TK steps, comes first, so that all others are full.
    const int full = max(k - 1, 0) / TK;
    const int left = k - full * TK;
    a_vec ra[A_LOADS];
    b_vec rb[B_LOADS];
    move_to(&source, &origin, start + full * TK, a_pos, b_pos);
    fetch_a(ra, &source, left - a_pos);
    fetch_b(rb, &source, left - (TB ? b_pos : b_line));
    move_to(&source, &origin, start, a_pos, b_pos);

    float4 sum[WM][WN / 4];
    #pragma unroll
    for (int i = 0; i < WM; ++i) {
        #pragma unroll
        for (int j = 0; j < WN / 4; ++j)
            sum[i][j] = (float4)(0.0f);
    }

    // The order of loads, barriers and stores is explained in gemm/local.cl.
#if DB == 0
    for (int t = 0; t <= full; ++t) {
        if (t > 0) {
            fetch_a(ra, &source, TK);
            fetch_b(rb, &source, TK);
            move_on(&source);
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
            fetch_a(ra, &source, TK);
            fetch_b(rb, &source, TK);
            move_on(&source);
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
    for (int j = 0; j < WN / 4; ++j) {
        const int col = n0 + j * (LX * 4) + tx * 4;
        int at[4 / VC];
        #pragma unroll
        for (int e = 0; e < 4 / VC; ++e)
            at[e] = c_offset(v, min(col + e, n - 1));
        #pragma unroll
        for (int i = 0; i < WM; ++i) {
            const int row = m0 + i / 4 * (LY * 4) + ty * 4 + i % 4;
            if (row < m) put4(c + (size_t)row * v->ldc, at, sum[i][j], n - col);
        }
    }
}
