// What an LSTM computes element by element at one step of time. It stands behind vector.cl.
//
// Layout: gates rows x 4 hidden, the columns i, f, g, o; cells, hiddens, dh, dc rows x hidden. A step's
// matrices begin at `gates_at` and `at`; those of the step before lie rows * hidden before.
//
// Parameters besides those of vector.cl: WG, work-items of a group.
//
// Launch: local size (WG, 1, 1), global size (g WG, 1, 1), 1 <= g: elements are shared out evenly.

#ifndef WG
#define WG 64
#endif

#define FOR_CHUNKS(row, j)                                                                           \
    const int per_row_ = DIV_UP(hidden, VW), chunks_ = rows * per_row_;                               \
    const int share_ = DIV_UP(chunks_, (int)get_global_size(0)) * WG;                                 \
    const int first_ = (int)get_group_id(0) * share_;                                                 \
    for (int c_ = first_ + (int)get_local_id(0), row = c_ / per_row_, j = c_ % per_row_ * VW;         \
         c_ < min(first_ + share_, chunks_); c_ += WG, row = c_ / per_row_, j = c_ % per_row_ * VW)

// Gates from what goes into them, in place; the cell, and h, to y too where `is_last`.
__attribute__((reqd_work_group_size(WG, 1, 1)))
__kernel void lstm_forward(const int rows, const int hidden, const int gates_at, const int at,
                           const int is_first, const int is_last, __global float *gates,
                           __global float *cells, __global float *hiddens, __global float *y)
{
    FOR_CHUNKS(row, j) {
        const int left = hidden - j;
        __global float *z = gates + gates_at + (size_t)row * 4 * hidden + j;
        const int here = at + row * hidden + j;
        const wide i = sigmoid_of(get(z, left, 0.0f)), f = sigmoid_of(get(z + hidden, left, 0.0f));
        const wide g = tanh_of(get(z + 2 * hidden, left, 0.0f));
        const wide o = sigmoid_of(get(z + 3 * hidden, left, 0.0f));
        wide cell = i * g;
        if (!is_first) cell += f * get(cells + here - rows * hidden, left, 0.0f);
        const wide h = o * tanh_of(cell);
        put(z, i, left);
        put(z + hidden, f, left);
        put(z + 2 * hidden, g, left);
        put(z + 3 * hidden, o, left);
        put(cells + here, cell, left);
        put(hiddens + here, h, left);
        if (is_last) put(y + row * hidden + j, h, left);
    }
}

// From dh and dc the gradient of what went into the gates, in their place, and dc of the step before;
// dc is zero where `is_last`.
__attribute__((reqd_work_group_size(WG, 1, 1)))
__kernel void lstm_backward(const int rows, const int hidden, const int gates_at, const int at,
                            const int is_first, const int is_last, __global float *gates,
                            const __global float *cells, const __global float *dh, __global float *dc)
{
    FOR_CHUNKS(row, j) {
        const int left = hidden - j;
        __global float *z = gates + gates_at + (size_t)row * 4 * hidden + j;
        const int here = row * hidden + j;
        const wide i = get(z, left, 0.0f), f = get(z + hidden, left, 0.0f);
        const wide g = get(z + 2 * hidden, left, 0.0f), o = get(z + 3 * hidden, left, 0.0f);
        const wide t = tanh_of(get(cells + at + here, left, 0.0f)), d = get(dh + here, left, 0.0f);
        wide before = (wide)(0.0f);
        if (!is_first) before = get(cells + at + here - rows * hidden, left, 0.0f);
        wide c = d * o * (1.0f - t * t);
        if (!is_last) c += get(dc + here, left, 0.0f);
        put(z, c * g * i * (1.0f - i), left);
        put(z + hidden, c * before * f * (1.0f - f), left);
        put(z + 2 * hidden, c * i * (1.0f - g * g), left);
        put(z + 3 * hidden, d * t * o * (1.0f - o), left);
        put(dc + here, c * f, left);
    }
}
