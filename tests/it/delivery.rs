//! Mail in bad weather: relays that defer, refuse, hang, break the line, or are not there.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{
    incident::{Incident, moment},
    playbooks::{DIRECTORY, apart, many, patient, with},
    postgres::{Database, on_each_database},
    server::{Home, Server},
    session::Session,
    smtp_sink::{Conduct, Sink, message_ids},
    wait::{SOON, now_ms, until},
};

/// The first retry comes after five seconds, give or take a quarter.
const RETRY: Duration = Duration::from_secs(40);

async fn serve(database: Database, sinks: &[&Sink]) -> Server {
    Home::new(database).relays(sinks).playbook("quick.yaml", &patient()).serve_with(DIRECTORY).await
}

/// Waits until `/readyz` carries a warning with these words.
async fn warned(server: &Server, words: &str) -> String {
    until(&format!("/readyz warns of {words:?}"), RETRY, async || {
        let ready = server.api.get("/readyz").await;
        assert_eq!(ready.status, 200, "a relay that is away takes no board away: {}", ready.text);
        let warnings = ready.json()["warnings"].to_string();
        warnings.contains(words).then_some(warnings)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_that_is_leased_and_in_nobodys_hand_comes_back_when_its_lease_ends() {
    const LETTERS: usize = 8;
    on_each_database(async |database| {
        let sink = Sink::start().await;
        sink.conduct("@many.example", Conduct::Withhold);
        let home = Home::new(database)
            .relays(&[&sink])
            .set("NOROSHI_DELIVERY__CONNECTIONS", "1")
            .set("NOROSHI_DELIVERY__LEASE", "10s")
            .playbook("quick.yaml", &patient());
        let server = home.serve_with(&many(LETTERS)).await;
        Incident::start(&server.api, "quick", "live").await;
        sink.letters_to("@many.example", 1, SOON).await;
        // As after a claim whose answer was lost on its way: leased to this node, which knows nothing of it. Leases are
        // renewed once at least before it ends.
        let until_ms = now_ms() + 5_000;
        let lost = format!(
            "update delivery set state = 'leased', leased_by = (select id from node), fence = fence + 1, \
             lease_until_ms = {until_ms} where state = 'queued'"
        );
        server.home.change(&lost).await;
        sink.conduct("@many.example", Conduct::Accept);
        let letters = sink.letters_to("@many.example", LETTERS, SOON).await;
        assert_eq!(message_ids(&letters).len(), LETTERS, "each once");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_temporary_refusal_is_tried_again_with_the_same_message_id() {
    on_each_database(async |database| {
        let sink = Sink::start().await;
        sink.conduct("dmat@west.example", Conduct::Defer);
        let server = serve(database, &[&sink]).await;
        let incident = Incident::start(&server.api, "quick", "live").await;
        until("the letter is deferred", SOON, async || {
            (!sink.rejections_of("dmat@west.example").is_empty()).then_some(())
        })
        .await;
        let waiting = incident.recipient("standby", "hosp_west").await;
        assert_eq!(waiting["state"], "waiting", "a deferred letter is no failure");
        assert_eq!(sink.received_by("office@west-kanri.example").len(), 0);
        sink.conduct("dmat@west.example", Conduct::Accept);
        let letters = sink.letters_to("dmat@west.example", 1, RETRY).await;
        let pause = letters[0].received_ms - sink.rejections_of("dmat@west.example")[0].at_ms;
        assert!(pause > 3_000, "a busy relay is left alone for seconds, not for {pause} ms");
        let recipient = incident
            .recipient_until("standby", "hosp_west", "is accepted", SOON, |it| it["grade"] == "accepted")
            .await;
        let delivery = &recipient["deliveries"][0];
        let id = delivery["id"].as_str().expect("an id");
        assert!(letters[0].message_id.starts_with(id), "the delivery is the letter");
        assert_eq!(delivery["attempts"], 2, "{delivery}");
        assert_eq!(sink.received_by("dmat@west.example").len(), 1);
    })
    .await;
}

/// Letters go out while somebody asks: what one reply says of a recipient fits what it says of its letters.
#[tokio::test(flavor = "multi_thread")]
async fn one_reply_is_of_one_moment() {
    on_each_database(async |database| {
        let sink = Sink::start().await;
        let home = Home::new(database).relays(&[&sink]).playbook("quick.yaml", &patient());
        let server = home.serve_with(&many(400)).await;
        let incident = Incident::start(&server.api, "quick", "live").await;
        until("every letter is accepted", RETRY, async || {
            let recipients = incident.recipients().await;
            let taken = recipients.iter().filter(|recipient| {
                let letters = recipient["deliveries"].as_array().expect("deliveries");
                let accepted = letters.iter().any(|letter| letter["state"] == "accepted");
                let known = recipient["evidence"]["accepted_at"].is_string();
                assert_eq!(accepted, known, "of two moments: {recipient:#}");
                accepted
            });
            (taken.count() == recipients.len()).then_some(())
        })
        .await;
    })
    .await;
}

/// Claimed letters wait for a connection, and all connections are taken: whoever is more urgent is claimed all the same.
#[tokio::test(flavor = "multi_thread")]
async fn letters_to_a_domain_that_hangs_keep_nobody_waiting_who_was_not_claimed_yet() {
    on_each_database(async |database| {
        let sink = Sink::start().await;
        sink.conduct("@many.example", Conduct::Hang);
        // More letters to the one domain than are claimed at a time, and behind them one to each of many others.
        let (mut directory, connections) = (apart(30), 4);
        for n in 0..15 {
            directory = with(&directory, &format!("@h{n}.many.example"), "@many.example");
        }
        let home = Home::new(database).relays(&[&sink]).playbook("quick.yaml", &patient());
        let home = home.set("NOROSHI_DELIVERY__CONNECTIONS", &connections.to_string());
        let server = home.serve_with(&directory).await;
        Incident::start(&server.api, "quick", "live").await;
        for n in 15..30 {
            sink.letters_to(&format!("@h{n}.many.example"), 1, SOON).await;
        }
        assert_eq!(sink.received_by("@many.example").len(), 0, "it still hangs");
        sink.conduct("@many.example", Conduct::Accept);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_urgent_letter_is_claimed_beside_letters_that_wait() {
    on_each_database(async |database| {
        let sink = Sink::start().await;
        sink.conduct("many.example", Conduct::Hang);
        let (from, to) =
            ("channel: hospitals\n    severity: critical", "channel: hospitals\n    severity: normal");
        // Each in a domain of its own, so that no domain is what keeps them waiting.
        let lines = many(20);
        let lines = lines.lines().enumerate();
        let directory: String = lines
            .map(|(n, line)| line.replace("@many.example", &format!("@d{n}.many.example")) + "\n")
            .collect();
        let home = Home::new(database)
            .set("NOROSHI_DELIVERY__CONNECTIONS", "2")
            .relays(&[&sink])
            .playbook("quick.yaml", &with(&patient(), from, to))
            .playbook("urgent.yaml", &with(&patient(), "key: quick", "key: urgent"));
        let server = home.serve_with(&directory).await;
        let claimed = async |incident: &Incident| {
            let all = incident.recipients_of("standby").await;
            all.iter().filter(|recipient| recipient["deliveries"][0]["state"] == "leased").count()
        };
        let normal = Incident::start(&server.api, "quick", "live").await;
        until("two letters hang and two more are claimed", SOON, async || {
            (claimed(&normal).await >= 4).then_some(())
        })
        .await;
        let urgent = Incident::start(&server.api, "urgent", "live").await;
        until("an urgent letter is claimed", SOON, async || (claimed(&urgent).await > 0).then_some(())).await;
        assert_eq!(sink.accepted("many.example"), 0, "nobody has made room");
        sink.conduct("many.example", Conduct::Accept);
        sink.letters_to("many.example", 40, RETRY).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_whose_line_broke_before_the_end_is_sent_again_as_the_same_letter() {
    let sink = Sink::start().await;
    sink.conduct("dmat@west.example", Conduct::DropBeforeDot);
    let server = serve(Database::Sqlite, &[&sink]).await;
    let incident = Incident::start(&server.api, "quick", "live").await;
    sink.letters_to("dmat@east.example", 1, RETRY).await;
    assert_eq!(sink.received_by("dmat@west.example").len(), 0);
    sink.conduct("dmat@west.example", Conduct::Accept);
    sink.letters_to("dmat@west.example", 1, RETRY).await;
    incident
        .recipient_until("standby", "hosp_west", "is accepted", SOON, |it| it["grade"] == "accepted")
        .await;
    assert_eq!(sink.received_by("dmat@west.example").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_breaks_after_the_end_leaves_a_doubt_and_at_most_one_more_copy() {
    let sink = Sink::start().await;
    sink.conduct("dmat@west.example", Conduct::DropAfterDot);
    let server = serve(Database::Sqlite, &[&sink]).await;
    let incident = Incident::start(&server.api, "quick", "live").await;
    sink.letters_to("dmat@west.example", 1, SOON).await;
    sink.conduct("dmat@west.example", Conduct::Accept);
    let recipient = incident
        .recipient_until("standby", "hosp_west", "has an outcome", RETRY, |it| {
            matches!(it["grade"].as_str(), Some("accepted" | "unknown"))
        })
        .await;
    let copies = sink.received_by("dmat@west.example");
    assert!(copies.len() <= 2, "{} copies", copies.len());
    assert_eq!(
        message_ids(&copies).len(),
        1,
        "both copies are the same letter for the reader's mail program"
    );
    if copies.len() == 1 {
        assert_eq!(recipient["grade"], "unknown", "never accepted on a guess");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_permanent_refusal_takes_the_next_step_at_once() {
    on_each_database(async |database| {
        let sink = Sink::start().await;
        sink.conduct("dmat@west.example", Conduct::Refuse);
        let server = serve(database, &[&sink]).await;
        let incident = Incident::start(&server.api, "quick", "live").await;
        // The ladder would write to the alternate only after ten minutes.
        sink.letters_to("office@west-kanri.example", 1, SOON).await;
        let recipient = incident.recipient("standby", "hosp_west").await;
        assert_eq!(recipient["state"], "waiting", "the ladder goes on from there");
        let reasons = recipient["deliveries"].to_string();
        assert!(reasons.contains("refused"), "{reasons}");
        assert_eq!(sink.received_by("office@east-kanri.example").len(), 0);
        let directory = server.api.get("/api/v1/directory").await.expect(200).text;
        assert!(directory.contains("no such mailbox"), "the directory knows that the address is refused");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn when_every_address_is_refused_a_person_decides_at_once() {
    let sink = Sink::start().await;
    sink.conduct("dmat@west.example", Conduct::Refuse);
    sink.conduct("office@west-kanri.example", Conduct::Refuse);
    let server = serve(Database::Sqlite, &[&sink]).await;
    let incident = Incident::start(&server.api, "quick", "live").await;
    // A telephone call is still possible, so the call is asked for at once; it is what is left.
    sink.letter_about("liaison@eoc.example", "西病院", SOON).await;
    let recipient = incident.recipient("standby", "hosp_west").await;
    assert_eq!(recipient["grade"], "failed");
    assert_eq!(recipient["state"], "waiting");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_is_away_is_told_and_what_is_due_goes_out_when_it_is_back() {
    on_each_database(async |database| {
        let sink = Sink::start().await;
        sink.close().await;
        let server = serve(database, &[&sink]).await;
        let incident = Incident::start(&server.api, "quick", "live").await;
        let warning = warned(&server, "127.0.0.1").await;
        assert!(!warning.contains("null"), "{warning}");
        let recipient = incident.recipient("standby", "hosp_west").await;
        assert_eq!(recipient["grade"], "queued", "never sent for what is not known");
        sink.open().await;
        for address in ["dmat@east.example", "dmat@west.example", "dmat@south.example", "cmd@fire.example"] {
            sink.letters_to(address, 1, RETRY).await;
        }
        until("/readyz warns no more", RETRY, async || {
            let warnings = server.api.get("/readyz").await.expect(200).json()["warnings"].clone();
            warnings.as_array().is_none_or(Vec::is_empty).then_some(())
        })
        .await;
        for address in ["dmat@east.example", "dmat@west.example"] {
            assert_eq!(sink.received_by(address).len(), 1);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_no_relay_is_there_letters_wait_without_trying_and_then_leave_by_severity() {
    on_each_database(async |database| {
        let sink = Sink::start().await;
        sink.close().await;
        let (from, to) =
            ("channel: command\n    severity: critical", "channel: command\n    severity: normal");
        let home = Home::new(database)
            .relays(&[&sink])
            .set("NOROSHI_DELIVERY__CONNECTIONS", "1")
            .playbook("quick.yaml", &with(&patient(), from, to));
        let server = home.serve_with(DIRECTORY).await;
        let incident = Incident::start(&server.api, "quick", "live").await;
        // Each was tried once, because its ladder counts from there, and would have been tried again by now.
        until("every letter is past its second try", RETRY, async || {
            let mut letters = vec![incident.recipient("notice", "fire_hq").await["deliveries"][0].clone()];
            for agency in ["hosp_east", "hosp_west", "hosp_south"] {
                letters.push(incident.recipient("standby", agency).await["deliveries"][0].clone());
            }
            let is_due =
                |letter: &Value| letter["due_at"].is_string() && moment(&letter["due_at"]) < now_ms();
            letters.iter().all(|letter| letter["attempts"] == 1 && is_due(letter)).then_some(())
        })
        .await;
        let metrics = server.api.get("/metrics").await.expect(200).text;
        let due =
            metrics.lines().find_map(|line| line.strip_prefix("noroshi_letters_due{transport=\"mail\"} "));
        assert!(
            due.and_then(|due| due.parse::<usize>().ok()) >= Some(4),
            "those who watch see them: {due:?}"
        );
        let board =
            Session::of(&server, "p_duty", "admin").await.get(&format!("/incidents/{}", incident.id)).await;
        assert!(board.contains("中継が戻りしだい送信"), "{board}");

        // After a longer outage, in which each would have been tried forty times.
        let longer = "update delivery set attempts = attempts + 40, created_at_ms = created_at_ms - 600000";
        server.home.change(&format!("{longer} where state = 'queued'")).await;
        sink.conduct("dmat@south.example", Conduct::Defer);
        sink.open().await;
        sink.letters_to("cmd@fire.example", 1, RETRY).await;
        let order: Vec<String> = sink.received().into_iter().flat_map(|letter| letter.to).collect();
        let urgent = ["dmat@east.example", "dmat@west.example"];
        let place = |address: &str| order.iter().position(|to| to == address);
        for address in urgent {
            assert!(place(address).is_some() && place(address) < place("cmd@fire.example"), "{order:?}");
        }
        let settled = incident.recipient("standby", "hosp_west").await;
        assert_eq!(settled["deliveries"][0]["attempts"], 42, "nobody knocked at a closed door meanwhile");
        let west = sink.received_by("dmat@west.example").remove(0);
        assert!(west.text.contains("遅れて送っています"), "{}", west.text);
        // A domain that puts one off is no end either: the closed door was not the letter's fault.
        let put_off = incident.recipient("standby", "hosp_south").await["deliveries"][0].clone();
        assert_eq!(put_off["state"], "queued", "{put_off}");
        sink.conduct("dmat@south.example", Conduct::Accept);
        sink.letters_to("dmat@south.example", 1, RETRY).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_is_away_is_told_before_there_is_a_letter() {
    let sink = Sink::start().await;
    sink.close().await;
    let server = serve(Database::Sqlite, &[&sink]).await;
    warned(&server, "127.0.0.1").await;
    assert!(server.log().contains("check smtp.relays"), "{}", server.log());
    sink.open().await;
    until("/readyz warns no more", RETRY, async || {
        let warnings = server.api.get("/readyz").await.expect(200).json()["warnings"].clone();
        warnings.as_array().is_none_or(Vec::is_empty).then_some(())
    })
    .await;
    assert_eq!(sink.received().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_relay_takes_over_while_the_first_is_away() {
    let (first, second) = (Sink::start().await, Sink::start().await);
    first.close().await;
    let server = serve(Database::Sqlite, &[&first, &second]).await;
    let incident = Incident::start(&server.api, "quick", "live").await;
    for address in ["dmat@east.example", "dmat@west.example", "dmat@south.example", "cmd@fire.example"] {
        second.letters_to(address, 1, RETRY).await;
    }
    incident
        .recipient_until("standby", "hosp_west", "is accepted", SOON, |it| it["grade"] == "accepted")
        .await;
    assert_eq!(second.received_by("dmat@west.example").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_relay_is_preferred_while_it_is_there() {
    let (first, second) = (Sink::start().await, Sink::start().await);
    let server = serve(Database::Sqlite, &[&first, &second]).await;
    Incident::start(&server.api, "quick", "live").await;
    first.letters_to("dmat@west.example", 1, SOON).await;
    first.letters_to("cmd@fire.example", 1, SOON).await;
    assert_eq!(second.received().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_that_hangs_does_not_hold_up_the_others() {
    let sink = Sink::start().await;
    sink.conduct("dmat@east.example", Conduct::Hang);
    let server = serve(Database::Sqlite, &[&sink]).await;
    Incident::start(&server.api, "quick", "live").await;
    for address in ["dmat@west.example", "dmat@south.example", "cmd@fire.example"] {
        sink.letters_to(address, 1, SOON).await;
    }
    sink.conduct("dmat@east.example", Conduct::Accept);
    sink.letters_to("dmat@east.example", 1, RETRY).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_withdraws_what_is_still_queued() {
    let sink = Sink::start().await;
    sink.conduct("dmat@west.example", Conduct::Defer);
    let server = serve(Database::Sqlite, &[&sink]).await;
    let incident = Incident::start(&server.api, "quick", "live").await;
    let deferred =
        |it: &Value| it["deliveries"][0]["attempts"] == 1 && it["deliveries"][0]["state"] == "queued";
    incident.recipient_until("standby", "hosp_west", "waits for its retry", SOON, deferred).await;
    answer_by_telephone(&server, &incident).await;
    assert_eq!(states(&incident).await, ["withdrawn"], "in the same transaction as the answer");
    sink.conduct("dmat@west.example", Conduct::Accept);
    // What is sent after the time of the retry proves that the retry is gone.
    incident.close("終了").await.expect(200);
    sink.letter_about("dmat@east.example", "活動終了", SOON).await;
    let about_the_alert = sink.received_by("dmat@west.example");
    assert!(
        about_the_alert.iter().all(|letter| !letter.subject.contains("出動照会")),
        "{about_the_alert:#?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_that_is_in_hand_when_the_answer_comes_is_not_tried_again() {
    let sink = Sink::start().await;
    sink.conduct("dmat@west.example", Conduct::Hang);
    let server = serve(Database::Sqlite, &[&sink]).await;
    let incident = Incident::start(&server.api, "quick", "live").await;
    let in_hand = |it: &Value| it["deliveries"][0]["state"] == "leased";
    incident.recipient_until("standby", "hosp_west", "has a letter in hand", SOON, in_hand).await;
    answer_by_telephone(&server, &incident).await;
    sink.conduct("dmat@west.example", Conduct::Defer);
    until("the letter is withdrawn", SOON, async || (states(&incident).await == ["withdrawn"]).then_some(()))
        .await;
    assert_eq!(sink.received_by("dmat@west.example").len(), 0);
}

/// The western hospital answers by telephone.
async fn answer_by_telephone(server: &Server, incident: &Incident) {
    let recipient = incident.recipient("standby", "hosp_west").await;
    let path = format!("/api/v1/recipients/{}/answer", recipient["id"].as_str().expect("an id"));
    let body = json!({ "option": "available", "fields": { "teams": 1 }, "on_behalf": true });
    server.api.post(&path, &body).await.expect(200);
}

/// The states of the western hospital's deliveries.
async fn states(incident: &Incident) -> Vec<String> {
    let recipient = incident.recipient("standby", "hosp_west").await;
    let deliveries = recipient["deliveries"].as_array().expect("deliveries");
    deliveries.iter().map(|delivery| delivery["state"].as_str().expect("a state").to_owned()).collect()
}
