//! What leaves the house: the letters of an alert, as a mail program receives them.

use serde_json::json;

use crate::support::{
    incident::Incident,
    playbooks::{DIRECTORY, QUICK, many, patient},
    postgres::{Database, on_each_database},
    server::Home,
    smtp_sink::{Sink, message_ids},
    wait::SOON,
};

const HOSPITALS: [&str; 3] = ["dmat@east.example", "dmat@west.example", "dmat@south.example"];

#[tokio::test(flavor = "multi_thread")]
async fn a_live_start_reaches_every_recipient_with_a_link_of_its_own() {
    on_each_database(async |database| {
        let sink = Sink::start().await;
        let home = Home::new(database).relays(&[&sink]).playbook("quick.yaml", &patient());
        let server = home.serve_with(DIRECTORY).await;
        let body = json!({ "playbook": "quick", "mode": "live", "variables": { "place": "十勝沖" } });
        let incident = Incident::start_with(&server.api, &body).await;

        let mut tokens = std::collections::BTreeSet::new();
        for address in HOSPITALS.into_iter().chain(["cmd@fire.example"]) {
            let letters = sink.letters_to(address, 1, SOON).await;
            assert_eq!(letters[0].to, [address], "one letter goes to one address");
            let link = letters[0].link();
            assert!(link.starts_with(&format!("{}/a/", server.home.base())), "{link}");
            let token = letters[0].token();
            let well_formed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
            assert!(token.len() >= 22 && token.chars().all(well_formed), "{token}");
            assert!(tokens.insert(token), "two recipients have one link");
            assert!(letters[0].html.contains(&link), "the HTML part has the same link");
        }
        for agency in ["hosp_east", "hosp_west", "hosp_south"] {
            let recipient = incident
                .recipient_until("standby", agency, "is accepted", SOON, |it| it["grade"] == "accepted")
                .await;
            assert_eq!(recipient["state"], "waiting");
            assert!(recipient["evidence"]["accepted_at"].is_string());
            assert!(recipient["evidence"]["delivered_at"].is_null(), "mail cannot prove that it arrived");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_has_the_headers_that_mail_programs_go_by() {
    let sink = Sink::start().await;
    let home = Home::new(Database::Sqlite).relays(&[&sink]).playbook("quick.yaml", &patient());
    let server = home.serve_with(DIRECTORY).await;
    let body = json!({ "playbook": "quick", "mode": "live", "variables": { "place": "十勝沖" } });
    let incident = Incident::start_with(&server.api, &body).await;
    for address in HOSPITALS {
        sink.letters_to(address, 1, SOON).await;
    }
    let letters: Vec<_> = HOSPITALS.iter().flat_map(|address| sink.received_by(address)).collect();
    assert_eq!(message_ids(&letters).len(), 3);
    for letter in &letters {
        assert!(letter.message_id.starts_with("dlv_"), "{}", letter.message_id);
        assert_eq!(letter.header("auto-submitted").as_deref(), Some("auto-generated"));
        assert_eq!(
            letter.header("references"),
            letters[0].header("references"),
            "one thread for one incident"
        );
        assert_eq!(letter.header("in-reply-to"), letters[0].header("in-reply-to"));
        assert!(letter.header("references").is_some_and(|id| id.starts_with('<')));
        assert!(letter.header("reply-to").is_some());
        assert!(letter.header("date").is_some());
        assert!(letter.header("content-type").is_some_and(|kind| kind.starts_with("multipart/alternative")));
        let short = letter.raw.split("\r\n").all(|line| line.len() <= 998);
        assert!(short, "no line is longer than RFC 5322 allows");
    }
    let east = &sink.received_by("dmat@east")[0];
    assert!(east.subject.contains("出動照会 十勝沖"), "{}", east.subject);
    assert!(!east.subject.contains("訓練"), "{}", east.subject);
    assert!(east.text.contains("開いただけでは回答になりません"), "{}", east.text);
    let south = &sink.received_by("dmat@south")[0];
    assert!(south.subject.contains("Can you deploy? 十勝沖"), "the reader's language: {}", south.subject);
    assert!(south.text.contains("Earthquake at 十勝沖"), "{}", south.text);

    incident.close("終了").await.expect(200);
    let farewell = sink.letter_about("dmat@east", "活動終了", SOON).await;
    let thread = east.header("references").expect("checked above");
    assert!(farewell.header("references").is_some_and(|ids| ids.contains(&thread)), "the same thread");
    assert_ne!(farewell.message_id, east.message_id);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_that_would_forge_a_header_stays_inside_the_subject() {
    let sink = Sink::start().await;
    let home = Home::new(Database::Sqlite).relays(&[&sink]).playbook("quick.yaml", &patient());
    let server = home.serve_with(DIRECTORY).await;
    let place = "沖\r\nBcc: spy@evil.example\r\n\r\n偽の本文\r\n.\r\nQUIT";
    let body = json!({ "playbook": "quick", "mode": "live", "variables": { "place": place } });
    let started = server.api.post("/api/v1/incidents", &body).await;
    if started.status == 422 {
        return;
    }
    Incident::of(&server.api, &started.expect(201));
    let letter = sink.letters_to("dmat@east.example", 1, SOON).await.remove(0);
    assert_eq!(letter.header("bcc"), None, "{}", letter.raw);
    assert!(letter.subject.contains("出動照会"), "{}", letter.subject);
    sink.letters_to("dmat@west.example", 1, SOON).await;
    assert_eq!(sink.received_by("spy@evil.example").len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn letters_share_few_connections() {
    let sink = Sink::start().await;
    let home = Home::new(Database::Sqlite).relays(&[&sink]).playbook("quick.yaml", QUICK);
    let server = home.serve_with(&many(60)).await;
    Incident::start(&server.api, "quick", "live").await;
    sink.letters_to("@many.example", 60, SOON).await;
    assert!(sink.conversations() <= 8, "{} connections for 60 letters", sink.conversations());
}
