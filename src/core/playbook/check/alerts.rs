//! Alerts together with their ladders and the directory (A04, A06, A07, A09, A12, A13, A16).

use std::collections::BTreeSet;

use crate::{
    directory::{Directory, SiteValue},
    playbook::{
        Condition, PartyRef, Target, Urgency,
        syntax::{AlertDraft, Deadline, Draft, LadderDraft, StepAction},
    },
    text::{DRILL_MARK, Text},
    time::Span,
    yaml::{
        Problems,
        fields::{Located, Spot},
    },
};

pub(super) fn all(draft: &Draft<'_>, directory: Option<&Directory>, problems: &Problems) {
    for alert in &draft.alerts {
        if let Some(ladder) = ladder_of(draft, alert).filter(|_| !alert.ack.is_none) {
            deadlines_before_steps(alert, ladder, problems);
            decision_in_time(alert, ladder, problems);
        }
        if let Some(directory) = directory {
            everybody_has_an_address(alert, directory, problems);
        }
        short_text_fits(draft, alert, directory, problems);
        teams_can_be_counted(draft, alert, problems);
        literal_addresses(alert, problems);
    }
    if let Some(directory) = directory {
        for ladder in &draft.ladders {
            steps_reach_somebody(draft, ladder, directory, problems);
        }
    }
    cancelling_reaches_everybody(draft, directory, problems);
    triggers_know_the_areas(draft, directory, problems);
}

fn ladder_of<'d>(draft: &'d Draft<'_>, alert: &AlertDraft<'_>) -> Option<&'d LadderDraft> {
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

fn decision_in_time(alert: &AlertDraft<'_>, ladder: &LadderDraft, problems: &Problems) {
    let limit = match alert.severity {
        Urgency::Critical => Span::minutes(30),
        Urgency::High => Span::minutes(60),
        Urgency::Normal => return,
    };
    let Some(at) = ladder.steps.last().and_then(|step| step.at.as_ref()) else { return };
    if at.value > limit {
        let place = alert.ladder.as_ref().unwrap_or(&alert.key);
        problems.error(
            "A06",
            place.at,
            &place.path,
            Text::both(
                format!("送信から判断までが {} です。この緊急度では {limit} までです。", at.value),
                format!("The decision comes {} after the sending; this severity allows {limit}.", at.value),
            ),
            Text::both(
                "最後の段階を早めるか、severity を見直してください。",
                "Let the last step come sooner, or lower the severity.",
            ),
        );
    }
}

/// The agencies that an alert goes to, each once, with the place that names them.
fn agencies<'d>(
    alert: &'d AlertDraft<'_>,
    directory: &'d Directory,
) -> Vec<(&'d str, &'d Located<PartyRef>)> {
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for to in &alert.to {
        let PartyRef::Agency(key) = &to.value else { continue };
        for member in directory.expand(key) {
            if seen.insert(member) {
                found.push((member, to));
            }
        }
    }
    found
}

fn everybody_has_an_address(alert: &AlertDraft<'_>, directory: &Directory, problems: &Problems) {
    let via_is_whole = alert.via_at.as_ref().is_some_and(|via| !problems.has_error_under(&via.path));
    if alert.via.is_empty() || !via_is_whole {
        return;
    }
    for (key, to) in agencies(alert, directory) {
        let Some(agency) = directory.agencies.get(key) else { continue };
        let primary = directory.reach(&agency.primary);
        if !alert.via.iter().any(|transport| primary.contains_key(transport.value.as_str())) {
            let via = words(&alert.via);
            problems.error(
                "A09",
                to.at,
                &to.path,
                Text::both(
                    format!("機関「{key}」には、この通知の経路({via})の宛先が1つもありません。"),
                    format!("The agency \"{key}\" has no address for any transport of this alert ({via})."),
                ),
                Text::both(
                    "台帳の primary に宛先を書くか、via に経路を足してください。",
                    "Add an address to its \"primary\", or a transport to \"via\".",
                ),
            );
        } else if directory.reach(&agency.alternate).is_empty() {
            problems.error(
                "A09",
                to.at,
                &to.path,
                Text::both(
                    format!("機関「{key}」に予備の連絡先(alternate)がありません。"),
                    format!("The agency \"{key}\" has no alternate contact."),
                ),
                Text::both(
                    "台帳の alternate に宛先を書いてください。",
                    "Add an \"alternate\" to the directory.",
                ),
            );
        }
    }
}

