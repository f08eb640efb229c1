//! Tasks and situation reports in a real browser: on a telephone, by those who hold the roles.

use std::process::Stdio;

use fantoccini::Locator;
use serde_json::json;

use crate::support::{
    browser::{Browser, PHONE},
    incident::Incident,
    playbooks::{DIRECTORY, duties, with},
    postgres::Database,
    server::{Home, Server},
    smtp_sink::Sink,
    wait::SOON,
};

const PASSWORD: &str = "狼煙-山から山へ-2026";

/// The smallest PNG: one dark pixel.
const PNG: &[u8] = &[
    0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', 0, 0, 0, 13, b'I', b'H', b'D', b'R', 0, 0, 0, 1, 0, 0,
    0, 1, 8, 6, 0, 0, 0, 0x1f, 0x15, 0xc4, 0x89, 0, 0, 0, 13, b'I', b'D', b'A', b'T', 0x78, 0x9c, 0x63, 0x60,
    0x60, 0x60, 0xf8, 0x0f, 0, 1, 4, 1, 0, 0x5f, 0xe5, 0xc3, 0x4b, 0, 0, 0, 0, b'I', b'E', b'N', b'D', 0xae,
    0x42, 0x60, 0x82,
];

async fn serve(playbook: &str) -> (Server, Sink) {
    let sink = Sink::start().await;
    let home = Home::new(Database::Sqlite).relays(&[&sink]).playbook("quick.yaml", playbook);
    (home.serve_with(DIRECTORY).await, sink)
}

/// A browser in which this person of the directory is signed in.
async fn signed_in(server: &Server, person: &str, role: &str) -> Browser {
    let mut add = server.home.command(&["user", "add", "--person", person, "--role", role]);
    add.env("NOROSHI_PASSWORD", PASSWORD).stdin(Stdio::null());
    let added =
        tokio::task::spawn_blocking(move || add.output()).await.expect("a thread").expect("a process");
    assert!(added.status.success(), "{}", String::from_utf8_lossy(&added.stderr));
    let browser = Browser::start(PHONE).await;
    browser.open(&format!("{}/login", server.home.base())).await;
    browser.fill("ログイン名", person).await;
    browser.fill("パスワード", PASSWORD).await;
    browser.press("button", "サインイン").await;
    browser.shows("短い初動対応").await;
    browser
}

