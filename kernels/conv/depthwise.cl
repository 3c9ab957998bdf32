// A convolution whose filters see one channel each, and its gradients, straight from global memory.
// It stands behind sizes.cl.
//
// fprop, dgrad: a work-item computes QW elements of a row of the result; of each row that they need
// it reads SPAN elements into registers, from LOW on, relative to the place of its first one.
// wgrad: a work-group adds up a filter's gradient over a slice of the rows of dy. Each work-item has
// a sum for each tap; they are added in a tree. Slices are added by slices.cl.
//
// Layout, all dense: x n c h w, f k r s, y and dy n k p q, dx as x; group_c is 1, and filters
//   group_k * c to group_k * (c + 1) see channel c. part is slices of k r s.
// Every operand holds fewer than 2^31 elements.
//
// Parameters
//   R, S          sizes of a filter                              R * S <= 49
//   SH, SW        strides                                        >= 1
//   DH, DW        dilations                                      >= 1
//   PAD_W         columns of zeros on each side                  >= 0
//   QW            elements that are computed, for wgrad read,    >= 1; for dgrad a multiple of SW
//                 together
//   LOW, SPAN     fprop, wgrad: 0, (QW - 1) * SW + (S - 1) * DW + 1
//                 dgrad: the least whole number not under (PAD_W - (S - 1) * DW) / SW, and how many
//                 there are from that to (QW - 1 + PAD_W) / SW
//   WG            work-group size                                a power of two; wgrad takes
//                                                                4 * R * S * WG bytes of local memory
//
// Launch: local size (WG, 1, 1). fprop, dgrad: one item for each QW elements of each row, global
//   size (rows * ceil(width / QW) rounded up to WG, 1, 1). wgrad: global size (WG, k, slices).

#ifndef R
#define R 3
#endif
#ifndef S
#define S 3
#endif
#ifndef SH
#define SH 1
#endif
#ifndef SW
#define SW 1
#endif
#ifndef DH
#define DH 1
#endif
#ifndef DW
#define DW 1
#endif
#ifndef PAD_W
#define PAD_W 1
#endif
#ifndef QW
#define QW 4
#endif
#ifndef LOW
#define LOW 0
#endif
#ifndef SPAN
#define SPAN 6
#endif
#ifndef WG
#define WG 128
#endif

#pragma OPENCL FP_CONTRACT ON

// Elements of a row of `width` from `first` on, zero outside of it.
static void load_span(float span[SPAN], const __global float *row, int first, int width)
{
    #pragma unroll
    for (int i = 0; i < SPAN; ++i)
        span[i] = first + i >= 0 && first + i < width ? row[first + i] : 0.0f;
}

static void store(__global float *row, const float sum[QW], int left)
{
    #pragma unroll
    for (int j = 0; j < QW; ++j)
        if (j < left) row[j] = sum[j];
}

__attribute__((reqd_work_group_size(WG, 1, 1)))
__kernel void fprop(__constant const Conv *v, const __global float *x, const __global float *f,
                    __global float *y)
{
    const int blocks = (v->q + QW - 1) / QW;
    const int id = get_global_id(0);
    const int row = id / blocks, q = id % blocks * QW;
    if (row < v->n * v->k * v->p) {
        const int p = row % v->p, plane = row / v->p;
        const int k = plane % v->k, n = plane / v->k;
        x += (size_t)(n * v->c + k / v->group_k) * v->h * v->w;
        f += k * (R * S);
        float sum[QW];
        #pragma unroll
        for (int j = 0; j < QW; ++j)
            sum[j] = 0.0f;
        #pragma unroll
        for (int r = 0; r < R; ++r) {
            const int h = p * SH + r * DH - v->pad_h;
            if (h >= 0 && h < v->h) {
                float span[SPAN];
                load_span(span, x + (size_t)h * v->w, q * SW - PAD_W, v->w);
                #pragma unroll
                for (int s = 0; s < S; ++s) {
                    #pragma unroll
                    for (int j = 0; j < QW; ++j)
                        sum[j] += f[r * S + s] * span[j * SW + s * DW];
                }
            }
        }
        store(y + (size_t)row * v->q + q, sum, v->q - q);
    }
}

