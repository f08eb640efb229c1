//! Letters through real sockets into a sink of the same process.

use std::{sync::atomic::Ordering, time::Duration};

use mail_parser::{HeaderValue, MessageParser};
use noroshi_core::{
    id::Id,
    playbook::Urgency,
    text::Language,
    time::{Span, Timestamp},
};
use uuid::Uuid;

use super::{
    Outcome,
    connection::Patience,
    letter::{DrillWords, Letter},
    mail::{MailConfig, Mailer},
    relay::{RelayUrl, Roots},
    sink::{self, Act, Sink, Tls},
};

/// 2026-11-24 03:14 in Japan.
pub(crate) const NOW: Timestamp = Timestamp(1_795_457_640_000);
const LINK: &str =
    "https://noroshi.aoba.example/a/k7Q2mX9dTz-k7Q2mX9dTz_k7Q2mX9dTzk7Q2mX9dTzk7Q2mX9dTzk7Q2mX9dTz";

pub(crate) fn letter() -> Letter {
    Letter {
        delivery: Id::new(Uuid::from_u128(0x7f3c)),
        incident: Id::new(Uuid::from_u128(0xabc)),
        to: "dmat@matsubara-univ.example".to_owned(),
        to_name: "松原大学病院DMAT".to_owned(),
        language: Language::Ja,
        drill: false,
        drill_words: DrillWords::default(),
        repeat: false,
        urgency: Urgency::Critical,
        place: "青葉県 保健医療福祉調整本部".to_owned(),
        incident_number: 0,
        incident_title: "青葉県沖の地震".to_owned(),
        subject: "【待機・出動照会】最大震度6強 青葉県沖".to_owned(),
        number: 1,
        body: "11月24日(火) 3時07分ごろ、青葉県沖で最大震度6強。\n参集拠点: 若葉総合運動公園".to_owned(),
        short: None,
        max_chars: None,
        asks: true,
        desk_answers: true,
        documents: Vec::new(),
        link: Some(LINK.to_owned()),
        respond_by: Some("03:44".to_owned()),
        options: vec!["出動可".to_owned(), "条件付き".to_owned(), "出動不可".to_owned()],
        phone: Some("000-0000-0000".to_owned()),
        next_step: Some("3時24分までに確認がない場合、代替連絡先（医事課当直）にも連絡します。".to_owned()),
        sent_at: "11月24日(火) 3時14分".to_owned(),
        planned_at: None,
        date: NOW,
    }
}

fn numbered(n: u128) -> Letter {
    Letter { delivery: Id::new(Uuid::from_u128(n)), ..letter() }
}

fn impatient() -> Patience {
    Patience {
        connect: Duration::from_millis(500),
        command: Duration::from_millis(300),
        dot: Duration::from_millis(300),
        whole: Duration::from_secs(5),
    }
}

pub(crate) fn config(relays: Vec<RelayUrl>) -> MailConfig {
    MailConfig {
        relays,
        from: "青葉県 保健医療福祉調整本部 <noroshi@aoba.example>".parse().unwrap(),
        reply_to: None,
        connections: 8,
        helo: Some("noroshi.aoba.example".to_owned()),
        patience: impatient(),
    }
}

fn mailer(relays: Vec<RelayUrl>) -> Mailer {
    Mailer::new(config(relays), &sink::roots())
}

fn dead() -> RelayUrl {
    // The discard port: nobody listens there on a test machine.
    "smtp://127.0.0.1:9".parse().unwrap()
}

fn refusing(word: &'static str, with: &'static str) -> impl Fn(&str, usize) -> Option<Act> {
    move |at, _| (at == word).then_some(Act::Say(with))
}

