// Memory bandwidth: one pass over arrays of n floats, 1 <= n <= 2^31.
//
//   OP 0  copy    out = a              OP 3  triad   out = a + s b
//   OP 1  scale   out = s a            OP 4  dot     out = one partial sum of a b per work-group;
//   OP 2  add     out = a + b                        dot_reduce adds them up
//
// An operation leaves alone what it does not name: any buffer may stand for b, any number for s.
// Only parameters and launch decide the order of a sum: the same ones give the same bits.
//
// The arrays are shared out over the work-items of any launch in vectors of VW floats, then in single
// floats what fills no vector:
//   PATTERN 0   neighbouring items have neighbouring vectors, an item's next vector is the global size
//               away: what a GPU joins into wide accesses
//   PATTERN 1   an item owns a contiguous block: what a CPU fetches ahead
// An item takes WPI vectors per turn; all are loaded before any is stored.
//
// Every buffer starts at a multiple of 4 VW bytes; those of clCreateBuffer without a host pointer do.
//
// Parameters           default   legal
//   OP                    3      0..4
//   VW                    4      1, 2, 4, 8, 16      floats per vector
//   WPI                   2      1..16               vectors per item and turn
//   PATTERN               0      0, 1
//   WG                    256    >= 1, up to the device's limit
//   NT                    0      0, 1                stores past the caches, where the compiler has them:
//                                                    for CPUs, and arrays that do not fit their caches
//   GROUPS_PER_UNIT       8      >= 1                of the launch only
//
// Launch: one dimension, local size WG, no global offset, any number of work-groups >= 1. Meant are
//   PATTERN 0, OP 0..3   ceil(n / (VW WPI WG)): one turn per item
//   PATTERN 1 or OP 4    GROUPS_PER_UNIT per compute unit
// dot_reduce: local and global size WG; partial is the out of stream, groups its number of work-groups.

#ifndef OP
#define OP 3
#endif
#ifndef VW
#define VW 4
#endif
#ifndef WPI
#define WPI 2
#endif
#ifndef PATTERN
#define PATTERN 0
#endif
#ifndef WG
#define WG 256
#endif
#ifndef NT
#define NT 0
#endif

#if OP < 0 || OP > 4 || WPI < 1 || WPI > 16 || WG < 1
#error "illegal OP, WPI or WG"
#endif

#pragma OPENCL FP_CONTRACT ON

#if VW == 1
#define VEC float
#define SUM(x) (x)
#elif VW == 2
#define VEC float2
#define SUM(x) SUM2(x)
#elif VW == 4
#define VEC float4
#define SUM(x) SUM4(x)
#elif VW == 8
#define VEC float8
#define SUM(x) SUM8(x)
#elif VW == 16
#define VEC float16
#define SUM(x) SUM8((x).lo + (x).hi)
#else
#error "VW must be 1, 2, 4, 8 or 16"
#endif
#define SUM2(x) ((x).lo + (x).hi)
#define SUM4(x) SUM2((x).lo + (x).hi)
#define SUM8(x) SUM4((x).lo + (x).hi)

// Element or vector i of the result.
#if OP == 0
#define VALUE(a, b, i) a[i]
#elif OP == 1
#define VALUE(a, b, i) (s * a[i])
#elif OP == 2
#define VALUE(a, b, i) (a[i] + b[i])
#elif OP == 3
#define VALUE(a, b, i) (a[i] + s * b[i])
#endif

#if NT && defined(__has_builtin)
#if __has_builtin(__builtin_nontemporal_store)
#define STORE(x, to) __builtin_nontemporal_store(x, to)
#endif
#endif
#ifndef STORE
#define STORE(x, to) (*(to) = (x))
#endif

// Leaves the sum of every item's x in part[0], for item 0 to read: the upper half of what is left is
// added to the lower half until one is left.
#define SUM_OF_GROUP(part, x)                                                  \
    part[get_local_id(0)] = x;                                                 \
    for (uint left = WG, keep; left > 1; left = keep) {                        \
        keep = (left + 1) / 2;                                                 \
        barrier(CLK_LOCAL_MEM_FENCE);                                          \
        if (get_local_id(0) + keep < left)                                     \
            part[get_local_id(0)] += part[get_local_id(0) + keep];             \
    }

__attribute__((reqd_work_group_size(WG, 1, 1)))
__kernel void stream(const uint n, const float s,
                     const __global float *restrict a,
                     const __global float *restrict b,
                     __global float *restrict out)
{
    const __global VEC *av = (const __global VEC *)a;
    const __global VEC *bv = (const __global VEC *)b;
    const size_t vectors = n / VW;

    // This item's vectors: i, i + step, ... below end.
#if PATTERN == 0
    const size_t step = get_global_size(0), end = vectors;
    size_t i = get_global_id(0);
#else
    const size_t step = 1, block = (vectors + get_global_size(0) - 1) / get_global_size(0);
    size_t i = get_global_id(0) * block;
    const size_t end = min(i + block, vectors);
#endif

#if OP < 4
    __global VEC *outv = (__global VEC *)out;
    for (; i + (WPI - 1) * step < end; i += WPI * step) {
        VEC x[WPI];
        #pragma unroll
        for (int w = 0; w < WPI; ++w) x[w] = VALUE(av, bv, i + w * step);
        #pragma unroll
        for (int w = 0; w < WPI; ++w) STORE(x[w], outv + i + w * step);
    }
    for (; i < end; i += step) STORE(VALUE(av, bv, i), outv + i);

    for (size_t e = vectors * VW + get_global_id(0); e < n; e += get_global_size(0))
        out[e] = VALUE(a, b, e);
#else
    VEC x[WPI];
    #pragma unroll
    for (int w = 0; w < WPI; ++w) x[w] = (VEC)(0.0f);
    for (; i + (WPI - 1) * step < end; i += WPI * step) {
        #pragma unroll
        for (int w = 0; w < WPI; ++w) x[w] += av[i + w * step] * bv[i + w * step];
    }
    for (; i < end; i += step) x[0] += av[i] * bv[i];
    #pragma unroll
    for (int w = 1; w < WPI; ++w) x[0] += x[w];

    float sum = SUM(x[0]);
    for (size_t e = vectors * VW + get_global_id(0); e < n; e += get_global_size(0))
        sum += a[e] * b[e];

    __local float part[WG];
    SUM_OF_GROUP(part, sum)
    if (get_local_id(0) == 0) out[get_group_id(0)] = part[0];
#endif
}

#if OP == 4
// Adds up the partial sums of dot, one per work-group, to out[0].
__attribute__((reqd_work_group_size(WG, 1, 1)))
__kernel void dot_reduce(const uint groups, const __global float *partial, __global float *out)
{
    __local float part[WG];
    float sum = 0.0f;
    for (uint g = get_local_id(0); g < groups; g += WG) sum += partial[g];
    SUM_OF_GROUP(part, sum)
    if (get_local_id(0) == 0) out[0] = part[0];
}
#endif
