//! `/incidents/{id}/roles/{key}`: one chair. Who sits there, who is asked until when; take it, decline, offer, hand
//! over, release.

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Path},
};
use askama::Template;
use entity::incident_role;
use noroshi_core::{
    id::IncidentId,
    rights::{Action, may},
    role::Asked,
    time::Timestamp,
};

use super::{
    facts,
    frame::{Frame, Room},
    incident::{Head, Stage, Tab},
    leave::{frame_of, html, html_with, see},
    mark::Mark,
};
use crate::{
    app::App,
    operation::{
        OperationError, Work,
        role::{self, Deed},
        scene::{Scene, text},
    },
    store::from_json,
    web::{
        body::{self, Posted},
        problem::WebError,
        session::Caller,
    },
};

/// A chair on the board: one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChairLine {
    /// Readable key.
    pub key: String,
    /// 本部長
    pub title: String,
    /// 佐藤, 空席, 佐藤に打診中（03:51まで）
    pub words: String,
    /// Whether somebody has accepted.
    pub held: bool,
    /// Nobody sits there and nobody is asked.
    pub vacant: bool,
}

impl ChairLine {
    /// Says how a chair stands.
    pub fn of(scene: &Scene, row: &incident_role::Model, frame: &Frame) -> Self {
        let words = frame.words;
        let name = |json: &Option<serde_json::Value>| {
            json.as_ref().map(|name| text(name).get(words.0).to_owned()).unwrap_or_default()
        };
        let until = row.offer_until_own_ms.and_then(|until| scene.timeline.real_time_of(Timestamp(until)));
        let asked = |key: &str| {
            let clock = until.map(|until| frame.when.short(until)).unwrap_or_default();
            words.with(key, &[("name", name(&row.offered_name).into()), ("clock", clock.into())])
        };
        let told = match row.state.as_str() {
            "accepted" => name(&row.name),
            "handing_over" => format!("{}{}", name(&row.name), asked("role-handing-over")),
            "offered" => asked("role-offered"),
            _ => words.get("role-empty"),
        };
        Self {
            key: row.key.clone(),
            title: text(&row.title).get(words.0).to_owned(),
            words: told,
            held: row.person.is_some(),
            vacant: row.state == "vacant",
        }
    }
}

/// What the page knows.
#[derive(Clone, Debug, Template)]
#[template(path = "page/role.html", config = "src/web/askama.toml")]
pub struct RolePage {
    /// What stands around it.
    pub frame: Frame,
    /// The incident.
    pub head: Head,
    /// How it stands.
    pub chair: ChairLine,
    /// Since when it has been held, or empty: in words.
    pub since: String,
    /// Who was asked in vain, in order.
    pub in_vain: Vec<String>,
    /// What this person may do.
    pub may: May,
    /// The people to ask, those of `fill` who are on duty first: key, name.
    pub people: Vec<(String, String)>,
    /// What is wrong with what was sent.
    pub problem: Option<String>,
}

/// What somebody may do with a chair.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct May {
    /// Take it in one's own name.
    pub accept: bool,
    /// Decline an offer to oneself.
    pub decline: bool,
    /// Type in what the person who is asked has said by telephone: their key and name.
    pub by_telephone: Option<(String, String)>,
    /// Ask somebody; of a held chair it is a handing over.
    pub ask: bool,
    /// Give it up.
    pub release: bool,
}

/// `GET /incidents/{id}/roles/{key}`.
pub async fn get(
    request: HttpRequest,
    app: Data<App>,
    caller: Caller,
    path: Path<(String, String)>,
) -> Result<HttpResponse, WebError> {
    Ok(html(&request, &page(&request, &app, &caller, &path).await?))
}

/// `POST /incidents/{id}/roles/{key}`: `deed` is one of the API's verbs.
pub async fn post(
    request: HttpRequest,
    app: Data<App>,
    caller: Caller,
    path: Path<(String, String)>,
    form: Posted,
) -> Result<HttpResponse, WebError> {
    let id: IncidentId = path.0.parse().map_err(|_| WebError::NotFound)?;
    let value = |name: &str| form.get(name).unwrap_or_default().to_owned();
    let person = form.get("person").filter(|person| !person.is_empty()).map(str::to_owned);
    let deed = match form.get("deed").unwrap_or_default() {
        "accept" => Deed::Accept { person },
        "decline" => Deed::Decline { person },
        "offer" => Deed::Offer { to: value("to") },
        "hand-over" => Deed::HandOver { to: value("to") },
        "release" => Deed::Release,
        _ => return Err(WebError::NotFound),
    };
    let work = Work::begin(&app, caller.actor.clone()).await?;
    let (status, problem) = match role::act(work, id, &path.1, deed, None, |_, _| String::new()).await {
        Ok(_) => return Ok(see(&format!("/incidents/{id}/roles/{}", path.1))),
        Err(OperationError::Invalid(found)) => {
            (StatusCode::UNPROCESSABLE_ENTITY, found.into_iter().next().map(|invalid| invalid.detail))
        }
        Err(OperationError::Closed(text)) => (StatusCode::CONFLICT, Some(text)),
        Err(error) => return Err(error.into()),
    };
    let mut page = page(&request, &app, &caller, &path).await?;
    page.problem = problem.map(|problem| problem.get(page.frame.words.0).to_owned());
    Ok(html_with(&request, status, &page))
}