#[tokio::test]
async fn an_accepted_letter_brings_the_relays_words_and_says_that_it_went_in_clear() {
    let sink = Sink::yes().await;
    let outcome = mailer(vec![sink.url()]).send(&letter(), NOW).await;
    let relay = format!("smtp://127.0.0.1:{}", sink.port);
    assert_eq!(
        outcome,
        Outcome::Accepted {
            relay,
            reply: "250 2.0.0 taken as 42".to_owned(),
            encrypted: false,
            message_id: None
        }
    );
    let [taken] = &sink.letters()[..] else { panic!("one letter") };
    assert_eq!(taken.mail, "MAIL FROM:<noroshi@aoba.example>");
    assert_eq!(taken.rcpt, "RCPT TO:<dmat@matsubara-univ.example>");
}

#[tokio::test]
async fn a_letter_is_read_as_it_was_written() {
    let sink = Sink::yes().await;
    mailer(vec![sink.url()]).send(&letter(), NOW).await;
    let bytes = sink.letters().remove(0).bytes;
    let mail = MessageParser::default().parse(&bytes).unwrap();
    assert_eq!(mail.subject(), Some("【待機・出動照会】最大震度6強 青葉県沖（03:44までに回答） 第1報"));
    let from = mail.from().unwrap().first().unwrap();
    assert_eq!(from.name(), Some("青葉県 保健医療福祉調整本部"));
    let to = mail.to().unwrap().first().unwrap();
    assert_eq!((to.name(), to.address()), (Some("松原大学病院DMAT"), Some("dmat@matsubara-univ.example")));
    assert_eq!(mail.message_id(), Some("dlv_00000000000000000000000000007f3c@aoba.example"));
    let thread = "inc_00000000000000000000000000000abc@aoba.example";
    assert_eq!(mail.in_reply_to().as_text(), Some(thread));
    assert_eq!(mail.references().as_text(), Some(thread));
    assert_eq!(mail.header("Auto-Submitted").and_then(HeaderValue::as_text), Some("auto-generated"));
    assert_eq!(mail.reply_to().unwrap().first().unwrap().address(), Some("noroshi@aoba.example"));
    assert_eq!(mail.date().unwrap().to_timestamp() * 1000, NOW.0);
    let rendered = letter().render();
    assert_eq!(mail.body_text(0).unwrap().replace("\r\n", "\n").trim_end(), rendered.text.trim_end());
    assert_eq!(mail.body_html(0).unwrap().replace("\r\n", "\n").trim_end(), rendered.html.trim_end());
    assert!(
        mail.body_text(0).unwrap().lines().any(|line| line == LINK),
        "the link stands whole on a line of its own"
    );
}

#[tokio::test]
async fn every_line_of_a_mail_is_short_ascii_and_ends_with_both_characters() {
    let sink = Sink::yes().await;
    let smuggle = "x\n.\nMAIL FROM:<evil@x.example>\r.\r\n.\r\nRCPT TO:<y@x.example>";
    let letter = Letter { body: smuggle.to_owned(), subject: smuggle.to_owned(), ..letter() };
    mailer(vec![sink.url()]).send(&letter, NOW).await;
    let [taken] = &sink.letters()[..] else { panic!("one letter and no smuggled one") };
    let text = std::str::from_utf8(&taken.bytes).unwrap();
    assert!(text.is_ascii());
    for line in text.split("\r\n") {
        assert!(!line.contains(['\r', '\n']) && line.len() <= 998 && !line.starts_with('.'), "{line:?}");
    }
}

#[tokio::test]
async fn nothing_that_somebody_typed_makes_a_header_of_its_own() {
    let evil = "a\r\nBcc: spy@x.example\r\n\r\n\0body =?utf-8?B?DQpCY2M6IHNweUB4LmV4YW1wbGU=?= \u{2028}Bcc: x \"q\" <spy@x.example>";
    let sink = Sink::yes().await;
    let letter = Letter { subject: evil.to_owned(), to_name: evil.to_owned(), ..letter() };
    mailer(vec![sink.url()]).send(&letter, NOW).await;
    let bytes = sink.letters().remove(0).bytes;
    let mail = MessageParser::default().parse(&bytes).unwrap();
    let names: Vec<&str> = mail.headers().iter().map(|header| header.name()).collect();
    assert_eq!(
        names,
        [
            "From",
            "To",
            "Reply-To",
            "Subject",
            "Date",
            "Message-ID",
            "In-Reply-To",
            "References",
            "Auto-Submitted",
            "MIME-Version",
            "Importance",
            "X-Priority",
            "Content-Type"
        ]
    );
    let to = mail.to().unwrap();
    assert_eq!(to.as_list().map_or(1, <[_]>::len), 1);
    assert_eq!(to.first().unwrap().address(), Some("dmat@matsubara-univ.example"));
    assert!(mail.subject().unwrap().contains("=?utf-8?B?DQpC"), "shown as typed: {:?}", mail.subject());
}

