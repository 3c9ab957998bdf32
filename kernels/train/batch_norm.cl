// Batch norm with ReLU and, where POOL, the largest of each square of 2 x 2; and its way back. It
// stands behind vector.cl and group.cl.
//
// Layout: x, dx n c h w; y, dy as x or, POOL = 1, n c (h / 2) (w / 2); weight, bias, means, scales one
// for each channel, scale being 1 / sqrt(variance + eps), of biased variance over n, h and w.
//
// Parameters besides those of vector.cl (VW >= 4) and group.cl
//   POOL   0, 1
//
// Launch: local size (WG, 1, 1), global size (g WG, 1, 1), 1 <= g: channels are shared out evenly.

#ifndef POOL
#define POOL 0
#endif

#if VW < 4
#error "VW must be 4 or 16"
#endif

// Pooled pixels of a vector.
#define HALF (VW / 2)

static void put_narrow(__global float *p, const narrow v, const int left)
{
#if VW == 16
    if (left >= 8) {
        vstore8(v, 0, p);
    } else {
        float part[8];
        vstore8(v, 0, part);
        for (int e = 0; e < left; ++e) p[e] = part[e];
    }
#else
    if (left > 0) p[0] = v.x;
    if (left > 1) p[1] = v.y;
#endif
}

static narrow get_narrow(const __global float *p, const int left)
{
#if VW == 16
    if (left >= 8) return vload8(0, p);
    float part[8];
    for (int e = 0; e < 8; ++e) part[e] = e < left ? p[e] : 0.0f;
    return vload8(0, part);
#else
    return (float2)(left > 0 ? p[0] : 0.0f, left > 1 ? p[1] : 0.0f);
#endif
}

// The elements of a and b in turn. (Halves that are assigned one by one come out wrong in Oclgrind.)
#if VW == 16
#define IN_TURN(a, b)                                                                                 \
    (float16)(a.s0, b.s0, a.s1, b.s1, a.s2, b.s2, a.s3, b.s3, a.s4, b.s4, a.s5, b.s5, a.s6, b.s6, a.s7, b.s7)
#else
#define IN_TURN(a, b) (float4)(a.x, b.x, a.y, b.y)
#endif

// The item's pooled pixels of an image: place of their squares in x, their own place, how many.
#define FOR_SQUARES(from, to, left)                                                                   \
    const int wide_ = w / 2, per_row_ = DIV_UP(wide_, HALF);                                          \
    for (int s_ = (int)get_local_id(0), row_ = s_ / max(per_row_, 1), q_ = s_ % max(per_row_, 1) * HALF,          \
             from = 2 * (row_ * w + q_), to = row_ * wide_ + q_, left = min(wide_ - q_, HALF);         \
         s_ < h / 2 * per_row_;                                                                       \
         s_ += WG, row_ = s_ / per_row_, q_ = s_ % per_row_ * HALF,                                   \
             from = 2 * (row_ * w + q_), to = row_ * wide_ + q_, left = min(wide_ - q_, HALF))

__attribute__((reqd_work_group_size(WG, 1, 1)))
__kernel void batch_norm(const int n, const int c, const int h, const int w, const float eps,
                         const __global float *x, const __global float *weight,
                         const __global float *bias, __global float *y, __global float *means,
                         __global float *scales)
{
    GROUP_MEMORY
    const int area = h * w;
    const float count = (float)n * area;
    FOR_ROWS(channel, c) {
        wide sums = (wide)(0.0f);
        for (int image = 0; image < n; ++image) {
            const __global float *plane = x + ((size_t)image * c + channel) * area;
            wide sum = (wide)(0.0f);
            FOR_WIDE(j, area) sum += get(plane + j, area - j, 0.0f);
            sums += sum;
        }
        const float mean = GROUP_SUM(sum_of(sums)) / count;
        wide squares = (wide)(0.0f);
        for (int image = 0; image < n; ++image) {
            const __global float *plane = x + ((size_t)image * c + channel) * area;
            wide sum = (wide)(0.0f);
            FOR_WIDE(j, area) {
                const wide d = get(plane + j, area - j, mean) - mean;
                sum += d * d;
            }
            squares += sum;
        }
        const float scale = 1.0f / sqrt(GROUP_SUM(sum_of(squares)) / count + eps);
        const float factor = weight[channel], shift = bias[channel];
        for (int image = 0; image < n; ++image) {
            const size_t number = (size_t)image * c + channel;
            const __global float *plane = x + number * area;
#if POOL
            __global float *out = y + number * (h / 2) * (w / 2);
            FOR_SQUARES(from, to, left) {
                const wide upper = factor * ((get(plane + from, 2 * left, 0.0f) - mean) * scale) + shift;
                const wide lower = factor * ((get(plane + from + w, 2 * left, 0.0f) - mean) * scale) + shift;
                wide most = upper > lower ? upper : lower;
                most = most > (wide)(0.0f) ? most : (wide)(0.0f);
                put_narrow(out + to, most.even > most.odd ? most.even : most.odd, left);
            }
#else
            __global float *out = y + number * area;
            FOR_WIDE(j, area) {
                const wide z = factor * ((get(plane + j, area - j, 0.0f) - mean) * scale) + shift;
                put(out + j, z > (wide)(0.0f) ? z : (wide)(0.0f), area - j);
            }
#endif
        }
        if (get_local_id(0) == 0) {
            means[channel] = mean;
            scales[channel] = scale;
        }
    }
}

