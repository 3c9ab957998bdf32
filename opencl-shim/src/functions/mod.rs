//! Every function that `cl-sys` declares, whatever its features.
#![allow(non_snake_case, reason = "the names are those of the C functions")]

pub(crate) mod enqueue;
pub(crate) mod gl;
pub(crate) mod memory;
pub(crate) mod platform;
pub(crate) mod program;
