//! What rings by itself: held, sent, dismissed, noted, scheduled, signed.

use serde_json::{Value, json};

use crate::support::{
    client::Api,
    incident::Incident,
    playbooks::{DIRECTORY, patient, with},
    postgres::on_each_database,
    server::{Home, Server},
    signed::{secret, signed, with_gauge},
    smtp_sink::Sink,
    wait::{SOON, until},
};

/// The patient fixture with a trigger that opens and holds when the earth shakes hard enough.
pub fn held(hold: &str, on_timeout: &str) -> String {
    let trigger = format!(
        "  - {{ key: manual, source: manual, allow: [roster.duty, roster.deputy] }}\n  \
         - key: jma\n    source: jma.earthquake\n    when: {{ max_intensity: {{ gte: \"6+\" }} }}\n    \
         mode: open_and_hold\n    hold: {hold}\n    on_hold_timeout: {on_timeout}\n    \
         dedupe: {{ by: trigger.event_id, window: 12h, then: attach }}"
    );
    let text = with(
        &patient(),
        "  - { key: manual, source: manual, allow: [roster.duty, roster.deputy] }",
        &trigger,
    );
    with(
        &text,
        "type: text, max: 30, default: 調査中, ask: 震源",
        "type: text, max: 30, from: trigger.hypocenter_name, default: 調査中, ask: 震源",
    )
}

/// An earthquake bulletin of this intensity under this name.
pub fn quake(intensity: &str, id: &str) -> Value {
    json!({ "source": "jma.earthquake", "id": id,
        "values": { "max_intensity": intensity, "hypocenter_name": "青葉県沖", "event_id": id } })
}

async fn ring(api: &Api, event: &Value) -> Value {
    api.post("/api/v1/trigger-events", event).await.expect(201).json()
}

/// The incident that an event opened.
fn opened(server: &Server, event: &Value) -> Incident {
    let id = event["outcomes"][0]["incident"].as_str().unwrap_or_else(|| panic!("no incident: {event:#}"));
    Incident::known(&server.api, id)
}

