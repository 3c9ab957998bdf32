// What the packed convolutions share: the register tile and the walk over pixels. It stands in front
// of packed.cl and packed_wgrad.cl.
//
//   MR          6      1..16            rows per register tile
//   NV          4      1..8             float16 vectors per row of the tile; NR = 16 NV
//   MC          MR     multiple of MR   rows of A copied at a time
//   NC          512    multiple of NR   most columns per work-item
//   KC          512    multiple of 16   most of the reduction per step
//   PANEL       131072 16 NC..          floats of packed B; a step takes what fits
//   TA          0      0, 1             1: the copied rows of A lie column by column
//   SW          1      0..              columns of the source from one column of the result to the next
//   UNROLL      4      1, 2, 4, 8, 16   of the loop over the reduction
//   PREFETCH    1      0, 1             prefetch instructions, where the compiler has them; a simulator
//                                       may refuse them
//
//   MR NV + NV + 1 <= 32 keeps the tile in the registers of AVX-512.

#ifndef MR
#define MR 6
#endif
#ifndef NV
#define NV 4
#endif
#ifndef MC
#define MC MR
#endif
#ifndef NC
#define NC 512
#endif
#ifndef KC
#define KC 512
#endif
#ifndef PANEL
#define PANEL 131072
#endif
#ifndef TA
#define TA 0
#endif
#ifndef SW
#define SW 1
#endif
#ifndef UNROLL
#define UNROLL 4
#endif
#ifndef PREFETCH
#define PREFETCH 1
#endif

#define NR (16 * NV)

#if MR < 1 || MR > 16 || NV < 1 || NV > 8 || MC < MR || MC % MR != 0 || NC < NR || NC % NR != 0
#error "illegal MR, NV, MC or NC"
#endif
#if KC < 16 || KC % 16 != 0 || PANEL < 16 * NC
#error "illegal KC or PANEL"
#endif

// The OpenCL function prefetch() is empty in some CPU runtimes; the compilers' own builtin is not.
#if PREFETCH && defined(__has_builtin)
#if __has_builtin(__builtin_prefetch)
#define PREFETCH_READ(p) __builtin_prefetch(p, 0, 3)
#define PREFETCH_WRITE(p) __builtin_prefetch(p, 1, 3)
#endif
#endif
#ifndef PREFETCH_READ
#define PREFETCH_READ(p)
#define PREFETCH_WRITE(p)
#endif

#define DIV_UP(x, y) (((x) + (y) - 1) / (y))

// Element (r, p) of a tile's rows of A; the tiles' rows lie A_TILE apart. What is copied may go past
// the end of a row by less than a vector.
#if TA
#define A_AT(r, p) ((p) * MR + (r))
#else
#define A_AT(r, p) ((r) * (KC + 16) + (p))
#endif
#define A_TILE (MR * (KC + 16))

// How much of the reduction a step takes for so many panels.
#define DEPTH_OF(panels) (min(KC, PANEL / ((panels) * NR)) / 16 * 16)

// acc += column p of A times row p of B. The plain expression lets the compiler contract it to a fused
// multiply-add; the functions fma() and mad() are not compiled to vector instructions everywhere. Rows
// of B are whole vectors, aligned: some compilers leave vload16() in pieces of two floats, at half the speed.
#define MULTIPLY_ADD(p)                                                 \
  {                                                                     \
    float16 bv[NV];                                                     \
    _Pragma("unroll")                                                   \
    for (int v = 0; v < NV; ++v)                                        \
      bv[v] = ((const __local float16*)pb)[(p) * NV + v];               \
    _Pragma("unroll")                                                   \
    for (int r_ = 0; r_ < MR; ++r_) {                                   \
      const float16 av = (float16)(pa[A_AT(r_, p)]);                    \
      _Pragma("unroll")                                                 \
      for (int v = 0; v < NV; ++v) acc[r_][v] += av * bv[v];            \
    }                                                                   \
  }

#define FOR_TILE(statement)                        \
  _Pragma("unroll")                                \
  for (int t_r = 0; t_r < MR; ++t_r) {             \
    _Pragma("unroll")                              \
    for (int t_v = 0; t_v < NV; ++t_v) { statement; } \
  }

// Lanes of a vector of pixels that are in its image: a row and a column for each, moved by a tap.
#define INSIDE(rows, columns, height, width) \
  ((as_uint16(rows) < (uint16)(height)) & (as_uint16(columns) < (uint16)(width)))

#define KEEP(value, mask) as_float16(as_int16(value) & (mask))

#define LANES (int16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)

// A row that no tap brings back into an image.
#define NOWHERE (-(1 << 29))

// Sixteen elements SW apart; FAST_SPAN elements are touched. Where SW is 0, the stride is known to the
// launch alone and lanes are read one by one.
#if SW == 1
#define FAST_SPAN 16
#define LOAD_LANES(p) vload16(0, p)
#elif SW == 2
#define FAST_SPAN 32
#define LOAD_LANES(p) (float16)(vload16(0, p).even, vload16(1, p).even)
#endif

// Where `count` pixels lie in a tensor, from pixel `first` of n images of high x wide pixels on: pixel
// (i, j) in row i step_h + shift_h and column j step_w + shift_w. `image` is the distance from one
// image to the next. The rest of the last vectors, up to `lanes`, is nowhere.
static void places(const int first, const int count, const int lanes, const int high, const int wide,
                   const int step_h, const int step_w, const int shift_h, const int shift_w,
                   const int image, const int width,
                   __local int* restrict offset, __local int* restrict row, __local int* restrict column)
{
  int number = first / (high * wide), i = first % (high * wide) / wide, j = first % wide;
  int done = 0;
  while (done < count) {
    const int length = min(wide - j, count - done);
    const int place_h = i * step_h + shift_h, place_w = j * step_w + shift_w;
    const int start = number * image + place_h * width + place_w;
    for (int e = 0; e < length; ++e) {
      offset[done + e] = start + e * step_w;
      row[done + e] = place_h;
      column[done + e] = place_w + e * step_w;
    }
    done += length;
    j = 0;
    if (++i == high) { i = 0; ++number; }
  }
  for (; done < lanes; ++done) {
    offset[done] = offset[done - 1] + step_w;
    row[done] = NOWHERE;
    column[done] = 0;
  }
}

// End of the run that begins at `lane`: the lanes whose elements lie SW apart.
static int run_end(const __local int* offset, int lane)
{
  do ++lane; while (SW > 0 && lane < 16 && offset[lane] == offset[lane - 1] + SW);
  return lane;
}

