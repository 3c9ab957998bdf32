//! What the host tells the kernels behind `kernels/conv/view.cl`, which explains the words.

/// The struct of view.cl, in its order.
#[derive(Clone, Copy, Debug, Default)]
pub struct View {
    pub m: usize,
    pub k: usize,
    pub slice: usize,
    pub lda: usize,
    pub a_first: usize,
    pub a_group: usize,
    pub a_image: usize,
    pub taps: usize,
    pub pixels: usize,
    pub limit: i32,
    pub blocks: usize,
    pub grid: [usize; 2],
    pub shift: [isize; 2],
    pub step: [usize; 2],
    pub b_width: usize,
    pub b_block: usize,
    pub b_group: usize,
    pub b_image: usize,
    pub b_line: usize,
    pub c_first: usize,
    pub c_group: usize,
    pub ldc: usize,
    pub c_block: usize,
    pub c_step: [usize; 2],
    pub c_slice: usize,
}

impl View {
    /// As the device has it. Distances in B become bytes.
    pub fn words(&self) -> Vec<i32> {
        let int = |size: usize| size as i32;
        let bytes = |elements: isize| (4 * elements) as u32 as i32;
        let b = |elements: usize| bytes(elements as isize);
        vec![
            int(self.m),
            int(self.k),
            int(self.slice),
            int(self.lda),
            int(self.a_first),
            int(self.a_group),
            int(self.a_image),
            int(self.taps),
            int(self.pixels),
            self.limit,
            int(self.blocks),
            int(self.grid[0]),
            int(self.grid[1]),
            place(self.shift),
            int(self.step[0]),
            int(self.step[1]),
            bytes(self.shift[0] * self.b_width as isize + self.shift[1]),
            b(self.b_width),
            b(self.b_block),
            b(self.b_group),
            b(self.b_image),
            b(self.b_line),
            int(self.c_first),
            int(self.c_group),
            int(self.ldc),
            int(self.c_block),
            int(self.c_step[0]),
            int(self.c_step[1]),
            int(self.c_slice),
        ]
    }

    /// Columns of C in a group.
    pub fn n(&self) -> usize {
        self.blocks * self.grid[0] * self.grid[1]
    }
}

/// A row and a column in one int.
pub fn place([row, column]: [isize; 2]) -> i32 {
    (row * 65536 + column) as i32
}
