//! `/a/{token}`: the recipient's page. For somebody in a corridor, without an account, without script.
//!
//! One struct knows every state of the page: asked, answered, late, changed, no longer needed, over. It carries its own
//! style and script so that it arrives whole, and stays below [`WEIGHT_LIMIT`]. Nothing is preselected and nothing is
//! `required`: the server asks again and keeps what was typed.
//!
//! Options may share a field (隊数 for "can go" and "can go if …"). A shared field stands once and is shown for every
//! option that uses it, by sibling selectors; so it is posted once, under its bare key. Two options that use one key
//! for different questions get fields with the option's key in front (`conditional.teams`), which the server reads
//! first.

use std::collections::BTreeMap;

use askama::Template;
use base64::{Engine, prelude::BASE64_STANDARD};
use noroshi_core::{
    playbook::{Ask, AskKind, Meaning, ResponseOption},
    text::Language,
};
use sha2::{Digest, Sha256};

use super::{mark::Mark, when::Moment};
use crate::i18n::Words;

/// The most that the page may weigh, uncompressed, with its style and script.
pub const WEIGHT_LIMIT: usize = 14_000;

const STYLE: &str = include_str!("../static/answer.css");
const SCRIPT: &str = include_str!("../static/answer.js");

/// What the recipient's page knows.
#[derive(Clone, Debug, Template)]
#[template(path = "page/answer.html", config = "src/web/askama.toml")]
pub struct AnswerPage {
    /// In the recipient's language, or the one picked by `?lang=`.
    pub words: Words,
    /// From the address; the forms post to it.
    pub token: String,
    /// Whether it is a drill.
    pub drill: bool,
    /// The head office's name.
    pub office: String,
    /// The recipient's name: an agency or a person.
    pub recipient: String,
    /// The letter's subject, without the drill mark.
    pub subject: String,
    /// The incident's short number.
    pub incident: u32,
    /// Which report of this alert it is, from 1.
    pub number: u32,
    /// When the letter was sent.
    pub sent: Option<Moment>,
    /// The clock of this page: `03:16`.
    pub now_clock: String,
    /// Until when an answer is wanted; none where no answer is asked for, and after an answer.
    pub deadline: Option<Deadline>,
    /// The letter's body.
    pub lines: Vec<Line>,
    /// Documents that go with the letter, by their file names.
    pub documents: Vec<String>,
    /// What stands above everything else.
    pub notice: Option<Notice>,
    /// The answer that is stored.
    pub stored: Option<Stored>,
    /// The buttons; none when the incident is over.
    pub form: Option<AnswerForm>,
    /// Until when the stored answer wants to be told again, in a sentence.
    pub refresh: Option<String>,
    /// What may be told after the stored answer: 到着予定.
    pub follow_ups: Vec<FollowUp>,
    /// The desk's telephone number.
    pub phone: Option<String>,
    /// Whether "I am no longer in charge" may still be told.
    pub may_report_address: bool,
    /// The token of what has taken this one's place.
    pub onward: Option<String>,
}

/// Until when an answer is wanted.
#[derive(Clone, Debug)]
pub struct Deadline {
    /// The moment.
    pub at: Moment,
    /// `あと28分`, or that it is over and an answer is still taken.
    pub left: String,
}

/// A line of the letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// `参集拠点: 若葉総合運動公園`.
    Fact(String, String),
    /// Any other words.
    Words(String),
}

/// A piece of the letter as it is set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Block {
    /// A small table.
    Facts(Vec<(String, String)>),
    /// A paragraph.
    Words(String),
}

/// What has just happened, or why nothing is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// The answer was stored at this clock.
    Taken(String),
    /// The answer was stored after the deadline, at this clock.
    TakenLate(String),
    /// What was pressed was perhaps pressed by a mail scanner: it wants to be pressed again.
    Suspect,
    /// Only "seen" is stored, at this clock: an answer is still wanted.
    Seen(String),
    /// What was sent is not an answer yet: something is missing or not understood.
    NotTaken,
    /// An answer is no longer needed: enough have answered, or the alert was replaced.
    StoodDown,
    /// The incident goes on as another one: its name.
    Merged(String),
    /// A newer alert has taken this one's place.
    Superseded,
    /// A person has decided without an answer; an answer is still taken.
    Decided,
    /// A notice that asks for nothing.
    NothingAsked,
    /// The incident was closed at this clock.
    Closed(String),
    /// The incident was cancelled, with the reason.
    Cancelled(String),
    /// "I am no longer in charge" was stored.
    AddressReported,
}

