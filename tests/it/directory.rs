//! The directory: lists as hospitals keep them, looked at first; and addresses that change during an incident.

use fantoccini::Locator;
use serde_json::{Value, json};

use crate::{
    pages::sign_in,
    support::{
        browser::{Browser, DESK, PHONE},
        incident::Incident,
        playbooks::{DIRECTORY, patient, with},
        postgres::{Database, on_each_database},
        server::{Home, Server},
        smtp_sink::Sink,
        wait::SOON,
    },
};

const IMPORT: &str = "/api/v1/directory/import";
const DRY_RUN: &str = "/api/v1/directory/import?dry_run=true";
const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

/// A list as a hospital keeps it: a title, half-width kana, full-width digits, an empty row, a note below.
const LIST: &str = "災害時連絡先一覧,,,,,\r\n\
    ,,,,,\r\n\
    No.,区分,医療機関名,ﾌﾘｶﾞﾅ,担当者,メールアドレス,電話番号,夜間電話,備考\r\n\
    1,DMAT病院,東病院,ﾋｶﾞｼﾋﾞｮｳｲﾝ,山本,ｄｍａｔ２＠ｅａｓｔ．ｅｘａｍｐｌｅ,0011,０００－００００－００１２,\r\n\
    ,,,,,,,,\r\n\
    2,診療所,ｵﾎｰﾂｸｸﾘﾆｯｸ,ｵﾎｰﾂｸｸﾘﾆｯｸ,院長,info@okhotsk.example,000-0000-0091,000-0000-0092,日曜休診\r\n\
    ※変更は総務課まで,,,,,,,,\r\n";

async fn directory(server: &Server) -> Value {
    server.api.get("/api/v1/directory").await.expect(200).json()
}

