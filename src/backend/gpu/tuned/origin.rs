//! Where parameters come from, and why what was found is not used.

/// Where parameters come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// The class's file.
    #[default]
    Default,
    /// Where a search begins, and nothing else uses it; what has changed since the user's search.
    Seed(Option<Change>),
    /// Found on another machine with the same driver.
    Shipped,
    /// Found here.
    User,
}

impl Origin {
    /// Whether it is where a search begins, and no more.
    pub fn is_seed(self) -> bool {
        matches!(self, Origin::Seed(_))
    }

    /// What has changed since the user's search.
    pub fn change(self) -> Option<Change> {
        match self {
            Origin::Seed(change) => change,
            Origin::Default | Origin::Shipped | Origin::User => None,
        }
    }
}

/// What is no longer as it was when the user tuned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// The device's driver.
    Driver,
    /// The kernel's source.
    Source,
}

impl Change {
    /// As a note of a row says it.
    pub fn note(self) -> &'static str {
        match self {
            Change::Driver => "tuned-for-other-driver",
            Change::Source => "tuned-for-other-source",
        }
    }

    /// As a sentence says it.
    pub fn words(self) -> &'static str {
        match self {
            Change::Driver => "another driver",
            Change::Source => "kernels of another version",
        }
    }
}

/// What a row tells of its parameters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tuning {
    /// Where they come from.
    pub origin: Origin,
    /// Why the user's own are not among them.
    pub change: Option<Change>,
}

impl Tuning {
    /// As the column `tuned` says it.
    pub fn name(self) -> &'static str {
        match self.origin {
            Origin::Default | Origin::Seed(_) => "default",
            Origin::Shipped => "shipped",
            Origin::User => "user",
        }
    }

    /// Of several kernels: the best that is said of any, and the change that any has seen.
    pub fn and(self, other: Tuning) -> Tuning {
        Tuning { origin: self.origin.max(other.origin), change: self.change.or(other.change) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_kernels_tell_of_the_best_and_of_every_change() {
        let user = Tuning { origin: Origin::User, change: None };
        let changed = Tuning { origin: Origin::Default, change: Some(Change::Driver) };
        let both = Tuning::default().and(changed).and(user);
        assert_eq!((both.name(), both.change), ("user", Some(Change::Driver)));
        let shipped = Tuning { origin: Origin::Shipped, change: None };
        assert_eq!(shipped.and(Tuning::default()).name(), "shipped");
        assert_eq!(Tuning::default().and(changed).name(), "default");
    }
}
