//! Reports, and what channels show of them (T06, T08, T10).

use std::collections::{BTreeMap, BTreeSet};

use super::people;
use crate::{
    directory::Directory,
    playbook::{PartyRef, syntax::Draft},
    text::Text,
    yaml::fields::Spot,
};

pub(super) fn all(draft: &Draft<'_>, directory: Option<&Directory>, root: &Spot<'_>) {
    let reports = root.child("reports").map(|spot| spot.children()).unwrap_or_default();
    for (_, report) in &reports {
        two_people_answer_for_it(draft, directory, report);
        audience_takes_it(report, root);
    }
    let told: BTreeSet<&str> = reports
        .iter()
        .filter_map(|(_, report)| report.child("audience"))
        .flat_map(|audience| audience.list_of_words())
        .filter_map(|channel| channel.strip_prefix("channel:"))
        .collect();
    relays_end_inside(draft, root);
    for channel in &draft.channels {
        if channel.value.outside
            && let Some(block) = root.descend(&["channels", &channel.value.key])
        {
            pins_stay_inside(&block, told.contains(channel.value.key.as_str()));
        }
    }
}

/// Nobody approves their own report.
fn two_people_answer_for_it(draft: &Draft<'_>, directory: Option<&Directory>, report: &Spot<'_>) {
    let (Some(author), Some(approver)) = (report.child("author"), report.child("approver")) else { return };
    let (Some(writes), Some(approves)) = (author.words(), approver.words()) else { return };
    let [writer, judge] = [writes, approves].map(|key| PartyRef::Role(key.to_owned()));
    let both: Vec<&str> = match directory {
        Some(directory) => {
            let judges = people::who_could_be(&judge, draft, directory);
            people::who_could_be(&writer, draft, directory).intersection(&judges).copied().collect()
        }
        None => {
            let judges = people::rosters(&judge, draft, None);
            people::rosters(&writer, draft, None)
                .into_iter()
                .filter(|roster| judges.contains(roster))
                .collect()
        }
    };
    if both.is_empty() {
        return;
    }
    approver.warning(
        "T06",
        Text::both(
            format!("報告を作る「{writes}」と承認する「{approves}」を、同じ人が務め得ます: {}", both.join("、")),
            format!(
                "One person can hold both \"{writes}\", which writes this report, and \"{approves}\", which approves it: {}.",
                both.join(", ")
            ),
        ),
        Text::both(
            "別の役割に承認させるか、fill の当番表を分けてください。",
            "Let another role approve it, or fill the two roles from different rosters.",
        ),
    );
}

/// The channels of the audience take what is said to all.
fn audience_takes_it(report: &Spot<'_>, root: &Spot<'_>) {
    for place in report.child("audience").map(|audience| audience.elements()).unwrap_or_default() {
        let Some(key) = place.words().and_then(|words| words.strip_prefix("channel:")) else { continue };
        let open = root.descend(&["channels", key, "broadcasts"]);
        if open.is_some_and(|open| open.words() == Some("false")) {
            place.error(
                "T08",
                Text::both(
                    format!("チャンネル「{key}」は一斉の報告を受けません(broadcasts: false)。"),
                    format!("The channel \"{key}\" takes no broadcasts (broadcasts: false)."),
                ),
                Text::both(
                    "audience から外すか、チャンネルの broadcasts を外してください。",
                    "Remove it from the audience, or open the channel.",
                ),
            );
        }
    }
}

/// What is said outside is passed on until an internal channel hears it. A channel that passes nothing on is told while
/// it is read, and a circle once.
fn relays_end_inside(draft: &Draft<'_>, root: &Spot<'_>) {
    let outside: BTreeMap<&str, Option<&str>> = draft
        .channels
        .iter()
        .map(|channel| &channel.value)
        .filter(|channel| channel.outside)
        .map(|channel| (channel.key.as_str(), channel.relay_to.as_deref()))
        .collect();
    let mut seen = BTreeSet::new();
    for channel in &draft.channels {
        let mut way = BTreeSet::new();
        let mut next = channel.value.key.as_str();
        while let Some(relay) = outside.get(next) {
            if !way.insert(next) {
                break;
            }
            match relay {
                Some(relay) => next = relay,
                None => break,
            }
        }
        let is_circle = outside.get(next).is_some_and(Option::is_some);
        let is_told = way.iter().any(|key| seen.contains(key));
        seen.extend(way);
        let Some(relay) = root.descend(&["channels", &channel.value.key, "relay_to"]) else { continue };
        if is_circle && !is_told {
            relay.warning(
                "T10",
                Text::both(
                    format!("外部のチャンネル「{}」の発言が、外部のチャンネルの間を回るだけで、本部に届きません。", channel.value.key),
                    format!("What is said in the outside channel \"{}\" goes round among outside channels and never reaches the head office.", channel.value.key),
                ),
                Text::both(
                    "relay_to: に内部のチャンネルを書いてください。",
                    "Give one of them \"relay_to:\" with an internal channel.",
                ),
            );
        }
    }
}

/// What the head office pins for itself is not shown outside. A report may be shown where it is sent to anyway; the
/// list of contacts is refused while the channel is read.
fn pins_stay_inside(channel: &Spot<'_>, gets_reports: bool) {
    for pin in channel.child("pins").map(|pins| pins.elements()).unwrap_or_default() {
        let is_internal = match pin.words() {
            Some("objectives" | "ack_board") => true,
            Some("latest_sitrep") => !gets_reports,
            _ => false,
        };
        if is_internal {
            pin.warning(
                "T10",
                Text::both(
                    "本部の掲示が、外部のチャンネルに見えます。",
                    "This pin of the head office can be seen in an outside channel.",
                ),
                Text::both("内部のチャンネルに掲示してください。", "Pin it in an internal channel."),
            );
        }
    }
}
