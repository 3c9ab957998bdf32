// Matrix product for OpenCL devices of type CPU: C = op(A) op(B), row-major, any m, n, k >= 1. It stands
// behind number.cl and product.cl, and serves numbers whose sums are stored as they are: sums of k > KC pass through C.
//
//   op(A) is m x k: a is stored m x k (TA = 0) or k x m (TA = 1), rows lda apart
//   op(B) is k x n: b is stored k x n (TB = 0) or n x k (TB = 1), rows ldb apart
//   c is m x n, rows ldc apart; it is written before it is read (beta = 0)
//
// A CPU runs a work-item as a plain loop nest on one thread, so a work-item does here what a thread of
// a CPU library does: it owns a block of C of up to TM x NC elements and walks over k in steps of KC.
// Per step it packs KC x NC of B for the second-level cache, then takes the rows of A MR at a time,
// copies them for the first-level cache and multiplies them with one packed panel of NR columns after
// the other, accumulating MR x NR elements in registers.
//
// Local memory is ordinary memory that a thread uses again for its next work-group: it serves as the
// packing buffer, which stays in cache and needs no scratch from the host. Work-groups hold one
// work-item, so nothing is shared and there is no barrier.
//
// Layout of the packed operands
//   lb: panels [column / NR][KC][NR]
//   la: [MR][KC + 16] (TA = 0, the order in which A is stored) or [KC][MR] (TA = 1)
//
// Launch: one kernel, local size (1, 1), no global offset, global size (gm, gn[, batch]) with gm >= 1 and
// gn >= ceil(n / NC). The kernel divides m and n evenly over the grid, in units of MR and NR; more
// work-items than such units are allowed (the surplus does nothing). gm only decides how the rows are
// shared out: few give more reuse of the packed B, many a better balance between the threads.
//
// Parameters       default  legal
//   TA, TB         0        0, 1
//   MR             6        1..16     rows per register tile
//   NV             4        1..8      vectors of 16 per row of the tile; NR = 16 NV
//   NC             512      multiple of NR     most columns per work-item
//   KC             256      multiple of 16     most of k per step
//   UNROLL         4        1, 2, 4, 8, 16     of the loop over k
//   PREFETCH       1        0, 1      prefetch instructions, where the compiler has them; a simulator may
//                                     refuse them
//   B_AHEAD        8        1..64     rows of b prefetched ahead while packing (TB = 0)
//
//   PRODUCT_...    what a product is part of: product.cl
//
//   MR NV + NV + 1 <= 32 keeps the tile in the registers of AVX-512, with f64 2 MR NV + 2 NV + 1 <= 32.
//   Local memory taken, in sums: NC KC + MR (KC + 16) + MR NR; it must not exceed CL_DEVICE_LOCAL_MEM_SIZE.

#ifndef TA
#define TA 0
#endif
#ifndef TB
#define TB 0
#endif
#ifndef MR
#define MR 6
#endif
#ifndef NV
#define NV 4
#endif
#ifndef NC
#define NC 512
#endif
#ifndef KC
#define KC 256
#endif
#ifndef UNROLL
#define UNROLL 4
#endif
#ifndef PREFETCH
#define PREFETCH 1
#endif
#ifndef B_AHEAD
#define B_AHEAD 8
#endif
#define NR (16 * NV)
#define B_PANEL (NR * KC)

#if MR < 1 || MR > 16 || NV < 1 || NV > 8 || NC < NR || NC % NR != 0 || KC < 16 || KC % 16 != 0
#error "illegal MR, NV, NC or KC"
#endif
#ifdef BF16
#error "sums that pass through C would be rounded to bf16"
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

#ifndef DIV_UP
#define DIV_UP(x, y) (((x) + (y) - 1) / (y))
#endif

// Element (r, p) of the copied rows of A.
#if TA
#define A_AT(r, p) ((p) * MR + (r))
#else
#define A_AT(r, p) ((r) * (KC + 16) + (p))
#endif

// Width of the moves that copy a column of MR elements; the surplus is overwritten by the next column.
#if MR > 8
#define A_WIDTH 16
#define A_LOAD vload16
#define A_STORE vstore16
#else
#define A_WIDTH 8
#define A_LOAD vload8
#define A_STORE vstore8
#endif

// Four rounds of this perfect shuffle transpose 16 x 16.
#define ZIP_LO(x, y) \
  (SUM16)(x.s0, y.s0, x.s1, y.s1, x.s2, y.s2, x.s3, y.s3, x.s4, y.s4, x.s5, y.s5, x.s6, y.s6, x.s7, y.s7)
