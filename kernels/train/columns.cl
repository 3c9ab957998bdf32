// Sums over the rows of matrices: bias gradients, means over a sequence. It stands behind vector.cl.
//
// Layout: x is count matrices of rows x columns, out and twin count rows of `columns`; rows >= 0.
//
// Parameters besides those of vector.cl
//   LX, LY   items of a work-group along columns and rows   >= 1; LY a power of two
//   UC       vectors of columns of an item                  >= 1
//
// Launch: local size (LX, LY, 1), global size (ceil(columns / (LX UC VW)) LX, LY, count).

#ifndef LX
#define LX 32
#endif
#ifndef LY
#define LY 8
#endif
#ifndef UC
#define UC 1
#endif

// Rows whose sum begins anew, so that errors do not grow with the number of rows.
#define BLOCK 64

// out[z][j] = twin[z][j] = factor (x[z][0][j] + x[z][1][j] + ...)
__attribute__((reqd_work_group_size(LX, LY, 1)))
__kernel void column_sums(const int rows, const int columns, const float factor,
                          const __global float *x, __global float *out, __global float *twin)
{
#if LY > 1
    __local wide shared[LY][LX];
#endif
    const int ly = get_local_id(1), z = get_global_id(2);
    const int j0 = (int)get_global_id(0) * (UC * VW);
    x += (size_t)z * rows * columns;
    wide total[UC];
    #pragma unroll
    for (int u = 0; u < UC; ++u) total[u] = (wide)(0.0f);
    for (int first = ly; first < rows; first += BLOCK * LY) {
        wide sum[UC];
        #pragma unroll
        for (int u = 0; u < UC; ++u) sum[u] = (wide)(0.0f);
        for (int row = first; row < min(first + BLOCK * LY, rows); row += LY) {
            #pragma unroll
            for (int u = 0; u < UC; ++u)
                sum[u] += get(x + (size_t)row * columns + j0 + u * VW, columns - j0 - u * VW, 0.0f);
        }
        #pragma unroll
        for (int u = 0; u < UC; ++u) total[u] += sum[u];
    }
    #pragma unroll
    for (int u = 0; u < UC; ++u) {
#if LY > 1
        const int lx = get_local_id(0);
        shared[ly][lx] = total[u];
        barrier(CLK_LOCAL_MEM_FENCE);
        for (int reach = LY / 2; reach > 0; reach /= 2) {
            if (ly < reach) shared[ly][lx] += shared[ly + reach][lx];
            barrier(CLK_LOCAL_MEM_FENCE);
        }
        total[u] = shared[0][lx];
        barrier(CLK_LOCAL_MEM_FENCE);
#endif
        if (ly == 0) {
            const size_t at = (size_t)z * columns + j0 + u * VW;
            put(out + at, factor * total[u], columns - j0 - u * VW);
            put(twin + at, factor * total[u], columns - j0 - u * VW);
        }
    }
}

// Gradients of a layer norm's weight and bias: dweight[j] = sum of dy (x - mean) scale over the rows,
// dbias[j] = sum of dy.
__attribute__((reqd_work_group_size(LX, LY, 1)))
__kernel void layer_norm_sums(const int rows, const int width, const __global float *x,
                              const __global float *dy, const __global float *means,
                              const __global float *scales, __global float *dweight,
                              __global float *dbias)
{
#if LY > 1
    __local wide shared[2][LY][LX];
#endif
    const int ly = get_local_id(1);
    const int j = (int)get_global_id(0) * VW, left = width - j;
    wide product = (wide)(0.0f), sum = (wide)(0.0f);
    for (int first = ly; first < rows; first += BLOCK * LY) {
        wide p = (wide)(0.0f), s = (wide)(0.0f);
        for (int row = first; row < min(first + BLOCK * LY, rows); row += LY) {
            const wide d = get(dy + (size_t)row * width + j, left, 0.0f);
            p += d * ((get(x + (size_t)row * width + j, left, 0.0f) - means[row]) * scales[row]);
            s += d;
        }
        product += p;
        sum += s;
    }
#if LY > 1
    const int lx = get_local_id(0);
    shared[0][ly][lx] = product;
    shared[1][ly][lx] = sum;
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int reach = LY / 2; reach > 0; reach /= 2) {
        if (ly < reach) {
            shared[0][ly][lx] += shared[0][ly + reach][lx];
            shared[1][ly][lx] += shared[1][ly + reach][lx];
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    product = shared[0][0][lx];
    sum = shared[1][0][lx];
#endif
    if (ly == 0) {
        put(dweight + j, product, left);
        put(dbias + j, sum, left);
    }
}

// dx[z][row][j] = factor dy[z][j]: the way back through a mean over rows.
// Launch: local size (LX, LY, 1), global size (ceil(columns / (LX VW)) LX, rows to LY, count).
__attribute__((reqd_work_group_size(LX, LY, 1)))
__kernel void spread_rows(const int rows, const int columns, const float factor,
                          const __global float *dy, __global float *dx)
{
    const int j = (int)get_global_id(0) * VW, row = get_global_id(1), z = get_global_id(2);
    if (row < rows) {
        const wide d = factor * get(dy + (size_t)z * columns + j, columns - j, 0.0f);
        put(dx + ((size_t)z * rows + row) * columns + j, d, columns - j);
    }
}
