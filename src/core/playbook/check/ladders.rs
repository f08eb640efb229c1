//! Ladders and response sets by themselves: a ladder climbs, asks named people first, and ends at a person (A02, A05,
//! A10, A14, A15); a set can be answered (A11).

use std::collections::BTreeMap;

use crate::{
    directory::Directory,
    playbook::{
        Condition, CountsAs, Meaning, PartyRef, StopOn, Target,
        syntax::{Draft, LadderDraft, ResponseSetDraft, StepAction},
    },
    text::Text,
    time::Span,
    yaml::{Problems, fields::Spot},
};

pub(super) fn all(draft: &Draft<'_>, directory: Option<&Directory>, root: &Spot<'_>, problems: &Problems) {
    for ladder in &draft.ladders {
        ends_at_a_person(ladder, problems);
        ascends(ladder, problems);
        every_step_can_come(ladder, problems);
        if let Some(directory) = directory {
            somebody_before_everybody(ladder, directory, problems);
        }
        if let Some(steps) = root.descend(&["ladders", &ladder.key.value, "steps"]) {
            raises_to_somebody_else(&steps);
        }
    }
    for set in &draft.response_sets {
        if set.whole {
            can_be_answered(set, problems);
        }
        follows(set, root, problems);
    }
    refreshes_end(draft, root);
}

/// A ladder that stops at an earlier evidence than a step tests never comes to that step for those who gave it.
fn every_step_can_come(ladder: &LadderDraft, problems: &Problems) {
    let stops = ladder.stops();
    for step in &ladder.steps {
        let earlier: &[(StopOn, &str)] = match step.condition {
            Some(Condition::Unresponded) => &[(StopOn::Read, "read"), (StopOn::Acked, "acked")],
            Some(Condition::Unacked) => &[(StopOn::Read, "read")],
            Some(Condition::Unread) | None => &[],
        };
        let Some((_, stop)) = earlier.iter().find(|(stop, _)| stops.contains(stop)) else { continue };
        let tested = if step.condition == Some(Condition::Unresponded) { "unresponded" } else { "unacked" };
        let place = step.condition_at.as_ref().unwrap_or(&step.place);
        problems.warning(
            "A14",
            place.at,
            &place.path,
            Text::both(
                format!("この段階は {tested} を調べますが、stop_on の {stop} が先に終わらせるため、{stop} の相手には来ません。"),
                format!("This step tests \"{tested}\", and \"{stop}\" in stop_on ends the ladder first: it never comes to those who have {stop}."),
            ),
            Text::both(
                format!("stop_on から {stop} を外すか、段階の条件を見直してください。"),
                format!("Remove \"{stop}\" from stop_on, or change what the step tests."),
            ),
        );
    }
}

/// A group, or everybody of a roster, is asked only after one role has been named.
fn somebody_before_everybody(ladder: &LadderDraft, directory: &Directory, problems: &Problems) {
    for step in &ladder.steps {
        let Some(to) = &step.to else { continue };
        let everybody = match &to.value {
            Target::Party(PartyRef::Agency(key)) => directory.members(key).nth(1).is_some(),
            Target::Party(PartyRef::Roster(key)) => directory
                .rosters
                .get(key)
                .is_some_and(|roster| roster.rotate.is_none() && roster.members.len() > 1),
            // A named role: what comes after it may spread.
            Target::Party(PartyRef::Role(_)) => return,
            Target::Same | Target::Alternate => false,
        };
        if everybody && step.action != Some(StepAction::Decide) {
            let Target::Party(party) = &to.value else { return };
            problems.warning(
                "A10",
                to.at,
                &to.path,
                Text::both(
                    format!("名指しの人より先に、「{party}」の全員へ広げています。"),
                    format!("This spreads to everybody of \"{party}\" before it has named one person."),
                ),
                Text::both(
                    "先に役割(role:…)へ知らせる段階を置いてください。",
                    "Put a step to a role (role:…) before it.",
                ),
            );
            return;
        }
    }
}

/// What is raised to the party that decides already comes back without end.
fn raises_to_somebody_else(steps: &Spot<'_>) {
    for step in steps.elements() {
        let Some(decider) = step.child("to").and_then(|to| to.words()) else { continue };
        for option in step.child("options").map(|options| options.elements()).unwrap_or_default() {
            let raises = option.child("then").is_some_and(|then| then.words() == Some("raise"));
            let Some(to) = option.child("to").filter(|to| raises && to.words() == Some(decider)) else {
                continue;
            };
            to.warning(
                "A15",
                Text::both(
                    format!("判断する「{decider}」本人へ上げています。いつまでも戻って来ます。"),
                    format!(
                        "This raises it to \"{decider}\", which decides already: it comes back without end."
                    ),
                ),
                Text::both("別の役割へ上げてください。", "Raise it to another role."),
            );
        }
    }
}

/// What is asked again and again needs a ladder: it ends at a person when nobody answers any more.
fn refreshes_end(draft: &Draft<'_>, root: &Spot<'_>) {
    for alert in draft.alerts.iter().filter(|alert| alert.ack.is_none) {
        let Some(set) = &alert.responses else { continue };
        let options = root.descend(&["response_sets", &set.value]).map(|spot| spot.elements());
        let repeat = options.unwrap_or_default().iter().find_map(|option| option.child("refresh_every"));
        let Some(repeat) = repeat else { continue };
        repeat.warning(
            "A15",
            Text::both(
                format!(
                    "通知「{}」には段階がないため、この繰返しの問い合わせの終わりに人がいません。",
                    alert.key.value
                ),
                format!(
                    "The alert \"{}\" has no ladder: nobody stands at the end of this repetition.",
                    alert.key.value
                ),
            ),
            Text::both(
                "通知に ladder を付けるか、refresh_every を外してください。",
                "Give the alert a ladder, or remove \"refresh_every\".",
            ),
        );
    }
}

