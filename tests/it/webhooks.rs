//! Webhooks: signed, never where nobody meant, and no receiver can hold the service up.

use std::time::Duration;

use serde_json::Value;
use standardwebhooks::Webhook;

use crate::support::{
    hook_sink::{Act, BOMB, HookSink, Request},
    incident::Incident,
    playbooks::{DIRECTORY, many, patient, with},
    postgres::{Database, on_each_database},
    server::{Home, Server},
    smtp_sink::Sink,
    wait::{SOON, until},
};

const OLD: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const NEW: &str = "whsec_b2xkLWFuZC1uZXctc2VjcmV0LW9mLXRlc3RzLTE=";
/// The first retry comes after five seconds, give or take a quarter; the second after fifteen.
const RETRY: Duration = Duration::from_secs(60);

/// The western hospital is reached by a program first; its alternate by mail.
fn directory(hook: &str) -> String {
    reached_by(DIRECTORY, hook)
}

fn reached_by(directory: &str, hook: &str) -> String {
    let ways = "  phone: { driver: human_call, proves: [answered] }\n";
    let text = with(directory, ways, &format!("{ways}  ops: {{ driver: webhook, proves: [accepted] }}\n"));
    with(&text, "primary: { email: dmat@west.example,", &format!("primary: {{ ops: \"{hook}#west\","))
}

/// Every alert goes by mail and by `ops`.
fn playbook() -> String {
    let text = with(&patient(), "transports: [email]", "transports: [email, ops]");
    with(&text, "via: [email]\n    channel", "via: [email, ops]\n    channel")
}

async fn serve(database: Database, mail: &Sink, hook: &str, allow: &str) -> Server {
    home(database, mail, allow).serve_with(&directory(hook)).await
}

fn home(database: Database, mail: &Sink, allow: &str) -> Home {
    Home::new(database)
        .relays(&[mail])
        .set("NOROSHI_WEBHOOK_SECRETS__WEST", &format!("{OLD},{NEW}"))
        .set("NOROSHI_WEBHOOK__ALLOW", allow)
        .set("NOROSHI_WEBHOOK__TIMEOUT", "2s")
        .playbook("quick.yaml", &playbook())
}

fn delivery(recipient: &Value) -> &Value {
    let deliveries = recipient["deliveries"].as_array().expect("deliveries");
    deliveries.iter().find(|delivery| delivery["via"] == "ops").expect("a delivery by the hook")
}

async fn delivery_until(incident: &Incident, state: &str) -> Value {
    let is_so = |it: &Value| {
        it["deliveries"]
            .as_array()
            .is_some_and(|all| all.iter().any(|one| one["via"] == "ops" && one["state"] == state))
    };
    let what = format!("has a call that is {state}");
    let recipient = incident.recipient_until("standby", "hosp_west", &what, RETRY, is_so).await;
    delivery(&recipient).clone()
}

