// A convolution and its gradients, one work-item per element of the result. It stands behind
// sizes.cl.
//
// No tiles, no reuse: the reference point that the tiled kernels are compared with.
//
// Layout, all dense: x n c h w, f k (c / groups) r s, y and dy n k p q, dx as x, df as f.
//   y[n][k][p][q] = sum over the channels c of k's group, r and s of
//       f[k][c][r][s] * x[n][c][p * stride_h + r * dilation_h - pad_h][q * stride_w + ...]
// Every operand holds fewer than 2^31 elements.
//
// Parameters
//   LX   work-group size   >= 1
//
// Launch: local size (LX, 1, 1), global size (elements of the result rounded up to LX, 1, 1).

#ifndef LX
#define LX 64
#endif

#pragma OPENCL FP_CONTRACT ON

__attribute__((reqd_work_group_size(LX, 1, 1)))
__kernel void fprop(__constant const Conv *v, const __global float *x, const __global float *f,
                    __global float *y)
{
    const size_t id = get_global_id(0);
    if (id < (size_t)v->n * v->k * v->p * v->q) {
        const int q = id % v->q, p = id / v->q % v->p;
        const int k = id / v->q / v->p % v->k, n = id / v->q / v->p / v->k;
        const int first_c = k / v->group_k * v->group_c;
        float sum = 0.0f;
        for (int c = 0; c < v->group_c; ++c) {
            for (int r = 0; r < v->r; ++r) {
                for (int s = 0; s < v->s; ++s) {
                    const int h = p * v->stride_h + r * v->dilation_h - v->pad_h;
                    const int w = q * v->stride_w + s * v->dilation_w - v->pad_w;
                    if (h >= 0 && h < v->h && w >= 0 && w < v->w)
                        sum += f[((k * v->group_c + c) * v->r + r) * v->s + s] *
                               x[(((size_t)n * v->c + first_c + c) * v->h + h) * v->w + w];
                }
            }
        }
        y[id] = sum;
    }
}

__attribute__((reqd_work_group_size(LX, 1, 1)))
__kernel void dgrad(__constant const Conv *v, const __global float *dy, const __global float *f,
                    __global float *dx)
{
    const size_t id = get_global_id(0);
    if (id < (size_t)v->n * v->c * v->h * v->w) {
        const int w = id % v->w, h = id / v->w % v->h;
        const int c = id / v->w / v->h % v->c, n = id / v->w / v->h / v->c;
        const int first_k = c / v->group_c * v->group_k;
        float sum = 0.0f;
        for (int k = first_k; k < first_k + v->group_k; ++k) {
            for (int r = 0; r < v->r; ++r) {
                for (int s = 0; s < v->s; ++s) {
                    const int up = h + v->pad_h - r * v->dilation_h;
                    const int left = w + v->pad_w - s * v->dilation_w;
                    const int p = up / v->stride_h, q = left / v->stride_w;
                    if (up >= 0 && left >= 0 && p * v->stride_h == up && q * v->stride_w == left &&
                        p < v->p && q < v->q)
                        sum += f[((k * v->group_c + c % v->group_c) * v->r + r) * v->s + s] *
                               dy[(((size_t)n * v->k + k) * v->p + p) * v->q + q];
                }
            }
        }
        dx[id] = sum;
    }
}

__attribute__((reqd_work_group_size(LX, 1, 1)))
__kernel void wgrad(__constant const Conv *v, const __global float *dy, const __global float *x,
                    __global float *df)
{
    const size_t id = get_global_id(0);
    if (id < (size_t)v->k * v->group_c * v->r * v->s) {
        const int s = id % v->s, r = id / v->s % v->r;
        const int k = id / v->s / v->r / v->group_c;
        const int c = k / v->group_k * v->group_c + (int)(id / v->s / v->r % v->group_c);
        float sum = 0.0f;
        for (int n = 0; n < v->n; ++n) {
            for (int p = 0; p < v->p; ++p) {
                for (int q = 0; q < v->q; ++q) {
                    const int h = p * v->stride_h + r * v->dilation_h - v->pad_h;
                    const int w = q * v->stride_w + s * v->dilation_w - v->pad_w;
                    if (h >= 0 && h < v->h && w >= 0 && w < v->w)
                        sum += dy[(((size_t)n * v->k + k) * v->p + p) * v->q + q] *
                               x[(((size_t)n * v->c + c) * v->h + h) * v->w + w];
                }
            }
        }
        df[id] = sum;
    }
}
