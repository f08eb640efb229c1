//! How often somebody may try a password: enough for a tired person, too seldom for a guesser.
//!
//! Two counts are kept, in memory: for one account from one network, and for one network over all accounts. After a
//! few free tries each failure doubles the wait. Nothing counts for an account alone, so a stranger who fails for the
//! duty officer's account all night makes only the stranger's own network wait: the duty officer signs in from
//! another. See quality, S18 (ASVS 6.3.1).
//!
//! A botnet that comes from thousands of networks is slowed by [`crate::password`], which computes only a few hashes
//! at a time.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::{Mutex, MutexGuard, PoisonError},
};

use noroshi_core::time::{Span, Timestamp};

/// Failures for one account from one network that cost nothing.
const FREE_FOR_ACCOUNT: u32 = 5;
/// Failures from one network over all accounts that cost nothing: a whole head office behind one address mistypes.
const FREE_FOR_NETWORK: u32 = 50;
/// The first wait; each failure doubles it …
const FIRST_WAIT: Span = Span::seconds(2);
/// … up to this.
const LONGEST_WAIT: Span = Span::minutes(15);
/// After so long without a failure everything is forgotten.
const FORGET_AFTER: Span = Span::minutes(60);
/// The most counts that are kept; beyond it the oldest are forgotten, so that a guesser cannot fill the memory.
const KEPT_AT_MOST: usize = 20_000;
/// An account name is cut to this: longer ones belong to nobody.
const LOGIN_AT_MOST: usize = 64;

/// Counts failed sign-ins. One for the process, shared by all requests.
#[derive(Debug, Default)]
pub struct Attempts(Mutex<HashMap<Whose, Failures>>);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Whose {
    Account(String, Network),
    Network(Network),
}

/// What one household, company or guesser holds: an IPv4 /24 or an IPv6 /64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Network {
    V4([u8; 3]),
    V6([u16; 4]),
}

#[derive(Clone, Copy, Debug)]
struct Failures {
    count: u32,
    last: Timestamp,
}

impl Attempts {
    /// Whether `login` may be tried from `ip` now; otherwise in how many seconds. To be asked before a password is
    /// compared.
    pub fn may(&self, login: &str, ip: IpAddr, now: Timestamp) -> Result<(), u32> {
        let counts = self.counts();
        let wait = whose(login, ip)
            .iter()
            .filter_map(|(whose, free)| counts.get(whose).map(|failures| failures.wait(*free, now)))
            .max()
            .unwrap_or(Span::ZERO);
        if wait == Span::ZERO {
            return Ok(());
        }
        // Rounded up: who waits exactly as long as was said gets in.
        Err(u32::try_from((wait.0 + 999) / 1000).unwrap_or(u32::MAX))
    }

    /// Notes a wrong password or an unknown account; both count alike, so that nobody learns which it was.
    pub fn failed(&self, login: &str, ip: IpAddr, now: Timestamp) {
        let mut counts = self.counts();
        if counts.len() >= KEPT_AT_MOST {
            make_room(&mut counts, now);
        }
        for (whose, _) in whose(login, ip) {
            let failures = counts.entry(whose).or_insert(Failures { count: 0, last: now });
            if failures.is_old(now) {
                failures.count = 0;
            }
            failures.count = failures.count.saturating_add(1);
            failures.last = now;
        }
    }

    /// Notes the right password: this account's failures from this network are forgotten, the network's are not, or
    /// somebody with one account could guess all others.
    pub fn succeeded(&self, login: &str, ip: IpAddr) {
        let [(account, _), _] = whose(login, ip);
        self.counts().remove(&account);
    }

    fn counts(&self) -> MutexGuard<'_, HashMap<Whose, Failures>> {
        // Counts are whole after every statement.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Failures {
    /// What lies far in the future was noted before the clock was set back.
    fn is_old(self, now: Timestamp) -> bool {
        now - self.last > FORGET_AFTER || self.last - now > LONGEST_WAIT
    }

    fn wait(self, free: u32, now: Timestamp) -> Span {
        if self.is_old(now) || self.count <= free {
            return Span::ZERO;
        }
        let doublings = (self.count - free - 1).min(30);
        let wait = Span(FIRST_WAIT.0 << doublings).min(LONGEST_WAIT);
        (self.last + wait - now).clamp(Span::ZERO, wait)
    }
}

/// The counts that a try touches, each with its free failures.
fn whose(login: &str, ip: IpAddr) -> [(Whose, u32); 2] {
    let network = network(ip);
    let login = login.trim().to_lowercase().chars().take(LOGIN_AT_MOST).collect();
    [(Whose::Account(login, network), FREE_FOR_ACCOUNT), (Whose::Network(network), FREE_FOR_NETWORK)]
}

fn network(ip: IpAddr) -> Network {
    match ip.to_canonical() {
        IpAddr::V4(ip) => {
            let [a, b, c, _] = Ipv4Addr::octets(&ip);
            Network::V4([a, b, c])
        }
        IpAddr::V6(ip) => {
            let [a, b, c, d, ..] = Ipv6Addr::segments(&ip);
            Network::V6([a, b, c, d])
        }
    }
}

