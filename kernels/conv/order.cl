// Filters in the order in which local.cl goes through k: row i of a group begins at i * lda of it
// and holds filters[group][i * row + sources[k]]. It stands behind view.cl.
//
// Layout: filters as KCRS; ordered as view.cl's A, rows filled up with zeros from k to lda.
//   sources holds `per_tap` entries for each of taps.
//
// Parameters
//   WG   work-group size along k   >= 1
//
// Launch: local size (WG, 1, 1), global size (the longest lda rounded up to WG, m,
//   groups * phases), the last as group + groups * phase.

#ifndef WG
#define WG 64
#endif

__attribute__((reqd_work_group_size(WG, 1, 1)))
__kernel void order(const int groups, __constant const View *views, const int per_tap,
                    const __global int *sources, const __global float *filters, const int row,
                    const int group_step, __global float *ordered)
{
    const int k = get_global_id(0);
    const int i = get_global_id(1);
    const int group = (int)get_global_id(2) % groups;
    __constant const View *v = views + (int)get_global_id(2) / groups;
    if (k < v->lda) {
        const size_t from = (size_t)group * group_step + (size_t)i * row;
        ordered[v->a_first + (size_t)group * v->a_group + (size_t)i * v->lda + k] =
            k < v->k ? filters[from + sources[v->taps * per_tap + k]] : 0.0f;
    }
}
