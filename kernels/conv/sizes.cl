// All sizes of a convolution, for the kernels that compute with them. It is put in front of those
// and is no program by itself. The host fills the struct in by order.

typedef struct {
    int n, c, h, w, k, r, s, p, q, group_c, group_k;
    int stride_h, stride_w, pad_h, pad_w, dilation_h, dilation_w;
} Conv;
