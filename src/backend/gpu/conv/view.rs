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
        let first = self.shift[0] * self.b_width as isize + self.shift[1];
        let a = [self.m, self.k, self.slice, self.lda, self.a_first, self.a_group, self.a_image];
        let b = [self.b_width, self.b_block, self.b_group, self.b_image, self.b_line];
        let c = [self.c_first, self.c_group, self.ldc, self.c_block];
        [
            &a.map(int)[..],
            &[int(self.taps), int(self.pixels), self.limit, int(self.blocks)],
            &self.grid.map(int),
            &[place(self.shift)],
            &self.step.map(int),
            &[bytes(first)],
            &b.map(|elements| bytes(elements as isize)),
            &c.map(int),
            &self.c_step.map(int),
            &[int(self.c_slice)],
        ]
        .concat()
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
