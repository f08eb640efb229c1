use noroshi_core::text::Language;

use super::{
    super::{
        frame::Room,
        relay::Evidence,
        sample::{self, at, keep},
    },
    *,
};

fn clocks(evidence: [&str; 5]) -> Evidence {
    let [accepted, delivered, opened, acked, answered] =
        evidence.map(|clock| (!clock.is_empty()).then(|| at(&format!("{clock}:00"))));
    let arrival_can_be_proven = delivered.is_some();
    Evidence { accepted, delivered, opened, acked, answered, arrival_can_be_proven, ..Evidence::default() }
}

fn recipient(id: u32, name: &str, desks: &str, evidence: Evidence) -> RecipientFacts {
    RecipientFacts {
        id: format!("rcp_{id:032x}"),
        name: name.into(),
        desks: desks.into(),
        evidence,
        ..RecipientFacts::default()
    }
}

fn answer(label: &str, mark: Mark, teams: usize, arrival: &str, details: &str) -> AnswerFacts {
    AnswerFacts {
        label: label.into(),
        mark,
        teams: (teams > 0).then_some(teams),
        arrival: (!arrival.is_empty()).then(|| at(&format!("{arrival}:00"))),
        details: details.into(),
        by: String::new(),
        proxy: false,
        late: false,
        suspect: false,
        refresh_due: None,
        after_decision: false,
    }
}

fn answered(facts: RecipientFacts, answer: AnswerFacts) -> RecipientFacts {
    RecipientFacts { state: RecipientState::Answered, answer: Some(answer), ..facts }
}

/// The facts of the reference board.
pub fn facts() -> Vec<AlertFacts> {
    let refresh = |clock: &str| Some((Next::Refresh, at(&format!("{clock}:00"))));
    let misaki = RecipientFacts {
        state: RecipientState::ToDecide,
        to_decide_since: Some(at("03:44:00")),
        next: Some((Next::Decide("本部長".into()), at("03:44:00"))),
        tried: "メール、代替、架電（不在 03:31）".into(),
        ..recipient(1, "岬医療センター DMAT", "当直室、代替: 事務部", clocks(["03:14", "", "", "", ""]))
    };
    let mut matsubara = answered(
        recipient(
            2,
            "松原大学病院 DMAT",
            "救急部当直 村上",
            clocks(["03:14", "03:14", "03:16", "03:17", "03:19"]),
        ),
        answer("出動可", Mark::Yes, 2, "05:40", "8名、統括あり、自院車両"),
    );
    matsubara.next = refresh("04:19");
    let mut wakaba = answered(
        recipient(
            3,
            "若葉総合病院 DMAT",
            "DMAT事務局 岡",
            clocks(["03:14", "03:14", "03:15", "03:15", "03:22"]),
        ),
        answer("出動可", Mark::Yes, 1, "04:50", "4名、出発準備中"),
    );
    wakaba.next = refresh("04:22");
    let mut shiomi = answered(
        recipient(
            4,
            "潮見第一病院 DMAT",
            "当直医 野口",
            clocks(["03:14", "03:15", "03:25", "03:25", "03:31"]),
        ),
        answer("条件付き", Mark::Part, 1, "06:30", "国道の通行止めが解除されれば"),
    );
    shiomi.next = refresh("04:31");
    let mut by_phone = answer("出動不可", Mark::No, 0, "", "自院被災");
    by_phone.proxy = true;
    by_phone.by = "DMAT調整 伊藤".into();
    let kitazawa = answered(
        recipient(
            5,
            "北沢市民病院 DMAT",
            "防災センター",
            Evidence { by_phone: true, ..clocks(["03:14", "03:21", "", "03:28", "03:28"]) },
        ),
        by_phone,
    );
    let refused = RecipientFacts {
        failure: Some("宛先がありません（メールサーバーが拒否）。待たずに次へ".into()),
        next: Some((Next::Call("DMAT調整 伊藤".into()), at("03:48:00"))),
        ..recipient(
            6,
            "若葉市医師会",
            "事務局、代替: 会長宅（電話）",
            Evidence { failed: Some(at("03:24:00")), ..Evidence::default() },
        )
    };
    let read = RecipientFacts {
        next: Some((Next::Decide("本部長".into()), at("03:54:00"))),
        tried: "メール".into(),
        ..recipient(7, "青葉県医師会", "事務局 高梨", clocks(["03:24", "", "03:33", "", ""]))
    };
    let unknown = RecipientFacts {
        next: Some((Next::Resend("SMS".into()), at("03:48:30"))),
        tried: "届いたかどうか分からない".into(),
        ..recipient(
            8,
            "潮見市 危機対策課",
            "当直、代替: 課長",
            Evidence { unknown: Some(at("03:39:00")), ..Evidence::default() },
        )
    };
    let unread = RecipientFacts {
        next: Some((Next::Alternate, at("03:49:00"))),
        tried: "メール、SMS".into(),
        ..recipient(9, "若葉保健所", "当番 三浦、代替: 所長", clocks(["03:39", "03:44", "", "", ""]))
    };
    let fire = answered(
        recipient(10, "青葉消防本部", "指令センター", clocks(["03:14", "03:14", "03:16", "03:17", "03:17"])),
        answer("了解", Mark::Ok, 0, "", "指令台 当番"),
    );
    let call = answered(
        recipient(
            11,
            "南部広域消防組合",
            "警防課（代替連絡先）",
            clocks(["03:14", "03:14", "03:20", "03:20", "03:20"]),
        ),
        answer("電話求む", Mark::Call, 0, "", "搬送車両の台数の確認"),
    );
    let alert = |id: u32, audience: &str, subject: &str, raised: &str, by: &str, recipients| AlertFacts {
        id: format!("alr_{id:032x}"),
        audience: audience.into(),
        subject: subject.into(),
        number: 1,
        raised: Some(at(&format!("{raised}:00"))),
        respond_by: Some(at(&format!("{by}:00"))),
        recipients,
        ..AlertFacts::default()
    };
    let mut dmat = alert(
        1,
        "DMAT指定医療機関",
        "待機・出動照会",
        "03:14",
        "03:44",
        vec![kitazawa, shiomi, wakaba, misaki, matsubara],
    );
    dmat.target = Some(6);
    vec![
        dmat,
        alert(2, "医師会", "医療救護班の派遣照会", "03:24", "03:54", vec![read, refused]),
        alert(3, "行政・保健所", "救護所の開設予定", "03:39", "03:49", vec![unknown, unread]),
        alert(4, "消防", "医療本部設置の通知", "03:14", "03:29", vec![fire, call]),
    ]
}

