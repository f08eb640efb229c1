//! How the matter of a notice stands now, for whoever opens its letter, sooner or later; and its decision, where it asks
//! for one.

use noroshi_core::{
    incident::State as Incident, report::State as Report, task::State as Task, time::Timestamp,
};

use super::{super::decide::DecideForm, Asks, ErrandPage, settled, somebody_elses, text};
use crate::{
    app::App,
    operation::{
        OperationError, Work, closing, ending,
        errand::Matter,
        report::{self as reports, kind_of},
        role::{Opened, may_decide_by_link},
        scene::Scene,
    },
    store::{self, from_json},
    web::{page::when::When, problem::WebError},
};

/// What a decision about closing is called in the form.
const CLOSE: &str = "close";
const KEEP_OPEN: &str = "keep_open";

/// Tells how it stands, and asks what is still to be decided.
pub(super) async fn stand(
    page: &mut ErrandPage,
    app: &App,
    scene: &Scene,
    opened: &Opened,
    matter: &Matter,
    when: &When,
) -> Result<(), WebError> {
    let db = app.store.read();
    let words = page.words;
    page.path = matter.path(scene.id());
    let say = |key: &str, at: Option<i64>, name: &str| {
        let clock = at.map(|at| when.short(Timestamp(at))).unwrap_or_default();
        words.with(key, &[("clock", clock.into()), ("name", name.to_owned().into())])
    };
    page.standing = match matter {
        Matter::Hold if scene.is_waiting() => None,
        Matter::Hold => {
            page.path = format!("/incidents/{}", scene.id());
            let at = scene.incident.activated_at_ms;
            Some((words.get("errand-sent"), say("errand-sent-at", at, ""), true))
        }
        Matter::Task { id } => {
            let row = store::task::get(db, *id).await?;
            let by = row.settled_by.as_deref().unwrap_or_default();
            match Task::from_key(&row.state) {
                Some(Task::Done) => {
                    Some((words.get("errand-done"), say("errand-settled-by", row.settled_at_ms, by), true))
                }
                Some(Task::NotNeeded) => {
                    let said = say("errand-settled-by", row.settled_at_ms, by);
                    Some((words.get("errand-not-needed"), said, true))
                }
                _ => None,
            }
        }
        Matter::Report { id, missed } => {
            let row = store::report::get(db, *id).await?;
            match Report::from_key(&row.state) {
                Some(Report::Approved) => {
                    let by = row.approved_by.as_deref().unwrap_or_default();
                    let said = say("errand-settled-by", row.approved_at_ms, by);
                    Some((words.get("errand-report-out"), said, true))
                }
                Some(Report::Skipped) => Some(settled(words)),
                _ if *missed => {
                    let kind = kind_of(scene, &row)?;
                    let raised =
                        row.decider.as_ref().map(|json| from_json("report", id, json)).transpose()?;
                    let theirs = raised.as_ref().unwrap_or(&kind.if_missed.decide_to) == &opened.errand.role;
                    if row.decide_since_ms.is_none() {
                        Some((words.get("errand-put-off"), words.get("errand-put-off-why"), true))
                    } else if theirs && may_decide_by_link(scene, opened) {
                        let options =
                            kind.if_missed.options.iter().map(|option| {
                                (option.label.ja.clone(), option.label.get(words.0).to_owned())
                            });
                        page.asks = Asks::Decision(DecideForm {
                            options: options.collect(),
                            ..DecideForm::default()
                        });
                        None
                    } else {
                        Some(somebody_elses(words))
                    }
                }
                Some(Report::Submitted) => {
                    let by = row.written_by.as_deref().unwrap_or_default();
                    let said = say("errand-report-waits-by", row.written_at_ms, by);
                    Some((words.get("errand-report-waits"), said, true))
                }
                _ => None,
            }
        }
        Matter::Chair { key } => scene.role(key).filter(|row| row.person.is_some()).map(|row| {
            let name = row.name.as_ref().map(|name| text(name).get(words.0).to_owned()).unwrap_or_default();
            let said = say("errand-chair-taken-by", Some(row.since_ms), &name);
            (words.get("errand-chair-taken"), said, true)
        }),
        Matter::Closing if closing::waits_for_link(scene, opened) => {
            let option = |key: &str, label: &str| (key.to_owned(), words.get(label));
            page.asks = Asks::Decision(DecideForm {
                options: vec![option(CLOSE, "errand-close"), option(KEEP_OPEN, "errand-keep-open")],
                ..DecideForm::default()
            });
            None
        }
        Matter::Closing if scene.state() == Incident::Closing => Some(somebody_elses(words)),
        Matter::Closing => Some((words.get("errand-kept-open"), words.get("errand-kept-open-why"), true)),
        Matter::Review | Matter::Address { .. } => None,
    };
    Ok(())
}

/// Takes the decision that a notice asks for.
pub(super) async fn decide(
    work: Work<'_>,
    opened: &Opened,
    matter: &Matter,
    option: &str,
    note: &str,
) -> Result<(), OperationError> {
    match (matter, option) {
        (Matter::Report { id, missed: true }, _) => {
            let reply = async |_: &mut Work<'_>, _: &Scene, _: &entity::report::Model| Ok(String::new());
            reports::decide(work, *id, option, note, Some(opened), None, reply).await.map(drop)
        }
        (Matter::Closing, CLOSE) => ending::close_by_link(work, opened, note).await,
        (Matter::Closing, KEEP_OPEN) => closing::keep_open_by_link(work, opened).await,
        _ => Err(OperationError::invalid("option", "どちらかを選んでください", "choose one of the two")),
    }
}
