//! `/incidents/{id}/chronology`: what happened, with both clocks. It writes itself; what was on paper is typed in with
//! its true time; nothing is ever erased, a correction is a new entry.

use askama::Template;

use super::{
    frame::{Frame, Room},
    incident::{Head, Stage, Tab},
    when::Moment,
};

/// What the page knows.
#[derive(Clone, Debug, Template)]
#[template(path = "page/chronology.html", config = "src/web/askama.toml")]
pub struct ChronologyPage {
    /// What stands around it.
    pub frame: Frame,
    /// The incident.
    pub head: Head,
    /// The form; none for those who may only read.
    pub form: Option<EntryForm>,
    /// Newest first.
    pub entries: Vec<EntryLine>,
    /// How many there are in all.
    pub total: usize,
    /// Where the older ones are.
    pub older: Option<String>,
}

/// The form for what was on paper, radio or telephone.
#[derive(Clone, Debug, Default)]
pub struct EntryForm {
    /// When it happened, as typed; the clock of the page at first.
    pub occurred: String,
    /// 発信元
    pub from: String,
    /// 受信先
    pub to: String,
    /// What happened.
    pub text: String,
    /// The number of the entry that this one corrects, as typed.
    pub corrects: String,
    /// What is wrong, by field: `occurred`, `text`, `corrects`.
    pub problems: Vec<(String, String)>,
    /// The idempotency key.
    pub once: String,
}

impl EntryForm {
    /// What is wrong with one field.
    pub fn problem(&self, field: &str) -> Option<&str> {
        self.problems.iter().find(|(name, _)| name == field).map(|(_, words)| words.as_str())
    }
}

/// One entry.
#[derive(Clone, Debug)]
pub struct EntryLine {
    /// Its number.
    pub seq: i64,
    /// When it happened.
    pub occurred: Moment,
    /// When it was written down.
    pub recorded: Moment,
    /// 12分後に記録, where that is a minute or more.
    pub lag: Option<String>,
    /// 発信元 → 受信先.
    pub parties: String,
    /// What happened.
    pub text: String,
    /// Who wrote it; the service where nobody did.
    pub actor: String,
    /// Whether a person typed it.
    pub typed: bool,
    /// The number of the entry that corrects this one.
    pub corrected_by: Option<i64>,
    /// The number of the entry that this one corrects.
    pub corrects: Option<i64>,
}

impl EntryLine {
    /// The class of the row.
    pub fn class(&self) -> &'static str {
        match (self.corrects, self.typed) {
            (Some(_), _) => "fix",
            (None, true) => "typed",
            (None, false) => "",
        }
    }
}

impl ChronologyPage {
    /// `№41の訂正`.
    pub fn correction_of(&self, seq: &i64) -> String {
        self.frame.words.with("chronology-correction-of", &[("n", (*seq).into())])
    }

    /// `訂正 №44`.
    pub fn corrected_by(&self, seq: &i64) -> String {
        self.frame.words.with("chronology-corrected-by", &[("n", (*seq).into())])
    }

    /// `47件中 12件を表示`.
    pub fn shown(&self) -> String {
        let values = [("total", self.total.into()), ("shown", self.entries.len().into())];
        self.frame.words.with("chronology-shown", &values)
    }
}

#[cfg(test)]
mod tests {
    use noroshi_core::text::Language;

    use super::{
        super::sample::{at, frame, head, keep},
        *,
    };

    #[test]
    fn a_correction_strikes_the_original_and_stands_as_its_own_entry() {
        for (language, drill) in [(Language::Ja, false), (Language::En, true)] {
            let frame = frame(language, Room::Incidents);
            let entry =
                |seq, occurred: &str, recorded: &str, parties: &str, text: &str, actor: &str| EntryLine {
                    seq,
                    occurred: frame.when.moment(at(occurred)),
                    recorded: frame.when.moment(at(recorded)),
                    lag: None,
                    parties: parties.into(),
                    text: text.into(),
                    actor: actor.into(),
                    typed: false,
                    corrected_by: None,
                    corrects: None,
                };
            let mut late = entry(
                45,
                "03:31:00",
                "03:43:00",
                "岬医療センター代表 → DMAT調整",
                "電話3回、話し中のち不在",
                "記録係 木村",
            );
            late.lag = Some("12分後に記録".into());
            late.typed = true;
            let mut fix = entry(
                44,
                "03:41:00",
                "03:42:00",
                "本部長 → 記録係",
                "救護班 1班、06:00着（2班は誤り）",
                "記録係 木村",
            );
            fix.corrects = Some(41);
            let mut wrong = entry(
                41,
                "03:35:00",
                "03:35:00",
                "赤十字 青葉県支部 → 調整本部",
                "救護班 2班、06:00着",
                "自動",
            );
            wrong.corrected_by = Some(44);
            let page = ChronologyPage {
                head: head(language, drill, Tab::Chronology),
                form: Some(EntryForm { occurred: "03:47".into(), ..EntryForm::default() }),
                entries: vec![
                    entry(
                        46,
                        "03:44:00",
                        "03:44:00",
                        "システム → 本部長",
                        "岬医療センター DMAT 無応答のまま回答期限",
                        "自動",
                    ),
                    late,
                    fix,
                    wrong,
                ],
                total: 47,
                older: Some("?before=41".into()),
                frame,
            };
            let html = keep(&format!("chronology-{}", language.key()), page.render().unwrap());
            assert!(html.contains("<del>救護班 2班、06:00着</del>"));
            assert!(!html.contains("style="));
        }
    }
}
