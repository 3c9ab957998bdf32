// Tiles of two matrices in local memory and their product: what the tiled kernels share. It stands
// behind number.cl, is put in front of each of their files and is no program by itself.
//
// A work-group computes a TM x TN tile of C = A B. It walks along k in steps of TK, copies a
// TM x TK tile of A and a TK x TN tile of B into local memory, and multiplies from there. Each
// work-item keeps WM x WN sums in registers: WM/4 groups of four rows and WN/4 groups of four
// columns, the groups LY*4 rows and LX*4 columns apart. How the tiles are read from global memory
// is the kernel's own.
//
// Parameters
//   TM, TN        tile of C                                  multiples of WM and WN
//   TK            depth of a tile                            >= 1; a multiple of VA if TA=0,
//                                                            of VB if TB=1
//   WM, WN        sums of a work-item                        multiples of 4
//   VA, VB        width of the global loads of A, B          1, 4; 4 asks for addresses that are
//                                                            multiples of four elements
//   UNALIGNED     vector loads at the address of any element 0, 1
//   DB            0: load, multiply; 1: load the next tile   0, 1, 2
//                 into registers while multiplying;
//                 2: as 1, with two buffers in local
//                 memory, so one barrier a tile, not two
//   AHEAD         a step of the tiles is read from local     0, 1
//                 memory before the one before it is
//                 multiplied: of use on AMD, for some
//                 more registers
//   PADA, PADB    spare elements in a row of a tile in       0, 4, 8, ...: TM + PADA and TN + PADB
//                 local memory, against bank conflicts       are multiples of 4
//                 (of use for A if TA=0, for B if TB=1)
//   TA            a work-item's loads of A run along k (0) or along the rows of C (1)
//   TB            a work-item's loads of B run along the columns of C (0) or along k (1)
// With WG = (TM/WM) * (TN/WN), the number of work-items in a group:
//   TM*TK is a multiple of WG*VA, TN*TK of WG*VB;
//   the vectors in a line of a tile (TK/VA or, TA=1, TM/VA; TN/VB or, TB=1, TK/VB) divide WG or are
//   a multiple of it;
//   local memory: TK * (TM + PADA + TN + PADB) sums, twice that if DB=2.

#ifndef TM
#define TM 64
#endif
#ifndef TN
#define TN 64
#endif
#ifndef TK
#define TK 16
#endif
#ifndef WM
#define WM 8
#endif
#ifndef WN
#define WN 4
#endif
#ifndef VA
#define VA 1
#endif
#ifndef VB
#define VB 1
#endif
#ifndef UNALIGNED
#define UNALIGNED 0
#endif
#ifndef PADA
#define PADA 4
#endif
#ifndef PADB
#define PADB 4
#endif
#ifndef TA
#define TA 0
#endif
#ifndef TB
#define TB 0
#endif
#ifndef DB
#define DB 1
#endif
#ifndef AHEAD
#define AHEAD 0
#endif

#pragma OPENCL FP_CONTRACT ON

#define LX (TN / WN)
#define LY (TM / WM)
#define WG (LX * LY)

// Tiles lie k-major in local memory whatever the layout of the operand, so that the inner loop is
// the same for all transposes. These are the lengths of their rows.
#define A_ROW (TM + PADA)
#define B_ROW (TN + PADB)
#define A_TILE (TK * A_ROW)
#define B_TILE (TK * B_ROW)

// A tile in global memory is a set of lines, contiguous along k or along the side of C.
// *_AT gives the place of an element of it in local memory.
#define A_KCONTIG (!TA)
#define B_KCONTIG TB
#if A_KCONTIG
#define A_LINE TK
#define A_AT(line, pos) ((pos) * A_ROW + (line))
#else
#define A_LINE TM
#define A_AT(line, pos) ((line) * A_ROW + (pos))
#endif
#if B_KCONTIG
#define B_LINE TK
#define B_AT(line, pos) ((pos) * B_ROW + (line))
#else
#define B_LINE TN
#define B_AT(line, pos) ((line) * B_ROW + (pos))
#endif

// Vectors in a line, and vectors that a work-item moves. The vectors of one work-item lie at fixed
// distances, line and position *_DLINE(i) and *_DPOS(i), from its first one.
#define A_VECS (A_LINE / VA)
#define B_VECS (B_LINE / VB)
#define A_LOADS (TM * TK / (WG * VA))
#define B_LOADS (TN * TK / (WG * VB))
#if A_VECS > WG
#define A_DLINE(i) ((i) / (A_VECS / WG))
#define A_DPOS(i) ((i) % (A_VECS / WG) * (WG * VA))
#else
#define A_DLINE(i) ((i) * (WG / A_VECS))
#define A_DPOS(i) 0
#endif
#if B_VECS > WG
#define B_DLINE(i) ((i) / (B_VECS / WG))
#define B_DPOS(i) ((i) % (B_VECS / WG) * (WG * VB))
#else
#define B_DLINE(i) ((i) * (WG / B_VECS))
#define B_DPOS(i) 0
#endif

#if TM % WM || TN % WN || WM % 4 || WN % 4
#error "WM and WN must be multiples of 4 and divide TM and TN"
#endif
#if (VA != 1 && VA != 4) || (VB != 1 && VB != 4)
#error "VA and VB must be 1 or 4"
#endif
#if A_LINE % VA || B_LINE % VB || (TM * TK) % (WG * VA) || (TN * TK) % (WG * VB)
#error "each work-item must load whole vectors, equally many"
#endif
#if (A_VECS % WG && WG % A_VECS) || (B_VECS % WG && WG % B_VECS)
#error "the vectors in a line must divide the work-group size or be a multiple of it"
#endif
#if A_ROW % 4 || B_ROW % 4
#error "TM + PADA and TN + PADB must be multiples of 4"
#endif