/// The answer as it is stored.
#[derive(Clone, Debug)]
pub struct Stored {
    /// Its shape.
    pub mark: Mark,
    /// Its words.
    pub label: String,
    /// The first figure: `2`.
    pub figure: String,
    /// The fields, the note, who answered.
    pub facts: Vec<(String, String)>,
}

/// The buttons and their fields.
#[derive(Clone, Debug, Default)]
pub struct AnswerForm {
    /// The buttons, in the playbook's order.
    pub choices: Vec<Choice>,
    /// Every field once.
    pub fields: Vec<Field>,
    /// What was typed as a note.
    pub note: String,
    /// What is wrong with the choice itself.
    pub problem: Option<String>,
}

/// One button.
#[derive(Clone, Debug)]
pub struct Choice {
    /// Sent as `option`.
    pub key: String,
    /// Words on it.
    pub label: String,
    /// Its shape and colour.
    pub mark: Mark,
    /// Whether it says only "seen": small, and told to be no answer.
    pub quiet: bool,
    /// What was chosen in a form that came back.
    pub checked: bool,
}

/// One question.
#[derive(Clone, Debug)]
pub struct Field {
    /// The bare key, or `option.key` where two options mean different things by one key.
    pub name: String,
    /// Words beside it.
    pub label: String,
    /// Whether the server insists.
    pub required: bool,
    /// For which buttons it is shown: `f0 f2`.
    pub classes: String,
    /// How it is asked.
    pub kind: FieldKind,
    /// What was typed.
    pub value: String,
    /// What is wrong with it.
    pub problem: Option<String>,
}

/// How a question is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldKind {
    /// A few values to tap.
    Chips(Vec<Chip>),
    /// Some usual times to tap, or one to type; what is typed stands.
    Time(Vec<Chip>),
    /// Something to type, with the keyboard of the phone that fits.
    Line {
        /// `inputmode`.
        keys: &'static str,
        /// Longest, in characters; 0 for no limit of its own.
        max: u32,
    },
    /// Several lines to type.
    Lines {
        /// Longest, in characters.
        max: u32,
    },
}

/// A value to tap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chip {
    /// What is sent.
    pub value: String,
    /// Words on it.
    pub label: String,
    /// Whether it was tapped in a form that came back.
    pub checked: bool,
}

/// Something to tell later: the option's key and its own form.
#[derive(Clone, Debug)]
pub struct FollowUp {
    /// Sent as `option`.
    pub key: String,
    /// Words above it.
    pub label: String,
    /// Its fields.
    pub fields: Vec<Field>,
}

/// What came in with a form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Typed {
    /// The chosen option's key; empty where nothing was chosen.
    pub option: String,
    /// Every other field by its name, the last one that is not empty.
    pub values: BTreeMap<String, String>,
    /// The note.
    pub note: String,
    /// What is wrong, by field key; `option` for the choice itself.
    pub problems: BTreeMap<String, String>,
}

impl Typed {
    /// Reads the pairs of a form. A field that stands twice (a tapped time and a typed one) counts with its last value
    /// that is not empty.
    pub fn read(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut typed = Self::default();
        for (name, value) in pairs {
            if value.trim().is_empty() {
                continue;
            }
            match name.as_str() {
                "option" => typed.option = value,
                "note" => typed.note = value,
                _ => drop(typed.values.insert(name, value)),
            }
        }
        typed
    }

    /// What stands under a field's key; `option.key` stands over `key`.
    pub fn value(&self, key: &str) -> Option<&str> {
        let named = self.values.get(&format!("{}.{key}", self.option));
        named.or_else(|| self.values.get(key)).map(String::as_str)
    }
}

