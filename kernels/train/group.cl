// What the items of a work-group find together. It stands behind vector.cl and is no program by itself.
//
// Parameters
//   WG   work-items of a group   1 (no barriers: CPU devices), 2, 4, 8, ...

#ifndef WG
#define WG 64
#endif

#if WG < 1 || (WG & (WG - 1)) != 0
#error "WG must be a power of two"
#endif

#if WG > 1
#define GROUP_MEMORY __local float shared[WG];
#define GROUP_SUM(x) group_sum(x, shared)
#define GROUP_MOST(x) group_most(x, shared)
// What items have written, others may read.
#define GROUP_FENCE barrier(CLK_GLOBAL_MEM_FENCE | CLK_LOCAL_MEM_FENCE);

static float group_sum(const float x, __local float *shared)
{
    const int lid = get_local_id(0);
    shared[lid] = x;
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int reach = WG / 2; reach > 0; reach /= 2) {
        if (lid < reach) shared[lid] += shared[lid + reach];
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    const float sum = shared[0];
    barrier(CLK_LOCAL_MEM_FENCE);
    return sum;
}

static float group_most(const float x, __local float *shared)
{
    const int lid = get_local_id(0);
    shared[lid] = x;
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int reach = WG / 2; reach > 0; reach /= 2) {
        if (lid < reach) {
            const float other = shared[lid + reach];
            shared[lid] = other > shared[lid] ? other : shared[lid];
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    const float most = shared[0];
    barrier(CLK_LOCAL_MEM_FENCE);
    return most;
}
#else
#define GROUP_MEMORY
#define GROUP_SUM(x) (x)
#define GROUP_MOST(x) (x)
#define GROUP_FENCE
#endif

// The rows that a group works through: even shares.
#define FOR_ROWS(row, rows)                                                                            \
    const int share_ = DIV_UP(rows, (int)get_global_size(0) / WG);                                       \
    const int first_ = (int)get_group_id(0) * share_;                                                  \
    for (int row = first_; row < min(first_ + share_, rows); ++row)

// The vectors of a row that an item works on.
#define FOR_WIDE(j, width) for (int j = (int)get_local_id(0) * VW; j < (width); j += WG * VW)
