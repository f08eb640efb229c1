use noroshi_core::text::{Language, Text};

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
    let facts =
        [("出発予定", "30分後（03:49）"), ("備考", "8名、統括あり、自院車両"), ("回答者", "救急部当直 村上")];
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
    let html = keep("answer-unknown-ja", UnknownLinkPage { words: Words(Language::Ja) }.render().unwrap());
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
