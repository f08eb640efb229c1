//! `/playbooks/{key}/start`: live or drill, the values, who would be told, and then once more.
//!
//! Two steps. The first asks; nothing is sent and nothing is stored. The second shows all of it again in the frame of
//! the chosen mode and asks for ticks and, where the playbook wants it, for its title typed by hand.

use askama::Template;
use noroshi_core::{
    directory::Directory,
    playbook::{IncidentEvent, PartyRef, Playbook},
    time::Timestamp,
};

use super::{
    frame::{Frame, Room},
    line::Mode,
};

/// What the page knows.
#[derive(Clone, Debug, Template)]
#[template(path = "page/start.html", config = "src/web/askama.toml")]
pub struct StartPage {
    /// What stands around it.
    pub frame: Frame,
    /// The playbook's key.
    pub key: String,
    /// The playbook's title.
    pub title: String,
    /// Version and review, in words.
    pub version: String,
    /// Which step this is.
    pub step: StartStep,
    /// The chosen mode; nothing is chosen at first.
    pub mode: Option<Mode>,
    /// Why a drill cannot start now, where it cannot.
    pub no_drill: Option<String>,
    /// The values.
    pub values: Vec<Value>,
    /// What would be sent.
    pub preflight: Preflight,
    /// Whether the title has to be typed.
    pub type_title: bool,
    /// What was typed as the title.
    pub typed_title: String,
    /// Which ticks were set: checked, meant.
    pub ticks: (bool, bool),
    /// What is wrong as a whole.
    pub problem: Option<String>,
    /// What is wrong with the mode.
    pub mode_problem: Option<String>,
    /// What is wrong with the second step: title or ticks.
    pub confirm_problem: Option<String>,
    /// The idempotency key: the form sent twice starts once.
    pub once: String,
}

/// Which step of the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StartStep {
    /// Mode and values.
    #[default]
    Ask,
    /// Everything again, with the button that starts.
    Confirm,
}

/// One value that the playbook asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Value {
    /// The variable's key; the form field is `v-` and this.
    pub key: String,
    /// The question.
    pub label: String,
    /// Where the value in the box comes from: 台帳, 手順書.
    pub from: String,
    /// What stands in the box.
    pub value: String,
    /// What a reader sees for it in the second step: 6強 for `6+`.
    pub shown: String,
    /// Choices, value and words; empty for a free box.
    pub choices: Vec<(String, String)>,
    /// `inputmode`.
    pub keys: &'static str,
    /// How to write it.
    pub hint: String,
    /// Whether a start without it is refused.
    pub required: bool,
    /// What is wrong with it.
    pub problem: Option<String>,
}

/// What would be sent, by the playbook's timetable.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Preflight {
    /// How many alerts.
    pub alerts: usize,
    /// How many recipients.
    pub recipients: usize,
    /// How many people are asked to take a role.
    pub roles: usize,
    /// When, to whom, what, how many.
    pub rows: Vec<(String, String, String, usize)>,
    /// What happens without an answer: after how long, what.
    pub silence: Vec<(String, String)>,
    /// Weak points: of whom, what.
    pub warnings: Vec<(String, String)>,
}

impl StartPage {
    /// The class of the body: the second step stands in the frame of its mode.
    pub fn class(&self) -> &'static str {
        match (self.step, self.mode) {
            (StartStep::Confirm, Some(Mode::Live)) => "live",
            (StartStep::Confirm, Some(Mode::Drill)) => "drill",
            _ => "house",
        }
    }

    /// Whether the second step of a drill is shown.
    pub fn confirms_drill(&self) -> bool {
        self.step == StartStep::Confirm && self.mode == Some(Mode::Drill)
    }

    /// Whether this mode is chosen.
    pub fn is(&self, mode: Mode) -> bool {
        self.mode == Some(mode)
    }

    /// 実災害として発動しますか。
    pub fn question(&self) -> String {
        self.frame.words.get(if self.is(Mode::Drill) { "start-really-drill" } else { "start-really-live" })
    }

    /// 12宛先に通知し、4人に役割を打診します。
    pub fn reach(&self) -> String {
        let key = if self.is(Mode::Drill) { "start-reach-drill" } else { "start-reach-live" };
        let values =
            [("recipients", self.preflight.recipients.into()), ("roles", self.preflight.roles.into())];
        self.frame.words.with(key, &values)
    }
}

/// How many recipients the alerts of a start have, each counted once for each alert.
pub fn recipients(playbook: &Playbook, directory: &Directory, now: Timestamp) -> usize {
    let started = playbook
        .alerts
        .iter()
        .filter(|alert| alert.send.is_some_and(|on| on.event == IncidentEvent::Activated));
    started.map(|alert| alert.to.iter().map(|party| members(directory, party, now)).sum::<usize>()).sum()
}