// dx, dweight, dbias. On the way, dx holds the gradient of what ReLU was given.
__attribute__((reqd_work_group_size(WG, 1, 1)))
__kernel void batch_norm_back(const int n, const int c, const int h, const int w,
                              const __global float *x, const __global float *weight,
                              const __global float *bias, const __global float *dy,
                              const __global float *means, const __global float *scales,
                              __global float *dweight, __global float *dbias, __global float *dx)
{
    GROUP_MEMORY
    const int area = h * w;
    const float count = (float)n * area;
    FOR_ROWS(channel, c) {
        const float mean = means[channel], scale = scales[channel];
        const float factor = weight[channel], shift = bias[channel];
        wide sums = (wide)(0.0f), products = (wide)(0.0f);
#if POOL
        // What no square takes in.
        if (h % 2 != 0 || w % 2 != 0) {
            for (int image = 0; image < n; ++image) {
                __global float *out = dx + ((size_t)image * c + channel) * area;
                FOR_WIDE(j, area) put(out + j, (wide)(0.0f), area - j);
            }
            GROUP_FENCE
        }
#endif
        for (int image = 0; image < n; ++image) {
            const size_t number = (size_t)image * c + channel;
            const __global float *plane = x + number * area;
            __global float *out = dx + number * area;
            wide sum = (wide)(0.0f), product = (wide)(0.0f);
#if POOL
            const __global float *pulls = dy + number * (h / 2) * (w / 2);
            FOR_SQUARES(from, to, left) {
                const wide upper = (get(plane + from, 2 * left, 0.0f) - mean) * scale;
                const wide lower = (get(plane + from + w, 2 * left, 0.0f) - mean) * scale;
                const wide z0 = factor * upper + shift, z1 = factor * lower + shift;
                // The first of the largest.
                narrow most = z0.even;
                const inarrow second = z0.odd > most;
                most = second ? z0.odd : most;
                const inarrow third = z1.even > most;
                most = third ? z1.even : most;
                const inarrow fourth = z1.odd > most;
                most = fourth ? z1.odd : most;
                const narrow none = (narrow)(0.0f);
                const narrow pull = most > none ? get_narrow(pulls + to, left) : none;
                const inarrow later = third | fourth;
                const narrow first_pull = (second | later) ? none : pull;
                const narrow second_pull = second ? (later ? none : pull) : none;
                const narrow third_pull = third ? (fourth ? none : pull) : none;
                const narrow fourth_pull = fourth ? pull : none;
                const wide d0 = IN_TURN(first_pull, second_pull);
                const wide d1 = IN_TURN(third_pull, fourth_pull);
                sum += d0 + d1;
                product += d0 * upper + d1 * lower;
                put(out + from, d0, 2 * left);
                put(out + from + w, d1, 2 * left);
            }
#else
            const __global float *pulls = dy + number * area;
            FOR_WIDE(j, area) {
                const wide normed = (get(plane + j, area - j, 0.0f) - mean) * scale;
                const wide pull = get(pulls + j, area - j, 0.0f);
                const wide d = factor * normed + shift > (wide)(0.0f) ? pull : (wide)(0.0f);
                sum += d;
                product += d * normed;
                put(out + j, d, area - j);
            }
#endif
            sums += sum;
            products += product;
        }
        GROUP_FENCE
        const float sum = GROUP_SUM(sum_of(sums)), product = GROUP_SUM(sum_of(products));
        for (int image = 0; image < n; ++image) {
            const size_t number = (size_t)image * c + channel;
            FOR_WIDE(j, area) {
                const wide normed = (get(x + number * area + j, area - j, 0.0f) - mean) * scale;
                const wide d = get(dx + number * area + j, area - j, 0.0f);
                put(dx + number * area + j, factor * scale * (d - sum / count - normed * (product / count)), area - j);
            }
        }
        if (get_local_id(0) == 0) {
            dweight[channel] = product;
            dbias[channel] = sum;
        }
    }
}