fn ends_at_a_person(ladder: &LadderDraft, problems: &Problems) {
    let help = || {
        Text::both(
            "steps の最後に - { at: 30m, if: unacked, do: decide, to: \"role:…\", final: true } のような段階を書いてください。",
            "End it with a step like this: - { at: 30m, if: unacked, do: decide, to: \"role:…\", final: true }.",
        )
    };
    let Some((last, earlier)) = ladder.steps.split_last() else {
        if !problems.has_error_under(&ladder.key.path) {
            problems.error(
                "A02",
                ladder.steps_at.at,
                &ladder.steps_at.path,
                Text::both("段階が1つもありません。", "There is no step."),
                help(),
            );
        }
        return;
    };
    for step in earlier {
        if step.is_final || step.action == Some(StepAction::Decide) {
            problems.error(
                "A02",
                step.place.at,
                &step.place.path,
                Text::both(
                    "判断(decide、final)は最後の段階だけに書けます。",
                    "Only the last step can be final and decide.",
                ),
                help(),
            );
        }
    }
    // A word after `do` that could not be read is told already.
    let decides = last.action.is_none() || last.action == Some(StepAction::Decide);
    if !decides || !last.is_final {
        problems.error(
            "A02",
            last.place.at,
            &last.place.path,
            Text::both(
                format!(
                    "「{}」の最後の段階が、人の判断(do: decide と final: true)ではありません。",
                    ladder.key.value
                ),
                format!(
                    "The last step of \"{}\" is not a person's decision (do: decide and final: true).",
                    ladder.key.value
                ),
            ),
            help(),
        );
    }
}

fn ascends(ladder: &LadderDraft, problems: &Problems) {
    for pair in ladder.steps.windows(2) {
        let [Some(before), Some(after)] = [&pair[0].at, &pair[1].at] else { continue };
        if after.value <= before.value {
            problems.error(
                "A05",
                after.at,
                &after.path,
                Text::both(
                    format!(
                        "段階の時刻 {} が、前の段階の {} より後になっていません。",
                        after.value, before.value
                    ),
                    format!(
                        "This step's {} is not after the {} of the step before it.",
                        after.value, before.value
                    ),
                ),
                Text::both(
                    "at は送信からの経過時間です。小さい順に書いてください。",
                    "\"at\" counts from the sending; write the steps in ascending order.",
                ),
            );
        } else if after.value.0 - before.value.0 < Span::seconds(60).0 {
            problems.warning(
                "A05",
                after.at,
                &after.path,
                Text::both(
                    "前の段階との間が60秒より短いです。",
                    "This step is less than 60 s after the one before it.",
                ),
                Text::both("1分以上あけてください。", "Leave a minute or more."),
            );
        }
    }
}

fn can_be_answered(set: &ResponseSetDraft, problems: &Problems) {
    let options = || set.options.iter().map(|option| &option.value);
    let at = |ja: String, en: String, help: Text| {
        problems.error("A11", set.key.at, &set.key.path, Text::both(ja, en), help);
    };
    let name = &set.key.value;
    // An option that waits for another one cannot be the first answer.
    if !options().any(|option| option.counts_as == CountsAs::Ack && option.after.is_none()) {
        at(
            format!("回答の選択肢「{name}」に、回答に数えるもの(counts_as: ack)がありません。"),
            format!("No option of \"{name}\" counts as an acknowledgement (counts_as: ack)."),
            Text::both("counts_as: ack の選択肢を書いてください。", "Give it an option with counts_as: ack."),
        );
    }
    let asks_for_resources =
        options().any(|option| option.meaning == Meaning::Accept && !option.ask.is_empty());
    if asks_for_resources && !options().any(|option| option.meaning == Meaning::Decline) {
        at(
            format!("「{name}」は応援を求めていますが、断る選択肢がありません。"),
            format!("\"{name}\" asks for resources, and nobody can decline."),
            Text::both(
                "meaning: decline の選択肢を書いてください。",
                "Give it an option with meaning: decline.",
            ),
        );
    }
}

/// `after` leads to an option that can be chosen first.
fn follows(set: &ResponseSetDraft, root: &Spot<'_>, problems: &Problems) {
    let options = root.descend(&["response_sets", &set.key.value]).map(|spot| spot.elements());
    let places: BTreeMap<String, Spot<'_>> = options
        .unwrap_or_default()
        .into_iter()
        .filter_map(|option| Some((option.path.clone(), option.child("after")?)))
        .collect();
    let by_key: BTreeMap<&str, Option<&str>> =
        set.options.iter().map(|option| (option.value.key.as_str(), option.value.after.as_deref())).collect();
    for option in &set.options {
        let Some(after) = &option.value.after else { continue };
        let mut key = after.as_str();
        let mut hops = 0;
        let reached = loop {
            match by_key.get(key) {
                None => break !set.whole && key != after,
                Some(None) => break true,
                Some(Some(next)) => key = next,
            }
            hops += 1;
            if hops > by_key.len() {
                break false;
            }
        };
        if !reached {
            problems.error(
                "A11",
                places.get(&option.path).map_or(option.at, |after| after.node.at),
                format!("{}.after", option.path),
                Text::both(
                    format!("after の「{after}」から選べる回答がありません。"),
                    format!("\"after: {after}\" leads to no option that can be chosen."),
                ),
                Text::both(
                    "同じ選択肢の組にあるキーを書いてください。",
                    "Write the key of another option of this set.",
                ),
            );
        }
    }
}