#[tokio::test]
async fn an_address_that_would_leave_its_command_is_refused_without_asking_a_relay() {
    let sink = Sink::yes().await;
    for to in ["a@b.example>\r\nRCPT TO:<c@d.example", "a@b.example\r\nDATA", "no address", ""] {
        let letter = Letter { to: to.to_owned(), ..letter() };
        let outcome = mailer(vec![sink.url()]).send(&letter, NOW).await;
        assert!(matches!(outcome, Outcome::Refused { .. }), "{outcome:?}");
    }
    assert_eq!(sink.connections(), 0);
}

#[tokio::test]
async fn an_old_carrier_address_is_reached_in_quotes() {
    let sink = Sink::yes().await;
    let letter = Letter { to: "taro..yamada.@docomo.ne.jp".to_owned(), ..letter() };
    mailer(vec![sink.url()]).send(&letter, NOW).await;
    assert_eq!(sink.letters()[0].rcpt, "RCPT TO:<\"taro..yamada.\"@docomo.ne.jp>");
}

#[tokio::test]
async fn a_recipient_refused_for_now_may_be_tried_again_and_the_connection_stays() {
    let sink = Sink::saying(refusing("RCPT", "451 4.7.1 greylisted")).await;
    let mailer = mailer(vec![sink.url()]);
    for _ in 0..3 {
        let Outcome::TryAgain { reason, .. } = mailer.send(&letter(), NOW).await else { panic!("try again") };
        assert_eq!(reason, "451 4.7.1 greylisted");
    }
    assert_eq!(sink.connections(), 1);
    assert!(mailer.health()[0].up);
}

#[tokio::test]
async fn a_connection_that_broke_off_over_a_letter_carries_no_other() {
    let asked = std::sync::atomic::AtomicUsize::new(0);
    let sink = Sink::saying(move |at, _| {
        (at == "RCPT" && asked.fetch_add(1, Ordering::SeqCst) == 0).then_some(Act::Say("421 too busy"))
    })
    .await;
    let mailer = mailer(vec![sink.url()]);
    let first = mailer.send(&letter(), NOW).await;
    assert!(matches!(&first, Outcome::TryAgain { reason, .. } if reason.contains("421")), "{first:?}");
    assert!(mailer.is_away(), "nobody else is kept waiting by it");
    let second = mailer.send(&letter(), NOW + Span::seconds(1)).await;
    assert!(matches!(second, Outcome::Accepted { .. }), "{second:?}");
    assert_eq!(sink.connections(), 2, "what is answered late on the first is read by nobody");
}

#[tokio::test]
async fn a_recipient_refused_for_good_is_refused_and_no_other_relay_is_asked() {
    let (first, second) = (Sink::saying(refusing("RCPT", "550 5.1.1 unknown user")).await, Sink::yes().await);
    let outcome = mailer(vec![first.url(), second.url()]).send(&letter(), NOW).await;
    assert!(matches!(outcome, Outcome::Refused { reason, .. } if reason == "550 5.1.1 unknown user"));
    assert_eq!(second.connections(), 0);
}

