//! SMS by a described gateway: what is asked of it, what its receipts mean, and what happens when it fails.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{
    hook_sink::{Act, HookSink, Request},
    incident::Incident,
    playbooks::{DIRECTORY, patient, with},
    postgres::{Database, on_each_database},
    server::{Home, Server},
    smtp_sink::{Conduct, Sink},
    wait::{SOON, until},
};

const KEY: &str = "receipt-key-of-the-tests-1";
const RETRY: Duration = Duration::from_secs(40);

/// The western hospital has a number for SMS, and the telephone and mail behind it.
fn directory() -> String {
    let ways = "  phone: { driver: human_call, proves: [answered] }\n";
    let sms = "  sms: { driver: http_gateway, proves: [accepted, delivered, failed], max_chars: 134 }\n";
    let text = with(DIRECTORY, ways, &format!("{ways}{sms}"));
    with(
        &text,
        "primary: { email: dmat@west.example, phone",
        "primary: { email: dmat@west.example, sms: \"000-0000-0021\", phone",
    )
}

/// The western hospital by SMS alone first.
fn by_sms() -> String {
    with(&directory(), "email: dmat@west.example, sms", "sms")
}

/// The alerts go by these ways; the first step is a resend by SMS.
fn playbook(via: &str) -> String {
    let text = with(&patient(), "transports: [email]", "transports: [email, sms]");
    let text = with(
        &text,
        "via: [email]\n    channel",
        &format!(
            "via: [{via}]\n    sms: {{ ja: \"出動照会 {{{{ place }}}}→{{{{ alert.link }}}}\", en: \"Can you deploy? {{{{ alert.link }}}}\" }}\n    channel"
        ),
    );
    with(
        &text,
        "if: unread,      do: resend, to: same,      via: [email]",
        "if: unread,      do: resend, to: same,      via: [sms]",
    )
}

fn home(database: Database, mail: &Sink, gateway: &HookSink) -> Home {
    Home::new(database)
        .relays(&[mail])
        .set("NOROSHI_SMS__URL", &format!("http://{}/send", gateway.address()))
        .set("NOROSHI_SMS__BODY", "to={{ to_e164 }}&text={{ text }}&ref={{ id }}")
        .set("NOROSHI_SMS__HEADERS", "Authorization: Bearer {{ secret.token }}")
        .set("NOROSHI_SMS_SECRETS__TOKEN", "geheim-of-the-gateway")
        .set("NOROSHI_SMS__SUCCESS_AT", "/status")
        .set("NOROSHI_SMS__SUCCESS_IS", "ok")
        .set("NOROSHI_SMS__AGAIN_IS", "busy")
        .set("NOROSHI_SMS__ID_AT", "/message")
        .set("NOROSHI_SMS__RECEIPT_KEY", KEY)
        .set("NOROSHI_SMS__RECEIPT_ID_AT", "/message")
        .set("NOROSHI_SMS__TIMEOUT", "3s")
}

fn taken(id: &str) -> String {
    json!({ "status": "ok", "message": id }).to_string()
}

/// A gateway that takes everything; its ids are `m0`, `m1` …
async fn gateway() -> HookSink {
    HookSink::start(|number, _| Act::Say(200, Vec::new(), taken(&format!("m{number}")))).await
}

async fn serve(database: Database, mail: &Sink, gateway: &HookSink, directory: &str, via: &str) -> Server {
    home(database, mail, gateway).playbook("quick.yaml", &playbook(via)).serve_with(directory).await
}

async fn receipt(server: &Server, id: &str, word: &str) {
    let path = format!("/api/v1/receipts/{KEY}");
    server.anybody().post_form(&path, &[("message", id), ("status", word)]).await.expect(200);
}

#[track_caller]
fn field(request: &Request, name: &str) -> String {
    let form = request.form();
    let found = form.iter().find(|(key, _)| key == name);
    found.unwrap_or_else(|| panic!("no {name} in {form:?}")).1.clone()
}

