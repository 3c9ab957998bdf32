// Empties caches: reads and writes a buffer that is larger than all of them.
//
// Layout: x holds n vectors of four floats. n >= 1, below 2^31.
// Parameters: none.
// Launch: any size; an item's next vector is a global size away, so that every compute unit takes part.

__kernel void flush(const uint n, __global float4 *x)
{
    for (uint i = get_global_id(0); i < n; i += get_global_size(0)) {
        x[i] += 1.0f;
    }
}
