//! From an image to the matrix of all that its filters see, and back.

use std::ops::Range;

use rayon::prelude::*;

use crate::terms::Conv;

/// A stretch of an image's output pixels, and whether several threads work on its matrix.
#[derive(Clone, Debug)]
pub(super) struct Strip {
    pub pixels: Range<usize>,
    pub is_shared: bool,
}

impl Strip {
    /// The pixels of row p, as columns, that belong to the strip.
    fn columns(&self, conv: &Conv, p: usize) -> Range<usize> {
        let (q, first) = (conv.q(), p * conv.q());
        let end = self.pixels.end.saturating_sub(first).min(q);
        self.pixels.start.saturating_sub(first).min(end)..end
    }

    /// The rows that have pixels of the strip.
    fn rows(&self, conv: &Conv) -> Range<usize> {
        self.pixels.start / conv.q()..self.pixels.end.div_ceil(conv.q())
    }

    /// Does `work` for each part of that length, with its number.
    fn each(&self, all: &mut [f32], len: usize, work: impl Fn(usize, &mut [f32]) + Sync) {
        if self.is_shared {
            all.par_chunks_mut(len).enumerate().for_each(|(i, part)| work(i, part));
        } else {
            all.chunks_mut(len).enumerate().for_each(|(i, part)| work(i, part));
        }
    }

    /// Fills `matrix`, `[channel][r][s][pixels]`, from the channels in `image`: zero where the tap
    /// of a pixel lies in the pad.
    pub fn unfold(&self, conv: &Conv, image: &[f32], matrix: &mut [f32]) {
        self.each(matrix, self.pixels.len(), |index, line| {
            let (s, r) = (index % conv.s, index / conv.s % conv.r);
            let channel = &image[index / conv.s / conv.r * conv.h * conv.w..][..conv.h * conv.w];
            self.unfold_tap(conv, channel, [r, s], line);
        });
    }

    fn unfold_tap(&self, conv: &Conv, channel: &[f32], [r, s]: [usize; 2], mut line: &mut [f32]) {
        let (rows, columns) = (conv.rows(), conv.columns());
        let (inside_rows, inside) = (rows.inside(r), columns.inside(s));
        for p in self.rows(conv) {
            let here = self.columns(conv, p);
            let (to, rest) = line.split_at_mut(here.len());
            line = rest;
            let start = inside.start.clamp(here.start, here.end);
            let end = inside.end.clamp(start, here.end);
            if !inside_rows.contains(&p) || start == end {
                to.fill(0.0);
                continue;
            }
            let from = &channel[rows.at(p, r) * conv.w..][..conv.w];
            let from = &from[columns.at(start, s)..=columns.at(end - 1, s)];
            let (before, to) = to.split_at_mut(start - here.start);
            let (to, after) = to.split_at_mut(end - start);
            before.fill(0.0);
            after.fill(0.0);
            if columns.stride == 1 {
                to.copy_from_slice(from);
            } else {
                let from = from.iter().step_by(columns.stride);
                to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
            }
        }
    }

    /// Adds `matrix`, as of [`Strip::unfold`], to the channels in `image`. Every channel gathers what
    /// belongs to it, in the same order whoever does it.
    pub fn fold(&self, conv: &Conv, matrix: &[f32], image: &mut [f32]) {
        let taps = conv.r * conv.s;
        self.each(image, conv.h * conv.w, |c, channel| {
            for tap in 0..taps {
                let line = &matrix[(c * taps + tap) * self.pixels.len()..][..self.pixels.len()];
                self.fold_tap(conv, line, [tap / conv.s, tap % conv.s], channel);
            }
        });
    }

    fn fold_tap(&self, conv: &Conv, mut line: &[f32], [r, s]: [usize; 2], channel: &mut [f32]) {
        let (rows, columns) = (conv.rows(), conv.columns());
        let (inside_rows, inside) = (rows.inside(r), columns.inside(s));
        for p in self.rows(conv) {
            let here = self.columns(conv, p);
            let (from, rest) = line.split_at(here.len());
            line = rest;
            let start = inside.start.clamp(here.start, here.end);
            let end = inside.end.clamp(start, here.end);
            if !inside_rows.contains(&p) || start == end {
                continue;
            }
            let to = &mut channel[rows.at(p, r) * conv.w..][..conv.w];
            let to = &mut to[columns.at(start, s)..=columns.at(end - 1, s)];
            let from = &from[start - here.start..end - here.start];
            if columns.stride == 1 {
                to.iter_mut().zip(from).for_each(|(to, from)| *to += from);
            } else {
                let to = to.iter_mut().step_by(columns.stride);
                to.zip(from).for_each(|(to, from)| *to += from);
            }
        }
    }
}