/// Forgets what is old; where that is not enough, the older half.
fn make_room(counts: &mut HashMap<Whose, Failures>, now: Timestamp) {
    counts.retain(|_, failures| !failures.is_old(now));
    if counts.len() < KEPT_AT_MOST {
        return;
    }
    let mut times: Vec<Timestamp> = counts.values().map(|failures| failures.last).collect();
    let middle = times.len() / 2;
    let (_, median, _) = times.select_nth_unstable(middle);
    let median = *median;
    counts.retain(|_, failures| failures.last > median);
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_800_000_000_000);

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn failed(attempts: &Attempts, times: u32, login: &str, from: &str, now: Timestamp) {
        for _ in 0..times {
            attempts.failed(login, ip(from), now);
        }
    }

    #[test]
    fn a_few_mistakes_cost_nothing_and_then_each_doubles_the_wait() {
        let attempts = Attempts::default();
        failed(&attempts, 5, "tanabe", "192.0.2.1", NOW);
        assert_eq!(attempts.may("tanabe", ip("192.0.2.1"), NOW), Ok(()));
        let waits: Vec<u32> = (0..12)
            .map(|_| {
                failed(&attempts, 1, "tanabe", "192.0.2.1", NOW);
                attempts.may("tanabe", ip("192.0.2.1"), NOW).unwrap_err()
            })
            .collect();
        assert_eq!(waits, [2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]);
    }

    #[test]
    fn who_has_waited_may_try_again() {
        let attempts = Attempts::default();
        failed(&attempts, 7, "tanabe", "192.0.2.1", NOW);
        assert_eq!(attempts.may("tanabe", ip("192.0.2.1"), NOW + Span(3_001)), Err(1));
        assert_eq!(attempts.may("tanabe", ip("192.0.2.1"), NOW + Span::seconds(4)), Ok(()));
    }

    #[test]
    fn a_stranger_cannot_lock_out_the_duty_officer() {
        let attempts = Attempts::default();
        failed(&attempts, 1_000, "tanabe", "192.0.2.1", NOW);
        assert!(attempts.may("tanabe", ip("192.0.2.1"), NOW).is_err());
        assert_eq!(attempts.may("tanabe", ip("198.51.100.7"), NOW), Ok(()));
    }

    #[test]
    fn neighbours_in_one_network_and_other_spellings_are_the_same_guesser() {
        let attempts = Attempts::default();
        failed(&attempts, 10, "Tanabe ", "192.0.2.1", NOW);
        failed(&attempts, 10, "sato", "2001:db8:1:2::1", NOW);
        assert!(attempts.may("tanabe", ip("192.0.2.254"), NOW).is_err());
        assert!(attempts.may("tanabe", ip("::ffff:192.0.2.9"), NOW).is_err());
        assert!(attempts.may("sato", ip("2001:db8:1:2:ffff::9"), NOW).is_err());
        assert_eq!(attempts.may("sato", ip("2001:db8:1:3::1"), NOW), Ok(()));
    }

    #[test]
    fn guessing_over_many_accounts_is_slowed_too() {
        let attempts = Attempts::default();
        for n in 0..60 {
            failed(&attempts, 1, &format!("account{n}"), "192.0.2.1", NOW);
        }
        assert!(attempts.may("never-tried", ip("192.0.2.1"), NOW).is_err());
    }

    #[test]
    fn the_right_password_forgets_the_account_and_not_the_network() {
        let attempts = Attempts::default();
        failed(&attempts, 8, "tanabe", "192.0.2.1", NOW);
        attempts.succeeded("tanabe", ip("192.0.2.1"));
        assert_eq!(attempts.may("tanabe", ip("192.0.2.1"), NOW), Ok(()));

        failed(&attempts, 60, "sato", "192.0.2.1", NOW);
        attempts.succeeded("tanabe", ip("192.0.2.1"));
        assert!(attempts.may("tanabe", ip("192.0.2.1"), NOW).is_err());
    }

    #[test]
    fn after_a_quiet_hour_everything_is_forgotten() {
        let attempts = Attempts::default();
        failed(&attempts, 20, "tanabe", "192.0.2.1", NOW);
        let later = NOW + Span::minutes(61);
        assert_eq!(attempts.may("tanabe", ip("192.0.2.1"), later), Ok(()));
        failed(&attempts, 1, "tanabe", "192.0.2.1", later);
        assert_eq!(attempts.may("tanabe", ip("192.0.2.1"), later), Ok(()));
    }

    #[test]
    fn a_clock_that_is_set_back_keeps_nobody_out() {
        let attempts = Attempts::default();
        failed(&attempts, 6, "tanabe", "192.0.2.1", NOW);
        assert_eq!(attempts.may("tanabe", ip("192.0.2.1"), Timestamp(NOW.0 - 5_000)), Err(2));
        assert_eq!(attempts.may("tanabe", ip("192.0.2.1"), Timestamp(NOW.0 - 86_400_000)), Ok(()));
    }

    #[test]
    fn the_memory_is_bounded_and_keeps_the_latest() {
        let attempts = Attempts::default();
        for n in 0..100_000_i64 {
            failed(&attempts, 1, &format!("account{n}"), "192.0.2.1", NOW + Span(n));
        }
        failed(&attempts, 10, "tanabe", "192.0.2.1", NOW + Span(100_000));
        assert!(attempts.counts().len() <= KEPT_AT_MOST + 2);
        assert!(attempts.may("tanabe", ip("192.0.2.1"), NOW + Span(100_000)).is_err());
    }
}
