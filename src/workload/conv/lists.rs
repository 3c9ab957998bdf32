//! The convolutions that are measured and verified: sweeps, the layers of networks, awkward sizes.

use crate::terms::{Conv, Shape};
use crate::workload::{Entry, Preset, Workload};

/// ResNet-50 (He et al., "Deep Residual Learning", 2015) as it is trained today: v1.5, with the
/// stride of a block in its 3 x 3 convolution.
const RESNET50: &str = include_str!("resnet50.csv");

/// VGG-16 (Simonyan and Zisserman, "Very Deep Convolutional Networks", 2014), configuration D.
const VGG16: &str = include_str!("vgg16.csv");

/// A U-Net (Ronneberger et al., 2015) with a quarter of the published channels.
const UNET: &str = include_str!("unet.csv");

/// n c h w k r s pad_h pad_w stride_h stride_w of the convolutions that DeepBench trains.
/// Source: baidu-research/DeepBench, code/kernels/conv_problems.h (Apache-2.0), see NOTICE.
const DEEPBENCH: &str = include_str!("deepbench.csv");

/// A square filter of `r` over square images, padded so that they keep their size (odd `r`).
fn square(n: usize, c: usize, image: usize, k: usize, r: usize, stride: usize) -> Conv {
    let (stride, pad, dilation) = ([stride; 2], [r / 2; 2], [1; 2]);
    Conv { n, c, h: image, w: image, k, r, s: r, stride, pad, dilation, groups: 1 }
}

/// The shapes of a preset.
pub fn preset(preset: Preset) -> Vec<Entry> {
    let (channels, images): (&[usize], &[usize]) = match preset {
        Preset::Quick => (&[16, 32, 64, 128, 256], &[7, 14, 28, 56, 112]),
        Preset::Standard => {
            (&[8, 16, 32, 63, 64, 65, 128, 256, 512], &[7, 14, 27, 28, 29, 56, 112, 224])
        }
        Preset::Full => (
            &[4, 8, 16, 24, 31, 32, 33, 48, 63, 64, 65, 96, 127, 128, 129, 192, 256, 384, 512],
            &[4, 7, 8, 13, 14, 15, 27, 28, 29, 55, 56, 57, 84, 112, 168, 224],
        ),
        Preset::DeepBench => return deepbench(),
        Preset::Blob => return Vec::new(),
        Preset::ResNet50 => return network("resnet50", RESNET50, 8),
        Preset::Vgg16 => return network("vgg16", VGG16, 8),
        Preset::UNet => return network("unet", UNET, 1),
    };
    // 3 x 3 over 8 images: channels at 28 x 28 pixels, and pixels with 64 channels.
    let [channels, images] = [channels, images].map(|sizes| sizes.iter().map(|size| *size as u64));
    let shape =
        |c: u64, image: u64| square(8, c as usize, image as usize, c as usize, 3, 1).shape();
    let mut entries = Entry::sweep("channels", channels, |c| shape(c, 28));
    entries.extend(Entry::sweep("image", images, |image| shape(64, image)));
    if preset != Preset::Quick {
        entries.extend(kinds());
    }
    entries
}

/// One convolution of each kind that networks have.
fn kinds() -> Vec<Entry> {
    let plain = square(8, 128, 28, 128, 3, 1);
    let kinds = [
        ("first layer 7x7, stride 2", square(8, 3, 224, 64, 7, 2)),
        ("1x1", square(8, 256, 28, 256, 1, 1)),
        ("1x1, stride 2", square(8, 256, 28, 512, 1, 2)),
        ("3x3, stride 2", square(8, 128, 28, 128, 3, 2)),
        ("5x5", square(8, 64, 28, 64, 5, 1)),
        ("32 groups", Conv { groups: 32, ..plain }),
        ("depthwise", Conv { groups: 128, ..plain }),
        ("dilation 2", Conv { pad: [2; 2], dilation: [2; 2], ..plain }),
    ];
    let line = |(name, conv): (&str, Conv)| Entry::line(conv.shape(), "kinds", name.to_string());
    kinds.into_iter().map(line).collect()
}