fn page(language: Language, drill: bool, facts: &[AlertFacts]) -> BoardPage {
    let frame = sample::frame(language, Room::Incidents);
    let mut page = BoardPage::new(frame, sample::head(language, drill, Tab::Board), facts);
    let chair = |key: &str, title: &str, words: &str, held, vacant| ChairLine {
        key: key.into(),
        title: title.into(),
        words: words.into(),
        held,
        vacant,
    };
    page.seat(vec![
        chair("commander", "本部長", "佐藤 真由美", true, false),
        chair("liaison", "DMAT調整", "伊藤に打診中（03:51まで）", false, false),
        chair("planning", "情報・計画", "空席", false, true),
    ]);
    page
}

#[test]
fn the_board_is_light_and_complete_in_both_modes_and_languages() {
    for (name, language, drill) in [
        ("board-ja", Language::Ja, false),
        ("board-en", Language::En, false),
        ("board-drill-ja", Language::Ja, true),
    ] {
        let mut page = page(language, drill, &facts());
        if drill {
            page.troubles =
                vec!["メールの中継 127.0.0.1:2525 に03:40から届きません。届き次第、送り直します。".into()];
            page.absences = vec![
                "03:20から03:22まで（2分）サービスが止まっていました。期限の過ぎた手順と連絡は、重大度の順に送ります。".into(),
            ];
        }
        let html = keep(name, page.render().unwrap());
        assert!(html.len() < 60_000, "{name}: {} bytes", html.len());
        assert!(!html.contains("style="), "the policy forbids inline styles");
        assert_eq!(html.contains("【訓練】") || html.contains("訓練 EXERCISE"), drill);
        assert_eq!(html.contains("class=\"tape\""), drill);
    }
}

#[test]
fn stuck_rows_stand_first_in_their_group() {
    let page = page(Language::Ja, false, &facts());
    let kinds: Vec<RowKind> = page.groups[0].rows.iter().map(|row| row.kind).collect();
    assert_eq!(kinds[0], RowKind::Decide);
    assert!(kinds[1..].iter().all(|kind| *kind == RowKind::Settled));
}

