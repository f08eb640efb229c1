//! The heart of the file: buttons, ladders, alerts.

use super::{Gathered, Thing, start::all_differ};
use crate::{
    playbook::{
        AckRule, Action, AlertPlan, Ask, AskKind, Condition, Count, CountsAs, DecideOption, IncidentEvent,
        Ladder, Meaning, NamedLadder, PartyRef, Quorum, ResponseOption, ResponseSet, SendOn, StandDown, Step,
        StopOn, Target, Then, Unit, Urgency,
    },
    problem::Position,
    text::Text,
    time::Span,
    yaml::{
        Value,
        fields::{Fields, Located, Spot},
    },
};

/// A response set as far as it could be read.
pub(in crate::playbook) struct ResponseSetDraft {
    pub(in crate::playbook) key: Located<String>,
    pub(in crate::playbook) options: Vec<Located<ResponseOption>>,
    /// Whether every option could be read.
    pub(in crate::playbook) whole: bool,
}

impl ResponseSetDraft {
    pub(super) fn into_set(self) -> ResponseSet {
        ResponseSet {
            key: self.key.value,
            options: self.options.into_iter().map(|option| option.value).collect(),
        }
    }
}

pub(super) fn response_sets<'a>(spot: &Spot<'a>, gathered: &Gathered<'a>) -> Vec<ResponseSetDraft> {
    let sets = spot.entries().into_iter().map(|(key, spot)| {
        let items = spot.some_items();
        let options: Vec<_> = items
            .iter()
            .filter_map(|spot| {
                let fields = spot.fields()?;
                Some(spot.locate(response_option(fields, gathered)?))
            })
            .collect();
        let whole = !items.is_empty() && options.len() == items.len();
        let whole = whole & all_differ(&items);
        ResponseSetDraft { key: spot.locate(key), options, whole }
    });
    sets.collect()
}

fn response_option<'a>(fields: Fields<'a>, gathered: &Gathered<'a>) -> Option<ResponseOption> {
    let key = fields.need("key").and_then(|spot| spot.key());
    let label = fields.need("label").and_then(|spot| spot.text());
    let meaning = fields.need("meaning").and_then(|spot| {
        spot.one_of(&[
            ("accept", Meaning::Accept),
            ("decline", Meaning::Decline),
            ("arrival", Meaning::Arrival),
            ("seen", Meaning::Seen),
            ("question", Meaning::Question),
        ])
    });
    let counts_as = fields.need("counts_as").and_then(|spot| {
        let counts_as = spot.one_of(&[("ack", CountsAs::Ack), ("read", CountsAs::Read)])?;
        if meaning == Some(Meaning::Seen) && counts_as == CountsAs::Ack {
            spot.error(
                "A11",
                Text::both(
                    "「見た」(meaning: seen)は回答に数えられません。",
                    "An option that only says \"seen\" cannot count as an acknowledgement.",
                ),
                Text::both("counts_as: read にしてください。", "Write counts_as: read."),
            );
        }
        Some(counts_as)
    });
    let ask = fields.get("ask").map(|spot| asks(&spot)).unwrap_or_default();
    let after = fields.get("after").and_then(|spot| spot.string().map(str::to_owned));
    let refresh_every = fields.get("refresh_every").and_then(|spot| spot.span());
    let opens_task = fields.get("opens_task").and_then(|spot| gathered.key_of(Thing::Task, &spot));
    fields.finish();
    Some(ResponseOption {
        key: key?,
        label: label?,
        meaning: meaning?,
        counts_as: counts_as?,
        ask,
        after,
        refresh_every,
        opens_task: opens_task.map(|key| key.value),
    })
}

/// The fields of an answer or a form.
pub(super) fn asks(spot: &Spot<'_>) -> Vec<Ask> {
    let items = spot.items();
    all_differ(&items);
    items.iter().filter_map(ask).collect()
}

