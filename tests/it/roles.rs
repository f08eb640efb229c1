//! Chairs: offered by letter, accepted by its link, passed on when nobody answers, handed over.

use serde_json::{Value, json};

use crate::support::{
    incident::Incident,
    playbooks::{DIRECTORY, QUICK, patient, with},
    postgres::{Database, on_each_database},
    server::{Home, Server},
    smtp_sink::{Conduct, Letter, Sink},
    wait::{SOON, until},
};

/// [`patient`] with offers that stand for two seconds.
fn hasty() -> String {
    with(&patient(), "accept_within: 10m", "accept_within: 2s")
}

async fn role(incident: &Incident, server: &Server, key: &str) -> Value {
    let roles = server.api.list(&incident.path("/roles")).await;
    roles.into_iter().find(|role| role["key"] == key).unwrap_or_else(|| panic!("no role {key}"))
}

async fn role_until(
    incident: &Incident,
    server: &Server,
    key: &str,
    what: &str,
    holds: impl Fn(&Value) -> bool,
) -> Value {
    until(&format!("the role {key} {what}"), SOON, async || {
        Some(role(incident, server, key).await).filter(|role| holds(role))
    })
    .await
}

async fn press(server: &Server, letter: &Letter, button: &str, status: u16) -> String {
    server.anybody().post_form(&format!("{}/{button}", letter.role_link()), &[]).await.expect(status).text
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_is_accepted_by_the_link_of_its_letter_and_only_then_has_a_name() {
    on_each_database(async |database| {
        let sink = Sink::start().await;
        let home = Home::new(database).relays(&[&sink]).playbook("quick.yaml", &patient());
        let server = home.serve_with(DIRECTORY).await;
        let incident = Incident::start(&server.api, "quick", "live").await;
        let letter = sink.letter_about("duty@eoc.example", "役割の打診 本部長", SOON).await;
        assert!(letter.text.contains("引き受ける、引き受けられない"), "{}", letter.text);
        let notice = sink.letters_to("cmd@fire.example", 1, SOON).await.remove(0);
        assert!(notice.text.contains("窓口: 調整中"), "nobody has accepted yet: {}", notice.text);

        // A mail scanner fetches the link: nothing happens by that.
        for _ in 0..2 {
            let page = server.anybody().get(&letter.role_link()).await.expect(200).text;
            assert!(page.contains("引き受ける") && !page.contains("<script"), "{page}");
        }
        let before = role(&incident, &server, "commander").await;
        assert_eq!((&before["state"], &before["person"]), (&json!("offered"), &Value::Null));
        assert_eq!(before["offer"]["to"], "p_duty");
        assert!(before["accepted_at"].is_null());

        press(&server, &letter, "accept", 303).await;
        let after = role(&incident, &server, "commander").await;
        assert_eq!((&after["state"], &after["person"]), (&json!("accepted"), &json!("p_duty")));
        assert!(after["accepted_at"].is_string() && after["offer"].is_null());
        let page = server.anybody().get(&letter.role_link()).await.expect(200).text;
        assert!(page.contains("あなたがこの役割を務めています") && !page.contains("<button"), "{page}");
        // The same again changes nothing; who holds a role cannot decline it.
        press(&server, &letter, "accept", 303).await;
        press(&server, &letter, "decline", 409).await;
        let chronology = incident.chronology_text().await;
        assert_eq!(chronology.matches("が就任").count(), 1, "{chronology}");
        server.anybody().get(&format!("{}x", letter.role_link())).await.expect(404);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offer_nobody_answers_goes_to_the_next_of_fill_and_a_late_yes_is_taken() {
    on_each_database(async |database| {
        let sink = Sink::start().await;
        let home = Home::new(database).relays(&[&sink]).playbook("quick.yaml", &hasty());
        let server = home.serve_with(DIRECTORY).await;
        let incident = Incident::start(&server.api, "quick", "live").await;
        let first = sink.letter_about("duty@eoc.example", "役割の打診 本部長", SOON).await;
        let second = sink.letter_about("deputy@eoc.example", "役割の打診 本部長", SOON).await;
        assert!(second.received_ms - first.received_ms >= 1_500, "not before the two seconds are over");
        let empty =
            role_until(&incident, &server, "commander", "is vacant", |role| role["state"] == "vacant").await;
        assert!(empty["offer"].is_null() && empty["name"].is_null());
        let page = server.anybody().get(&first.role_link()).await.expect(200).text;
        assert!(page.contains("まだ引き受けられます") && !page.contains("/decline"), "{page}");
        press(&server, &first, "accept", 303).await;
        assert_eq!(role(&incident, &server, "commander").await["person"], "p_duty");
        let page = press(&server, &second, "accept", 409).await;
        assert!(page.contains("佐藤（例）さんが務めています"), "{page}");
        let text = incident.chronology_text().await;
        for words in [
            "佐藤（例） に打診",
            "佐藤（例） から返事がない",
            "田中（例） に打診",
            "空席",
            "佐藤（例） が就任",
        ] {
            assert!(text.contains(words), "{words} is missing in\n{text}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_declined_or_undeliverable_offer_goes_on_at_once() {
    let sink = Sink::start().await;
    sink.conduct("liaison@eoc.example", Conduct::Refuse);
    let one_more = with(&patient(), "from: [roster.liaison]", "from: [roster.liaison, roster.deputy]");
    let home = Home::new(Database::Sqlite).relays(&[&sink]).playbook("quick.yaml", &one_more);
    let server = home.serve_with(DIRECTORY).await;
    let incident = Incident::start(&server.api, "quick", "live").await;
    let letter = sink.letter_about("duty@eoc.example", "役割の打診 本部長", SOON).await;
    press(&server, &letter, "decline", 303).await;
    assert_eq!(role(&incident, &server, "commander").await["offer"]["to"], "p_deputy");
    role_until(&incident, &server, "liaison", "goes on", |role| role["offer"]["to"] == "p_deputy").await;
    let text = incident.chronology_text().await;
    assert!(text.contains("引き受けられない") && text.contains("打診が届かない"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_old_holder_keeps_the_role_until_the_new_one_accepts() {
    on_each_database(async |database| {
        let sink = Sink::start().await;
        let home = Home::new(database).relays(&[&sink]).playbook("quick.yaml", &patient());
        let server = home.serve_with(DIRECTORY).await;
        let incident = Incident::start(&server.api, "quick", "live").await;
        let path = |deed: &str| incident.path(&format!("/roles/commander/{deed}"));
        server.api.post(&path("hand-over"), &json!({ "to": "p_liaison" })).await.expect(409);
        // An acceptance by telephone is typed in.
        server.api.post(&path("accept"), &json!({})).await.expect(422);
        server.api.post(&path("accept"), &json!({ "person": "p_duty" })).await.expect(200);
        server.api.post(&path("offer"), &json!({ "to": "p_liaison" })).await.expect(409);
        server.api.post(&path("hand-over"), &json!({ "to": "nobody" })).await.expect(422);
        let handing =
            server.api.post(&path("hand-over"), &json!({ "to": "p_liaison" })).await.expect(200).json();
        assert_eq!((&handing["state"], &handing["person"]), (&json!("handing_over"), &json!("p_duty")));
        let letter = sink.letter_about("liaison@eoc.example", "役割の打診 本部長", SOON).await;
        let first = handing["accepted_at"].clone();
        press(&server, &letter, "accept", 303).await;
        let after = role(&incident, &server, "commander").await;
        assert_eq!((&after["state"], &after["person"]), (&json!("accepted"), &json!("p_liaison")));
        assert_eq!(after["accepted_at"], first, "what counts from the acceptance goes on counting");
        let text = incident.chronology_text().await;
        assert!(text.contains("伊藤（例） が 佐藤（例） から引継ぎ"), "{text}");
        let observer = server.api.clone().with_token(&server.home.token("observer").await);
        observer.post(&path("release"), &json!({})).await.expect(403);
        let released = server.api.post(&path("release"), &json!({})).await.expect(200).json();
        assert_eq!((&released["state"], &released["offer"]["to"]), (&json!("offered"), &json!("p_duty")));
        incident.close("終了").await.expect(200);
        assert_eq!(role(&incident, &server, "commander").await["state"], "vacant");
        server.api.post(&path("accept"), &json!({ "person": "p_duty" })).await.expect(409);
        let page = press(&server, &letter, "accept", 409).await;
        assert!(page.contains("この事案は終わっています"), "{page}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_is_taken_by_the_link_of_its_letter_and_goes_with_the_role() {
    on_each_database(async |database| {
        let sink = Sink::start().await;
        let home = Home::new(database).relays(&[&sink]).playbook("quick.yaml", QUICK);
        let server = home.serve_with(DIRECTORY).await;
        let incident = Incident::start(&server.api, "quick", "live").await;
        // Nobody has accepted: whoever is asked gets the decisions.
        let duty = sink.letter_about("duty@eoc.example", "判断依頼 西病院", SOON * 2).await;
        let page = server.anybody().get(&duty.role_link()).await.expect(200).text;
        assert!(page.contains("代替隊を手配") && page.contains("tel:0021"), "{page}");
        // The deputy takes the role: what waits for a decision is put before them, and the first link decides no more.
        let accept = incident.path("/roles/commander/accept");
        server.api.post(&accept, &json!({ "person": "p_deputy" })).await.expect(200);
        let deputy = sink.letter_about("deputy@eoc.example", "判断依頼 西病院", SOON).await;
        let decide = async |letter: &Letter, option: &str| {
            let form = [("option", option), ("note", "電話で確認")];
            server.anybody().post_form(&format!("{}/decide", letter.role_link()), &form).await
        };
        assert!(decide(&duty, "代替隊を手配").await.expect(409).text.contains("ほかの人が受け持っています"));
        decide(&deputy, "何か別のこと").await.expect(422);
        decide(&deputy, "代替隊を手配").await.expect(303);
        let west = incident.recipient("standby", "hosp_west").await;
        assert_eq!((&west["state"], &west["decision"]["by"]), (&json!("decided"), &json!("田中（例）")));
        let page = server.anybody().get(&deputy.role_link()).await.expect(200).text;
        assert!(page.contains("もう済んでいます") && !page.contains("<button"), "{page}");
        decide(&deputy, "対象から外す").await.expect(409);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_between_the_offer_and_its_end_loses_neither() {
    on_each_database(async |database| {
        let sink = Sink::start().await;
        let home = Home::new(database).relays(&[&sink]).playbook("quick.yaml", &hasty());
        let mut server = home.serve_with(DIRECTORY).await;
        let incident = Incident::start(&server.api, "quick", "live").await;
        sink.letter_about("duty@eoc.example", "役割の打診 本部長", SOON).await;
        server.kill_hard();
        server.start().await;
        let letter = sink.letter_about("deputy@eoc.example", "役割の打診 本部長", SOON * 3).await;
        press(&server, &letter, "accept", 303).await;
        assert_eq!(role(&incident, &server, "commander").await["person"], "p_deputy");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_letters_of_a_drill_about_roles_do_not_leave_the_house() {
    let sink = Sink::start().await;
    let home = Home::new(Database::Sqlite).relays(&[&sink]).playbook("quick.yaml", &hasty());
    let server = home.serve_with(DIRECTORY).await;
    let incident = Incident::start(&server.api, "quick", "drill").await;
    role_until(&incident, &server, "commander", "was offered to both", |role| role["state"] == "vacant")
        .await;
    assert_eq!(sink.received().len(), 0);
}
