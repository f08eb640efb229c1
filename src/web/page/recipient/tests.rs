use noroshi_core::text::Language;

use super::{
    super::{
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
        may_release: true,
        released: None,
        row: board.groups[0].rows[row].clone(),
        alert: board.groups[0].line.clone(),
        done: None,
        moved: None,
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
        documents: Vec::new(),
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
