#!/bin/sh
# Every kernel takes one nanosecond, says the driver: its events are stamped 0, 1, 2 and 3.
#
# Guess: a driver that offers queues with profiling stamps its events from a clock, or refuses. Durations may be coarse.
# Seen:  Mesa's Rusticl accepts CL_QUEUE_PROFILING_ENABLE and answers queued 0, submitted 1, started 2, ended 3 for every
#        command, whatever it took. The answers are in the right order and no error is told, so a harness that trusts
#        events finds one duration for all kernels, and rates of PFLOP/s. CL_DEVICE_PROFILING_TIMER_RESOLUTION is 0: that,
#        or equal durations of unequal work, gives it away.
# With:  mesa-opencl-icd 22.3.6-1+deb12u2 on llvmpipe (Debian 12), PyOpenCL 2026.1.4 (PyPI), 2026-11-30.

. "$(dirname "$0")/common.sh"
need unshare
debian mesa-opencl-icd=22.3.6-1+deb12u2 libclc-15 libllvmspirvlib15 libclang-cpp15 libllvm15 libdrm-amdgpu1 libdrm-radeon1 \
    libdrm-nouveau2 libelf1 libsensors5 libz3-4 libedit2 libbsd0 libmd0 libxml2 libicu72
pyopencl
mkdir vendors cache
libraries=$(echo "$work"/debian/usr/lib/*-linux-gnu)
echo "$libraries/libRusticlOpenCL.so.1" >vendors/rusticl.icd

cat >stamps.py <<'END'
import time

import numpy
import pyopencl as cl

device = cl.get_platforms()[0].get_devices()[0]
print(f"{device.platform.name}, {device.name}: timer resolution {device.profiling_timer_resolution} ns")
context = cl.Context([device])
queue = cl.CommandQueue(context, properties=cl.command_queue_properties.PROFILING_ENABLE)
memory = cl.Buffer(context, cl.mem_flags.READ_WRITE, 4 * 4096)
source = """__kernel void chain(__global float *x, int n) {
    float s = get_global_id(0);
    for (int i = 0; i < n; i++) s = s * 0.999f + 1;
    x[get_global_id(0)] = s;
}"""
chain = cl.Program(context, source).build().chain
chain(queue, (4096,), (64,), memory, numpy.int32(1)).wait()
for n in 1, 1_000, 100_000:
    before = time.perf_counter()
    event = chain(queue, (4096,), (64,), memory, numpy.int32(n))
    event.wait()
    took = time.perf_counter() - before
    stamps = event.profile.queued, event.profile.submit, event.profile.start, event.profile.end
    print(f"{n} steps: {took * 1e3:.2f} ms by the host's clock, stamps {stamps}")
END
# Mesa reads libclc's files from this folder only: it is laid over the machine's own, for this program alone.
unshare --map-root-user --mount sh -c '
    set -e
    mkdir -p /usr/lib/clc
    mount --bind "$1/debian/usr/lib/clc" /usr/lib/clc
    libraries=$2
    export OCL_ICD_VENDORS="$1/vendors" XDG_CACHE_HOME="$1/cache" RUSTICL_ENABLE=llvmpipe
    export LD_LIBRARY_PATH="$libraries:$1/debian/usr/lib/llvm-15/lib" GALLIUM_PIPE_SEARCH_DIR="$libraries/gallium-pipe"
    echo yes >ready
    exec venv/bin/python stamps.py' sh "$work" "$libraries" >seen 2>stamps.log || {
    [ -e ready ] || not_applicable "no folder can be laid over another: $(tail -n 1 stamps.log)"
    cat seen
    changed "the program ran: $(tail -n 1 stamps.log)"
}
cat seen
[ "$(grep -c 'stamps (0, 1, 2, 3)$' seen)" = 3 ] || changed "every command was stamped 0, 1, 2, 3"
grep -q 'timer resolution 0 ns' seen || changed "the timer's resolution was told as 0"
