//! Ladders: steps with holes where they could not be read.

use super::{Gathered, Thing, start::all_differ};
use crate::{
    playbook::{Action, Condition, DecideOption, Ladder, NamedLadder, Step, StopOn, Target, Then},
    text::Text,
    time::Span,
    yaml::{
        Value,
        fields::{Located, Spot, did_you_mean},
    },
};

/// A ladder as far as it could be read.
pub(in crate::playbook) struct LadderDraft {
    pub(in crate::playbook) key: Located<String>,
    pub(in crate::playbook) steps: Vec<StepDraft>,
    /// The list of steps.
    pub(in crate::playbook) steps_at: Located<()>,
    stop_on: Option<Vec<StopOn>>,
}

/// A step with holes where it could not be read.
pub(in crate::playbook) struct StepDraft {
    pub(in crate::playbook) place: Located<()>,
    pub(in crate::playbook) at: Option<Located<Span>>,
    pub(in crate::playbook) condition: Option<Condition>,
    pub(in crate::playbook) condition_at: Option<Located<()>>,
    pub(in crate::playbook) action: Option<StepAction>,
    pub(in crate::playbook) to: Option<Located<Target>>,
    pub(in crate::playbook) via: Vec<Located<String>>,
    pub(in crate::playbook) via_at: Option<Located<()>>,
    pub(in crate::playbook) is_final: bool,
    ask: Option<Text>,
    options: Vec<DecideOption>,
}

/// The word after `do:`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::playbook) enum StepAction {
    Resend,
    Notify,
    Call,
    Decide,
}

impl LadderDraft {
    /// What ends the ladder: as written, else what its last step waits for.
    pub(in crate::playbook) fn stops(&self) -> Vec<StopOn> {
        let by_default = || {
            let responded = self.steps.last().and_then(|step| step.condition) == Some(Condition::Unresponded);
            let answered = if responded { StopOn::Responded } else { StopOn::Acked };
            vec![answered, StopOn::Superseded, StopOn::IncidentClosed]
        };
        self.stop_on.clone().unwrap_or_else(by_default)
    }

    pub(super) fn into_ladder(self) -> Option<NamedLadder> {
        let stop_on = self.stops();
        let steps = self.steps.into_iter().map(StepDraft::into_step).collect::<Option<_>>()?;
        Some(NamedLadder { key: self.key.value, ladder: Ladder { steps, stop_on } })
    }
}

impl StepDraft {
    fn into_step(self) -> Option<Step> {
        let to = self.to?.value;
        let via = self.via.into_iter().map(|transport| transport.value).collect();
        let action = match self.action? {
            StepAction::Resend => Action::Resend { to, via },
            StepAction::Notify => Action::Notify { to, via },
            StepAction::Call => Action::Call { to, ask: self.ask },
            StepAction::Decide => Action::Decide { to, options: self.options },
        };
        Some(Step { at: self.at?.value, condition: self.condition, action, line: self.place.at.line })
    }
}

pub(super) fn ladders<'a>(spot: &Spot<'a>, gathered: &Gathered<'a>) -> Vec<LadderDraft> {
    spot.entries().into_iter().filter_map(|(key, spot)| ladder(key, &spot, gathered)).collect()
}

fn ladder<'a>(key: String, spot: &Spot<'a>, gathered: &Gathered<'a>) -> Option<LadderDraft> {
    let fields = spot.fields()?;
    let list = fields.need("steps");
    let steps_at = list.as_ref().map_or_else(|| spot.locate(()), |list| list.locate(()));
    let steps = list.map(|list| list.items().iter().filter_map(|spot| step(spot, gathered)).collect());
    let stop_on = fields.get("stop_on").map(|spot| {
        spot.items()
            .iter()
            .filter_map(|spot| {
                spot.one_of(&[
                    ("read", StopOn::Read),
                    ("acked", StopOn::Acked),
                    ("responded", StopOn::Responded),
                    ("superseded", StopOn::Superseded),
                    ("incident_closed", StopOn::IncidentClosed),
                ])
            })
            .collect()
    });
    fields.finish();
    Some(LadderDraft { key: spot.locate(key), steps: steps?, steps_at, stop_on })
}

fn step<'a>(spot: &Spot<'a>, gathered: &Gathered<'a>) -> Option<StepDraft> {
    let fields = spot.fields()?;
    let at = fields.need("at").and_then(|spot| Some(spot.locate(spot.span()?)));
    let condition_spot = fields.get("if");
    let condition = condition_spot.as_ref().and_then(|spot| {
        spot.one_of(&[
            ("unread", Condition::Unread),
            ("unacked", Condition::Unacked),
            ("unresponded", Condition::Unresponded),
        ])
    });
    let condition_at = condition_spot.map(|spot| spot.locate(()));
    let action = fields.need("do").and_then(|spot| {
        spot.one_of(&[
            ("resend", StepAction::Resend),
            ("notify", StepAction::Notify),
            ("call", StepAction::Call),
            ("decide", StepAction::Decide),
        ])
    });
    if action.is_some_and(|action| action != StepAction::Decide) && !fields.has("if") {
        fields.missing("R02", "if");
    }
    let to = fields.need("to").and_then(|spot| Some(spot.locate(target(&spot, action, gathered)?)));
    let is_final = fields.get("final").and_then(|spot| spot.flag()).unwrap_or(false);
    let mut via = Vec::new();
    let mut via_at = None;
    let mut ask = None;
    let mut options = Vec::new();
    if let Some(spot) = fields.get("via") {
        spot.some_items();
        via_at = Some(spot.locate(()));
        via = gathered.keys_of(Thing::Transport, &spot);
    }
    if matches!(action, Some(StepAction::Call | StepAction::Decide) | None) {
        ask = fields.get("ask").and_then(|spot| spot.text());
    }
    if matches!(action, Some(StepAction::Decide) | None) {
        options = match fields.get("options") {
            Some(spot) => decide_options(&spot, gathered),
            None => vec![DecideOption {
                label: Text::both("対応済みとする", "Mark as handled"),
                then: Then::End,
            }],
        };
    }
    let is_final = is_final || fields.is_misspelt("final");
    fields.finish();
    Some(StepDraft {
        place: spot.locate(()),
        at,
        condition,
        condition_at,
        action,
        to,
        via,
        via_at,
        is_final,
        ask,
        options,
    })
}

