//! Every set of instructions against plain loops, on small integers, where every order of sums is
//! exact.

use super::*;

/// Convolutions round every tile, block and special case.
pub(super) fn awkward() -> Vec<Conv> {
    let mut all = Vec::new();
    // [n, c, h, w], [k, r, s], and what else is not usual: stride, pad, dilation, groups.
    let mut add = |sizes: [usize; 4],
                   filters: [usize; 3],
                   (stride, pad): ([usize; 2], [usize; 2]),
                   (dilation, groups): ([usize; 2], usize)| {
        let ([n, c, h, w], [k, r, s]) = (sizes, filters);
        all.push(Conv { n, c, h, w, k, r, s, stride, pad, dilation, groups });
    };
    let usual = ([1, 1], 1);
    let plain = ([1, 1], [0, 0]);
    let same = ([1, 1], [1, 1]);
    let half = ([2, 2], [1, 1]);
    // One of everything, then one dimension at a time.
    add([1, 1, 1, 1], [1, 1, 1], plain, usual);
    add([1, 1, 1, 1], [1, 1, 1], ([1, 1], [2, 2]), usual);
    add([1, 1, 1, 50], [1, 1, 1], plain, usual);
    add([1, 1, 50, 1], [1, 1, 1], plain, usual);
    add([3, 1, 1, 1], [5, 1, 1], plain, usual);
    add([1, 37, 1, 1], [41, 1, 1], plain, usual);
    // 1 x 1: images folded into one row, with tails of every length.
    add([2, 16, 4, 4], [16, 1, 1], plain, usual);
    add([3, 7, 5, 7], [9, 1, 1], plain, usual);
    add([8, 17, 7, 7], [23, 1, 1], plain, usual);
    add([1, 530, 6, 5], [8, 1, 1], plain, usual);
    add([2, 3, 5, 5], [130, 1, 1], plain, usual);
    add([2, 65, 16, 48], [64, 1, 1], plain, usual);
    add([1, 5, 24, 24], [3, 1, 1], plain, usual);
    // 1 x 1 with strides: pixels that no filter reads.
    add([2, 5, 8, 8], [7, 1, 1], ([2, 2], [0, 0]), usual);
    add([1, 9, 7, 9], [10, 1, 1], ([2, 2], [0, 0]), usual);
    add([2, 4, 9, 40], [4, 1, 1], ([3, 3], [0, 0]), usual);
    add([1, 3, 6, 7], [4, 1, 1], ([1, 2], [1, 0]), usual);
    add([2, 20, 14, 14], [24, 1, 1], ([2, 2], [0, 0]), usual);
    // 3 x 3.
    add([1, 1, 3, 3], [1, 3, 3], plain, usual);
    add([1, 2, 5, 5], [3, 3, 3], same, usual);
    add([8, 12, 7, 7], [16, 3, 3], same, usual);
    add([3, 9, 14, 14], [11, 3, 3], same, usual);
    add([2, 66, 8, 9], [13, 3, 3], same, usual);
    add([1, 6, 20, 56], [8, 3, 3], same, usual);
    add([1, 4, 6, 113], [7, 3, 3], same, usual);
    add([2, 8, 15, 15], [8, 3, 3], half, usual);
    add([2, 10, 14, 14], [9, 3, 3], half, usual);
    add([1, 5, 12, 70], [17, 3, 3], half, usual);
    add([1, 3, 10, 11], [4, 3, 3], ([3, 3], [1, 1]), usual);
    add([1, 70, 4, 4], [70, 3, 3], same, usual);
    // First layers: few channels, large filters.
    add([2, 3, 32, 32], [8, 7, 7], ([2, 2], [3, 3]), usual);
    add([1, 3, 15, 100], [5, 7, 7], ([2, 2], [3, 3]), usual);
    add([1, 1, 28, 28], [6, 5, 5], ([1, 1], [2, 2]), usual);
    add([1, 3, 33, 29], [6, 11, 11], ([4, 4], [2, 2]), usual);
    add([2, 3, 16, 16], [10, 4, 4], ([4, 4], [0, 0]), usual);
    // Directions that differ.
    add([1, 4, 9, 12], [5, 3, 2], ([2, 1], [0, 1]), usual);
    add([1, 4, 12, 9], [5, 1, 5], ([1, 3], [2, 1]), usual);
    add([2, 3, 7, 8], [4, 5, 1], ([3, 2], [1, 3]), usual);
    add([1, 2, 1, 40], [3, 1, 7], ([1, 1], [0, 3]), usual);
    add([1, 2, 40, 1], [3, 7, 1], ([1, 1], [3, 0]), usual);
    // Dilation, alone and with strides that share no factor, or one, with it.
    add([1, 3, 9, 10], [4, 3, 3], ([1, 1], [2, 2]), ([2, 2], 1));
    add([1, 3, 12, 11], [4, 3, 3], ([2, 2], [2, 2]), ([2, 2], 1));
    add([2, 2, 13, 14], [3, 2, 3], ([3, 2], [1, 4]), ([2, 3], 1));
    add([1, 2, 16, 17], [3, 3, 3], ([4, 6], [1, 2]), ([6, 4], 1));
    // A filter as large as the padded image; pads larger than the filter; rows that meet only pads.
    add([2, 4, 6, 7], [5, 6, 7], plain, usual);
    add([1, 3, 5, 4], [3, 7, 8], ([1, 1], [1, 2]), usual);
    add([1, 2, 3, 3], [3, 2, 2], ([1, 1], [4, 5]), usual);
    add([1, 2, 2, 3], [2, 1, 1], ([2, 3], [5, 4]), usual);
    add([1, 1, 40, 41], [2, 30, 31], ([1, 1], [3, 3]), usual);
    // Inputs whose last rows and columns no filter reaches.
    add([1, 3, 10, 10], [4, 3, 3], ([4, 4], [0, 0]), usual);
    add([2, 2, 9, 30], [9, 2, 2], ([5, 7], [0, 0]), usual);
    // Groups.
    add([2, 6, 7, 7], [9, 3, 3], same, ([1, 1], 3));
    add([1, 16, 8, 8], [32, 1, 1], plain, ([1, 1], 2));
    add([2, 10, 9, 9], [5, 3, 3], half, ([1, 1], 5));
    add([1, 34, 6, 6], [34, 3, 3], ([1, 1], [2, 2]), ([2, 2], 2));
    // Depthwise, also with a multiplier.
    add([2, 5, 7, 7], [5, 3, 3], same, ([1, 1], 5));
    add([1, 3, 15, 33], [3, 3, 3], half, ([1, 1], 3));
    add([1, 4, 12, 50], [12, 5, 5], ([1, 1], [2, 2]), ([1, 1], 4));
    add([2, 3, 9, 20], [6, 3, 3], ([2, 1], [0, 2]), ([2, 3], 3));
    add([1, 2, 11, 11], [4, 7, 7], ([3, 3], [3, 3]), ([1, 1], 2));
    add([3, 7, 1, 1], [7, 1, 1], plain, ([1, 1], 7));
    add([1, 2, 4, 5], [2, 2, 3], ([1, 1], [3, 4]), ([1, 1], 2));
    all
}

#[test]
fn awkward_convolutions_are_legal() {
    for conv in awkward() {
        assert!(conv.c % conv.groups == 0 && conv.k % conv.groups == 0, "{conv:?}");
        assert!(conv.p() > 0 && conv.q() > 0, "{conv:?}");
    }
    assert!(awkward().len() >= 60);
}
