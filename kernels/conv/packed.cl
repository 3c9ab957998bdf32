// Convolution for OpenCL devices of type CPU: forward and backward to the data. Tensors are dense f32,
// NCHW; filters KCRS with c / groups channels.
//
//   DGRAD = 0:  y  (n k p q) from x  (n c h w) and f
//   DGRAD = 1:  dx (n c h w) from dy (n k p q) and f
//
// It is a product: row m is a channel of the result, column j a pixel of it (images folded), and the
// reduction runs over (channel of the source, tap). A is the filters as they are stored; B, the source
// seen through the taps, is never stored whole: a work-item, which is a work-group of its own, owns a
// block of up to rows x NC pixels, packs KC x NC of B at a time into local memory (ordinary memory that
// stays in cache) and multiplies it with MR rows of A after the other, MR x NR elements in registers.
//
// For DGRAD the pixels of dx fall into stride_h x stride_w phases: those of one phase see the same
// taps, at places of dy that lie side by side. A phase without taps is written with zeros.
//
// Layout of the packed operands
//   lb: panels [column / NR][step's reduction][NR], in the order channel, row of taps, column of taps
//   la: tiles [row / MR][MR][KC + 16] (TA = 0) or [row / MR][KC + 16][MR] (TA = 1)
//
// Launch: local size (1, 1, 1), no global offset, global size (phases gm, gn, groups), phases 1 for
// DGRAD = 0 and stride_h stride_w for DGRAD = 1, gm >= 1 and gn >= ceil(pixels / NC), pixels those of
// all images (of the largest phase). Rows and pixels are divided evenly over the grid; surplus
// work-items do nothing. Phases are neighbours, so that every thread has its share of each. A 1 x 1
// filter with stride 1 and no padding is best launched as images of one row, h = 1.
//
// Parameters besides those of packed_tile.cl
//   DGRAD    0   0, 1
//   TA       0   1 only for DGRAD = 1 and filters of 1 x 1
//   SW       1   stride_w or 0 for DGRAD = 0, 1 for DGRAD = 1
//   POINT    0   1: one tap that never leaves the image, and SW = 1: rows are copied as they are
//
// Local memory taken, in bytes: 4 (PANEL + MC (KC + 16) + MR NR + 4 NC + KC).

#ifndef DGRAD
#define DGRAD 0
#endif
#ifndef POINT
#define POINT 0
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

// Taps along one direction: `count` of them, in the filter from `first` on `step` apart; the source of
// pixel i lies at i + shift for the first of them, each next one `move` further.
typedef struct { int count, first, step, shift, move; } Taps;

static Taps taps_of(const int size, const int stride, const int pad, const int dilation, const int phase)
{
#if DGRAD
  Taps taps = {0, 0, 1, 0, 0};
  for (int t = size - 1; t >= 0; --t) {
    if ((phase + pad - t * dilation) % stride == 0) {
      if (taps.count > 0) taps.step = taps.first - t;
      taps.first = t;
      ++taps.count;
    }
  }
  taps.shift = (phase + pad - taps.first * dilation) / stride;
  taps.move = -taps.step * dilation / stride;
#else
  const Taps taps = {size, 0, 1, -pad, dilation};
#endif
  return taps;
}

__kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void conv(const int n, const int c, const int h, const int w, const int k, const int r, const int s,
          const int stride_h, const int stride_w, const int pad_h, const int pad_w,
          const int dilation_h, const int dilation_w, const int groups,
          const __global float* restrict src, const __global float* restrict f, __global float* restrict dst)
{
  __local float lb[PANEL] __attribute__((aligned(128)));
  __local float la[MC / MR * A_TILE] __attribute__((aligned(128)));
  __local float lt[MR * NR] __attribute__((aligned(128)));
  __local int from[NC], row[NC], column[NC], to[NC];
  __local int pick[KC];  // the taps of a step in a filter

  const int p = (h + 2 * pad_h - dilation_h * (r - 1) - 1) / stride_h + 1;
  const int q = (w + 2 * pad_w - dilation_w * (s - 1) - 1) / stride_w + 1;
#if DGRAD
  const int src_c = k / groups, src_h = p, src_w = q, dst_c = c / groups, dst_h = h, dst_w = w;
  const int step_h = stride_h, step_w = stride_w, src_step_h = 1, src_step_w = 1;
#else
  const int src_c = c / groups, src_h = h, src_w = w, dst_c = k / groups, dst_h = p, dst_w = q;
  const int step_h = 1, step_w = 1, src_step_h = stride_h, src_step_w = stride_w;
#endif
  const int phases = step_h * step_w, phase = get_global_id(0) % phases, group = get_global_id(2);
  const int phase_h = phase / step_w, phase_w = phase % step_w;
  const Taps taps_h = taps_of(r, stride_h, pad_h, dilation_h, phase_h);
  const Taps taps_w = taps_of(s, stride_w, pad_w, dilation_w, phase_w);
  const int taps = taps_h.count * taps_w.count;
  const int whole = taps == r * s;

  const int src_area = src_h * src_w, dst_area = dst_h * dst_w;
  const long src_len = (long)n * groups * src_c * src_area;
  const long f_len = (long)k * (c / groups) * r * s;
  src += (size_t)group * src_c * src_area;
  dst += (size_t)group * dst_c * dst_area;
  const long before = (long)group * src_c * src_area;

  // Even shares of rows and pixels, in whole tiles.
  const int high = DIV_UP(max(dst_h - phase_h, 0), step_h), wide = DIV_UP(max(dst_w - phase_w, 0), step_w);
  const int pixels = n * high * wide;
  const int gm = get_global_size(0) / phases, gn = get_global_size(1);
  const int mb = DIV_UP(DIV_UP(dst_c, MR), gm) * MR;
  const int nb = DIV_UP(DIV_UP(pixels, NR), gn) * NR;
  const int i0 = get_global_id(0) / phases * mb, mc = min(mb, dst_c - i0);
  const int j0 = get_global_id(1) * nb, nc = min(nb, pixels - j0);
  const int panels = DIV_UP(nc, NR);
  const int busy = mc > 0 && nc > 0;

  if (busy) {
    places(j0, nc, panels * NR, high, wide, step_h, step_w, phase_h, phase_w,
           groups * dst_c * dst_area, dst_w, to, row, column);
    for (int j = nc; j < panels * NR; ++j) to[j] = -1;
    places(j0, nc, panels * NR, high, wide, src_step_h, src_step_w, taps_h.shift, taps_w.shift,
           groups * src_c * src_area, src_w, from, row, column);
  }

  // Steps of the reduction: some channels with all their taps, or some taps of one channel. One empty
  // step where there are no taps.
  const int depth = DEPTH_OF(max(panels, 1));
  const int tap_steps = max(DIV_UP(taps, depth), 1), tb = DIV_UP(taps, tap_steps);
  const int channel_steps = tap_steps > 1 ? src_c : DIV_UP(src_c, max(depth / max(tb, 1), 1));
  const int cb = DIV_UP(src_c, channel_steps);
  const int steps = busy ? (taps > 0 ? DIV_UP(src_c, cb) * tap_steps : 1) : 0;

  for (int step = 0; step < steps; ++step) {
    const int c0 = step / tap_steps * cb, cn = min(cb, src_c - c0);
    const int t0 = step % tap_steps * tb, tn = min(tb, taps - t0);
    const int kc = cn * tn;
    const __global float* sc = src + (size_t)c0 * src_area;
    // What may be read before and behind sc.
    const long least = -(before + (long)c0 * src_area), most = src_len + least;

    // Pack B. Columns past the last pixel may hold anything: they reach no element of the result.
#if POINT
    for (int e = 0; e < cn; ++e) {
      const __global float* line = sc + (size_t)e * src_area;
      const long end = most - (long)e * src_area;
      for (int v = 0; v < panels * NV; ++v) {
        const __local int* at = from + 16 * v;
        __local float* d = lb + v / NV * kc * NR + e * NR + v % NV * 16;
        if (at[15] == at[0] + 15 && at[0] + 16 <= end) {
          PREFETCH_READ(line + (size_t)4 * src_area + at[0]);
          vstore16(vload16(0, line + at[0]), 0, d);
        } else {
          for (int l = 0; l < 16; ++l) d[l] = row[16 * v + l] >= 0 ? line[at[l]] : 0.0f;
        }
      }
    }
#else
    for (int v = 0; v < panels * NV; ++v) {
      const __local int* at = from + 16 * v;
      const int16 rows = vload16(v, row), columns = vload16(v, column);
      __local float* panel = lb + v / NV * kc * NR + v % NV * 16;
      // A run of lanes whose elements lie side by side after the other: the first writes the whole vector.
      for (int lane = 0, end; lane < 16; lane = end) {
        end = run_end(at, lane);
        const int16 run = (LANES >= lane) & (LANES < end);
        int i = t0 / max(taps_w.count, 1), j = t0 % max(taps_w.count, 1);
        for (int t = 0; t < tn; ++t) {
          const int move_h = i * taps_h.move, move_w = j * taps_w.move;
          const int16 mask = run & INSIDE(rows + move_h, columns + move_w, src_h, src_w);
          const int start = at[lane] - lane * src_step_w + move_h * src_w + move_w;
          __local float* d = panel + t * NR;
#ifdef FAST_SPAN
          if (start >= least && start + (long)(cn - 1) * src_area + FAST_SPAN <= most) {
            const __global float* line = sc + start;
            if (lane == 0) {
              for (int e = 0; e < cn; ++e)
                vstore16(KEEP(LOAD_LANES(line + (size_t)e * src_area), mask), 0, d + e * tn * NR);
            } else {
              for (int e = 0; e < cn; ++e) {
                const int16 other = as_int16(vload16(0, d + e * tn * NR));
                const int16 own = as_int16(LOAD_LANES(line + (size_t)e * src_area)) & mask;
                vstore16(as_float16(other | own), 0, d + e * tn * NR);
              }
            }
          } else
#endif
          {
            for (int e = 0; e < cn; ++e) {
              if (lane == 0) vstore16((float16)(0.0f), 0, d + e * tn * NR);
              for (int l = lane; l < end; ++l) {
                const int y = row[16 * v + l] + move_h, x = column[16 * v + l] + move_w;
                if (y >= 0 && y < src_h && x >= 0 && x < src_w)
                  d[e * tn * NR + l] = sc[(long)e * src_area + at[l] + move_h * src_w + move_w];
              }
            }
          }
          if (++j == taps_w.count) { j = 0; ++i; }
        }
      }
    }
#endif

    for (int t = 0; t < tn && DGRAD; ++t)
      pick[t] = (taps_h.first + (t0 + t) / taps_w.count * taps_h.step) * s +
                taps_w.first + (t0 + t) % taps_w.count * taps_w.step;

    for (int i = 0; i < mc; i += MR) {
      const int rows = min(MR, mc - i);

      // Copy MC rows of A; rows past the end repeat the last one and reach no element of the result.
#if DGRAD
      if (i % MC == 0) {
        const int ac = min(DIV_UP(mc - i, MR) * MR, MC);
        const long lda = (long)dst_c * r * s;
        for (int e = 0; e < cn; ++e) {
          const long first = (group * src_c + c0 + e) * lda + (long)(i0 + i) * r * s;
#if TA
          for (int l = 0; l < ac; l += MR) {
            __local float* d = la + l / MR * A_TILE + e * MR;
            PREFETCH_READ(f + first + 4 * lda + l);
            if (first + l + A_WIDTH <= f_len) A_STORE(A_LOAD(0, f + first + l), 0, d);
            else for (int x = 0; x < MR; ++x) d[x] = f[first + min(l + x, mc - i - 1)];
          }
#else
          for (int x = 0; x < ac * r * s; x += 16) PREFETCH_READ(f + first + 2 * lda + x);
          for (int l = 0; l < ac; ++l) {
            const long at = first + (long)min(l, mc - i - 1) * r * s;
            __local float* d = la + l / MR * A_TILE + A_AT(l % MR, e * tn);
            int t = 0;
            // The surplus of a vector is overwritten by the next channel.
            if (whole) for (; t < tn && at + t0 + t + 16 <= f_len; t += 16) vstore16(vload16(0, f + at + t0 + t), 0, d + t);
            for (; t < tn; ++t) d[t] = f[at + pick[t]];
          }
#endif
        }
      }
#else
      if (i % MC == 0) {
        const int ac = min(DIV_UP(mc - i, MR) * MR, MC);
        const int lda = src_c * taps;
        for (int l = 0; l < ac; ++l) {
          const __global float* line = f + (size_t)(group * dst_c + i0 + min(i + l, mc - 1)) * lda + c0 * taps + t0;
          __local float* d = la + l / MR * A_TILE + A_AT(l % MR, 0);
          int t = 0;
          for (; t + 16 <= kc; t += 16) vstore16(vload16(0, line + t), 0, d + t);
          for (; t < kc; ++t) d[t] = line[t];
        }
      }
#endif
      const __local float* pa = la + i % MC / MR * A_TILE;
#if !DGRAD
      // What is copied after these rows is fetched during the multiplication.
      const int lda = src_c * taps;
      const __global float* next = f + (size_t)(group * dst_c + i0 + i) * lda + c0 * taps + t0;
      next = i + MC < mc ? next + (size_t)MC * lda : next - (size_t)i * lda + kc;
#endif
      const int portion = DIV_UP(MR, panels);

      for (int b = 0; b < panels; ++b) {
        const __local float* pb = lb + b * kc * NR;
        const __local int* pt = to + b * NR;
        __global float* row0 = dst + (size_t)(i0 + i) * dst_area;
        int direct = rows == MR;
        #pragma unroll
        for (int v = 0; v < NV; ++v) direct &= pt[16 * v + 15] == pt[16 * v] + 15;
        if (direct) FOR_TILE(PREFETCH_WRITE(row0 + (size_t)t_r * dst_area + pt[16 * t_v]))

        float16 acc[MR][NV];
        FOR_TILE(acc[t_r][t_v] = (float16)(0.0f))
        int t = 0;
        for (; t + 16 <= kc; t += 16) {
#if !DGRAD
          for (int e = b * portion; e < (b + 1) * portion; ++e) PREFETCH_READ(next + (size_t)e * lda + t);
#endif
          #pragma unroll UNROLL
          for (int u = t; u < t + 16; ++u) MULTIPLY_ADD(u)
        }
        for (; t < kc; ++t) MULTIPLY_ADD(t)

        if (direct) {
          if (step == 0) FOR_TILE(vstore16(acc[t_r][t_v], 0, row0 + (size_t)t_r * dst_area + pt[16 * t_v]))
          else FOR_TILE(
            __global float* o = row0 + (size_t)t_r * dst_area + pt[16 * t_v];
            vstore16(acc[t_r][t_v] + vload16(0, o), 0, o))
        } else {
          FOR_TILE(vstore16(acc[t_r][t_v], t_v, lt + t_r * NR))
          for (int e = 0; e < rows; ++e) {
            __global float* o = row0 + (size_t)e * dst_area;
            for (int v = 0; v < NV; ++v) {
              const __local int* at = pt + 16 * v;
              const __local float* value = lt + e * NR + 16 * v;
              if (at[15] == at[0] + 15) {
                const float16 sum = vload16(0, value);
                vstore16(step == 0 ? sum : sum + vload16(0, o + at[0]), 0, o + at[0]);
              } else {
                for (int l = 0; l < 16; ++l)
                  if (at[l] >= 0) o[at[l]] = step == 0 ? value[l] : value[l] + o[at[l]];
              }
            }
          }
        }
      }
    }
  }
}
