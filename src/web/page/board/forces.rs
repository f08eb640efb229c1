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

/// A name as it stands on a magnet: its first whole words, in half widths no more than "Kitamino Central" or
/// 北見野中央病院 has. A word also ends where Japanese meets Latin letters; one that is too long is cut.
pub(super) fn short(name: &str) -> String {
    const HALF_WIDTHS: usize = 16;
    let width = |text: &str| text.chars().map(|c| if c.is_ascii() { 1 } else { 2 }).sum::<usize>();
    let letters: Vec<(usize, char)> = name.char_indices().collect();
    let parts = |here: char, next: char| next.is_whitespace() || here.is_ascii() != next.is_ascii();
    let ends = letters.windows(2).filter(|pair| parts(pair[0].1, pair[1].1)).map(|pair| pair[1].0);
    let fitting = ends.chain([name.len()]).rfind(|end| width(&name[..*end]) <= HALF_WIDTHS);
    let mut kept =
        name[..fitting.unwrap_or(name.len())].trim_end_matches([' ', '　', ',', '、', '-']).to_owned();
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

#[cfg(test)]
mod tests {
    use super::short;

    #[test]
    fn a_magnet_tells_one_agency_from_the_next() {
        for (name, magnet) in [
            ("北見野中央病院DMAT", "北見野中央病院"),
            ("Kitamino Central Hospital DMAT", "Kitamino Central"),
            ("Kitamino Medical Association", "Kitamino Medical"),
            ("Red Cross, Hokuto branch (example)", "Red Cross"),
            ("赤十字 北都支部（例）", "赤十字"),
            ("国立研究開発法人災害医療センター", "国立研究開発法人"),
            ("A病院", "A病院"),
            ("", ""),
        ] {
            assert_eq!(short(name), magnet);
        }
    }
}
