//! Recipient domains, and the receivers of webhooks: how many letters to each are in hand, and which are held back.
//!
//! A domain begins with one connection and gets one more with every letter that it takes in good time. One that lets
//! us wait is back at one; one that lets a conversation run out, or puts off several letters in a row, is held back
//! for a while and then tried with one letter. So a tar pit costs the others one connection at most, while its letters
//! wait in the outbox where everybody sees until when.
//!
//! Each node learns for itself. A webhook's receiver stands here as `host:port`, which no mail domain is. Letters
//! without a domain (rehearsals, SMS) are nobody's here.

use std::{
    collections::BTreeMap,
    num::NonZeroU32,
    sync::{Mutex, MutexGuard, PoisonError},
};

use noroshi_core::time::{Span, Timestamp};

use crate::transport::{Outcome, hook_url::HookUrl};

/// A conversation that took so long has cost the others enough.
const SLOW: Span = Span::seconds(5);
/// So many letters put off in a row are the domain's matter, not that of a mailbox.
const PUT_OFF: u32 = 3;
/// Held back for so long at first, then twice as long each time …
const HELD: Span = Span::seconds(10);
/// … up to this.
const HELD_AT_MOST: Span = Span::minutes(5);

/// What this node knows of the domains that it writes to.
#[derive(Debug)]
pub struct Domains {
    /// Letters in hand to one mail domain at most.
    most: usize,
    /// Calls under way to one receiver at most.
    most_calls: usize,
    pace: Option<Span>,
    known: Mutex<BTreeMap<String, Domain>>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Domain {
    in_hand: usize,
    places: usize,
    put_off: u32,
    holds: u32,
    held_until: Timestamp,
    next_at: Timestamp,
}

/// What a conversation says about the domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It took the letter, or turned it away, in good time.
    Well,
    /// It did so, and let us wait.
    Slow,
    /// It put the letter off.
    PutOff,
    /// It let the conversation run out.
    Stuck,
    /// Nothing: the letter did not leave, or the relay was away.
    Nothing,
}

impl Verdict {
    /// By what became of a letter, and how long it took.
    pub fn of(outcome: &Outcome, took: Span) -> Self {
        match (outcome, took > SLOW) {
            (Outcome::Accepted { .. } | Outcome::Refused { .. }, false) => Self::Well,
            (Outcome::Accepted { .. } | Outcome::Refused { .. }, true) => Self::Slow,
            (Outcome::TryAgain { .. } | Outcome::Later { .. }, false) => Self::PutOff,
            (Outcome::TryAgain { .. } | Outcome::Later { .. } | Outcome::Unknown { .. }, true) => Self::Stuck,
            (Outcome::Unknown { .. }, false)
            | (Outcome::Away { .. } | Outcome::Gone { .. } | Outcome::Closed { .. }, _) => Self::Nothing,
        }
    }
}

impl Domains {
    /// - `connections`: of the node to its relays; one domain never takes all of them.
    /// - `calls`: webhooks at the same time; one receiver never takes all of them.
    /// - `rate`: letters a second to one domain at most.
    pub fn new(connections: usize, calls: usize, rate: Option<NonZeroU32>) -> Self {
        let most = |all: usize| (all - all.div_ceil(8).min(all - 1)).max(1);
        Self {
            most: most(connections),
            most_calls: most(calls),
            pace: rate.map(|rate| Span((1000 / i64::from(rate.get())).max(1))),
            known: Mutex::default(),
        }
    }

    /// Letters a minute to one domain at most, where that is limited.
    pub fn per_minute(&self) -> Option<u32> {
        self.pace.map(|pace| u32::try_from(60_000 / pace.0).unwrap_or(u32::MAX))
    }

    /// Takes a place for a letter to this domain, where there is one at this moment.
    pub fn enter(&self, domain: &str, now: Timestamp) -> bool {
        if domain.is_empty() {
            return true;
        }
        let mut known = self.known();
        let domain = known.entry(domain.to_owned()).or_insert(Domain { places: 1, ..Domain::default() });
        if !domain.is_open(now) {
            return false;
        }
        domain.in_hand += 1;
        if let Some(pace) = self.pace {
            domain.next_at = now + pace;
        }
        true
    }

    /// Whether [`Domains::enter`] would find a place.
    pub fn is_open(&self, domain: &str, now: Timestamp) -> bool {
        self.known().get(domain).is_none_or(|domain| domain.is_open(now))
    }

    /// Gives the place back, with what is known now.
    pub fn leave(&self, domain: &str, verdict: Verdict, now: Timestamp) {
        let mut known = self.known();
        let most = if is_receiver(domain) { self.most_calls } else { self.most };
        let Some(domain) = known.get_mut(domain) else { return };
        domain.in_hand = domain.in_hand.saturating_sub(1);
        match verdict {
            Verdict::Well => {
                domain.places = (domain.places + 1).min(most);
                (domain.put_off, domain.holds) = (0, 0);
            }
            Verdict::Slow => {
                domain.places = 1;
                (domain.put_off, domain.holds) = (0, 0);
            }
            Verdict::PutOff => {
                domain.put_off += 1;
                if domain.put_off >= PUT_OFF {
                    domain.hold(now);
                }
            }
            Verdict::Stuck => domain.hold(now),
            Verdict::Nothing => {}
        }
    }

    /// Until when letters to this domain are held back; `None` where they are not.
    pub fn held_until(&self, domain: &str, now: Timestamp) -> Option<Timestamp> {
        let until = self.known().get(domain)?.held_until;
        (now < until).then_some(until)
    }

