//! Answer links in the wrong hands and at the wrong moment: scanners, replays, crossings.

use serde_json::{Value, json};

use crate::support::{
    browser::{Browser, DESK},
    client::{Api, Reply},
    incident::{Incident, moment},
    playbooks::{DIRECTORY, QUICK, patient},
    postgres::{Database, on_each_database},
    server::{Home, Server},
    smtp_sink::{Conduct, Sink},
    wait::{SOON, until},
};

const YES: &str = "option=available&teams=2";
const NO: &str = "option=unavailable&reason=%E4%BA%BA%E5%93%A1%E4%B8%8D%E8%B6%B3";

/// Presses as the browser of this name.
async fn press(anybody: &Api, path: &str, browser: &str, form: &str) -> Reply {
    let headers = [("content-type", "application/x-www-form-urlencoded"), ("user-agent", browser)];
    anybody.send("POST", path, &headers, Some(form.to_owned())).await
}

async fn raised(home: Home, sink: &Sink, playbook: &str) -> (Server, Incident) {
    let server = home.relays(&[sink]).playbook("quick.yaml", playbook).serve_with(DIRECTORY).await;
    let incident = Incident::start(&server.api, "quick", "live").await;
    (server, incident)
}

/// F32 (a). Whoever presses every button at once and never showed the page is no person; a person who answers
/// afterwards is.
#[tokio::test(flavor = "multi_thread")]
async fn a_scanner_that_presses_every_button_is_told_apart_and_the_ladder_goes_on() {
    on_each_database(async |database| {
        let sink = Sink::start().await;
        let (server, incident) = raised(Home::new(database), &sink, QUICK).await;
        let link = sink.letters_to("dmat@west.example", 1, SOON).await[0].link();
        let (anybody, answer) = (server.anybody(), format!("{link}/answer"));
        for method in ["GET", "HEAD", "OPTIONS"] {
            anybody.send(method, &link, &[("user-agent", "scanner")], None).await;
        }
        press(&anybody, &answer, "scanner", YES).await.expect(303);
        press(&anybody, &answer, "scanner", NO).await.expect(303);
        let recipient = incident.recipient("standby", "hosp_west").await;
        assert_eq!(recipient["answer"]["suspect"], true, "{recipient:#}");
        assert_ne!(recipient["state"], "answered");
        assert!(
            recipient["evidence"]["answered_at"].is_null() && recipient["evidence"]["opened_at"].is_null()
        );
        assert!(incident.chronology_text().await.contains("要確認"));
        let board = format!("/incidents/{}", incident.id);
        let board = server.api.send("GET", &board, &[("accept-language", "ja")], None).await.expect(200);
        assert!(board.text.contains("要確認"), "the board says so");
        let page = anybody.get(&link).await.expect(200).text;
        assert!(page.contains("まだ回答になっていません") && page.contains("name=\"option\""), "{page}");

        // The ladder climbs as if nothing had been pressed.
        sink.letters_to("office@west-kanri.example", 1, SOON).await;
        press(&anybody, &format!("{link}/opened"), "person", "").await;
        press(&anybody, &answer, "person", NO).await.expect(303);
        let recipient = incident.recipient("standby", "hosp_west").await;
        assert_eq!(recipient["state"], "answered");
        assert_eq!(recipient["answer"]["suspect"], false);
        assert_eq!(recipient["answer"]["option"], "unavailable");
        // A scanner that comes later does not unsay what a person has said: it is one browser against another.
        press(&anybody, &answer, "person", YES).await.expect(303);
        let recipient = incident.recipient("standby", "hosp_west").await;
        assert_eq!(recipient["answer"]["suspect"], false, "a person may change its mind as fast as it likes");
        assert_eq!(recipient["answer"]["option"], "available");
    })
    .await;
}

/// F32 (a), by a browser: a mail scanner opens the link in a headless Chromium and presses every button, round and
/// round. It shows the page to nobody, so no script of the page says that it was opened.
#[tokio::test(flavor = "multi_thread")]
async fn a_headless_browser_that_presses_every_button_is_told_apart_and_the_ladder_goes_on() {
    let sink = Sink::start().await;
    let (server, incident) = raised(Home::new(Database::Sqlite), &sink, &patient()).await;
    let link = sink.letters_to("dmat@west.example", 1, SOON).await[0].link();
    let scanner = Browser::without_script(DESK).await;
    let answers = [("出動可", "2"), ("出動不可", "人員不足")];
    let mut round = answers.iter().cycle();
    let suspect = until("the scanner's answers are told apart", SOON + SOON, async || {
        let (option, detail) = round.next().expect("round and round");
        scanner.open(&format!("{link}?change=1")).await;
        scanner.choose("radio", option).await;
        scanner.choose("radio", detail).await;
        scanner.press("button", "回答を送る").await;
        let recipient = incident.recipient("standby", "hosp_west").await;
        (recipient["answer"]["suspect"] == true).then_some(recipient)
    })
    .await;
    scanner.close().await;
    assert_eq!(suspect["state"], "waiting", "{suspect:#}");
    assert!(suspect["evidence"]["opened_at"].is_null() && suspect["evidence"]["answered_at"].is_null());
    assert!(suspect["next_step_at"].is_string(), "the ladder goes on");
    assert!(incident.chronology_text().await.contains("要確認"));
    // A person in another browser is believed.
    press(&server.anybody(), &format!("{link}/answer"), "person", YES).await.expect(303);
    let recipient = incident.recipient("standby", "hosp_west").await;
    assert_eq!((&recipient["state"], &recipient["answer"]["suspect"]), (&json!("answered"), &json!(false)));
}

