//! `/triggers`: what rang, what it led to, and why; and when the calendar rings next.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, HttpResponse, web::Data};
use askama::Template;
use noroshi_core::{
    id::{IncidentId, TriggerEventId},
    playbook::Source,
    time::Timestamp,
    trigger::name_of,
};

use super::{
    facts,
    frame::{Frame, Room},
    leave,
    line::Mode,
    when::Moment,
};
use crate::{
    app::App,
    operation::scene::text,
    store,
    web::{problem::WebError, session::Caller},
};

/// How many events are shown.
const SHOWN: u64 = 100;

/// What the page knows.
#[derive(Clone, Debug, Template)]
#[template(path = "page/triggers.html", config = "src/web/askama.toml")]
pub struct TriggersPage {
    /// What stands around it.
    pub frame: Frame,
    /// Scheduled triggers: playbook, when next.
    pub schedules: Vec<(String, String)>,
    /// Webhooks: where a program rings, the playbook, what is said of its secret, and whether that is well.
    pub hooks: Vec<(String, String, String, bool)>,
    /// Newest first.
    pub events: Vec<EventLine>,
}

/// One event.
#[derive(Clone, Debug)]
pub struct EventLine {
    /// `trg_…`
    pub id: String,
    /// When it was told.
    pub at: Moment,
    /// Day and clock.
    pub told: String,
    /// `jma.earthquake 20261124031400`
    pub source: String,
    /// Live or drill.
    pub mode: Mode,
    /// 予定より 2時間 遅れて, where it is.
    pub late: String,
    /// What it said, name and value.
    pub values: Vec<(String, String)>,
    /// What it led to.
    pub outcomes: Vec<OutcomeLine>,
}

/// What an event led to in one playbook.
#[derive(Clone, Debug)]
pub struct OutcomeLine {
    /// The playbook's title.
    pub playbook: String,
    /// What was decided, in words.
    pub word: String,
    /// Why.
    pub reason: String,
    /// Where the incident is.
    pub href: Option<String>,
}

/// `GET /triggers`.
pub async fn get(request: HttpRequest, app: Data<App>, caller: Caller) -> Result<HttpResponse, WebError> {
    let db = app.store.read();
    let frame = leave::frame(&request, &app, &caller, Room::Incidents).await?;
    let language = frame.words.0;
    let (mut titles, mut playbooks) = (BTreeMap::new(), BTreeMap::new());
    for row in store::playbook::all_latest(db).await? {
        titles.insert(row.key.clone(), text(&row.title).get(language).to_owned());
        playbooks.insert(row.key.clone(), app.library.playbook(db, row.id).await?);
    }
    let title = |key: &String| titles.get(key).cloned().unwrap_or_else(|| key.clone());
    let rows = store::trigger::list(db, None, SHOWN).await?;
    let outcomes = store::trigger::outcomes(db, rows.iter().map(|row| row.id).collect()).await?;
    let events = rows.into_iter().map(|row| {
        let own = outcomes.iter().filter(|outcome| outcome.trigger_event_id == row.id);
        EventLine {
            id: TriggerEventId::new(row.id).to_string(),
            at: frame.when.moment(Timestamp(row.recorded_at_ms)),
            told: frame.when.day_and_clock(Timestamp(row.recorded_at_ms)),
            source: format!("{} {}", row.source, row.event_id),
            mode: Mode::from_key(&row.mode).unwrap_or(Mode::Live),
            late: row
                .late_by_ms
                .map(|late| {
                    let span = frame.when.length(noroshi_core::time::Span(late));
                    frame.words.with("triggers-late", &[("span", span.into())])
                })
                .unwrap_or_default(),
            values: {
                let heard = own.clone().find_map(|outcome| playbooks.get(&outcome.playbook));
                let name = |name: String| match heard {
                    Some(playbook) => name_of(playbook, &name).get(language).to_owned(),
                    None => name,
                };
                facts::pairs(&row.content).into_iter().map(|(key, value)| (name(key), value)).collect()
            },
            outcomes: own
                .map(|outcome| OutcomeLine {
                    playbook: title(&outcome.playbook),
                    word: frame.words.get(&format!("triggers-{}", outcome.decision)),
                    reason: text(&outcome.reason).get(language).to_owned(),
                    href: outcome.incident_id.map(|id| format!("/incidents/{}", IncidentId::new(id))),
                })
                .collect(),
        }
    });
    let events = events.collect();
    let schedules = store::trigger::schedules(db).await?.into_iter().filter_map(|row| {
        let next = frame.when.day_and_clock(Timestamp(row.next_at_ms?));
        Some((title(&row.playbook), next))
    });
    let schedules = schedules.collect();
    let hooks = hooks(&app, &frame).await?;
    Ok(leave::html(&request, &TriggersPage { schedules, hooks, events, frame }))
}

/// The webhooks of the playbooks in force.
async fn hooks(app: &App, frame: &Frame) -> Result<Vec<(String, String, String, bool)>, WebError> {
    let db = app.store.read();
    let mut hooks = Vec::new();
    for row in store::playbook::all_latest(db).await? {
        let playbook = app.library.playbook(db, row.id).await?;
        for trigger in &playbook.triggers {
            let Some(hook) = trigger.webhook.as_ref().filter(|_| trigger.source == Source::Webhook) else {
                continue;
            };
            let ready = app.hooks.contains_key(&hook.secret.to_lowercase());
            let said = match ready {
                true => frame.words.get("triggers-hook-ready"),
                false => frame.named("triggers-hook-no-secret", &hook.secret),
            };
            let title = playbook.title.get(frame.words.0).to_owned();
            hooks.push((format!("/api/v1/hooks/{}", trigger.key), title, said, ready));
        }
    }
    Ok(hooks)
}

#[cfg(test)]
mod tests {
    use noroshi_core::text::Language;

    use super::{
        super::sample::{at, frame, keep},
        *,
    };

    #[test]
    fn what_rang_stands_beside_what_it_led_to_and_why() {
        for language in [Language::Ja, Language::En] {
            let frame = frame(language, Room::Incidents);
            let page = TriggersPage {
                hooks: vec![("/api/v1/hooks/gauge".into(), "水位".into(), "鍵がありません".into(), false)],
                schedules: vec![("通信確認".into(), "12月7日(月) 10:00".into())],
                events: vec![EventLine {
                    id: "trg_1".into(),
                    at: frame.when.moment(at("03:14:00")),
                    told: "11月24日(火) 03:14".into(),
                    source: "jma.earthquake 20261124031400".into(),
                    mode: Mode::Live,
                    late: String::new(),
                    values: vec![("max_intensity".into(), "6+".into())],
                    outcomes: vec![OutcomeLine {
                        playbook: "震度6強以上 初動対応".into(),
                        word: frame.words.get("triggers-hold"),
                        reason: "トリガー jma".into(),
                        href: Some("/incidents/inc_1".into()),
                    }],
                }],
                frame,
            };
            let html = keep(&format!("triggers-{}", language.key()), page.render().unwrap());
            assert!(html.contains("/incidents/inc_1") && html.contains("6+"));
        }
    }
}
