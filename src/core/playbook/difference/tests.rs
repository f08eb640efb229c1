use super::*;

const PLAYBOOK: &str = include_str!("../../../../tests/it/fixture/quick.yaml");

/// Every change, as Japanese and English readers are told.
fn told(changes: &[(&str, &str)]) -> Vec<(String, String)> {
    let mut after = PLAYBOOK.to_owned();
    for (from, to) in changes {
        assert!(after.contains(from), "the fixture no longer has {from:?}");
        after = after.replace(from, to);
    }
    let changes = difference(PLAYBOOK.as_bytes(), after.as_bytes());
    changes.iter().map(|it| (it.sentence(Language::Ja), it.sentence(Language::En))).collect()
}

#[test]
fn changes_are_told_in_the_playbooks_own_terms() {
    let cases: [(&str, &str, &str, &str); 17] = [
        (
            "version: 1.0.0",
            "version: 1.1.0",
            "手順書・版の名前：1.0.0 → 1.1.0",
            "playbook, version: 1.0.0 → 1.1.0",
        ),
        (
            "at: 4s, if: unacked",
            "at: 5s, if: unacked",
            "はしご climb・第2段・時刻：4s → 5s",
            "ladder climb, step 2, at: 4s → 5s",
        ),
        (
            "standby:\n    send: { event: incident.activated }\n    to: [\"agency:hospitals\"]",
            "standby:\n    send: { event: incident.activated }\n    to: [\"agency:hospitals\", \"agency:fire_hq\"]",
            "連絡 standby・宛先に agency:fire_hq を追加",
            "alert standby, recipients: agency:fire_hq added",
        ),
        (
            "from: [roster.duty, roster.deputy]",
            "from: [roster.deputy, roster.duty]",
            "役割 commander・当て方・順番の順番を変更：roster.duty、roster.deputy → roster.deputy、roster.duty",
            "role commander, fill, order: order changed, roster.duty、roster.deputy → roster.deputy、roster.duty",
        ),
        (
            "subject: { ja: 医療本部設置, en: Headquarters set up }",
            "subject: { ja: 医療本部を設置, en: Headquarters set up }",
            "連絡 notice・件名・日本語：医療本部設置 → 医療本部を設置",
            "alert notice, subject, Japanese: 医療本部設置 → 医療本部を設置",
        ),
        (
            "place:    { type: text, max: 30, default: 調査中, ask: 震源 }",
            "place:    { type: text, max: 40, default: 調査中, ask: 震源 }",
            "変数 place・長さの上限：30 → 40",
            "variable place, longest: 30 → 40",
        ),
        (
            "    severity: normal\n",
            "",
            "連絡 stand_down・緊急度から normal を削除",
            "alert stand_down, severity: normal removed",
        ),
        (
            "{ key: manual, source: manual, allow: [roster.duty, roster.deputy] }",
            "{ key: manual, source: manual, allow: [roster.duty] }",
            "起動のきっかけ・「manual」・できる人から roster.deputy を削除",
            "trigger, \"manual\", who may: roster.deputy removed",
        ),
        (
            "    - { key: ok, label: { ja: 了解, en: Understood }, meaning: accept, counts_as: ack }\n",
            "    - { key: ok, label: { ja: 了解, en: Understood }, meaning: accept, counts_as: ack }\n    - { key: call, label: 電話求む, meaning: question, counts_as: ack }\n",
            "回答の選択肢 confirm・「call」を追加",
            "response set confirm, \"call\" added",
        ),
        (
            "      - { at: 2s, if: unread,      do: resend, to: same,      via: [email] }\n",
            "",
            "はしご climb・第1段を削除",
            "ladder climb, step 1 removed",
        ),
        (
            "close: { then: [ { alert: stand_down } ] }",
            "close: { then: [ { alert: stand_down }, { review_due: 14d } ] }",
            "終結・そのあと・2番目を追加",
            "closing, then, no. 2 added",
        ),
        (
            "close: {",
            "reports:\n  sitrep: { form: ics209, author: \"role:liaison\" }\nclose: {",
            "状況報告 sitrepを追加",
            "report sitrep added",
        ),
        ("close: {", "tasks:\n  - { group: 指揮, items: [] }\nclose: {", "タスクを追加", "tasks added"),
        (
            "unit: agency, read_by: 2s",
            "unit: agency, read_by: 3s",
            "連絡 standby・求める回答・既読の期限：2s → 3s",
            "alert standby, answer, read by: 2s → 3s",
        ),
        ("allowed: true", "allowed: false", "訓練・使えるか：true → false", "drills, allowed: true → false"),
        (
            "transports: [email]",
            "transports: [email, sms]",
            "台帳に求めるもの・経路に sms を追加",
            "requirements, transports: sms added",
        ),
        (
            "対象から外す]",
            "対象から外す, 待つ]",
            "はしご climb・第4段・選べる判断・「待つ」を追加",
            "ladder climb, step 4, options, \"待つ\" added",
        ),
    ];
    for (from, to, ja, en) in cases {
        assert_eq!(told(&[(from, to)]), [(ja.to_owned(), en.to_owned())], "{from} → {to}");
    }
}