fn ask(spot: &Spot<'_>) -> Option<Ask> {
    let fields = spot.fields()?;
    let key = fields.need("key").and_then(|spot| spot.key());
    let label = fields.need("label").and_then(|spot| spot.text());
    let kind = fields.need("type").and_then(|spot| {
        spot.one_of(&[
            ("text", "text"),
            ("int", "int"),
            ("time", "time"),
            ("choice", "choice"),
            ("bool", "bool"),
            ("phone", "phone"),
            ("number", "number"),
            ("photo", "photo"),
        ])
    });
    let kind = match kind {
        Some("text") => {
            let max = fields.get("max").and_then(|spot| spot.count());
            Some(AskKind::Text { max: max.unwrap_or(500) })
        }
        Some("int") => {
            let min = fields.get("min").and_then(|spot| spot.int()).unwrap_or(0);
            let max = fields.get("max").and_then(|spot| {
                let max = spot.int()?;
                if max < min {
                    spot.error(
                        "R02",
                        Text::both(
                            "最大が最小より小さくなっています。",
                            "The largest value is below the smallest.",
                        ),
                        Text::both("max を min 以上にしてください。", "Make \"max\" at least \"min\"."),
                    );
                    return None;
                }
                Some(max)
            });
            Some(AskKind::Int { min, max: max.unwrap_or(i64::from(i32::MAX)) })
        }
        Some("choice") => fields.need("options").map(|spot| {
            let items = spot.some_items();
            all_differ(&items);
            AskKind::Choice { options: items.iter().filter_map(|spot| spot.text()).collect() }
        }),
        Some("time") => Some(AskKind::Time),
        Some("bool") => Some(AskKind::Bool),
        Some("phone") => Some(AskKind::Phone),
        Some("number") => Some(AskKind::Number),
        Some("photo") => Some(AskKind::Photo),
        _ => {
            for name in ["min", "max", "options"] {
                fields.ignore(name);
            }
            None
        }
    };
    let required = fields.get("required").map_or(Some(false), |spot| spot.flag());
    fields.finish();
    Some(Ask { key: key?, label: label?, kind: kind?, required: required? })
}

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
    pub(in crate::playbook) action: Option<StepAction>,
    pub(in crate::playbook) to: Option<Located<Target>>,
    pub(in crate::playbook) via: Vec<Located<String>>,
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
    pub(super) fn into_ladder(self) -> Option<NamedLadder> {
        let by_default = || {
            let responded = self.steps.last().and_then(|step| step.condition) == Some(Condition::Unresponded);
            let answered = if responded { StopOn::Responded } else { StopOn::Acked };
            vec![answered, StopOn::Superseded, StopOn::IncidentClosed]
        };
        let stop_on = self.stop_on.clone().unwrap_or_else(by_default);
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
    let condition = fields.get("if").and_then(|spot| {
        spot.one_of(&[
            ("unread", Condition::Unread),
            ("unacked", Condition::Unacked),
            ("unresponded", Condition::Unresponded),
        ])
    });
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
    let mut ask = None;
    let mut options = Vec::new();
    if let Some(spot) = fields.get("via") {
        spot.some_items();
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
    Some(StepDraft { place: spot.locate(()), at, condition, action, to, via, is_final, ask, options })
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
    let allowed: &[Thing] =
        if own_people { &[Thing::Role, Thing::Roster] } else { &[Thing::Role, Thing::Roster, Thing::Agency] };
    gathered.party(spot, allowed).map(Target::Party)
}

fn decide_options<'a>(spot: &Spot<'a>, gathered: &Gathered<'a>) -> Vec<DecideOption> {
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

/// An alert with the places of what checks look at.
pub(in crate::playbook) struct AlertDraft<'a> {
    pub(in crate::playbook) key: Located<String>,
    pub(in crate::playbook) plan: Option<AlertPlan>,
    pub(in crate::playbook) to: Vec<Located<PartyRef>>,
    pub(in crate::playbook) to_at: Option<Located<()>>,
    pub(in crate::playbook) via: Vec<Located<String>>,
    pub(in crate::playbook) via_at: Option<Located<()>>,
    pub(in crate::playbook) channel: Option<String>,
    pub(in crate::playbook) severity: Urgency,
    pub(in crate::playbook) texts: Vec<Spot<'a>>,
    pub(in crate::playbook) sms: Option<Spot<'a>>,
    pub(in crate::playbook) has_sms: bool,
    pub(in crate::playbook) responses: Option<Located<String>>,
    pub(in crate::playbook) ack: AckDraft,
    pub(in crate::playbook) ladder: Option<Located<String>>,
}

