// Next to nothing: one work-item copies one element.
//
// Parameters   default   legal
//   NONCE         1        >= 1       number of a work-group that there is not
//
// Launch: one work-item, no global offset.
//
// The condition always holds, and no compiler can know: programs of different NONCE stay different
// down to the machine code, so that no cache takes one for the other.

#ifndef NONCE
#define NONCE 1
#endif

__attribute__((reqd_work_group_size(1, 1, 1)))
__kernel void touch(const __global float *restrict in, __global float *restrict out)
{
    if (get_group_id(0) != NONCE) out[0] = in[0];
}
