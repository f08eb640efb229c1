//! Alerts, with the places of what checks look at.

use super::{Gathered, Thing};
use crate::{
    playbook::{
        AckRule, AlertPlan, Attachment, Count, IncidentEvent, PartyRef, Quorum, SendOn, StandDown, Unit,
        Urgency,
    },
    problem::Position,
    text::Text,
    time::Span,
    yaml::{
        Value,
        fields::{Located, Spot},
    },
};

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
    /// The short form, which gets nothing added.
    pub(in crate::playbook) sms: Option<Spot<'a>>,
    /// The words for those who are no longer needed.
    pub(in crate::playbook) stand_down_texts: Vec<Spot<'a>>,
    /// Every text that goes by SMS.
    pub(in crate::playbook) short_texts: Vec<Spot<'a>>,
    pub(in crate::playbook) has_sms: bool,
    pub(in crate::playbook) responses: Option<Located<String>>,
    pub(in crate::playbook) ack: AckDraft,
    pub(in crate::playbook) ladder: Option<Located<String>>,
    /// Neither `send` nor `close` nor `cancel` ever raises it.
    pub(in crate::playbook) is_unsent: bool,
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
    /// How many accepting answers are wanted, where they are counted.
    pub(in crate::playbook) wanted: Option<Located<u32>>,
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
    let attach = fields.get("attach").map(|spot| attachments(&spot)).unwrap_or_default();
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
    let stand_down_spot = fields.get("stand_down");
    let stand_down = stand_down_spot.as_ref().map(|spot| stand_down(spot, gathered));
    let of_stand_down = |name| stand_down_spot.as_ref().and_then(|spot| spot.child(name));
    let stand_down_texts = ["subject", "body", "sms"].into_iter().filter_map(of_stand_down).collect();
    let short_texts = sms_spot.clone().into_iter().chain(of_stand_down("sms")).collect();
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
    let is_unsent = !fields.has("send") && !fields.is_misspelt("send") && !named.contains(&key);
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
            attach,
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
        stand_down_texts,
        short_texts,
        has_sms,
        responses,
        ack,
        ladder,
        is_unsent,
        key: spot.locate(key),
    })
}

/// Most documents of one alert.
const MOST_ATTACHMENTS: usize = 5;

/// Documents that stand beside the playbook's file. That they are there is asked where files can be read.
fn attachments(spot: &Spot<'_>) -> Vec<Attachment> {
    let names = spot.strings();
    if names.len() > MOST_ATTACHMENTS {
        spot.error(
            "R02",
            Text::both(
                format!(
                    "資料が{}件あります。1つの通知に付けられるのは{MOST_ATTACHMENTS}件までです。",
                    names.len()
                ),
                format!("{} documents; an alert takes at most {MOST_ATTACHMENTS}.", names.len()),
            ),
            Text::both(
                "必要なものだけにするか、1つの PDF にまとめてください。",
                "Keep what is needed, or join them in one PDF.",
            ),
        );
    }
    for (item, name) in spot.items().iter().zip(&names) {
        let inside = !name.value.starts_with('/')
            && !name.value.contains('\\')
            && name.value.split('/').all(|part| !matches!(part, "" | "." | ".."));
        let ending = name.value.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
        if !inside || !ending.is_some_and(|ending| matches!(ending.as_str(), "pdf" | "jpg" | "jpeg" | "png"))
        {
            item.error(
                "R02",
                Text::both(
                    format!("「{}」は資料のファイル名ではありません。", name.value),
                    format!("\"{}\" is not the name of a document.", name.value),
                ),
                Text::both(
                    "手順書のファイルから見た PDF、JPEG、PNG の場所を書いてください。例: maps/staging.pdf",
                    "Name a PDF, JPEG or PNG file, counted from the playbook's own folder: maps/staging.pdf.",
                ),
            );
        }
    }
    names.into_iter().map(|name| Attachment { name: name.value, at: name.at, path: name.path }).collect()
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
            let n = spot.count()?;
            draft.wanted = Some(spot.locate(n));
            return Some(Quorum::Accept { n, count: Count::Answers });
        }
        _ => return spot.one_of(&[("all", Quorum::All), ("any", Quorum::Any)]),
    }
    let fields = spot.fields()?;
    let n = fields.need("accept").and_then(|spot| Some(spot.locate(spot.count()?)));
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
    let quorum = Quorum::Accept { n: n.as_ref()?.value, count: count? };
    draft.wanted = n.filter(|_| count == Some(Count::Answers));
    Some(quorum)
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
