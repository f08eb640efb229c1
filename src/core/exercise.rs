//! The exercise: how a playbook is drilled. Who acts, what breaks, what is put in, and what is expected of the players.
//!
//! Read strictly like the other two languages, every problem at once. Whether an exercise is safe and fair (the X
//! rules) is looked at elsewhere; here are its shape and its references.

use chrono::NaiveDate;
use serde_json::Value;

use crate::{
    document::Waiver,
    playbook::PartyRef,
    text::Text,
    time::{Span, Timestamp},
};

mod syntax;

#[cfg(test)]
pub(crate) use syntax::read_only;
pub use syntax::{check, pinned_playbook, read};

/// An exercise without errors of shape.
#[derive(Clone, Debug, PartialEq)]
pub struct Exercise {
    /// Readable key.
    pub key: String,
    /// The author's label of this version.
    pub version: String,
    /// Title for people.
    pub title: Text,
    /// The kind of exercise.
    pub kind: ExerciseKind,
    /// Whether the players know beforehand.
    pub disclosure: Disclosure,
    /// What is drilled.
    pub playbook: Pin,
    /// At least one, in file order.
    pub objectives: Vec<Objective>,
    /// Exercise time and scenario time.
    pub clock: Clock,
    /// Who takes part.
    pub cast: Cast,
    /// What keeps it from the outside world.
    pub safety: Safety,
    /// The same seed gives the same run.
    pub seed: u64,
    /// How those who are not played by people answer, in file order.
    pub responders: Vec<Responder>,
    /// What breaks, in file order.
    pub faults: Vec<Fault>,
    /// What is put in (状況付与), in file order.
    pub msel: Vec<Inject>,
    /// At least one, in file order.
    pub expectations: Vec<Expectation>,
    /// From which percentage on an objective is rated P, S, M.
    pub rating: Rating,
    /// What is gathered afterwards.
    pub evaluation: Evaluation,
    /// Warnings the author waives, with reasons.
    pub waive: Vec<Waiver>,
}

/// The kind of an exercise (HSEEP).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExerciseKind {
    /// 講習
    Seminar,
    /// 図上訓練
    Tabletop,
    /// 単一機能の訓練
    Drill,
    /// 図上・通信
    Functional,
    /// 総合訓練
    FullScale,
}

/// Whether the players know beforehand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disclosure {
    /// They do.
    Announced,
    /// ブラインド型
    Blind,
}

/// The playbook under test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pin {
    /// Its key.
    pub key: String,
    /// A version, or a range such as `3.2.x`.
    pub version: String,
}

/// What is trained; points gather here.
#[derive(Clone, Debug, PartialEq)]
pub struct Objective {
    /// Readable key.
    pub key: String,
    /// Title for people.
    pub title: Text,
    /// The capability it belongs to, where given.
    pub capability: Option<String>,
    /// Its share of a hundred.
    pub weight: u32,
}

/// Exercise time and scenario time.
#[derive(Clone, Debug, PartialEq)]
pub struct Clock {
    /// When it begins.
    pub start_at: Timestamp,
    /// The moment at which the scenario begins, for show; that of the exercise where absent.
    pub scenario_start: Timestamp,
    /// How fast scenario time runs, in stretches of exercise time.
    pub speed: Vec<Stretch>,
    /// When it ends, from its beginning.
    pub end_after: Span,
    /// Whether the controllers may pause it.
    pub pausable: bool,
}

/// A stretch of exercise time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// From.
    pub from: Span,
    /// Until; `None` is to the end.
    pub to: Option<Span>,
    /// Scenario minutes for each minute.
    pub x: u32,
}

/// Who takes part.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cast {
    /// 統制班
    pub controllers: Vec<PartyRef>,
    /// 評価者
    pub evaluators: Vec<PartyRef>,
    /// 訓練参加者
    pub players: Vec<PartyRef>,
    /// 見学者
    pub observers: Vec<PartyRef>,
}