/// What must come back, with places.
#[derive(Default)]
pub(in crate::playbook) struct AckDraft {
    /// `mode: none`.
    pub(in crate::playbook) is_none: bool,
    /// The block, where it is there.
    pub(in crate::playbook) place: Option<Located<()>>,
    pub(in crate::playbook) read_by: Deadline,
    pub(in crate::playbook) ack_by: Deadline,
    pub(in crate::playbook) respond_by: Deadline,
    /// `count: teams`.
    pub(in crate::playbook) counts_teams: Option<Located<()>>,
    rule: Option<AckRule>,
}

/// One deadline of an alert.
#[derive(Clone, Default)]
pub(in crate::playbook) enum Deadline {
    #[default]
    Missing,
    /// There, and told as a problem already.
    Faulty,
    Given(Located<Span>),
}

pub(super) fn alerts<'a>(spot: &Spot<'a>, named: &[String], gathered: &Gathered<'a>) -> Vec<AlertDraft<'a>> {
    spot.some_entries().into_iter().filter_map(|(key, spot)| alert(key, &spot, named, gathered)).collect()
}

fn alert<'a>(
    key: String,
    spot: &Spot<'a>,
    named: &[String],
    gathered: &Gathered<'a>,
) -> Option<AlertDraft<'a>> {
    let fields = spot.fields()?;
    let send = fields.get("send");
    if !fields.has("send") && !named.contains(&key) {
        fields.missing("R02", "send");
    }
    let send = send.and_then(|spot| send_on(&spot));
    let to_spot = fields.need("to");
    let to: Vec<_> = to_spot
        .iter()
        .flat_map(|spot| spot.some_items())
        .filter_map(|spot| {
            let party = gathered.party(&spot, &[Thing::Agency, Thing::Role, Thing::Roster])?;
            Some(spot.locate(party))
        })
        .collect();
    let via_spot = fields.need("via");
    let via: Vec<_> = via_spot
        .iter()
        .flat_map(|spot| spot.some_items())
        .filter_map(|spot| gathered.key_of(Thing::Transport, &spot))
        .collect();
    let channel = fields.get("channel").and_then(|spot| gathered.key_of(Thing::Channel, &spot));
    let severity = fields
        .get("severity")
        .and_then(|spot| {
            spot.one_of(&[
                ("critical", Urgency::Critical),
                ("high", Urgency::High),
                ("normal", Urgency::Normal),
            ])
        })
        .unwrap_or_default();
    let subject_spot = fields.need("subject");
    let body_spot = fields.need("body");
    let sms_spot = fields.get("sms");
    let subject = subject_spot.as_ref().and_then(|spot| one_line(spot, gathered));
    let body = body_spot.as_ref().and_then(|spot| gathered.template(spot));
    let sms = sms_spot.as_ref().and_then(|spot| gathered.template(spot));
    let attach = fields.get("attach").map(|spot| spot.strings()).unwrap_or_default();
    let responses = fields.get("responses").and_then(|spot| gathered.key_of(Thing::ResponseSet, &spot));
    let mut ack = fields.get("ack").map(|spot| ack(&spot, &to)).unwrap_or_else(|| AckDraft {
        rule: (!fields.has("ack")).then(|| AckRule::Required {
            unit: Unit::default(),
            read_by: None,
            ack_by: None,
            respond_by: None,
            quorum: Quorum::default(),
        }),
        ..AckDraft::default()
    });
    let ladder = fields.get("ladder").and_then(|spot| gathered.key_of(Thing::Ladder, &spot));
    let stand_down = fields.get("stand_down").map(|spot| stand_down(&spot, gathered));
    if !ack.is_none && !fields.has("ladder") {
        fields.missing_because(
            "A01",
            "ladder",
            Text::both(
                format!("通知「{key}」に、応答がないときの段階(ladder)がありません。"),
                format!("The alert \"{key}\" has no ladder: nobody would notice silence."),
            ),
            Text::both(
                "ladder: を書くか、回答不要なら ack: { mode: none, because: 理由 } と書いてください。",
                "Add \"ladder:\", or ack: { mode: none, because: … } where no answer is needed.",
            ),
        );
    }
    if !ack.is_none && !fields.has("responses") {
        fields.missing_because(
            "A11",
            "responses",
            Text::both(
                format!("通知「{key}」に回答の選択肢(responses)がないため、だれも回答できません。"),
                format!("Nobody can answer the alert \"{key}\": it has no \"responses\"."),
            ),
            Text::both(
                "responses: に response_sets のキーを書いてください。",
                "Add \"responses:\" with a key of response_sets.",
            ),
        );
    }
    let has_sms = fields.has("sms") || fields.is_misspelt("sms");
    if fields.is_misspelt("ack") || (ack.place.is_none() && fields.has("ack")) {
        ack.unreadable();
    }
    fields.finish();
    let rule = ack.rule.clone();
    let plan = || {
        Some(AlertPlan {
            key: key.clone(),
            send,
            to: to.iter().map(|party| party.value.clone()).collect(),
            via: via.iter().map(|transport| transport.value.clone()).collect(),
            channel: channel.as_ref().map(|channel| channel.value.clone()),
            severity,
            subject: subject?,
            body: body?,
            sms,
            attach: attach.into_iter().map(|name| name.value).collect(),
            responses: responses.as_ref().map(|set| set.value.clone()),
            ack: rule?,
            ladder: ladder.as_ref().map(|ladder| ladder.value.clone()),
            stand_down: match stand_down {
                Some(words) => Some(words?),
                None => None,
            },
        })
    };
    let plan = plan();
    Some(AlertDraft {
        plan,
        to,
        to_at: to_spot.map(|spot| spot.locate(())),
        via,
        via_at: via_spot.map(|spot| spot.locate(())),
        channel: channel.map(|channel| channel.value),
        severity,
        texts: [subject_spot, body_spot, sms_spot.clone()].into_iter().flatten().collect(),
        sms: sms_spot,
        has_sms,
        responses,
        ack,
        ladder,
        key: spot.locate(key),
    })
}

