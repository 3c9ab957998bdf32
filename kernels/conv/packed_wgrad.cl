// Convolution for OpenCL devices of type CPU: backward to the filters. df (KCRS with c / groups
// channels) from dy (n k p q) and x (n c h w); dense f32.
//
// It is a product: row m is a filter, column j a place (channel, tap) of it, and the reduction runs over
// the pixels of dy, images folded. A is dy, copied row by row. B is x seen through the taps, with
// pixels for rows: a work-item, which is a work-group of its own, owns a block of filters x places and
// a share of the pixels; it reads 16 pixels of 16 places at a time, transposes them into local memory
// (ordinary memory that stays in cache) and multiplies them with MR rows of A after the other, MR x NR
// elements in registers.
//
// Small filters are computed from several shares of the pixels: share i goes to parts + i |df|, and the
// kernel `sum` adds them in order, so that every run has the same result to the bit.
//
// Layout of the packed operands
//   lb: panels [column / NR][step's pixels][NR]        la: tiles [row / MR][MR][KC + 16]
//
// Launch of `conv`: local size (1, 1, 1), no global offset, global size (gm, gn, groups splits) with
// gm >= 1, gn >= ceil(c / groups r s / NC), splits >= 1. Rows, columns and pixels are divided evenly;
// surplus work-items do nothing, and a surplus share is zero. With one split, `parts` is df itself.
// Launch of `sum`: local size (1, 1, 1), any global size: elements are divided evenly.
//
// Parameters besides those of packed_tile.cl: SW is stride_w or 0, TA is 0.
//   POINT    0   1: one tap that never leaves the image
//
// Local memory taken, in bytes: 4 (PANEL + MC (KC + 16) + MR NR + 3 NC + 3 KC).

#ifndef POINT
#define POINT 0
#endif

// Four rounds of this perfect shuffle transpose 16 x 16.
#define ZIP_LO(x, y) \
  (float16)(x.s0, y.s0, x.s1, y.s1, x.s2, y.s2, x.s3, y.s3, x.s4, y.s4, x.s5, y.s5, x.s6, y.s6, x.s7, y.s7)
#define ZIP_HI(x, y) \
  (float16)(x.s8, y.s8, x.s9, y.s9, x.sa, y.sa, x.sb, y.sb, x.sc, y.sc, x.sd, y.sd, x.se, y.se, x.sf, y.sf)
#define SHUFFLE(out, in)                           \
  _Pragma("unroll")                                \
  for (int z = 0; z < 8; ++z) {                    \
    out[2 * z] = ZIP_LO(in[z], in[z + 8]);         \
    out[2 * z + 1] = ZIP_HI(in[z], in[z + 8]);     \
  }

__kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void conv(const int n, const int c, const int h, const int w, const int k, const int r, const int s,
          const int stride_h, const int stride_w, const int pad_h, const int pad_w,
          const int dilation_h, const int dilation_w, const int groups,
          const __global float* restrict dy, const __global float* restrict x, __global float* restrict parts)
{
  __local float lb[PANEL] __attribute__((aligned(128)));
  __local float la[MC / MR * A_TILE] __attribute__((aligned(128)));
  __local float lt[MR * NR] __attribute__((aligned(128)));
  __local int from[KC], row[KC], column[KC];      // the pixels of a step
  __local int place[NC], move_h[NC], move_w[NC];  // the columns

  const int p = (h + 2 * pad_h - dilation_h * (r - 1) - 1) / stride_h + 1;
  const int q = (w + 2 * pad_w - dilation_w * (s - 1) - 1) / stride_w + 1;
  const int group_c = c / groups, group_k = k / groups;
  const int area = h * w, taps = r * s, ldc = group_c * taps, image = p * q;
  const long x_len = (long)n * c * area, dy_len = (long)n * k * image;

  // Even shares of rows and columns in whole tiles, of pixels in whole vectors.
  const int gm = get_global_size(0), gn = get_global_size(1);
  const int group = get_global_id(2) % groups, split = get_global_id(2) / groups;
  const int splits = get_global_size(2) / groups;
  const int mb = DIV_UP(DIV_UP(group_k, MR), gm) * MR;
  const int nb = DIV_UP(DIV_UP(ldc, NR), gn) * NR;
  const int pb_ = DIV_UP(DIV_UP(n * image, 16), splits) * 16;
  const int i0 = get_global_id(0) * mb, mc = min(mb, group_k - i0);
  const int j0 = get_global_id(1) * nb, nc = min(nb, ldc - j0);
  const int first = split * pb_, pixels = max(min(pb_, n * image - first), 0);
  const int panels = DIV_UP(nc, NR);
  const int busy = mc > 0 && nc > 0;
  parts += ((size_t)split * k + group * group_k) * ldc + j0;

  // Columns past the end repeat the last one: they reach no element of the result.
  for (int j = 0; busy && j < panels * NR; ++j) {
    const int at = j0 + min(j, nc - 1), channel = at / taps, tap = at % taps;
    move_h[j] = tap / s * dilation_h;
    move_w[j] = tap % s * dilation_w;
    place[j] = channel * area + move_h[j] * w + move_w[j];
  }
  const int reach = (r - 1) * dilation_h * w + (s - 1) * dilation_w;

  // One empty step where there are no pixels.
  const int depth = DEPTH_OF(max(panels, 1));
  const int steps = busy ? max(DIV_UP(pixels, depth), 1) : 0;
  const int kb = DIV_UP(DIV_UP(pixels, max(steps, 1)), 16) * 16;
  for (int step = 0; step < steps; ++step) {
    const int p0 = first + step * kb, kc = min(kb, pixels - step * kb);
    const int vectors = DIV_UP(kc, 16);
    if (kc > 0)
      places(p0, kc, vectors * 16, p, q, stride_h, stride_w, -pad_h, -pad_w, c * area, w, from, row, column);

    for (int j = 0; j < panels * NR; j += 16) {
      const __global float* sx = x + (size_t)group * group_c * area;
      // Elements of x before and behind sx.
      const long before = (long)group * group_c * area, behind = x_len - before;
      const int lowest = place[j] / area * area, highest = place[j + 15] + (POINT ? 0 : reach);
      for (int v = 0; v < vectors; ++v) {
        const __local int* at = from + 16 * v;
        __local float* d = lb + j / NR * vectors * 16 * NR + v * 16 * NR + j % NR;
        const int16 rows = vload16(v, row), columns = vload16(v, column);
        float16 a[16], b[16];
#ifdef FAST_SPAN
        int end = run_end(at, 0), low = at[0], high = at[0];
        for (int lane = end; lane < 16; lane = run_end(at, lane)) {
          low = min(low, at[lane] - lane * SW);
          high = max(high, at[lane] - lane * SW);
        }
        if (lowest + low + before >= 0 && highest + high + FAST_SPAN <= behind) {
#if POINT
          if (end == 16) {
            #pragma unroll
            for (int e = 0; e < 16; ++e) a[e] = LOAD_LANES(sx + place[j + e] + at[0]);
          } else
#endif
          {
            int16 run = LANES < end;
            #pragma unroll
            for (int e = 0; e < 16; ++e) {
              const int16 mask = run & INSIDE(rows + move_h[j + e], columns + move_w[j + e], h, w);
              a[e] = KEEP(LOAD_LANES(sx + place[j + e] + at[0]), mask);
            }
            for (int lane = end; lane < 16; lane = end) {
              end = run_end(at, lane);
              run = (LANES >= lane) & (LANES < end);
              #pragma unroll
              for (int e = 0; e < 16; ++e) {
                const int16 mask = run & INSIDE(rows + move_h[j + e], columns + move_w[j + e], h, w);
                const int16 own = as_int16(LOAD_LANES(sx + place[j + e] + at[lane] - lane * SW)) & mask;
                a[e] = as_float16(as_int16(a[e]) | own);
              }
            }
          }
          SHUFFLE(b, a)
          SHUFFLE(a, b)
          SHUFFLE(b, a)
          SHUFFLE(a, b)
          #pragma unroll
          for (int e = 0; e < 16; ++e) vstore16(a[e], 0, d + e * NR);
        } else
#endif
        {
          for (int l = 0; l < 16; ++l) {
            for (int e = 0; e < 16; ++e) {
              const int i = row[16 * v + l] + move_h[j + e], o = column[16 * v + l] + move_w[j + e];
              const int inside = i >= 0 && i < h && o >= 0 && o < w;
              d[l * NR + e] = inside ? sx[place[j + e] + at[l]] : 0.0f;
            }
          }
        }
      }
    }

    for (int i = 0; i < mc; i += MR) {
      const int rows = min(MR, mc - i);

      // Copy MC rows of dy, image by image; rows past the end repeat the last one and reach no element of
      // the result.
      if (i % MC == 0) {
        const int ac = min(DIV_UP(mc - i, MR) * MR, MC);
        int number = p0 / image, pixel = p0 % image;
        for (int t = 0; t < kc; ++number, pixel = 0) {
          const int length = min(image - pixel, kc - t);
          for (int l = 0; l < ac; ++l) {
            const long at = ((long)number * k + group * group_k + i0 + min(i + l, mc - 1)) * image + pixel;
            __local float* d = la + l / MR * A_TILE + A_AT(l % MR, t);
            int u = 0;
            // The surplus of a vector is overwritten by the next image.
            for (; u < length && at + u + 16 <= dy_len; u += 16) vstore16(vload16(0, dy + at + u), 0, d + u);
            for (; u < length; ++u) d[u] = dy[at + u];
          }
          t += length;
        }
      }
      const __local float* pa = la + i % MC / MR * A_TILE;

      for (int b = 0; b < panels; ++b) {
        const int cols = min(NR, nc - b * NR);
        const __local float* pb = lb + b * vectors * 16 * NR;
        __global float* pc = parts + (size_t)(i0 + i) * ldc + b * NR;
        if (rows == MR) FOR_TILE(PREFETCH_WRITE(pc + (size_t)t_r * ldc + 16 * t_v))

        float16 acc[MR][NV];
        FOR_TILE(acc[t_r][t_v] = (float16)(0.0f))
        int t = 0;
        for (; t + 16 <= kc; t += 16) {
          #pragma unroll UNROLL
          for (int u = t; u < t + 16; ++u) MULTIPLY_ADD(u)
        }
        for (; t < kc; ++t) MULTIPLY_ADD(t)

        if (rows == MR && cols == NR) {
          if (step == 0) FOR_TILE(vstore16(acc[t_r][t_v], t_v, pc + (size_t)t_r * ldc))
          else FOR_TILE(
            __global float* o = pc + (size_t)t_r * ldc;
            vstore16(acc[t_r][t_v] + vload16(t_v, o), t_v, o))
        } else {
          FOR_TILE(vstore16(acc[t_r][t_v], t_v, lt + t_r * NR))
          for (int e = 0; e < rows; ++e) {
            const __local float* value = lt + e * NR;
            __global float* o = pc + (size_t)e * ldc;
            int u = 0;
            for (; u + 16 <= cols; u += 16)
              vstore16(step == 0 ? vload16(0, value + u) : vload16(0, value + u) + vload16(0, o + u), 0, o + u);
            for (; u < cols; ++u) o[u] = step == 0 ? value[u] : value[u] + o[u];
          }
        }
      }
    }
  }
}

// df = the sum of the shares, in their order.
__kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void sum(const int len, const int splits, const __global float* restrict parts, __global float* restrict df)
{
  const int share = DIV_UP(DIV_UP(len, 16), (int)get_global_size(0)) * 16;
  int i = get_global_id(0) * share;
  const int end = min(i + share, len);
  for (; i + 16 <= end; i += 16) {
    float16 total = vload16(0, parts + i);
    for (int e = 1; e < splits; ++e) total += vload16(0, parts + (size_t)e * len + i);
    vstore16(total, 0, df + i);
  }
  for (; i < end; ++i) {
    float total = parts[i];
    for (int e = 1; e < splits; ++e) total += parts[(size_t)e * len + i];
    df[i] = total;
  }
}
