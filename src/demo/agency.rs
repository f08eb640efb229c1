//! The simulated agencies: people at desks who read their mail and answer by its link; and colleagues of the house who
//! take a role that is offered to them, or do not.
//!
//! Each is a task of its own that knows only the mails that were caught for its address: no store, no core. It opens
//! the link over HTTP as a browser would, looks at the buttons, and posts an answer after a human while, or does not.

use std::{sync::Arc, time::Duration};

use noroshi_core::time::{Span, Timestamp};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::catcher::{Catcher, CaughtMail};
use crate::{clock::Clock, lifecycle::Lifecycle};

/// What is typed into the fields of a page, by field.
type Fields = &'static [(&'static str, &'static str)];

/// How somebody at a desk behaves. Delays are minutes of the drill.
#[derive(Clone, Copy, Debug)]
struct Desk {
    /// The address whose mail is read there.
    address: &'static str,
    /// Until the mail is opened; `None`: never.
    reads_after: Option<f64>,
    /// From then until the answer; `None`: never.
    answers_after: Option<f64>,
    /// The buttons it would press, the first that is there.
    wants: &'static [&'static str],
    /// What it types into the fields.
    fields: Fields,
    /// A later answer: until then, button, fields.
    then: Option<(f64, &'static str, Fields)>,
}

/// One early, one with a condition, one declining, one never, one late by its alternate desk.
const DESKS: &[Desk] = &[
    Desk {
        address: "dmat@kitamino-hosp.example",
        reads_after: Some(1.0),
        answers_after: Some(2.0),
        wants: &["available", "go", "standby", "ok"],
        fields: &[("teams", "2"), ("depart_at", "+30m")],
        then: Some((6.0, "eta", &[("eta_at", "+90m")])),
    },
    Desk {
        address: "dmat@abashiri-hosp.example",
        reads_after: Some(4.0),
        answers_after: Some(5.0),
        wants: &["conditional", "available", "go", "standby", "ok"],
        fields: &[
            ("teams", "1"),
            ("depart_at", "+60m"),
            ("condition", "国道の通行止めが解除されれば出動できます"),
        ],
        then: None,
    },
    Desk {
        address: "dmat@monsawa-hosp.example",
        reads_after: Some(3.0),
        answers_after: Some(4.0),
        wants: &["unavailable", "no_go", "no_standby", "ok"],
        fields: &[("reason", "自院被災")],
        then: None,
    },
    // 斜流町立病院 never reads: its ladder climbs to the decision.
    Desk {
        address: "dmat@kohan-hosp.example",
        reads_after: None,
        answers_after: None,
        wants: &[],
        fields: &[],
        then: None,
    },
    // Its night desk, the alternate contact, is late but answers.
    Desk {
        address: "night@kohan-ops.example",
        reads_after: Some(6.0),
        answers_after: Some(9.0),
        wants: &["available", "go", "standby", "ok"],
        fields: &[("teams", "1"), ("depart_at", "+60m")],
        then: None,
    },
    Desk {
        address: "shirei@kitamino-fire.example",
        reads_after: Some(0.5),
        answers_after: Some(1.0),
        wants: &["ok"],
        fields: &[],
        then: None,
    },
    Desk {
        address: "jimu@kitamino-ishikai.example",
        reads_after: Some(4.0),
        answers_after: None,
        wants: &[],
        fields: &[],
        then: None,
    },
    Desk {
        address: "saigai@ishikai-riji.example",
        reads_after: Some(3.0),
        answers_after: Some(4.0),
        wants: &["available", "ok", "call"],
        fields: &[("teams", "1")],
        then: None,
    },
    // Two who need help, in the tsunami and in the power failure.
    Desk {
        address: "yakin@umikaze-en.example",
        reads_after: Some(2.0),
        answers_after: Some(4.0),
        wants: &["need_help", "ok"],
        fields: &[("left", "12"), ("what", "車いすの方を運ぶ人が足りません")],
        then: None,
    },
    Desk {
        address: "nicu@naisen.kita-hosp.example",
        reads_after: Some(1.0),
        answers_after: Some(2.0),
        wants: &["help", "ok"],
        fields: &[("need", "電源・電池"), ("note", "保育器2台の電池が残り20分です")],
        then: None,
    },
];

/// What the others do: they read, and answer with good news whatever a shipped playbook asks. A page takes the
/// fields of the pressed button and passes over the rest.
const ORDINARY: Desk = Desk {
    address: "",
    reads_after: Some(2.0),
    answers_after: Some(3.0),
    wants: &["ok", "available", "can_take", "done", "keep", "fine", "come"],
    fields: &[
        ("teams", "1"),
        ("red", "2"),
        ("yellow", "4"),
        ("green", "10"),
        ("place", "屋上・上の階"),
        ("people", "48"),
        ("ventilators", "3"),
        ("battery_min", "40"),
        ("eta_at", "+30m"),
    ],
    then: None,
};

/// Desks that never look at their mail.
const NEVER: &[&str] = &["saigai@shariru-hosp.example"];

/// Somebody of the house who is asked to take a role.
struct Colleague {
    address: &'static str,
    /// Until they answer, in minutes of the drill.
    answers_after: f64,
    /// The roles they take, by words of the letter's page.
    takes: &'static [&'static str],
    /// The roles they decline; what is asked besides is left unanswered.
    declines: &'static [&'static str],
}