async fn serve(home: Home, sink: &Sink, playbook: &str) -> Server {
    home.relays(&[sink]).playbook("quick.yaml", playbook).serve_with(DIRECTORY).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_held_tells_the_people_on_duty_and_is_sent_when_nobody_decides() {
    on_each_database(async |database| {
        let sink = Sink::start().await;
        let server = serve(Home::new(database), &sink, &held("4s", "send")).await;
        let event = ring(&server.api, &quake("6+", "q1")).await;
        assert_eq!(event["outcomes"][0]["decision"], "hold", "{event:#}");
        let incident = opened(&server, &event);
        let whole = incident.whole().await;
        assert_eq!(whole["state"], "held");
        assert!(whole["hold_until"].is_string() && whole["activated_at"].is_null(), "{whole:#}");
        let letter = sink.letter_about("duty@eoc.example", "発報の判断", SOON).await;
        assert!(letter.text.contains("/r/"), "a link of its own leads on: {}", letter.text);
        assert!(letter.text.contains("4 宛先") && letter.text.contains("青葉県沖"), "{}", letter.text);
        assert!(incident.recipients().await.is_empty(), "nobody outside has heard of it");

        let to_east = sink.letters_to("dmat@east.example", 1, SOON).await.remove(0);
        assert!(to_east.subject.contains("青葉県沖"), "{}", to_east.subject);
        assert_eq!(incident.whole().await["state"], "active");
        assert_eq!(incident.recipients().await.len(), 4);
        let text = incident.chronology_text().await;
        assert!(text.contains("保留時間内に操作がなかった"), "{text}");
        // Whoever opens the letter late reads how it stands now, not how it stood.
        let page = server.anybody().get(&letter.role_link()).await.expect(200).text;
        assert!(page.contains("発報済みです") && page.contains("の手紙です"), "{page}");
        assert!(page.contains(&format!("href=\"/incidents/{}\"", incident.id)), "{page}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_dismissed_never_left_the_house() {
    on_each_database(async |database| {
        let sink = Sink::start().await;
        let server = serve(Home::new(database), &sink, &held("20m", "send")).await;
        let incident = opened(&server, &ring(&server.api, &quake("7", "q1")).await);
        sink.letter_about("duty@eoc.example", "発報の判断", SOON).await;
        let ended = server.api.post(&incident.path("/dismiss"), &json!({})).await.expect(200).json();
        assert_eq!(ended["state"], "cancelled");
        assert_eq!(ended["reason"], "誤報");
        server.api.post(&incident.path("/activate"), &json!({})).await.expect(409);
        // The same bulletin again does not open what was dismissed.
        let again = ring(&server.api, &quake("7", "q1")).await;
        assert_eq!(again["outcomes"][0]["decision"], "attach", "{again:#}");
        assert_eq!(incident.whole().await["state"], "cancelled");
        assert!(incident.recipients().await.is_empty());
        for outside in ["dmat@east.example", "dmat@west.example", "cmd@fire.example"] {
            assert!(sink.received_by(outside).is_empty(), "{outside}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_held_is_sent_at_once_when_a_person_says_so() {
    on_each_database(async |database| {
        let sink = Sink::start().await;
        let server = serve(Home::new(database), &sink, &held("20m", "send")).await;
        let incident = opened(&server, &ring(&server.api, &quake("6+", "q1")).await);
        let observer = server.api.with_token(&server.home.token("observer").await);
        observer.post(&incident.path("/activate"), &json!({})).await.expect(403);
        observer.post(&incident.path("/dismiss"), &json!({})).await.expect(403);
        let wish = json!({ "variables": { "place": "若葉市沖" } });
        let whole = server.api.post(&incident.path("/activate"), &wish).await.expect(200).json();
        assert_eq!(whole["state"], "active");
        let letter = sink.letters_to("dmat@east.example", 1, SOON).await.remove(0);
        assert!(letter.subject.contains("若葉市沖"), "what the person mended counts: {}", letter.subject);
        server.api.post(&incident.path("/activate"), &json!({})).await.expect(409);
        server.api.post(&incident.path("/dismiss"), &json!({})).await.expect(409);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_whose_silence_means_a_proposal_sends_nothing_by_itself() {
    on_each_database(async |database| {
        let sink = Sink::start().await;
        let server = serve(Home::new(database), &sink, &held("1s", "suggest")).await;
        let incident = opened(&server, &ring(&server.api, &quake("6+", "q1")).await);
        until("it is a proposal", SOON, async || {
            (incident.whole().await["state"] == "proposed").then_some(())
        })
        .await;
        sink.letters_to("duty@eoc.example", 2, SOON).await;
        assert!(incident.recipients().await.is_empty());
        server.api.post(&incident.path("/activate"), &json!({})).await.expect(200);
        sink.letters_to("dmat@east.example", 1, SOON).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_happening_is_noted_and_a_lesser_one_does_nothing() {
    on_each_database(async |database| {
        let sink = Sink::start().await;
        let server = serve(Home::new(database), &sink, &held("20m", "send")).await;
        let incident = opened(&server, &ring(&server.api, &quake("6+", "q1")).await);
        let again = ring(&server.api, &quake("7", "q1")).await;
        assert_eq!(again["outcomes"][0]["decision"], "attach");
        assert_eq!(again["outcomes"][0]["incident"], incident.id.as_str());
        assert!(incident.chronology_text().await.contains("同じ事象の続報"));
        let lesser = ring(&server.api, &quake("5-", "q2")).await;
        assert_eq!(lesser["outcomes"][0]["decision"], "nothing");
        let why = lesser["outcomes"][0]["reason"].as_str().expect("a reason");
        assert!(why.contains("max_intensity") && why.contains("5-") && why.contains("6+"), "{why}");
        let other = ring(&server.api, &quake("6+", "q3")).await;
        assert_ne!(other["outcomes"][0]["incident"], incident.id.as_str());
        assert_eq!(server.api.list("/api/v1/incidents").await.len(), 2);
        let listed = server.api.list("/api/v1/trigger-events").await;
        assert_eq!(listed.len(), 4);
        assert_eq!(listed[0]["event_id"], "q3", "newest first");
        server
            .api
            .post("/api/v1/trigger-events", &json!({ "source": "manual", "id": "x" }))
            .await
            .expect(422);
    })
    .await;
}

/// F30. What a source says for training comes before, between and after what it says in earnest.
#[tokio::test(flavor = "multi_thread")]
async fn a_bulletin_for_training_opens_nothing_real_and_keeps_nothing_real_back() {
    on_each_database(async |database| {
        let sink = Sink::start().await;
        let server = serve(Home::new(database), &sink, &held("20m", "send")).await;
        let real = quake("7", "q1");
        let mut training = real.clone();
        training["mode"] = "drill".into();
        let drill = opened(&server, &ring(&server.api, &training).await);
        assert_eq!(drill.whole().await["mode"], "drill");
        let again = ring(&server.api, &training).await;
        assert_eq!(again["outcomes"][0]["decision"], "attach", "{again:#}");

        let first = ring(&server.api, &real).await;
        assert_eq!(
            first["outcomes"][0]["decision"], "hold",
            "the drill about the same keeps it not back: {first:#}"
        );
        let incident = opened(&server, &first);
        assert_eq!(incident.whole().await["mode"], "live");
        let before = incident.chronology().await.len();
        for late in [&training, &training] {
            let event = ring(&server.api, late).await;
            assert_ne!(event["outcomes"][0]["incident"], incident.id.as_str(), "{event:#}");
        }
        assert_eq!(incident.chronology().await.len(), before, "training leaves no trace in what is real");
        let all = server.api.list("/api/v1/incidents").await;
        let live: Vec<_> = all.iter().filter(|one| one["mode"] == "live").collect();
        assert_eq!((live.len(), &live[0]["state"]), (1, &"held".into()), "{all:#?}");

        // A person takes the real one back: neither kind that comes late opens it again.
        server.api.post(&incident.path("/dismiss"), &json!({})).await.expect(200);
        for late in [&real, &training] {
            ring(&server.api, late).await;
        }
        assert_eq!(incident.whole().await["state"], "cancelled");
        let all = server.api.list("/api/v1/incidents").await;
        assert!(all.iter().all(|one| one["mode"] == "drill" || one["state"] == "cancelled"), "{all:#?}");
    })
    .await;
}

/// The patient fixture that rings every day, so many seconds from now.
fn daily(seconds: i64) -> String {
    use chrono::Timelike;
    let at = noroshi_core::time::Timestamp(crate::support::wait::now_ms() + seconds * 1000);
    let at = at.to_utc().with_timezone(&chrono_tz::Asia::Tokyo);
    let trigger = format!(
        "  - {{ key: manual, source: manual, allow: [roster.duty, roster.deputy] }}\n  \
         - key: check\n    source: schedule\n    schedule: {{ rrule: \"FREQ=DAILY;BYHOUR={};BYMINUTE={};BYSECOND={}\", zone: Asia/Tokyo }}\n    \
         mode: open_and_send\n    dedupe: {{ by: trigger.id, window: 1h, then: ignore }}",
        at.hour(),
        at.minute(),
        at.second()
    );
    with(&patient(), "  - { key: manual, source: manual, allow: [roster.duty, roster.deputy] }", &trigger)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_rings_once_although_the_service_was_killed_when_it_fell_due() {
    on_each_database(async |database| {
        let sink = Sink::start().await;
        let home = Home::new(database).relays(&[&sink]);
        home.import_directory(DIRECTORY).await;
        let due = crate::support::wait::now_ms() + 9_000;
        let playbook = home.write("quick.yaml", &daily(9));
        home.run(&["playbook", "import", playbook.to_str().expect("our own path")]).await.expect(0);
        let mut server = home.serve().await;
        server.kill_hard();
        // It lies dead while its moment passes, long enough to be late.
        until("the moment has passed", SOON, async || {
            (crate::support::wait::now_ms() > due + 6_000).then_some(())
        })
        .await;
        server.start().await;
        sink.letters_to("dmat@east.example", 1, SOON).await;
        server.kill_hard();
        server.start().await;
        let events = server.api.list("/api/v1/trigger-events").await;
        assert_eq!(events.len(), 1, "{events:#?}");
        assert!(events[0]["late_by_s"].as_i64().is_some_and(|late| late >= 5), "{events:#?}");
        assert_eq!(events[0]["outcomes"][0]["decision"], "send");
        assert_eq!(server.api.list("/api/v1/incidents").await.len(), 1);
        let incident = opened(&server, &events[0]);
        assert!(incident.chronology_text().await.contains("遅れて実施"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_call_rings_and_one_that_is_not_ours_old_or_changed_does_not() {
    on_each_database(async |database| {
        let sink = Sink::start().await;
        let text = with_gauge(&patient());
        let home = Home::new(database).set("NOROSHI_HOOKS__GAUGE", &format!("{},{}", secret(7), secret(8)));
        let server = serve(home, &sink, &text).await;
        let body = r#"{"station":{"id":"s1","name":"青葉川"},"level":4}"#;
        let now = crate::support::wait::now_ms() / 1000;
        let ring = async |key: &str, headers: &[(&str, String)], body: &str| {
            let headers: Vec<(&str, &str)> =
                headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
            let path = format!("/api/v1/hooks/{key}");
            server.anybody().send("POST", &path, &headers, Some(body.to_owned())).await
        };
        let refused = ring("gauge", &[], body).await.expect(401).text;
        assert!(refused.contains("webhook-signature") && !refused.contains("サインイン"), "{refused}");
        ring("gauge", &signed(9, "m1", now, body), body).await.expect(401);
        ring("gauge", &signed(7, "m1", now - 3_600, body), body).await.expect(401);
        ring("gauge", &signed(7, "m1", now + 3_600, body), body).await.expect(401);
        ring("gauge", &signed(7, "m1", now, body), &body.replace('4', "5")).await.expect(401);
        ring("none", &signed(7, "m1", now, body), body).await.expect(401);
        ring("gauge", &signed(7, "m0", now, "{"), "{").await.expect(400);
        assert!(server.api.list("/api/v1/trigger-events").await.is_empty(), "nothing of it is kept");

        let first = ring("gauge", &signed(7, "m1", now, body), body).await.expect(200).json();
        assert_eq!(first["items"][0]["outcomes"][0]["decision"], "hold", "{first:#}");
        let again = ring("gauge", &signed(7, "m1", now, body), body).await.expect(200).json();
        assert_eq!(first, again, "a replay is harmless");
        let by_the_new_secret = ring("gauge", &signed(8, "m2", now, body), body).await.expect(200).json();
        assert_eq!(by_the_new_secret["items"][0]["outcomes"][0]["decision"], "attach");
        let low = body.replace('4', "2");
        let low = ring("gauge", &signed(7, "m3", now, &low), &low).await.expect(200).json();
        assert_eq!(low["items"][0]["outcomes"][0]["decision"], "nothing");
        assert_eq!(server.api.list("/api/v1/incidents").await.len(), 1);
        let incident = opened(&server, &first["items"][0]);
        assert_eq!(incident.whole().await["variables"]["place"], "青葉川");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_tell_of_the_same_at_once_and_one_incident_is_opened() {
    on_each_database(async |database| {
        let sink = Sink::start().await;
        let server = serve(Home::new(database), &sink, &held("20m", "send")).await;
        let events: Vec<Value> = (0..8).map(|_| quake("6+", "q1")).collect();
        let told = events.iter().map(|event| ring(&server.api, event));
        let told = futures_util::future::join_all(told).await;
        let count = |word: &str| told.iter().filter(|event| event["outcomes"][0]["decision"] == word).count();
        assert_eq!((count("hold"), count("attach")), (1, 7), "{told:#?}");
        assert_eq!(server.api.list("/api/v1/incidents").await.len(), 1);
    })
    .await;
}
