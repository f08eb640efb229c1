//! Rosters: who is on duty now and in the days to come, and who stands in for whom.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Json, Path, Query},
};
use entity::roster_cover;
use noroshi_core::{
    directory::{
        Cover, Directory,
        roster::{Shift, Why},
    },
    id::CoverId,
    text::Text,
    time::{Span, Timestamp},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{Nothing, json, list::List, reply};
use crate::{
    app::App,
    operation::{Invalid, OperationError, Work, cover},
    store,
    web::{
        body::{Body, moment},
        problem::{ProblemDocument, WebError},
        session::Caller,
    },
};

/// A roster.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RosterView {
    /// Readable key.
    pub key: String,
    /// Title for people, where given.
    pub title: Option<String>,
    /// The zone of its wall times.
    pub zone: String,
    /// The people on duty now, covers included.
    pub on_duty: Vec<PersonName>,
    /// When others are on duty next.
    pub next_change: Option<String>,
    /// The days to come: the shifts abut.
    pub shifts: Vec<ShiftView>,
}

/// A person by key and name.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PersonName {
    /// Key in the directory.
    pub person: String,
    /// Name for people.
    pub name: String,
}

/// A time with the same people on duty.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ShiftView {
    /// Included.
    pub from: String,
    /// Not included.
    pub to: String,
    /// Nobody in a gap.
    pub people: Vec<PersonName>,
    /// `turn`, `override`, `gap`, or `cover` where somebody stands in.
    pub why: &'static str,
    /// The reason that was written down.
    pub because: Option<String>,
}

/// Which days.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Days {
    /// 1 to 92; 14 where absent.
    pub days: Option<i64>,
}

fn names(directory: &Directory, people: &[String]) -> Vec<PersonName> {
    let name =
        |key: &String| directory.people.get(key).map_or_else(|| key.clone(), |person| person.name.ja.clone());
    people.iter().map(|key| PersonName { person: key.clone(), name: name(key) }).collect()
}

/// Every roster with who is on duty now and in the days to come.
#[utoipa::path(get, path = "/api/v1/rosters", tag = "rosters", params(Days),
    responses((status = 200, body = List<RosterView>)))]
pub async fn list(app: Data<App>, days: Query<Days>) -> Result<Json<List<RosterView>>, WebError> {
    let Some(directory) = in_force(&app).await? else {
        return Ok(Json(List { items: Vec::new(), next: None }));
    };
    let rows = store::cover::standing(app.store.read()).await?;
    let now = app.clock.now();
    let to = now + Span::minutes(days.days.unwrap_or(14).clamp(1, 92) * 24 * 60);
    let view = |key: &String, title: &Option<Text>, zone: chrono_tz::Tz| {
        let covered = |shift: &Shift| {
            let covers = directory.covers_at(key, shift.from);
            covers.first().and_then(|cover| rows.iter().find(|row| store::cover::cover(row) == **cover))
        };
        let shifts = directory.shifts(key, now, to).into_iter().map(|shift| ShiftView {
            from: shift.from.rfc3339(zone),
            to: shift.to.rfc3339(zone),
            people: names(&directory, &shift.people),
            why: match shift.why {
                _ if covered(&shift).is_some() => "cover",
                Why::Turn => "turn",
                Why::Override => "override",
                Why::Gap => "gap",
            },
            because: covered(&shift)
                .map(|row| row.because.clone())
                .filter(|because| !because.is_empty())
                .or(shift.because.as_ref().map(|because| because.ja.clone())),
        });
        let on_duty: Vec<String> = directory.on_duty(key, now).into_iter().map(str::to_owned).collect();
        RosterView {
            key: key.clone(),
            title: title.as_ref().map(|title| title.ja.clone()),
            zone: zone.name().to_owned(),
            on_duty: names(&directory, &on_duty),
            next_change: directory.next_change([key.as_str()], now).map(|at| at.rfc3339(zone)),
            shifts: shifts.collect(),
        }
    };
    let items = directory.rosters.iter().map(|(key, roster)| view(key, &roster.title, roster.zone)).collect();
    Ok(Json(List { items, next: None }))
}

/// The directory in force, covers included.
pub async fn in_force(app: &App) -> Result<Option<std::sync::Arc<Directory>>, WebError> {
    let db = app.store.read();
    Ok(match store::directory::latest(db).await? {
        Some(version) => Some(app.library.directory(db, version.id).await?),
        None => None,
    })
}