fn steps_reach_somebody(draft: &Draft<'_>, ladder: &LadderDraft, directory: &Directory, problems: &Problems) {
    let climbers = || {
        draft
            .alerts
            .iter()
            .filter(|alert| ladder_of(draft, alert).is_some_and(|found| found.key == ladder.key))
    };
    for step in &ladder.steps {
        let sends = matches!(step.action, Some(StepAction::Resend | StepAction::Notify));
        if !sends || problems.has_error_under(&step.place.path) {
            continue;
        }
        let Some(to) = &step.to else { continue };
        let mut missed: BTreeSet<&str> = BTreeSet::new();
        for alert in climbers() {
            let via = if step.via.is_empty() { &alert.via } else { &step.via };
            for (key, _) in agencies(alert, directory) {
                let Some(agency) = directory.agencies.get(key) else { continue };
                let reach = match to.value {
                    Target::Same => directory.reach(&agency.primary),
                    Target::Alternate => directory.reach(&agency.alternate),
                    Target::Party(_) => continue,
                };
                if !via.iter().any(|transport| reach.contains_key(transport.value.as_str())) {
                    missed.insert(key);
                }
            }
        }
        if missed.is_empty() {
            continue;
        }
        let missed: Vec<&str> = missed.into_iter().collect();
        problems.warning(
            "A07",
            step.place.at,
            &step.place.path,
            Text::both(
                format!("この段階は、経路に合う宛先のない機関には何も送りません: {}", missed.join("、")),
                format!(
                    "This step sends nothing to agencies without an address for it: {}.",
                    missed.join(", ")
                ),
            ),
            Text::both(
                "台帳に宛先を足すか、via を見直してください。",
                "Add addresses to the directory, or change \"via\".",
            ),
        );
    }
}

fn words(keys: &[Located<String>]) -> String {
    keys.iter().map(|key| key.value.as_str()).collect::<Vec<_>>().join(", ")
}