#[tokio::test]
async fn a_letter_refused_after_its_last_line_is_refused_or_tried_again_as_the_relay_says() {
    let sink = Sink::saying(refusing("DOT", "554 5.7.1 looks like spam")).await;
    assert!(matches!(mailer(vec![sink.url()]).send(&letter(), NOW).await, Outcome::Refused { .. }));
    let sink = Sink::saying(refusing("DOT", "452 4.3.1 disk full")).await;
    assert!(matches!(mailer(vec![sink.url()]).send(&letter(), NOW).await, Outcome::TryAgain { .. }));
}

#[tokio::test]
async fn a_refused_recipient_does_not_stain_the_next_letter() {
    let sink = Sink::saying({
        let asked = std::sync::atomic::AtomicUsize::new(0);
        move |at, _| (at == "RCPT" && asked.fetch_add(1, Ordering::SeqCst) == 0).then_some(Act::Say("550 no"))
    })
    .await;
    let mailer = mailer(vec![sink.url()]);
    assert!(matches!(mailer.send(&letter(), NOW).await, Outcome::Refused { .. }));
    assert!(matches!(mailer.send(&letter(), NOW).await, Outcome::Accepted { .. }));
    assert_eq!(sink.connections(), 1);
}

#[tokio::test]
async fn a_relay_that_lets_data_pass_after_a_refusal_gets_no_body() {
    let sink = Sink::saying(|at, _| match at {
        "RCPT" => Some(Act::Say("550 no")),
        "DATA" => Some(Act::Say("354 go on")),
        _ => None,
    })
    .await;
    assert!(matches!(mailer(vec![sink.url()]).send(&letter(), NOW).await, Outcome::Refused { .. }));
    assert!(sink.letters().is_empty());
}

#[tokio::test]
async fn a_relay_without_pipelining_is_spoken_to_step_by_step() {
    let sink = Sink::saying(refusing("EHLO", "250 sink")).await;
    let mailer = mailer(vec![sink.url()]);
    for _ in 0..3 {
        assert!(matches!(mailer.send(&letter(), NOW).await, Outcome::Accepted { .. }));
    }
    assert_eq!((sink.letters().len(), sink.connections()), (3, 1));
}

#[tokio::test]
async fn the_next_relay_takes_over_when_the_first_is_dead_full_or_closing() {
    for (word, act) in [
        ("GREETING", Act::Say("421 too busy")),
        ("GREETING", Act::Say("554 not you")),
        ("GREETING", Act::Drop),
        ("GREETING", Act::Hang),
        ("MAIL", Act::Say("452 disk full")),
        ("RCPT", Act::Say("421 closing")),
        ("DATA", Act::Hang),
        ("DATA", Act::Drop),
    ] {
        let told = act.clone();
        let first = Sink::saying(move |at, _| (at == word).then(|| told.clone())).await;
        let second = Sink::yes().await;
        let mailer = mailer(vec![first.url(), second.url()]);
        let outcome = mailer.send(&letter(), NOW).await;
        assert!(matches!(outcome, Outcome::Accepted { .. }), "{word} {act:?}: {outcome:?}");
        let asked = first.connections();
        mailer.send(&numbered(2), NOW).await;
        assert_eq!(first.connections(), asked, "{word} {act:?}: set aside");
        assert_eq!(second.letters().len(), 2);
        assert!(!mailer.health()[0].up && mailer.health()[1].up);
    }
}

#[tokio::test]
async fn a_relay_comes_back_after_its_time() {
    let sink = Sink::saying({
        let greeted = std::sync::atomic::AtomicUsize::new(0);
        move |at, _| {
            (at == "GREETING" && greeted.fetch_add(1, Ordering::SeqCst) < 2).then_some(Act::Say("421 busy"))
        }
    })
    .await;
    let mailer = mailer(vec![sink.url()]);
    assert!(
        matches!(mailer.send(&letter(), NOW).await, Outcome::Away { reason, .. } if reason.contains("421"))
    );
    assert!(mailer.is_away());
    let back_at = NOW + Span::seconds(1);
    assert!(matches!(mailer.send(&letter(), NOW).await, Outcome::Away { .. }));
    assert_eq!(sink.connections(), 1, "nobody knocks before the time");
    mailer.send(&letter(), back_at).await;
    mailer.send(&letter(), back_at + Span::seconds(1)).await;
    assert_eq!(sink.connections(), 2, "the second pause is longer");
    let later = back_at + Span::seconds(2);
    assert!(matches!(mailer.send(&letter(), later).await, Outcome::Accepted { .. }));
    let health = &mailer.health()[0];
    assert!(
        health.up && health.since == Some(later) && health.last_error.as_deref().unwrap().contains("421")
    );
    assert!(!mailer.is_away());
}

