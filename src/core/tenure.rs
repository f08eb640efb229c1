//! Until when a process may count on the leases that it holds.
//!
//! A renewal lengthens only what is still held. A process that was paused, or cut off, for longer than its leases has
//! lost them, and renewing afterwards brings none of them back: others may have taken over what they stood for.

use crate::time::Timestamp;

/// An unbroken chain of renewals, each before the one before it had run out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tenure {
    /// The first renewal of the chain.
    since: Timestamp,
    /// When the chain runs out.
    until: Timestamp,
}

impl Tenure {
    /// Everything held at `now` was renewed until then.
    #[must_use]
    pub fn renewed(self, now: Timestamp, until: Timestamp) -> Self {
        Self { since: if now < self.until { self.since } else { now }, until }
    }

    /// Whether a lease that was given until `lease_until` is still held at `now`.
    pub fn holds(self, lease_until: Timestamp, now: Timestamp) -> bool {
        now < lease_until || (self.since < lease_until && now < self.until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_goes_on_while_renewals_follow_each_other() {
        let tenure = Tenure::default().renewed(Timestamp(100), Timestamp(115));
        assert!(tenure.holds(Timestamp(110), Timestamp(114)));
        let tenure = tenure.renewed(Timestamp(112), Timestamp(127));
        assert!(tenure.holds(Timestamp(110), Timestamp(126)));
        assert!(!tenure.holds(Timestamp(110), Timestamp(127)));
    }

    #[test]
    fn a_lease_that_ended_before_it_was_renewed_is_lost_for_good() {
        let tenure = Tenure::default().renewed(Timestamp(100), Timestamp(115));
        // Paused for a minute: the renewal comes before the sender looks.
        let tenure = tenure.renewed(Timestamp(160), Timestamp(175));
        assert!(!tenure.holds(Timestamp(115), Timestamp(161)));
        assert!(tenure.holds(Timestamp(165), Timestamp(170)));
    }
}