/// How many recipients a party stands for now.
fn members(directory: &Directory, party: &PartyRef, now: Timestamp) -> usize {
    match party {
        PartyRef::Agency(key) => directory.expand(key).len(),
        PartyRef::Roster(key) => directory.on_duty(key, now).len(),
        PartyRef::Role(_) => 1,
    }
}

/// `版 3.2.0、見直し 2026年10月1日`, and whether the review is overdue.
pub fn version(playbook: &Playbook, frame: &Frame) -> String {
    let words = frame.words;
    let mut parts = vec![words.with("start-version", &[("version", playbook.version.clone().into())])];
    if let Some(reviewed) = playbook.reviewed_on {
        let today = frame.when.now.to_utc().with_timezone(&frame.when.zone).date_naive();
        let every = playbook.review_every.map(|every| chrono::Duration::milliseconds(every.0));
        if every.is_some_and(|every| reviewed + every < today) {
            parts.push(words.get("start-review-over"));
        } else {
            parts.push(words.with("start-reviewed", &[("date", frame.when.date(reviewed).into())]));
        }
    }
    parts.join(&words.get("list-join"))
}

#[cfg(test)]
mod tests {
    use noroshi_core::text::Language;

    use super::{
        super::sample::{frame, keep},
        *,
    };

    fn page(language: Language, step: StartStep, mode: Option<Mode>) -> StartPage {
        let intensity = ["5-", "5+", "6-", "6+", "7"].map(|value| (value.to_owned(), value.to_owned()));
        let value = |key: &str, label: &str, value: &str, from: &str, required| Value {
            key: key.into(),
            label: label.into(),
            from: from.into(),
            value: value.into(),
            shown: value.into(),
            keys: "text",
            required,
            ..Value::default()
        };
        let mut first = value("intensity", "最大震度", "6+", "", true);
        first.choices = intensity.into();
        first.shown = "6強".into();
        let mut when = value("occurred_at", "発生時刻", "03:07", "", true);
        when.hint = "例 03:07、11月24日 03:07".into();
        let row =
            |when: &str, whom: &str, what: &str, n| (when.to_owned(), whom.to_owned(), what.to_owned(), n);
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        StartPage {
            frame: frame(language, Room::Home),
            key: "eq-6upper-initial".into(),
            title: "震度6強以上 初動対応".into(),
            version: "版 3.2.0、見直し 2026年10月1日".into(),
            step,
            mode,
            no_drill: None,
            values: vec![
                first,
                when,
                value("epicenter", "震源", "調査中", "手順書", false),
                value("callback", "照会先の電話", "000-0000-0000", "台帳", true),
                value("staging", "参集拠点", "未定（追って連絡）", "手順書", false),
            ],
            preflight: Preflight {
                alerts: 5,
                recipients: 12,
                roles: 4,
                rows: vec![
                    row("すぐ", "DMAT指定医療機関", "待機・出動照会", 5),
                    row("すぐ", "消防", "医療本部設置の通知", 2),
                    row("10分後", "医師会", "医療救護班の派遣照会", 2),
                    row("10分後", "赤十字", "救護班の派遣照会", 1),
                    row("25分後", "行政・保健所", "救護所の開設予定", 2),
                ],
                silence: vec![
                    pair("5分", "SMSで再送"),
                    pair("10分", "代替連絡先"),
                    pair("15分", "人が架電"),
                    pair("30分", "本部長の判断"),
                    pair("以後", "赤で残る"),
                ],
                warnings: vec![pair(
                    "岬医療センター",
                    "SMSの番号がありません。5分後の再送は代替連絡先へ繰り上げます。",
                )],
            },
            type_title: true,
            typed_title: String::new(),
            ticks: (false, false),
            problem: None,
            mode_problem: None,
            confirm_problem: None,
            once: "0192".into(),
        }
    }

    #[test]
    fn the_first_step_asks_and_says_that_nothing_was_sent() {
        for language in [Language::Ja, Language::En] {
            let html = keep(
                &format!("start-{}", language.key()),
                page(language, StartStep::Ask, None).render().unwrap(),
            );
            assert!(!html.contains(" checked"), "no mode is chosen for the person");
            assert!(!html.contains("style="));
        }
    }

    #[test]
    fn the_second_step_stands_in_the_frame_of_its_mode() {
        let live = page(Language::Ja, StartStep::Confirm, Some(Mode::Live));
        let drill = page(Language::Ja, StartStep::Confirm, Some(Mode::Drill));
        let mut wrong = live.clone();
        wrong.confirm_problem = Some("手順書の名前が違います。下の名前をそのまま入力してください。".into());
        let live = keep("start-confirm-live-ja", live.render().unwrap());
        let drill = keep("start-confirm-drill-ja", drill.render().unwrap());
        keep("start-confirm-wrong-ja", wrong.render().unwrap());
        assert!(live.contains("実災害として発動する") && !live.contains("class=\"tape\""));
        assert!(drill.contains("訓練として開始する") && drill.contains("class=\"tape\""));
    }
}
