// What a training step adds to the matrix products of gemm/: many at once, parts of larger tensors, and
// what is done to each element before it is written. It stands behind vector.cl and in front of gemm/product.cl and a file
// of gemm/, and is no program by itself.
//
// Product z of the launch's third dimension takes operand x from
//   x + x_first + z / inner * x_outer + z % inner * x_inner
// (batch and head of an attention, say). An element of a b, in row i and column j, becomes
//   v = a b [+ what c holds] [+ bias[j]] [+ more[j]]
//   v = max(v, 0), or GELU(v), whose derivative goes to slopes
//   v = v [+ other], or 0 where other <= 0, or v times other
// as `finish_` says; `other_` and `slopes_` lie as c does.

#define FINISH_ADD 1       // to what c holds
#define FINISH_BIAS 2
#define FINISH_MORE 4
#define FINISH_RELU 8
#define FINISH_GELU 16
#define FINISH_OTHER 32    // + other
#define FINISH_MASK 64     // 0 where other <= 0
#define FINISH_TIMES 128   // times other
#define FINISH_EACH 254    // any of these but the first
#define FINISH_SUMS 256    // to bias_ and more_ go the sums of the rows of a (packed.cl, TA = 1)

#define PRODUCT_ARGUMENTS                                                                             \
    , const int inner_, const int a_first_, const int a_outer_, const int a_inner_, const int b_first_,      \
    const int b_outer_, const int b_inner_, const int c_first_, const int c_outer_, const int c_inner_,      \
    const int finish_, const __global float *bias_, const __global float *more_,                     \
    const __global float *other_, __global float *slopes_

#define TRAIN_AT(x) \
    (x##_first_ + (size_t)(get_global_id(2) / inner_) * x##_outer_ + (get_global_id(2) % inner_) * x##_inner_)

#define PRODUCT_ENTER     \
    a += TRAIN_AT(a);   \
    b += TRAIN_AT(b);   \
    c += TRAIN_AT(c);

// Whether sums are added to what c holds.
#define PRODUCT_ADDS (finish_ & FINISH_ADD)

static wide finished(wide v, const int finish, const size_t at, const int j, const int left,
                     const __global float *bias, const __global float *more,
                     const __global float *other, __global float *slopes)
{
    if (finish & FINISH_BIAS) v += get(bias + j, left, 0.0f);
    if (finish & FINISH_MORE) v += get(more + j, left, 0.0f);
    if (finish & FINISH_RELU) v = v > (wide)(0.0f) ? v : (wide)(0.0f);
    if (finish & FINISH_GELU) {
        wide slope;
        v = gelu_of(v, &slope);
        put(slopes + at, slope, left);
    }
    if (finish & FINISH_OTHER) v += get(other + at, left, 0.0f);
    if (finish & FINISH_MASK) v = get(other + at, left, 0.0f) > (wide)(0.0f) ? v : (wide)(0.0f);
    if (finish & FINISH_TIMES) v *= get(other + at, left, 0.0f);
    return v;
}

// The rest of what is done, to a block that this work-item has written: in place, so that it takes one
// small loop and no registers beside the sums.
#define PRODUCT_FINISH(row, rows, col, cols)                                                          \
    if (finish_ & FINISH_EACH) {                                                                    \
        const size_t here_ = TRAIN_AT(c);                                                           \
        for (int i_ = 0; i_ < (rows); ++i_) {                                                       \
            for (int j_ = 0; j_ < (cols); j_ += VW) {                                               \
                const size_t at_ = (size_t)((row) + i_) * ldc + (col) + j_;                         \
                const int left_ = (cols) - j_;                                                      \
                put(c + at_, finished(get(c + at_, left_, 0.0f), finish_, here_ + at_, (col) + j_,  \
                                      left_, bias_, more_, other_, slopes_), left_);                \
            }                                                                                       \
        }                                                                                           \
    }

#if VW == 16
// Sums over k of the rows of a that were copied, `depth` of k at a time, to where bias gradients are
// wanted. One column of work-items does it.
#define PRODUCT_COPIED(copied, row, rows, depth, is_first)                                             \
    if ((finish_ & FINISH_SUMS) && get_global_id(1) == 0) {                                         \
        float16 sums_[4] = {(float16)(0.0f), (float16)(0.0f), (float16)(0.0f), (float16)(0.0f)};        \
        int p_ = 0;                                                                                 \
        for (; p_ + 4 <= (depth); p_ += 4) {                                                        \
            _Pragma("unroll")                                                                       \
            for (int e_ = 0; e_ < 4; ++e_) sums_[e_] += vload16(0, (copied) + (p_ + e_) * MR);       \
        }                                                                                           \
        for (; p_ < (depth); ++p_) sums_[0] += vload16(0, (copied) + p_ * MR);                        \
        float sum_[16];                                                                             \
        vstore16((sums_[0] + sums_[1]) + (sums_[2] + sums_[3]), 0, sum_);                             \
        for (int e_ = 0; e_ < (rows); ++e_) {                                                       \
            const int at_ = (row) + e_;                                                             \
            const float total_ = (is_first) ? sum_[e_] : bias_[at_] + sum_[e_];                       \
            ((__global float *)bias_)[at_] = total_;                                                \
            ((__global float *)more_)[at_] = total_;                                                \
        }                                                                                           \
    }
#endif