#[tokio::test]
async fn without_any_answer_after_the_last_line_the_outcome_is_unknown_and_nobody_else_is_asked() {
    for act in [Act::Hang, Act::Drop] {
        let told = act.clone();
        let first = Sink::saying(move |at, _| (at == "DOT").then(|| told.clone())).await;
        let second = Sink::yes().await;
        let outcome = mailer(vec![first.url(), second.url()]).send(&letter(), NOW).await;
        assert!(matches!(outcome, Outcome::Unknown { .. }), "{act:?}: {outcome:?}");
        assert_eq!(second.connections(), 0);
    }
}

#[tokio::test]
async fn a_connection_lost_while_the_letter_is_still_with_us_is_no_unknown_outcome() {
    let sink = Sink::saying(|at, _| (at == "BODY").then_some(Act::Drop)).await;
    // More than the buffers between the two hold.
    let letter = Letter { body: "長い文。".repeat(400_000), ..letter() };
    let outcome = mailer(vec![sink.url()]).send(&letter, NOW).await;
    assert!(matches!(outcome, Outcome::TryAgain { .. }), "{outcome:?}");
}

#[tokio::test]
async fn a_relay_that_gives_one_byte_at_a_time_ends_with_the_whole_limit() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let tar_pit = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        loop {
            let _ = tokio::io::AsyncWriteExt::write_all(&mut stream, b"2").await;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    let relay = format!("smtp://127.0.0.1:{port}").parse().unwrap();
    let outcome =
        tokio::time::timeout(Duration::from_secs(5), mailer(vec![relay]).send(&letter(), NOW)).await;
    assert!(matches!(outcome.unwrap(), Outcome::Away { .. }));
    tar_pit.abort();
}

#[tokio::test]
async fn a_kept_connection_that_the_relay_has_closed_meanwhile_costs_nothing_but_a_new_one() {
    let sink = Sink::saying(|at, taken| (at == "MAIL" && taken == 1).then_some(Act::Drop)).await;
    let mailer = mailer(vec![sink.url()]);
    assert!(matches!(mailer.send(&letter(), NOW).await, Outcome::Accepted { .. }));
    // The sink drops every MAIL after the first letter: the kept connection, then the new one.
    assert!(matches!(mailer.send(&letter(), NOW).await, Outcome::Away { .. }));
    assert_eq!(sink.connections(), 2);
}

#[tokio::test]
async fn connections_are_bounded_however_many_letters_go_at_once() {
    let sink = Sink::yes().await;
    let mailer = Mailer::new(MailConfig { connections: 4, ..config(vec![sink.url()]) }, &Roots::default());
    let letters: Vec<Letter> = (0..60).map(numbered).collect();
    let outcomes =
        futures_util::future::join_all(letters.iter().map(|letter| mailer.send(letter, NOW))).await;
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::Accepted { .. })));
    assert_eq!(sink.letters().len(), 60);
    assert!(sink.connections() <= 4);
    assert_eq!(mailer.health()[0].in_use, 0);
}