#if VA == 4
typedef SUM4 a_vec;
#define A_LOAD load4
#else
typedef SUM a_vec;
#define A_LOAD load1
#endif
#if VB == 4
typedef SUM4 b_vec;
#define B_LOAD load4
#else
typedef SUM b_vec;
#define B_LOAD load1
#endif

#if A_KCONTIG && VA == 4
#define A_PUT(at, v) put_column4(at, A_ROW, v)
#elif VA == 4
#define A_PUT(at, v) put_row4(at, v)
#else
#define A_PUT(at, v) (*(at) = (v))
#endif
#if B_KCONTIG && VB == 4
#define B_PUT(at, v) put_column4(at, B_ROW, v)
#elif VB == 4
#define B_PUT(at, v) put_row4(at, v)
#else
#define B_PUT(at, v) (*(at) = (v))
#endif

static SUM load1(const __global STORED *p)
{
    return WIDE(*p);
}

static SUM4 load4(const __global STORED *p)
{
#if UNALIGNED
    return WIDE4(vload4(0, p));
#else
    return WIDE4(*(const __global STORED4 *)p);  // vload4 would promise the alignment of an element
#endif
}

static void put_row4(__local SUM *at, SUM4 v)
{
    *(__local SUM4 *)at = v;
}

static void put_column4(__local SUM *at, int row, SUM4 v)
{
    at[0] = v.x;
    at[row] = v.y;
    at[2 * row] = v.z;
    at[3 * row] = v.w;
}

// Registers to local memory.
static void stage_a(__local SUM *at, const a_vec r[A_LOADS])
{
    #pragma unroll
    for (int i = 0; i < A_LOADS; ++i)
        A_PUT(at + A_AT(A_DLINE(i), A_DPOS(i)), r[i]);
}

static void stage_b(__local SUM *at, const b_vec r[B_LOADS])
{
    #pragma unroll
    for (int i = 0; i < B_LOADS; ++i)
        B_PUT(at + B_AT(B_DLINE(i), B_DPOS(i)), r[i]);
}

// Where the sums of a work-item lie: its first column and row are four times these. 32 consecutive
// items share 4 groups of rows and 8 of columns: that takes fewer reads of local memory than a line
// of 32 would.
static int item_x(int lid)
{
#if LX % 8 == 0 && LY % 4 == 0
    return lid / 32 % (LX / 8) * 8 + lid % 8;
#else
    return lid % LX;
#endif
}

static int item_y(int lid)
{
#if LX % 8 == 0 && LY % 4 == 0
    return lid / 32 / (LX / 8) * 4 + lid / 8 % 4;
#else
    return lid / LX;
#endif
}

// AMD's packed multiply-add takes either half of a register pair for both of its products. Its
// compiler knows so of a pair, but copies the last of four registers first: this hides the four.
#if (defined(__gfx90a__) || defined(__gfx942__) || defined(__gfx950__)) && !defined(F64)
#define KEEP_PAIR(pair) __asm__("" : "+v"(pair))
#else
#define KEEP_PAIR(pair)
#endif

// With AHEAD, AMD's compiler is told to leave the reads where they stand.
#if AHEAD && defined(__AMDGCN__)
#define KEEP_ORDER __builtin_amdgcn_sched_barrier(0)
#else
#define KEEP_ORDER
#endif

// Reads step p of the staged tiles: the rows and the columns of the item.
static void read_step(SUM x[WM], SUM4 y[WN / 4], const __local SUM *as, const __local SUM *bs, int p)
{
    #pragma unroll
    for (int g = 0; g < WM / 4; ++g) {
        const SUM4 v = *(const __local SUM4 *)(as + p * A_ROW + g * (LY * 4));
        SUM2 high = v.zw;
        KEEP_PAIR(high);
        x[4 * g] = v.x;
        x[4 * g + 1] = v.y;
        x[4 * g + 2] = high.x;
        x[4 * g + 3] = high.y;
    }
    #pragma unroll
    for (int j = 0; j < WN / 4; ++j)
        y[j] = *(const __local SUM4 *)(bs + p * B_ROW + j * (LX * 4));
}

// Adds the product of two staged tiles; as and bs point to the first row and column of the item.
// The sums are vectors because some compilers pair multiply-adds only then.
static void multiply(SUM4 sum[WM][WN / 4], const __local SUM *as, const __local SUM *bs)
{
    SUM x[AHEAD + 1][WM];
    SUM4 y[AHEAD + 1][WN / 4];
#if AHEAD
    read_step(x[0], y[0], as, bs, 0);
#endif
    #pragma unroll
    for (int p = 0; p < TK; ++p) {
        const int now = p % (AHEAD + 1);
#if AHEAD
        if (p + 1 < TK) read_step(x[1 - now], y[1 - now], as, bs, p + 1);
#else
        read_step(x[0], y[0], as, bs, p);
#endif
        #pragma unroll
        for (int i = 0; i < WM; ++i) {
            #pragma unroll
            for (int j = 0; j < WN / 4; ++j)
                sum[i][j] += x[now][i] * y[now][j];
        }
        KEEP_ORDER;
    }
}