impl AnswerForm {
    /// The form of a response set. Options that come only after another answer are not among the buttons.
    pub fn new(set: &[ResponseOption], words: Words, typed: &Typed) -> Self {
        let first: Vec<&ResponseOption> = set.iter().filter(|option| option.after.is_none()).collect();
        let choices = first
            .iter()
            .map(|option| Choice {
                key: option.key.clone(),
                label: option.label.get(words.0).to_owned(),
                mark: Mark::of_answer(option, set),
                quiet: option.meaning == Meaning::Seen,
                checked: option.key == typed.option,
            })
            .collect();
        Self {
            choices,
            fields: shared_fields(&first, words, typed),
            note: typed.note.clone(),
            problem: typed.problems.get("option").cloned(),
        }
    }
}

/// Every question once, with the buttons that it belongs to.
fn shared_fields(options: &[&ResponseOption], words: Words, typed: &Typed) -> Vec<Field> {
    let mut asked: Vec<(&Ask, Vec<usize>)> = Vec::new();
    for (button, option) in options.iter().enumerate() {
        for ask in &option.ask {
            match asked.iter_mut().find(|(other, _)| same_question(other, ask)) {
                Some((_, buttons)) => buttons.push(button),
                None => asked.push((ask, vec![button])),
            }
        }
    }
    let mut fields = Vec::new();
    for (ask, buttons) in &asked {
        let clash = asked.iter().filter(|(other, _)| other.key == ask.key).count() > 1;
        let name = match clash {
            true => format!("{}.{}", options[buttons[0]].key, ask.key),
            false => ask.key.clone(),
        };
        let classes: Vec<String> = buttons.iter().map(|button| format!("f{button}")).collect();
        // What is wrong is told at the question of the option that was chosen.
        let chosen = buttons.iter().any(|button| options[*button].key == typed.option);
        let mut field = Field::new(ask, name, words, typed);
        field.classes = classes.join(" ");
        if !chosen {
            field.problem = None;
        }
        fields.extend(field.askable().then_some(field));
    }
    fields
}

/// Whether one field can stand for both: the same key, words and type. `required` may differ; the server knows.
fn same_question(a: &Ask, b: &Ask) -> bool {
    a.key == b.key && a.label == b.label && a.kind == b.kind
}

impl Field {
    /// A question, with what was typed under `name` and what is wrong under the question's own key.
    pub fn new(ask: &Ask, name: String, words: Words, typed: &Typed) -> Self {
        let value = typed.values.get(&name).cloned().unwrap_or_default();
        let chip = |chip: (String, String)| Chip { checked: chip.0 == value, value: chip.0, label: chip.1 };
        let line = |keys| FieldKind::Line { keys, max: 0 };
        let kind = match &ask.kind {
            AskKind::Int { min, max } if max - min < 10 => {
                FieldKind::Chips((*min..=*max).map(|n| chip((n.to_string(), n.to_string()))).collect())
            }
            AskKind::Int { .. } => line("numeric"),
            AskKind::Number => line("decimal"),
            AskKind::Phone => line("tel"),
            AskKind::Bool => FieldKind::Chips(
                [("true", "answer-yes"), ("false", "answer-no")]
                    .map(|(value, key)| chip((value.to_owned(), words.get(key))))
                    .into(),
            ),
            AskKind::Choice { options } => FieldKind::Chips(
                options.iter().map(|text| chip((text.ja.clone(), text.get(words.0).to_owned()))).collect(),
            ),
            AskKind::Time => FieldKind::Time(
                [(0, "answer-at-once"), (30, "answer-in-30"), (60, "answer-in-60"), (120, "answer-in-120")]
                    .map(|(minutes, key)| chip((format!("+{minutes}m"), words.get(key))))
                    .into(),
            ),
            AskKind::Text { max } if *max > 60 => FieldKind::Lines { max: *max },
            AskKind::Text { max } => FieldKind::Line { keys: "text", max: *max },
            // A photo is sent with a task, never with an answer.
            AskKind::Photo => FieldKind::Chips(Vec::new()),
        };
        Self {
            problem: typed.problems.get(&ask.key).cloned(),
            name,
            label: ask.label.get(words.0).to_owned(),
            required: ask.required,
            classes: String::new(),
            kind,
            value,
        }
    }

    /// Whether it can be asked in a form: a photo is sent by itself.
    pub fn askable(&self) -> bool {
        !matches!(&self.kind, FieldKind::Chips(chips) if chips.is_empty())
    }

