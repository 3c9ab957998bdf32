//! A convolution or one of its gradients as a matrix product C = A B whose B is read out of images.

use super::view::{View, place};
use crate::error::{Error, Result};
use crate::terms::Conv;
use crate::workload::Pass;

/// A tap of a phase: where it lies in a filter, and the place it reads relative to a column's.
struct Tap {
    in_filter: usize,
    at: [isize; 2],
}

/// A pass as a product: a view for each phase, and what the kernels look up.
pub struct Product {
    /// One for each phase.
    pub views: Vec<View>,
    /// Groups of channels.
    pub groups: usize,
    /// Whether k runs through `depth` channels for each tap.
    pub tapwise: bool,
    /// Whether k runs over the pixels of images.
    pub pixels: bool,
    /// Whether some elements of B are outside the image.
    pub bounded: bool,
    /// Offsets in B, in elements, and places: for each k, each `depth` of k or each pixel.
    taps: Vec<(isize, i32)>,
    /// Where each k lies in the filters of a row, if they have to be put in the order of k.
    pub sources: Option<Vec<i32>>,
    /// From one row of A to the next and from group to group in filters that are not in order.
    pub filter_steps: [usize; 2],
    /// How much of k one turn of the kernel's loop takes, and how many taps past the last it looks at.
    pub depth: usize,
}

impl Product {
    /// The product of a pass. A kernel that can go through k by taps names the `depth` of its tiles.
    pub fn of(conv: &Conv, pass: Pass, depth: Option<usize>) -> Result<Product> {
        check_range(conv)?;
        let channels = if pass == Pass::Fprop { conv.group_c() } else { conv.group_k() };
        let tapwise = depth.filter(|d| pass != Pass::Wgrad && channels.is_multiple_of(*d));
        let mut product = Product {
            views: Vec::new(),
            groups: conv.groups,
            tapwise: tapwise.is_some(),
            pixels: pass == Pass::Wgrad,
            bounded: false,
            taps: Vec::new(),
            sources: None,
            filter_steps: [0, 0],
            depth: depth.unwrap_or(4),
        };
        match pass {
            Pass::Fprop => product.fprop(conv, tapwise),
            Pass::Dgrad => product.dgrad(conv, tapwise),
            Pass::Wgrad => product.wgrad(conv),
        }
        if product.views.len() * 4 * View::default().words().len() > 64 << 10 {
            return Err(Error::Unsupported(
                "the kernels take at most 564 phases of strides".into(),
            ));
        }
        Ok(product)
    }

    fn fprop(&mut self, conv: &Conv, depth: Option<usize>) {
        let (image_x, image_y) = (conv.h * conv.w, conv.p() * conv.q());
        let taps = conv.r * conv.s;
        let k = conv.group_c() * taps;
        let tap = |t: usize| Tap {
            in_filter: t,
            at: [
                (t / conv.s * conv.dilation[0]) as isize,
                (t % conv.s * conv.dilation[1]) as isize,
            ],
        };
        let view = View {
            m: conv.group_k(),
            k,
            lda: k,
            a_group: conv.group_k() * k,
            limit: place([conv.h as isize - 1, conv.w as isize - 1]),
            blocks: conv.n,
            grid: [conv.p(), conv.q()],
            shift: conv.pad.map(|pad| -(pad as isize)),
            step: conv.stride,
            b_width: conv.w,
            b_block: conv.c * image_x,
            b_group: conv.group_c() * image_x,
            b_line: image_x,
            c_group: conv.group_k() * image_y,
            ldc: image_y,
            c_block: conv.k * image_y,
            c_step: [conv.q(), 1],
            ..View::default()
        };
        self.filter_steps = [k, view.a_group];
        let sources = self.add(view, &(0..taps).map(tap).collect::<Vec<_>>(), taps, depth);
        if !sources.iter().enumerate().all(|(i, source)| i as i32 == *source) {
            self.order(sources);
        }
    }

