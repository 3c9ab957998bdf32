#!/bin/sh
# Two functions that are said to be identical round f64 to f16 differently, and each is wrong where the other is right.
#
# Guess: f16::from_f64 rounds to nearest even, and f16::from_f64_const is the same function without the instruction.
# Seen:  on an x86 CPU with F16C, from_f64 rounds twice, to f32 and then to f16: what lies just under a tie is rounded up,
#        so that 65519.999999999, which is 65504 in f16, becomes infinite. from_f64_const drops the lower 32 bits before
#        it rounds: what lies just over a tie counts as one. bf16::from_f64 does the latter on every CPU.
# With:  half 2.7.1, Rust 1.95, 2026-11-30.

. "$(dirname "$0")/common.sh"
grep -qsw f16c /proc/cpuinfo || not_applicable "the CPU has no F16C"
crate half=2.7.1

cat >crate/src/main.rs <<'END'
use half::{bf16, f16};

fn main() {
    let bit = |places: i32| 2f64.powi(-places);
    for (what, value, right) in [
        ("just over a tie", 1.0 + bit(11) + bit(40), 1.0 + bit(10)),
        ("just under a tie", 1.0 + 3.0 * bit(11) - bit(40), 1.0 + bit(10)),
        ("just under the limit", 65519.999999999, 65504.0),
    ] {
        let (told, constant) = (f16::from_f64(value).to_f64(), f16::from_f64_const(value).to_f64());
        println!("f16, {what}: right {right}, from_f64 {told}, from_f64_const {constant}");
    }
    println!("bf16, just over a tie: right {}, from_f64 {}", 1.0 + bit(7), bf16::from_f64(1.0 + bit(8) + bit(40)).to_f64());
}
END
(cd crate && cargo run --quiet) >seen || not_applicable "the program cannot be built or run"
cat seen
grep -q '^f16, just over a tie: right 1.0009765625, from_f64 1, from_f64_const 1$' seen || changed "both dropped what lies over a tie"
grep -q '^f16, just under a tie: right 1.0009765625, from_f64 1.001953125, from_f64_const 1.0009765625$' seen ||
    changed "from_f64 rounded twice"
grep -q '^f16, just under the limit: right 65504, from_f64 inf, from_f64_const 65504$' seen || changed "from_f64 told infinity"
grep -q '^bf16, just over a tie: right 1.0078125, from_f64 1$' seen || changed "bf16 dropped what lies over a tie"