    /// What came in and is none of the values to tap: it is shown again, so that nothing that was typed is lost.
    pub fn stray(&self) -> Option<&str> {
        let tapped = matches!(&self.kind, FieldKind::Chips(chips) if chips.iter().any(|chip| chip.checked));
        (!tapped && !self.value.is_empty()).then_some(&self.value)
    }

    /// What stands in the box: nothing where the value was tapped.
    pub fn typed(&self) -> &str {
        match &self.kind {
            FieldKind::Time(chips) if chips.iter().any(|chip| chip.checked) => "",
            _ => &self.value,
        }
    }
}

impl FollowUp {
    /// The options that come after the stored answer `answered`, with what was typed into the one that came back.
    pub fn all(set: &[ResponseOption], answered: &str, words: Words, typed: &Typed) -> Vec<Self> {
        set.iter()
            .filter(|option| option.after.as_deref() == Some(answered))
            .map(|option| {
                let nothing = Typed::default();
                let typed = if typed.option == option.key { typed } else { &nothing };
                let fields = option.ask.iter().map(|ask| Field::new(ask, ask.key.clone(), words, typed));
                Self {
                    key: option.key.clone(),
                    label: option.label.get(words.0).to_owned(),
                    fields: fields.filter(Field::askable).collect(),
                }
            })
            .collect()
    }
}

/// The letter's body as lines; `名: 値` at the head of a line or after a wide blank becomes a fact.
pub fn lines(body: &str) -> Vec<Line> {
    body.lines()
        .flat_map(|line| line.split('\u{3000}'))
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(|line| {
            let pair =
                line.split_once(": ").or_else(|| line.split_once('：')).or_else(|| line.split_once(":　"));
            match pair {
                Some((name, value)) if name.chars().count() <= 10 && !value.trim().is_empty() => {
                    Line::Fact(name.trim().to_owned(), value.trim().to_owned())
                }
                _ => Line::Words(line.to_owned()),
            }
        })
        .collect()
}

