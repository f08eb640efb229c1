//! The harness itself: a sink that lied would make every other test worthless.

use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor, message::MultiPart};

use crate::support::{
    browser::{Browser, PHONE},
    postgres::{Database, on_each_database},
    smtp_sink::{Conduct, Sink},
    wait::{SOON, until},
};

type Sender = AsyncSmtpTransport<Tokio1Executor>;

fn sender(sink: &Sink) -> Sender {
    Sender::from_url(&sink.url()).expect("the sink's address").build()
}

fn letter(to: &str) -> Message {
    Message::builder()
        .from("head@eoc.example".parse().unwrap())
        .to(to.parse().unwrap())
        .subject("出動照会")
        .message_id(Some("<dlv_1@eoc.example>".to_owned()))
        .multipart(MultiPart::alternative_plain_html(
            "回答 http://localhost/a/TOKEN-1_x\n.\n終".to_owned(),
            "<p>回答</p>".to_owned(),
        ))
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sink_keeps_what_a_real_client_sends() {
    let sink = Sink::start().await;
    sender(&sink).send(letter("dmat@east.example")).await.unwrap();
    let letters = sink.letters(1, SOON).await;
    assert_eq!(letters[0].to, ["dmat@east.example"]);
    assert_eq!(letters[0].subject, "出動照会");
    assert_eq!(letters[0].message_id, "dlv_1@eoc.example");
    assert_eq!(letters[0].text.replace("\r\n", "\n"), "回答 http://localhost/a/TOKEN-1_x\n.\n終");
    assert_eq!(letters[0].html, "<p>回答</p>");
    assert_eq!(letters[0].token(), "TOKEN-1_x");
    assert!(letters[0].header("MIME-version").is_some());
    until("the 250 is noted", SOON, async || sink.received()[0].accepted_ms).await;
    assert_eq!((sink.conversations(), sink.accepted("east")), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sink_defers_and_refuses_by_address() {
    let sink = Sink::start().await;
    sink.conduct("@east.example", Conduct::Defer);
    sink.conduct("@west.example", Conduct::Refuse);
    assert!(sender(&sink).send(letter("a@east.example")).await.unwrap_err().is_transient());
    assert!(sender(&sink).send(letter("a@west.example")).await.unwrap_err().is_permanent());
    assert_eq!(sink.rejections_of("east").len(), 1);
    sink.conduct("@east.example", Conduct::Accept);
    sender(&sink).send(letter("a@east.example")).await.unwrap();
    assert_eq!(sink.letters_to("east", 1, SOON).await.len(), 1);
    assert_eq!(sink.received_by("west").len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sink_breaks_the_line_before_and_after_the_dot() {
    let sink = Sink::start().await;
    sink.conduct("", Conduct::DropBeforeDot);
    assert!(sender(&sink).send(letter("a@east.example")).await.is_err());
    assert_eq!(sink.received().len(), 0);
    sink.conduct("", Conduct::DropAfterDot);
    assert!(sender(&sink).send(letter("a@east.example")).await.is_err());
    assert_eq!(sink.received().len(), 1);
    assert_eq!(sink.received()[0].accepted_ms, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sink_withholds_its_answer_until_it_is_released() {
    let sink = Sink::start().await;
    sink.conduct("", Conduct::Withhold);
    let sending = tokio::spawn({
        let sender = sender(&sink);
        async move { sender.send(letter("a@east.example")).await }
    });
    sink.letters(1, SOON).await;
    assert!(!sending.is_finished());
    sink.conduct("", Conduct::Hang);
    sending.await.unwrap().unwrap();
    let sending = tokio::spawn({
        let sender = sender(&sink);
        async move { sender.send(letter("a@east.example")).await }
    });
    until("the second sender has connected", SOON, async || (sink.conversations() == 2).then_some(())).await;
    sink.conduct("", Conduct::Accept);
    sending.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_sink_refuses_connections_until_it_opens_again() {
    let sink = Sink::start().await;
    sink.close().await;
    assert!(sender(&sink).send(letter("a@east.example")).await.is_err());
    sink.open().await;
    sender(&sink).send(letter("a@east.example")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn every_postgresql_test_gets_a_database_of_its_own() {
    on_each_database(async |database| {
        if let Database::Postgres { url } = database {
            use sqlx::{Connection, Executor, Row};
            let mut connection = sqlx::PgConnection::connect(&url).await.unwrap();
            let tables = "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'";
            let row = connection.fetch_one(tables).await.unwrap();
            assert_eq!(row.get::<i64, _>(0), 0);
            let durable = connection.fetch_one("SHOW fsync").await.unwrap();
            assert_eq!(durable.get::<String, _>(0), "on");
        }
    })
    .await;
}

const FORM: &str = "data:text/html;charset=utf-8,<meta name=viewport content='width=device-width'>\
    <form onsubmit='document.title = this.querySelector(`input`).value; return false'>\
    <label>隊数 <input name=teams></label><button>回答する</button><button hidden>隠れた回答</button></form>\
    <noscript>スクリプトなし</noscript>";

#[tokio::test(flavor = "multi_thread")]
async fn the_browser_finds_things_by_role_and_name() {
    let browser = Browser::start(PHONE).await;
    browser.open(FORM).await;
    browser.fill("隊数", "3").await;
    browser.press("button", "回答").await;
    assert_eq!(browser.page.title().await.unwrap(), "3");
    assert_eq!(browser.count("button", "回答").await, 1);
    let width = browser.page.execute("return window.innerWidth", Vec::new()).await.unwrap();
    assert_eq!(width, 390);
    assert!(!browser.overflows().await);
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_browser_without_script_runs_none_and_still_finds_things() {
    let browser = Browser::without_script(PHONE).await;
    browser.open(FORM).await;
    browser.shows("スクリプトなし").await;
    browser.fill("隊数", "3").await;
    browser.press("button", "回答").await;
    assert_eq!(browser.page.title().await.unwrap(), "");
    browser.close().await;
}
