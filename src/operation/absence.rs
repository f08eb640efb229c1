//! When the whole service was away, every node of it: told on the boards and in the chronologies of the incidents that
//! ran meanwhile.

use noroshi_core::{
    id::IncidentId,
    text::{Language, Text},
    time::{Span, Timestamp},
};
use serde::{Deserialize, Serialize};
use tracing::info;
use uuid::Uuid;

use super::{Actor, OperationError, Work, letter, node, telling};
use crate::{
    app::App,
    store::{self, StoreError, from_json, to_json},
};

/// The setting that holds the latest of them.
const ABSENCES: &str = "absences";
/// So many are kept.
const KEPT: usize = 20;
/// An absence shorter than this is a restart.
const SHORT: Span = Span::seconds(30);

/// From when to when no node was alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Absence {
    /// The last sign of life before it.
    pub from: Timestamp,
    /// When the first node started again.
    pub to: Timestamp,
}

/// Notes the absence that ends with this start, if there was one. Gives those that are known, the latest last.
///
/// Of several nodes that start together the first one writes it.
pub async fn note(app: &App) -> Result<Vec<Absence>, OperationError> {
    let is_over = |alive: Timestamp, now: Timestamp| now - alive > SHORT;
    let db = app.store.read();
    if node::last_alive(db).await?.is_none_or(|alive| !is_over(alive, app.clock.now())) {
        return Ok(known(db).await?);
    }
    let mut work = Work::begin(app, Actor::system()).await?;
    let open: Vec<Uuid> = store::incident::open(&work.tx).await?.into_iter().map(|row| row.id).collect();
    work.enter(open.iter().copied()).await?;
    let mut absences = known(&work.tx).await?;
    let Some(from) = node::last_alive(&work.tx).await?.filter(|alive| is_over(*alive, work.now)) else {
        return Ok(absences);
    };
    if absences.last().is_some_and(|last| last.from == from) {
        return Ok(absences);
    }
    let absence = Absence { from, to: work.now };
    absences.push(absence);
    absences.drain(..absences.len().saturating_sub(KEPT));
    store::setting::put(&work.tx, ABSENCES, &to_json(&absences).to_string()).await?;
    for incident in open {
        let line = telling::line("absence", telling::service(), told(app, absence), work.now);
        work.line(IncidentId::new(incident), line);
    }
    work.commit().await?;
    let seconds = (absence.to - absence.from).0 / 1000;
    info!(seconds, "The service was away for {seconds} seconds; what fell due meanwhile is done now");
    Ok(absences)
}

async fn known(db: &impl sea_orm::ConnectionTrait) -> Result<Vec<Absence>, StoreError> {
    let Some(text) = store::setting::get(db, ABSENCES).await? else { return Ok(Vec::new()) };
    let json = serde_json::from_str(&text).unwrap_or_default();
    from_json("setting", ABSENCES, &json)
}

fn told(app: &App, Absence { from, to }: Absence) -> Text {
    let length = to - from;
    let from = |language| letter::clock_or_day(app, from, to, language);
    let (ja, en, to) = (from(Language::Ja), from(Language::En), letter::clock(app, to));
    Text::both(
        format!("{ja}から{to}まで（{length}）サービスが停止。期限の過ぎた手順と連絡を、重大度の順に実施"),
        format!(
            "The service was away from {en} to {to} ({length}); what is overdue is done in order of severity"
        ),
    )
}
