// Matrix product C = op(A) op(B), one work-item per element of C. It stands behind number.cl and product.cl.
//
// No tiles, no reuse: the reference point that the tiled kernels are compared with.
//
// Layout: every matrix is row-major, ld* is the distance between two rows in elements.
//   TA=0: a is m x k     TA=1: a is stored k x m
//   TB=0: b is k x n     TB=1: b is stored n x k
//   c is m x n; it is only written, so it may hold anything before.
// m, n, k >= 1; every operand holds fewer than 2^31 elements.
//
// Parameters
//   LX, LY   work-group shape: columns, rows     >= 1, LX * LY <= the device's limit
//   TA, TB   transposes                          0, 1
//   PRODUCT_...   what a product is part of: product.cl
//
// Launch: local size (LX, LY), global size (n rounded up to LX, m rounded up to LY).

#ifndef LX
#define LX 16
#endif
#ifndef LY
#define LY 16
#endif
#ifndef TA
#define TA 0
#endif
#ifndef TB
#define TB 0
#endif

#pragma OPENCL FP_CONTRACT ON

__attribute__((reqd_work_group_size(LX, LY, 1)))
__kernel void gemm(const int m, const int n, const int k,
                   const __global STORED *a, const int lda,
                   const __global STORED *b, const int ldb,
                   __global STORED *c, const int ldc PRODUCT_ARGUMENTS)
{
    PRODUCT_ENTER
    const int col = get_global_id(0);
    const int row = get_global_id(1);

    // The launch is rounded up; a guard is enough, as nothing here waits for other items.
    if (row < m && col < n) {
        SUM sum = 0.0f;
        for (int p = 0; p < k; ++p) {
#if TA
            const SUM x = WIDE(a[(size_t)p * lda + row]);
#else
            const SUM x = WIDE(a[(size_t)row * lda + p]);
#endif
#if TB
            const SUM y = WIDE(b[(size_t)col * ldb + p]);
#else
            const SUM y = WIDE(b[(size_t)p * ldb + col]);
#endif
            sum += x * y;
        }
        c[(size_t)row * ldc + col] =
            NARROW(PRODUCT_ADDS ? WIDE(c[(size_t)row * ldc + col]) + sum : sum);
#ifdef PRODUCT_FINISH
        PRODUCT_FINISH(row, 1, col, 1)
#endif
    }
}
