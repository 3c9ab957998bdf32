// Peak rate of multiply-adds: chains of them that wait for nothing but themselves.
//
//   chain i:  y = start[i], then LENGTH times y = y * multiplier + step[i], then out[i] = y
//
// The multiplier is 1; it is an argument so that no compiler knows. So out[i] = start[i] + LENGTH step[i],
// exactly, where TYPE holds every whole number on the way (half only up to 2048).
//
// A batch is CHAINS chains. A launch of several batches computes the same chains in each, and none can be
// left out: the first writes out, and an item of another writes to a place of its own in scratch the
// maximum over its vectors, lane by lane, which takes every one of its chains to know.
//
// An item runs ACC vectors of VW chains side by side: enough of them hide the latency of a multiply-add.
// Neighbouring items have neighbouring vectors.
//
// Parameters            default   legal
//   TYPE                   float    float, double, half    of the chains; the operands are floats
//   VW                     1        1, 2, 4, 8, 16         chains per vector
//   ACC                    16       1, 2, 4, 8, 16         vectors per item
//   FMA_MODE               0        0      y * multiplier + step, left to the compiler to contract
//                                   1      mad(y, multiplier, step)
//                                   2      fma(y, multiplier, step)
//                                   3      fma(multiplier, step, y): y += multiplier * step, of the same
//                                          value; some GPUs do only this form at full rate
//   LENGTH                 2048     multiple of UNROLL
//   UNROLL                 16       >= 1                   of the loop over the length
//   WG                     256      >= 1, up to the device's limit
//   CHAINS                 65536    multiple of WG ACC VW
//   BATCHES_PER_UNIT       4        >= 1                   of the launch only
//
// Launch: one dimension, local size WG, no global offset, global size CHAINS / (ACC VW) per batch; meant
// are BATCHES_PER_UNIT batches per compute unit. start, step and out hold CHAINS floats, scratch holds
// CHAINS / ACC for each batch after the first (with one batch it is left alone). Every buffer starts at a
// multiple of 4 VW bytes. 2 LENGTH CHAINS operations per batch.

#ifndef TYPE
#define TYPE float
#endif
#ifndef VW
#define VW 1
#endif
#ifndef ACC
#define ACC 16
#endif
#ifndef FMA_MODE
#define FMA_MODE 0
#endif
#ifndef LENGTH
#define LENGTH 2048
#endif
#ifndef UNROLL
#define UNROLL 16
#endif
#ifndef WG
#define WG 256
#endif
#ifndef CHAINS
#define CHAINS 65536
#endif

#if LENGTH % UNROLL != 0 || CHAINS % (WG * ACC * VW) != 0
#error "illegal LENGTH or CHAINS"
#endif

#ifdef cl_khr_fp64
#pragma OPENCL EXTENSION cl_khr_fp64 : enable
#endif
#ifdef cl_khr_fp16
#pragma OPENCL EXTENSION cl_khr_fp16 : enable
#endif
#pragma OPENCL FP_CONTRACT ON

// float and 4 make float4; 1 makes no vector.
#define JOIN(type, width) type##width
#define VECTOR_OF(type, width) JOIN(type, width)
#if VW == 1
#define VEC TYPE
#define FLOATS float
#define TO_VEC VECTOR_OF(convert_, TYPE)
#define TO_FLOATS convert_float
#else
#define VEC VECTOR_OF(TYPE, VW)
#define FLOATS VECTOR_OF(float, VW)
#define TO_VEC VECTOR_OF(convert_, VEC)
#define TO_FLOATS VECTOR_OF(convert_float, VW)
#endif

#if FMA_MODE == 0
#define MULTIPLY_ADD(y, m, c) ((y) * (m) + (c))
#elif FMA_MODE == 1
#define MULTIPLY_ADD(y, m, c) mad(y, m, c)
#elif FMA_MODE == 2
#define MULTIPLY_ADD(y, m, c) fma(y, m, c)
#elif FMA_MODE == 3
#define MULTIPLY_ADD(y, m, c) fma(m, c, y)
#else
#error "FMA_MODE must be 0, 1, 2 or 3"
#endif

__attribute__((reqd_work_group_size(WG, 1, 1)))
__kernel void peak(const float multiplier,
                   const __global float *restrict start,
                   const __global float *restrict step,
                   __global float *restrict scratch,
                   __global float *restrict out)
{
    const size_t items = CHAINS / (ACC * VW);  // of a batch
    const size_t item = get_global_id(0) % items;

    const VEC m = (VEC)((TYPE)multiplier);
    VEC y[ACC], c[ACC];
    #pragma unroll
    for (int j = 0; j < ACC; ++j) {
        y[j] = TO_VEC(((const __global FLOATS *)start)[item + j * items]);
        c[j] = TO_VEC(((const __global FLOATS *)step)[item + j * items]);
    }

    for (int t = 0; t < LENGTH; t += UNROLL) {
        #pragma unroll
        for (int u = 0; u < UNROLL; ++u) {
            #pragma unroll
            for (int j = 0; j < ACC; ++j) y[j] = MULTIPLY_ADD(y[j], m, c[j]);
        }
    }

    if (get_global_id(0) < items) {
        #pragma unroll
        for (int j = 0; j < ACC; ++j) ((__global FLOATS *)out)[item + j * items] = TO_FLOATS(y[j]);
    } else {
        VEC top = y[0];
        #pragma unroll
        for (int j = 1; j < ACC; ++j) top = y[j] > top ? y[j] : top;
        ((__global FLOATS *)scratch)[get_global_id(0) - items] = TO_FLOATS(top);
    }
}
