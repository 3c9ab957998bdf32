// Softmax over rows, its way back, and the cross-entropy. It stands behind vector.cl and group.cl.
//
// Layout: all matrices rows x width.
//
// Launch, except `mean`: local size (WG, 1, 1), global size (g WG, 1, 1), 1 <= g: rows are shared out
// evenly.

// x = softmax(factor x), factor > 0
__attribute__((reqd_work_group_size(WG, 1, 1)))
__kernel void softmax(const int rows, const int width, const float factor, __global float *x)
{
    GROUP_MEMORY
    FOR_ROWS(row, rows) {
        __global float *line = x + (size_t)row * width;
        wide mosts = (wide)(-INFINITY);
        FOR_WIDE(j, width) {
            const wide v = get(line + j, width - j, -INFINITY);
            mosts = v > mosts ? v : mosts;
        }
        const float most = GROUP_MOST(most_of(mosts));
        wide sums = (wide)(0.0f);
        FOR_WIDE(j, width) {
            // An item reads again what it wrote itself.
            const wide e = exp_of(factor * (get(line + j, width - j, -INFINITY) - most));
            sums += e;
            put(line + j, e, width - j);
        }
        const float scale = 1.0f / GROUP_SUM(sum_of(sums));
        FOR_WIDE(j, width) put(line + j, scale * get(line + j, width - j, 0.0f), width - j);
    }
}

// d = factor p (d - sum of d p), p the softmax
__attribute__((reqd_work_group_size(WG, 1, 1)))
__kernel void softmax_back(const int rows, const int width, const float factor,
                           const __global float *p, __global float *d)
{
    GROUP_MEMORY
    FOR_ROWS(row, rows) {
        const size_t at = (size_t)row * width;
        wide sums = (wide)(0.0f);
        FOR_WIDE(j, width) sums += get(d + at + j, width - j, 0.0f) * get(p + at + j, width - j, 0.0f);
        const float sum = GROUP_SUM(sum_of(sums));
        FOR_WIDE(j, width) {
            const int left = width - j;
            put(d + at + j, factor * get(p + at + j, left, 0.0f) * (get(d + at + j, left, 0.0f) - sum), left);
        }
    }
}

// losses[row] = ln(sum of exp(z)) - z[label]; dz = (softmax(z) - 1 at the label) / rows. Labels are
// whole numbers below width.
__attribute__((reqd_work_group_size(WG, 1, 1)))
__kernel void cross_entropy(const int rows, const int width, const __global float *z,
                            const __global float *labels, __global float *dz, __global float *losses)
{
    GROUP_MEMORY
    FOR_ROWS(row, rows) {
        const size_t at = (size_t)row * width;
        const float label = labels[row];
        wide mosts = (wide)(-INFINITY);
        FOR_WIDE(j, width) {
            const wide v = get(z + at + j, width - j, -INFINITY);
            mosts = v > mosts ? v : mosts;
        }
        const float most = GROUP_MOST(most_of(mosts));
        wide sums = (wide)(0.0f);
        FOR_WIDE(j, width) sums += exp_of(get(z + at + j, width - j, -INFINITY) - most);
        const float sum = GROUP_SUM(sum_of(sums));
        const float scale = 1.0f / (sum * rows);
        float own = 0.0f;
        FOR_WIDE(j, width) {
            const int left = width - j;
            put(dz + at + j, scale * exp_of(get(z + at + j, left, -INFINITY) - most), left);
            for (int e = 0; e < min(left, VW); ++e) {
                if ((float)(j + e) == label) {
                    own = z[at + j + e] - most;
                    dz[at + j + e] -= 1.0f / rows;
                }
            }
        }
        own = GROUP_SUM(own);
        // A label that is none must show.
        if (get_local_id(0) == 0) losses[row] = label >= 0.0f && label < width ? log(sum) - own : NAN;
    }
}

// loss = the mean of n losses.
// Launch: local and global size (WG, 1, 1).
__attribute__((reqd_work_group_size(WG, 1, 1)))
__kernel void mean(const int n, const __global float *losses, __global float *loss)
{
    GROUP_MEMORY
    wide sums = (wide)(0.0f);
    FOR_WIDE(j, n) sums += get(losses + j, n - j, 0.0f);
    const float sum = GROUP_SUM(sum_of(sums));
    if (get_local_id(0) == 0) loss[0] = sum / n;
}