/// Verifies a call with the reference library.
#[track_caller]
fn verified(request: &Request, secret: &str) -> Value {
    let mut headers = reqwest::header::HeaderMap::new();
    for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
        headers.insert(name, request.header(name).parse().expect("a header"));
    }
    Webhook::new(secret)
        .expect("a secret")
        .verify(request.body.as_bytes(), &headers)
        .expect("a signature that holds");
    request.json()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_signed_with_every_secret_and_says_what_the_letter_says() {
    on_each_database(async |database| {
        let (mail, hook) = (Sink::start().await, HookSink::yes().await);
        let url = format!("http://{}/alerts/T0-k3y", hook.address());
        let server = serve(database, &mail, &url, &hook.address()).await;
        let incident = Incident::start(&server.api, "quick", "live").await;
        let call = hook.wait(1, SOON).await.remove(0);
        assert_eq!((call.method.as_str(), call.path.as_str()), ("POST", "/alerts/T0-k3y"));
        for secret in [OLD, NEW] {
            let content = verified(&call, secret);
            let data = &content["data"];
            assert_eq!(data["incident"], incident.id.as_str());
            assert_eq!(data["drill"], false);
            assert_eq!(data["severity"], "critical");
            assert!(data["subject"].as_str().unwrap().contains("出動照会"), "{data}");
            let link = data["link"].as_str().unwrap();
            let text = data["text"].as_str().unwrap();
            assert!(link.contains("/a/") && text.contains(link), "{data}");
            assert!(
                text.contains("この通知を開いただけでは回答になりません") && !text.contains("メール"),
                "{text}"
            );
        }
        let delivery = delivery_until(&incident, "accepted").await;
        assert_eq!(delivery["id"], call.header("webhook-id"));
        assert_eq!(hook.requests().len(), 1);
        let log = server.log();
        assert!(!log.contains("k3y") && !log.contains("MfKQ9r8"), "{log}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drill_calls_nobody() {
    let (mail, hook) = (Sink::start().await, HookSink::yes().await);
    let url = format!("http://{}/alerts", hook.address());
    let server = serve(Database::Sqlite, &mail, &url, &hook.address()).await;
    let drill = Incident::start(&server.api, "quick", "drill").await;
    let kept = delivery_until(&drill, "accepted").await;
    assert_eq!(kept["attempts"], 1, "{kept}");
    drill.cancel("訓練終了").await.expect(200);
    // What is live and sent later proves that nothing is on its way any more.
    Incident::start(&server.api, "quick", "live").await;
    let calls = hook.wait(1, SOON).await;
    assert_eq!(calls[0].json()["data"]["drill"], false);
    assert_eq!(hook.connections(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_is_refused_and_never_followed() {
    let (mail, canary) = (Sink::start().await, HookSink::yes().await);
    let target = format!("http://{}/inside", canary.address());
    let hook =
        HookSink::start(move |_, _| Act::Say(307, vec![("location", target.clone())], String::new())).await;
    let url = format!("http://{}/alerts", hook.address());
    // Even a target that would be allowed.
    let allow = format!("{},{}", hook.address(), canary.address());
    let server = serve(Database::Sqlite, &mail, &url, &allow).await;
    let incident = Incident::start(&server.api, "quick", "live").await;
    let refused = delivery_until(&incident, "refused").await;
    assert!(refused.to_string().contains("redirects are not followed"), "{refused}");
    // The ladder would write to the alternate only after ten minutes.
    mail.letters_to("office@west-kanri.example", 1, SOON).await;
    assert_eq!((hook.requests().len(), canary.connections()), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_inside_the_house_is_called_only_where_the_operator_names_it() {
    let (mail, hook) = (Sink::start().await, HookSink::yes().await);
    let port = hook.address().rsplit(':').next().unwrap().to_owned();
    for host in ["http://127.0.0.1", "https://localhost", "http://[::ffff:127.0.0.1]", "https://2130706433"] {
        let url = format!("{host}:{port}/alerts");
        // The right machine and another port: the list names both together.
        let server = serve(Database::Sqlite, &mail, &url, "127.0.0.1:9").await;
        let incident = Incident::start(&server.api, "quick", "live").await;
        let refused = delivery_until(&incident, "refused").await;
        assert!(refused.to_string().contains("webhook.allow"), "{url}: {refused}");
    }
    assert_eq!(hook.connections(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn trouble_is_tried_again_with_the_same_id_and_not_before_the_receiver_asks_for_it() {
    let mail = Sink::start().await;
    let hook = HookSink::start(|number, _| match number {
        0 => Act::Say(429, vec![("retry-after", "9".to_owned())], "slow down".to_owned()),
        _ => Act::status(204),
    })
    .await;
    let url = format!("http://{}/alerts", hook.address());
    let server = serve(Database::Sqlite, &mail, &url, &hook.address()).await;
    let incident = Incident::start(&server.api, "quick", "live").await;
    let calls = hook.wait(2, RETRY).await;
    assert!(calls[1].at_ms - calls[0].at_ms >= 9_000, "{} ms", calls[1].at_ms - calls[0].at_ms);
    assert_eq!(calls[0].header("webhook-id"), calls[1].header("webhook-id"));
    verified(&calls[1], NEW);
    let accepted = delivery_until(&incident, "accepted").await;
    assert_eq!(accepted["attempts"], 2, "{accepted}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_puts_off_several_letters_in_a_row_is_held_back_and_told() {
    let mail = Sink::start().await;
    let hook = HookSink::start(|_, _| Act::status(503)).await;
    let url = format!("http://{}/alerts", hook.address());
    let mut directory = directory(&url);
    for other in ["east", "south"] {
        let primary = format!("primary: {{ email: dmat@{other}.example,");
        directory = with(&directory, &primary, &format!("primary: {{ ops: \"{url}#west\","));
    }
    let server = home(Database::Sqlite, &mail, &hook.address()).serve_with(&directory).await;
    let incident = Incident::start(&server.api, "quick", "live").await;
    let held = "noroshi_domains_held{transport=\"webhook\"} 1";
    until("the receiver is held back", RETRY, async || {
        server.api.get("/metrics").await.expect(200).text.contains(held).then_some(())
    })
    .await;
    let told = server.api.get("/readyz").await.expect(200).json()["warnings"].to_string();
    assert!(told.contains(&hook.address()), "{told}");
    let page = server.api.get("/status").await.expect(200).text;
    assert!(page.contains(&hook.address()), "{page}");
    let recipient = incident.recipient("standby", "hosp_west").await;
    assert!(delivery(&recipient)["held_until"].is_string(), "{recipient}");
    // Whoever is reached otherwise does not wait for it.
    mail.letters_to("cmd@fire.example", 1, SOON).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_says_nothing_is_called_again_with_the_same_id_and_told_so() {
    let mail = Sink::start().await;
    let hook = HookSink::start(|number, _| if number == 0 { Act::Hang } else { Act::status(200) }).await;
    let url = format!("http://{}/alerts", hook.address());
    let server = serve(Database::Sqlite, &mail, &url, &hook.address()).await;
    Incident::start(&server.api, "quick", "live").await;
    let calls = hook.wait(2, RETRY).await;
    assert_eq!(calls[0].header("webhook-id"), calls[1].header("webhook-id"));
    assert_eq!(
        (&calls[0].json()["data"]["repeat"], &calls[1].json()["data"]["repeat"]),
        (&false.into(), &true.into())
    );
    assert!(calls[1].json()["data"]["subject"].as_str().unwrap().contains("（再送）"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_is_gone_is_not_called_any_more_and_its_owner_hears_of_it() {
    on_each_database(async |database| {
        let (mail, hook) = (Sink::start().await, HookSink::start(|_, _| Act::status(410)).await);
        let url = format!("http://{}/alerts", hook.address());
        let home = home(database, &mail, &hook.address());
        let home = home.set("NOROSHI_PASSWORD", "right-long-password-1");
        home.import_directory(&directory(&url)).await;
        home.run(&["user", "add", "--person", "p_deputy", "--role", "admin"]).await.expect(0);
        let server = home.serve().await;
        let incident = Incident::start(&server.api, "quick", "live").await;
        delivery_until(&incident, "refused").await;
        mail.letters_to("office@west-kanri.example", 1, SOON).await;
        mail.letter_about("deputy@eoc.example", "宛先の廃止", SOON).await;
        let known = server.api.get("/api/v1/directory").await.expect(200).text;
        assert!(known.contains("410"), "the directory knows that the address is gone");
        let again = Incident::start(&server.api, "quick", "live").await;
        delivery_until(&again, "refused").await;
        assert_eq!(hook.connections(), 1, "nothing more is sent there");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_without_end_is_cut_off() {
    let (mail, hook) = (Sink::start().await, HookSink::start(|_, _| Act::Pour).await);
    let url = format!("http://{}/alerts", hook.address());
    let server = serve(Database::Sqlite, &mail, &url, &hook.address()).await;
    let incident = Incident::start(&server.api, "quick", "live").await;
    delivery_until(&incident, "accepted").await;
    // What the kernel's buffers take besides the 64 kB that are read.
    assert!(hook.poured() < 16 << 20, "{} bytes", hook.poured());
}

/// F18. Neither bodies without end nor small ones that would be huge when unpacked are kept.
#[tokio::test(flavor = "multi_thread")]
async fn bodies_without_end_and_gzip_bombs_cost_next_to_no_memory() {
    const RECEIVERS: usize = 48;
    /// What is kept of one body at most, in KiB.
    const KEPT: u64 = 1024;
    let mail = Sink::start().await;
    let calls = RECEIVERS + 1;
    let hook = HookSink::start(move |number, _| match number {
        // Whatever the first letters cost by themselves is paid before.
        number if number < calls => Act::status(200),
        number if number % 2 == 0 => Act::Bomb,
        _ => Act::Pour,
    })
    .await;
    let url = format!("http://{}/alerts", hook.address());
    let mut directory = reached_by(&many(RECEIVERS), &url);
    for n in 0..RECEIVERS {
        let primary = format!("primary: {{ email: hosp_{n}@many.example }}");
        directory = with(&directory, &primary, &format!("primary: {{ ops: \"{url}#west\" }}"));
    }
    let server = home(Database::Sqlite, &mail, &hook.address()).serve_with(&directory).await;
    let first = Incident::start(&server.api, "quick", "live").await;
    all_accepted(&first, calls).await;
    server.forget_peak();
    let before = server.memory();
    let second = Incident::start(&server.api, "quick", "live").await;
    all_accepted(&second, calls).await;
    let grown = server.peak().saturating_sub(before);
    println!("{calls} bodies, memory {before} KiB + {grown} KiB at most");
    assert!(grown < KEPT * calls as u64 / 4, "{grown} KiB for {calls} bodies");
    assert!((grown as usize) < BOMB / 1024, "not one of them was unpacked");
    for recipient in second.recipients().await {
        let kept = recipient["deliveries"].to_string().len();
        assert!(kept < 4096, "{kept} bytes of evidence");
    }
}

/// Waits until so many calls are accepted.
async fn all_accepted(incident: &Incident, calls: usize) {
    until("every call is accepted", RETRY, async || {
        let all = incident.recipients().await;
        let accepted = |one: &&Value| {
            one["deliveries"]
                .as_array()
                .is_some_and(|all| all.iter().any(|one| one["via"] == "ops" && one["state"] == "accepted"))
        };
        (all.iter().filter(accepted).count() == calls).then_some(())
    })
    .await;
}

/// F18. A limit that began anew with each letter would never be reached.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_comes_one_letter_at_a_time_ends_with_the_whole_limit() {
    let mail = Sink::start().await;
    let hook = HookSink::start(|number, _| match number {
        0 => Act::Drip("HTTP/1.1 200 OK\r\nx-slow: "),
        _ => Act::Drip("HTTP/1.1 200 OK\r\n\r\n"),
    })
    .await;
    let url = format!("http://{}/alerts", hook.address());
    let server = serve(Database::Sqlite, &mail, &url, &hook.address()).await;
    let incident = Incident::start(&server.api, "quick", "live").await;
    // Without its headers it is no answer; with them it is, whatever follows.
    let accepted = delivery_until(&incident, "accepted").await;
    assert_eq!(accepted["attempts"], 2, "{accepted}");
    let calls = hook.requests();
    assert_eq!(calls.len(), 2);
    assert_eq!(calls[0].header("webhook-id"), calls[1].header("webhook-id"));
    assert_eq!(calls[1].json()["data"]["repeat"], true, "it may have come before");
}