/// The layers of a network: `layer c h w k r s stride pad repeat`.
fn network(name: &'static str, table: &str, n: usize) -> Vec<Entry> {
    let line = |text: &str| {
        let (layer, sizes) = text.split_once(',').expect("an embedded table has columns");
        let [c, h, w, k, r, s, stride, pad, repeat] = numbers(sizes);
        let (stride, pad, dilation) = ([stride; 2], [pad; 2], [1; 2]);
        let conv = Conv { n, c, h, w, k, r, s, stride, pad, dilation, groups: 1 };
        let entry = Entry::line(conv.shape(), name, layer.to_string());
        Entry { repeat: repeat as u64, ..entry }
    };
    table.lines().skip(1).map(line).collect()
}

fn deepbench() -> Vec<Entry> {
    let line = |text: &str| {
        let [n, c, h, w, k, r, s, pad_h, pad_w, stride_h, stride_w] = numbers(text);
        let (stride, pad, dilation) = ([stride_h, stride_w], [pad_h, pad_w], [1; 2]);
        let conv = Conv { n, c, h, w, k, r, s, stride, pad, dilation, groups: 1 };
        let flop = super::FPROP.work(&conv.shape()).flop_count;
        Entry::deepbench(conv.shape(), label(&conv), flop)
    };
    DEEPBENCH.lines().skip(1).map(line).collect()
}

/// The columns of a line of an embedded table.
fn numbers<const N: usize>(line: &str) -> [usize; N] {
    let number = |field: &str| field.parse().expect("an embedded table holds sizes");
    let numbers: Vec<usize> = line.split(',').map(number).collect();
    numbers.try_into().expect("an embedded table has these columns")
}

/// `8×64×56² → 256, 3²/2 pad 1`.
pub fn label(conv: &Conv) -> String {
    let area = |a: usize, b: usize| if a == b { format!("{a}²") } else { format!("{a}×{b}") };
    let Conv { n, c, h, w, k, r, s, .. } = *conv;
    let mut text = format!("{n}×{c}×{} → {k}, {}", area(h, w), area(r, s));
    let both = |[h, w]: [usize; 2]| if h == w { h.to_string() } else { format!("{h}×{w}") };
    if conv.stride != [1, 1] {
        text += &format!("/{}", both(conv.stride));
    }
    if conv.pad != [conv.r / 2, conv.s / 2] {
        text += &format!(" pad {}", both(conv.pad));
    }
    if conv.dilation != [1, 1] {
        text += &format!(" dilation {}", both(conv.dilation));
    }
    if conv.groups == conv.c && conv.c > 1 {
        text += " depthwise";
    } else if conv.groups > 1 {
        text += &format!(" groups {}", conv.groups);
    }
    text
}

