//! Moments in UTC, for names and for the manifest.

/// A moment in UTC, split up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    date: (i64, u32, u32),
    time: (u32, u32, u32),
}

impl Moment {
    /// `20261123T055000Z`, for names.
    pub fn compact(&self) -> String {
        let ((y, mo, d), (h, mi, s)) = (self.date, self.time);
        format!("{y:04}{mo:02}{d:02}T{h:02}{mi:02}{s:02}Z")
    }

    /// `2026-11-23T05:50:00Z`.
    pub fn extended(&self) -> String {
        let ((y, mo, d), (h, mi, s)) = (self.date, self.time);
        format!("{y:04}-{mo:02}-{d:02}T{h:02}:{mi:02}:{s:02}Z")
    }

    fn of_unix(seconds: u64) -> Moment {
        let (days, rest) = ((seconds / 86400) as i64, (seconds % 86400) as u32);
        // Days to a Gregorian date (H. Hinnant, "chrono-compatible low-level date algorithms").
        let z = days + 719_468;
        let era = z.div_euclid(146_097);
        let day_of_era = z.rem_euclid(146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted = (5 * day_of_year + 2) / 153;
        let day = (day_of_year - (153 * shifted + 2) / 5 + 1) as u32;
        let month = if shifted < 10 { shifted + 3 } else { shifted - 9 } as u32;
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        Moment { date: (year, month, day), time: (rest / 3600, rest / 60 % 60, rest % 60) }
    }
}

/// Now, by the system's clock.
pub fn utc_now() -> Moment {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    Moment::of_unix(since.map_or(0, |d| d.as_secs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_of_known_days() {
        assert_eq!(Moment::of_unix(0).extended(), "1970-01-01T00:00:00Z");
        assert_eq!(Moment::of_unix(951_782_400).extended(), "2000-02-29T00:00:00Z");
        assert_eq!(Moment::of_unix(1_795_413_000).compact(), "20261123T055000Z");
    }
}
