//! Ladders and response sets by themselves: a ladder climbs and ends at a person (A02, A05), a set can be answered
//! (A11).

use std::collections::BTreeMap;

use crate::{
    playbook::{
        CountsAs, Meaning,
        syntax::{Draft, LadderDraft, ResponseSetDraft, StepAction},
    },
    text::Text,
    time::Span,
    yaml::Problems,
};

pub(super) fn all(draft: &Draft<'_>, problems: &Problems) {
    for ladder in &draft.ladders {
        ends_at_a_person(ladder, problems);
        ascends(ladder, problems);
    }
    for set in &draft.response_sets {
        if set.whole {
            can_be_answered(set, problems);
        }
        follows(set, problems);
    }
}

fn ends_at_a_person(ladder: &LadderDraft, problems: &Problems) {
    let help = || {
        Text::both(
            "最後の段階は { at: 30m, if: unacked, do: decide, to: \"role:…\", final: true } のように書きます。",
            "End it like this: { at: 30m, if: unacked, do: decide, to: \"role:…\", final: true }.",
        )
    };
    let Some((last, earlier)) = ladder.steps.split_last() else {
        if !problems.has_error_under(&ladder.steps_at.path) {
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
fn follows(set: &ResponseSetDraft, problems: &Problems) {
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
                option.at,
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