impl AnswerPage {
    /// `lang` of the page.
    pub fn lang(&self) -> &'static str {
        lang(self.words.0)
    }

    /// The other languages: key, own name, `lang`.
    pub fn other_languages(&self) -> Vec<(&'static str, &'static str, &'static str)> {
        LANGUAGES.into_iter().filter(|(key, ..)| *key != language_key(self.words.0)).collect()
    }

    /// The language's key, for the addresses of the forms.
    pub fn language(&self) -> &'static str {
        language_key(self.words.0)
    }

    /// The whole style: what is common, and which fields belong to which button.
    pub fn style(&self) -> String {
        let buttons = self.form.as_ref().map_or(0, |form| form.choices.len());
        let shown: Vec<String> = (0..buttons).map(|n| format!("#o{n}:checked~.f{n}")).collect();
        match shown.is_empty() {
            true => STYLE.to_owned(),
            false => format!("{STYLE}{}{{display:block}}", shown.join(",")),
        }
    }

    /// The script: tells that the page was looked at. Only while that still says something.
    pub fn script(&self) -> Option<&'static str> {
        (self.stored.is_none() && self.form.is_some()).then_some(SCRIPT)
    }

    /// `Content-Security-Policy` of this page: its own style and script and nothing else.
    pub fn policy(&self) -> String {
        let hash = |text: &str| BASE64_STANDARD.encode(Sha256::digest(text.as_bytes()));
        format!(
            "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; connect-src 'self'; form-action 'self'; \
             base-uri 'none'; frame-ancestors 'none'",
            hash(&self.style()),
            hash(SCRIPT),
        )
    }

    /// Whether a stored answer may still be changed here.
    pub fn may_change(&self) -> bool {
        self.form.is_none()
            && !matches!(
                self.notice,
                Some(Notice::Closed(_) | Notice::Cancelled(_) | Notice::Merged(_) | Notice::Superseded)
            )
    }

    /// Whether an answer may be given although none is wanted any more.
    pub fn may_answer_anyway(&self) -> bool {
        self.stored.is_none() && self.form.is_none() && self.notice == Some(Notice::StoodDown)
    }

    /// `第1報　03:14送信、03:16現在`.
    pub fn sent_line(&self) -> String {
        let now = self.words.with("answer-now", &[("clock", self.now_clock.clone().into())]);
        let incident = self.words.with("head-number", &[("n", self.incident.into())]);
        let number =
            format!("{incident}　{}", self.words.with("report-number", &[("n", self.number.into())]));
        match &self.sent {
            Some(sent) => {
                let sent = self.words.with("answer-sent", &[("clock", sent.clock.clone().into())]);
                format!("{number}　{sent}{now}")
            }
            None => number,
        }
    }

    /// The words before the deadline's clock.
    pub fn before_deadline(&self) -> String {
        around(self.words, "answer-by").0
    }

    /// The words after the deadline's clock.
    pub fn after_deadline(&self) -> String {
        around(self.words, "answer-by").1
    }

    /// Whose page it is.
    pub fn only_for(&self) -> String {
        self.words.with("answer-only-for", &[("name", self.recipient.clone().into())])
    }

    /// The letter with its facts gathered into tables.
    pub fn blocks(&self) -> Vec<Block> {
        let mut blocks = Vec::new();
        for line in &self.lines {
            match (line.clone(), blocks.last_mut()) {
                (Line::Fact(name, value), Some(Block::Facts(facts))) => facts.push((name, value)),
                (Line::Fact(name, value), _) => blocks.push(Block::Facts(vec![(name, value)])),
                (Line::Words(text), _) => blocks.push(Block::Words(text)),
            }
        }
        blocks
    }

    /// Head of the notice and its sentence; whether it is a success.
    pub fn notice_words(&self) -> Option<(String, String, bool)> {
        let words = self.words;
        let at = |key: &str, clock: &str| words.with(key, &[("clock", clock.to_owned().into())]);
        let told = match self.notice.as_ref()? {
            Notice::Taken(clock) => (words.get("answer-taken"), at("answer-taken-where", clock), true),
            Notice::TakenLate(clock) => {
                (words.get("answer-taken-late"), at("answer-taken-where", clock), true)
            }
            Notice::Seen(clock) => {
                (words.get("answer-seen-taken"), at("answer-seen-taken-why", clock), false)
            }
            Notice::Suspect => (words.get("doubt-answer"), words.get("doubt-answer-why"), false),
            Notice::NotTaken => return None,
            Notice::StoodDown => (words.get("answer-stood-down"), words.get("answer-stood-down-why"), false),
            Notice::Merged(name) => (
                words.get("answer-merged"),
                words.with("answer-merged-why", &[("name", name.clone().into())]),
                false,
            ),
            Notice::Superseded => (words.get("answer-superseded"), words.get("answer-superseded-why"), false),
            Notice::Decided => (words.get("answer-decided"), words.get("answer-decided-why"), false),
            Notice::NothingAsked => {
                (words.get("answer-nothing-asked"), words.get("answer-nothing-asked-why"), false)
            }
            Notice::Closed(clock) => (words.get("answer-closed"), at("answer-closed-when", clock), false),
            Notice::Cancelled(reason) => (
                words.get("answer-cancelled"),
                words.with("answer-cancelled-why", &[("reason", reason.clone().into())]),
                false,
            ),
            Notice::AddressReported => {
                (words.get("answer-address-reported"), words.get("answer-address-reported-why"), true)
            }
        };
        Some(told)
    }
}

/// The words before and after a clock that has its own element.
pub fn around(words: Words, key: &str) -> (String, String) {
    let whole = words.with(key, &[("clock", "\u{0}".into())]);
    let (before, after) = whole.split_once('\u{0}').unwrap_or((&whole, ""));
    (before.to_owned(), after.to_owned())
}

/// The page of a link that leads nowhere: unknown, revoked and mistyped look alike.
#[derive(Clone, Debug, Template)]
#[template(path = "page/answer_unknown.html", config = "src/web/askama.toml")]
pub struct UnknownLinkPage {
    /// In the site's language, or the one picked by `?lang=`.
    pub words: Words,
}

impl UnknownLinkPage {
    /// `lang` of the page.
    pub fn lang(&self) -> &'static str {
        lang(self.words.0)
    }
}

