// Adds up the results of slices, in their order: c[i] = part[0][i] + part[1][i] + ...
//
// Layout: part holds slices * len elements, c len.
//
// Parameters
//   WG   work-group size   >= 1
//
// Launch: local size (WG, 1, 1), global size (len rounded up to WG, 1, 1).

#ifndef WG
#define WG 128
#endif

__attribute__((reqd_work_group_size(WG, 1, 1)))
__kernel void add_slices(const int len, const int slices, const __global float *part,
                         __global float *c)
{
    const int i = get_global_id(0);
    if (i < len) {
        float sum = part[i];
        for (int s = 1; s < slices; ++s)
            sum += part[(size_t)s * len + i];
        c[i] = sum;
    }
}