    /// When the next letter to this domain may leave by the limit of letters a second; `None` where one may now.
    pub fn paced_until(&self, domain: &str, now: Timestamp) -> Option<Timestamp> {
        let next = self.known().get(domain)?.next_at;
        (now < next).then_some(next)
    }

    /// The domains that are held back, each with the moment of its next letter.
    pub fn held(&self, now: Timestamp) -> Vec<(String, Timestamp)> {
        let known = self.known();
        let held = known.iter().filter(|(_, domain)| now < domain.held_until);
        held.map(|(name, domain)| (name.clone(), domain.held_until)).collect()
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<String, Domain>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Domain {
    fn is_open(&self, now: Timestamp) -> bool {
        self.in_hand < self.places && now >= self.held_until && now >= self.next_at
    }

    fn hold(&mut self, now: Timestamp) {
        self.places = 1;
        // What was under way when it was set aside says the same once more.
        if now >= self.held_until {
            let span = HELD.0.saturating_mul(1 << self.holds.min(16)).min(HELD_AT_MOST.0);
            self.holds += 1;
            self.held_until = now + Span(span);
        }
    }
}

/// The receiver of a webhook, `host:port`; nothing where the address is none.
pub fn receiver_of(address: &str) -> String {
    address.parse::<HookUrl>().map(|hook| hook.to_string()).unwrap_or_default()
}

/// Whether a domain is the receiver of a webhook.
pub fn is_receiver(domain: &str) -> bool {
    domain.contains(':')
}

/// The domain of a mail address, in lower case; nothing where it is none.
pub fn domain_of(address: &str) -> String {
    address
        .rsplit_once('@')
        .map(|(_, domain)| domain.trim_end_matches('>').to_lowercase())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const T: Timestamp = Timestamp(1_000_000);

    fn places(domains: &Domains, domain: &str) -> usize {
        let mut taken = 0;
        while domains.enter(domain, T) {
            taken += 1;
        }
        (0..taken).for_each(|_| domains.leave(domain, Verdict::Nothing, T));
        taken
    }

    #[test]
    fn a_healthy_domain_earns_its_connections_and_never_takes_the_last() {
        let domains = Domains::new(8, 8, None);
        let mut seen = Vec::new();
        for _ in 0..10 {
            seen.push(places(&domains, "a.example"));
            assert!(domains.enter("a.example", T));
            domains.leave("a.example", Verdict::Well, T);
        }
        assert_eq!(seen, [1, 2, 3, 4, 5, 6, 7, 7, 7, 7]);
        assert_eq!(places(&Domains::new(1, 1, None), "a.example"), 1);
    }

    #[test]
    fn a_receiver_of_webhooks_has_its_share_of_the_calls() {
        let domains = Domains::new(8, 2, None);
        for _ in 0..4 {
            assert!(domains.enter("hooks.example:443", T));
            domains.leave("hooks.example:443", Verdict::Well, T);
        }
        assert_eq!(places(&domains, "hooks.example:443"), 1);
    }

    #[test]
    fn a_tar_pit_is_held_back_longer_each_time_and_tried_with_one_letter() {
        let domains = Domains::new(8, 8, None);
        let mut now = T;
        for span in [10, 20, 40, 80, 160, 300, 300] {
            assert!(domains.enter("pit.example", now) && !domains.enter("pit.example", now));
            domains.leave("pit.example", Verdict::Stuck, now);
            let until = now + Span::seconds(span);
            assert_eq!(domains.held_until("pit.example", now), Some(until));
            assert!(!domains.is_open("pit.example", now) && domains.is_open("other.example", now));
            now = until;
        }
        assert!(domains.enter("pit.example", now));
        domains.leave("pit.example", Verdict::Well, now);
        domains.leave("pit.example", Verdict::Stuck, now);
        assert_eq!(domains.held_until("pit.example", now), Some(now + HELD), "it is forgiven");
    }

    #[test]
    fn one_full_mailbox_does_not_hold_its_domain_back_and_three_in_a_row_do() {
        let domains = Domains::new(8, 8, None);
        for _ in 0..2 {
            domains.enter("a.example", T);
            domains.leave("a.example", Verdict::PutOff, T);
        }
        assert_eq!(domains.held(T), []);
        domains.enter("a.example", T);
        domains.leave("a.example", Verdict::PutOff, T);
        assert_eq!(domains.held(T), [("a.example".to_owned(), T + HELD)]);
    }

    #[test]
    fn a_limit_by_the_second_spaces_the_letters_of_a_domain() {
        let domains = Domains::new(8, 8, NonZeroU32::new(4));
        assert!(domains.enter("a.example", T));
        domains.leave("a.example", Verdict::Well, T);
        assert_eq!(domains.paced_until("a.example", T), Some(T + Span(250)));
        assert!(!domains.enter("a.example", T + Span(249)) && domains.enter("a.example", T + Span(250)));
        assert_eq!(domains.paced_until("a.example", T + Span(500)), None);
        assert!(domains.enter("", T) && domains.enter("", T), "what has no domain is not limited");
    }

    #[test]
    fn domains_are_compared_in_lower_case() {
        assert_eq!(domain_of("DMAT@East.Example"), "east.example");
        assert_eq!(domain_of("090-0000-0000"), "");
        let receiver = receiver_of("https://Hooks.example/alerts#desk");
        assert_eq!((receiver.as_str(), is_receiver(&receiver)), ("hooks.example:443", true));
        assert!(!is_receiver("east.example") && receiver_of("east").is_empty());
    }
}