/// Key, own name and `lang` of every language.
pub const LANGUAGES: [(&str, &str, &str); 3] =
    [("ja", "日本語", "ja"), ("easy", "やさしい日本語", "ja"), ("en", "English", "en")];

/// The key in addresses: `?lang=easy`.
pub const fn language_key(language: Language) -> &'static str {
    match language {
        Language::Ja => "ja",
        Language::EasyJa => "easy",
        Language::En => "en",
    }
}

/// The language of a key in an address.
pub fn language_of_key(key: &str) -> Option<Language> {
    [Language::Ja, Language::EasyJa, Language::En].into_iter().find(|language| language_key(*language) == key)
}

/// The attribute `lang`.
pub const fn lang(language: Language) -> &'static str {
    match language {
        Language::Ja | Language::EasyJa => "ja",
        Language::En => "en",
    }
}

#[cfg(test)]
mod tests {
    use noroshi_core::text::Text;

    use super::{
        super::sample::{self, at, deploy, keep, when},
        *,
    };

    const LETTER: &str = "2026年11月24日 03:07 頃、青葉県沖で最大震度6強。\n自動待機の対象です。出動の可否を回答してください。\n\
        参集拠点: 若葉総合運動公園　照会先: 000-0000-0000\n注意: 派遣要請はまだ出ていません。自主的に出動しないでください。";

    fn page(language: Language) -> AnswerPage {
        let when = when(language);
        AnswerPage {
            words: when.words,
            token: "k7Q2mX9dTzk7Q2mX9dTz_w".into(),
            drill: false,
            office: "青葉県 保健医療福祉調整本部".into(),
            recipient: "松原大学病院DMAT".into(),
            subject: "DMAT待機・出動照会 最大震度6強 青葉県沖".into(),
            incident: 12,
            number: 1,
            sent: Some(when.moment(at("03:14:00"))),
            now_clock: when.clock(when.now),
            deadline: Some(Deadline { at: when.moment(at("04:14:00")), left: when.left(at("04:14:00")) }),
            lines: lines(LETTER),
            refresh: None,
            documents: Vec::new(),
            notice: None,
            stored: None,
            form: Some(AnswerForm::new(&deploy(), when.words, &Typed::default())),
            follow_ups: Vec::new(),
            phone: Some("000-0000-0000".into()),
            may_report_address: true,
            onward: None,
        }
    }

    fn answered(language: Language) -> AnswerPage {
        let words = Words(language);
        let facts = [
            ("出発予定", "30分後（03:49）"),
            ("備考", "8名、統括あり、自院車両"),
            ("回答者", "救急部当直 村上"),
        ];
        AnswerPage {
            notice: Some(Notice::Taken("03:19".into())),
            stored: Some(Stored {
                mark: Mark::Yes,
                label: "出動可".into(),
                figure: "2隊".into(),
                facts: facts.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
            }),
            deadline: None,
            form: None,
            follow_ups: FollowUp::all(&deploy(), "available", words, &Typed::default()),
            ..page(language)
        }
    }

    fn over(notice: Notice) -> AnswerPage {
        AnswerPage { notice: Some(notice), deadline: None, form: None, ..page(Language::Ja) }
    }

    #[test]
    fn the_page_weighs_less_than_its_limit_in_every_language_and_state() {
        for language in sample::LANGUAGES {
            let typed = Typed {
                option: "conditional".into(),
                values: [("teams".into(), "12".into())].into(),
                note: "国道の通行止めが解除されれば出ます。".repeat(3),
                problems: [
                    ("teams".to_owned(), "1から9までの数で入力してください。".to_owned()),
                    ("condition".to_owned(), "入力してください。".to_owned()),
                ]
                .into(),
            };
            let drill = AnswerPage {
                drill: true,
                notice: Some(Notice::NotTaken),
                form: Some(AnswerForm::new(&deploy(), Words(language), &typed)),
                ..page(language)
            };
            let key = language.key();
            for (name, page) in [
                ("answer", page(language)),
                ("answer-drill-problems", drill),
                ("answer-done", answered(language)),
            ] {
                let html = keep(&format!("{name}-{key}"), page.render().unwrap());
                println!("{name} {key}: {} bytes", html.len());
                assert!(html.len() < WEIGHT_LIMIT, "{name} {key}: {} bytes", html.len());
            }
        }
    }