    fn dgrad(&mut self, conv: &Conv, depth: Option<usize>) {
        let (image_x, image_y) = (conv.h * conv.w, conv.p() * conv.q());
        let all_taps = conv.r * conv.s;
        self.filter_steps = [all_taps, conv.group_k() * conv.group_c() * all_taps];
        let mut sources = Vec::new();
        let [stride_h, stride_w] = conv.stride;
        let phases = (0..stride_h.min(conv.h))
            .flat_map(|row| (0..stride_w.min(conv.w)).map(move |column| [row, column]));
        for phase in phases {
            let along = |axis: usize, size| phase_taps(conv, axis, size, phase[axis]);
            let (rows, columns) = (along(0, conv.r), along(1, conv.s));
            let tap = |(r, row): (usize, isize), (s, column): (usize, isize)| Tap {
                in_filter: r * conv.s + s,
                at: [row, column],
            };
            let in_row = |row| columns.iter().map(move |column| tap(row, *column));
            let taps: Vec<Tap> = rows.iter().flat_map(|row| in_row(*row)).collect();
            let view = View {
                m: conv.group_c(),
                k: conv.group_k() * taps.len(),
                limit: place([conv.p() as isize - 1, conv.q() as isize - 1]),
                blocks: conv.n,
                grid: [
                    (conv.h - phase[0]).div_ceil(stride_h),
                    (conv.w - phase[1]).div_ceil(stride_w),
                ],
                step: [1, 1],
                b_width: conv.q(),
                b_block: conv.k * image_y,
                b_group: conv.group_k() * image_y,
                b_line: image_y,
                c_first: phase[0] * conv.w + phase[1],
                c_group: conv.group_c() * image_x,
                ldc: image_x,
                c_block: conv.c * image_x,
                c_step: [stride_h * conv.w, stride_w],
                ..View::default()
            };
            sources.extend(self.add(view, &taps, conv.group_c() * all_taps, depth));
        }
        self.order(sources);
    }

    fn wgrad(&mut self, conv: &Conv) {
        let (image_x, image_y) = (conv.h * conv.w, conv.p() * conv.q());
        let taps = conv.r * conv.s;
        let row = |p: usize| (p * conv.stride[0]) as isize - conv.pad[0] as isize;
        let column = |q: usize| (q * conv.stride[1]) as isize - conv.pad[1] as isize;
        let view = View {
            m: conv.group_k(),
            k: conv.n * image_y,
            lda: image_y,
            a_group: conv.group_k() * image_y,
            a_image: conv.k * image_y,
            pixels: image_y,
            limit: place([conv.h as isize - 1, conv.w as isize - 1]),
            blocks: conv.group_c(),
            grid: [conv.r, conv.s],
            step: conv.dilation,
            b_width: conv.w,
            b_block: image_x,
            b_group: conv.group_c() * image_x,
            b_image: conv.c * image_x,
            c_group: conv.group_k() * conv.group_c() * taps,
            ldc: conv.group_c() * taps,
            c_block: taps,
            c_step: [conv.s, 1],
            ..View::default()
        };
        let places = (0..image_y).map(|i| [row(i / conv.q()), column(i % conv.q())]);
        self.taps = places.map(|at| (at[0] * conv.w as isize + at[1], place(at))).collect();
        let last = [row(conv.p() - 1), column(conv.q() - 1)];
        self.bounded = reaches_out(&view, &[[row(0), column(0)], last]);
        self.views.push(view);
    }

    /// Adds a phase with its taps, and returns where each of its k lies in the filters of a row;
    /// `channel` is the distance of channels there.
    fn add(&mut self, view: View, taps: &[Tap], channel: usize, depth: Option<usize>) -> Vec<i32> {
        let at: Vec<_> = taps.iter().map(|tap| tap.at).collect();
        self.bounded |= reaches_out(&view, &at);
        let first = self.taps.len();
        let depth_or_one = depth.unwrap_or(1);
        let mut sources = Vec::with_capacity(view.k);
        for from in (0..view.k / taps.len().max(1)).step_by(depth_or_one) {
            for tap in taps {
                let in_image = tap.at[0] * view.b_width as isize + tap.at[1];
                let offset = (from * view.b_line) as isize + in_image;
                self.taps.push((offset, place(tap.at)));
                let channels = from..from + depth_or_one;
                sources.extend(channels.map(|c| (c * channel + tap.in_filter) as i32));
            }
        }
        self.views.push(View { taps: first, ..view });
        sources
    }

    /// Has the filters put in the order of k, rows filled up to whole vectors.
    fn order(&mut self, sources: Vec<i32>) {
        let mut first = 0;
        for view in &mut self.views {
            view.lda = view.k.next_multiple_of(4);
            view.a_first = first;
            view.a_group = view.m * view.lda;
            first += self.groups * view.a_group;
        }
        self.sources = Some(sources);
    }

    /// Elements of the filters in the order of k.
    pub fn ordered_len(&self) -> usize {
        self.views.iter().map(|view| self.groups * view.a_group).sum()
    }

    /// The views as a table.
    pub fn view_table(&self) -> Vec<i32> {
        self.views.iter().flat_map(View::words).collect()
    }

    /// The taps as a table.
    pub fn tap_table(&self) -> Vec<i32> {
        let pair = |(offset, place): &(isize, i32)| [(4 * offset) as u32 as i32, *place];
        let mut table: Vec<i32> = self.taps.iter().flat_map(pair).collect();
        table.resize(table.len() + 2 * self.depth, 0);
        table
    }

