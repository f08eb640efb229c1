//! One recipient: mark, word, evidence, and the next step as a sentence.

use std::hash::{DefaultHasher, Hash, Hasher};

use super::{
    super::{
        frame::Frame,
        mark::Mark,
        relay::{Hill, relay},
        when::Moment,
    },
    known::{AlertFacts, AnswerFacts, Next, RecipientFacts, RecipientState},
};

/// How a row stands out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RowKind {
    /// Waits for a person's decision.
    Decide,
    /// Silent or failed.
    Alarm,
    /// Its ladder runs.
    Open,
    /// Answered, decided, no longer needed.
    Settled,
}

/// One recipient.
#[derive(Clone, Debug)]
pub struct Row {
    /// `rcp_…`.
    pub id: String,
    /// Changes with what is said, not with the clock: the script marks a row whose version changed.
    pub version: String,
    /// How it stands out.
    pub kind: RowKind,
    /// Name.
    pub name: String,
    /// The desks behind it.
    pub desks: String,
    /// Its shape.
    pub mark: Mark,
    /// Its word.
    pub word: String,
    /// The figure beside the word: teams and arrival.
    pub figure: String,
    /// A length of time beside the word, since this moment.
    pub since: Option<(Moment, String)>,
    /// The second line.
    pub sub: String,
    /// The evidence.
    pub relay: [Hill; 5],
    /// What happens next.
    pub next: Option<NextLine>,
}

/// The next step as a sentence.
#[derive(Clone, Debug)]
pub struct NextLine {
    /// 代替連絡先へ
    pub words: String,
    /// When; past for what is due and waits for somebody or something.
    pub at: Moment,
    /// How long that has waited, and since when, in words.
    pub due: Option<(String, String)>,
}

impl Row {
    /// The classes of the row.
    pub const fn class(&self) -> &'static str {
        match self.kind {
            RowKind::Decide => "row open decide",
            RowKind::Alarm => "row open alarm",
            RowKind::Open => "row open",
            RowKind::Settled => "row settled",
        }
    }

    /// Whether a decision is due.
    pub fn decides(&self) -> bool {
        self.kind == RowKind::Decide
    }

    /// Says the facts of one recipient.
    pub fn new(facts: &RecipientFacts, alert: &AlertFacts, frame: &Frame) -> Self {
        let (kind, mark, word) = standing(facts, alert, frame);
        let waits = matches!(kind, RowKind::Decide | RowKind::Alarm | RowKind::Open);
        let sent = facts.evidence.accepted.or(alert.raised);
        let since = sent.filter(|_| waits).map(|at| (frame.when.moment(at), frame.when.since(at)));
        let mut row = Self {
            id: facts.id.clone(),
            version: String::new(),
            kind,
            name: facts.name.clone(),
            desks: facts.desks.clone(),
            mark,
            word,
            figure: facts.answer.as_ref().map(|answer| figure(answer, frame)).unwrap_or_default(),
            since,
            sub: with_moved(second_line(facts, frame), facts, frame),
            relay: relay(&facts.evidence, &frame.when),
            next: next_line(facts, frame),
        };
        row.version = row.version_of();
        row
    }

    /// Hashes what is said and leaves out what only the clock changes.
    fn version_of(&self) -> String {
        let mut hasher = DefaultHasher::new();
        (self.kind, self.mark, &self.word, &self.figure, &self.sub).hash(&mut hasher);
        for hill in &self.relay {
            (hill.class(), &hill.told).hash(&mut hasher);
        }
        if let Some(next) = &self.next {
            (&next.words, next.at.millis, next.due.is_some()).hash(&mut hasher);
        }
        format!("{:016x}", hasher.finish())
    }
}

/// The second line, with the word that the directory has another address by now.
fn with_moved(line: String, facts: &RecipientFacts, frame: &Frame) -> String {
    if !facts.moved {
        return line;
    }
    let moved = frame.words.get("board-moved");
    if line.is_empty() { moved } else { format!("{line}{}{moved}", frame.words.get("list-join")) }
}

