// y = exp(x - most) / sum of exp(x - most) over rows, most the largest element of a row. It stands behind
// train/vector.cl, train/group.cl and rows.cl.
//
// Layout: x, y rows x width. x is read from memory once, and y is written once: exponentials are kept in
// local memory, or computed twice.
//
// Parameters
//   KEEP   exponentials that local memory keeps; width <= KEEP, or 0: none    0, multiples of VW
//
// Launch: local size (WG, 1, 1), global size (g WG, 1, 1), 1 <= g: rows are shared out evenly.

#ifndef KEEP
#define KEEP 0
#endif

__attribute__((reqd_work_group_size(WG, 1, 1)))
__kernel void softmax_rows(const int rows, const int width, const __global float *restrict x,
                           __global float *restrict y)
{
    GROUP_MEMORY
#if KEEP
    // An item reads again what it wrote itself.
    __local wide kept[KEEP / VW];
#endif
    FOR_ROWS(row, rows) {
        const size_t at = (size_t)row * width;
        wide mosts = (wide)(-INFINITY);
        FOR_WIDE(j, width) {
            const wide v = get(x + at + j, width - j, -INFINITY);
            mosts = v > mosts ? v : mosts;
        }
        const float most = GROUP_MOST(most_of(mosts));
        wide sums = (wide)(0.0f);
        FOR_WIDE(j, width) {
            READ_AHEAD(x + at + j, width);
            const wide e = exp_of(get(x + at + j, width - j, -INFINITY) - most);
            sums += e;
#if KEEP
            kept[j / VW] = e;
#endif
        }
        const float scale = 1.0f / GROUP_SUM(sum_of(sums));
        FOR_WIDE(j, width) {
            const int left = width - j;
#if KEEP
            const wide e = kept[j / VW];
#else
            const wide e = exp_of(get(x + at + j, left, 0.0f) - most);
#endif
            PUT(y + at + j, scale * e, left);
        }
    }
}