async fn version(server: &Server) -> String {
    directory(server).await["sha256"].as_str().expect("a hash").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_in_any_of_excels_encodings_is_looked_at_first_and_then_changes_what_it_names() {
    on_each_database(async |database| {
        let server = Home::new(database).serve_with(DIRECTORY).await;
        let before = version(&server).await;
        let (shift_jis, _, lost) = encoding_rs::SHIFT_JIS.encode(LIST);
        assert!(!lost, "the list can be written in Shift_JIS");
        for bytes in [LIST.as_bytes(), format!("\u{feff}{LIST}").as_bytes(), &shift_jis] {
            let seen = server.api.upload(DRY_RUN, "text/csv", bytes.to_vec()).await.expect(200).json();
            assert_eq!(seen["dry_run"], true);
            assert_eq!(seen["added"], json!(["agency:オホーツククリニック", "agency:診療所"]));
            assert_eq!(seen["changed"], json!(["agency:hosp_east"]));
            assert_eq!(seen["removed"], json!([]));
            let east = &seen["differences"].as_array().expect("differences")[0];
            let mail = east["fields"].as_array().expect("fields").iter();
            let mail =
                mail.clone().find(|field| field["field"] == "primary.email").expect("the address changes");
            assert_eq!(mail["old"], "dmat@east.example");
            assert_eq!(mail["new"], "dmat2@east.example");
        }
        assert_eq!(version(&server).await, before, "looking changes nothing");

        server.api.upload(IMPORT, "text/csv", shift_jis.to_vec()).await.expect(200);
        let after = directory(&server).await;
        let east = &after["agencies"]["hosp_east"];
        assert_eq!(east["primary"]["email"], "dmat2@east.example");
        assert_eq!(east["kana"], "ヒガシビョウイン");
        assert_eq!(east["alternate"]["phone"], "000-0000-0012");
        assert_eq!(east["alternate"]["email"], "office@east-kanri.example", "what is not named stays");
        assert_eq!(after["agencies"]["診療所"]["members"], json!(["オホーツククリニック"]));
        assert_eq!(after["people"]["p_duty"]["name"], "佐藤（例）");
        let again = server.api.upload(IMPORT, "text/csv", shift_jis.to_vec()).await.expect(200).json();
        assert_eq!(again["differences"], json!([]));
        assert_eq!(version(&server).await, after["sha256"], "the same list again stores nothing");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_bad_row_keeps_the_whole_list_out_and_every_bad_row_is_told() {
    on_each_database(async |database| {
        let server = Home::new(database).serve_with(DIRECTORY).await;
        let before = version(&server).await;
        let list = "機関名,メール,電話\n新病院,new@new.example,000-0000-0001\n東病院,えんどう,1572431150\n,x@x.example,\n";
        let refused = server.api.upload(IMPORT, "text/csv", list.into()).await.expect(422).json();
        let told: Vec<(i64, &str)> = refused["problems"]
            .as_array()
            .expect("problems")
            .iter()
            .map(|problem| (problem["line"].as_i64().expect("a row"), problem["path"].as_str().expect("a column")))
            .collect();
        assert_eq!(told, [(3, "メール"), (3, "電話"), (4, "")]);
        assert_eq!(version(&server).await, before);

        let file = server.home.write("list.csv", list);
        let printed = server.home.run(&["directory", "import", file.to_str().expect("our path"), "--locale", "ja"]).await.expect(1);
        assert!(printed.out.contains("3行 メール: 誤り: メールアドレスとして正しくありません。"), "{}", printed.out);
        assert!(printed.out.contains("何も取り込んでいません"), "{}", printed.out);
        assert_eq!(version(&server).await, before);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_exported_changes_nothing_when_it_comes_back_in_any_form() {
    on_each_database(async |database| {
        let server = Home::new(database).serve_with(DIRECTORY).await;
        let before = version(&server).await;
        let forms = [
            ("?format=yaml", "application/yaml"),
            ("?format=xlsx", XLSX),
            ("?format=csv", "text/csv"),
            ("?format=csv&list=people", "text/csv"),
        ];
        for (form, media_type) in forms {
            let file = server.api.download(&format!("/api/v1/directory/export{form}")).await;
            let path = format!("{IMPORT}?remove_missing=true");
            let came = server.api.upload(&path, media_type, file).await.expect(200).json();
            assert_eq!(came["differences"], json!([]), "{form}");
            assert_eq!(version(&server).await, before, "{form}");
        }
        let csv = server.api.download("/api/v1/directory/export?format=csv").await;
        assert!(csv.starts_with("\u{feff}".as_bytes()), "Excel wants the mark");
        let printed = server.home.run(&["directory", "export"]).await.expect(0);
        assert_eq!(printed.out, DIRECTORY, "as it was imported, comments included");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_is_the_whole_removes_what_it_does_not_name_and_says_which_playbooks_suffer() {
    let home = Home::new(Database::Sqlite).playbook("quick.yaml", &patient());
    let server = home.serve_with(DIRECTORY).await;
    let list = "キー,機関名,グループ,主 メール,主 電話,代替 メール,代替 電話\n\
        hosp_east,東病院,DMAT病院,dmat@east.example,0011,office@east-kanri.example,0012\n";
    let path = format!("{DRY_RUN}&remove_missing=true");
    let seen = server.api.upload(&path, "text/csv", list.into()).await.expect(200).json();
    assert_eq!(seen["removed"], json!(["agency:fire_hq", "agency:hosp_south", "agency:hosp_west"]));
    assert_eq!(seen["changed"], json!(["agency:hospitals"]));
    assert_eq!(seen["playbooks"][0]["key"], "quick");
    let kept = server.api.upload(DRY_RUN, "text/csv", list.into()).await.expect(200).json();
    assert_eq!((&kept["removed"], &kept["playbooks"]), (&json!([]), &json!([])));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_incident_keeps_its_addresses_until_somebody_sends_to_the_new_one() {
    on_each_database(async |database| {
        let sink = Sink::start().await;
        let home = Home::new(database).relays(&[&sink]).playbook("quick.yaml", &patient());
        let server = home.serve_with(DIRECTORY).await;
        let incident = Incident::start(&server.api, "quick", "live").await;
        sink.letters_to("dmat@east.example", 1, SOON).await;
        let east = incident.recipient("standby", "hosp_east").await;
        assert_eq!(east["contacts_changed"], false);
        let path = format!("/api/v1/recipients/{}/readdress", east["id"].as_str().expect("an id"));
        server.api.post(&path, &json!({})).await.expect(409);

        let moved = with(DIRECTORY, "email: dmat@east.example", "email: saigai@east.example");
        server.home.import_directory(&moved).await;
        let east = incident.recipient("standby", "hosp_east").await;
        assert_eq!(east["contacts_changed"], true);
        let change = json!({ "contact": "agency:hosp_east primary", "transport": "email",
            "old": "dmat@east.example", "new": "saigai@east.example" });
        assert_eq!(east["contact_changes"], json!([change]));
        assert_eq!(incident.recipient("standby", "hosp_west").await["contacts_changed"], false);
        assert_eq!(sink.received_by("saigai@east.example").len(), 0, "nothing is sent by itself");

        let operator = server.api.with_token(&server.home.token("operator").await);
        operator.post(&path, &json!({})).await.expect(403);
        let before = (east["step"].clone(), east["next_step_at"].clone());
        let sent = server.api.post(&path, &json!({})).await.expect(200).json();
        assert_eq!(sent["contacts_changed"], false);
        assert_eq!(
            (sent["step"].clone(), sent["next_step_at"].clone()),
            before,
            "the ladder stays where it is"
        );
        let letter = sink.letters_to("saigai@east.example", 1, SOON).await.remove(0);
        let answer = [("option", "available"), ("teams", "1")];
        server.anybody().post_form(&format!("{}/answer", letter.link()), &answer).await.expect(303);
        incident.in_state("standby", "hosp_east", "answered", SOON).await;
        assert_eq!(sink.received_by("saigai@east.example").len(), 1);
        let told = incident.chronology_text().await;
        assert!(told.contains("readdressed"), "{told}");
        server.api.post(&path, &json!({})).await.expect(409);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_imported_on_the_page_only_after_it_was_looked_at() {
    let server = Home::new(Database::Sqlite).serve_with(DIRECTORY).await;
    let before = version(&server).await;
    let (shift_jis, ..) = encoding_rs::SHIFT_JIS.encode(LIST);
    let list = server.home.write("連絡先.csv", "");
    std::fs::write(&list, &shift_jis).expect("our own file");
    let bad = server.home.write("bad.csv", "機関名,メール\n新病院,だめ\n");

    let browser = Browser::without_script(PHONE).await;
    sign_in_quietly(&server, &browser).await;
    let choose = async |file: &std::path::Path| {
        browser.open(&format!("{}/directory/import", server.home.base())).await;
        let field = browser.page.find(Locator::Id("file")).await.expect("a field for the file");
        field.send_keys(file.to_str().expect("our own path")).await.expect("a file is chosen");
        browser.press("button", "変わるところを見る").await;
    };
    choose(&bad).await;
    browser.shows("2行 メール").await;
    browser.shows("何も変わっていません").await;
    browser.picture("import-bad").await;
    browser.width(PHONE).await;
    choose(&list).await;
    browser.shows("dmat2@east.example").await;
    browser.shows("オホーツククリニック").await;
    assert!(!browser.overflows().await, "the preview fits a telephone");
    browser.picture("import-preview").await;
    browser.width(PHONE).await;
    assert_eq!(version(&server).await, before, "nothing is stored before it is confirmed");
    browser.choose("checkbox", "上の注意（新しいグループなど）を確かめた").await;
    browser.press("button", "この内容に変える").await;
    browser.shows("台帳を取り込みました").await;
    assert_ne!(version(&server).await, before);

    assert!(!browser.overflows().await, "the directory fits a telephone");
    browser.picture("directory").await;
    browser.width(PHONE).await;
    browser.open(&format!("{}/directory?q=%EF%BD%B5%EF%BE%8E", server.home.base())).await;
    browser.shows("info@okhotsk.example").await;
    assert!(!browser.text().await.contains("西病院"), "half-width ｵﾎ finds オホーツク alone");
    browser.picture("directory-found").await;
    browser.open(&format!("{}/directory/agencies/hosp_east", server.home.base())).await;
    browser.shows("まだ確かめられていません").await;
    assert!(!browser.overflows().await, "an entry fits a telephone");
    browser.picture("directory-agency").await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_board_and_the_recipients_page_say_that_an_address_has_changed() {
    let sink = Sink::start().await;
    let home = Home::new(Database::Sqlite).relays(&[&sink]).playbook("quick.yaml", &patient());
    let server = home.serve_with(DIRECTORY).await;
    let incident = Incident::start(&server.api, "quick", "live").await;
    sink.letters_to("dmat@east.example", 1, SOON).await;
    server
        .home
        .import_directory(&with(DIRECTORY, "email: dmat@east.example", "email: saigai@east.example"))
        .await;
    let browser = Browser::start(DESK).await;
    sign_in(&server, &browser).await;
    let base = server.home.base();
    browser.open(&format!("{base}/incidents/{}", incident.id)).await;
    browser.shows("台帳の宛先が変わりました").await;
    browser.picture("board-moved").await;
    let east = incident.recipient("standby", "hosp_east").await;
    let id = east["id"].as_str().expect("an id");
    browser.open(&format!("{base}/incidents/{}/recipients/{id}", incident.id)).await;
    browser.shows("saigai@east.example").await;
    browser.picture("recipient-moved").await;
    browser.press("button", "新しい宛先へ送り直す").await;
    browser.shows("送り直しました").await;
    sink.letters_to("saigai@east.example", 1, SOON).await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_agencies_are_imported_and_searched_in_seconds() {
    let server = Home::new(Database::Sqlite).serve_with(DIRECTORY).await;
    let mut list = String::from("機関名,フリガナ,グループ,メール,電話,代替電話\n");
    for n in 0..10_000 {
        list.push_str(&format!(
            "第{n}病院,ダイ{n}ビョウイン,群{},h{n}@h{n}.example,000-{n:04}-1,000-{n:04}-2\n",
            n % 50
        ));
    }
    let begun = std::time::Instant::now();
    let came = server.api.upload(IMPORT, "text/csv", list.into_bytes()).await.expect(200).json();
    let imported = begun.elapsed();
    assert_eq!(came["added"].as_array().map(Vec::len), Some(10_050));
    let begun = std::time::Instant::now();
    let file = server.api.download("/api/v1/directory/export?format=xlsx").await;
    let exported = begun.elapsed();
    let begun = std::time::Instant::now();
    let again = server.api.upload(DRY_RUN, XLSX, file).await.expect(200).json();
    let compared = begun.elapsed();
    assert_eq!(again["differences"], json!([]));
    eprintln!(
        "10,000 agencies: imported in {imported:?}, exported in {exported:?}, compared in {compared:?}"
    );
}

/// Signs in where the page that follows is of no interest.
async fn sign_in_quietly(server: &Server, browser: &Browser) {
    let log = server.log();
    let link =
        log.split_whitespace().find(|word| word.contains("/setup/")).expect("the first start prints a link");
    browser.open(link).await;
    crate::pages::set_up(browser).await;
}