/// F32 (b). A client on the configured list counts for nothing, however slowly it presses.
#[tokio::test(flavor = "multi_thread")]
async fn a_scanner_on_the_list_counts_for_nothing_and_the_telephone_does() {
    on_each_database(async |database| {
        let sink = Sink::start().await;
        let home = Home::new(database).set("NOROSHI_SERVER__SCANNERS", "192.0.2.0/24,127.0.0.0/8");
        let (server, incident) = raised(home, &sink, &patient()).await;
        let link = sink.letters_to("dmat@west.example", 1, SOON).await[0].link();
        press(&server.anybody(), &format!("{link}/answer"), "gateway", YES).await.expect(303);
        let recipient = incident.recipient("standby", "hosp_west").await;
        assert_eq!(recipient["state"], "waiting");
        assert_eq!(recipient["answer"]["suspect"], true);
        assert!(recipient["next_step_at"].is_string(), "the ladder goes on");
        let path = format!("/api/v1/recipients/{}/answer", recipient["id"].as_str().expect("an id"));
        let body = json!({ "option": "available", "fields": { "teams": 2 }, "on_behalf": true });
        server.api.post(&path, &body).await.expect(200);
        press(&server.anybody(), &format!("{link}/answer"), "gateway", NO).await.expect(303);
        let recipient = incident.recipient("standby", "hosp_west").await;
        assert_eq!(recipient["state"], "answered", "what a person has said stands");
        assert_eq!(recipient["answer"]["option"], "available");
    })
    .await;
}

/// F31. Whoever reads the database cannot answer for anybody: it holds no token.
#[tokio::test(flavor = "multi_thread")]
async fn the_database_holds_no_token() {
    let sink = Sink::start().await;
    let (mut server, _) = raised(Home::new(Database::Sqlite), &sink, &patient()).await;
    let token = sink.letters_to("dmat@west.example", 1, SOON).await[0].token();
    sink.letters_to("cmd@fire.example", 1, SOON).await;
    server.stop();
    let mut bytes = std::fs::read(server.home.path().join("noroshi.db")).expect("the service's file");
    // What is stored may stand in the log beside it still.
    bytes.extend(std::fs::read(server.home.path().join("noroshi.db-wal")).unwrap_or_default());
    assert!(bytes.len() > 10_000);
    let holds = |word: &str| bytes.windows(word.len()).any(|window| window == word.as_bytes());
    assert!(holds("dmat@west.example"), "the search finds what is there");
    assert!(!holds(&token));
}

/// F33. The answer is there before the relay has said that it took the letter, and by two ways at once.
#[tokio::test(flavor = "multi_thread")]
async fn answers_that_cross_what_is_under_way_are_kept_and_end_the_ladder() {
    on_each_database(async |database| {
        let sink = Sink::start().await;
        sink.conduct("dmat@west.example", Conduct::Withhold);
        let (server, incident) = raised(Home::new(database), &sink, &patient()).await;
        let link = sink.letters_to("dmat@west.example", 1, SOON).await[0].link();
        let path = format!("{link}/answer");
        press(&server.anybody(), &path, "person", YES).await.expect(303);
        let before = incident.recipient("standby", "hosp_west").await;
        assert_eq!(before["state"], "answered", "before the relay has said anything");
        sink.conduct("dmat@west.example", Conduct::Accept);
        let accepted = |it: &Value| it["deliveries"][0]["state"] == "accepted";
        let after =
            incident.recipient_until("standby", "hosp_west", "is with the relay", SOON, accepted).await;
        assert_eq!(after["state"], "answered");
        assert_eq!(
            after["evidence"]["answered_at"], before["evidence"]["answered_at"],
            "the first time is kept"
        );
        assert!(after["next_step_at"].is_null());

        let east = sink.letters_to("dmat@east.example", 1, SOON).await[0].link();
        let recipient = incident.recipient("standby", "hosp_east").await;
        let api = format!("/api/v1/recipients/{}/answer", recipient["id"].as_str().expect("an id"));
        let body = json!({ "option": "unavailable", "fields": { "reason": "人員不足" }, "on_behalf": true });
        let by_mail =
            async { press(&server.anybody(), &format!("{east}/answer"), "person", YES).await.expect(303) };
        let by_telephone = async { server.api.post(&api, &body).await.expect(200) };
        futures_util::future::join(by_mail, by_telephone).await;
        let recipient = incident.recipient("standby", "hosp_east").await;
        assert_eq!(recipient["state"], "answered");
        let text = incident.chronology_text().await;
        assert!(text.contains("電話で聴取"), "both are on record: {text}");
        let said = incident.chronology().await;
        let said = said
            .iter()
            .filter(|line| line["kind"] == "answer" && line["from"].to_string().contains("東病院"));
        assert_eq!(said.count(), 2);
        assert!(moment(&recipient["evidence"]["answered_at"]) > 0);
        until("nothing more is sent", SOON, async || {
            (sink.received_by("dmat@east.example").len() == 1).then_some(())
        })
        .await;
    })
    .await;
}
