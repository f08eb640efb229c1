//! What other people's clients rely on: statuses, problems, lists, and a description of every route.

use serde_json::{Value, json};

use crate::support::{
    client::Api,
    incident::Incident,
    playbooks::{DIRECTORY, duties},
    postgres::Database,
    server::{Home, Server},
};

async fn serve() -> Server {
    Home::new(Database::Sqlite).playbook("quick.yaml", &duties()).serve_with(DIRECTORY).await
}

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// Every method and path of the description, the parameters filled with something that does not exist.
fn routes(description: &Value) -> Vec<(String, String)> {
    let mut routes = Vec::new();
    for (path, methods) in description["paths"].as_object().expect("paths") {
        for method in METHODS {
            if methods[method].is_object() {
                routes.push((method.to_uppercase(), path.clone()));
            }
        }
    }
    routes
}

fn filled(path: &str) -> String {
    let mut filled = String::new();
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        filled.push_str("none");
        rest = after.split_once('}').expect("a closed brace").1;
    }
    filled + rest
}

#[tokio::test(flavor = "multi_thread")]
async fn the_description_covers_what_the_interface_promises() {
    let server = serve().await;
    let description = server.anybody().get("/api/openapi.json").await.expect(200).json();
    let listed = routes(&description);
    for (method, path) in [
        ("GET", "/api/v1/playbooks"),
        ("GET", "/api/v1/playbooks/{key}"),
        ("PUT", "/api/v1/playbooks/{key}"),
        ("POST", "/api/v1/playbooks/{key}/preflight"),
        ("GET", "/api/v1/directory"),
        ("PUT", "/api/v1/directory"),
        ("POST", "/api/v1/directory/import"),
        ("POST", "/api/v1/incidents"),
        ("GET", "/api/v1/incidents"),
        ("GET", "/api/v1/incidents/{id}"),
        ("POST", "/api/v1/incidents/{id}/close"),
        ("POST", "/api/v1/incidents/{id}/cancel"),
        ("GET", "/api/v1/incidents/{id}/recipients"),
        ("POST", "/api/v1/recipients/{id}/answer"),
        ("POST", "/api/v1/recipients/{id}/decide"),
        ("GET", "/api/v1/incidents/{id}/channels"),
        ("GET", "/api/v1/channels/{id}/messages"),
        ("POST", "/api/v1/channels/{id}/messages"),
        ("POST", "/api/v1/channels/{id}/read"),
        ("GET", "/api/v1/incidents/{id}/chronology"),
        ("GET", "/api/v1/incidents/{id}/events"),
        ("GET", "/api/v1/events"),
    ] {
        assert!(listed.contains(&(method.to_owned(), path.to_owned())), "{method} {path} is not described");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_described_route_asks_for_a_token_first() {
    let server = serve().await;
    let anybody = server.anybody();
    let description = anybody.get("/api/openapi.json").await.expect(200).json();
    for (method, path) in routes(&description) {
        if !path.starts_with("/api/v1/") {
            continue;
        }
        let reply = anybody.send(&method, &filled(&path), &[], Some("{ no JSON".to_owned())).await;
        assert_eq!(reply.status, 401, "{method} {path}: {}", reply.text);
        assert_eq!(reply.header("content-type"), Some("application/problem+json"), "{method} {path}");
        let wrong = anybody.with_token("wrong-token-wrong-token-wrong-token");
        assert_eq!(wrong.send(&method, &filled(&path), &[], None).await.status, 401, "{method} {path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_described_route_exists_with_its_method_and_refuses_the_others() {
    let server = serve().await;
    let incident = Incident::start(&server.api, "quick", "drill").await;
    let recipient = incident.recipients().await.remove(0)["id"].as_str().expect("an id").to_owned();
    let channels = server.api.get(&incident.path("/channels")).await.expect(200).json();
    let channels = channels["items"].as_array().or(channels.as_array()).expect("channels").clone();
    let channel = channels[0]["id"].as_str().expect("an id").to_owned();
    let alert = server.api.list(&incident.path("/alerts")).await[0]["id"].as_str().expect("an id").to_owned();
    let task = incident.task("receive").await["id"].as_str().expect("an id").to_owned();
    let path = format!("/api/v1/tasks/{task}/photos");
    let taken =
        server.api.send_bytes(&path, "image/jpeg", &[0xff, 0xd8, 0xff, 0xd9]).await.expect(201).json();
    let photo = taken["evidence"][0].as_str().expect("a photo").to_owned();
    let report = incident.reports().await[0]["id"].as_str().expect("an id").to_owned();
    let cover = json!({
        "absent": "p_duty", "stand_in": "p_liaison",
        "from": "2099-01-01T00:00:00+09:00", "to": "2099-01-02T00:00:00+09:00",
    });
    let cover = server.api.post("/api/v1/covers", &cover).await.expect(201).json();
    let cover = cover["id"].as_str().expect("an id").to_owned();
    let description = server.api.get("/api/openapi.json").await.expect(200).json();
    let listed = routes(&description);
    for (method, path) in &listed {
        // A photo and a report are there only once they were made: the tests of tasks and reports ask for them.
        let made_later = path.contains("/photos") || path.contains("/reports/{id}");
        if !path.starts_with("/api/v1/") || path.ends_with("/events") || made_later {
            continue;
        }
        let existing = path
            .replace("/incidents/{id}", &format!("/incidents/{}", incident.id))
            .replace("/recipients/{id}", &format!("/recipients/{recipient}"))
            .replace("/channels/{id}", &format!("/channels/{channel}"))
            .replace("/alerts/{id}", &format!("/alerts/{alert}"))
            .replace("/tasks/{id}", &format!("/tasks/{task}"))
            .replace("/photos/{id}", &format!("/photos/{photo}"))
            .replace("/reports/{id}", &format!("/reports/{report}"))
            .replace("/covers/{id}", &format!("/covers/{cover}"))
            .replace("/roles/{key}", "/roles/commander")
            .replace("{key}", "quick");
        let body = (method != "GET").then(|| "[]".to_owned());
        let headers = [("content-type", "application/json")];
        let reply = server.api.send(method, &existing, &headers, body).await;
        // A hook knows nobody but whoever signs, a receipt whoever has its key: 401 says that it is there.
        let signed = ["/api/v1/hooks/", "/api/v1/receipts/"].iter().any(|begin| path.starts_with(begin));
        let unsigned = signed && reply.status == 401;
        // 501: named by the interface, filled by a later version, and honest about it.
        let right = !matches!(reply.status, 401 | 404 | 405) && (reply.status < 500 || reply.status == 501);
        let right = right || unsigned;
        assert!(right, "{method} {existing}: {reply:?}");

        for other in METHODS.map(str::to_uppercase) {
            if listed.contains(&(other.clone(), path.clone())) {
                continue;
            }
            let reply = server.api.send(&other, &existing, &[], None).await;
            assert_eq!(reply.status, 405, "{other} {existing}: {}", reply.text);
            let allow = reply.header("allow").unwrap_or_default();
            assert!(allow.contains(method.as_str()), "{other} {existing} allows {allow:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn problems_have_one_form() {
    let server = serve().await;
    let json_headers = [("content-type", "application/json")];
    let not_json = server.api.send("POST", "/api/v1/incidents", &json_headers, Some("{ no".to_owned())).await;
    let unknown_field = json!({ "playbook": "quick", "mode": "live", "variables": {}, "colour": "red" });
    for (what, reply, status) in [
        ("no JSON", not_json, 400),
        ("unknown field", server.api.post("/api/v1/incidents", &unknown_field).await, 422),
        (
            "unknown mode",
            server.api.post("/api/v1/incidents", &json!({ "playbook": "quick", "mode": "x" })).await,
            422,
        ),
        (
            "unknown playbook",
            server.api.post("/api/v1/incidents", &json!({ "playbook": "none", "mode": "live" })).await,
            404,
        ),
        (
            "unknown variable",
            server
                .api
                .post(
                    "/api/v1/incidents",
                    &json!({ "playbook": "quick", "mode": "live", "variables": { "x": 1 } }),
                )
                .await,
            422,
        ),
        (
            "no such incident",
            server.api.get("/api/v1/incidents/inc_00000000000000000000000000000001").await,
            404,
        ),
        ("no id", server.api.get("/api/v1/incidents/1").await, 404),
        ("no such route", server.api.get("/api/v1/nonsense").await, 404),
    ] {
        // An unknown JSON member is 400 or 422: what counts is that it is refused and named.
        let right = reply.status == status || (what == "unknown field" && reply.status == 400);
        assert!(right, "{what}: {} {}", reply.status, reply.text);
        assert_eq!(reply.header("content-type"), Some("application/problem+json"), "{what}");
        let problem = reply.json();
        assert!(problem["type"].is_string() && problem["title"].is_string(), "{what}: {problem}");
        assert_eq!(problem["status"], reply.status, "{what}");
    }
    let refused = server
        .api
        .post(
            "/api/v1/incidents",
            &json!({ "playbook": "quick", "mode": "live", "variables": { "place": "あ".repeat(31) } }),
        )
        .await;
    let problems = refused.expect(422).json()["problems"].clone();
    assert!(problems[0]["path"].as_str().is_some_and(|path| path.contains("place")), "{problems}");
    assert!(problems[0]["detail"].is_string(), "{problems}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_only_looks_cannot_start_decide_or_close() {
    let server = serve().await;
    let incident = Incident::start(&server.api, "quick", "drill").await;
    let recipient = incident.recipients().await.remove(0);
    let observer: Api = server.api.with_token(&server.home.token("observer").await);
    observer.get(&incident.path("")).await.expect(200);
    let decide = format!("/api/v1/recipients/{}/decide", recipient["id"].as_str().expect("an id"));
    for (path, body) in [
        ("/api/v1/incidents".to_owned(), json!({ "playbook": "quick", "mode": "drill" })),
        (incident.path("/close"), json!({ "reason": "x" })),
        (incident.path("/cancel"), json!({ "reason": "x" })),
        (decide, json!({ "option": "対象から外す" })),
    ] {
        let reply = observer.post(&path, &body).await.expect(403);
        assert_eq!(reply.json()["type"], "/problems/denied");
        observer
            .send("POST", &path, &[("content-type", "application/json")], Some("{ no".to_owned()))
            .await
            .expect(403);
    }
    let commander = server.api.with_token(&server.home.token("commander").await);
    commander.post(&incident.path("/close"), &json!({ "reason": "終了" })).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_come_in_pages() {
    let server = serve().await;
    let incident = Incident::start(&server.api, "quick", "drill").await;
    let first = server.api.get(&incident.path("/recipients?limit=3")).await.expect(200).json();
    assert_eq!(first["items"].as_array().map(Vec::len), Some(3));
    let next = first["next"].as_str().expect("there is more");
    let second =
        server.api.get(&incident.path(&format!("/recipients?limit=3&after={next}"))).await.expect(200).json();
    assert_eq!(second["items"].as_array().map(Vec::len), Some(1));
    assert!(second["next"].is_null());
    assert_ne!(first["items"][2]["id"], second["items"][0]["id"]);
    let most = server.api.get(&incident.path("/recipients?limit=99999")).await.expect(200).json();
    assert_eq!(most["items"].as_array().map(Vec::len), Some(4), "larger is cut, not refused");
    for limit in ["-1", "many"] {
        let refused = server.api.get(&incident.path(&format!("/recipients?limit={limit}"))).await;
        assert!(matches!(refused.status, 400 | 422), "{limit}: {refused:?}");
        assert_eq!(refused.header("content-type"), Some("application/problem+json"), "{limit}");
    }
    let chronology = server.api.get(&incident.path("/chronology?limit=1")).await.expect(200).json();
    assert_eq!(chronology["items"][0]["seq"], 1);
    for field in ["occurred_at", "recorded_at", "kind", "from", "to", "text", "actor", "hash"] {
        assert!(!chronology["items"][0][field].is_null(), "{field} is missing: {chronology}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_incident_tells_what_it_runs_by_and_counts_its_evidence() {
    let server = serve().await;
    let body =
        json!({ "playbook": "quick", "mode": "drill", "variables": { "place": "沖" }, "title": "朝の訓練" });
    let started = server.api.post("/api/v1/incidents", &body).await.expect(201).json();
    assert_eq!(started["playbook"]["key"], "quick");
    assert_eq!(started["playbook"]["version"], "1.0.0");
    assert_eq!(started["playbook"]["sha256"].as_str().map(str::len), Some(64));
    assert_eq!((&started["mode"], &started["state"]), (&json!("drill"), &json!("active")));
    let at = started["opened_at"].as_str().expect("a moment");
    assert!(at.ends_with("+09:00"), "the site's offset: {at}");
    let whole =
        server.api.get(&format!("/api/v1/incidents/{}", started["id"].as_str().expect("an id"))).await;
    let counts = whole.expect(200).json()["counts"].clone();
    let sum: i64 = counts.as_object().expect("counts by grade").values().filter_map(Value::as_i64).sum();
    assert_eq!(sum, 4, "{counts}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_in_a_channel_says_who_has_read_it() {
    let server = serve().await;
    let incident = Incident::start(&server.api, "quick", "drill").await;
    let channels = server.api.list(&incident.path("/channels")).await;
    let command = channels.iter().find(|channel| channel["key"] == "command").expect("the command channel");
    let id = command["id"].as_str().expect("an id");
    let path = format!("/api/v1/channels/{id}/messages");
    server.api.post(&path, &json!({ "text": "参集してください" })).await.expect(201);
    let messages = server.api.list(&path).await;
    let said = messages.iter().find(|message| message["text"] == "参集してください").expect("what was said");
    assert!(said["read_by"].is_array() && said["unread_by"].is_array(), "{said}");
    let read = server.api.post(&format!("/api/v1/channels/{id}/read"), &json!({})).await;
    assert!(matches!(read.status, 200 | 204), "{read:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn health_is_open_and_says_no_more_than_it_must() {
    let server = serve().await;
    let anybody = server.anybody();
    anybody.get("/healthz").await.expect(200);
    anybody.get("/readyz").await.expect(200);
    anybody.get("/api/docs").await.expect(200);
    for path in ["/", "/incidents", "/directory", "/status"] {
        let page = anybody.get(path).await;
        assert!(matches!(page.status, 303 | 302 | 401), "{path} is shown to a stranger: {}", page.status);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_incident_has_its_titles_in_the_readers_language() {
    let server = serve().await;
    let incident = Incident::start(&server.api, "quick", "drill").await;
    let titles = async |language: &str| {
        let headers = [("accept-language", language)];
        let whole = server.api.send("GET", &incident.path(""), &headers, None).await.expect(200).json();
        [whole["title"].clone(), whole["roles"][0]["title"].clone()]
    };
    assert_eq!(titles("ja").await, ["【訓練】短い初動対応", "本部長"]);
    assert_eq!(titles("en").await, ["【訓練】Quick initial response", "Commander"]);
}
