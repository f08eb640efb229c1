//! What the outside saw: every request that was answered 2xx or 3xx, and every letter that came. Checked afterwards
//! against what the service says, so that nothing that was promised can have been lost meanwhile.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Mutex,
    time::Duration,
};

use serde_json::Value;

use super::{
    client::Reply,
    incident::Incident,
    server::Server,
    smtp_sink::{Letter, Sink},
    wait::until,
};

/// Where a delivery has ended, for the time being: nothing more is to be done about it.
const ENDED: [&str; 5] = ["accepted", "refused", "given_up", "unknown", "withdrawn"];

/// What a client was told.
#[derive(Debug, Default)]
pub struct History {
    incidents: Mutex<BTreeSet<String>>,
    /// The last option by each delivery's link that was said to be stored.
    answers: Mutex<BTreeMap<String, String>>,
}

/// What [`History::check`] found.
#[derive(Clone, Copy, Debug)]
pub struct Found {
    /// Letters to recipients.
    pub letters: usize,
    /// Copies beyond the first.
    pub doubled: usize,
}

impl History {
    /// A start was answered; one that was not taken is no promise.
    pub fn started(&self, reply: &Reply) {
        if (200..300).contains(&reply.status) {
            self.started_as(reply.json()["id"].as_str().expect("a started incident has an id"));
        }
    }

    /// It was said that this incident is started.
    pub fn started_as(&self, id: &str) {
        self.incidents.lock().unwrap().insert(id.to_owned());
    }

    /// An answer by a link was answered; gives whether it was said to be stored.
    pub fn answered(&self, letter: &Letter, option: &str, reply: &Reply) -> bool {
        let stored = reply.status == 303;
        if stored {
            self.answers.lock().unwrap().insert(delivery_of(letter).to_owned(), option.to_owned());
        }
        stored
    }

    /// How many answers were said to be stored.
    pub fn stored(&self) -> usize {
        self.answers.lock().unwrap().len()
    }

    /// Waits until the service has nothing more to send (I9), and checks what must hold then.
    ///
    /// - `healed`: how long it may take.
    /// - `in_flight`: letters that were in hand at all kills together: so many may have come twice.
    pub async fn check(&self, server: &Server, sink: &Sink, healed: Duration, in_flight: usize) -> Found {
        let incidents = self.incidents.lock().unwrap().clone();
        let answers = self.answers.lock().unwrap().clone();
        let mut kept = 0;
        let mut deliveries: BTreeMap<String, Value> = BTreeMap::new();
        for id in &incidents {
            let incident = Incident::known(&server.api, id);
            let recipients = until("every letter has an outcome", healed, async || {
                let all = incident.recipients().await;
                all.iter().all(has_ended).then_some(all)
            })
            .await;
            Self::nobody_is_forgotten(&recipients);
            failures_are_told(&incident, &recipients).await;
            board_is_true(server, &incident).await;
            kept += Self::answers_are_kept(&answers, &recipients);
            for recipient in &recipients {
                for delivery in recipient["deliveries"].as_array().expect("deliveries") {
                    let id = delivery["id"].as_str().expect("an id").to_owned();
                    deliveries.insert(id, delivery.clone());
                }
            }
        }
        assert_eq!(kept, answers.len(), "an answer belongs to no recipient any more");
        let found = sent_once(&sink.received(), &deliveries, in_flight);
        chains_hold(server).await;
        found
    }

    /// I1: whoever was to be told has a try on record, or a reason that can be read.
    fn nobody_is_forgotten(recipients: &[Value]) {
        assert!(!recipients.is_empty(), "a started incident has recipients");
        for recipient in recipients {
            let told =
                recipient["deliveries"].as_array().expect("deliveries").iter().any(|delivery| {
                    delivery["attempts"].as_i64() > Some(0) || delivery["reason"].is_string()
                });
            assert!(told, "nothing was tried and nothing is said about it: {recipient:#}");
        }
    }

    /// I4: an answer that was said to be stored is there, under the name of whoever gave it.
    fn answers_are_kept(answers: &BTreeMap<String, String>, recipients: &[Value]) -> usize {
        let mut found = 0;
        for recipient in recipients {
            for delivery in recipient["deliveries"].as_array().expect("deliveries") {
                let Some(said) = answers.get(delivery["id"].as_str().expect("an id")) else { continue };
                found += 1;
                assert_eq!(recipient["state"], "answered", "an answer is lost: {recipient:#}");
                assert_eq!(recipient["answer"]["option"], said.as_str(), "{recipient:#}");
                let (by, contact) =
                    (&recipient["answer"]["by"], delivery["contact"].as_str().expect("a contact"));
                let by = by.as_str().expect("by whom");
                assert_eq!(by, format!("contact:{contact}"), "attributed to somebody else: {recipient:#}");
            }
        }
        found
    }
}

