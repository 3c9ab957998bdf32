//! Groups of very few filters, as those of depthwise convolutions: vectors run along the pixels, and every
//! tap of a filter is a dot product of dy with the image from that tap's place on.

use super::dots_plan::{DotsPlan, TAPS};
use crate::backend::cpu::conv::engine::{Rounds, Scratch, Task, Tensors};
use crate::backend::cpu::share::even_part;
use crate::backend::cpu::simd::{MOST_LANES, Vector, first};

/// A [`DotsPlan`] with its table. The first round computes the dot products of all cells, a vector of
/// sums each; the second adds up the lanes and the parts of the pixels. The shared scratch holds the sums:
/// `[part of the chunks][filters][lanes]`.
pub(super) struct Dots {
    plan: DotsPlan,
    /// Where each tap sees the first pixel, in floats from the start of an image's copy.
    taps: Vec<usize>,
}

impl Rounds for Dots {
    fn lengths(&self) -> [usize; 3] {
        self.plan.product.lengths()
    }

    fn scratch(&self) -> Scratch {
        self.plan.scratch()
    }

    fn tasks(&self, round: usize) -> Option<usize> {
        [self.plan.cells(), self.plan.threads()].get(round).copied()
    }

    #[inline(always)]
    unsafe fn run<V: Vector>(&self, Task { tensors, round, number, local }: Task<'_>) {
        // SAFETY: the caller's.
        unsafe {
            if round == 0 {
                self.cell::<V>(tensors, number, local.as_mut_ptr());
            } else {
                self.totals::<V>(tensors, number);
            }
        }
    }
}

impl Dots {
    pub fn new(plan: DotsPlan) -> Dots {
        Dots { taps: plan.phases.taps(&plan.product), plan }
    }

    /// Sums up a cell, with copies of dy and of an image in `pixels`.
    ///
    /// # Safety
    /// That of [`Rounds::run`] holds, in the first round.
    #[inline(always)]
    unsafe fn cell<V: Vector>(&self, tensors: &Tensors<'_>, index: usize, pixels: *mut f32) {
        let (plan, product) = (&self.plan, &self.plan.product);
        let [channel_parts, chunk_parts] = plan.parts;
        let group = index / (channel_parts * chunk_parts);
        let channels =
            even_part(product.channels, channel_parts, index / chunk_parts % channel_parts);
        let chunk_part = index % chunk_parts;
        let image = pixels.wrapping_add(plan.copies()[0]);
        let chunks = even_part(plan.chunks.count(), chunk_parts, chunk_part);
        for c in chunks.clone() {
            let chunk = plan.chunks.get(c);
            let images = chunk.image..chunk.image + chunk.images;
            // SAFETY: the caller's; copies are as long as the plan says and this task's alone; so
            // are the sums of a cell's filters and part of the chunks.
            unsafe {
                for filter in 0..product.columns {
                    for (i, n) in images.clone().enumerate() {
                        let channel = (n * product.groups + group) * product.columns + filter;
                        let from = tensors.a.as_ptr().add(channel * product.plane());
                        let to = pixels.add((filter * chunk.images + i) * plan.pixels_len());
                        plan.phases.pack_pixels::<V>(product, &chunk, from, to);
                    }
                }
                for channel in channels.clone() {
                    for (i, n) in images.clone().enumerate() {
                        let channel = (n * product.groups + group) * product.channels + channel;
                        let from = tensors.b.as_ptr().add(channel * product.image_len());
                        let to = image.add(i * plan.phases.len());
                        plan.phases.pack_image::<V>(product, &chunk, from, to);
                    }
                    for filter in 0..product.columns {
                        let place = (group * product.columns + filter) * product.channels + channel;
                        let place = chunk_part * plan.filters() + place * self.taps.len();
                        let copies = Copies {
                            images: chunk.images,
                            span: plan.phases.span(&chunk),
                            pixels: pixels.add(filter * chunk.images * plan.pixels_len()),
                            pixels_len: plan.pixels_len(),
                            image,
                            image_len: plan.phases.len(),
                        };
                        let sums = tensors.shared.at(place * V::LANES);
                        copies.dots::<V>(&self.taps, sums, c > chunks.start);
                    }
                }
            }
        }
    }

