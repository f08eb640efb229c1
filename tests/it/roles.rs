//! Chairs: offered by letter, accepted by its link, passed on when nobody answers, handed over.

use serde_json::{Value, json};

use crate::{
    pages::sign_in,
    support::{
        browser::{Browser, PHONE},
        incident::Incident,
        playbooks::{DIRECTORY, QUICK, patient, with},
        postgres::{Database, on_each_database},
        server::{Home, Server},
        session::Session,
        smtp_sink::{Conduct, Letter, Sink},
        wait::{SOON, until},
    },
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
async fn of_two_who_accept_at_once_one_holds_the_role_and_the_other_is_told() {
    on_each_database(async |database| {
        let sink = Sink::start().await;
        let home = Home::new(database).relays(&[&sink]).playbook("quick.yaml", &hasty());
        let server = home.serve_with(DIRECTORY).await;
        let incidents = [
            Incident::start(&server.api, "quick", "live").await,
            Incident::start(&server.api, "quick", "live").await,
            Incident::start(&server.api, "quick", "live").await,
        ];
        for incident in &incidents {
            role_until(incident, &server, "commander", "is vacant", |role| role["state"] == "vacant").await;
        }
        let accept = async |incident: &Incident, person: &str| {
            let path = incident.path("/roles/commander/accept");
            server.api.post(&path, &json!({ "person": person })).await.status
        };
        for incident in &incidents {
            let (one, other) = tokio::join!(accept(incident, "p_duty"), accept(incident, "p_deputy"));
            let mut statuses = [one, other];
            statuses.sort_unstable();
            assert_eq!(statuses, [200, 409]);
            let holder = if one == 200 { "p_duty" } else { "p_deputy" };
            assert_eq!(role(incident, &server, "commander").await["person"], holder);
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

/// [`DIRECTORY`] with somebody more, a role account on the roster of the duty officer, and a roster without anybody.
fn house() -> String {
    let text = with(
        DIRECTORY,
        "agencies:\n",
        "  p_stand_in: { name: 髙橋（例）, human: true, reach: { email: standin@eoc.example } }\n\
         role_accounts:\n  head: { title: 当直師長, roster: duty }\nagencies:\n",
    );
    let gap = "gaps: [{ from: 2026-01-01T00:00, to: 2099-01-01T00:00, because: 欠員 }]";
    let night = format!("rosters:\n  night: {{ members: [p_stand_in], {gap} }}\n");
    with(&text, "rosters:\n", &night)
}

/// A moment of the API, so many hours from now.
fn hours_from_now(hours: i64) -> String {
    let now =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_millis();
    let at = i64::try_from(now).expect("before 292277026") + hours * 3_600_000;
    noroshi_core::time::Timestamp(at).rfc3339(chrono_tz::Asia::Tokyo)
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_stands_in_is_on_duty_everywhere_and_an_empty_chair_is_offered_to_them() {
    on_each_database(async |database| {
        let sink = Sink::start().await;
        let only_duty = with(&hasty(), "from: [roster.duty, roster.deputy]", "from: [roster.duty]");
        let home = Home::new(database).relays(&[&sink]).playbook("quick.yaml", &only_duty);
        let server = home.serve_with(&house()).await;
        let incident = Incident::start(&server.api, "quick", "live").await;
        role_until(&incident, &server, "commander", "is vacant", |role| role["state"] == "vacant").await;

        let wish = |from: i64, to: i64| {
            json!({
                "absent": "p_duty", "stand_in": "p_stand_in", "from": hours_from_now(from), "to": hours_from_now(to),
                "because": "発熱",
            })
        };
        server.api.post("/api/v1/covers", &wish(5, 1)).await.expect(422);
        let made = server.api.post("/api/v1/covers", &wish(-1, 8)).await.expect(201).json();
        let twice = server.api.post("/api/v1/covers", &wish(2, 4)).await.expect(422);
        assert!(twice.text.contains("その間髙橋（例）さんに決まっています"), "{}", twice.text);

        let letter = sink.letter_about("standin@eoc.example", "役割の打診 本部長", SOON).await;
        press(&server, &letter, "accept", 303).await;
        assert_eq!(role(&incident, &server, "commander").await["person"], "p_stand_in");
        let rosters = server.api.list("/api/v1/rosters").await;
        let duty = rosters.iter().find(|roster| roster["key"] == "duty").expect("the roster");
        assert_eq!(duty["on_duty"][0]["person"], "p_stand_in");
        assert_eq!(duty["shifts"].as_array().map(Vec::len), Some(2), "until the cover ends, and after it: {duty:#}");
        let night = rosters.iter().find(|roster| roster["key"] == "night").expect("the roster");
        assert_eq!((&night["shifts"][0]["why"], &night["shifts"][0]["people"]), (&json!("gap"), &json!([])));
        let text = incident.chronology_text().await;
        assert!(text.contains("髙橋（例） が 佐藤（例） の当番を代わる"), "{text}");

        let end = format!("/api/v1/covers/{}/end", made["id"].as_str().expect("an id"));
        server.api.post(&end, &json!({})).await.expect(200);
        server.api.post(&end, &json!({})).await.expect(409);
        let rosters = server.api.list("/api/v1/rosters").await;
        let duty = rosters.iter().find(|roster| roster["key"] == "duty").expect("the roster");
        assert_eq!(duty["on_duty"][0]["person"], "p_duty");
        let operator = server.api.clone().with_token(&server.home.token("operator").await);
        operator.post("/api/v1/covers", &wish(1, 8)).await.expect(403);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_imported_directory_says_who_is_asked_and_told_from_then_on() {
    on_each_database(async |database| {
        let sink = Sink::start().await;
        let only_duty = with(&hasty(), "from: [roster.duty, roster.deputy]", "from: [roster.duty]");
        let home = Home::new(database).relays(&[&sink]).playbook("quick.yaml", &only_duty);
        let server = home.serve_with(DIRECTORY).await;
        let incident = Incident::start(&server.api, "quick", "live").await;
        sink.letters_to("dmat@east.example", 1, SOON).await;
        role_until(&incident, &server, "commander", "is vacant", |role| role["state"] == "vacant").await;

        let new = with(
            DIRECTORY,
            "people:\n",
            "people:\n  p_new: { name: 新任（例）, human: true, reach: { email: new@eoc.example, phone: \"0009\" } }\n",
        );
        let new = with(&new, "duty:    { members: [p_duty] }", "duty:    { members: [p_new] }");
        let new = with(&new, "email: dmat@east.example", "email: saigai@east.example");
        server.home.import_directory(&new).await;
        let letter = sink.letter_about("new@eoc.example", "役割の打診 本部長", SOON).await;
        press(&server, &letter, "accept", 303).await;
        assert_eq!(role(&incident, &server, "commander").await["person"], "p_new");

        // What comes later goes to the new address; what was told at the old one is ended there.
        let alert = json!({ "to": ["agency:hosp_east"], "subject": "続きの照会", "body": "もう一度うかがいます。" });
        let raised = server.api.post(&incident.path("/alerts"), &alert).await.expect(201);
        sink.letters_to("saigai@east.example", 1, SOON).await;
        assert_eq!(sink.received_by("dmat@east.example").len(), 1, "{}", raised.text);

        // A holder whom the next directory no longer knows keeps the chair and the name.
        server.home.import_directory(DIRECTORY).await;
        let commander = role(&incident, &server, "commander").await;
        assert_eq!((&commander["person"], &commander["name"]), (&json!("p_new"), &json!("新任（例）")));
        incident.close("終了").await.expect(200);
        sink.letter_about("dmat@east.example", "活動終了", SOON).await;
        sink.letter_about("saigai@east.example", "活動終了", SOON).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_starts_and_is_named_sits_at_once_and_acts_as_the_role_account() {
    let sink = Sink::start().await;
    let home = Home::new(Database::Sqlite).relays(&[&sink]).playbook("quick.yaml", &patient());
    let server = home.serve_with(&house()).await;
    let sato = Session::of(&server, "p_duty", "operator").await;
    let ito = Session::of(&server, "p_liaison", "operator").await;
    let start = [("mode", "live"), ("step", "start"), ("tick_checked", "1"), ("tick_meant", "1")];
    sato.post("/playbooks/quick/start", "/playbooks/quick/start", &start, 303).await;
    let id = server.api.list("/api/v1/incidents").await[0]["id"].as_str().expect("an id").to_owned();
    let roles = server.api.list(&format!("/api/v1/incidents/{id}/roles")).await;
    assert_eq!((&roles[0]["state"], &roles[0]["person"]), (&json!("accepted"), &json!("p_duty")));
    // Whoever leads hears of the empty chair, and is asked for nothing.
    Incident::known(&server.api, &id).vacate("liaison", "p_liaison").await;
    sink.letter_about("duty@eoc.example", "空席 医療調整", SOON).await;
    let asked = sink.received_by("duty@eoc.example");
    assert!(asked.iter().all(|letter| !letter.subject.contains("役割の打診")), "pressing 発動 was accepting");

    let page = format!("/incidents/{id}/roles/commander");
    sato.post(&page, &page, &[("deed", "hand-over"), ("to", "p_liaison")], 303).await;
    let offered = ito.get("/").await;
    assert!(offered.contains("役割の打診: 本部長"), "{offered}");
    let liaison = format!("/incidents/{id}/roles/liaison");
    let refused = ito.post(&page, &liaison, &[("deed", "offer"), ("to", "p_deputy")], 403).await;
    assert!(refused.contains("権限"), "{refused}");
    ito.post(&page, &page, &[("deed", "accept")], 303).await;
    assert!(ito.get(&page).await.contains("伊藤（例）"));

    // Whoever stands on a roster says who stands in for them.
    let away = [
        ("absent", "p_duty"),
        ("stand_in", "p_stand_in"),
        ("roster", "duty"),
        ("from", "2099-01-01T09:00"),
        ("to", "2099-01-02T09:00"),
    ];
    let wrong =
        [("absent", "p_duty"), ("stand_in", ""), ("roster", ""), ("from", ""), ("to", "2099-01-02T09:00")];
    let problems = sato.post("/rosters", "/rosters/covers", &wrong, 422).await;
    for words in ["休む人と代わる人を選んでください", "日付と時刻を入れてください", "2099-01-02T09:00"]
    {
        assert!(problems.contains(words), "{words} is missing in {problems}");
    }
    sato.post("/rosters", "/rosters/covers", &away, 303).await;
    assert!(sato.get("/rosters").await.contains("佐藤（例）の代わりに髙橋（例）"));

    // Only whoever is on duty acts as the role account, and then it stands in the record.
    ito.post("/rosters", "/acting", &[("role", "head")], 409).await;
    sato.post("/rosters", "/acting", &[("role", "head")], 303).await;
    assert!(sato.get("/rosters").await.contains("自分の名前に戻す"));
    let channels = server.api.list(&format!("/api/v1/incidents/{id}/channels")).await;
    let channel = format!("/incidents/{id}/channels/{}", channels[0]["id"].as_str().expect("an id"));
    sato.post(&channel, &channel, &[("text", "bed-12")], 303).await;
    let incident = format!("/api/v1/incidents/{id}/chronology");
    let lines = server.api.list(&incident).await;
    let said = lines.iter().find(|line| line["text"].to_string().contains("bed-12")).expect("the line");
    assert_eq!(said["from"], "当直師長（佐藤（例））");
    let to_the_role =
        json!({ "to": ["role:head"], "subject": "師長へ", "body": "病棟の状況を確かめてください。" });
    server.api.post(&format!("/api/v1/incidents/{id}/alerts"), &to_the_role).await.expect(201);
    sink.letter_about("duty@eoc.example", "師長へ", SOON).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pages_of_roles_and_rosters_are_used_on_a_telephone() {
    let sink = Sink::start().await;
    let home = Home::new(Database::Sqlite).relays(&[&sink]).playbook("quick.yaml", &patient());
    let server = home.serve_with(&house()).await;
    let incident = Incident::start(&server.api, "quick", "live").await;
    incident.vacate("liaison", "p_liaison").await;
    let letter = sink.letter_about("duty@eoc.example", "役割の打診 本部長", SOON).await;
    let phone = Browser::without_script(PHONE).await;
    phone.open(&letter.role_link()).await;
    phone.shows("引き受ける").await;
    assert!(!phone.overflows().await, "the page of an offer fits a telephone");
    phone.picture("role-link").await;
    phone.press("button", "引き受ける").await;
    phone.shows("あなたがこの役割を務めています").await;
    phone.picture("role-link-taken").await;
    phone.close().await;

    let browser = Browser::start(PHONE).await;
    sign_in(&server, &browser).await;
    browser.open(&format!("{}/incidents/{}", server.home.base(), incident.id)).await;
    browser.shows("空席").await;
    assert!(!browser.overflows().await, "the board with its chairs fits a telephone");
    browser.picture("board-roles").await;
    browser.width(PHONE).await;
    browser.press("link", "医療調整 空席").await;
    browser.shows("誰も務めていません").await;
    assert!(!browser.overflows().await, "the page of a role fits a telephone");
    browser.picture("role").await;
    browser.width(PHONE).await;
    browser.press("button", "役割を頼む").await;
    browser.shows("打診中").await;
    browser.press("button", "引き受けると答えた").await;
    browser.shows("ほかの人に引き継ぐ").await;
    browser.picture("role-held").await;
    browser.open(&format!("{}/rosters", server.home.base())).await;
    browser.shows("当番なし").await;
    browser.width(PHONE).await;
    assert!(!browser.overflows().await, "the rosters fit a telephone");
    browser.picture("rosters").await;
    browser.press("button", "代わりを決める").await;
    browser.shows("日付と時刻を入れてください").await;
    browser.close().await;
}

/// The directory's 当直師長 is named as a role is: who is on duty gets the alert and the task, by the pages' words too.
#[tokio::test(flavor = "multi_thread")]
async fn a_playbook_reaches_a_desk_of_the_directory() {
    on_each_database(async |database| {
        let directory = with(
            DIRECTORY,
            "agencies:\n",
            "role_accounts:\n  desk: { title: 当直師長, roster: liaison }\nagencies:\n",
        );
        let text = with(&patient(), "    to: [\"agency:fire_hq\"]\n", "    to: [\"agency:fire_hq\", \"role:desk\"]\n");
        let text = with(&text, "to: [\"agency:hospitals\", \"agency:fire_hq\"]\n    via: [email]\n    channel: command\n    severity: critical", "to: [\"agency:hospitals\", \"agency:fire_hq\", \"role:desk\"]\n    via: [email]\n    channel: command\n    severity: critical");
        let text = with(&text, "close: {", "tasks:\n  - items:\n      - { key: beds, title: 空床を数える, role: desk }\nclose: {");
        let sink = Sink::start().await;
        let home = Home::new(database).relays(&[&sink]).playbook("quick.yaml", &text);
        let server = home.serve_with(&directory).await;
        let incident = Incident::start(&server.api, "quick", "live").await;
        let told = incident.recipients_of("notice").await;
        let people: Vec<_> = told.iter().map(|it| it["person"].as_str().unwrap_or_default()).collect();
        assert!(people.contains(&"p_liaison"), "{told:#?}");
        sink.letters_to("liaison@eoc.example", 1, SOON).await;
        let tasks = server.api.list(&incident.path("/tasks")).await;
        assert_eq!((&tasks[0]["role"], &tasks[0]["person"]), (&json!("desk"), &json!("p_liaison")), "{tasks:#?}");
    })
    .await;
}
