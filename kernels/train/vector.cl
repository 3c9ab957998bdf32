// Vectors and the functions that a network needs of them. It stands in front of the other files here
// and is no program by itself.
//
// Parameters
//   VW        floats of a vector                                       1, 4, 16
//   ALIGNED   whole vectors are loaded and stored at multiples of     0, 1
//             their size (VW = 4)
//
// Functions are within 2 ulp, erf within 3e-8, for finite arguments; what is no number stays none.

#ifndef VW
#define VW 4
#endif
#ifndef ALIGNED
#define ALIGNED 0
#endif

#if VW != 1 && VW != 4 && VW != 16
#error "VW must be 1, 4 or 16"
#endif

#pragma OPENCL FP_CONTRACT ON

#define DIV_UP(x, y) (((x) + (y) - 1) / (y))

#if VW == 16
typedef float16 wide;
typedef int16 iwide;
typedef float8 narrow;
typedef int8 inarrow;
#define AS_WIDE as_float16
#define AS_IWIDE as_int16
#define WIDE_LOAD(p) vload16(0, p)
#define WIDE_STORE(v, p) vstore16(v, 0, p)
#elif VW == 4
typedef float4 wide;
typedef int4 iwide;
typedef float2 narrow;
typedef int2 inarrow;
#define AS_WIDE as_float4
#define AS_IWIDE as_int4
#if ALIGNED
#define WIDE_LOAD(p) (*(const __global float4 *)(p))
#define WIDE_STORE(v, p) (*(__global float4 *)(p) = (v))
#else
#define WIDE_LOAD(p) vload4(0, p)
#define WIDE_STORE(v, p) vstore4(v, 0, p)
#endif
#else
typedef float wide;
typedef int iwide;
#define AS_WIDE as_float
#define AS_IWIDE as_int
#define WIDE_LOAD(p) (*(p))
#define WIDE_STORE(v, p) (*(p) = (v))
#endif

// The first `left` elements from p on, then `rest`.
static wide get(const __global float *p, const int left, const float rest)
{
    if (left >= VW) return WIDE_LOAD(p);
#if VW == 16
    float part[16];
    int e = 0;
    vstore16((float16)(rest), 0, part);
    if (left >= 8) {
        vstore8(vload8(0, p), 0, part);
        e = 8;
    }
    for (; e < left; ++e) part[e] = p[e];
    return vload16(0, part);
#elif VW == 4
    return (float4)(left > 0 ? p[0] : rest, left > 1 ? p[1] : rest, left > 2 ? p[2] : rest, rest);
#else
    return rest;
#endif
}

// Writes the first `left` elements.
static void put(__global float *p, const wide v, const int left)
{
    if (left >= VW) {
        WIDE_STORE(v, p);
    } else {
#if VW == 16
        float part[16];
        int e = 0;
        vstore16(v, 0, part);
        if (left >= 8) {
            vstore8(v.lo, 0, p);
            e = 8;
        }
        for (; e < left; ++e) p[e] = part[e];
#elif VW == 4
        if (left > 0) p[0] = v.x;
        if (left > 1) p[1] = v.y;
        if (left > 2) p[2] = v.z;
#endif
    }
}

static float sum_of(const wide v)
{
#if VW == 16
    const float8 a = v.lo + v.hi;
    const float4 b = a.lo + a.hi;
    const float2 c = b.lo + b.hi;
    return c.x + c.y;
#elif VW == 4
    const float2 c = v.lo + v.hi;
    return c.x + c.y;
#else
    return v;
#endif
}

static float most_of(const wide v)
{
#if VW == 16
    const float8 a = v.lo > v.hi ? v.lo : v.hi;
    const float4 b = a.lo > a.hi ? a.lo : a.hi;
    const float2 c = b.lo > b.hi ? b.lo : b.hi;
    return c.x > c.y ? c.x : c.y;
#elif VW == 4
    const float2 c = v.lo > v.hi ? v.lo : v.hi;
    return c.x > c.y ? c.x : c.y;
#else
    return v;
#endif
}

// exp(x) for -87.3 <= x <= 88.3, at the ends beyond: 2^n exp(r) with |r| <= ln(2) / 2.
static wide exp_of(wide x)
{
    x = x < (wide)(-87.3f) ? (wide)(-87.3f) : x;
    x = x > (wide)(88.3f) ? (wide)(88.3f) : x;
    // Adding 1.5 2^23 leaves the nearest whole number in the lowest bits.
    const wide shifted = x * 1.44269504f + 12582912.0f;
    const wide n = shifted - 12582912.0f;
    const wide r = (x - n * 0.693145752f) - n * 1.42860677e-6f;
    const wide q = 0.5f + r * (0.16666576f + r * (0.041666467f + r * (0.0083631799f + r * 0.0013933651f)));
    return (1.0f + (r + r * r * q)) * AS_WIDE((AS_IWIDE(shifted) << 23) + 0x3F800000);
}

static wide sigmoid_of(const wide x)
{
    return 1.0f / (1.0f + exp_of(-x));
}

static wide tanh_of(const wide x)
{
    const wide t = AS_WIDE(AS_IWIDE(x) & 0x7FFFFFFF), s = x * x;
    const wide small = x + x * s * (-0.33333334f + s * (0.13333301f + s * (-0.053958625f + s *
                       (0.021763634f + s * (-0.0083264028f + s * 0.0022727051f)))));
    const wide large = 1.0f - 2.0f / (1.0f + exp_of(2.0f * t));
    const wide signed_large = AS_WIDE(AS_IWIDE(large) | (AS_IWIDE(x) & (int)0x80000000));
    return t < (wide)(0.6f) ? small : signed_large;
}

static wide erf_of(const wide x)
{
    wide t = AS_WIDE(AS_IWIDE(x) & 0x7FFFFFFF);
    const wide s = x * x;
    const wide small = x * (1.1283791f + s * (-0.37612626f + s * (0.11283597f + s * (-0.026854329f + s *
                       (0.0051893122f + s * (-0.00080188550f + s * 7.8824974e-5f))))));
    t = t > (wide)(4.0f) ? (wide)(4.0f) : t;
    // ln(1 - erf)
    const wide rest = -0.0013297271f + t * (-1.1231307f + t * (-0.64459568f + t * (-0.097643763f + t *
                      (0.019307923f + t * (-0.0023414695f + t * 0.00012783615f)))));
    const wide large = 1.0f - exp_of(rest);
    const wide signed_large = AS_WIDE(AS_IWIDE(large) | (AS_IWIDE(x) & (int)0x80000000));
    return t < (wide)(1.0f) ? small : signed_large;
}

// z Phi(z) and its derivative Phi(z) + z phi(z), Phi and phi of the normal distribution.
static wide gelu_of(const wide z, wide *slope)
{
    const wide below = 0.5f + 0.5f * erf_of(0.70710678f * z);
    *slope = below + z * (0.39894228f * exp_of(-0.5f * z * z));
    return z * below;
}
