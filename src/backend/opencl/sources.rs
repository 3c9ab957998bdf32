//! The kernels in OpenCL C: `kernels/`, each program behind what it shares with others.

use crate::backend::gpu::Kernels;

/// Texts of files under `kernels/`, one behind the other.
macro_rules! files {
    ($($file:literal),+) => {
        concat!($(include_str!(concat!("../../../kernels/", $file))),+)
    };
}

/// A kernel file of training steps behind what they share.
macro_rules! train {
    ($($file:literal),+) => {
        files!("train/vector.cl", $($file),+)
    };
}

/// A product of training steps: the kernel file with what is done around it.
macro_rules! product {
    ($($file:literal),+) => {
        train!("train/product.cl", "gemm/product.cl", "number.cl", $($file),+)
    };
}

const GEMM_LOCAL: &str = files!("number.cl", "tile.cl", "gemm/product.cl", "gemm/local.cl");
const GEMM_REGISTER: &str = files!("number.cl", "gemm/product.cl", "gemm/register.cl");
const GEMM_PACKED: &str = files!("number.cl", "gemm/product.cl", "gemm/packed.cl");
const CONV_LOCAL: &str = files!("number.cl", "tile.cl", "conv/view.cl", "conv/local.cl");
const CONV_REGISTER: &str = files!("conv/view.cl", "conv/register.cl");
const CONV_PACKED: &str = files!("conv/packed_tile.cl", "conv/packed.cl");
const CONV_DEPTHWISE: &str = files!("conv/sizes.cl", "conv/depthwise.cl");
const STREAM: &str = files!("stream.cl");
const COLUMNS: &str = train!("train/columns.cl");
const LAYER_NORM: &str = train!("train/group.cl", "train/layer_norm.cl");
const BATCH_NORM: &str = train!("train/group.cl", "train/batch_norm.cl");
const SOFTMAX: &str = train!("train/group.cl", "train/softmax.cl");
const LSTM: &str = train!("train/lstm.cl");
const LSTM_PACKED: &str = train!("train/lstm_packed.cl");
const OPTIMIZER: &str = train!("train/optimizer.cl");

/// Every program, by the name that recipes give it, and the texts that tuned parameters are about.
pub const KERNELS: Kernels = Kernels {
    programs: &[
        ("gemm/local", GEMM_LOCAL),
        ("gemm/register", GEMM_REGISTER),
        ("gemm/packed", GEMM_PACKED),
        ("gemm/naive", files!("number.cl", "gemm/product.cl", "gemm/naive.cl")),
        ("gemv/local", files!("number.cl", "gemv/local.cl")),
        ("gemv/packed", files!("number.cl", "gemv/packed.cl")),
        ("conv/local", CONV_LOCAL),
        ("conv/register", CONV_REGISTER),
        ("conv/packed", CONV_PACKED),
        ("conv/packed_wgrad", files!("conv/packed_tile.cl", "conv/packed_wgrad.cl")),
        ("conv/depthwise", CONV_DEPTHWISE),
        ("conv/naive", files!("conv/sizes.cl", "conv/naive.cl")),
        ("conv/order", files!("conv/view.cl", "conv/order.cl")),
        ("conv/slices", files!("conv/slices.cl")),
        ("rows/softmax", train!("train/group.cl", "rows/rows.cl", "rows/softmax.cl")),
        ("rows/layernorm", train!("train/group.cl", "rows/rows.cl", "rows/layernorm.cl")),
        ("stream", STREAM),
        ("peak", files!("peak.cl")),
        ("launch", files!("launch.cl")),
        ("flush", files!("flush.cl")),
        ("train/product/local", product!("tile.cl", "gemm/local.cl")),
        ("train/product/register", product!("gemm/register.cl")),
        ("train/product/packed", product!("gemm/packed.cl")),
        ("train/product/naive", product!("gemm/naive.cl")),
        ("train/columns", COLUMNS),
        ("train/layer_norm", LAYER_NORM),
        ("train/batch_norm", BATCH_NORM),
        ("train/softmax", SOFTMAX),
        ("train/lstm", LSTM),
        ("train/lstm_packed", LSTM_PACKED),
        ("train/optimizer", OPTIMIZER),
    ],
    tuned: &[
        ("gemm", "local", &[GEMM_LOCAL]),
        ("gemm", "register", &[GEMM_REGISTER]),
        ("gemm", "packed", &[GEMM_PACKED]),
        ("conv", "local", &[CONV_LOCAL]),
        ("conv", "register", &[CONV_REGISTER]),
        ("conv", "packed", &[CONV_PACKED, files!("conv/packed_wgrad.cl")]),
        ("conv", "depthwise", &[CONV_DEPTHWISE]),
        ("stream", "vector", &[STREAM]),
        ("train", "local-rows", &[LAYER_NORM, SOFTMAX]),
        ("train", "local-columns", &[COLUMNS]),
        ("train", "local-channels", &[BATCH_NORM]),
        ("train", "local-elements", &[OPTIMIZER, LSTM]),
        ("train", "packed-rows", &[LAYER_NORM, SOFTMAX]),
        ("train", "packed-columns", &[COLUMNS]),
        ("train", "packed-channels", &[BATCH_NORM]),
        ("train", "packed-elements", &[OPTIMIZER, LSTM]),
        ("train", "packed-lstm", &[LSTM_PACKED]),
    ],
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::gpu::builds;
    use crate::backend::gpu::tunables::kernels;
    use crate::backend::gpu::tuned::classes;

    #[test]
    fn every_program_that_is_built_has_a_text() {
        for build in classes().into_iter().flat_map(builds) {
            assert!(KERNELS.text(build.program).is_ok(), "{}", build.name);
        }
        assert!(KERNELS.text("gemm/unheard-of").is_err());
    }

    #[test]
    fn every_kernel_that_is_searched_has_a_hash_of_its_own_texts() {
        for kernel in kernels::KERNELS {
            assert!(KERNELS.hash(kernel.family, kernel.implementation).is_some());
        }
        assert_ne!(KERNELS.hash("gemm", "local"), KERNELS.hash("conv", "local"));
        assert_eq!(KERNELS.hash("gemm", "naive"), None);
    }
}
