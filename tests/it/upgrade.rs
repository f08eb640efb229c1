//! A database that an older version has written is brought up to date, and everything that hangs on it goes on.

use crate::support::{
    incident::Incident,
    playbooks::{DIRECTORY, patient},
    postgres::{Database, on_each_database},
    server::Home,
    session::Session,
    smtp_sink::Sink,
    wait::SOON,
};

/// Brings back the tables as they were before `compact`, with what stands in them; one try is noted twice.
fn before_compact(database: &Database) -> String {
    let [uuid, json, hex, random] = match database {
        Database::Sqlite => ["blob", "text", "lower(hex(token_hash))", "randomblob(16)"],
        Database::Postgres { .. } => ["uuid", "jsonb", "encode(token_hash, 'hex')", "gen_random_uuid()"],
    };
    let rest = "0".repeat(32);
    format!(
        "create table old_link (token_hash text not null, recipient_id {uuid} not null, contact text not null,
            name {json} not null, language text not null, generation integer not null, revoked_at_ms bigint,
            opened_by {json} not null, primary key (token_hash));
         insert into old_link select {hex} || '{rest}', recipient_id, contact, name, language, generation,
            revoked_at_ms, opened_by from link join delivery on delivery.id = link.delivery_id;
         drop table link;
         alter table old_link rename to link;
         create table old_attempt as select {random} as id, attempt.* from attempt
            union all select {random}, attempt.* from attempt;
         drop table attempt;
         alter table old_attempt rename to attempt;
         alter table timer add column subject_id {uuid};
         update timer set subject_id = id where kind = 'step';
         create index recipient_incident_id on recipient (incident_id);
         create index delivery_incident_id on delivery (incident_id);
         drop index delivery_to_role;
         delete from seaql_migrations where version = 'm20261129_000014_compact';"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn links_tries_and_timers_of_an_older_version_go_on() {
    on_each_database(async |database| {
        let older = before_compact(&database);
        let sink = Sink::start().await;
        let home = Home::new(database).relays(&[&sink]).playbook("quick.yaml", &patient());
        let mut server = home.serve_with(DIRECTORY).await;
        let incident = Incident::start(&server.api, "quick", "live").await;
        let link = sink.letters_to("dmat@east.example", 1, SOON).await[0].link();
        let waits = |it: &serde_json::Value| it["grade"] == "accepted" && it["next_step_at"].is_string();
        let before = incident.recipient_until("standby", "hosp_east", "waits", SOON, waits).await;
        server.stop();
        server.home.change(&older).await;
        server.start().await;

        let incident = Incident::known(&server.api, &incident.id);
        assert_eq!(incident.recipient("standby", "hosp_east").await, before);
        let id = before["id"].as_str().expect("an id");
        let session = Session::of(&server, "p_duty", "commander").await;
        let page = session.get(&format!("/incidents/{}/recipients/{id}", incident.id)).await;
        assert_eq!(page.matches("250 ").count(), 1, "each try once: {page}");

        let anybody = server.anybody();
        anybody.get(&link).await.expect(200);
        let fields = [("option", "available"), ("teams", "2"), ("depart_at", "04:30")];
        anybody.post_form(&format!("{link}/answer"), &fields).await.expect(303);
        let answered = incident.recipient("standby", "hosp_east").await;
        assert_eq!(answered["state"], "answered", "{answered}");
        assert!(answered["next_step_at"].is_null(), "the timer that was carried over is dropped: {answered}");
    })
    .await;
}
