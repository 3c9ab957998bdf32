"""Tests of the table's figures: `python3 tools/gpu_static/tests.py`, in the root of the repository. The
last class plants faults in real kernels and needs the compilers."""

import unittest
from pathlib import Path
from types import SimpleNamespace

import compiler
import floors
import instructions
import loop as loops
from compiler import Function
from measure import group_size, measure
from targets import TARGETS

TARGET = {target.name: target for target in TARGETS}


def function(text):
    """A function of these lines, labels ending in a colon."""
    lines = [line.strip() for line in text.strip().splitlines()]
    made = Function("f", registers=1, spilled=0, stack_bytes=0, local_bytes=0)
    made.lines = [("label", l[:-1]) if l.endswith(":") else ("code", l) for l in lines]
    return made


class Instructions(unittest.TestCase):
    def test_widths(self):
        for text, maker, kind, width in (
            ("LDG.E.128.CONSTANT R4, [R2.64]", "nvidia", "load", 128),
            ("@!P0 LDS.64 R4, [R2]", "nvidia", "local_load", 64),
            ("STS [R1], R2", "nvidia", "local_store", 32),
            ("STL [R1], R2", "nvidia", "spill", 0),
            ("global_load_dwordx4 v[0:3], v4, s[2:3]", "amd", "load", 128),
            ("ds_read2_b64 v[0:3], v4 offset1:1", "amd", "local_load", 128),
            ("ds_read2st64_b32 v[0:1], v4 offset1:1", "amd", "local_load", 64),
            ("ds_load_b128 v[0:3], v4", "amd", "local_load", 128),
            ("buffer_store_dword v1, off, s[0:3], 0 offset:4", "amd", "spill", 0),
            ("scratch_load_b32 v1, off, off", "amd", "spill", 0),
        ):
            found = instructions.of(text, maker)
            self.assertEqual((found.kind, found.width), (kind, width), text)

    def test_multiply_adds(self):
        for text, fma in (
            ("v_fmac_f32_e32 v0, v1, v2", 1),
            ("v_pk_fma_f32 v[0:1], v[2:3], v[4:5], v[0:1]", 2),
            ("v_dual_fmac_f32 v0, v1, v2 :: v_dual_fmac_f32 v3, v4, v5", 2),
            ("v_dual_mov_b32 v0, v1 :: v_dual_fmac_f32 v3, v4, v5", 1),
            ("v_mul_f32_e32 v0, v1, v2", 0),
        ):
            self.assertEqual(instructions.of(text, "amd").fma, fma, text)

    def test_jumps(self):
        for text, goes_on in (
            ("BRA `(.L_x_1)", False),
            ("@P0 BRA `(.L_x_1)", True),
            ("@!P1 CALL.REL.NOINC `(.L_x_0)", True),
            ("BRA.U UP0, `(.L_x_1)", True),
            ("EXIT", False),
            ("@P0 EXIT", True),
        ):
            self.assertEqual(instructions.of(text, "nvidia").goes_on, goes_on, text)


class Loops(unittest.TestCase):
    def test_the_loop_with_a_barrier_is_the_main_one(self):
        found = loops.main_loop(function("""
            .L_x_0:
            FFMA R1, R2, R3, R1
            FFMA R1, R2, R3, R1
            FFMA R1, R2, R3, R1
            @P0 BRA `(.L_x_0)
            .L_x_1:
            @!P1 BRA `(.L_x_2)
            LDG.E.128 R8, [R4.64]
            .L_x_2:
            BAR.SYNC 0x0
            FFMA R1, R2, R3, R1
            STS.128 [R5], R8
            FFMA R1, R2, R3, R1
            @P0 BRA `(.L_x_1)
            EXIT"""), "nvidia")
        self.assertEqual((found.fma, found.count, found.barriers), (2, 7, 1))
        self.assertEqual(found.loads, {128: 1})
        # One of two multiply-adds lies between the load and the store of its value.
        self.assertEqual(found.distance, 0.5)

    def test_a_wait_for_all_loads_ends_the_distance(self):
        text = """
            .LBB0_1:
            s_barrier
            global_load_dwordx4 v[8:11], v1, s[0:1]
            {early}
            v_fmac_f32_e32 v0, v1, v2
            v_fmac_f32_e32 v0, v1, v2
            {late}
            ds_write_b128 v3, v[8:11]
            s_cbranch_scc1 .LBB0_1
            s_endpgm"""
        wait = "s_waitcnt vmcnt(0)"
        late = loops.main_loop(function(text.format(early="s_nop 0", late=wait)), "amd")
        early = loops.main_loop(function(text.format(early=wait, late="s_nop 0")), "amd")
        self.assertEqual((late.distance, early.distance), (1.0, 0.0))
        self.assertEqual(late.vector_share, 1.0)

    def test_no_loop(self):
        self.assertIsNone(loops.main_loop(function("FFMA R1, R2, R3, R1\nEXIT"), "nvidia"))