/// Whom a step speaks to. Only people of ours telephone and decide: their targets are roles and rosters.
fn target<'a>(spot: &Spot<'a>, action: Option<StepAction>, gathered: &Gathered<'a>) -> Option<Target> {
    let own_people = matches!(action, Some(StepAction::Call | StepAction::Decide));
    let word = spot.string()?;
    let contact = match word {
        "same" => Some(Target::Same),
        "alternate" => Some(Target::Alternate),
        _ => None,
    };
    if own_people && (contact.is_some() || word.starts_with("agency:")) {
        let (code, what_ja, what_en) = match action {
            Some(StepAction::Decide) => ("A02", "決める", "decides"),
            _ => ("R02", "電話をかける", "telephones"),
        };
        spot.error(
            code,
            Text::both(
                format!("{what_ja}のは人です。「{word}」は人が務める役割ではありません。"),
                format!("A person {what_en}, and \"{word}\" is no role that a person holds."),
            ),
            Text::both("\"role:…\" か roster.… を書いてください。", "Write \"role:…\" or roster.…."),
        );
        return None;
    }
    if contact.is_some() {
        return contact;
    }
    if own_people {
        return gathered.party(spot, &[Thing::Role, Thing::Roster]).map(Target::Party);
    }
    if !["role:", "roster.", "agency:"].iter().any(|prefix| word.starts_with(prefix)) {
        let (hint_ja, hint_en) = did_you_mean(word, ["same", "alternate"].into_iter());
        let forms = "same, alternate, \"role:…\", roster.…, \"agency:…\"";
        spot.not_a(
            word,
            "ここに書ける相手",
            "somebody who can be named here",
            Text::both(
                format!("次のどれかを書いてください: {forms}(same は同じ相手、alternate は予備の連絡先){hint_ja}"),
                format!("Write one of: {forms} (\"same\" is the recipient, \"alternate\" their other contact).{hint_en}"),
            ),
        );
        return None;
    }
    gathered.party(spot, &[Thing::Role, Thing::Roster, Thing::Agency]).map(Target::Party)
}

pub(super) fn decide_options<'a>(spot: &Spot<'a>, gathered: &Gathered<'a>) -> Vec<DecideOption> {
    let items = spot.some_items();
    let options: Vec<_> = items.iter().filter_map(|spot| decide_option(spot, gathered)).collect();
    let ends = options.iter().any(|option| option.then == Then::End);
    if !ends && !items.is_empty() && options.len() == items.len() {
        spot.error(
            "A02",
            Text::both("どの選択肢でも終わりません。", "No option ends it."),
            Text::both(
                "終わらせる選択肢(文字列だけのもの)を1つ以上書いてください。",
                "Give at least one option that ends it: a text alone.",
            ),
        );
    }
    all_differ(&items);
    options
}

fn decide_option<'a>(spot: &Spot<'a>, gathered: &Gathered<'a>) -> Option<DecideOption> {
    let is_plain = match &spot.node.value {
        Value::Map(_) => spot.node.get("label").is_none() && spot.node.get("ja").is_some(),
        _ => true,
    };
    if is_plain {
        return Some(DecideOption { label: spot.text()?, then: Then::End });
    }
    let fields = spot.fields()?;
    let label = fields.need("label").and_then(|spot| spot.text());
    let then = match fields.get("then") {
        Some(spot) => spot.one_of(&[("end", "end"), ("extend", "extend"), ("raise", "raise")]),
        None => Some("end"),
    };
    let then = match then {
        Some("extend") => fields.need("by").and_then(|spot| {
            let by = spot.span()?;
            if by == Span::ZERO {
                spot.not_a(
                    "0",
                    "延ばす時間",
                    "a time to extend by",
                    Text::both("1m 以上にしてください。", "Write 1m or more."),
                );
                return None;
            }
            Some(Then::Extend { by })
        }),
        Some("raise") => {
            let to = fields.need("to").and_then(|spot| gathered.party(&spot, &[Thing::Role, Thing::Roster]));
            to.map(|to| Then::Raise { to })
        }
        Some(_) => Some(Then::End),
        None => {
            fields.ignore("by");
            fields.ignore("to");
            None
        }
    };
    fields.finish();
    Some(DecideOption { label: label?, then: then? })
}