fn short_text_fits(
    draft: &Draft<'_>,
    alert: &AlertDraft<'_>,
    directory: Option<&Directory>,
    problems: &Problems,
) {
    if let Some(via) = alert.via.iter().find(|transport| transport.value == "sms")
        && !alert.has_sms
    {
        problems.error(
            "A12",
            via.at,
            &via.path,
            Text::both(
                "SMS で送る通知に、SMS の文面がありません。",
                "This alert goes by SMS and has no SMS text.",
            ),
            Text::both("sms: を書き足してください。", "Add \"sms:\"."),
        );
    }
    let limit = directory.and_then(|directory| directory.transports.get("sms")?.max_chars);
    let (Some(limit), Some(sms)) = (limit, &alert.sms) else { return };
    for variant in sms.variants() {
        let Some(text) = variant.node.as_str() else { continue };
        let longest = super::templates::longest(draft, text.trim()) + DRILL_MARK.chars().count();
        if longest > usize::try_from(limit).unwrap_or(usize::MAX) {
            variant.error(
                "A12",
                Text::both(
                    format!("SMS が最長 {longest} 文字になり、上限の {limit} 文字を超えます(訓練の印と最も長い値を含み、リンクは70文字)。"),
                    format!("The SMS can become {longest} characters long (drill mark and longest values included, the link as 70); the limit is {limit}."),
                ),
                Text::both(
                    "文面を短くするか、変数の max を小さくしてください。",
                    "Shorten the text, or the \"max\" of its variables.",
                ),
            );
        }
    }
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

fn literal_addresses(alert: &AlertDraft<'_>, problems: &Problems) {
    if alert.ack.is_none {
        return;
    }
    for variant in alert.texts.iter().flat_map(Spot::variants) {
        if variant.node.as_str().is_some_and(|words| words.contains("http://") || words.contains("https://"))
        {
            problems.warning(
                "A16",
                variant.node.at,
                &variant.path,
                Text::both(
                    "回答を求める文面に、書き込まれたアドレス(http…)があります。",
                    "A text that asks for an answer has a literal http(s) address.",
                ),
                Text::both("{{ alert.link }} を使ってください。", "Use {{ alert.link }}."),
            );
        }
    }
}

/// Whoever was told something outside is told when it is taken back, and by the same transports.
fn cancelling_reaches_everybody(draft: &Draft<'_>, directory: Option<&Directory>, problems: &Problems) {
    let Some(cancel) = &draft.cancel else { return };
    let is_outside = |key: &str| {
        directory.is_none_or(|directory| {
            directory
                .expand(key)
                .into_iter()
                .chain([key])
                .any(|key| directory.agencies.get(key).is_some_and(|agency| agency.outside))
        })
    };
    let outside_alerts: Vec<&AlertDraft<'_>> = draft
        .alerts
        .iter()
        .filter(|alert| Some(&alert.key.value) != cancel.value.alert.as_ref())
        .filter(|alert| {
            let to_agencies =
                alert.to.iter().any(|to| matches!(&to.value, PartyRef::Agency(key) if is_outside(key)));
            let in_channel = alert.channel.as_ref().is_some_and(|key| {
                draft.channels.iter().any(|channel| channel.value.key == *key && channel.value.outside)
            });
            to_agencies || in_channel
        })
        .collect();
    let Some(first) = outside_alerts.first() else { return };
    let Some(key) = &cancel.value.alert else {
        problems.error(
            "A13",
            cancel.at,
            format!("{}.alert", cancel.path),
            Text::both(
                format!("外部への通知「{}」がありますが、取消の通知がありません。", first.key.value),
                format!("The alert \"{}\" goes outside, and cancelling tells nobody.", first.key.value),
            ),
            Text::both(
                "同じ宛先・同じ経路の通知を作り、cancel.alert に書いてください。",
                "Write an alert to the same recipients by the same transports, and name it in cancel.alert.",
            ),
        );
        return;
    };
    let Some(notice) = draft.alerts.iter().find(|alert| alert.key.value == *key) else { return };
    if problems.has_error_under(&format!("alerts.{key}.to"))
        || problems.has_error_under(&format!("alerts.{key}.via"))
    {
        return;
    }
    let recipients = |alert: &AlertDraft<'_>| -> BTreeSet<String> {
        alert
            .to
            .iter()
            .flat_map(|to| match (&to.value, directory) {
                (PartyRef::Agency(key), Some(directory)) => {
                    directory.expand(key).into_iter().map(|member| format!("agency:{member}")).collect()
                }
                (party, _) => vec![party.to_string()],
            })
            .collect()
    };
    let transports = |alert: &AlertDraft<'_>| -> BTreeSet<String> {
        alert.via.iter().map(|transport| transport.value.clone()).collect()
    };
    let missing = |told: BTreeSet<String>, of: &dyn Fn(&AlertDraft<'_>) -> BTreeSet<String>| -> Vec<String> {
        let wanted: BTreeSet<String> = outside_alerts.iter().flat_map(|alert| of(alert)).collect();
        wanted.difference(&told).cloned().collect()
    };
    let faults = [
        (missing(recipients(notice), &recipients), &notice.to_at, "宛先", "recipients"),
        (missing(transports(notice), &transports), &notice.via_at, "経路", "transports"),
    ];
    for (missing, place, what_ja, what_en) in faults {
        let Some(place) = place.as_ref().filter(|_| !missing.is_empty()) else { continue };
        problems.error(
            "A13",
            place.at,
            &place.path,
            Text::both(
                format!("取消の通知に、外部へ送った{what_ja}が足りません: {}", missing.join("、")),
                format!(
                    "The cancelling alert lacks {what_en} of alerts to the outside: {}.",
                    missing.join(", ")
                ),
            ),
            Text::both("書き足してください。", "Add them."),
        );
    }
}

fn triggers_know_the_areas(draft: &Draft<'_>, directory: Option<&Directory>, problems: &Problems) {
    let Some(directory) = directory else { return };
    for trigger in &draft.triggers {
        let Some(area) = &trigger.area_in else { continue };
        let known = area
            .value
            .strip_prefix("site.")
            .is_some_and(|key| matches!(directory.site.get(key), Some(SiteValue::List(_))));
        if !known {
            problems.error(
                "T02",
                area.at,
                &area.path,
                Text::both(
                    format!("区域の一覧「{}」が台帳の site にありません。", area.value),
                    format!("The directory's site has no list of areas \"{}\".", area.value),
                ),
                Text::both(
                    "台帳の site: areas: に区域の一覧を書いてください。",
                    "Give the directory \"site: areas:\" with a list.",
                ),
            );
        }
    }
}