    #[test]
    fn nothing_is_chosen_and_nothing_is_required_by_the_browser() {
        let html = page(Language::Ja).render().unwrap();
        assert!(!html.contains(" checked"));
        assert!(!html.contains(" required"));
        assert!(html.contains("この画面を開いただけでは回答になりません"));
    }

    #[test]
    fn a_field_that_two_buttons_share_stands_once_and_is_shown_for_both() {
        let form = AnswerForm::new(&deploy(), Words(Language::Ja), &Typed::default());
        let teams: Vec<&Field> = form.fields.iter().filter(|field| field.name == "teams").collect();
        assert_eq!(teams.len(), 1);
        assert_eq!(teams[0].classes, "f0 f1");
        let html = page(Language::Ja).render().unwrap();
        assert!(html.contains("#o0:checked~.f0,#o1:checked~.f1"));
    }

    #[test]
    fn one_key_with_two_meanings_is_told_apart_and_read_back_for_the_chosen_button() {
        let mut set = deploy();
        set[1].ask[1].label = Text::plain("条件が整えば出せる隊数");
        let form = AnswerForm::new(&set, Words(Language::Ja), &Typed::default());
        let names: Vec<&str> = form.fields.iter().map(|field| field.name.as_str()).collect();
        assert!(names.contains(&"available.teams") && names.contains(&"conditional.teams"));
        let pairs =
            [("option", "conditional"), ("available.teams", "9"), ("conditional.teams", "1"), ("note", " ")];
        let typed = Typed::read(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert_eq!(typed.value("teams"), Some("1"));
        assert_eq!(typed.note, "");
    }

    #[test]
    fn a_typed_time_stands_over_a_tapped_one() {
        let pairs =
            [("option", "available"), ("depart_at", "+30m"), ("depart_at", "０５：４０"), ("depart_at", "")];
        let typed = Typed::read(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert_eq!(typed.value("depart_at"), Some("０５：４０"));
    }

    #[test]
    fn a_page_that_comes_back_keeps_what_was_typed_and_says_what_is_wrong() {
        let typed = Typed {
            option: "conditional".into(),
            values: [("teams".into(), "2".into()), ("condition".into(), "<道路>".into())].into(),
            note: "備考の文".into(),
            problems: [("condition".into(), "200文字以内で入力してください。".into())].into(),
        };
        let form = AnswerForm::new(&deploy(), Words(Language::Ja), &typed);
        let html = AnswerPage { notice: Some(Notice::NotTaken), form: Some(form), ..page(Language::Ja) }
            .render()
            .unwrap();
        assert!(html.contains(r#"id="o1" value="conditional" checked"#));
        assert!(html.contains(r#"name="teams" value="2" checked"#));
        assert!(html.contains("&#60;道路&#62;") && html.contains("備考の文"));
        assert!(html.contains("200文字以内") && html.contains("まだ受け付けていません"));
    }

    #[test]
    fn an_incident_that_is_over_has_no_button_but_a_telephone_number() {
        let cancelled = Notice::Cancelled("誤報".into());
        for (name, notice) in [("closed", Notice::Closed("04:10".into())), ("cancelled", cancelled)] {
            let html = keep(&format!("answer-{name}-ja"), over(notice).render().unwrap());
            assert!(!html.contains("/answer"));
            assert!(html.contains("tel:000-0000-0000"));
        }
    }

    #[test]
    fn an_unknown_link_says_nothing_about_any_incident() {
        let html =
            keep("answer-unknown-ja", UnknownLinkPage { words: Words(Language::Ja) }.render().unwrap());
        assert!(!html.contains("事案") && !html.contains("松原"));
    }

    #[test]
    fn the_letter_shows_its_facts_as_a_table() {
        assert_eq!(
            lines("最大震度6強。\n参集拠点: 運動公園　照会先：000"),
            [
                Line::Words("最大震度6強。".into()),
                Line::Fact("参集拠点".into(), "運動公園".into()),
                Line::Fact("照会先".into(), "000".into()),
            ]
        );
    }
}