async fn west(incident: &Incident, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
    incident.recipient_until("standby", "hosp_west", what, RETRY, holds).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_goes_out_as_described_and_its_receipt_is_evidence() {
    on_each_database(async |database| {
        let (mail, gateway) = (Sink::start().await, gateway().await);
        let server = serve(database, &mail, &gateway, &by_sms(), "email, sms").await;
        let incident = Incident::start(&server.api, "quick", "live").await;
        let request = gateway.wait(1, SOON).await.remove(0);
        assert_eq!(request.header("authorization"), "Bearer geheim-of-the-gateway");
        assert_eq!(field(&request, "to"), "+810000000021");
        let text = field(&request, "text");
        assert!(text.starts_with("出動照会 調査中→http"), "{text}");
        let token = text.rsplit_once("/a/").expect("the answer link").1.to_owned();
        let body = json!({ "variables": {}, "letters": true });
        let planned = server.api.post("/api/v1/playbooks/quick/preflight", &body).await.expect(200).json();
        let letters = planned["letters"].as_array().expect("letters");
        let message = letters.iter().find(|it| it["recipient"] == "hosp_west" && it["sms"].is_string());
        let segments = noroshi::transport::short::Length::of(&text).segments;
        assert_eq!(
            message.map(|it| &it["sms_segments"]),
            Some(&json!(segments)),
            "with the link as long as it is"
        );
        server.anybody().get(&format!("/a/{token}")).await.expect(200);
        west(&incident, "is accepted", |it| it["grade"] == "accepted").await;
        receipt(&server, "m0", "buffered").await;
        receipt(&server, "nobody-knows-it", "delivered").await;
        assert_eq!(incident.recipient("standby", "hosp_west").await["grade"], "accepted");
        receipt(&server, "m0", "delivered").await;
        let told = west(&incident, "is delivered", |it| it["grade"] == "delivered").await;
        assert!(told["evidence"]["delivered_at"].is_string(), "{told}");
        assert_eq!(told["deliveries"][0]["state"], "delivered");
        // It arrived: what is said afterwards changes nothing.
        receipt(&server, "m0", "failed").await;
        assert_eq!(incident.recipient("standby", "hosp_west").await["deliveries"][0]["state"], "delivered");
        let log = server.log();
        for secret in ["geheim-of", KEY, "0000-0021", token.as_str()] {
            assert!(!log.contains(secret), "{secret} in {log}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_that_says_failed_takes_the_next_step_at_once() {
    on_each_database(async |database| {
        let (mail, gateway) = (Sink::start().await, gateway().await);
        let server = serve(database, &mail, &gateway, &by_sms(), "email, sms").await;
        let incident = Incident::start(&server.api, "quick", "live").await;
        west(&incident, "is accepted", |it| it["grade"] == "accepted").await;
        receipt(&server, "m0", "UNDELIV").await;
        // The resend by SMS comes first, and fails as well: then the alternate, which would come after ten minutes.
        gateway.wait(2, SOON).await;
        west(&incident, "has a second message", |it| it["deliveries"][1]["state"] == "accepted").await;
        receipt(&server, "m1", "UNDELIV").await;
        mail.letters_to("office@west-kanri.example", 1, SOON).await;
        let told = incident.chronology_text().await;
        assert!(told.contains("UNDELIV"), "{told}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_that_is_faster_than_the_answer_is_kept() {
    on_each_database(async |database| {
        let mail = Sink::start().await;
        let gateway = HookSink::start(|_, _| Act::Withhold(taken("early"))).await;
        let server = serve(database, &mail, &gateway, &by_sms(), "email, sms").await;
        let incident = Incident::start(&server.api, "quick", "live").await;
        gateway.wait(1, SOON).await;
        receipt(&server, "early", "DELIVRD").await;
        gateway.release();
        west(&incident, "is delivered", |it| it["deliveries"][0]["state"] == "delivered").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_that_is_refused_leads_to_sms_and_then_to_the_telephone() {
    on_each_database(async |database| {
        let mail = Sink::start().await;
        mail.conduct("dmat@west.example", Conduct::Refuse);
        mail.conduct("office@west-kanri.example", Conduct::Refuse);
        let gateway = HookSink::start(|_, _| Act::Say(400, Vec::new(), "no such number".to_owned())).await;
        let server = serve(database, &mail, &gateway, &directory(), "email").await;
        let incident = Incident::start(&server.api, "quick", "live").await;
        // By the playbook's times five, ten and fifteen minutes would pass.
        let request = gateway.wait(1, SOON).await.remove(0);
        assert!(field(&request, "text").contains("/a/"));
        mail.letter_about("liaison@eoc.example", "西病院", SOON).await;
        let recipient = incident.recipient("standby", "hosp_west").await;
        let vias: Vec<&str> = recipient["deliveries"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["via"].as_str().unwrap())
            .collect();
        assert_eq!(vias, ["email", "sms", "email"], "{recipient}");
        assert_eq!(recipient["state"], "waiting");
        let board = server.api.get(&format!("/incidents/{}", incident.id)).await.expect(200).text;
        assert!(board.contains("href=\"tel:0021\"") && board.contains("href=\"tel:0022\""), "{board}");
        assert!(board.contains(&format!("{}#proxy", recipient["id"].as_str().unwrap())), "{board}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_doubt_is_sent_once_more_and_says_so() {
    let mail = Sink::start().await;
    let gateway = HookSink::start(|number, _| match number {
        0 => Act::Drop,
        _ => Act::Say(200, Vec::new(), taken("second")),
    })
    .await;
    let server = serve(Database::Sqlite, &mail, &gateway, &by_sms(), "email, sms").await;
    let incident = Incident::start(&server.api, "quick", "live").await;
    let requests = gateway.wait(2, RETRY).await;
    assert_eq!(field(&requests[0], "ref"), field(&requests[1], "ref"));
    assert!(field(&requests[1], "text").starts_with("（再送）出動照会"), "{}", field(&requests[1], "text"));
    west(&incident, "is accepted", |it| it["deliveries"][0]["state"] == "accepted").await;
    assert_eq!(gateway.requests().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_gateway_is_asked_again() {
    let mail = Sink::start().await;
    let gateway = HookSink::start(|number, _| {
        let busy = json!({ "status": "busy" }).to_string();
        Act::Say(200, Vec::new(), if number == 0 { busy } else { taken("second") })
    })
    .await;
    let server = serve(Database::Sqlite, &mail, &gateway, &by_sms(), "email, sms").await;
    let incident = Incident::start(&server.api, "quick", "live").await;
    gateway.wait(2, RETRY).await;
    let told = west(&incident, "is accepted", |it| it["deliveries"][0]["state"] == "accepted").await;
    assert_eq!(told["deliveries"][0]["attempts"], 2);
    // The figures call the gateway by one name, whether it is up or what became of its messages.
    let figures = server.api.get("/metrics").await.expect(200).text;
    let tried = format!("relay=\"{}\",outcome=\"accepted\"}} 1", gateway.address());
    assert!(
        figures.lines().any(|line| line.starts_with("noroshi_letters_tried_total") && line.ends_with(&tried)),
        "{figures}"
    );
}

/// What the figures say of the gateway: 1 where messages go to it.
async fn gateway_is_up(server: &Server, gateway: &HookSink, up: bool) {
    let line = format!(
        "noroshi_relay_up{{transport=\"http_gateway\",relay=\"{}\"}} {}",
        gateway.address(),
        u8::from(up)
    );
    until(&format!("{line} among the figures"), RETRY, async || {
        let figures = server.api.get("/metrics").await.expect(200).text;
        figures.lines().any(|told| told == line).then_some(())
    })
    .await;
}

async fn warnings(server: &Server) -> String {
    server.api.get("/readyz").await.expect(200).json()["warnings"].to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_is_away_is_set_aside_and_told_until_it_is_back() {
    let mail = Sink::start().await;
    let gateway = HookSink::start(|number, _| match number {
        0 => Act::status(503),
        _ => Act::Say(200, Vec::new(), taken("late")),
    })
    .await;
    let server = serve(Database::Sqlite, &mail, &gateway, &by_sms(), "email, sms").await;
    gateway_is_up(&server, &gateway, true).await;
    let incident = Incident::start(&server.api, "quick", "live").await;
    gateway_is_up(&server, &gateway, false).await;
    let told = warnings(&server).await;
    assert!(told.contains(&gateway.address()) && told.contains("503"), "{told}");
    let page = server.api.get("/status").await.expect(200).text;
    assert!(page.contains(&gateway.address()) && page.contains("503"), "{page}");
    west(&incident, "is accepted", |it| it["deliveries"][0]["state"] == "accepted").await;
    gateway_is_up(&server, &gateway, true).await;
    assert!(!warnings(&server).await.contains(&gateway.address()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_lets_nobody_in_is_told_and_the_ladder_goes_on_at_once() {
    let mail = Sink::start().await;
    let gateway = HookSink::start(|_, _| Act::status(401)).await;
    let server = serve(Database::Sqlite, &mail, &gateway, &by_sms(), "email, sms").await;
    let incident = Incident::start(&server.api, "quick", "live").await;
    west(&incident, "is refused", |it| it["deliveries"][0]["state"] == "refused").await;
    gateway_is_up(&server, &gateway, false).await;
    let told = warnings(&server).await;
    assert!(told.contains(&gateway.address()) && told.contains("401"), "{told}");
    mail.letters_to("office@west-kanri.example", 1, SOON).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drill_sends_no_message() {
    let (mail, gateway) = (Sink::start().await, gateway().await);
    let server = serve(Database::Sqlite, &mail, &gateway, &by_sms(), "email, sms").await;
    let body = json!({ "playbook": "quick", "mode": "drill", "variables": {}, "rate": 600 });
    let drill = Incident::start_with(&server.api, &body).await;
    west(&drill, "is kept in the house", |it| it["grade"] == "accepted").await;
    // After fifteen minutes of its own, in a drill at this rate a second and a half, somebody is to telephone.
    let board = until("the call list of the drill shows", RETRY, async || {
        let board = server.api.get(&format!("/incidents/{}", drill.id)).await.expect(200).text;
        board.contains("id=\"calls-h\"").then_some(board)
    })
    .await;
    assert!(board.contains("0021") && !board.contains("tel:"), "{board}");
    // Both numbers are the same desk's by name.
    assert!(
        board.contains("<span>主: 西病院</span>") && board.contains("<span>代替: 西病院</span>"),
        "{board}"
    );
    drill.cancel("訓練終了").await.expect(200);
    let live = Incident::start(&server.api, "quick", "live").await;
    west(&live, "is accepted", |it| it["grade"] == "accepted").await;
    assert_eq!(gateway.connections(), 1, "only the live one");
    assert!(!field(&gateway.requests()[0], "text").contains("訓練"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_without_the_key_is_not_heard() {
    let (mail, gateway) = (Sink::start().await, gateway().await);
    let server = serve(Database::Sqlite, &mail, &gateway, &by_sms(), "email, sms").await;
    let incident = Incident::start(&server.api, "quick", "live").await;
    west(&incident, "is accepted", |it| it["grade"] == "accepted").await;
    let anybody = server.anybody();
    for key in ["receipt-key-of-the-tests-2", "x", "%20"] {
        let path = format!("/api/v1/receipts/{key}?message=m0&status=delivered");
        anybody.get(&path).await.expect(401);
        anybody.post_form(&path, &[("message", "m0"), ("status", "delivered")]).await.expect(401);
    }
    anybody.get(&format!("/api/v1/receipts/{KEY}?status=delivered")).await.expect(400);
    assert_eq!(incident.recipient("standby", "hosp_west").await["grade"], "accepted");
    anybody.get(&format!("/api/v1/receipts/{KEY}?message=m0&status=delivered")).await.expect(200);
    until("the receipt by the address is heard", SOON, async || {
        (incident.recipient("standby", "hosp_west").await["grade"] == "delivered").then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_says_whether_the_gateway_is_reached_and_what_is_missing() {
    let (mail, gateway) = (Sink::start().await, gateway().await);
    let printed = home(Database::Sqlite, &mail, &gateway).run(&["doctor"]).await;
    assert!(printed.out.contains(&format!("{} is reached", gateway.address())), "{}", printed.out);
    assert!(!printed.out.contains("geheim") && !printed.out.contains(KEY), "{}", printed.out);
    let away = home(Database::Sqlite, &mail, &gateway)
        .set("NOROSHI_SMS__URL", "http://127.0.0.1:9/send")
        .run(&["doctor"])
        .await
        .expect(1);
    assert!(away.out.contains("BAD") && away.out.contains("127.0.0.1:9"), "{}", away.out);
}
