// y = (x - mean) / sqrt(variance + eps) gamma + beta over rows, of the biased variance. It stands behind
// train/vector.cl, train/group.cl and rows.cl.
//
// Layout: x, y rows x width; gamma, beta width. x is read three times, but from memory once.
//
// Launch: local size (WG, 1, 1), global size (g WG, 1, 1), 1 <= g: rows are shared out evenly.

__attribute__((reqd_work_group_size(WG, 1, 1)))
__kernel void layernorm_rows(const int rows, const int width, const float eps,
                             const __global float *restrict x, const __global float *restrict gamma,
                             const __global float *restrict beta, __global float *restrict y)
{
    GROUP_MEMORY
    FOR_ROWS(row, rows) {
        const size_t at = (size_t)row * width;
        wide sums = (wide)(0.0f);
        FOR_WIDE(j, width) sums += get(x + at + j, width - j, 0.0f);
        const float mean = GROUP_SUM(sum_of(sums)) / width;
        wide squares = (wide)(0.0f);
        FOR_WIDE(j, width) {
            READ_AHEAD(x + at + j, width);
            const wide d = get(x + at + j, width - j, mean) - mean;
            squares += d * d;
        }
        const float inv_std = 1.0f / sqrt(GROUP_SUM(sum_of(squares)) / width + eps);
        FOR_WIDE(j, width) {
            const int left = width - j;
            const wide normed = (get(x + at + j, left, 0.0f) - mean) * inv_std;
            PUT(y + at + j, get(gamma + j, left, 0.0f) * normed + get(beta + j, left, 0.0f), left);
        }
    }
}