/// How a recipient stands, its shape and its word.
fn standing(facts: &RecipientFacts, alert: &AlertFacts, frame: &Frame) -> (RowKind, Mark, String) {
    let words = frame.words;
    let evidence = &facts.evidence;
    let opened = evidence.opened.is_some();
    let failed = evidence.failed.is_some() && evidence.accepted.is_none() && !opened;
    let unknown = evidence.unknown.is_some() && evidence.accepted.is_none() && !opened;
    let silent = |key: &str| (RowKind::Alarm, Mark::Silent, words.get(key));
    let open =
        matches!(facts.state, RecipientState::Waiting | RecipientState::ToDecide | RecipientState::Informed);
    if open && facts.answer.as_ref().is_some_and(|answer| answer.suspect) {
        let to_decide = facts.state == RecipientState::ToDecide;
        let kind = if to_decide { RowKind::Decide } else { RowKind::Alarm };
        return (kind, Mark::Unknown, words.get("doubt-word"));
    }
    match (facts.state, &facts.answer) {
        (RecipientState::Answered, Some(answer)) => (RowKind::Settled, answer.mark, answer.label.clone()),
        (RecipientState::Answered, None) => (RowKind::Settled, Mark::Ok, words.get("board-answered-word")),
        (RecipientState::Decided, _) => (RowKind::Settled, Mark::Decided, words.get("board-decided-word")),
        (RecipientState::StoodDown, Some(answer)) => (RowKind::Settled, answer.mark, answer.label.clone()),
        (RecipientState::StoodDown, None) => {
            (RowKind::Settled, Mark::Rest, words.get("board-stood-down-word"))
        }
        (RecipientState::Informed, _) if failed => {
            (RowKind::Alarm, Mark::Fail, words.get("board-failed-word"))
        }
        (RecipientState::Informed, _) => (RowKind::Settled, Mark::Rest, words.get("board-informed-word")),
        (RecipientState::ToDecide, _) if failed => {
            (RowKind::Decide, Mark::Fail, words.get("board-failed-word"))
        }
        (RecipientState::ToDecide, Some(answer)) => (RowKind::Decide, answer.mark, answer.label.clone()),
        (RecipientState::ToDecide, None) => (RowKind::Decide, Mark::Silent, words.get("board-silent-word")),
        (RecipientState::Waiting, Some(answer)) => (RowKind::Open, answer.mark, answer.label.clone()),
        (RecipientState::Waiting, None) if failed => {
            (RowKind::Alarm, Mark::Fail, words.get("board-failed-word"))
        }
        (RecipientState::Waiting, None) if unknown => {
            (RowKind::Open, Mark::Unknown, words.get("board-unknown-word"))
        }
        (RecipientState::Waiting, None) => {
            let deadline = alert.ack_by.or(alert.respond_by);
            let over = deadline.is_some_and(|deadline| deadline <= frame.when.now);
            match (opened, over) {
                (true, true) => (RowKind::Alarm, Mark::Seen, words.get("board-read-word")),
                (true, false) => (RowKind::Open, Mark::Seen, words.get("board-read-word")),
                (false, true) => silent("board-silent-word"),
                (false, false) if evidence.accepted.is_none() => {
                    (RowKind::Open, Mark::Wait, words.get("board-queued-word"))
                }
                (false, false) => (RowKind::Open, Mark::Wait, words.get("board-unread-word")),
            }
        }
    }
}

/// `2隊 05:40着`.
fn figure(answer: &AnswerFacts, frame: &Frame) -> String {
    let teams = answer.teams.map(|teams| frame.count("board-teams", teams));
    let arrival =
        answer.arrival.map(|at| frame.words.with("board-arrives", &[("clock", frame.when.short(at).into())]));
    [teams, arrival].into_iter().flatten().collect::<Vec<_>>().join(" ")
}

/// Why it stands as it does: the failure, the details of the answer, what was tried.
fn second_line(facts: &RecipientFacts, frame: &Frame) -> String {
    let words = frame.words;
    let mut parts: Vec<String> = Vec::new();
    if let Some(decision) = &facts.decision {
        parts.push(format!("{} ({} {})", decision.label, decision.by, frame.when.short(decision.at)));
    }
    if let Some(answer) = &facts.answer {
        if answer.suspect {
            parts.push(words.with("doubt-why", &[("answer", answer.label.clone().into())]));
        }
        if answer.after_decision {
            parts.push(words.get("board-after-decision"));
        } else if answer.late {
            parts.push(words.get("board-late"));
        }
        if answer.proxy {
            parts.push(frame.named("board-by-proxy", &answer.by));
        }
        if let Some(due) = answer.refresh_due {
            let key = if due <= frame.when.now { "board-out-of-date" } else { "board-refresh" };
            parts.push(words.with(key, &[("clock", frame.when.short(due).into())]));
        }
        if !answer.details.is_empty() {
            parts.push(answer.details.clone());
        }
        if !answer.proxy && !answer.by.is_empty() {
            parts.push(answer.by.clone());
        }
    } else if let Some(failure) = &facts.failure {
        parts.push(failure.clone());
    } else if !facts.tried.is_empty() && facts.decision.is_none() {
        parts.push(facts.tried.clone());
    }
    parts.join(&words.get("list-join"))
}

fn next_line(facts: &RecipientFacts, frame: &Frame) -> Option<NextLine> {
    let words = frame.words;
    let since = |at: &Moment| words.with("next-since", &[("clock", at.clock.clone().into())]);
    if facts.state == RecipientState::ToDecide {
        let asked = facts.to_decide_since.unwrap_or(frame.when.now);
        let who = match &facts.next {
            Some((Next::Decide(who), _)) => frame.named("next-decision-of", who),
            _ => words.get("next-decision"),
        };
        let at = frame.when.moment(asked);
        let due = Some((frame.when.since(asked), since(&at)));
        return Some(NextLine { words: who, at, due });
    }
    let (next, at) = facts.next.as_ref()?;
    let named = |key: &str, name: &str| frame.named(key, name);
    let told = match next {
        Next::Send => words.get("next-send"),
        Next::Retry => words.get("next-retry"),
        Next::Held => words.get("next-held"),
        Next::ToPace => words.get("next-to-pace"),
        Next::Away => words.get("next-away"),
        Next::Resend(via) => named("next-resend", via),
        Next::Alternate => words.get("next-alternate"),
        Next::Notify(who) => named("next-notify", who),
        Next::Call(who) => named("next-call", who),
        Next::Decide(who) => named("next-decide", who),
        Next::Refresh => words.get("next-refresh"),
    };
    let at_moment = frame.when.moment(*at);
    let due = (*next == Next::Away).then(|| (frame.when.since(*at), since(&at_moment)));
    Some(NextLine { words: told, at: at_moment, due })
}
