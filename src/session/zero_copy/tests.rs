use super::*;
use std::cell::Cell;

/// A buffer whose first write and first map take a second longer, and a clock that they turn.
#[derive(Default)]
struct Fake {
    now_s: Cell<f64>,
    runs: Cell<usize>,
    map_s: f64,
}

impl Fake {
    fn take(&self, seconds: f64) {
        let first = if self.runs.get().is_multiple_of(RUNS) { 1.0 } else { 0.0 };
        self.runs.set(self.runs.get() + 1);
        self.now_s.set(self.now_s.get() + seconds + first);
    }
}

impl Clock for Fake {
    fn now(&self) -> f64 {
        self.now_s.get()
    }
}

impl Mappable for Fake {
    fn write(&self) -> Result<()> {
        self.take(1e-2);
        Ok(())
    }

    fn map(&self) -> Result<()> {
        self.take(self.map_s);
        Ok(())
    }
}

#[test]
fn mapping_that_is_over_three_times_as_fast_moves_nothing() {
    for (map_s, expected) in [(1e-5, true), (3.2e-3, true), (3.5e-3, false), (2e-2, false)] {
        let fake = Fake { map_s, ..Fake::default() };
        assert_eq!(moves_nothing(&fake, &fake).unwrap(), expected, "{map_s}");
    }
}