#[test]
fn every_recipient_is_counted_once() {
    let page = page(Language::Ja, false, &facts());
    let sums: Vec<usize> = page.counts.iter().map(|line| line.sum).collect();
    assert_eq!(sums, [6, 3, 2]);
    assert_eq!(page.recipients, 11);
}

#[test]
fn forces_run_up_and_conditional_ones_are_told_apart() {
    let forces = page(Language::Ja, false, &facts()).forces.unwrap();
    assert_eq!(forces.promised, 3);
    assert_eq!(forces.against, "目標 6隊、条件付き 1、不足 2");
    let totals: Vec<&str> = forces.arrivals.iter().map(|arrival| arrival.2.as_str()).collect();
    assert_eq!(totals, ["計1", "計3", "計4"]);
}

#[test]
fn a_row_changes_its_version_with_its_facts_and_not_with_the_clock() {
    let alert = &facts()[2];
    let mut frame = sample::frame(Language::Ja, Room::Incidents);
    let version = |frame: &Frame, facts: &RecipientFacts| Row::new(facts, alert, frame).version;
    let before = version(&frame, &alert.recipients[1]);
    frame.when.now = at("03:47:40");
    assert_eq!(version(&frame, &alert.recipients[1]), before);
    let mut opened = alert.recipients[1].clone();
    opened.evidence.opened = Some(at("03:47:30"));
    assert_ne!(version(&frame, &opened), before);
}

#[test]
fn a_board_without_recipients_says_so() {
    let html = keep("board-empty-ja", page(Language::Ja, false, &[]).render().unwrap());
    assert!(html.contains("まだ何も送っていません"));
}

#[test]
fn the_call_list_says_whom_why_and_whose_turn_and_dials_only_when_it_is_real() {
    for (name, language, drill) in [
        ("board-calls-ja", Language::Ja, false),
        ("board-calls-en", Language::En, false),
        ("board-calls-drill-ja", Language::Ja, true),
    ] {
        let mut page = page(language, drill, &facts());
        let dialled = |number: &str| if drill { String::new() } else { number.to_owned() };
        let call = |id: u32, name: &str, numbers| Call {
            recipient: format!("rcp_{id:032x}"),
            name: name.into(),
            numbers,
            why: page.frame.words.with("call-why-silent", &[("what", "待機・出動照会 最大震度6強".into())]),
            ask: "出動の可否を聞き、代理で入力してください。".into(),
            turn: "DMAT調整 伊藤 真".into(),
        };
        let numbers = vec![
            ("DMAT担当".to_owned(), "000-0000-2001".to_owned(), dialled("00000002001")),
            ("事務当直".to_owned(), "000-0000-2002".to_owned(), dialled("00000002002")),
        ];
        let calls = vec![call(7, "みどり市立総合病院DMAT", numbers), call(8, "若葉保健所", Vec::new())];
        page.calls = calls;
        let html = keep(name, page.render().unwrap());
        assert_eq!(html.contains("href=\"tel:00000002001\""), !drill);
        assert_eq!(html.contains("href=\"tel:"), !drill);
        assert!(html.contains("000-0000-2002") && html.contains("伊藤 真"));
        assert!(html.contains("/recipients/rcp_00000000000000000000000000000007#proxy"));
        assert!(!html.contains("<details"), "two calls stand there at once");
    }
}

#[test]
fn a_long_call_list_leaves_the_answers_in_view() {
    let mut page = page(Language::Ja, false, &facts());
    let call = |n: u32| Call {
        recipient: format!("rcp_{n:032x}"),
        name: format!("第{n}病院"),
        numbers: Vec::new(),
        why: String::new(),
        ask: String::new(),
        turn: String::new(),
    };
    page.calls = (1..=5).map(call).collect();
    let html = keep("board-calls-many-ja", page.render().unwrap());
    let (seen, folded) =
        html.split_once("<details><summary>ほかに電話をかける相手 2</summary>").expect("a fold");
    assert!(seen.contains("第3病院") && !seen.contains("第4病院"));
    let folded = folded.split_once("</details>").expect("its end").0;
    assert!(folded.contains("第4病院") && folded.contains("第5病院"));
}