/// I8: whoever waits has a next step, and every letter that did not arrive is told where people look.
async fn failures_are_told(incident: &Incident, recipients: &[Value]) {
    let mut failed = 0;
    for recipient in recipients {
        let waits = recipient["state"] == "waiting";
        assert!(!waits || recipient["next_step_at"].is_string(), "waits for nothing: {recipient:#}");
        let deliveries = recipient["deliveries"].as_array().expect("deliveries");
        let bad =
            |one: &&Value| ["refused", "given_up", "unknown"].iter().any(|state| one["state"] == *state);
        failed += deliveries.iter().filter(bad).count();
    }
    let lines = incident.chronology().await;
    let told = lines.iter().filter(|line| line["kind"] == "delivery").count();
    assert!(told >= failed, "{failed} letters did not arrive, and {told} lines tell of any");
}

/// I7: within so long after the fault the board shows what the database says.
const SHOWN: Duration = Duration::from_secs(2);

/// I7: the board has every recipient of the incident, stands out as its row in the database says, and names the moment
/// of its timer.
async fn board_is_true(server: &Server, incident: &Incident) {
    let raw = incident.id.split_once('_').expect("inc_…").1;
    until("the board shows what the database says", SHOWN, async || {
        let shown = server.api.get(&format!("/incidents/{}", incident.id)).await.expect(200).text;
        let rows = server.home.database().recipients(server.home.path(), raw).await;
        assert!(!rows.is_empty(), "the incident has recipients");
        let by_id: BTreeMap<&str, &str> = shown
            .split("<li class=\"row ")
            .skip(1)
            .filter_map(|row| Some((row.split("id=\"rcp_").nth(1)?.split('"').next()?, row)))
            .collect();
        let true_to = |(id, state, due): &(String, String, Option<i64>)| {
            let Some(row) = by_id.get(id.as_str()) else { return false };
            let class = row.split('"').next().unwrap_or_default();
            match state.as_str() {
                "to_decide" => class == "open decide",
                "waiting" => {
                    let named = |due: i64| row.contains(&format!("data-away=\"{due}\""));
                    matches!(class, "open" | "open alarm") && due.is_some_and(named)
                }
                // Somebody who was only to be informed, and was not, stands out.
                "informed" => matches!(class, "settled" | "open alarm"),
                _ => class == "settled",
            }
        };
        rows.iter().all(true_to).then_some(())
    })
    .await;
}

/// The delivery that a letter is.
fn delivery_of(letter: &Letter) -> &str {
    letter.message_id.split('@').next().unwrap_or_default()
}

fn has_ended(recipient: &Value) -> bool {
    let deliveries = recipient["deliveries"].as_array().expect("deliveries");
    let ended = |delivery: &Value| ENDED.iter().any(|state| delivery["state"] == *state);
    deliveries.iter().all(|delivery| delivery["via"] == "phone" || ended(delivery))
}

/// I2: each letter came once, or as often as a kill explains and then as the same letter; what is told to be with the
/// relay is with the relay. I6: nothing live is marked as a drill.
fn sent_once(letters: &[Letter], deliveries: &BTreeMap<String, Value>, in_flight: usize) -> Found {
    let mut copies: BTreeMap<&str, Vec<&Letter>> = BTreeMap::new();
    for letter in letters {
        let id = delivery_of(letter);
        if deliveries.contains_key(id) {
            copies.entry(id).or_default().push(letter);
            assert!(!letter.subject.contains("訓練"), "{}", letter.subject);
        }
    }
    for (id, delivery) in deliveries {
        let came = copies.get(id.as_str()).map_or(0, Vec::len);
        assert!(
            came > 0 || delivery["state"] != "accepted",
            "told to be with the relay, and is not: {delivery:#}"
        );
    }
    for same in copies.values() {
        assert!(same.iter().all(|letter| letter.to == same[0].to), "one letter, one address");
    }
    let letters = copies.len();
    let doubled = copies.values().map(|same| same.len() - 1).sum();
    assert!(doubled <= in_flight, "{doubled} of {letters} letters came twice, and {in_flight} were in hand");
    Found { letters, doubled }
}

/// I5: the chronology of every incident is whole and its chain of hashes holds, by the product's own command.
pub async fn chains_hold(server: &Server) {
    let printed = server.home.run(&["chronology", "verify"]).await.expect(0);
    assert!(!printed.out.is_empty());
}
