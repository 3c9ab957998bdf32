// Layer norm over rows of `width` and its way back to x. It stands behind vector.cl and group.cl.
//
// Layout: x, y, dx, dy rows x width; weight width; means and scales one for each row, scale being
// 1 / sqrt(variance + eps), of biased variance.
//
// Launch: local size (WG, 1, 1), global size (g WG, 1, 1), 1 <= g: rows are shared out evenly.

__attribute__((reqd_work_group_size(WG, 1, 1)))
__kernel void layer_norm(const int rows, const int width, const float eps, const __global float *x,
                         const __global float *weight, const __global float *bias,
                         __global float *y, __global float *means, __global float *scales)
{
    GROUP_MEMORY
    FOR_ROWS(row, rows) {
        const __global float *line = x + (size_t)row * width;
        wide sums = (wide)(0.0f);
        FOR_WIDE(j, width) sums += get(line + j, width - j, 0.0f);
        const float mean = GROUP_SUM(sum_of(sums)) / width;
        wide squares = (wide)(0.0f);
        FOR_WIDE(j, width) {
            const wide d = get(line + j, width - j, mean) - mean;
            squares += d * d;
        }
        const float scale = 1.0f / sqrt(GROUP_SUM(sum_of(squares)) / width + eps);
        FOR_WIDE(j, width) {
            const int left = width - j;
            const wide normed = (get(line + j, left, 0.0f) - mean) * scale;
            put(y + (size_t)row * width + j, get(weight + j, left, 0.0f) * normed + get(bias + j, left, 0.0f), left);
        }
        if (get_local_id(0) == 0) {
            means[row] = mean;
            scales[row] = scale;
        }
    }
}

// dx = [dx +] scale (dy weight - mean of dy weight - normed mean of dy weight normed); dx is added to
// where `adds`.
__attribute__((reqd_work_group_size(WG, 1, 1)))
__kernel void layer_norm_back(const int rows, const int width, const int adds, const __global float *x,
                              const __global float *weight, const __global float *dy,
                              const __global float *means, const __global float *scales,
                              __global float *dx)
{
    GROUP_MEMORY
    FOR_ROWS(row, rows) {
        const size_t at = (size_t)row * width;
        const float mean = means[row], scale = scales[row];
        wide sums = (wide)(0.0f), products = (wide)(0.0f);
        FOR_WIDE(j, width) {
            const int left = width - j;
            const wide pull = get(dy + at + j, left, 0.0f) * get(weight + j, left, 0.0f);
            sums += pull;
            products += pull * ((get(x + at + j, left, 0.0f) - mean) * scale);
        }
        const float sum = GROUP_SUM(sum_of(sums)) / width;
        const float product = GROUP_SUM(sum_of(products)) / width;
        FOR_WIDE(j, width) {
            const int left = width - j;
            const wide pull = get(dy + at + j, left, 0.0f) * get(weight + j, left, 0.0f);
            const wide normed = (get(x + at + j, left, 0.0f) - mean) * scale;
            wide d = scale * (pull - sum - normed * product);
            if (adds) d += get(dx + at + j, left, 0.0f);
            put(dx + at + j, d, left);
        }
    }
}