__attribute__((reqd_work_group_size(WG, 1, 1)))
__kernel void dgrad(__constant const Conv *v, const __global float *dy, const __global float *f,
                    __global float *dx)
{
    const int blocks = (v->w + QW - 1) / QW;
    const int id = get_global_id(0);
    const int row = id / blocks, w = id % blocks * QW;
    if (row < v->n * v->c * v->h) {
        const int h = row % v->h, plane = row / v->h;
        const int c = plane % v->c, n = plane / v->c;
        float sum[QW];
        #pragma unroll
        for (int j = 0; j < QW; ++j)
            sum[j] = 0.0f;
        for (int k = c * v->group_k; k < (c + 1) * v->group_k; ++k) {
            const __global float *const image = dy + (size_t)(n * v->k + k) * v->p * v->q;
            const __global float *const filter = f + k * (R * S);
            #pragma unroll
            for (int r = 0; r < R; ++r) {
                const int up = h + v->pad_h - r * DH;
                if (up >= 0 && up % SH == 0 && up / SH < v->p) {
                    float span[SPAN];
                    load_span(span, image + (size_t)(up / SH) * v->q, w / SW + LOW, v->q);
                    #pragma unroll
                    for (int s = 0; s < S; ++s) {
                        #pragma unroll
                        for (int j = 0; j < QW; ++j) {
                            // Which of dy this tap brings here, if one.
                            const int left = j + PAD_W - s * DW;
                            if (left % SW == 0)
                                sum[j] += filter[r * S + s] * span[left / SW - LOW];
                        }
                    }
                }
            }
        }
        store(dx + (size_t)row * v->w + w, sum, v->w - w);
    }
}

__attribute__((reqd_work_group_size(WG, 1, 1)))
__kernel void wgrad(__constant const Conv *v, const int rows, const __global float *dy,
                    const __global float *x, __global float *part)
{
    __local float sums[R * S * WG];
    const int lid = get_local_id(0);
    const int k = get_group_id(1);
    const int slice = get_group_id(2);
    const int blocks = (v->q + QW - 1) / QW;
    // A slice's rows of dy, of all images.
    const int end = min((slice + 1) * rows, v->n * v->p) * blocks;

    float sum[R * S];
    #pragma unroll
    for (int t = 0; t < R * S; ++t)
        sum[t] = 0.0f;
    for (int i = slice * rows * blocks + lid; i < end; i += WG) {
        const int q = i % blocks * QW;
        const int p = i / blocks % v->p, n = i / blocks / v->p;
        const __global float *const dy_row = dy + ((size_t)(n * v->k + k) * v->p + p) * v->q;
        const __global float *const image = x + (size_t)(n * v->c + k / v->group_k) * v->h * v->w;
        float y[QW];
        #pragma unroll
        for (int j = 0; j < QW; ++j)
            y[j] = q + j < v->q ? dy_row[q + j] : 0.0f;
        #pragma unroll
        for (int r = 0; r < R; ++r) {
            const int h = p * SH + r * DH - v->pad_h;
            if (h >= 0 && h < v->h) {
                float span[SPAN];
                load_span(span, image + (size_t)h * v->w, q * SW - PAD_W, v->w);
                #pragma unroll
                for (int s = 0; s < S; ++s) {
                    #pragma unroll
                    for (int j = 0; j < QW; ++j)
                        sum[r * S + s] += y[j] * span[j * SW + s * DW];
                }
            }
        }
    }

    #pragma unroll
    for (int t = 0; t < R * S; ++t)
        sums[t * WG + lid] = sum[t];
    for (int step = WG / 2; step > 0; step /= 2) {
        barrier(CLK_LOCAL_MEM_FENCE);
        if (lid < step) {
            for (int t = 0; t < R * S; ++t)
                sums[t * WG + lid] += sums[t * WG + lid + step];
        }
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int t = lid; t < R * S; t += WG)
        part[((size_t)slice * v->k + k) * (R * S) + t] = sums[t * WG];
}