/// Somebody stands in for somebody.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CoverView {
    /// `cov_…`
    pub id: String,
    /// On this roster alone; null is every roster of the absent person.
    pub roster: Option<String>,
    /// Who is away.
    pub absent: String,
    /// Who stands in.
    pub stand_in: String,
    /// Included.
    pub from: String,
    /// Not included.
    pub to: String,
    /// Why.
    pub because: String,
    /// Who wrote it down.
    pub made_by: String,
    /// When.
    pub made_at: String,
    /// When it was taken back.
    pub ended_at: Option<String>,
}

fn view(app: &App, row: &roster_cover::Model) -> CoverView {
    CoverView {
        id: CoverId::new(row.id).to_string(),
        roster: row.roster.clone(),
        absent: row.absent.clone(),
        stand_in: row.stand_in.clone(),
        from: moment(app, row.from_ms),
        to: moment(app, row.to_ms),
        because: row.because.clone(),
        made_by: row.made_by_name.clone(),
        made_at: moment(app, row.made_at_ms),
        ended_at: row.ended_at_ms.map(|at| moment(app, at)),
    }
}

/// The covers that are in force or to come.
#[utoipa::path(get, path = "/api/v1/covers", tag = "rosters", responses((status = 200, body = List<CoverView>)))]
pub async fn covers(app: Data<App>) -> Result<Json<List<CoverView>>, WebError> {
    let now = app.clock.now();
    let rows = store::cover::standing(app.store.read()).await?;
    let items = rows.iter().filter(|row| row.to_ms > now.0).map(|row| view(&app, row)).collect();
    Ok(Json(List { items, next: None }))
}

/// Who stands in for whom, and when.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CoverRequest {
    /// Key of a roster; absent is every roster of the absent person.
    pub roster: Option<String>,
    /// Key of the person who is away.
    pub absent: String,
    /// Key of the person who stands in.
    pub stand_in: String,
    /// RFC 3339 with offset.
    pub from: String,
    /// RFC 3339 with offset, not included.
    pub to: String,
    /// Why.
    #[serde(default)]
    pub because: String,
}

/// Writes down that somebody stands in for somebody, from now on and everywhere.
#[utoipa::path(post, path = "/api/v1/covers", tag = "rosters", request_body = CoverRequest,
    params(("Idempotency-Key" = Option<String>, Header)),
    responses((status = 201, body = CoverView), (status = 422, body = ProblemDocument)))]
pub async fn add(
    request: HttpRequest,
    app: Data<App>,
    caller: Caller,
    body: Body<CoverRequest>,
) -> Result<HttpResponse, WebError> {
    let once = body.once(&request, &caller)?;
    let wish = body.value;
    let mut invalid = Vec::new();
    let mut time = |path: &str, text: &str| {
        Timestamp::parse_rfc3339(text).unwrap_or_else(|| {
            invalid.push(Invalid::new(
                path,
                "時刻は 2026-11-24T08:30:00+09:00 のように書いてください",
                "write times like 2026-11-24T08:30:00+09:00",
            ));
            Timestamp::default()
        })
    };
    let (from, to) = (time("from", &wish.from), time("to", &wish.to));
    let cover = Cover { roster: wish.roster, absent: wish.absent, stand_in: wish.stand_in, from, to };
    if !invalid.is_empty() {
        // What else is wrong is said with it.
        if let Some(directory) = in_force(&app).await? {
            let found = directory.conflicts(&cover, app.clock.now());
            let others = found.into_iter().filter(|(path, _)| !matches!(*path, "from" | "to"));
            invalid.extend(others.map(|(path, detail)| Invalid { path: path.to_owned(), detail }));
        }
        return Err(OperationError::Invalid(invalid).into());
    }
    let work = Work::begin(&app, caller.actor).await?;
    let done = cover::add(work, cover, &wish.because, once.as_ref(), |row| json(&view(&app, row))).await?;
    Ok(reply(done))
}

/// Takes a cover back.
#[utoipa::path(post, path = "/api/v1/covers/{id}/end", tag = "rosters", request_body = Nothing,
    params(("id" = String, Path, description = "cov_…"), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = CoverView), (status = 409, body = ProblemDocument)))]
pub async fn end(
    request: HttpRequest,
    app: Data<App>,
    caller: Caller,
    id: Path<String>,
    body: Body<Nothing>,
) -> Result<HttpResponse, WebError> {
    let once = body.once(&request, &caller)?;
    let id: CoverId = id.parse().map_err(|_| WebError::NotFound)?;
    let work = Work::begin(&app, caller.actor).await?;
    let done = cover::end(work, id, once.as_ref(), |row| json(&view(&app, row))).await?;
    Ok(reply(done))
}
