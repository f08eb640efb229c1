//! Alerts together with their ladders: deadlines before the steps that test them (A04), a decision in time (A06), a
//! quorum of teams that can be counted.

use super::Site;
use crate::{
    playbook::{
        Condition, Urgency,
        syntax::{AlertDraft, Deadline, Draft, LadderDraft},
    },
    text::Text,
    time::Span,
    yaml::Problems,
};

pub(super) fn all(draft: &Draft<'_>, site: &Site<'_>, problems: &Problems) {
    for alert in &draft.alerts {
        if let Some(ladder) = ladder_of(draft, alert).filter(|_| !alert.ack.is_none) {
            deadlines_before_steps(alert, ladder, problems);
        }
        teams_can_be_counted(draft, alert, problems);
    }
    for ladder in &draft.ladders {
        decision_in_time(draft, ladder, site, problems);
    }
}

/// The ladder that an alert climbs.
pub(super) fn ladder_of<'d>(draft: &'d Draft<'_>, alert: &AlertDraft<'_>) -> Option<&'d LadderDraft> {
    let key = &alert.ladder.as_ref()?.value;
    draft.ladders.iter().find(|ladder| ladder.key.value == *key)
}

/// A step that asks whether somebody has answered comes when the time for it has passed, and not before.
fn deadlines_before_steps(alert: &AlertDraft<'_>, ladder: &LadderDraft, problems: &Problems) {
    let conditions = [
        (Condition::Unread, "unread", "read_by", &alert.ack.read_by),
        (Condition::Unacked, "unacked", "ack_by", &alert.ack.ack_by),
        (Condition::Unresponded, "unresponded", "respond_by", &alert.ack.respond_by),
    ];
    for (condition, word, name, deadline) in conditions {
        let mut steps = ladder.steps.iter().filter(|step| step.condition == Some(condition));
        match deadline {
            Deadline::Faulty => {}
            Deadline::Missing => {
                let Some(step) = steps.next() else { continue };
                let (at, path) = match &alert.ack.place {
                    Some(ack) => (ack.at, format!("{}.{name}", ack.path)),
                    None => (alert.at(), format!("{}.ack.{name}", alert.key.path)),
                };
                let line = step.place.at.line;
                problems.error(
                    "A04",
                    at,
                    path,
                    Text::both(
                        format!(
                            "段階「{}」の {line} 行目は {word} を調べますが、{name} がありません。",
                            ladder.key.value
                        ),
                        format!(
                            "Line {line} of the ladder \"{}\" tests \"{word}\", and there is no \"{name}\".",
                            ladder.key.value
                        ),
                    ),
                    Text::both(
                        format!("ack: に {name} を書き足してください。"),
                        format!("Add \"{name}\" to \"ack:\"."),
                    ),
                );
            }
            Deadline::Given(deadline) => {
                let early = steps.find_map(|step| {
                    let at = step.at.as_ref()?;
                    (at.value < deadline.value).then_some((at.value, step.place.at.line))
                });
                let Some((at, line)) = early else { continue };
                problems.error(
                    "A04",
                    deadline.at,
                    &deadline.path,
                    Text::both(
                        format!("{name} の {} が、{word} を調べる段階({line} 行目、{at})より後です。", deadline.value),
                        format!("\"{name}\" is {}, later than the step that tests \"{word}\" (line {line}, {at}).", deadline.value),
                    ),
                    Text::both(
                        format!("{name} を {at} 以下にするか、段階の at を遅くしてください。"),
                        format!("Make \"{name}\" {at} or less, or let the step come later."),
                    ),
                );
            }
        }
    }
}

/// The decision comes in time for the most urgent alert that climbs the ladder.
fn decision_in_time(draft: &Draft<'_>, ladder: &LadderDraft, site: &Site<'_>, problems: &Problems) {
    let Some(at) = ladder.steps.last().and_then(|step| step.at.as_ref()) else { return };
    let limit = |severity| match severity {
        Urgency::Critical => Some(site.span("decide_within_critical").unwrap_or(Span::minutes(30))),
        Urgency::High => Some(site.span("decide_within_high").unwrap_or(Span::minutes(60))),
        Urgency::Normal => None,
    };
    let climbers = draft.alerts.iter().filter(|alert| {
        !alert.ack.is_none && ladder_of(draft, alert).is_some_and(|climbed| climbed.key == ladder.key)
    });
    let strictest = climbers
        .filter_map(|alert| Some((limit(alert.severity)?, alert.key.value.as_str())))
        .min_by_key(|(limit, _)| *limit);
    let Some((limit, alert)) = strictest.filter(|(limit, _)| at.value > *limit) else { return };
    problems.error(
        "A06",
        at.at,
        &at.path,
        Text::both(
            format!("通知「{alert}」の送信から判断までが {} です。この緊急度では {limit} までです。", at.value),
            format!(
                "The decision about the alert \"{alert}\" comes {} after the sending; its severity allows {limit}.",
                at.value
            ),
        ),
        Text::both(
            "最後の段階を早めるか、通知の severity を見直してください。",
            "Let the last step come sooner, or lower the severity of the alert.",
        ),
    );
}

fn teams_can_be_counted(draft: &Draft<'_>, alert: &AlertDraft<'_>, problems: &Problems) {
    let (Some(place), Some(set)) = (&alert.ack.counts_teams, &alert.responses) else { return };
    let Some(set) = draft.response_sets.iter().find(|known| known.key.value == set.value) else { return };
    let asks_teams = set.options.iter().any(|option| {
        option.value.meaning == crate::playbook::Meaning::Accept
            && option
                .value
                .ask
                .iter()
                .any(|ask| ask.key == "teams" && matches!(ask.kind, crate::playbook::AskKind::Int { .. }))
    });
    if set.whole && !asks_teams {
        problems.error(
            "R02",
            place.at,
            &place.path,
            Text::both(
                "隊数を数えますが、隊数(key: teams、type: int)を尋ねる選択肢がありません。",
                "Teams are counted, and no accepting option asks for them (key: teams, type: int).",
            ),
            Text::both(
                "meaning: accept の選択肢の ask に teams を足してください。",
                "Add \"teams\" to the \"ask\" of an accepting option.",
            ),
        );
    }
}
