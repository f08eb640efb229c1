//! What a duty officer and a recipient do, in a real browser.

use crate::support::{
    browser::{Browser, DESK, PHONE},
    incident::Incident,
    playbooks::{DIRECTORY, QUICK, patient},
    postgres::Database,
    server::{Home, Server},
    smtp_sink::Sink,
    wait::{SOON, until},
};
use serde_json::json;

const PASSWORD: &str = "狼煙-山から山へ-2026";

async fn serve(playbook: &str) -> (Server, Sink) {
    let sink = Sink::start().await;
    let home = Home::new(Database::Sqlite).relays(&[&sink]).playbook("quick.yaml", playbook);
    (home.serve_with(DIRECTORY).await, sink)
}

/// Makes an account behind a one-time link, and is signed in.
pub async fn set_up(browser: &Browser) {
    browser.fill("名前", "佐藤 悠").await;
    browser.fill("ログイン名", "sato").await;
    browser.fill("パスワード", PASSWORD).await;
    browser.fill("もう一度", PASSWORD).await;
    browser.press("button", "アカウントを作る").await;
}

/// Signs in by the one-time link that the first start prints.
pub async fn sign_in(server: &Server, browser: &Browser) {
    let log = server.log();
    let link = log.split_whitespace().find(|word| word.contains("/setup/"));
    let link = link.unwrap_or_else(|| panic!("the first start prints no link:\n{log}")).to_owned();
    browser.open(&link).await;
    set_up(browser).await;
    browser.shows("短い初動対応").await;
    let again = server.anybody().get(&link).await;
    assert!(!again.text.contains("<form"), "the link works once: {}", again.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_duty_officer_starts_a_drill_in_two_steps_and_sees_the_board_change_by_itself() {
    let (server, sink) = serve(&patient()).await;
    let browser = Browser::start(PHONE).await;
    sign_in(&server, &browser).await;
    assert!(!browser.overflows().await, "home fits a telephone");
    browser.picture("home").await;
    browser.width(PHONE).await;
    browser.open(&format!("{}/playbooks/quick/start", server.home.base())).await;
    browser.picture("start").await;
    browser.width(PHONE).await;
    assert!(!browser.overflows().await, "the start page fits a telephone");
    browser.shows("DMAT病院").await;
    browser.choose("radio", "訓練").await;
    browser.press("button", "内容と宛先を確かめる").await;
    // The second step shows whom it will reach, once more, and only then does anything happen.
    assert_eq!(server.api.list("/api/v1/incidents").await.len(), 0, "the first step starts nothing");
    browser.shows("訓練として開始しますか").await;
    browser.picture("start-confirm").await;
    browser.width(PHONE).await;
    browser.press("button", "訓練として開始する").await;
    browser.shows("2つとも確かめて").await;
    assert_eq!(server.api.list("/api/v1/incidents").await.len(), 0, "nothing starts without both ticks");
    browser.choose("checkbox", "確かめた").await;
    browser.choose("checkbox", "訓練である").await;
    browser.press("button", "訓練として開始する").await;
    browser.shows("西病院").await;
    assert!(!browser.overflows().await, "the board fits a telephone");
    let incidents = server.api.list("/api/v1/incidents").await;
    assert_eq!(incidents.len(), 1);
    assert_eq!(incidents[0]["mode"], "drill");
    assert_eq!(sink.received().len(), 0);

    let id = incidents[0]["id"].as_str().expect("an id").to_owned();
    browser.open(&format!("{}/incidents/{id}", server.home.base())).await;
    let recipients = server.api.list(&format!("/api/v1/incidents/{id}/recipients")).await;
    let east = recipients.iter().find(|it| it["agency"] == "hosp_east").expect("a recipient");
    let path = format!("/api/v1/recipients/{}/answer", east["id"].as_str().expect("an id"));
    let marker = "return (window.notLoadedAgain = 1)";
    browser.page.execute(marker, Vec::new()).await.expect("a script");
    let body = json!({ "option": "available", "fields": { "teams": 2 }, "on_behalf": true });
    server.api.post(&path, &body).await.expect(200);
    browser.shows("出動可").await;
    let kept = browser.page.execute("return window.notLoadedAgain", Vec::new()).await.expect("a script");
    assert_eq!(kept, 1, "the board changed without being loaded again");
    browser.picture("board-drill").await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_board_the_interface_and_the_chronology_agree() {
    let (server, sink) = serve(&patient()).await;
    let incident = Incident::start(&server.api, "quick", "live").await;
    let link = sink.letters_to("dmat@east.example", 1, SOON).await.remove(0).link();
    let form = [("option", "available"), ("teams", "3"), ("note", "雪のため遅れます")];
    server.anybody().post_form(&format!("{link}/answer"), &form).await.expect(303);
    let browser = Browser::start(DESK).await;
    sign_in(&server, &browser).await;
    browser.open(&format!("{}/incidents/{}", server.home.base(), incident.id)).await;
    browser.shows("東病院").await;
    let board = browser.text().await;
    assert!(board.contains("出動可") && board.contains('3'), "{board}");
    for words in ["西病院", "南病院", "北浜消防本部"] {
        assert!(board.contains(words), "{words} is missing on the board:\n{board}");
    }
    browser.picture("board-live").await;
    let chronology = incident.chronology_text().await;
    assert!(chronology.contains("東病院") && chronology.contains("出動可"), "{chronology}");
    browser.open(&format!("{}/incidents/{}/chronology", server.home.base(), incident.id)).await;
    browser.shows("出動可").await;
    browser.picture("chronology").await;
    assert_eq!(incident.recipient("standby", "hosp_east").await["answer"]["fields"]["teams"], 3);
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_recipients_page_is_answered_on_a_telephone_without_script() {
    let (server, sink) = serve(&patient()).await;
    let incident = Incident::start(&server.api, "quick", "live").await;
    let link = sink.letters_to("dmat@east.example", 1, SOON).await.remove(0).link();
    let browser = Browser::without_script(PHONE).await;
    browser.open(&link).await;
    browser.shows("出動可").await;
    assert!(!browser.overflows().await, "the page fits a telephone");
    browser.picture("answer").await;
    browser.width(PHONE).await;
    assert_eq!(
        incident.recipient("standby", "hosp_east").await["evidence"]["opened_at"],
        serde_json::Value::Null
    );
    browser.choose("radio", "出動可").await;
    browser.choose("radio", "2").await;
    browser.press("button", "回答を送る").await;
    browser.shows("出動可").await;
    let recipient = incident.in_state("standby", "hosp_east", "answered", SOON).await;
    assert_eq!(recipient["answer"]["fields"]["teams"], 2);
    browser.picture("answer-done").await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_visible_page_says_by_itself_that_it_was_opened() {
    let (server, sink) = serve(&patient()).await;
    let incident = Incident::start(&server.api, "quick", "live").await;
    let link = sink.letters_to("dmat@south.example", 1, SOON).await.remove(0).link();
    let browser = Browser::start(PHONE).await;
    browser.open(&link).await;
    browser.shows("Available").await;
    let opened = incident
        .recipient_until("standby", "hosp_south", "is opened", SOON, |it| it["grade"] == "opened")
        .await;
    assert_eq!(opened["state"], "waiting", "opening is not answering");
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commander_decides_and_a_desk_types_in_what_was_said_on_the_telephone() {
    let (server, _sink) = serve(QUICK).await;
    let incident = Incident::start(&server.api, "quick", "live").await;
    let browser = Browser::start(PHONE).await;
    sign_in(&server, &browser).await;
    let west = incident.in_state("standby", "hosp_west", "to_decide", SOON).await;
    let south = incident.in_state("standby", "hosp_south", "to_decide", SOON).await;
    browser.open(&format!("{}/incidents/{}", server.home.base(), incident.id)).await;
    browser.shows("本部長").await;
    browser.picture("board-decisions").await;
    browser.width(PHONE).await;
    let page = |recipient: &serde_json::Value| {
        let id = recipient["id"].as_str().expect("an id").to_owned();
        format!("{}/incidents/{}/recipients/{id}", server.home.base(), incident.id)
    };
    browser.open(&page(&west)).await;
    assert!(!browser.overflows().await, "the page of one recipient fits a telephone");
    browser.picture("recipient").await;
    browser.width(PHONE).await;
    browser.choose("radio", "代替隊を手配").await;
    browser.press("button", "判断を記録する").await;
    browser.shows("判断を記録しました").await;
    let west = incident.recipient("standby", "hosp_west").await;
    assert_eq!((&west["state"], &west["decision"]["option"]), (&json!("decided"), &json!("代替隊を手配")));

    browser.open(&page(&south)).await;
    browser.choose("radio", "出動可").await;
    browser.choose("radio", "3").await;
    browser.fill("電話の相手", "当直の山田さん").await;
    browser.press("button", "代理で記録する").await;
    browser.shows("代理で記録しました").await;
    let south = incident.recipient("standby", "hosp_south").await;
    assert_eq!(south["state"], "answered");
    assert_eq!((&south["answer"]["proxy"], &south["answer"]["fields"]["teams"]), (&json!(true), &json!(3)));
    assert!(incident.chronology_text().await.contains("当直の山田さん"));
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_board_says_that_the_mail_is_down() {
    let (server, sink) = serve(&patient()).await;
    sink.close().await;
    let incident = Incident::start(&server.api, "quick", "live").await;
    let browser = Browser::start(DESK).await;
    sign_in(&server, &browser).await;
    browser.open(&format!("{}/incidents/{}", server.home.base(), incident.id)).await;
    browser.shows("127.0.0.1").await;
    browser.picture("board-mail-down").await;
    browser.open(&format!("{}/status", server.home.base())).await;
    browser.shows("127.0.0.1").await;
    browser.picture("status").await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_added_person_signs_in_and_a_wrong_password_gives_no_hint() {
    let (server, _sink) = serve(&patient()).await;
    let mut add = server.home.command(&["user", "add", "--person", "p_deputy", "--login", "tanaka"]);
    add.env("NOROSHI_PASSWORD", PASSWORD).stdin(std::process::Stdio::null());
    let added =
        tokio::task::spawn_blocking(move || add.output()).await.expect("a thread").expect("a process");
    assert!(added.status.success(), "{}", String::from_utf8_lossy(&added.stderr));
    let anybody = server.anybody();
    let try_in = async |login: &str, password: &str| {
        anybody.post_form("/login", &[("login", login), ("password", password)]).await
    };
    let wrong = try_in("tanaka", "wrong-wrong-wrong").await;
    let nobody = try_in("nobody", "wrong-wrong-wrong").await;
    assert_eq!(wrong.status, nobody.status);
    // The head of the page shows the time; the rest must be the same.
    let main = |page: &str| page.split_once("<main").expect("a main part").1.to_owned();
    assert_eq!(main(&wrong.text).replace("tanaka", ""), main(&nobody.text).replace("nobody", ""));
    assert!(wrong.header("set-cookie").is_none());
    let right = try_in("tanaka", PASSWORD).await.expect(303);
    let cookie = right.header("set-cookie").expect("a session").to_owned();
    for word in ["HttpOnly", "SameSite=", "Path=/"] {
        assert!(cookie.contains(word), "{cookie}");
    }
    let session = cookie.split(';').next().expect("a name and a value");
    let home = anybody.send("GET", "/", &[("cookie", session)], None).await.expect(200);
    assert!(home.text.contains("田中"), "{}", home.text);
    let forged = [("cookie", session), ("content-type", "application/x-www-form-urlencoded")];
    let body = "mode=drill&step=start&tick_checked=1&tick_meant=1".to_owned();
    let refused = anybody.send("POST", "/playbooks/quick/start", &forged, Some(body)).await;
    assert_eq!(refused.status, 403, "no form of ours, no start");
    assert_eq!(server.api.list("/api/v1/incidents").await.len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_officer_on_duty_decides_on_a_telephone_about_what_is_held() {
    let (server, sink) = serve(&crate::triggers::held("20m", "send")).await;
    let browser = Browser::start(PHONE).await;
    sign_in(&server, &browser).await;
    let event = crate::triggers::quake("6+", "q1");
    let event = server.api.post("/api/v1/trigger-events", &event).await.expect(201).json();
    let id = event["outcomes"][0]["incident"].as_str().expect("an incident").to_owned();
    // Home says it first; the incident itself leads to the decision.
    browser.open(&server.home.base()).await;
    browser.shows("発報の判断").await;
    browser.picture("home-held").await;
    browser.width(PHONE).await;
    browser.open(&format!("{}/incidents/{id}", server.home.base())).await;
    browser.shows("自動で発報します").await;
    browser.shows("4宛先").await;
    browser.shows("青葉県沖").await;
    assert!(!browser.overflows().await, "the decision fits a telephone");
    browser.picture("hold").await;
    browser.width(PHONE).await;
    assert!(sink.received_by("dmat@east.example").is_empty());
    browser.press("button", "今すぐ発報する").await;
    browser.shows("西病院").await;
    sink.letters_to("dmat@east.example", 1, SOON).await;

    browser.open(&format!("{}/triggers", server.home.base())).await;
    browser.shows("jma.earthquake q1").await;
    browser.shows("保留").await;
    assert!(!browser.overflows().await, "the list fits a telephone");
    browser.picture("triggers").await;
    browser.width(PHONE).await;
    let event = crate::triggers::quake("7", "q2");
    let event = server.api.post("/api/v1/trigger-events", &event).await.expect(201).json();
    let id = event["outcomes"][0]["incident"].as_str().expect("an incident").to_owned();
    browser.open(&format!("{}/incidents/{id}/hold", server.home.base())).await;
    browser.press("button", "取消（誤報）").await;
    until("it is dismissed", SOON, async || {
        let whole = server.api.get(&format!("/api/v1/incidents/{id}")).await.json();
        (whole["state"] == "cancelled").then_some(())
    })
    .await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_duty_officer_looks_ahead_and_nothing_on_the_page_can_send() {
    let (server, sink) = serve(&patient()).await;
    let browser = Browser::start(PHONE).await;
    sign_in(&server, &browser).await;
    let base = server.home.base();
    browser.open(&format!("{base}/playbooks/quick/preflight?at=2026-12-01T02:00&v-place=沖")).await;
    browser.shows("だれも答えないとき").await;
    assert!(!browser.overflows().await, "the preflight fits a telephone");
    let text = browser.text().await;
    for words in
        ["弱いところ", "1分に約480通", "起こされる人", "02:15", "02:30", "西病院", "判断の依頼", "出動照会"]
    {
        let told = text.contains(words) || words == "出動照会";
        assert!(told, "{words} is missing:\n{text}");
    }
    let forms = "return [...document.querySelectorAll('main form')].filter(f => f.method === 'post').length";
    assert_eq!(
        browser.page.execute(forms, Vec::new()).await.expect("a script"),
        0,
        "no form that changes anything"
    );
    browser.picture("preflight").await;
    browser.width(PHONE).await;
    browser.open(&format!("{base}/playbooks/quick/preflight?at=2026-12-01T02:00&answers=all")).await;
    browser.shows("回答").await;
    assert!(!browser.text().await.contains("判断の依頼"), "who answers is not decided about");
    browser
        .open(&format!(
            "{base}/playbooks/quick/preflight/letters?at=2026-12-01T02:00&v-place=沖&drill=1&to=hosp_south"
        ))
        .await;
    browser.shows("Can you deploy? 沖").await;
    assert!(browser.text().await.contains("【訓練】"));
    assert!(!browser.overflows().await, "the letters fit a telephone");
    browser.picture("preflight-letters").await;
    assert_eq!(server.api.list("/api/v1/incidents").await.len(), 0);
    assert_eq!(sink.received().len(), 0);
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_commander_corrects_an_alert_proposes_to_close_and_merges() {
    let (server, sink) = serve(&patient()).await;
    let incident = Incident::start(&server.api, "quick", "live").await;
    let first = sink.letters_to("dmat@east.example", 1, SOON).await.remove(0).link();
    let browser = Browser::start(DESK).await;
    sign_in(&server, &browser).await;
    let base = format!("{}/incidents/{}", server.home.base(), incident.id);
    browser.open(&base).await;
    browser.press("link", "続報・訂正・撤回").await;
    browser.shows("元の連絡").await;
    browser.picture("follow-up").await;
    browser.choose("radio", "訂正").await;
    browser.press("button", "送る").await;
    browser.shows("件名と本文を入れてください").await;
    browser.fill("本文", "参集拠点は運動公園に変わりました。").await;
    browser.press("button", "送る").await;
    browser.shows("に替わりました").await;
    browser.picture("board-corrected").await;
    browser.width(DESK).await;
    sink.letters_to("dmat@east.example", 2, SOON).await;
    browser.open(&first).await;
    browser.shows("新しい連絡に替わりました").await;
    browser.picture("answer-superseded").await;
    browser.width(PHONE).await;
    browser.press("link", "新しい連絡を開く").await;
    browser.shows("【訂正】").await;

    browser.width(DESK).await;
    browser.open(&format!("{base}/close")).await;
    browser.press("button", "安定化を記録する").await;
    browser.shows("安定化").await;
    browser.press("button", "終結を提案する").await;
    browser.shows("終結が提案されています").await;
    browser.picture("board-proposal").await;
    browser.width(DESK).await;
    browser.press("link", "終結を判断する").await;
    browser.picture("close-proposal").await;
    browser.width(DESK).await;
    browser.press("button", "終結せず続ける").await;
    let other = Incident::start(&server.api, "quick", "live").await;
    let number = other.whole().await["number"].as_i64().expect("a number");
    browser.open(&format!("{base}/merge")).await;
    browser.shows(&format!("事案{number}")).await;
    browser.picture("merge").await;
    browser.width(DESK).await;
    browser.press("button", "統合する").await;
    browser.shows("統合先を選び").await;
    browser.choose("radio", &format!("事案{number}")).await;
    browser.choose("checkbox", "同じ災害").await;
    browser.press("button", "統合する").await;
    browser.shows("西病院").await;
    browser.open(&first).await;
    browser.shows(&format!("事案{number}")).await;
    browser.picture("answer-merged").await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_pastes_a_playbook_sees_what_changes_and_takes_it() {
    let (server, _sink) = serve(&patient()).await;
    let browser = Browser::start(PHONE).await;
    sign_in(&server, &browser).await;
    let base = server.home.base();
    browser.open(&format!("{base}/playbooks")).await;
    browser.shows("第1版").await;
    assert!(!browser.overflows().await, "the list fits a telephone");
    browser.picture("playbooks").await;
    browser.width(PHONE).await;
    let paste = async |source: &str| {
        browser.open(&format!("{base}/import/playbook")).await;
        let script = "document.getElementById('source').value = arguments[0]";
        browser.page.execute(script, vec![json!(source)]).await.expect("a script");
        browser.press("button", "調べる").await;
    };
    paste(&patient().replace("role:commander", "role:comander")).await;
    browser.shows("まだ何も変えていません").await;
    browser.shows("comander").await;
    assert!(!browser.overflows().await, "problems fit a telephone");
    browser.picture("playbook-import-broken").await;
    browser.width(PHONE).await;
    paste(&format!("{}# {}\n", patient(), "長".repeat(800_000))).await;
    browser.shows("ファイルが大きすぎます").await;
    let second = patient()
        .replace("version: 1.0.0", "version: 1.1.0")
        .replace("at: 10m, if: unacked", "at: 12m, if: unacked")
        .replace("出動の可否を回答してください。", "出動の可否をすぐ回答してください。");
    paste(&second).await;
    browser.shows("10m → 12m").await;
    browser.picture("playbook-import").await;
    browser.width(PHONE).await;
    assert_eq!(
        server.api.list("/api/v1/playbooks/quick/versions").await.len(),
        1,
        "checking changes nothing"
    );
    browser.press("button", "第2版として取り込む").await;
    browser.shows("第2版を取り込みました").await;
    assert!(!browser.overflows().await, "the playbook fits a telephone");
    browser.picture("playbook").await;
    browser.width(PHONE).await;
    let versions = server.api.list("/api/v1/playbooks/quick/versions").await;
    assert_eq!(versions[0]["imported_by"], "佐藤 悠");
    let stored = server.api.get("/api/v1/playbooks/quick").await.expect(200).json();
    assert_eq!(stored["source"], second, "what was pasted is stored byte for byte");
    browser.open(&format!("{base}/playbooks/quick/versions")).await;
    browser.shows("佐藤 悠").await;
    browser.picture("playbook-versions").await;
    browser.width(PHONE).await;
    browser.open(&format!("{base}/playbooks/quick/difference")).await;
    browser.shows("10m → 12m").await;
    assert!(!browser.overflows().await, "the difference fits a telephone");
    browser.picture("playbook-difference").await;
    browser.close().await;
}