#[tokio::test]
async fn a_hundred_letters_go_over_one_connection_and_an_idle_one_is_not_used_again() {
    let sink = Sink::yes().await;
    let mailer = Mailer::new(MailConfig { connections: 1, ..config(vec![sink.url()]) }, &Roots::default());
    for n in 0..100 {
        mailer.send(&numbered(n), NOW).await;
    }
    assert_eq!(sink.connections(), 1);
    mailer.send(&numbered(100), NOW).await;
    assert_eq!(sink.connections(), 2);
    mailer.send(&numbered(101), NOW + Span::minutes(5)).await;
    assert_eq!(sink.connections(), 3);
}

/// lettre alone waits 40 ms for each letter on a kept connection: 200 of them would take more than 8 s. Without the wait
/// they take a fifth of a second, so that half of the wait is far from both, on a busy machine too.
#[tokio::test]
async fn a_kept_connection_does_not_stall_after_each_letter() {
    let sink = Sink::yes().await;
    let mailer = Mailer::new(MailConfig { connections: 1, ..config(vec![sink.url()]) }, &Roots::default());
    let all = async {
        for n in 0..200 {
            assert!(matches!(mailer.send(&numbered(n), NOW).await, Outcome::Accepted { .. }));
        }
    };
    tokio::time::timeout(Duration::from_secs(4), all).await.expect("no letter waits for an acknowledgement");
}

#[tokio::test]
async fn starttls_is_used_where_it_is_offered_and_the_evidence_says_so() {
    let sink = Sink::with(Tls::Offered, |_, _| None).await;
    let outcome = mailer(vec![sink.url()]).send(&letter(), NOW).await;
    assert!(matches!(outcome, Outcome::Accepted { encrypted: true, .. }), "{outcome:?}");
    assert!(sink.letters()[0].encrypted);
}

#[tokio::test]
async fn a_certificate_that_does_not_hold_means_clear_text_said_aloud_or_no_letter_at_all() {
    let sink = Sink::with(Tls::Offered, |_, _| None).await;
    let trusting_nobody = |url| Mailer::new(config(vec![url]), &Roots::default());
    let outcome = trusting_nobody(sink.url()).send(&letter(), NOW).await;
    assert!(matches!(outcome, Outcome::Accepted { encrypted: false, .. }), "{outcome:?}");
    let required = format!("smtp://127.0.0.1:{}?tls=required", sink.port).parse().unwrap();
    let Outcome::Away { reason, .. } = trusting_nobody(required).send(&letter(), NOW).await else { panic!() };
    assert!(reason.contains("certificate"), "{reason}");
    assert_eq!(sink.letters().len(), 1);
}

#[tokio::test]
async fn a_certificate_past_its_end_counts_for_no_more_than_none() {
    let sink = Sink::with(Tls::OfferedExpired, |_, _| None).await;
    let trusting = |url| Mailer::new(config(vec![url]), &sink::roots_of_expired());
    let Outcome::Accepted { encrypted, .. } = trusting(sink.url()).send(&letter(), NOW).await else {
        panic!()
    };
    assert!(!encrypted, "clear text, and said so");
    let required = format!("smtp://127.0.0.1:{}?tls=required", sink.port).parse().unwrap();
    let Outcome::Away { reason, .. } = trusting(required).send(&letter(), NOW).await else { panic!() };
    assert!(reason.contains("certificate") && reason.contains("expired"), "{reason}");
    assert_eq!(sink.letters().len(), 1);
}

#[tokio::test]
async fn a_relay_without_tls_gets_no_letter_where_it_is_required_and_no_password_ever() {
    let sink = Sink::yes().await;
    for url in [
        format!("smtp://127.0.0.1:{}?tls=required", sink.port),
        format!("smtp://user:secret@127.0.0.1:{}", sink.port),
    ] {
        let Outcome::Away { reason, .. } = mailer(vec![url.parse().unwrap()]).send(&letter(), NOW).await
        else {
            panic!()
        };
        assert!(reason.contains("no TLS"), "{reason}");
    }
    assert!(sink.letters().is_empty());
}

