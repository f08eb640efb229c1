//! One incident as the API tells it.

use std::time::Duration;

use noroshi_core::time::Timestamp;
use serde_json::{Value, json};

use super::{
    client::{Api, Reply},
    wait::until,
};

/// An incident that the test has started.
#[derive(Clone, Debug)]
pub struct Incident {
    /// `inc_…`
    pub id: String,
    api: Api,
}

impl Incident {
    /// Starts the playbook of this key, `live` or `drill`, with nothing but its defaults.
    pub async fn start(api: &Api, playbook: &str, mode: &str) -> Self {
        Self::start_with(api, &json!({ "playbook": playbook, "mode": mode, "variables": {} })).await
    }

    /// Starts one with this body.
    pub async fn start_with(api: &Api, body: &Value) -> Self {
        Self::of(api, &api.post("/api/v1/incidents", body).await.expect(201))
    }

    /// One that is known by its id.
    pub fn known(api: &Api, id: &str) -> Self {
        Self { id: id.to_owned(), api: api.clone() }
    }

    /// The incident that an answer to a start speaks of.
    #[track_caller]
    pub fn of(api: &Api, started: &Reply) -> Self {
        let id = started.json()["id"].as_str().expect("a started incident has an id").to_owned();
        Self { id, api: api.clone() }
    }

    /// A path below this incident in the API.
    pub fn path(&self, tail: &str) -> String {
        format!("/api/v1/incidents/{}{tail}", self.id)
    }

    /// The incident itself.
    pub async fn whole(&self) -> Value {
        self.api.get(&self.path("")).await.expect(200).json()
    }

    /// Every recipient of every alert.
    pub async fn recipients(&self) -> Vec<Value> {
        self.api.list(&self.path("/recipients")).await
    }

    /// The recipients of one alert, by its key in the playbook.
    pub async fn recipients_of(&self, alert: &str) -> Vec<Value> {
        self.recipients().await.into_iter().filter(|recipient| recipient["alert"] == alert).collect()
    }

    /// One agency as recipient of one alert.
    pub async fn recipient(&self, alert: &str, agency: &str) -> Value {
        let all = self.recipients_of(alert).await;
        let found = all.iter().find(|recipient| recipient["agency"] == agency);
        found.unwrap_or_else(|| panic!("no recipient {agency} of {alert} among {all:#?}")).clone()
    }

    /// Waits until `holds` is true of one recipient, and gives it as it then was.
    pub async fn recipient_until(
        &self,
        alert: &str,
        agency: &str,
        what: &str,
        deadline: Duration,
        holds: impl Fn(&Value) -> bool,
    ) -> Value {
        until(&format!("{agency} of {alert} {what}"), deadline, async || {
            let all = self.recipients_of(alert).await;
            all.into_iter().find(|recipient| recipient["agency"] == agency && holds(recipient))
        })
        .await
    }

    /// Waits until one recipient is in this state.
    pub async fn in_state(&self, alert: &str, agency: &str, state: &str, deadline: Duration) -> Value {
        let what = format!("is {state}");
        self.recipient_until(alert, agency, &what, deadline, |recipient| recipient["state"] == state).await
    }

    /// Every line of the chronology, in order.
    pub async fn chronology(&self) -> Vec<Value> {
        self.api.list(&self.path("/chronology")).await
    }

    /// The texts of the chronology, one line each.
    pub async fn chronology_text(&self) -> String {
        let lines = self.chronology().await;
        lines
            .iter()
            .map(|line| format!("{} {} → {}: {}\n", line["kind"], line["from"], line["to"], line["text"]))
            .collect()
    }

    /// Every task.
    pub async fn tasks(&self) -> Vec<Value> {
        self.api.list(&self.path("/tasks")).await
    }

    /// The newest task of this key in the playbook.
    pub async fn task(&self, key: &str) -> Value {
        let all = self.tasks().await;
        let found = all.iter().rfind(|task| task["key"] == key);
        found.unwrap_or_else(|| panic!("no task {key} among {all:#?}")).clone()
    }

    /// Waits until `holds` is true of the newest task of this key, and gives it as it then was.
    pub async fn task_until(
        &self,
        key: &str,
        what: &str,
        deadline: Duration,
        holds: impl Fn(&Value) -> bool,
    ) -> Value {
        until(&format!("the task {key} {what}"), deadline, async || {
            let all = self.tasks().await;
            all.into_iter().rfind(|task| task["key"] == key).filter(&holds)
        })
        .await
    }

    /// Says something about a task.
    pub async fn change(&self, task: &Value, body: &Value) -> Reply {
        let path = format!("/api/v1/tasks/{}", task["id"].as_str().expect("an id"));
        let headers = [("content-type", "application/json")];
        self.api.send("PATCH", &path, &headers, Some(body.to_string())).await
    }

    /// Every report.
    pub async fn reports(&self) -> Vec<Value> {
        self.api.list(&self.path("/reports")).await
    }

    /// Waits until `holds` is true of the report of this number, and gives it as it then was.
    pub async fn report_until(
        &self,
        number: i64,
        what: &str,
        deadline: Duration,
        holds: impl Fn(&Value) -> bool,
    ) -> Value {
        until(&format!("report {number} {what}"), deadline, async || {
            self.reports().await.into_iter().find(|report| report["number"] == number).filter(&holds)
        })
        .await
    }

    /// Somebody takes a role, by a word on the telephone that is typed in.
    pub async fn accept(&self, role: &str, person: &str) {
        let path = self.path(&format!("/roles/{role}/accept"));
        self.api.post(&path, &json!({ "person": person })).await.expect(200);
    }

    /// Nobody takes a role that only this person could: it is vacant.
    pub async fn vacate(&self, role: &str, person: &str) {
        let path = self.path(&format!("/roles/{role}/decline"));
        self.api.post(&path, &json!({ "person": person })).await.expect(200);
    }

    /// Closes it.
    pub async fn close(&self, reason: &str) -> Reply {
        self.api.post(&self.path("/close"), &json!({ "reason": reason })).await
    }

    /// Cancels it.
    pub async fn cancel(&self, reason: &str) -> Reply {
        self.api.post(&self.path("/cancel"), &json!({ "reason": reason })).await
    }
}

/// A moment of the API in milliseconds since 1970.
#[track_caller]
pub fn moment(value: &Value) -> i64 {
    let text = value.as_str().unwrap_or_else(|| panic!("{value} is no moment"));
    Timestamp::parse_rfc3339(text).unwrap_or_else(|| panic!("{text} is not RFC 3339 with an offset")).0
}