/// What keeps an exercise from the outside world.
#[derive(Clone, Debug, PartialEq)]
pub struct Safety {
    /// Where letters may go.
    pub egress: Egress,
    /// Whether starting takes two people.
    pub two_person_arm: bool,
    /// Words that stop it.
    pub stop_words: Vec<String>,
    /// What real events are watched for; empty where the block is absent.
    pub watch: Vec<String>,
    /// Further conditions that stop it: a source and its values as they stand in the file.
    pub stop_when: Vec<Value>,
    /// What happens at the end.
    pub on_end: OnEnd,
    /// Addresses that letters may go to with `allowlist`.
    pub allowlist: Vec<String>,
    /// Who outside has agreed with `consented`.
    pub consents: Vec<Consent>,
}

/// Where letters of an exercise may go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Egress {
    /// Nowhere.
    #[default]
    Simulated,
    /// To those who have agreed.
    Consented,
    /// To listed test addresses.
    Allowlist,
}

/// What happens at the end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OnEnd {
    /// The alert that tells everybody, where given.
    pub send: Option<String>,
    /// Whether what is still to be sent is thrown away.
    pub purge_scheduled: bool,
    /// Whether the outbox is proved empty.
    pub verify_empty_outbox: bool,
}

/// Somebody outside has agreed to get letters.
#[derive(Clone, Debug, PartialEq)]
pub struct Consent {
    /// Who gets them.
    pub recipient: PartyRef,
    /// Who agreed.
    pub by: String,
    /// When.
    pub given_on: NaiveDate,
    /// To what.
    pub scope: Text,
    /// Until when.
    pub expires_on: NaiveDate,
}

/// A length of time between two bounds, drawn by the seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Between {
    /// The shortest.
    pub from: Span,
    /// The longest, included.
    pub to: Span,
}

/// How somebody who is not played by a person behaves.
#[derive(Clone, Debug, PartialEq)]
pub struct Responder {
    /// An agency's key, or `human_call`: whoever is telephoned.
    pub key: String,
    /// When it reads; `None` is never.
    pub read: Option<Between>,
    /// What it answers.
    pub respond: Respond,
    /// How a telephone call ends: how likely it is answered, and after how long.
    pub answer: Option<(f64, Between)>,
}

/// What a simulated responder answers.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Respond {
    /// Nothing.
    #[default]
    Never,
    /// One after the other.
    Sequence(Vec<Reply>),
    /// One of these, by their probabilities.
    OneOf(Vec<(f64, Reply)>),
}

/// One answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    /// The option of the alert's response set.
    pub pick: String,
    /// How long after the letter.
    pub after: Between,
    /// The option's fields, as they stand in the file.
    pub fields: Value,
}

/// Something breaks.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// Readable key.
    pub key: String,
    /// When.
    pub at: Span,
    /// For how long, where it lasts.
    pub lasts: Option<Span>,
    /// Which transport, where it is one's.
    pub transport: Option<String>,
    /// How.
    pub mode: FaultMode,
    /// Whose letters; empty is everybody's.
    pub matching: Vec<PartyRef>,
    /// By how much, for delays and skews.
    pub by: Option<Between>,
}

/// How something breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words of the language, explained in playbooks/README.md")]
pub enum FaultMode {
    Reject,
    BounceLater,
    Delay,
    Drop,
    Duplicate,
    Reorder,
    RestartServer,
    DbSlow,
    ClockSkew,
}

/// One inject (状況付与).
#[derive(Clone, Debug, PartialEq)]
pub struct Inject {
    /// Its number in the list.
    pub id: String,
    /// When, in scenario time; `None` when it is asked for.
    pub at: Option<Span>,
    /// What kind.
    pub kind: InjectKind,
    /// Who speaks, in the scenario.
    pub from: Option<Text>,
    /// Who hears it: parties and channels, as they stand in the file.
    pub to: Vec<String>,
    /// How it comes.
    pub via: Option<String>,
    /// What is said.
    pub content: Option<Text>,
    /// Documents that go with it.
    pub attach: Vec<String>,
    /// What the players are expected to do, for the controllers.
    pub expected: Option<Text>,
    /// The objective it serves.
    pub objective: Option<String>,
    /// A note for the controllers alone.
    pub controller_note: Option<Text>,
    /// Only if an expectation is in this state.
    pub condition: Option<(String, ExpectationState)>,
    /// The trigger that it pulls, with the values it brings.
    pub trigger: Option<(String, Value)>,
}

