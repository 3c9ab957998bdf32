// SGD with momentum, Adam, and the way back to the start, over all parameters at once. It stands
// behind vector.cl.
//
// Layout: parameters, gradients and state lie alike, each with gaps between the tensors; pieces holds
// first element and length of parts of the tensors, a work-group takes one. What lies between stays.
//
// Parameters besides those of vector.cl: WG, work-items of a group.
//
// Launch: local size (WG, 1, 1), global size (pieces WG, 1, 1).

#ifndef WG
#define WG 64
#endif

#define FOR_PIECE(i, left)                                                                              \
    const int2 piece = pieces[get_group_id(0)];                                                         \
    for (int j_ = (int)get_local_id(0) * VW, i = piece.x + j_, left = piece.y - j_; left > 0;           \
         i += WG * VW, left -= WG * VW)

// v = momentum v + g, w -= lr v
__attribute__((reqd_work_group_size(WG, 1, 1)))
__kernel void sgd(const __global int2 *pieces, const float lr, const float momentum,
                  __global float *w, const __global float *g, __global float *v)
{
    FOR_PIECE(i, left) {
        const wide velocity = momentum * get(v + i, left, 0.0f) + get(g + i, left, 0.0f);
        put(v + i, velocity, left);
        put(w + i, get(w + i, left, 0.0f) - lr * velocity, left);
    }
}

// m = beta1 m + rest1 g, v = beta2 v + rest2 g^2, w -= lr (m / c1) / (sqrt(v / c2) + eps);
// rest = 1 - beta, c = 1 - beta^step, passed as 1 / c.
__attribute__((reqd_work_group_size(WG, 1, 1)))
__kernel void adam(const __global int2 *pieces, const float lr, const float beta1, const float rest1,
                   const float beta2, const float rest2, const float eps, const float correct1,
                   const float correct2, __global float *w, const __global float *g,
                   __global float *m, __global float *v)
{
    FOR_PIECE(i, left) {
        const wide gradient = get(g + i, left, 0.0f);
        const wide first = beta1 * get(m + i, left, 0.0f) + rest1 * gradient;
        const wide second = beta2 * get(v + i, left, 0.0f) + rest2 * gradient * gradient;
        put(m + i, first, left);
        put(v + i, second, left);
        const wide move = first * correct1 / (sqrt(second * correct2) + eps);
        put(w + i, get(w + i, left, 0.0f) - lr * move, left);
    }
}

// w = initial
__attribute__((reqd_work_group_size(WG, 1, 1)))
__kernel void restore(const __global int2 *pieces, const __global float *initial, __global float *w)
{
    FOR_PIECE(i, left) put(w + i, get(initial + i, left, 0.0f), left);
}

// v = 0
__attribute__((reqd_work_group_size(WG, 1, 1)))
__kernel void clear(const __global int2 *pieces, __global float *v)
{
    FOR_PIECE(i, left) put(v + i, (wide)(0.0f), left);
}
