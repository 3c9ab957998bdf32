//! How the runners of a case are sampled.

use super::{Ledger, Progress, Session};
use crate::error::Result;
use crate::plan::{Case, Effort};

/// A way to sample the runners of a case.
pub trait Method<'a> {
    /// Measures one case and gives its rows to the ledger, as soon as they are complete.
    fn measure(
        &mut self,
        session: &mut Session<'a>,
        case: &Case,
        effort: Effort,
        ledger: &mut Ledger<'_>,
        progress: &mut dyn Progress,
    ) -> Result<()>;
}

/// All runners of a case together, in rounds.
pub struct Interleaved;

impl<'a> Method<'a> for Interleaved {
    fn measure(
        &mut self,
        session: &mut Session<'a>,
        case: &Case,
        effort: Effort,
        ledger: &mut Ledger<'_>,
        progress: &mut dyn Progress,
    ) -> Result<()> {
        let rows = session.case(case, effort, progress);
        // A case that was cut has too few samples to stand beside the others.
        if session.setup.is_stopped() { Ok(()) } else { ledger.keep(&rows, progress) }
    }
}