#[test]
fn what_means_the_same_is_no_difference() {
    let same = [
        ("at: 20m", "at: 1200s"),
        ("version: 1.0.0", "version: \"1.0.0\"   # 版"),
        ("  key: quick\n  version: 1.0.0\n", "  version: 1.0.0\n  key: quick\n"),
        ("close: { then: [ { alert: stand_down } ] }", "close:\n  then:\n    - alert: stand_down"),
        ("ask: 架電し、回答を代理入力する", "ask: { ja: 架電し、回答を代理入力する }"),
    ];
    for change in same {
        assert_eq!(told(&[change]), [], "{change:?}");
    }
    assert_eq!(difference(PLAYBOOK.as_bytes(), PLAYBOOK.as_bytes()), []);
}

#[test]
fn a_step_put_in_between_leaves_the_others_as_they_were() {
    let from = "      - { at: 6s, if: unacked,     do: call,";
    let to =
        format!("      - {{ at: 5s, if: unacked, do: notify, to: \"role:liaison\", via: [email] }}\n{from}");
    assert_eq!(
        told(&[(from, &to)]),
        [("はしご climb・第3段を追加".into(), "ladder climb, step 3 added".into())]
    );
    // Also where the one behind it changes at the same time.
    let to = to.replace("at: 6s", "at: 7s");
    let both = told(&[(from, &to)]);
    let ja: Vec<&str> = both.iter().map(|(ja, _)| ja.as_str()).collect();
    assert_eq!(ja, ["はしご climb・第3段を追加", "はしご climb・第4段・時刻：6s → 7s"]);
}

#[test]
fn a_renamed_thing_is_one_less_and_one_more() {
    let told = told(&[("  notice:\n", "  announcement:\n")]);
    let ja: Vec<&str> = told.iter().map(|(ja, _)| ja.as_str()).collect();
    assert_eq!(ja, ["連絡 announcementを追加", "連絡 noticeを削除"]);
}

#[test]
fn texts_show_which_words_went_and_came() {
    let after = PLAYBOOK.replace(
        "出動の可否を回答してください。照会先: {{ callback }}",
        "出動の可否をすぐ回答してください。電話: {{ callback }}",
    );
    let changes = difference(PLAYBOOK.as_bytes(), after.as_bytes());
    assert_eq!(changes.len(), 1);
    let change = &changes[0];
    assert_eq!((change.path.as_str(), change.kind), ("alerts.standby.body.ja", ChangeKind::Changed));
    let runs: Vec<(RunKind, &str)> = change.runs.iter().map(|run| (run.kind, run.text.as_str())).collect();
    assert_eq!(
        runs,
        [
            (RunKind::Same, "{{ place }}で地震。出動の可否を"),
            (RunKind::New, "すぐ"),
            (RunKind::Same, "回答してください。"),
            (RunKind::Gone, "照会先"),
            (RunKind::New, "電話"),
            (RunKind::Same, ": {{ callback }}"),
        ]
    );
    let line = PLAYBOOK.lines().position(|line| line.contains("出動の可否を回答")).unwrap() as u32 + 1;
    assert_eq!((change.line_before, change.line_after), (Some(line), Some(line)));
}

#[test]
fn long_texts_are_not_pressed_into_the_sentence() {
    let long = "あ".repeat(200);
    let told = told(&[("ja: 本件の対応を終了します。", &format!("ja: {long}"))]);
    assert_eq!(
        told,
        [(
            "連絡 stand_down・本文・日本語の文面を変更".into(),
            "alert stand_down, body, Japanese: words changed".into()
        )]
    );
}

#[test]
fn options_in_another_order_are_told_as_that() {
    let (first, second) = ("    - { key: unavailable,", "    - { key: later,");
    let start = PLAYBOOK.find(first).unwrap();
    let middle = PLAYBOOK.find(second).unwrap();
    let end = PLAYBOOK.find("  confirm:\n").unwrap();
    let after =
        [&PLAYBOOK[..start], &PLAYBOOK[middle..end], &PLAYBOOK[start..middle], &PLAYBOOK[end..]].concat();
    let changes = difference(PLAYBOOK.as_bytes(), after.as_bytes());
    assert_eq!(changes.len(), 1, "{changes:#?}");
    assert_eq!(changes[0].kind, ChangeKind::Reordered);
    assert_eq!(changes[0].after.as_deref(), Some("available、later、unavailable"));
}

#[test]
fn large_texts_are_compared_in_time() {
    let (before, after) = ("甲乙".repeat(50_000), "丙丁".repeat(50_000));
    let runs = align::words(&format!("頭{before}尾"), &format!("頭{after}尾"));
    let kinds: Vec<RunKind> = runs.iter().map(|run| run.kind).collect();
    assert_eq!(kinds, [RunKind::Same, RunKind::Gone, RunKind::New, RunKind::Same]);
}