/// A template of one line: a subject becomes a mail header.
fn one_line<'a>(spot: &Spot<'a>, gathered: &Gathered<'a>) -> Option<Text> {
    let text = gathered.template(spot)?;
    for variant in spot.variants() {
        if variant.node.as_str().is_some_and(|words| words.trim_end().contains('\n')) {
            variant.error(
                "R02",
                Text::both("件名が2行以上あります。", "A subject has to be one line."),
                Text::both("1行にしてください。", "Make it one line."),
            );
        }
    }
    let trim = |words: String| words.trim().to_owned();
    Some(Text { ja: trim(text.ja), easy_ja: text.easy_ja.map(trim), en: text.en.map(trim) })
}

fn send_on(spot: &Spot<'_>) -> Option<SendOn> {
    let fields = spot.fields()?;
    let event = fields.need("event").and_then(|spot| {
        spot.one_of(&[
            ("incident.activated", IncidentEvent::Activated),
            ("incident.stabilised", IncidentEvent::Stabilised),
            ("incident.closing", IncidentEvent::Closing),
            ("incident.cancelled", IncidentEvent::Cancelled),
        ])
    });
    let delay = fields.get("delay").map_or(Some(Span::ZERO), |spot| spot.span());
    fields.finish();
    Some(SendOn { event: event?, delay: delay? })
}

fn stand_down<'a>(spot: &Spot<'a>, gathered: &Gathered<'a>) -> Option<StandDown> {
    let fields = spot.fields()?;
    let subject = fields.need("subject").and_then(|spot| one_line(&spot, gathered));
    let body = fields.need("body").and_then(|spot| gathered.template(&spot));
    let sms = fields.get("sms").and_then(|spot| gathered.template(&spot));
    fields.finish();
    Some(StandDown { subject: subject?, body: body?, sms })
}

