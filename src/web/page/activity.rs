//! `/incidents/{id}/channels/{cid}/activity-log`: a channel's talk as the activity log that the playbook names for it
//! (ICS 214: who took part, what was said and done, when), to be printed and filed.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Path},
};
use askama::Template;
use noroshi_core::{
    id::{ChannelId, IncidentId},
    time::Timestamp,
};

use super::{
    facts,
    frame::{Frame, Room},
    incident::{Head, Stage, Tab},
    leave::{frame_of, html},
    when::Moment,
};
use crate::{
    app::App,
    operation::scene::{Scene, text},
    store,
    web::{api::channel::members, body, problem::WebError, session::Caller},
};

/// What the page knows.
#[derive(Clone, Debug, Template)]
#[template(path = "page/activity.html", config = "src/web/askama.toml")]
pub struct ActivityPage {
    /// What stands around it.
    pub frame: Frame,
    /// The incident.
    pub head: Head,
    /// `chn_…`
    pub channel: String,
    /// The channel's title.
    pub title: String,
    /// The form that the playbook names: `ICS 214`.
    pub form: String,
    /// From its opening to its end, or to now.
    pub period: String,
    /// Who took part, in the order of the directory.
    pub people: Vec<String>,
    /// Oldest first.
    pub activities: Vec<Activity>,
}

/// One line.
#[derive(Clone, Debug)]
pub struct Activity {
    /// When.
    pub at: Moment,
    /// The day, where it is the first line of one.
    pub day: Option<String>,
    /// Who, with post.
    pub who: String,
    /// What was said or done.
    pub what: String,
}

/// `GET /incidents/{id}/channels/{cid}/activity-log`; 404 for a channel without one.
pub async fn get(
    request: HttpRequest,
    app: Data<App>,
    caller: Caller,
    path: Path<(String, String)>,
) -> Result<HttpResponse, WebError> {
    let id: IncidentId = path.0.parse().map_err(|_| WebError::NotFound)?;
    let cid: ChannelId = path.1.parse().map_err(|_| WebError::NotFound)?;
    let db = app.store.read();
    let row = store::channel::get(db, cid).await?;
    let scene = Scene::load(&app, db, id).await?;
    let plan = scene.playbook.channel(&row.key).filter(|_| row.incident_id == id.raw());
    let form = plan.and_then(|plan| plan.activity_log.as_ref()).ok_or(WebError::NotFound)?;
    let form = form.to_uppercase().replacen("ICS", "ICS ", 1);
    let language = body::language(&request);
    let office = scene.directory.office().get(language).to_owned();
    let frame = frame_of(&request, &app, &caller, Room::Incidents, office);
    let (from, to) = (scene.incident.opened_at_ms, scene.incident.ended_at_ms.unwrap_or(frame.when.now.0));
    let [from, to] = [from, to].map(|at| frame.when.day_and_clock(Timestamp(at)));
    let mut day = String::new();
    let mut activities = Vec::new();
    for message in store::channel::messages(db, cid, None, facts::ALL).await? {
        let at = Timestamp(message.at_ms);
        let its_day = frame.when.day(at);
        activities.push(Activity {
            at: frame.when.moment(at),
            day: (its_day != day).then(|| its_day.clone()),
            who: format!("{} {}", message.author_name, message.organisation).trim().to_owned(),
            what: text(&message.text).get(language).to_owned(),
        });
        day = its_day;
    }
    let people = members(&app, &scene, &row).await?.into_iter().map(|(_, name)| name).collect();
    let page = ActivityPage {
        head: facts::head(&app, &scene, &caller, &frame, Tab::Channels).await?,
        channel: cid.to_string(),
        title: text(&row.title).get(language).to_owned(),
        form,
        period: format!("{from} – {to}"),
        people,
        activities,
        frame,
    };
    Ok(html(&request, &page))
}