/// Opens what is folded. (Chromium gives a summary a role of its own making.)
async fn unfold(browser: &Browser, place: &str) {
    let summary =
        browser.page.wait().for_element(Locator::Css(&format!("{place} summary"))).await.expect("a summary");
    // By the keyboard: Enter.
    summary.send_keys("\u{e007}").await.expect("it takes a key");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_liaison_works_off_the_list_on_a_telephone() {
    let soon =
        with(&duties(), "after: incident.activated, within: 30m", "after: incident.activated, within: 1s");
    let (server, sink) = serve(&soon).await;
    let incident = Incident::start(&server.api, "quick", "live").await;
    incident.accept("liaison", "p_liaison").await;
    sink.letter_about("liaison@eoc.example", "被災状況を集計する", SOON).await;
    let browser = signed_in(&server, "p_liaison", "operator").await;
    // What is late and mine stands on the home page.
    browser.shows("被災状況を集計する の期限").await;
    browser.open(&format!("{}/incidents/{}", server.home.base(), incident.id)).await;
    browser.shows("期限切れの課題").await;
    assert!(!browser.overflows().await, "the board fits a telephone");
    browser.press("link", "課題").await;
    browser.shows("自分の課題").await;
    assert!(!browser.overflows().await, "the list fits a telephone");
    let text = browser.text().await;
    for words in ["期限切れ", "先に: 被災状況を集計する", "必須", "C 指揮・連携"] {
        assert!(text.contains(words), "{words} is missing in:\n{text}");
    }
    browser.picture("tasks").await;
    browser.width(PHONE).await;
    browser.open(&format!("{}/incidents/{}/tasks?lang=en", server.home.base(), incident.id)).await;
    browser.shows("My tasks").await;
    assert!(!browser.overflows().await, "the English list fits a telephone");
    browser.picture("tasks-en").await;
    browser.width(PHONE).await;
    browser.open(&format!("{}/incidents/{}/tasks?lang=ja", server.home.base(), incident.id)).await;

    // A value in place, and it is done; what waited for it is free.
    browser.fill("未把握の病院数", "２").await;
    browser.press("button", "完了にする 被災状況を集計する").await;
    browser.find("button", "完了にする 受入可能数を更新する").await;
    assert_eq!(incident.task("count").await["evidence"], 2);

    // Somebody else adds one: it appears by itself.
    let marker = "return (window.notLoadedAgain = 1)";
    browser.page.execute(marker, Vec::new()).await.expect("a script");
    let body = json!({ "title": "毛布を20枚届ける", "role": "liaison", "within": "15m" });
    server.api.post(&incident.path("/tasks"), &body).await.expect(201);
    browser.shows("毛布を20枚届ける").await;
    let kept = browser.page.execute("return window.notLoadedAgain", Vec::new()).await.expect("a script");
    assert_eq!(kept, 1, "the list changed without being loaded again");

    // One with a photo: its page.
    browser.press("link", "出動隊の受け入れを準備する").await;
    browser.shows("への最初の回答").await;
    browser.press("button", "完了にする").await;
    browser.shows("写真を添えてから").await;
    let photo = server.home.path().join("gate.png");
    std::fs::write(&photo, PNG).expect("a file");
    let input = browser.page.find(Locator::Css("#photo")).await.expect("a field for a file");
    input.send_keys(photo.to_str().expect("our own path")).await.expect("a chosen file");
    browser.press("button", "写真を送る").await;
    browser.shows("写真を保存しました").await;
    let loaded =
        "const it = document.querySelector('.photos img'); return it.complete && it.naturalWidth === 1";
    crate::support::wait::until("the photo is shown", SOON, async || {
        let shown = browser.page.execute(loaded, Vec::new()).await.ok()?;
        (shown == true).then_some(())
    })
    .await;
    assert!(!browser.overflows().await, "a task fits a telephone");
    browser.picture("task").await;
    browser.width(PHONE).await;
    browser.press("button", "完了にする").await;
    browser.shows("自分の課題").await;
    assert_eq!(incident.task("receive").await["state"], "done");

    // The holder decides that one is not needed, and has to say why.
    browser.press("link", "配置を確定する").await;
    unfold(&browser, "#drop").await;
    browser.press("button", "不要にする").await;
    browser.shows("不要とする理由を入れてください").await;
    browser.fill("理由", "前の当番で確定済み").await;
    browser.press("button", "不要にする").await;
    browser.shows("前の当番で確定済み").await;
    assert_eq!(incident.task("staff").await["state"], "not_needed");

    unfold(&browser, "#add").await;
    browser.press("button", "課題を足す").await;
    browser.shows("何をするかを入れてください").await;
    browser.fill("何をするか", "給水車を要請する").await;
    browser.press("button", "課題を足す").await;
    browser.shows("給水車を要請する").await;
    assert!(incident.tasks().await.iter().any(|task| task["title"] == "給水車を要請する"));
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_goes_from_its_author_to_its_approver_and_out() {
    let soon = with(&duties(), "first: 30m", "first: 1s");
    let (server, sink) = serve(&soon).await;
    let incident = Incident::start(&server.api, "quick", "live").await;
    incident.accept("liaison", "p_liaison").await;
    sink.letter_about("liaison@eoc.example", "作成時刻です", SOON).await;
    let author = signed_in(&server, "p_liaison", "operator").await;
    author.press("link", "状況報告 第1報 を作成する").await;
    author.shows("傷病者 赤").await;
    assert!(!author.overflows().await, "the form fits a telephone");
    author.picture("report-form").await;
    author.width(PHONE).await;
    author.fill("傷病者 赤", "３").await;
    author.press("button", "提出する").await;
    author.shows("「状況の概要」を入れてください").await;
    author.fill("時点", "3:40").await;
    author.fill("状況の概要", "沖合で地震。被害を調査中。").await;
    author.press("button", "提出する").await;
    author.shows("提出しました").await;
    author.shows("承認待ち").await;

    let approver = signed_in(&server, "p_duty", "commander").await;
    approver.press("link", "状況報告 第1報 を承認する").await;
    approver.shows("沖合で地震。被害を調査中。").await;
    approver.picture("report-approval").await;
    approver.width(PHONE).await;
    approver.press("button", "差し戻す").await;
    approver.shows("差し戻す理由を入れてください").await;
    approver.fill("差し戻す", "震源を書いて").await;
    approver.press("button", "差し戻す").await;
    approver.shows("差し戻しました").await;

    author.open(&format!("{}/", server.home.base())).await;
    author.press("link", "状況報告 第1報 を作成する").await;
    author.shows("震源を書いて").await;
    author.fill("状況の概要", "北浜沖で地震。被害を調査中。").await;
    author.press("button", "提出する").await;
    author.shows("提出しました").await;
    approver.open(&format!("{}/incidents/{}/reports", server.home.base(), incident.id)).await;
    approver.picture("reports").await;
    approver.width(PHONE).await;
    assert!(!approver.overflows().await, "the list of reports fits a telephone");
    approver.press("link", "承認する").await;
    approver.press("button", "承認して発信する").await;
    approver.shows("承認し、発信しました").await;
    approver.close().await;

    // The next one begins with the values of the one before, which stand beside the fields.
    author.open(&format!("{}/incidents/{}/reports", server.home.base(), incident.id)).await;
    author.press("link", "状況報告 第2報 を作成する").await;
    author.shows("前回 3").await;
    author.shows("前回 北浜沖で地震。被害を調査中。").await;
    author.fill("時点", "4:40").await;
    author.fill("傷病者 赤", "5").await;
    author.picture("report-former").await;
    author.width(PHONE).await;
    author.press("button", "提出する").await;
    author.shows("提出しました").await;
    let second =
        incident.reports().await.into_iter().find(|report| report["number"] == 2).expect("the second");
    assert_eq!(second["changed"], json!(["as_of", "red"]));
    assert_eq!(second["fields"]["situation"], "北浜沖で地震。被害を調査中。");
    author.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missed_report_waits_on_the_board_for_a_decision() {
    let (server, _sink) = serve(&duties()).await;
    let body = json!({ "playbook": "quick", "mode": "drill", "rate": 300, "variables": {} });
    let incident = Incident::start_with(&server.api, &body).await;
    let browser = signed_in(&server, "p_duty", "commander").await;
    let long = std::time::Duration::from_secs(60);
    incident.report_until(1, "waits for a decision", long, |report| report["to_decide"] == true).await;
    browser.open(&format!("{}/incidents/{}", server.home.base(), incident.id)).await;
    browser.shows("報告の判断待ち").await;
    browser.picture("board-duties").await;
    browser.width(PHONE).await;
    browser.open(&format!("{}/incidents/{}/close", server.home.base(), incident.id)).await;
    // The third required task begins only when it ends.
    browser.shows("終わっていない必須の課題 2").await;
    browser.shows("出していない報告 1").await;
    browser.open(&format!("{}/incidents/{}", server.home.base(), incident.id)).await;
    assert!(!browser.overflows().await, "the board of a drill with all its tabs fits a telephone");
    browser.press("link", "報告の判断待ち").await;
    browser.shows("出ていない報告についての判断").await;
    browser.picture("report-decision").await;
    browser.width(PHONE).await;
    browser.press("button", "判断を記録する").await;
    browser.shows("判断").await;
    browser.choose("radio", "次回に回す").await;
    browser.press("button", "判断を記録する").await;
    browser.shows("判断を記録しました").await;
    let first = incident.reports().await.into_iter().find(|report| report["number"] == 1).expect("the first");
    assert_eq!((&first["state"], &first["decision"]["option"]), (&json!("skipped"), &json!("次回に回す")));
    browser.close().await;
}
