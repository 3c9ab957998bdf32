//! `conv-fprop`, `conv-dgrad`, `conv-wgrad`: a 2-d convolution and its two gradients.

mod geometry;

pub use geometry::Conv;
