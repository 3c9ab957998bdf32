// What a training step adds to the matrix products of gemm/: many at once, parts of larger tensors, and
// what is done to each element before it is written. It stands behind vector.cl and in front of a file
// of gemm/, and is no program by itself.
//
// Product z of the launch's third dimension takes operand x from
//   x + x_first + z / inner * x_outer + z % inner * x_inner
// (batch and head of an attention, say). An element of a b, in row i and column j, becomes
//   v = a b [+ what c holds] [+ bias[j]] [+ more[j]]
//   v = max(v, 0), or GELU(v), whose derivative goes to slopes
//   v = v [+ other], or 0 where other <= 0, or v times other
// as `finish` says; `other` and `slopes` lie as c does.

#define FINISH_ADD 1       // to what c holds
#define FINISH_BIAS 2
#define FINISH_MORE 4
#define FINISH_RELU 8
#define FINISH_GELU 16
#define FINISH_OTHER 32    // + other
#define FINISH_MASK 64     // 0 where other <= 0
#define FINISH_TIMES 128   // times other

#define TRAIN_ARGUMENTS                                                                             \
    , const int inner, const int a_first, const int a_outer, const int a_inner, const int b_first,   \
    const int b_outer, const int b_inner, const int c_first, const int c_outer, const int c_inner,   \
    const int finish, const __global float *bias, const __global float *more,                        \
    const __global float *other, __global float *slopes

#define TRAIN_ENTER                                                                                 \
    {                                                                                               \
        const int z_ = get_global_id(2), outer_ = z_ / inner, inner_ = z_ % inner;                    \
        a += a_first + (size_t)outer_ * a_outer + inner_ * a_inner;                                   \
        b += b_first + (size_t)outer_ * b_outer + inner_ * b_inner;                                   \
        const size_t c_at_ = c_first + (size_t)outer_ * c_outer + inner_ * c_inner;                   \
        c += c_at_;                                                                                 \
        other += c_at_;                                                                             \
        slopes += c_at_;                                                                            \
    }

static wide finished(wide v, const int finish, const size_t at, const int j, const int left,
                     const __global float *c, const __global float *bias, const __global float *more,
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

#if VW == 16
// Rows that hold whole sums, on which they are all finished in place.
#define TRAIN_ADDS (finish & FINISH_ADD)
#define TRAIN_FINISH(row, rows, col, cols)                                                          \
    if (finish > FINISH_ADD) {                                                                      \
        for (int i_ = 0; i_ < (rows); ++i_) {                                                       \
            for (int j_ = 0; j_ < (cols); j_ += VW) {                                               \
                const size_t at_ = (size_t)((row) + i_) * ldc + (col) + j_;                         \
                const int left_ = (cols) - j_;                                                      \
                put(c + at_, finished(get(c + at_, left_, 0.0f), finish, at_, (col) + j_, left_, c, \
                                      bias, more, other, slopes), left_);                            \
            }                                                                                       \
        }                                                                                           \
    }
#else
static float finished1(float v, const int finish, const size_t at, const int j,
                       const __global float *c, const __global float *bias, const __global float *more,
                       const __global float *other, __global float *slopes)
{
    if (finish & FINISH_ADD) v += c[at];
    return finished(v, finish, at, j, 1, c, bias, more, other, slopes);
}
#define TRAIN_ELEMENT(v, row, col) \
    finished1(v, finish, (size_t)(row) * ldc + (col), col, c, bias, more, other, slopes)
#endif
