//! Times that others have published, as faint marks among what was measured here.

use crate::terms::{Cache, Cased, Dtype, Scope};

use super::super::chart::{FAINT, Series, Unit, Value};
use super::super::published::Published;
use super::super::views::{BASELINE, Member};
use super::View;

/// What faint marks are, at the end of the subtitle of a chart that has some.
pub fn key(series: &[Series]) -> &'static str {
    let has_some = series.iter().any(|s| s.tone == FAINT);
    if has_some { "; faint: published by DeepBench, not measured here" } else { "" }
}

impl View<'_> {
    /// One series a processor that published something of this group. As a ratio, what it did against
    /// this machine's CPU.
    pub fn published(&self, unit: Unit) -> Vec<Series> {
        // What was published is f32 with hot caches.
        if self.group.cache != Cache::Hot || self.group.dtype != Dtype::F32 {
            return Vec::new();
        }
        let series = self.input.published.iter().enumerate();
        series.filter_map(|(index, processor)| self.published_by(processor, index, unit)).collect()
    }

    fn published_by(&self, processor: &Published, marker: usize, unit: Unit) -> Option<Series> {
        let point = |m: &Member<'_>| {
            let seconds = processor.seconds(self.group.workload, m.shape)?;
            let amount = match unit {
                Unit::Ratio => self.cpu_median_s(m)?,
                Unit::Flops => self.group.any_record(self.input, m)?.flop_count as f64,
                Unit::Bytes | Unit::Seconds | Unit::Compared => return None,
            };
            Value::exact(amount / seconds)
        };
        let detail = format!("{}, published", processor.software);
        let series = Series::new(processor.processor, FAINT, self.group.points(point));
        Some(Series { detail, marker, ..series }).filter(Series::has_values)
    }

    fn cpu_median_s(&self, member: &Member<'_>) -> Option<f64> {
        let case = self.group.case(member);
        let mut rows = self.input.summary.iter().filter(|s| s.scope == Scope::Compute);
        let row = rows.find(|s| s.baseline == BASELINE && s.case() == case)?;
        Some(row.cpu_median_s)
    }
}