class Occupancy(unittest.TestCase):
    def test_registers_and_memory_limit_it(self):
        for name, registers, local, items, groups in (
            ("sm_80", 128, 0, 256, 2),
            ("sm_80", 129, 0, 256, 1),
            ("sm_75", 64, 32768, 256, 2),
            ("sm_75", 64, 33280, 256, 1),
            ("gfx906", 114, 33280, 256, 1),
            ("gfx90a", 122, 16640, 256, 3),
            ("gfx1030", 110, 16640, 256, 4),
            ("gfx1100", 114, 16640, 256, 6),
        ):
            found = TARGET[name].occupancy(registers, local, items)
            self.assertEqual(found, groups, (name, registers, local))

    def test_group_sizes(self):
        self.assertEqual(group_size({"TM": "128", "TN": "64", "WM": "8", "WN": "8"}), 128)
        self.assertEqual(group_size({"LX": "16", "LY": "8", "WM": "8", "WN": "4"}), 128)
        self.assertEqual(group_size({"WG": "256"}), 256)


SPILLS = """
__kernel void f(__global float *x, const int n) {
    float v[400];
    for (int i = 0; i < 400; ++i) v[i] = x[i * n];
    barrier(CLK_GLOBAL_MEM_FENCE);
    for (int j = 0; j < n; ++j)
        for (int i = 0; i < 400; ++i) v[i] = v[i] * v[(i * 7 + 1) % 400] + x[j];
    for (int i = 0; i < 400; ++i) x[i * n] = v[i];
}"""


@unittest.skipIf(compiler.missing(), f"not installed: {compiler.missing()}")
class PlantedFaults(unittest.TestCase):
    def rows(self, target, name, source, options=""):
        klass = TARGET[target].klass
        build = {"class": klass, "name": name, "source": source, "options": options}
        return measure(build, TARGET[target])

    def test_a_spill_is_found(self):
        for target in ("sm_80", "gfx1030"):
            row, = self.rows(target, "planted", SPILLS)
            self.assertTrue(any("spills" in what for what in floors.missed(row)), target)

    def test_what_does_not_compile_is_found(self):
        for target in ("sm_80", "gfx1030"):
            with self.assertRaises(compiler.Failed):
                self.rows(target, "planted", "__kernel void f() { unheard_of(); }")

    def test_narrow_accesses_and_late_loads_are_found(self):
        files = ("number.cl", "tile.cl", "gemm/product.cl", "gemm/local.cl")
        source = "".join(Path("kernels", file).read_text() for file in files)
        good = "TA=0 TB=0 TM=128 TN=128 TK=16 WM=8 WN=8 VA=4 VB=4 VC=4 DB=2 PADA=0 PADB=0"
        good += " PREFETCH_BEFORE_BARRIER=1 RESTRICT="
        for change, what in (
            ("", None),
            ("VB=4 VB=1", "global loads"),
            ("BARRIER=1 BARRIER=0", "prefetch distance"),
            ("DB=2 DB=0", None),
            ("WM=8 WM=4", "local loads"),
        ):
            old, _, new = change.partition(" ")
            options = " ".join(f"-D {one}" for one in good.replace(old, new).split())
            row, = self.rows("sm_80", "gemm local aligned", source, options)
            missed = floors.missed(row)
            if what is None:
                self.assertEqual(missed, [], change)
            elif what == "local loads":
                # Fewer sums an item have a lower floor of their own.
                self.assertFalse(any(what in one for one in missed), missed)
            else:
                self.assertTrue(any(what in one for one in missed), (change, missed))

    def test_the_scalar_accesses_of_a_stream_are_found(self):
        source = "__kernel void f(__global float *x) { const uint i = get_local_id(0); x[i] = 2 * x[i]; }"
        row, = self.rows("sm_80", "stream-scale", source)
        self.assertEqual(len(floors.missed(row)), 2)
        self.assertEqual(floors.missed(SimpleNamespace(**{**vars(row), "widest": {"load": 128}})), [])


if __name__ == "__main__":
    unittest.main()
