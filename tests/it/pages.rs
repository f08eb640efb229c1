//! What a duty officer and a recipient do, in a real browser.

use crate::support::{
    browser::{Browser, DESK, PHONE},
    incident::Incident,
    playbooks::{DIRECTORY, patient},
    postgres::Database,
    server::{Home, Server},
    smtp_sink::Sink,
    wait::SOON,
};

const PASSWORD: &str = "狼煙-山から山へ-2026";

async fn serve(home: Home) -> (Server, Sink) {
    let sink = Sink::start().await;
    (home.relays(&[&sink]).playbook("quick.yaml", &patient()).serve_with(DIRECTORY).await, sink)
}

/// Fills the page behind a one-time link: a name and a password twice.
pub async fn set_up(browser: &Browser) {
    let fields = browser
        .page
        .find_all(fantoccini::Locator::Css("form input:not([type=hidden])"))
        .await
        .expect("fields");
    for field in fields {
        let kind = field.attr("type").await.expect("a type").unwrap_or_default();
        let words = if kind == "password" { PASSWORD } else { "sato" };
        let typed = field.prop("value").await.expect("a value").unwrap_or_default();
        if typed.is_empty() && kind != "checkbox" && kind != "submit" {
            field.send_keys(words).await.expect("typing");
        }
    }
    let button = browser.page.find(fantoccini::Locator::Css("form button")).await.expect("a button");
    button.click().await.expect("pressing");
}

/// Signs in by the link that `user add` or the first start prints.
async fn sign_in(server: &Server, browser: &Browser) {
    let printed = server.home.run(&["user", "add", "--person", "p_duty"]).await.expect(0);
    let link = printed
        .out
        .split_whitespace()
        .find(|word| word.contains("/setup/"))
        .expect("a one-time link")
        .to_owned();
    browser.open(&link).await;
    set_up(browser).await;
    browser.shows("短い初動対応").await;
    let again = server.anybody().get(&link).await;
    assert!(matches!(again.status, 404 | 410), "the link works once: {}", again.status);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_duty_officer_starts_a_drill_in_two_steps_and_sees_the_board_change_by_itself() {
    let (server, sink) = serve(Home::new(Database::Sqlite)).await;
    let browser = Browser::start(PHONE).await;
    sign_in(&server, &browser).await;
    assert!(!browser.overflows().await, "home fits a telephone");
    browser.picture("home").await;
    browser.width(PHONE).await;
    browser.open(&format!("{}/playbooks/quick/start", server.home.base())).await;
    browser.picture("start").await;
    browser.width(PHONE).await;
    assert!(!browser.overflows().await, "the start page fits a telephone");
    browser.shows("東病院").await;
    browser.press("radio", "訓練").await;
    browser.press("button", "").await;
    // The second step shows whom it will reach, once more, and only then does anything happen.
    assert_eq!(server.api.list("/api/v1/incidents").await.len(), 0, "the first step starts nothing");
    browser.shows("東病院").await;
    browser.picture("start-confirm").await;
    browser.width(PHONE).await;
    browser.press("button", "訓練").await;
    browser.shows("【訓練】").await;
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
    let body = serde_json::json!({ "option": "available", "fields": { "teams": 2 }, "on_behalf": true });
    server.api.post(&path, &body).await.expect(200);
    browser.shows("出動可").await;
    let kept = browser.page.execute("return window.notLoadedAgain", Vec::new()).await.expect("a script");
    assert_eq!(kept, 1, "the board changed without being loaded again");
    browser.picture("board-drill").await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_board_the_interface_and_the_chronology_agree() {
    let (server, sink) = serve(Home::new(Database::Sqlite)).await;
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
    let (server, sink) = serve(Home::new(Database::Sqlite)).await;
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
    choose(&browser, "available").await;
    browser.fill("隊数", "２").await;
    press_last(&browser, "available").await;
    browser.shows("出動可").await;
    let recipient = incident.in_state("standby", "hosp_east", "answered", SOON).await;
    assert_eq!(recipient["answer"]["fields"]["teams"], 2);
    browser.picture("answer-done").await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_visible_page_says_by_itself_that_it_was_opened() {
    let (server, sink) = serve(Home::new(Database::Sqlite)).await;
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

/// Chooses the option of this key where the page asks for a choice first.
async fn choose(browser: &Browser, key: &str) {
    let selector = format!("input[type=radio][name=option][value={key}]");
    if let Ok(radio) = browser.page.find(fantoccini::Locator::Css(&selector)).await {
        let id = radio.attr("id").await.expect("an attribute").unwrap_or_default();
        let label = format!("label[for='{id}']");
        match browser.page.find(fantoccini::Locator::Css(&label)).await {
            Ok(label) => label.click().await.expect("choosing"),
            Err(_) => radio.click().await.expect("choosing"),
        }
    }
}

/// Sends the form: by the option's own button, or by the one at the form's end.
async fn press_last(browser: &Browser, key: &str) {
    let own = format!("button[name=option][value={key}]");
    let button = match browser.page.find(fantoccini::Locator::Css(&own)).await {
        Ok(button) => button,
        Err(_) => browser
            .page
            .find(fantoccini::Locator::Css("form[action$='/answer'] button"))
            .await
            .expect("a button"),
    };
    button.click().await.expect("pressing");
}
