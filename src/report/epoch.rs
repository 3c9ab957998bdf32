//! The time of an epoch, extrapolated from one measured training step.

/// A data set, of which an epoch sees every sample once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataSet {
    /// Its name; empty for a size that the user gave.
    pub name: &'static str,
    /// Its training samples.
    pub samples: u64,
}

/// The training sets of CIFAR-10 (Krizhevsky, 2009) and of ImageNet (ILSVRC 2012).
pub const WELL_KNOWN: [DataSet; 2] = [
    DataSet { name: "CIFAR-10", samples: 50_000 },
    DataSet { name: "ImageNet", samples: 1_281_167 },
];

impl DataSet {
    /// Of a size alone.
    pub fn of(samples: u64) -> DataSet {
        DataSet { name: "", samples }
    }

    /// Steps of an epoch; the last mini-batch may be short, and counts as a whole one.
    pub fn steps(&self, batch: u64) -> u64 {
        self.samples.div_ceil(batch.max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_last_batch_is_a_step() {
        assert_eq!(DataSet::of(256).steps(128), 2);
        assert_eq!(DataSet::of(257).steps(128), 3);
        assert_eq!(DataSet::of(1).steps(128), 1);
        assert_eq!(WELL_KNOWN[0].steps(128), 391);
        assert_eq!(WELL_KNOWN[1].steps(256), 5005);
    }
}
