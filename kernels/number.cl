// The numbers of a product: what its matrices hold, and what its sums are kept in. It is put in front of
// each kernel of the family and is no program by itself.
//
//   default   f32 matrices, f32 sums
//   F64       f64 matrices, f64 sums: the device has cl_khr_fp64
//   BF16      bf16 matrices, f32 sums
//
// STORED, STORED2, STORED4 are the types of one, two and four elements in global memory; SUM, SUM2, ... those
// of sums, of registers and of local memory. WIDE makes the latter of the former, exactly, and NARROW the
// former of the latter, rounded to the nearest, of two equally near ones to the even one.
//
// OpenCL C has no type for bf16. It is the upper half of an f32: widening is a shift, and narrowing adds what
// carries into the upper half where the number has to be rounded up. That would make an infinity or a zero of
// some NaNs, so that a NaN keeps its upper half, with a bit that stays.

#if defined(F64)
#pragma OPENCL EXTENSION cl_khr_fp64 : enable
#define STORED double
#define STORED2 double2
#define STORED4 double4
#define SUM double
#define SUM2 double2
#define SUM4 double4
#define SUM16 double16
#elif defined(BF16)
#define STORED ushort
#define STORED2 ushort2
#define STORED4 ushort4
#else
#define STORED float
#define STORED2 float2
#define STORED4 float4
#endif
#ifndef SUM
#define SUM float
#define SUM2 float2
#define SUM4 float4
#define SUM16 float16
#endif

#if defined(BF16)
#define WIDE(x) as_float((uint)(x) << 16)
#define WIDE2(x) as_float2(convert_uint2(x) << 16)
#define WIDE4(x) as_float4(convert_uint4(x) << 16)
#define NARROW(x) narrow(x)
#define NARROW4(x) narrow4(x)

static ushort4 narrow4(float4 x)
{
    const uint4 bits = as_uint4(x);
    const uint4 nearest = (bits + 0x7FFFu + (bits >> 16 & 1u)) >> 16;
    const uint4 nan = bits >> 16 | 0x40u;
    return convert_ushort4(select(nearest, nan, (bits & 0x7FFFFFFFu) > 0x7F800000u));
}

static ushort narrow(float x)
{
    return narrow4((float4)(x)).x;
}
#else
#define WIDE(x) (x)
#define WIDE2(x) (x)
#define WIDE4(x) (x)
#define NARROW(x) (x)
#define NARROW4(x) (x)
#endif
