//! Tensors in blocks of channels.

/// Images whose channels lie in blocks, `[image][block][pixel][channel of the block]`. What fills up
/// the last block is zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blocks {
    pub images: usize,
    pub channels: usize,
    /// Of one channel.
    pub pixels: usize,
    /// Channels of a block.
    pub block: usize,
}

impl Blocks {
    /// Blocks as long as a vector, or all channels if there are fewer.
    pub fn new(images: usize, channels: usize, pixels: usize, lanes: usize) -> Blocks {
        Blocks { images, channels, pixels, block: lanes.min(channels) }
    }

    /// Blocks of an image.
    pub fn count(&self) -> usize {
        self.channels.div_ceil(self.block)
    }

    /// Floats of a block.
    pub fn block_len(&self) -> usize {
        self.pixels * self.block
    }

    /// Floats of an image.
    pub fn image_len(&self) -> usize {
        self.count() * self.block_len()
    }

    /// Floats of the tensor.
    pub fn len(&self) -> usize {
        self.images * self.image_len()
    }

    /// Where the first pixel of a channel lies.
    fn place(&self, image: usize, channel: usize) -> usize {
        let (block, lane) = (channel / self.block, channel % self.block);
        image * self.image_len() + block * self.block_len() + lane
    }

    /// From NCHW.
    pub fn fill(&self, from: &[f32], to: &mut [f32]) {
        assert_eq!((from.len(), to.len()), (self.plain_len(), self.len()));
        to.fill(0.0);
        for (index, pixels) in from.chunks_exact(self.pixels).enumerate() {
            let place = self.place(index / self.channels, index % self.channels);
            for (pixel, to) in pixels.iter().zip(to[place..].iter_mut().step_by(self.block)) {
                *to = *pixel;
            }
        }
    }

    /// To NCHW. The next layer would read what fills up a block: where that is not zero, the last
    /// channel's pixel is no number.
    pub fn read(&self, from: &[f32], to: &mut [f32]) {
        assert_eq!((from.len(), to.len()), (self.len(), self.plain_len()));
        for (index, pixels) in to.chunks_exact_mut(self.pixels).enumerate() {
            let channel = index % self.channels;
            let place = self.place(index / self.channels, channel);
            let rest = if channel + 1 == self.channels { self.rest() } else { 0 };
            for (pixel, from) in pixels.iter_mut().zip(from[place..].chunks(self.block)) {
                let is_zero = from[1..].iter().take(rest).all(|x| *x == 0.0);
                *pixel = if is_zero { from[0] } else { f32::NAN };
            }
        }
    }

    /// Floats of the tensor in NCHW.
    pub fn plain_len(&self) -> usize {
        self.images * self.channels * self.pixels
    }

    /// Lanes of the last block that are no channels.
    fn rest(&self) -> usize {
        self.count() * self.block - self.channels
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(len: usize) -> Vec<f32> {
        (1..=len).map(|x| x as f32).collect()
    }

    #[test]
    fn channels_lie_in_blocks() {
        // 2 images of 3 channels and 2 pixels.
        let blocks = Blocks::new(2, 3, 2, 2);
        let mut to = vec![9.0; blocks.len()];
        blocks.fill(&numbers(12), &mut to);
        let image = |x: f32| [x, x + 2.0, x + 1.0, x + 3.0, x + 4.0, 0.0, x + 5.0, 0.0];
        assert_eq!(to, [image(1.0), image(7.0)].concat());
    }

    #[test]
    fn what_is_filled_is_read_again() {
        for (channels, lanes) in [(1, 16), (3, 16), (16, 16), (17, 16), (40, 8), (5, 4)] {
            let blocks = Blocks::new(2, channels, 5, lanes);
            let from = numbers(blocks.plain_len());
            let (mut to, mut back) = (vec![f32::NAN; blocks.len()], vec![0.0; from.len()]);
            blocks.fill(&from, &mut to);
            blocks.read(&to, &mut back);
            assert_eq!(back, from, "{blocks:?}");
        }
    }

    #[test]
    fn what_fills_up_a_block_must_be_zero() {
        let blocks = Blocks::new(1, 5, 2, 4);
        let mut to = vec![0.0; blocks.len()];
        blocks.fill(&numbers(10), &mut to);
        *to.last_mut().unwrap() = 1.0;
        let mut back = vec![0.0; 10];
        blocks.read(&to, &mut back);
        assert_eq!(back[..9], numbers(9));
        assert!(back[9].is_nan());
    }
}