#[tokio::test]
async fn clear_text_slipped_in_behind_starttls_is_not_taken_for_an_encrypted_answer() {
    let sink = Sink::with(Tls::OfferedWithInjection, |_, _| None).await;
    let required = format!("smtp://127.0.0.1:{}?tls=required", sink.port).parse().unwrap();
    let outcome = mailer(vec![required]).send(&letter(), NOW).await;
    assert!(matches!(outcome, Outcome::Away { .. }), "{outcome:?}");
    assert!(sink.letters().is_empty());
}

#[tokio::test]
async fn tls_from_the_first_byte_with_a_password_works_and_checks_the_name() {
    let sink = Sink::with(Tls::FromTheStart, |_, _| None).await;
    let url =
        |host: &str| format!("smtps://user%40x:p%3Ass@{host}:{}", sink.port).parse::<RelayUrl>().unwrap();
    let outcome = mailer(vec![url("localhost")]).send(&letter(), NOW).await;
    assert!(matches!(outcome, Outcome::Accepted { encrypted: true, .. }), "{outcome:?}");
    let outcome = mailer(vec![url("127.0.0.2")]).send(&letter(), NOW).await;
    assert!(matches!(outcome, Outcome::Away { .. }), "{outcome:?}");
}

#[tokio::test]
async fn a_wrong_password_sets_the_relay_aside() {
    let sink = Sink::with(Tls::FromTheStart, refusing("AUTH", "535 5.7.8 no")).await;
    let url = format!("smtps://user:secret@localhost:{}", sink.port).parse().unwrap();
    let mailer = mailer(vec![url]);
    let Outcome::Away { relay, reason } = mailer.send(&letter(), NOW).await else { panic!() };
    assert!(reason.contains("535"), "{reason}");
    assert!(!relay.contains("secret") && !format!("{mailer:?}").contains("secret"));
}

#[tokio::test]
async fn without_relays_a_letter_is_refused_and_with_dead_ones_it_is_tried_again() {
    assert!(matches!(mailer(vec![]).send(&letter(), NOW).await, Outcome::Refused { .. }));
    let mailer = mailer(vec![dead()]);
    assert!(matches!(mailer.send(&letter(), NOW).await, Outcome::Away { .. }));
    assert!(!mailer.health()[0].up);
}

#[tokio::test]
async fn a_sender_that_one_relay_refuses_may_be_taken_by_the_next() {
    let (first, second) = (Sink::saying(refusing("MAIL", "550 sender unknown")).await, Sink::yes().await);
    let both = mailer(vec![first.url(), second.url()]);
    assert!(matches!(both.send(&letter(), NOW).await, Outcome::Accepted { .. }));
    assert!(both.health()[0].up, "the relay itself is well");
    assert!(matches!(mailer(vec![first.url()]).send(&letter(), NOW).await, Outcome::Refused { .. }));
}

#[test]
fn relay_addresses_are_read_as_the_manual_says() {
    use super::relay::Security::{Implicit, Opportunistic, Required};
    for (text, printed, security) in [
        ("smtp://mail.example", "smtp://mail.example:25", Opportunistic),
        ("smtp://127.0.0.1:2525", "smtp://127.0.0.1:2525", Opportunistic),
        ("smtp://[::1]:2525", "smtp://[::1]:2525", Opportunistic),
        ("smtp://mail.example?tls=required", "smtp://mail.example:25", Required),
        ("smtp://u:p@mail.example", "smtp://mail.example:587", Required),
        ("smtps://u:p%40@mail.example/", "smtps://mail.example:465", Implicit),
    ] {
        let url: RelayUrl = text.parse().unwrap();
        assert_eq!((url.to_string().as_str(), url.security), (printed, security), "{text}");
        assert_eq!(format!("{url:?}"), printed);
    }
    for text in [
        "",
        "mail.example:25",
        "http://x",
        "smtp://",
        "smtp://x:port",
        "smtp://u@x",
        "smtp://x?tls=no",
        "smtp://u:%4@x",
        "smtp://[::1",
        "smtp://a b",
    ] {
        assert!(text.parse::<RelayUrl>().is_err(), "{text}");
    }
}
