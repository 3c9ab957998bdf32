// A convolution or one of its gradients straight from global memory, for devices whose local memory
// is ordinary cached memory or slower than their caches. It stands behind view.cl, which explains
// the product C = A B that is computed.
//
// Each work-item computes WM x WN elements of C: WM consecutive rows, and WN/V groups of V
// columns, the groups LX*V columns apart, so that neighbours read neighbouring elements of B.
// No local memory, no barriers.
//
// Layout: a, b and c hold an operand each, as view.cl has them; a row of A is contiguous along k
//   (in each image, if PIXELS). c is only written. Each holds fewer than 2^30 elements.
//
// Parameters, with those of view.cl
//   WM, WN      elements of C of a work-item                 >= 1; WN a multiple of V
//   V           width of the sums                            1, 4; a multiple of VC
//   VA          k of a turn of the loop, and the width of    1, 4; 4 asks that lda, a_* and, if
//               the loads of A                               PIXELS, pixels are multiples of 4, and
//                                                            k too unless a holds zeros up to the
//                                                            next one
//   LX, LY      work-items of a group along n, along m       >= 1, LX * LY <= the device's limit
//
// Launch: local size (LX*LY, 1, 1), group id 0 = tile column, 1 = tile row, for tiles of LY*WM x
//   LX*WN, 2 = group of channels + groups * (phase + phases * slice).

#ifndef WM
#define WM 4
#endif
#ifndef WN
#define WN 4
#endif
#ifndef V
#define V 4
#endif
#ifndef VA
#define VA 1
#endif
#ifndef LX
#define LX 16
#endif
#ifndef LY
#define LY 8
#endif

#pragma OPENCL FP_CONTRACT ON

#if (V != 1 && V != 4) || (VA != 1 && VA != 4) || WN % V || V % VC
#error "V and VA must be 1 or 4, WN a multiple of V, V one of VC"
#endif

// Elements of a row of A from one place on.
static void load_a(float x[VA], const __global float *a)
{
#if VA == 4
    const float4 v = *(const __global float4 *)a;
    x[0] = v.x;
    x[1] = v.y;
    x[2] = v.z;
    x[3] = v.w;
#else
    x[0] = *a;
#endif
}

#if V == 4
typedef float4 vec;
#define VEC(y) (float4)((y)[0], (y)[1], (y)[2], (y)[3])
#else
typedef float vec;
#define VEC(y) (y)[0]
#endif

__attribute__((reqd_work_group_size(LX * LY, 1, 1)))
__kernel void conv(const int groups, const int phases, __constant const View *views,
                   const __global int2 *RESTRICT taps,
                   const __global float *RESTRICT a, const __global float *RESTRICT b,
                   __global float *RESTRICT c)
{
    const int lid = get_local_id(0);
    const int z = get_group_id(2);
    const int group = z % groups;
    const int slice = z / groups / phases;
    __constant const View *v = views + z / groups % phases;
    const int m = v->m;
    const int n = v->blocks * v->grid_h * v->grid_w;
    const int start = slice * v->slice;
    const int end = min(v->k, start + v->slice);
    const int limit = v->limit;

    const int row0 = ((int)get_group_id(1) * LY + lid / LX) * WM;
    const int col0 = (int)get_group_id(0) * (LX * WN) + lid % LX * V;
#define COLUMN(j) (col0 + (j) / V * (LX * V) + (j) % V)  // the j-th column of this item

    a += v->a_first + (size_t)group * v->a_group;
    b += (size_t)group * (v->b_group / 4);
    c += v->c_first + (size_t)group * v->c_group + (size_t)slice * v->c_slice;
    taps += v->taps;

    // Rows and columns outside C are clamped to ones inside, since what they yield is not written.
    uint row[WM];
    #pragma unroll
    for (int i = 0; i < WM; ++i)
        row[i] = (uint)min(row0 + i, m - 1) * (uint)v->lda;
    Column column[WN];
    #pragma unroll
    for (int j = 0; j < WN; ++j)
        column[j] = column_of(v, min(COLUMN(j), n - 1));

    vec sum[WM][WN / V];
    #pragma unroll
    for (int i = 0; i < WM; ++i) {
        #pragma unroll
        for (int j = 0; j < WN / V; ++j)
            sum[i][j] = (vec)(0.0f);
    }

    int image = PIXELS ? start / v->pixels : 0;
    int pixel = PIXELS ? start % v->pixels : 0;
    for (int k = start; k < end; k += VA) {
        const __global float *const ka = a + (PIXELS ? image * v->a_image + pixel : k);
        const uint kb = PIXELS ? image * v->b_image : 0;
        float x[WM][VA];
        #pragma unroll
        for (int i = 0; i < WM; ++i)
            load_a(x[i], ka + row[i]);
        #pragma unroll
        for (int u = 0; u < VA; ++u) {
            const int2 tap = taps[(PIXELS ? pixel : k) + u];
            float y[WN];
            #pragma unroll
            for (int j = 0; j < WN; ++j) {
                const bool counts = inside(column[j].place + tap.y, limit) && k + u < end;
                const uint at = column[j].offset + (uint)tap.x + kb;
                y[j] = counts ? B_AT_BYTE(float, b, at) : 0.0f;
            }
            #pragma unroll
            for (int i = 0; i < WM; ++i) {
                #pragma unroll
                for (int j = 0; j < WN / V; ++j)
                    sum[i][j] += x[i][u] * VEC(y + j * V);
            }
        }
        if (PIXELS) {
            pixel += VA;
            if (pixel >= v->pixels) {
                pixel -= v->pixels;
                ++image;
            }
        }
    }

    #pragma unroll
    for (int j = 0; j < WN; j += V) {
        int at[V / VC];
        #pragma unroll
        for (int e = 0; e < V / VC; ++e)
            at[e] = c_offset(v, min(COLUMN(j) + e, n - 1));
        #pragma unroll
        for (int i = 0; i < WM; ++i) {
            if (row0 + i < m) {
#if V == 4
                put4(c + (size_t)(row0 + i) * v->ldc, at, sum[i][j / V], n - COLUMN(j));
#else
                if (COLUMN(j) < n) c[(size_t)(row0 + i) * v->ldc + at[0]] = sum[i][j];
#endif
            }
        }
    }
}