/// One cannot and the next can; nobody leads but whoever watches.
const COLLEAGUES: &[Colleague] = &[
    Colleague {
        address: "tanaka@eoc.hokuto.example",
        answers_after: 1.5,
        takes: &["情報・計画"],
        declines: &[],
    },
    Colleague {
        address: "ito@med.hokuto.example",
        answers_after: 2.0,
        takes: &[],
        declines: &["DMAT・医療調整"],
    },
    Colleague {
        address: "kato@med.hokuto.example",
        answers_after: 2.0,
        takes: &["DMAT・医療調整"],
        declines: &[],
    },
    Colleague {
        address: "ivanova@med.hokuto.example",
        answers_after: 2.0,
        takes: &["Medical liaison"],
        declines: &[],
    },
];

/// Starts the post round: each mail goes to its desk, and each desk works by itself.
pub fn start(catcher: &Catcher, life: &Lifecycle, clock: Arc<dyn Clock>, speed: u32) {
    let catcher = catcher.clone();
    let (rounds, stop) = (life.clone(), life.soft().clone());
    life.task(async move {
        let mut newest = catcher.newest();
        let mut seen = 0;
        loop {
            for mail in catcher.after(seen) {
                seen = seen.max(mail.number);
                rounds.task(desk(mail, Arc::clone(&clock), speed, stop.clone()));
            }
            tokio::select! {
                () = stop.cancelled() => return,
                changed = newest.changed() => if changed.is_err() { return },
            }
        }
    });
}

/// One mail on one desk.
async fn desk(mail: Arc<CaughtMail>, clock: Arc<dyn Clock>, speed: u32, stop: CancellationToken) {
    let (Some(link), Some(address)) = (mail.link.clone(), mail.recipients.first()) else { return };
    if let Some(colleague) = COLLEAGUES.iter().find(|colleague| colleague.address == address) {
        tokio::select! {
            () = stop.cancelled() => {}
            done = take_role(colleague, &link, &*clock, speed) => if let Err(error) = done {
                warn!(error = &error as &dyn std::error::Error, "A simulated colleague could not answer");
            },
        }
        return;
    }
    // The others of the house have accounts and are played by whoever watches.
    if NEVER.contains(&address.as_str()) || !link.contains("/a/") {
        return;
    }
    let desk = DESKS.iter().find(|desk| desk.address == address).copied().unwrap_or(ORDINARY);
    let work = work(&desk, &link, &*clock, speed);
    tokio::select! {
        () = stop.cancelled() => {}
        done = work => if let Err(error) = done {
            warn!(error = &error as &dyn std::error::Error, "A simulated agency could not answer");
        },
    }
}

async fn work(desk: &Desk, link: &str, clock: &dyn Clock, speed: u32) -> Result<(), reqwest::Error> {
    let Some(reads_after) = desk.reads_after else { return Ok(()) };
    pause(clock, reads_after, speed).await;
    let client = client()?;
    let page = client.get(link).send().await?.text().await?;
    client.post(format!("{link}/opened")).send().await?;
    let Some(answers_after) = desk.answers_after else { return Ok(()) };
    pause(clock, answers_after, speed).await;
    let buttons = buttons(&page);
    let Some(option) = desk.wants.iter().find(|wanted| buttons.iter().any(|button| button == *wanted)) else {
        debug!(?buttons, "No button that this desk would press");
        return Ok(());
    };
    press(&client, link, option, desk.fields).await?;
    if let Some((after, option, fields)) = desk.then.filter(|_| ["available", "go"].contains(option)) {
        pause(clock, after, speed).await;
        press(&client, link, option, fields).await?;
    }
    Ok(())
}

/// Opens the letter of an offer and presses the button that is there; letters that offer nothing are left alone.
async fn take_role(
    colleague: &Colleague,
    link: &str,
    clock: &dyn Clock,
    speed: u32,
) -> Result<(), reqwest::Error> {
    pause(clock, colleague.answers_after, speed).await;
    let client = client()?;
    let page = client.get(link).send().await?.text().await?;
    for (button, roles) in [("accept", colleague.takes), ("decline", colleague.declines)] {
        let theirs = roles.iter().any(|role| page.contains(role));
        if theirs && page.contains(&format!("/{button}")) {
            client.post(format!("{link}/{button}")).send().await?;
        }
    }
    Ok(())
}

fn client() -> Result<reqwest::Client, reqwest::Error> {
    reqwest::Client::builder()
        .timeout(Duration::from_secs(20))
        .redirect(reqwest::redirect::Policy::none())
        .build()
}

async fn press(
    client: &reqwest::Client,
    link: &str,
    option: &str,
    fields: &[(&str, &str)],
) -> Result<(), reqwest::Error> {
    let mut form = vec![("option", option)];
    form.extend(fields);
    let answer = client.post(format!("{link}/answer")).form(&form).send().await?;
    if !answer.status().is_redirection() {
        debug!(status = answer.status().as_u16(), "An answer was not taken");
    }
    Ok(())
}

async fn pause(clock: &dyn Clock, minutes: f64, speed: u32) {
    #[expect(clippy::cast_possible_truncation, reason = "a few minutes in milliseconds")]
    let millis = (minutes * 60_000.0 / f64::from(speed.max(1))) as i64;
    let until: Timestamp = clock.now() + Span(millis);
    clock.sleep_until(until).await;
}

/// The values of the page's buttons: `name="option"` with its `value`.
fn buttons(page: &str) -> Vec<String> {
    page.split('<')
        .filter(|tag| tag.contains("name=\"option\"") || tag.contains("name=option"))
        .filter_map(|tag| {
            let value = tag.split("value=").nth(1)?;
            let value = value.strip_prefix('"').unwrap_or(value);
            Some(value.split(['"', ' ', '>']).next()?.to_owned())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_buttons_of_a_page_are_found() {
        let page = r#"<input type="radio" name="option" id="y" value="available"><input name=option value=ok type=radio>"#;
        assert_eq!(buttons(page), ["available", "ok"]);
    }
}