#define ZIP_HI(x, y) \
  (SUM16)(x.s8, y.s8, x.s9, y.s9, x.sa, y.sa, x.sb, y.sb, x.sc, y.sc, x.sd, y.sd, x.se, y.se, x.sf, y.sf)
#define SHUFFLE(out, in)                           \
  _Pragma("unroll")                                \
  for (int r = 0; r < 8; ++r) {                    \
    out[2 * r] = ZIP_LO(in[r], in[r + 8]);         \
    out[2 * r + 1] = ZIP_HI(in[r], in[r + 8]);     \
  }

// acc += column p of A times row p of B. The plain expression lets the compiler contract it to a fused
// multiply-add; the functions fma() and mad() are not compiled to vector instructions everywhere.
#define MULTIPLY_ADD(p)                                                 \
  {                                                                     \
    SUM16 bv[NV];                                                       \
    _Pragma("unroll")                                                   \
    for (int v = 0; v < NV; ++v) bv[v] = vload16(v, pb + (p) * NR);     \
    _Pragma("unroll")                                                   \
    for (int r = 0; r < MR; ++r) {                                      \
      const SUM16 av = (SUM16)(la[A_AT(r, p)]);                         \
      _Pragma("unroll")                                                 \
      for (int v = 0; v < NV; ++v) acc[r][v] += av * bv[v];             \
    }                                                                   \
  }

#define FOR_TILE(statement)                        \
  _Pragma("unroll")                                \
  for (int r = 0; r < MR; ++r) {                   \
    _Pragma("unroll")                              \
    for (int v = 0; v < NV; ++v) { statement; }    \
  }

__kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void gemm(const int m, const int n, const int k,
          const __global STORED* restrict a, const int lda,
          const __global STORED* restrict b, const int ldb,
          __global STORED* restrict c, const int ldc PRODUCT_ARGUMENTS)
{
  __local SUM lb[NC * KC] __attribute__((aligned(128)));
  __local SUM la[MR * (KC + 16)] __attribute__((aligned(128)));
  __local SUM lt[MR * NR] __attribute__((aligned(128)));

  PRODUCT_ENTER

  // Even shares, in whole tiles.
  const int gm = get_global_size(0), gn = get_global_size(1);
  const int mb = DIV_UP(DIV_UP(m, MR), gm) * MR;
  const int nb = DIV_UP(DIV_UP(n, NR), gn) * NR;
  const int kb = DIV_UP(DIV_UP(k, DIV_UP(k, KC)), 16) * 16;
  const int i0 = get_global_id(0) * mb, mc = min(mb, m - i0);
  const int j0 = get_global_id(1) * nb, nc = min(nb, n - j0);
  const int panels = DIV_UP(nc, NR);

  for (int p0 = 0; p0 < k && mc > 0 && nc > 0; p0 += kb) {
    const int kc = min(kb, k - p0);
    const int is_new = p0 == 0 && !(PRODUCT_ADDS);

    // Pack B. Columns past the end of the matrix may hold anything: they reach no element of C.
#if TB
    for (int j = 0; j < panels * NR; j += 16) {
      const __global STORED* s = b + (size_t)j0 * ldb + p0;
      __local SUM* d = lb + (j / NR) * B_PANEL + j % NR;
      int p = 0;
      for (; p + 16 <= kc; p += 16) {
        SUM16 x[16], y[16];
        #pragma unroll
        for (int r = 0; r < 16; ++r) {
          PREFETCH_READ(s + (size_t)min(j + r + 16, nc - 1) * ldb + p);
          x[r] = vload16(0, s + (size_t)min(j + r, nc - 1) * ldb + p);
        }
        SHUFFLE(y, x)
        SHUFFLE(x, y)
        SHUFFLE(y, x)
        SHUFFLE(x, y)
        #pragma unroll
        for (int r = 0; r < 16; ++r) vstore16(x[r], 0, d + (p + r) * NR);
      }
      for (; p < kc; ++p)
        for (int r = 0; r < 16; ++r) d[p * NR + r] = s[(size_t)min(j + r, nc - 1) * ldb + p];
    }
#else
    for (int p = 0; p < kc; ++p) {
      const __global STORED* s = b + (size_t)(p0 + p) * ldb + j0;
      __local SUM* d = lb + p * NR;
      int j = 0;
      for (; j + NR <= nc; j += NR, d += B_PANEL) {
        #pragma unroll
        for (int v = 0; v < NV; ++v) {
          PREFETCH_READ(s + (size_t)B_AHEAD * ldb + j + 16 * v);
          vstore16(vload16(v, s + j), v, d);
        }
      }
      // The last panel. A vector may reach into the next row of b, but not past the end of b.
      for (; j < panels * NR; j += 16, d += 16) {
        if (j >= nc) vstore16((SUM16)(0.0f), 0, d);
        else if ((size_t)(k - 1 - p0 - p) * ldb + (n - j0 - j) >= 16) vstore16(vload16(0, s + j), 0, d);
        else for (int r = 0; r < 16; ++r) d[r] = s[min(j + r, nc - 1)];
      }
    }
#endif

    for (int i = 0; i < mc; i += MR) {
      const int rows = min(MR, mc - i);

      // Copy MR rows of A; rows past the end reach no element of C. `next` is what is copied after
      // these: it is prefetched during the multiplication, in as many portions as there are panels.
      // (For TA = 1 the end of each piece: its beginning shares a cache line with the piece before.)
#if TA
      for (int p = 0; p < kc; ++p) {
        const __global STORED* s = a + (size_t)(p0 + p) * lda + i0 + i;
        if ((size_t)(k - 1 - p0 - p) * lda + (m - i0 - i) >= A_WIDTH) A_STORE(A_LOAD(0, s), 0, la + p * MR);
        else for (int r = 0; r < MR; ++r) la[p * MR + r] = s[min(r, rows - 1)];
      }
      PRODUCT_COPIED(la, i0 + i, rows, kc, p0 == 0)
      const __global STORED* next = i + MR < mc ? a + (size_t)p0 * lda + i0 + i + MR : a + (size_t)(p0 + kb) * lda + i0;
      const int portion = DIV_UP(16, panels);
#else
      for (int r = 0; r < MR; ++r) {
        const __global STORED* s = a + (size_t)(i0 + i + min(r, rows - 1)) * lda + p0;
        __local SUM* d = la + r * (KC + 16);
        int p = 0;
        for (; p + 16 <= kc; p += 16) vstore16(vload16(0, s + p), 0, d + p);
        for (; p < kc; ++p) d[p] = s[p];
      }
      const __global STORED* next = i + MR < mc ? a + (size_t)(i0 + i + MR) * lda + p0 : a + (size_t)i0 * lda + p0 + kb;
      const int portion = DIV_UP(MR, panels);
#endif

      for (int q = 0; q < panels; ++q) {
        const int cols = min(NR, nc - q * NR);
        const __local SUM* pb = lb + q * B_PANEL;
        __global STORED* pc = c + (size_t)(i0 + i) * ldc + j0 + q * NR;
        if (rows == MR) FOR_TILE(PREFETCH_WRITE(pc + (size_t)r * ldc + 16 * v))

        SUM16 acc[MR][NV];
        FOR_TILE(acc[r][v] = (SUM16)(0.0f))
        int p = 0;
        for (; p + 16 <= kc; p += 16) {
          for (int r = q * portion; r < (q + 1) * portion; ++r)
            PREFETCH_READ(next + (TA ? (size_t)(p + r) * lda + 15 : (size_t)r * lda + p));
          #pragma unroll UNROLL
          for (int t = p; t < p + 16; ++t) MULTIPLY_ADD(t)
        }
        for (; p < kc; ++p) MULTIPLY_ADD(p)

        if (rows == MR && cols == NR) {
          if (is_new) FOR_TILE(vstore16(acc[r][v], v, pc + (size_t)r * ldc))
          else FOR_TILE(vstore16(acc[r][v] + vload16(v, pc + (size_t)r * ldc), v, pc + (size_t)r * ldc))
        } else {
          FOR_TILE(vstore16(acc[r][v], v, lt + r * NR))
          for (int r = 0; r < rows; ++r) {
            const __local SUM* s = lt + r * NR;
            __global STORED* d = pc + (size_t)r * ldc;
            int j = 0;
            for (; j + 16 <= cols; j += 16)
              vstore16(is_new ? vload16(0, s + j) : vload16(0, s + j) + vload16(0, d + j), 0, d + j);
            for (; j < cols; ++j) d[j] = is_new ? s[j] : s[j] + d[j];
          }
        }
      }
#ifdef PRODUCT_FINISH
      if (p0 + kb >= k) {
        PRODUCT_FINISH(i0 + i, rows, j0, nc)
      }
#endif
    }
  }
}
