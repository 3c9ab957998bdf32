#!/bin/sh
# A barrier for local memory waits for every global load on RDNA3 and RDNA4, and on no AMD GPU with matrix cores or RDNA2.
#
# Guess: barrier(CLK_LOCAL_MEM_FENCE) orders local memory. A global load begun before it, as for the next tile of a matrix
#        product, stays under way behind it; if so on one generation, then on those after it.
# Seen:  libclc writes the barrier's wait as one number, 255, for all of them. On gfx9 and gfx10 that reads: local memory
#        to the end, up to 15 global loads under way. From gfx11 on the same bits read: global loads to the end, up to 15
#        local ones under way. The compiler adds the wait for local memory by itself, so that results are right, and a
#        prefetch placed before the barrier is none. (gfx906 waits for all anyway: its barrier needs it.)
# With:  clang-19 and libclc-19 1:19.1.7-3~deb12u1 (Debian 12), compiled only: no GPU is needed; 2026-11-30.

. "$(dirname "$0")/common.sh"
version=1:19.1.7-3~deb12u1
debian clang-19=$version libclang-common-19-dev=$version libclang-cpp19=$version libllvm19=$version libclc-19=$version \
    libz3-4 libedit2 libbsd0 libmd0 libxml2 libicu72
libraries=$(echo "$work"/debian/usr/lib/*-linux-gnu)

cat >prefetch.cl <<'END'
__kernel void prefetch(__global const float *x, __global float *y) {
    __local float tile[256];
    int item = get_local_id(0), at = get_global_id(0);
    float next = x[at + 1024];
    tile[item] = item * 3.0f;
    barrier(CLK_LOCAL_MEM_FENCE);
    y[at] = tile[255 - item] + next;
}
END
compile() { # GPU OPTION...: to standard output
    gpu=$1
    shift
    LD_LIBRARY_PATH="$libraries" debian/usr/lib/llvm-19/bin/clang -x cl -cl-std=CL1.2 -O3 -Xclang -finclude-default-header \
        -target amdgcn-- -mcpu="$gpu" -nogpulib -Xclang -mlink-builtin-bitcode \
        -Xclang debian/usr/lib/clc/"$gpu"-amdgcn--.bc -S "$@" -o - prefetch.cl 2>compile.log
}
compile gfx1030 >code || not_applicable "clang does not run: $(grep -m 1 error compile.log)"
for gpu in gfx90a gfx942 gfx1030 gfx1100 gfx1200; do
    compile $gpu >code
    number=$(compile $gpu -emit-llvm | sed -n 's/.*call.*s\.waitcnt(i32 \([0-9]*\)).*/\1/p')
    wait=$(sed -n '/s_waitcnt vmcnt/{s/^[[:space:]]*//;h;};/s_barrier/{x;p;q;}' code)
    echo "$gpu: libclc says $number, the code says $wait"
done | tee seen
[ "$(grep -c 'libclc says 255, ' seen)" = 5 ] || changed "libclc said 255 for all"
[ "$(grep -cE '^gfx(90a|942|1030): .* vmcnt\(15\) lgkmcnt\(0\)$' seen)" = 3 ] || changed "15 loads stayed under way up to gfx10"
grep -q '^gfx1100: .* vmcnt(0) lgkmcnt(0)$' seen || changed "no load stayed under way on gfx1100"
grep -q '^gfx1200: .* vmcnt(0) lgkmcnt(15)$' seen || changed "no load stayed under way on gfx1200"