/// What kind of inject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InjectKind {
    /// Pulls a trigger of the playbook.
    Trigger,
    /// Says something.
    Message,
    /// Said when the controllers want it.
    OnDemand,
    /// Said when something is not done.
    Contingency,
}

/// How an expectation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words of the language, explained in playbooks/README.md")]
pub enum ExpectationState {
    Pending,
    Met,
    Partly,
    Missed,
    NotObserved,
}

/// Something that the players should do, or that should hold.
#[derive(Clone, Debug, PartialEq)]
pub struct Expectation {
    /// Its name.
    pub id: String,
    /// The objective whose points it gives; an invariant has none.
    pub objective: Option<String>,
    /// What is looked at.
    pub kind: ExpectationKind,
    /// What it is about (`alert:…`, `report:…`, `task:…`, `channel:…`), as it stands in the file.
    pub target: Option<String>,
    /// Whether each person counts instead of each agency.
    pub by_person: bool,
    /// How many.
    pub at_least: Option<u32>,
    /// Within which exercise time.
    pub within: Option<Span>,
    /// What it is worth.
    pub points: Option<u32>,
    /// What a late fulfilment is worth.
    pub partial: Vec<(Span, u32)>,
    /// When a person's judgement is no longer taken.
    pub expires: Option<Span>,
    /// What a person's judgements are worth; `None` takes the points out of the reckoning.
    pub scale: Vec<(String, Option<u32>)>,
    /// Who judges; `any` of the evaluators where absent.
    pub evaluator: Option<String>,
    /// The agency it is about.
    pub agency: Option<String>,
    /// The fault during which it has to happen.
    pub while_fault: Option<String>,
    /// What is asked of the evaluator.
    pub question: Option<Text>,
    /// The invariant.
    pub rule: Option<String>,
    /// Whether breaking it fails the whole exercise.
    pub fails_all: bool,
}

/// What an expectation looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words of the language, explained in playbooks/README.md")]
pub enum ExpectationKind {
    Response,
    Ack,
    HumanTakeover,
    AlternatePath,
    Report,
    Task,
    Post,
    Document,
    Manual,
    Invariant,
}

/// From which percentage on an objective is rated so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rating {
    /// Performed without challenges.
    pub p: u32,
    /// Performed with some challenges.
    pub s: u32,
    /// Performed with major challenges.
    pub m: u32,
    /// Unable to be performed.
    pub u: u32,
}

impl Default for Rating {
    fn default() -> Self {
        Self { p: 90, s: 70, m: 50, u: 0 }
    }
}

/// What is gathered afterwards.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Evaluation {
    /// Fields of the evaluators' notes, and whether a photo may go with them.
    pub notes: Option<(Vec<String>, bool)>,
    /// Questions of the talk right after the end (振り返り), and within which time.
    pub hotwash: Option<(Vec<Text>, Option<Span>)>,
    /// Questions to those who took part.
    pub survey: Option<Survey>,
    /// The report afterwards.
    pub aar: Option<Aar>,
}

/// Questions to those who took part.
#[derive(Clone, Debug, PartialEq)]
pub struct Survey {
    /// Which parts of the cast.
    pub to: Vec<String>,
    /// Whether names are left out.
    pub anonymous: bool,
    /// How long it stays open.
    pub close_after: Option<Span>,
    /// Key, whether it is a scale of five (else free words), and the question.
    pub questions: Vec<(String, bool, Text)>,
}

/// The report afterwards.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Aar {
    /// `md`, `html`, `csv`.
    pub formats: Vec<String>,
    /// Which parts.
    pub include: Vec<String>,
    /// The columns of the improvement plan.
    pub improvement_fields: Vec<String>,
}
