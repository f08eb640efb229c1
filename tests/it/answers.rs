//! The recipient's page: no account, one link, an answer that is stored when it is said to be.

use serde_json::json;

use crate::support::{
    client::{Api, Reply},
    incident::{Incident, moment},
    playbooks::{DIRECTORY, QUICK, many, patient, with},
    postgres::{Database, on_each_database},
    server::{Home, Server},
    smtp_sink::Sink,
    wait::{SOON, until},
};

/// A running service with one live incident of `playbook`, and the sink that gets its letters.
async fn raised(database: Database, playbook: &str) -> (Server, Sink, Incident) {
    let sink = Sink::start().await;
    let home = Home::new(database).relays(&[&sink]).playbook("quick.yaml", playbook);
    let server = home.serve_with(DIRECTORY).await;
    let incident = Incident::start(&server.api, "quick", "live").await;
    (server, sink, incident)
}

async fn link_of(sink: &Sink, address: &str) -> String {
    sink.letters_to(address, 1, SOON).await[0].link()
}

async fn answer(anybody: &Api, link: &str, fields: &[(&str, &str)]) -> Reply {
    anybody.post_form(&format!("{link}/answer"), fields).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_by_the_link_is_taken_and_shown_back() {
    on_each_database(async |database| {
        let (server, sink, incident) = raised(database, &patient()).await;
        let link = link_of(&sink, "dmat@east.example").await;
        let anybody = server.anybody();
        let page = anybody.get(&link).await.expect(200);
        assert!(page.text.contains("出動可") && page.text.contains("出動不可"), "{}", page.text);
        assert!(page.text.len() < 14_000, "the page has {} bytes", page.text.len());
        assert_eq!(page.header("cache-control"), Some("no-store"));
        assert_eq!(page.header("referrer-policy"), Some("no-referrer"));

        let fields =
            [("option", "available"), ("teams", "２"), ("depart_at", "０４：３０"), ("note", "車両１台")];
        let taken = answer(&anybody, &link, &fields).await.expect(303);
        let target = taken.header("location").expect("a redirect to the page").to_owned();
        assert!(link.ends_with(target.split(['?', '#']).next().expect("a path")), "{target}");
        let shown = anybody.get(&link).await.expect(200);
        assert!(shown.text.contains("車両１台"), "{}", shown.text);

        let recipient = incident.recipient("standby", "hosp_east").await;
        assert_eq!(recipient["state"], "answered");
        assert_eq!(recipient["grade"], "answered");
        let given = &recipient["answer"];
        assert_eq!(given["option"], "available");
        assert_eq!(given["fields"]["teams"], 2, "full-width digits are a number: {given}");
        assert_eq!(given["note"], "車両１台");
        assert_eq!(given["late"], false);
        assert_eq!(given["proxy"], false);
        assert!(recipient["next_step_at"].is_null(), "after an answer it is quiet");
        assert!(incident.chronology_text().await.contains("出動可"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_answer_brings_the_page_back_with_what_was_typed() {
    let (server, sink, incident) = raised(Database::Sqlite, &patient()).await;
    let link = link_of(&sink, "dmat@east.example").await;
    let anybody = server.anybody();
    for fields in [
        vec![("option", "available"), ("note", "覚え書き七")],
        vec![("option", "available"), ("teams", "たくさん"), ("note", "覚え書き七")],
        vec![("option", "available"), ("teams", "10"), ("note", "覚え書き七")],
        vec![("option", "unavailable"), ("reason", "雨"), ("note", "覚え書き七")],
        vec![("option", "maybe"), ("note", "覚え書き七")],
        vec![("note", "覚え書き七")],
    ] {
        let page = answer(&anybody, &link, &fields).await.expect(422);
        assert!(page.text.contains("覚え書き七"), "what was typed is still there: {fields:?}");
        assert!(page.text.contains("<form"), "the page comes back: {fields:?}");
    }
    let typed = [("option", "available"), ("teams", "2"), ("depart_at", "いつか")];
    let page = answer(&anybody, &link, &typed).await.expect(422);
    assert!(page.text.contains("いつか"));
    let recipient = incident.recipient("standby", "hosp_east").await;
    assert_eq!(recipient["state"], "waiting");
    assert!(recipient["answer"].is_null());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_answer_again_changes_nothing_and_another_replaces_it() {
    let (server, sink, incident) = raised(Database::Sqlite, &patient()).await;
    let link = link_of(&sink, "dmat@east.example").await;
    let anybody = server.anybody();
    incident
        .recipient_until("standby", "hosp_east", "is accepted", SOON, |it| it["grade"] == "accepted")
        .await;
    let first = [("option", "available"), ("teams", "2")];
    answer(&anybody, &link, &first).await.expect(303);
    let before = (incident.recipient("standby", "hosp_east").await, incident.chronology().await);
    answer(&anybody, &link, &first).await.expect(303);
    let after = (incident.recipient("standby", "hosp_east").await, incident.chronology().await);
    assert_eq!(before, after);

    answer(&anybody, &link, &[("option", "unavailable"), ("reason", "人員不足"), ("teams", "7")])
        .await
        .expect(303);
    let changed = incident.recipient("standby", "hosp_east").await;
    assert_eq!(changed["answer"]["option"], "unavailable");
    assert_eq!(
        changed["answer"]["fields"],
        json!({ "reason": "人員不足" }),
        "fields of other options are ignored"
    );
    let chronology = incident.chronology_text().await;
    assert!(chronology.contains("出動可") && chronology.contains("出動不可"), "{chronology}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_option_that_only_says_seen_leaves_the_ladder_running() {
    let (server, sink, incident) = raised(Database::Sqlite, &patient()).await;
    let link = link_of(&sink, "dmat@east.example").await;
    answer(&server.anybody(), &link, &[("option", "later")]).await.expect(303);
    let recipient = incident.recipient("standby", "hosp_east").await;
    assert_eq!(recipient["state"], "waiting");
    assert_eq!(recipient["grade"], "opened");
    assert!(recipient["next_step_at"].is_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_answer_is_taken_and_marked_late() {
    let (server, sink, incident) = raised(Database::Sqlite, QUICK).await;
    let link = link_of(&sink, "dmat@west.example").await;
    incident.in_state("standby", "hosp_west", "to_decide", SOON).await;
    answer(&server.anybody(), &link, &[("option", "available"), ("teams", "1")]).await.expect(303);
    let recipient = incident.recipient("standby", "hosp_west").await;
    assert_eq!(recipient["state"], "answered");
    assert_eq!(recipient["answer"]["late"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_after_the_decision_is_kept_and_put_before_a_person() {
    let (server, sink, incident) = raised(Database::Sqlite, &patient()).await;
    let link = link_of(&sink, "dmat@west.example").await;
    let recipient = incident.recipient("standby", "hosp_west").await;
    let decide = format!("/api/v1/recipients/{}/decide", recipient["id"].as_str().expect("an id"));
    server.api.post(&decide, &json!({ "option": "対象から外す" })).await.expect(200);
    answer(&server.anybody(), &link, &[("option", "available"), ("teams", "1")]).await.expect(303);
    let recipient = incident.recipient("standby", "hosp_west").await;
    assert_eq!(recipient["state"], "decided", "the state stays");
    assert_eq!(recipient["answer"]["option"], "available");
    assert_eq!(recipient["answer"]["late"], true);
    assert!(incident.chronology_text().await.contains("決定後"));
}

#[tokio::test(flavor = "multi_thread")]
async fn after_the_end_the_page_says_so_and_takes_no_more() {
    let (server, sink, incident) = raised(Database::Sqlite, &patient()).await;
    let link = link_of(&sink, "dmat@east.example").await;
    incident.close("終了").await.expect(200);
    let anybody = server.anybody();
    let page = anybody.get(&link).await.expect(200);
    assert!(!page.text.contains("name=\"option\""), "no buttons to answer with any more: {}", page.text);
    assert!(page.text.contains("000-000-0000"), "the desk's telephone number");
    answer(&anybody, &link, &[("option", "available"), ("teams", "1")]).await.expect(409);
    assert!(incident.recipient("standby", "hosp_east").await["answer"].is_null());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_link_gives_no_hint() {
    let (server, sink, _) = raised(Database::Sqlite, &patient()).await;
    let link = link_of(&sink, "dmat@east.example").await;
    let anybody = server.anybody();
    let (base, token) = link.rsplit_once('/').expect("a link has a token");
    let flipped: String = token.chars().map(|c| if c == 'A' { 'B' } else { 'A' }).collect();
    let mut pages = Vec::new();
    for wrong in [flipped.as_str(), "A", &"x".repeat(400)] {
        pages.push(anybody.get(&format!("{base}/{wrong}")).await.expect(404).text.replace(wrong, ""));
        anybody.post_form(&format!("{base}/{wrong}/answer"), &[("option", "available")]).await.expect(404);
        anybody.post_form(&format!("{base}/{wrong}/opened"), &[]).await.expect(404);
        anybody.post_form(&format!("{base}/{wrong}/wrong-address"), &[]).await.expect(404);
    }
    assert_eq!(pages[0], pages[1], "the same page for every unknown link");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scanner_that_fetches_every_link_changes_nothing() {
    let (server, sink, incident) = raised(Database::Sqlite, &patient()).await;
    let link = link_of(&sink, "dmat@east.example").await;
    incident
        .recipient_until("standby", "hosp_east", "is accepted", SOON, |it| it["grade"] == "accepted")
        .await;
    let before = (incident.recipient("standby", "hosp_east").await, incident.chronology().await);
    let anybody = server.anybody();
    for _ in 0..3 {
        anybody.get(&link).await.expect(200);
        anybody.send("HEAD", &link, &[], None).await.expect(200);
        anybody.send("OPTIONS", &link, &[], None).await;
        for tail in ["answer", "answer?option=available&teams=1", "opened", "wrong-address"] {
            for method in ["GET", "HEAD", "OPTIONS"] {
                anybody.send(method, &format!("{link}/{tail}"), &[], None).await;
            }
        }
    }
    let after = (incident.recipient("standby", "hosp_east").await, incident.chronology().await);
    assert_eq!(before, after);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_visible_page_itself_says_that_it_was_opened() {
    let (server, sink, incident) = raised(Database::Sqlite, &patient()).await;
    let link = link_of(&sink, "dmat@east.example").await;
    let opened = server.anybody().post_form(&format!("{link}/opened"), &[]).await;
    assert!(matches!(opened.status, 200 | 204), "{opened:?}");
    let recipient = incident.recipient("standby", "hosp_east").await;
    assert_eq!(recipient["grade"], "opened");
    assert!(recipient["evidence"]["opened_at"].is_string());
    assert!(recipient["evidence"]["acked_at"].is_null(), "read is not answered");
    assert_eq!(recipient["state"], "waiting");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_who_is_no_longer_in_charge_is_put_on_record() {
    let (server, sink, incident) = raised(Database::Sqlite, &patient()).await;
    let link = link_of(&sink, "dmat@east.example").await;
    let told =
        server.anybody().post_form(&format!("{link}/wrong-address"), &[("note", "異動しました")]).await;
    assert!(matches!(told.status, 200 | 303), "{told:?}");
    until("the directory says that the address is wrong", SOON, async || {
        let directory = server.api.get("/api/v1/directory").await.expect(200).text;
        directory.contains("異動しました").then_some(())
    })
    .await;
    assert!(incident.chronology_text().await.contains("異動しました"));
    assert_eq!(incident.recipient("standby", "hosp_east").await["state"], "waiting", "it is no answer");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_taken_by_telephone_is_marked_as_such() {
    let (server, _sink, incident) = raised(Database::Sqlite, &patient()).await;
    let recipient = incident.recipient("standby", "hosp_west").await;
    let path = format!("/api/v1/recipients/{}/answer", recipient["id"].as_str().expect("an id"));
    let body =
        json!({ "option": "available", "fields": { "teams": 3 }, "note": "当直より電話", "on_behalf": true });
    server.api.post(&path, &body).await.expect(200);
    let recipient = incident.recipient("standby", "hosp_west").await;
    assert_eq!(recipient["state"], "answered");
    assert_eq!(recipient["answer"]["proxy"], true);
    assert_eq!(recipient["answer"]["fields"]["teams"], 3);
    let bad = json!({ "option": "available", "fields": { "teams": "多数" }, "on_behalf": true });
    server.api.post(&path, &bad).await.expect(422);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_answer_of_anybody_at_an_agency_counts_for_it() {
    let (server, sink, incident) = raised(Database::Sqlite, QUICK).await;
    let alternate = link_of(&sink, "office@west-kanri.example").await;
    let primary = link_of(&sink, "dmat@west.example").await;
    assert_ne!(primary, alternate, "each contact point has a link of its own");
    answer(&server.anybody(), &alternate, &[("option", "available"), ("teams", "1")]).await.expect(303);
    let recipient = incident.recipient("standby", "hosp_west").await;
    assert_eq!(recipient["state"], "answered");
    let by = recipient["answer"]["by"].to_string();
    assert!(by.contains("alternate"), "the contact point whose link was used: {by}");
    assert_eq!(incident.recipients_of("standby").await.len(), 3, "an agency is one recipient");
}

/// The reminders leave at the moment at which everybody answers: whoever writes an outcome down and whoever takes an
/// answer touch the same rows, and neither may wait for the other in a circle (the server's end asserts that it logged
/// no error).
#[tokio::test(flavor = "multi_thread")]
async fn answers_that_come_while_reminders_leave_are_all_taken() {
    const MANY: usize = 150;
    on_each_database(async |database| {
        let sink = Sink::start().await;
        let home = Home::new(database).relays(&[&sink]).playbook("quick.yaml", QUICK);
        let server = home.serve_with(&many(MANY)).await;
        let incident = Incident::start(&server.api, "quick", "live").await;
        let mut links: Vec<String> = Vec::with_capacity(MANY);
        for letter in sink.letters_to("@many.example", MANY, SOON).await {
            if !links.contains(&letter.link()) {
                links.push(letter.link());
            }
        }
        assert_eq!(links.len(), MANY);
        until("the first reminder leaves", SOON, async || {
            (sink.accepted("@many.example") > MANY).then_some(())
        })
        .await;
        let mut people = tokio::task::JoinSet::new();
        for link in links {
            let anybody = server.anybody();
            people.spawn(
                async move { answer(&anybody, &link, &[("option", "available"), ("teams", "1")]).await },
            );
        }
        for reply in people.join_all().await {
            reply.expect(303);
        }
        let recipients = incident.recipients_of("standby").await;
        let answered = recipients.iter().filter(|recipient| recipient["state"] == "answered").count();
        assert_eq!(answered, MANY);
    })
    .await;
}

/// Answers that come at the same time share a commit; what one of them lacks is its own affair.
#[tokio::test(flavor = "multi_thread")]
async fn of_answers_that_come_together_each_has_its_own_reply() {
    const MANY: usize = 60;
    on_each_database(async |database| {
        let sink = Sink::start().await;
        let home = Home::new(database).relays(&[&sink]).playbook("quick.yaml", &patient());
        let server = home.serve_with(&many(MANY)).await;
        let incident = Incident::start(&server.api, "quick", "live").await;
        let letters = sink.letters_to("@many.example", MANY, SOON).await;
        let mut people = tokio::task::JoinSet::new();
        for (n, letter) in letters.iter().enumerate() {
            let (anybody, link) = (server.anybody(), letter.link());
            people.spawn(async move {
                // Every third forgets to say how many teams; every fifth presses twice.
                let teams = if n % 3 == 0 { "" } else { "2" };
                let form = [("option", "available"), ("teams", teams)];
                let first = answer(&anybody, &link, &form);
                let again = async {
                    if n % 5 == 0 {
                        answer(&anybody, &link, &form).await.expect(if n % 3 == 0 { 422 } else { 303 });
                    }
                };
                let (reply, ()) = futures_util::future::join(first, again).await;
                reply.expect(if n % 3 == 0 { 422 } else { 303 });
            });
        }
        people.join_all().await;
        let recipients = incident.recipients_of("standby").await;
        let answered = recipients.iter().filter(|recipient| recipient["state"] == "answered").count();
        assert_eq!(answered, MANY - MANY.div_ceil(3));
        let lines = incident.chronology().await;
        let told = lines.iter().filter(|line| line["kind"] == "answer").count();
        assert_eq!(told, answered, "whoever presses twice has said it once");
    })
    .await;
}

/// The playbook asks for the arrival again every hour. The board and the page say so; nobody is written to for it.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_wants_to_be_told_again_says_until_when() {
    let eta = "    - { key: eta, label: { ja: 到着予定, en: Arrival }, meaning: arrival, counts_as: ack, after: available, \
               refresh_every: 60m, ask: [ { key: eta_at, label: { ja: 到着見込, en: Arrives }, type: time, required: true } ] }\n";
    let seen = "    - { key: later,";
    let playbook = with(&patient(), seen, &format!("{eta}{seen}"));
    let (server, sink, incident) = raised(Database::Sqlite, &playbook).await;
    let link = link_of(&sink, "dmat@east.example").await;
    let anybody = server.anybody();
    answer(&anybody, &link, &[("option", "available"), ("teams", "2")]).await.expect(303);
    let given = incident.recipient("standby", "hosp_east").await["answer"].clone();
    assert!(given["refresh_due_at"].is_null(), "{given}");
    answer(&anybody, &link, &[("option", "eta"), ("eta_at", "05:40")]).await.expect(303);
    let given = incident.recipient("standby", "hosp_east").await["answer"].clone();
    assert_eq!(moment(&given["refresh_due_at"]) - moment(&given["at"]), 3_600_000, "{given}");
    let page = anybody.get(&link).await.expect(200);
    assert!(page.text.contains("その後の状況をもう一度お知らせください"), "{}", page.text);
}
