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
    let row = |when: &str, whom: &str, what: &str, n| (when.to_owned(), whom.to_owned(), what.to_owned(), n);
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