    /// Adds up the parts of the chunks and then the lanes of each sum, for this task's share of the gradient.
    ///
    /// # Safety
    /// That of [`Rounds::run`] holds, in the second round.
    #[inline(always)]
    unsafe fn totals<V: Vector>(&self, tensors: &Tensors<'_>, task: usize) {
        let plan = &self.plan;
        let filters = plan.filters();
        let share = even_part(filters, plan.threads(), task);
        for at in share.clone().step_by(V::LANES) {
            let numbers = V::LANES.min(share.end - at);
            // SAFETY: the caller's; the sums have a vector for each number of the filters and each
            // part, and this task alone writes its share of the filters.
            unsafe {
                let mut square = [V::splat(0.0); MOST_LANES];
                let square = &mut square[..V::LANES];
                for (i, line) in square.iter_mut().enumerate().take(numbers) {
                    for chunk_part in 0..plan.parts[1] {
                        let place = (chunk_part * filters + at + i) * V::LANES;
                        *line = line.add(V::load(tensors.shared.at(place)));
                    }
                }
                V::transpose(square);
                let mut total = square[0];
                for line in &square[1..] {
                    total = total.add(*line);
                }
                total.store_masked(tensors.out.at(at), first(numbers));
            }
        }
    }
}

/// The copies of a chunk of one filter of dy and one channel of the images.
#[derive(Clone, Copy)]
struct Copies {
    images: usize,
    /// Floats from the first pixel of an image to the last.
    span: usize,
    pixels: *const f32,
    /// Floats from one image of the copy of dy to the next.
    pixels_len: usize,
    image: *const f32,
    /// Floats from one copied image to the next.
    image_len: usize,
}

impl Copies {
    /// Writes the dot products of all taps to `sums`, or with `add` adds them to it: of each tap a vector whose
    /// lanes are still to be added up. `taps` are the floats from the start of an image to what each tap
    /// multiplies the first pixel with.
    ///
    /// # Safety
    /// The CPU has the vector's instructions. In every copied image `span` floats may be read from each tap on,
    /// as in every image of the copy of dy from its start on. `sums` has a vector for each tap, which may be
    /// written, and read if `add`.
    #[inline(always)]
    unsafe fn dots<V: Vector>(&self, taps: &[usize], sums: *mut f32, add: bool) {
        for (i, taps) in taps.chunks(TAPS).enumerate() {
            // SAFETY: the caller's.
            unsafe {
                let sums = sums.add(i * TAPS * V::LANES);
                match taps.len() {
                    1 => self.some::<V, 1>(taps, sums, add),
                    2 => self.some::<V, 2>(taps, sums, add),
                    3 => self.some::<V, 3>(taps, sums, add),
                    4 => self.some::<V, 4>(taps, sums, add),
                    5 => self.some::<V, 5>(taps, sums, add),
                    6 => self.some::<V, 6>(taps, sums, add),
                    7 => self.some::<V, 7>(taps, sums, add),
                    8 => self.some::<V, 8>(taps, sums, add),
                    _ => self.some::<V, TAPS>(taps, sums, add),
                }
            }
        }
    }

    /// [`Copies::dots`] of a known number of taps.
    ///
    /// # Safety
    /// That of [`Copies::dots`] holds.
    #[inline(always)]
    unsafe fn some<V: Vector, const N: usize>(&self, taps: &[usize], to: *mut f32, add: bool) {
        let whole = self.span / V::LANES * V::LANES;
        let mask = first(self.span - whole);
        // SAFETY: the caller's; the mask ends with the last pixel.
        unsafe {
            let zero = V::splat(0.0);
            let mut sums = [zero; N];
            for image in 0..self.images {
                let pixels = self.pixels.add(image * self.pixels_len);
                let mut from = [self.image; N];
                for (from, tap) in from.iter_mut().zip(taps) {
                    *from = self.image.add(image * self.image_len + tap);
                }
                for at in (0..whole).step_by(V::LANES) {
                    let pixels = V::load(pixels.add(at));
                    for (sum, from) in sums.iter_mut().zip(&from) {
                        *sum = sum.add_product(pixels, V::load(from.add(at)));
                    }
                }
                let pixels = zero.load_masked(pixels.wrapping_add(whole), mask);
                for (sum, from) in sums.iter_mut().zip(&from) {
                    let numbers = zero.load_masked(from.wrapping_add(whole), mask);
                    *sum = sum.add_product(pixels, numbers);
                }
            }
            for (i, sum) in sums.iter().enumerate() {
                let to = to.add(i * V::LANES);
                if add { sum.add(V::load(to)).store(to) } else { sum.store(to) }
            }
        }
    }
}