    /// The largest number of columns of a phase.
    pub fn n(&self) -> usize {
        self.views.iter().map(View::n).max().unwrap_or(0)
    }

    /// The longest sum.
    pub fn k(&self) -> usize {
        self.views.iter().map(|view| view.k).max().unwrap_or(0)
    }

    /// Whether A can be read four k at a time.
    pub fn a_in_fours(&self) -> bool {
        self.views.iter().all(|v| fours(&[v.lda, v.a_first, v.a_group, v.a_image, v.pixels]))
    }

    /// Whether B can be read four elements at a time, along k if it runs over pixels.
    pub fn b_in_fours(&self) -> bool {
        let aligned = |v: &View| {
            fours(&[v.b_block, v.b_group, v.b_image, v.b_line])
                && if self.pixels {
                    fours(&[v.pixels])
                        && (v.grid[0] == 1 || fours(&[v.step[0] * v.b_width]))
                        && (v.grid[1] == 1 || fours(&[v.step[1]]))
                        && self.taps.chunks(4).all(is_run_of_four)
                } else {
                    v.step == [1, 1]
                        && v.shift == [0, 0]
                        && v.grid[1] == v.b_width
                        && fours(&[v.grid[0] * v.grid[1]])
                        && self.taps.iter().all(|tap| tap.0 % 4 == 0)
                }
        };
        !self.bounded && (self.tapwise || self.pixels) && self.views.iter().all(aligned)
    }

    /// Whether C can be written four columns at a time.
    pub fn c_in_fours(&self) -> bool {
        self.views.iter().all(|v| {
            v.c_step == [v.grid[1], 1]
                && fours(&[v.grid[0] * v.grid[1], v.c_first, v.c_group, v.ldc, v.c_block])
        })
    }

    /// Shares the sums out over `slices` whose lengths are multiples of the depth, with results
    /// `c_slice` apart. Returns how many there are then.
    pub fn cut(&mut self, slices: usize, c_slice: usize) -> usize {
        let length = self.k().div_ceil(slices).next_multiple_of(self.depth).max(self.depth);
        for view in &mut self.views {
            view.slice = length;
            view.c_slice = c_slice;
        }
        self.k().div_ceil(length).max(1)
    }
}

/// Whether every number is a multiple of four.
fn fours(numbers: &[usize]) -> bool {
    numbers.iter().all(|number| number.is_multiple_of(4))
}

/// Whether four entries begin at a multiple of four elements and lie side by side.
fn is_run_of_four(taps: &[(isize, i32)]) -> bool {
    taps[0].0 % 4 == 0 && taps.windows(2).all(|pair| pair[1].0 == pair[0].0 + 1)
}

/// Whether a tap at one of these places of some column is outside the image.
fn reaches_out(view: &View, taps: &[[isize; 2]]) -> bool {
    let size = [(view.limit >> 16) as isize, (view.limit & 0xffff) as isize];
    (0..2).any(|axis| {
        let last = view.shift[axis] + ((view.grid[axis] - 1) * view.step[axis]) as isize;
        taps.iter().any(|tap| view.shift[axis] + tap[axis] < 0 || last + tap[axis] > size[axis])
    })
}

/// The taps, of `size` along an axis, that a pixel of dx of this phase takes part in, and the place
/// in dy relative to the pixel's number in the phase.
fn phase_taps(conv: &Conv, axis: usize, size: usize, phase: usize) -> Vec<(usize, isize)> {
    let stride = conv.stride[axis] as isize;
    let reach = (phase + conv.pad[axis]) as isize;
    (0..size)
        .map(|tap| (tap, reach - (tap * conv.dilation[axis]) as isize))
        .filter(|(_, at)| at.rem_euclid(stride) == 0)
        .map(|(tap, at)| (tap, at.div_euclid(stride)))
        .collect()
}

/// Whether offsets and places are within what the kernels compute with.
fn check_range(conv: &Conv) -> Result<()> {
    let unsupported = |what: &str| Err(Error::Unsupported(what.into()));
    if [conv.x_len(), conv.f_len(), conv.y_len()].iter().any(|len| *len >= 1 << 30) {
        return unsupported("the kernels take operands of less than 2^30 elements");
    }
    let reach = [conv.h + 2 * conv.pad[0], conv.w + 2 * conv.pad[1]];
    if reach.iter().any(|size| *size >= 1 << 15) {
        return unsupported("the kernels take images of less than 2^15 rows and columns");
    }
    Ok(())
}