/// Sizes at which mistakes show: 1, primes, one under and over each tile, every kind of stride, pad
/// and dilation, groups, filters as large as the image, and pixels that see only padding.
pub fn awkward() -> Vec<Shape> {
    // n c h w k r s, stride, pad, dilation, groups
    type Row = ([usize; 7], [usize; 2], [usize; 2], [usize; 2], usize);
    let rows: &[Row] = &[
        ([1, 1, 1, 1, 1, 1, 1], [1, 1], [0, 0], [1, 1], 1),
        ([1, 1, 3, 3, 1, 3, 3], [1, 1], [0, 0], [1, 1], 1),
        ([2, 1, 5, 7, 3, 3, 3], [1, 1], [1, 1], [1, 1], 1),
        ([1, 3, 1, 19, 5, 1, 3], [1, 1], [0, 1], [1, 1], 1),
        ([1, 2, 17, 1, 4, 5, 1], [1, 1], [2, 0], [1, 1], 1),
        ([3, 5, 6, 6, 7, 1, 1], [1, 1], [0, 0], [1, 1], 1),
        ([2, 17, 4, 4, 33, 1, 1], [1, 1], [0, 0], [1, 1], 1),
        ([2, 64, 8, 8, 64, 1, 1], [1, 1], [0, 0], [1, 1], 1),
        ([1, 65, 9, 7, 63, 1, 1], [1, 1], [0, 0], [1, 1], 1),
        ([2, 13, 9, 9, 11, 1, 1], [2, 2], [0, 0], [1, 1], 1),
        ([1, 4, 8, 8, 6, 1, 1], [3, 2], [1, 1], [1, 1], 1),
        ([2, 16, 14, 14, 16, 3, 3], [1, 1], [1, 1], [1, 1], 1),
        ([3, 15, 7, 7, 17, 3, 3], [1, 1], [1, 1], [1, 1], 1),
        ([1, 31, 16, 15, 32, 3, 3], [1, 1], [1, 1], [1, 1], 1),
        ([1, 33, 17, 16, 31, 3, 3], [1, 1], [0, 0], [1, 1], 1),
        ([1, 8, 12, 48, 9, 3, 3], [1, 1], [1, 1], [1, 1], 1),
        ([2, 8, 5, 49, 8, 3, 3], [1, 1], [1, 0], [1, 1], 1),
        ([2, 12, 15, 15, 20, 3, 3], [2, 2], [1, 1], [1, 1], 1),
        ([1, 7, 16, 14, 9, 3, 3], [2, 2], [0, 1], [1, 1], 1),
        ([1, 6, 13, 17, 5, 3, 3], [3, 1], [1, 2], [1, 1], 1),
        ([1, 5, 11, 9, 4, 2, 2], [2, 2], [0, 0], [1, 1], 1),
        ([2, 3, 23, 23, 16, 7, 7], [2, 2], [3, 3], [1, 1], 1),
        ([1, 3, 35, 29, 65, 7, 7], [2, 2], [3, 3], [1, 1], 1),
        ([1, 1, 16, 70, 32, 5, 20], [2, 2], [0, 0], [1, 1], 1),
        ([1, 9, 12, 12, 10, 5, 5], [1, 1], [2, 2], [1, 1], 1),
        ([1, 4, 10, 10, 6, 3, 3], [4, 4], [0, 0], [1, 1], 1),
        ([1, 4, 12, 13, 6, 3, 3], [1, 1], [2, 2], [2, 2], 1),
        ([1, 4, 12, 13, 6, 3, 2], [2, 1], [2, 1], [3, 2], 1),
        ([1, 3, 4, 4, 2, 3, 3], [1, 1], [4, 4], [1, 1], 1),
        ([1, 3, 4, 4, 2, 3, 3], [2, 3], [5, 4], [1, 1], 1),
        ([1, 3, 6, 5, 4, 8, 7], [1, 1], [1, 1], [1, 1], 1),
        ([2, 8, 7, 9, 12, 3, 3], [1, 1], [1, 1], [1, 1], 4),
        ([1, 34, 6, 6, 34, 1, 1], [1, 1], [0, 0], [1, 1], 2),
        ([1, 12, 9, 9, 18, 3, 3], [2, 2], [1, 1], [1, 1], 6),
        ([2, 17, 10, 19, 17, 3, 3], [1, 1], [1, 1], [1, 1], 17),
        ([1, 16, 33, 18, 16, 5, 5], [2, 2], [2, 2], [1, 1], 16),
        ([1, 5, 9, 8, 15, 3, 3], [1, 2], [1, 0], [2, 1], 5),
        // Many images of few pixels, and many outputs of long sums.
        ([19, 9, 3, 3, 21, 3, 3], [1, 1], [1, 1], [1, 1], 1),
        ([1, 130, 5, 5, 129, 3, 3], [1, 1], [1, 1], [1, 1], 1),
        // Over 2^27 multiply-adds, where checks are of another kind.
        ([2, 65, 57, 55, 66, 3, 3], [1, 1], [1, 1], [1, 1], 1),
        ([2, 258, 31, 33, 514, 1, 1], [1, 1], [0, 0], [1, 1], 2),
    ];
    let one = |([n, c, h, w, k, r, s], stride, pad, dilation, groups): Row| {
        Conv { n, c, h, w, k, r, s, stride, pad, dilation, groups }.shape()
    };
    rows.iter().copied().map(one).collect()
}