async fn page(
    request: &HttpRequest,
    app: &App,
    caller: &Caller,
    (id, key): &(String, String),
) -> Result<RolePage, WebError> {
    let id: IncidentId = id.parse().map_err(|_| WebError::NotFound)?;
    let scene = Scene::load(app, app.store.read(), id).await?;
    let language = body::language(request);
    let office = scene.directory.office().get(language).to_owned();
    let frame = frame_of(request, app, caller, Room::Incidents, office);
    let row = scene.role(key).ok_or(WebError::NotFound)?;
    let name = |person: &str| {
        let found = scene.directory.people.get(person);
        found.map_or_else(|| person.to_owned(), |person| person.name.get(language).to_owned())
    };
    let fill = scene.who().fill(key, frame.when.now);
    let mut people = fill.clone();
    people.extend(
        scene
            .directory
            .people
            .iter()
            .filter(|(key, person)| person.human && !fill.contains(key))
            .map(|(key, _)| key.clone()),
    );
    people.retain(|person| row.person.as_ref() != Some(person) && row.offered_to.as_ref() != Some(person));
    let asked: Vec<Asked> = from_json("role", key, &row.asked)?;
    let rights = |action, named| caller.actor.role.is_some_and(|role| may(role, action, named));
    let seats = rights(Action::Seat, role::may_seat(&scene, key, &caller.actor, frame.when.now));
    let mine = |person: &String| caller.actor.is_person(person);
    let offered = row.offered_to.as_ref().is_some_and(mine);
    let free =
        row.person.is_none() && (fill.iter().any(mine) || asked.iter().any(|asked| mine(&asked.person)));
    let talks = rights(Action::Talk, false) && scene.is_open();
    let by_telephone = row.offered_to.as_deref().filter(|_| talks && !offered);
    let since = frame.when.short(Timestamp(row.since_ms));
    Ok(RolePage {
        head: facts::head(app, &scene, caller, &frame, Tab::Board).await?,
        chair: ChairLine::of(&scene, row, &frame),
        since: frame.words.with("role-since", &[("clock", since.into())]),
        in_vain: asked.iter().map(|asked| name(&asked.person)).collect(),
        may: May {
            accept: talks && (offered || free),
            decline: talks && offered,
            by_telephone: by_telephone.map(|person| (person.to_owned(), name(person))),
            ask: seats && scene.is_open(),
            release: seats && scene.is_open() && row.person.is_some(),
        },
        people: people.iter().map(|person| (person.clone(), name(person))).collect(),
        problem: None,
        frame,
    })
}

#[cfg(test)]
mod tests {
    use noroshi_core::text::Language;

    use super::{
        super::sample::{frame, head, keep},
        *,
    };

    #[test]
    fn a_chair_says_how_it_stands_and_offers_what_one_may_do() {
        for (name, language, drill, may, held, words) in [
            (
                "offered-ja",
                Language::Ja,
                false,
                May { accept: true, decline: true, ..May::default() },
                false,
                "佐藤（例）に打診中（03:57まで）",
            ),
            (
                "held-ja",
                Language::Ja,
                true,
                May { ask: true, release: true, ..May::default() },
                true,
                "佐藤（例）",
            ),
            (
                "vacant-en",
                Language::En,
                false,
                May { ask: true, by_telephone: Some(("p_ito".into(), "Ito".into())), ..May::default() },
                false,
                "Vacant",
            ),
        ] {
            let page = RolePage {
                frame: frame(language, Room::Incidents),
                head: head(language, drill, Tab::Board),
                chair: ChairLine {
                    key: "incident_commander".into(),
                    title: "本部長（指揮）".into(),
                    words: words.into(),
                    held,
                    vacant: name.starts_with("vacant"),
                },
                since: "03:47から".into(),
                in_vain: vec!["鈴木（例）".into()],
                people: vec![("p_tanaka".into(), "田中（例）".into()), ("p_ito".into(), "伊藤（例）".into())],
                problem: None,
                may: may.clone(),
            };
            let html = keep(&format!("role-{name}"), page.render().unwrap());
            assert!(!html.contains("style="));
            assert_eq!(html.contains("value=\"accept\""), may.accept || may.by_telephone.is_some());
            assert_eq!(html.contains("value=\"release\""), may.release);
            assert_eq!(html.contains("value=\"hand-over\""), may.ask && held);
        }
    }
}
