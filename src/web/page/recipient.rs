//! `/incidents/{id}/recipients/{rid}`: one recipient. The evidence of every letter and try, every answer that ever
//! came, the answer taken by telephone, the decision.

use askama::Template;

use super::{
    answer::{AnswerForm, FieldKind},
    board::Row,
    decide::DecideForm,
    frame::{Frame, Room},
    incident::{Head, Stage, Tab},
    mark::Mark,
    when::Moment,
};

/// What the page knows.
#[derive(Clone, Debug, Template)]
#[template(path = "page/recipient.html", config = "src/web/askama.toml")]
pub struct RecipientPage {
    /// What stands around it.
    pub frame: Frame,
    /// The incident.
    pub head: Head,
    /// How it stands, as on the board.
    pub row: Row,
    /// The alert: its line as on the board.
    pub alert: String,
    /// What was just done, in a sentence.
    pub done: Option<String>,
    /// Every letter, newest first.
    pub letters: Vec<LetterLine>,
    /// Every answer, newest first.
    pub answers: Vec<AnswerLine>,
    /// Telephone numbers of this recipient, desk and number.
    pub phones: Vec<(String, String)>,
    /// The form for an answer taken by telephone; none when the incident is over.
    pub proxy: Option<ProxyForm>,
    /// The form for the decision; none where nothing can be decided.
    pub decide: Option<DecideForm>,
}

/// One letter: one transport to one contact point.
#[derive(Clone, Debug, Default)]
pub struct LetterLine {
    /// Why it was written: 最初の送信, 5分後の再送.
    pub why: String,
    /// How: メール.
    pub transport: String,
    /// To which desk.
    pub desk: String,
    /// To which address; shown to people of the house only.
    pub address: String,
    /// The mark of its state.
    pub mark: Option<Mark>,
    /// Its state in words.
    pub state: String,
    /// Every try and every piece of evidence: when, what.
    pub tries: Vec<(Moment, String)>,
}

/// One answer as it came.
#[derive(Clone, Debug)]
pub struct AnswerLine {
    /// When it was stored.
    pub at: Moment,
    /// Its shape.
    pub mark: Mark,
    /// Its words.
    pub label: String,
    /// Its fields and note.
    pub details: String,
    /// Who answered, and who typed it in.
    pub by: String,
    /// Whether it is in force.
    pub current: bool,
}

/// The form for an answer taken by telephone.
#[derive(Clone, Debug, Default)]
pub struct ProxyForm {
    /// Buttons and fields.
    pub form: AnswerForm,
    /// With whom the person spoke.
    pub spoke_with: String,
    /// The idempotency key.
    pub once: String,
}

/// `/incidents/{id}/alerts/{aid}`: the decision about an alert whose quorum can no longer be met.
#[derive(Clone, Debug, Template)]
#[template(path = "page/alert.html", config = "src/web/askama.toml")]
pub struct AlertPage {
    /// What stands around it.
    pub frame: Frame,
    /// The incident.
    pub head: Head,
    /// `alr_…`.
    pub id: String,
    /// Whom it went to.
    pub audience: String,
    /// Its line as on the board.
    pub line: String,
    /// The letter's body.
    pub body: String,
    /// 不足2: what is missing, where something is.
    pub short: Option<String>,
    /// The recipients, as on the board.
    pub rows: Vec<Row>,
    /// The form; none where nothing is to decide.
    pub decide: Option<DecideForm>,
}

#[cfg(test)]
mod tests {
    use noroshi_core::text::Language;

    use super::{
        super::{
            answer::Typed,
            board::{BoardPage, tests::facts},
            sample::{at, deploy, frame, head, keep},
        },
        *,
    };

    fn decide() -> DecideForm {
        let options = ["代替隊を手配", "期限を延ばす", "対象から外す"];
        DecideForm {
            options: options.map(|text| (text.to_owned(), text.to_owned())).into(),
            ..DecideForm::default()
        }
    }

    fn page(language: Language, row: usize) -> RecipientPage {
        let frame = frame(language, Room::Incidents);
        let head = head(language, false, Tab::Board);
        let board = BoardPage::new(frame.clone(), head.clone(), &facts());
        let moment = |clock: &str| frame.when.moment(at(clock));
        let letter = |why: &str, transport: &str, mark, state: &str, tries: &[(&str, &str)]| LetterLine {
            why: why.into(),
            transport: transport.into(),
            desk: "当直室".into(),
            address: "dmat@misaki.example".into(),
            mark: Some(mark),
            state: state.into(),
            tries: tries.iter().map(|(clock, what)| (moment(clock), (*what).to_owned())).collect(),
        };
        RecipientPage {
            row: board.groups[0].rows[row].clone(),
            alert: board.groups[0].line.clone(),
            done: None,
            letters: vec![
                letter(
                    "30分後の判断",
                    "メール",
                    Mark::Wait,
                    "送信済み（本部長へ）",
                    &[("03:44:00", "受け付け 250")],
                ),
                letter("10分後の代替連絡先", "電話", Mark::Wait, "架電待ち", &[]),
                letter(
                    "10分後の代替連絡先",
                    "メール",
                    Mark::Fail,
                    "不達",
                    &[("03:24:02", "拒否 550: 宛先がありません")],
                ),
                letter(
                    "最初の送信",
                    "メール",
                    Mark::Wait,
                    "送信済み",
                    &[
                        ("03:14:03", "中継 mail.aoba.example が受け付け 250"),
                        ("03:14:01", "一時的な拒否 451、送り直し"),
                    ],
                ),
            ],
            answers: vec![AnswerLine {
                at: moment("03:33:00"),
                mark: Mark::Seen,
                label: "確認中（後で回答）".into(),
                details: String::new(),
                by: "当直室".into(),
                current: true,
            }],
            phones: vec![("当直室".into(), "000-0000-0000".into())],
            proxy: Some(ProxyForm {
                form: AnswerForm::new(&deploy(), frame.words, &Typed::default()),
                ..ProxyForm::default()
            }),
            decide: Some(decide()),
            frame,
            head,
        }
    }

    #[test]
    fn a_recipient_shows_every_letter_and_try_and_both_forms() {
        for language in [Language::Ja, Language::En] {
            let html = keep(&format!("recipient-{}", language.key()), page(language, 0).render().unwrap());
            assert!(html.contains("451") && html.contains("id=\"proxy\"") && html.contains("id=\"decide\""));
            assert!(!html.contains("style=") && !html.contains(" checked"));
        }
    }

    #[test]
    fn an_alert_without_its_quorum_asks_for_a_decision() {
        let frame = frame(Language::Ja, Room::Incidents);
        let head = head(Language::Ja, false, Tab::Board);
        let board = BoardPage::new(frame.clone(), head.clone(), &facts());
        let group = &board.groups[0];
        let page = AlertPage {
            id: group.id.clone(),
            audience: group.audience.clone(),
            line: group.line.clone(),
            body: "03:07頃、青葉県沖で最大震度6強。\n出動の可否を回答してください。".into(),
            short: Some("不足2".into()),
            rows: group.rows.clone(),
            decide: Some(decide()),
            frame,
            head,
        };
        let html = keep("alert-ja", page.render().unwrap());
        assert!(html.contains("不足2") && html.contains("代替隊を手配"));
    }
}