fn ack(spot: &Spot<'_>, to: &[Located<PartyRef>]) -> AckDraft {
    let mut draft = AckDraft { place: Some(spot.locate(())), ..AckDraft::default() };
    let Some(fields) = spot.fields() else {
        draft.unreadable();
        return draft;
    };
    let mode = match fields.get("mode") {
        Some(spot) => spot.one_of(&[("none", "none"), ("required", "required")]),
        None => Some("required"),
    };
    if mode == Some("none") {
        draft.is_none = true;
        let because = fields.need("because").and_then(|spot| spot.text());
        draft.rule = because.map(|because| AckRule::None { because });
        fields.finish();
        return draft;
    }
    let unit = match fields.get("unit") {
        Some(spot) => unit(&spot, to),
        None => Some(Unit::Agency),
    };
    let deadline = |name| match fields.get(name) {
        Some(spot) => spot.span().map_or(Deadline::Faulty, |span| Deadline::Given(spot.locate(span))),
        None if fields.has(name) => Deadline::Faulty,
        None => Deadline::Missing,
    };
    draft.read_by = deadline("read_by");
    draft.ack_by = deadline("ack_by");
    draft.respond_by = deadline("respond_by");
    let quorum = match fields.get("quorum") {
        Some(spot) => quorum(&spot, &mut draft),
        None => Some(Quorum::All),
    };
    for (name, deadline) in [
        ("read_by", &mut draft.read_by),
        ("ack_by", &mut draft.ack_by),
        ("respond_by", &mut draft.respond_by),
    ] {
        if fields.is_misspelt(name) {
            *deadline = Deadline::Faulty;
        }
    }
    fields.finish();
    let span = |deadline: &Deadline| match deadline {
        Deadline::Given(span) => Some(span.value),
        _ => None,
    };
    draft.rule = unit.zip(quorum).map(|(unit, quorum)| AckRule::Required {
        unit,
        read_by: span(&draft.read_by),
        ack_by: span(&draft.ack_by),
        respond_by: span(&draft.respond_by),
        quorum,
    });
    draft
}

fn unit(spot: &Spot<'_>, to: &[Located<PartyRef>]) -> Option<Unit> {
    let unit = spot.one_of(&[("agency", Unit::Agency), ("person", Unit::Person)])?;
    if unit == Unit::Person && to.iter().any(|party| matches!(party.value, PartyRef::Agency(_))) {
        spot.error(
            "R02",
            Text::both(
                "宛先に機関があるときは、人ごと(unit: person)には数えられません。",
                "Persons cannot be counted (unit: person) where an agency is among the recipients.",
            ),
            Text::both(
                "unit: agency にするか、宛先を役割か当番表にしてください。",
                "Write unit: agency, or address roles or rosters.",
            ),
        );
        return None;
    }
    Some(unit)
}

fn quorum(spot: &Spot<'_>, draft: &mut AckDraft) -> Option<Quorum> {
    match &spot.node.value {
        Value::Map(_) => {}
        Value::Scalar { text, plain: true } if text.bytes().all(|b| b.is_ascii_digit()) => {
            return Some(Quorum::Accept { n: spot.count()?, count: Count::Answers });
        }
        _ => return spot.one_of(&[("all", Quorum::All), ("any", Quorum::Any)]),
    }
    let fields = spot.fields()?;
    let n = fields.need("accept").and_then(|spot| spot.count());
    let count = match fields.get("count") {
        Some(spot) => {
            let count = spot.one_of(&[("answers", Count::Answers), ("teams", Count::Teams)]);
            if count == Some(Count::Teams) {
                draft.counts_teams = Some(spot.locate(()));
            }
            count
        }
        None => Some(Count::Answers),
    };
    fields.finish();
    Some(Quorum::Accept { n: n?, count: count? })
}

impl AckDraft {
    /// The block is there and could not be read: nothing is missing in it.
    fn unreadable(&mut self) {
        self.read_by = Deadline::Faulty;
        self.ack_by = Deadline::Faulty;
        self.respond_by = Deadline::Faulty;
        self.rule = None;
    }
}

impl AlertDraft<'_> {
    /// Where the alert stands, for what is missing in it.
    pub(in crate::playbook) fn at(&self) -> Position {
        self.key.at
    }
}
