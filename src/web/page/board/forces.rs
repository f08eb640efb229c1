//! The teams that come, against the target, with their arrivals.

use noroshi_core::time::Timestamp;

use super::{
    super::{frame::Frame, mark::Mark},
    known::{AlertFacts, RecipientFacts},
};

/// The teams that come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forces {
    /// The sentence before the number.
    pub promised: usize,
    /// 目標 6隊、条件付き 1、不足 1, in words.
    pub against: String,
    /// Magnets: short name and class.
    pub slots: Vec<(String, &'static str)>,
    /// Arrivals in order: clock, who, running total, whether under a condition.
    pub arrivals: Vec<(String, String, String, bool)>,
}

/// A name as it stands on a magnet: whole words, or the first six wide characters.
pub(super) fn short(name: &str) -> String {
    const HALF_WIDTHS: usize = 12;
    let width = |text: &str| text.chars().map(|c| if c.is_ascii() { 1 } else { 2 }).sum::<usize>();
    let mut words = name.split_whitespace();
    let mut kept = words.next().unwrap_or_default().to_owned();
    for word in words {
        if width(&kept) + 1 + width(word) > HALF_WIDTHS {
            break;
        }
        kept = format!("{kept} {word}");
    }
    while width(&kept) > HALF_WIDTHS {
        kept.pop();
    }
    kept
}

/// The teams of all answers against the target, and their arrivals with a running total.
pub(super) fn forces(alerts: &[AlertFacts], frame: &Frame) -> Option<Forces> {
    let teams_of = |facts: &RecipientFacts| {
        let answer = facts.answer.as_ref().filter(|answer| !answer.suspect)?;
        let teams = answer.teams?;
        matches!(answer.mark, Mark::Yes | Mark::Part | Mark::Ok).then_some((
            facts.name.clone(),
            teams,
            answer.mark == Mark::Part,
            answer.arrival,
        ))
    };
    let mut coming: Vec<_> = alerts.iter().flat_map(|alert| &alert.recipients).filter_map(teams_of).collect();
    let target: Option<usize> = alerts.iter().filter_map(|alert| alert.target).reduce(|a, b| a + b);
    if coming.is_empty() && target.is_none() {
        return None;
    }
    coming.sort_by_key(|(_, _, conditional, arrival)| (*conditional, arrival.unwrap_or(Timestamp(i64::MAX))));
    let sum =
        |wanted: bool| coming.iter().filter(|force| force.2 == wanted).map(|force| force.1).sum::<usize>();
    let (promised, conditional) = (sum(false), sum(true));
    let missing = target.map_or(0, |target| target.saturating_sub(promised + conditional));
    let mut against = Vec::new();
    against.extend(target.map(|target| frame.count("forces-target", target)));
    if conditional > 0 {
        against.push(frame.count("forces-conditional", conditional));
    }
    if missing > 0 {
        against.push(frame.count("forces-missing", missing));
    }
    let mut slots = Vec::new();
    for (name, teams, conditional, _) in &coming {
        let short = short(name);
        let slot = if *conditional { (format!("△{short}"), "maybe") } else { (short, "got") };
        slots.extend(std::iter::repeat_n(slot, *teams));
    }
    slots.extend(std::iter::repeat_n((frame.words.get("forces-gap"), "gap"), missing));
    let mut arriving: Vec<_> =
        coming.iter().filter_map(|(name, teams, c, at)| Some((name, *teams, *c, (*at)?))).collect();
    arriving.sort_by_key(|(.., at)| *at);
    let mut total = 0;
    let arrivals = arriving
        .into_iter()
        .map(|(name, teams, conditional, at)| {
            total += teams;
            let who =
                format!("{}{name} {}", if conditional { "△" } else { "" }, frame.count("board-teams", teams));
            (frame.when.short(at), who, frame.count("forces-total", total), conditional)
        })
        .collect();
    Some(Forces { promised, against: against.join(&frame.words.get("list-join")), slots, arrivals })
}
