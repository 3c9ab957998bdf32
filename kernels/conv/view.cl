// A convolution or one of its gradients as a matrix product: what local.cl and register.cl share.
// It is put in front of them and is no program by itself.
//
// Each pass is, in every group of channels, a product C = A B with B read out of an image:
//
//             rows of C      columns of C        k, the sum's index      A     B     C
//   fprop     filters        n, p, q             c, r, s                 f     x     y
//   dgrad     channels of x  n, h, w of a phase  filter, tap of a phase  f     dy    dx
//   wgrad     filters        c, r, s             n, p, q                 dy    x     df
//
// An element of B belongs to a column and a k. Both say where it lies relative to the other: the
// sum of their offsets is its address, the sum of their places is its row and column in the image;
// outside the image it is zero. A place is row * 2^16 + column in one int, so rows and columns of
// an image with its padding are below 2^15.
//
// Phases. The columns of a dgrad with stride t are split into t_h * t_w phases: pixels whose row
// and column leave the same rest have the same taps. A phase without taps is a sum of nothing.
// The other passes have one phase.
//
// Taps. `taps` holds an offset in bytes and a place for each k. If TAPWISE, k runs through TK
// channels for each tap in turn, and taps holds one entry for those TK. If PIXELS (wgrad), the
// entries are for the pixels of one image, and k runs through the images.
//
// Slices. The sum may be shared out over several slices, whose results lie c_slice apart and are
// added by slices.cl.
//
// Parameters
//   PIXELS     k runs over the pixels of images                           0, 1
//   BOUNDED    some elements of B are outside the image                   0, 1
//   SHORT_MIN  places are compared half by half: 1 for devices with     0, 1
//              16-bit vector instructions (AMD)
//   VC         width of the stores of C: 4 asks that columns 4i to 4i+3   1, 4
//              lie side by side from a multiple of 16 bytes on
//   RESTRICT   qualifier of the operands                                  restrict, empty

#ifndef PIXELS
#define PIXELS 0
#endif
#ifndef BOUNDED
#define BOUNDED 1
#endif
#ifndef SHORT_MIN
#define SHORT_MIN 0
#endif
#ifndef VC
#define VC 1
#endif
#ifndef RESTRICT
#define RESTRICT restrict
#endif

#if VC != 1 && VC != 4
#error "VC must be 1 or 4"
#endif

// One phase. Lengths and distances are in elements, those of B in bytes. The host fills these in by
// order.
typedef struct {
    int m;         // rows of C in a group
    int k;         // length of the sum
    int slice;     // how much of it a slice takes
    int lda;       // A: from row to row
    int a_first;   //    where the phase begins
    int a_group;   //    from group to group
    int a_image;   //    from image to image, if PIXELS
    int taps;      // first entry of the phase in taps
    int pixels;    // pixels of an image, if PIXELS
    int limit;     // place of the image's last element
    int blocks;    // columns are blocks of grid_h * grid_w
    int grid_h;
    int grid_w;
    int shift;     // place of the first column of a block
    int step_h;    // places from row to row and from column to column of a block
    int step_w;
    uint b_shift;  // B: offset of the first column of a block, modulo 2^32
    uint b_width;  //    from row to row of the image
    uint b_block;  //    from block to block
    uint b_group;  //    from group to group
    uint b_image;  //    from image to image, if PIXELS
    uint b_line;   //    from channel to channel, if TAPWISE
    int c_first;   // C: where the phase begins
    int c_group;   //    from group to group
    int ldc;       //    from row to row
    int c_block;   //    from block to block
    int c_step_h;  //    from row to row and from column to column of a block
    int c_step_w;
    int c_slice;   //    from slice to slice
} View;

// A column's part of the address of an element of B, and of its place in the image.
typedef struct {
    uint offset;
    int place;
} Column;

static Column column_of(__constant const View *v, int column)
{
    const int x = column % v->grid_w;
    const int rest = column / v->grid_w;
    const int y = rest % v->grid_h;
    const int block = rest / v->grid_h;
    Column c;
    c.place = v->shift + y * v->step_h * 65536 + x * v->step_w;
    c.offset = v->b_shift + (uint)block * v->b_block + (uint)(y * v->step_h) * v->b_width +
               (uint)(x * v->step_w) * 4;
    return c;
}

// Where a column lies in C.
static int c_offset(__constant const View *v, int column)
{
    const int x = column % v->grid_w;
    const int rest = column / v->grid_w;
    return rest / v->grid_h * v->c_block + rest % v->grid_h * v->c_step_h + x * v->c_step_w;
}

// Whether a place is inside the image whose last place is the limit: neither of the two rows and
// columns, from the start and from the end, is negative. Or, half by half: none is above the limit
// as an unsigned number.
static bool inside(int place, int limit)
{
#if BOUNDED && SHORT_MIN
    return as_int(min(as_ushort2(place), as_ushort2(limit))) == place;
#elif BOUNDED
    return ((place | (limit - place)) & 0x80008000) == 0;
#else
    return true;
#endif
}

// An element of B, or a vector of them.
#define B_AT_BYTE(type, b, offset) (*(const __global type *)((const __global char *)(b) + (offset)))

// Four sums beside each other in a row of C, of which `left` are inside.
static void put4(__global float *row, const int at[4 / VC], float4 v, int left)
{
#if VC == 4
    if (left > 0) *(__global float4 *)(row + at[0]) = v;
#else
    if (left > 0) row[at[0]] = v.x;
    if (left > 1) row[at[1]] = v.y;
    if (left > 2) row[at[2]] = v.z;
    if (left > 3) row[at[3]] = v.w;
#endif
}
