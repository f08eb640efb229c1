//! Documents that go with an alert: taken in with the playbook, offered behind the link, never carried by the letter.

use crate::support::{
    incident::Incident,
    playbooks::{DIRECTORY, patient, with},
    postgres::on_each_database,
    server::Home,
    smtp_sink::Sink,
    wait::SOON,
};

const PLAN: &str = "%PDF-1.4\n1 0 obj << >> endobj\ntrailer << >>\n%%EOF\n";

/// The standby alert goes with `maps/参集拠点.pdf`.
fn with_document() -> String {
    with(&patient(), "    responses: deploy\n", "    responses: deploy\n    attach: [maps/参集拠点.pdf]\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_is_offered_behind_the_link_and_marked_in_a_drill() {
    on_each_database(async |database| {
        let sink = Sink::start().await;
        let home = Home::new(database).relays(&[&sink]).playbook("quick.yaml", &with_document());
        std::fs::create_dir(home.path().join("playbooks/maps")).expect("a fresh folder");
        home.write("playbooks/maps/参集拠点.pdf", PLAN);
        let server = home.serve_with(DIRECTORY).await;

        let drill = Incident::start(&server.api, "quick", "drill").await;
        let alert = drill.recipients_of("standby").await[0]["alert_id"].clone();
        let path = format!("/incidents/{}/alerts/{}/documents/0", drill.id, alert.as_str().expect("an id"));
        let document = server.api.get(&path).await.expect(200);
        assert_eq!(document.text, PLAN);
        let name = document.header("content-disposition").expect("a file name").to_owned();
        assert!(name.contains("%E8%A8%93%E7%B7%B4"), "訓練 stands in the name: {name}");
        drill.cancel("次へ").await.expect(200);

        Incident::start(&server.api, "quick", "live").await;
        let letter = sink.letters_to("dmat@east.example", 1, SOON).await.remove(0);
        assert!(letter.text.contains("参集拠点.pdf"), "{}", letter.text);
        assert!(!letter.raw.contains("application/pdf"), "the letter itself carries no document");
        let anybody = server.anybody();
        let page = anybody.get(&letter.link()).await.expect(200);
        assert!(page.text.contains("参集拠点.pdf"), "{}", page.text);
        let document = anybody.get(&format!("{}/documents/0", letter.link())).await.expect(200);
        assert_eq!(document.text, PLAN);
        assert_eq!(document.header("content-type"), Some("application/pdf"));
        assert_eq!(document.header("x-content-type-options"), Some("nosniff"));
        let name = document.header("content-disposition").expect("a file name").to_owned();
        assert!(!name.contains("%E8%A8%93%E7%B7%B4"), "no drill: {name}");
        anybody.get(&format!("{}/documents/1", letter.link())).await.expect(404);
        let fire = sink.letters_to("cmd@fire.example", 1, SOON).await.remove(0);
        anybody.get(&format!("{}/documents/0", fire.link())).await.expect(404);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_playbook_without_its_document_is_refused_where_it_names_it() {
    on_each_database(async |database| {
        let home = Home::new(database).playbook("quick.yaml", &with_document());
        let server = home.serve_with(DIRECTORY).await;
        server.api.get("/api/v1/playbooks/quick").await.expect(404);
        let ready = server.api.get("/readyz").await.expect(200);
        assert!(ready.text.contains("quick.yaml"), "{}", ready.text);

        let refused = server
            .api
            .send(
                "PUT",
                "/api/v1/playbooks/quick",
                &[("content-type", "application/yaml")],
                Some(with_document()),
            )
            .await
            .expect(422);
        let problem = refused.json()["problems"][0].clone();
        assert_eq!(problem["code"], "R01", "{problem}");
        let line =
            with_document().lines().position(|line| line.contains("attach:")).expect("just put there") + 1;
        assert_eq!(problem["line"], line);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_was_exchanged_is_told_in_every_difference() {
    on_each_database(async |database| {
        let home = Home::new(database).playbook("quick.yaml", &with_document());
        std::fs::create_dir(home.path().join("playbooks/maps")).expect("a fresh folder");
        home.write("playbooks/maps/参集拠点.pdf", PLAN);
        let server = home.serve_with(DIRECTORY).await;
        server.home.write("playbooks/maps/参集拠点.pdf", &PLAN.replace("1 0 obj", "2 0 obj"));
        for dry_run in [&["--dry-run"][..], &[]] {
            let words = [&["playbook", "import", "playbooks", "--locale", "ja"][..], dry_run].concat();
            let told = server.home.run(&words).await.expect(0).out;
            assert!(told.contains("資料「maps/参集拠点.pdf」の中身：1 KiB ("), "{told}");
        }
        let difference =
            server.api.get("/api/v1/playbooks/quick/difference?lang=en").await.expect(200).json();
        let changes = difference["changes"].as_array().expect("changes");
        assert_eq!(changes.len(), 1, "{difference:#}");
        let sentence = changes[0]["sentence"].as_str().unwrap_or_default();
        assert!(sentence.starts_with("document maps/参集拠点.pdf: 1 KiB ("), "{sentence}");
        assert_eq!(changes[0]["path"], "alerts.standby.attach[0]");
    })
    .await;
}
