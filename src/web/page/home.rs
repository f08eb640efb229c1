//! `/`: what waits for me, what is open, what can be started, whether the service is well.

use actix_web::{HttpRequest, HttpResponse, web::Data};
use askama::Template;
use entity::{incident, recipient};
use noroshi_core::{
    id::{AlertId, IncidentId, RecipientId},
    incident::State,
    playbook::{Playbook, Urgency},
    rights::{Action, may},
    text::DRILL_MARK,
    time::Timestamp,
};

use super::{
    duty::Desk,
    facts,
    frame::{Frame, Room},
    leave,
    line::{Line, Mode},
    mark::Mark,
    roster, start,
};
use crate::{
    app::App,
    operation::{
        hold, role,
        scene::{Scene, text},
    },
    store,
    web::{api, problem::WebError, session::Caller},
};

/// What the home page knows.
#[derive(Clone, Debug, Template)]
#[template(path = "page/home.html", config = "src/web/askama.toml")]
pub struct HomePage {
    /// What stands around it.
    pub frame: Frame,
    /// Decisions, offered roles, calls that this person is asked for.
    pub mine: Vec<Line>,
    /// Open incidents, live ones first.
    pub open: Vec<Line>,
    /// Playbooks that can be started.
    pub playbooks: Vec<Line>,
    /// Whether everything is well.
    pub well: bool,
    /// The service's health in one sentence.
    pub health: String,
}

/// `/incidents`: all of them.
#[derive(Clone, Debug, Template)]
#[template(path = "page/incidents.html", config = "src/web/askama.toml")]
pub struct IncidentsPage {
    /// What stands around it.
    pub frame: Frame,
    /// Open ones, live ones first.
    pub open: Vec<Line>,
    /// Those that are over, newest first.
    pub over: Vec<Line>,
}

/// `GET /`.
pub async fn get(request: HttpRequest, app: Data<App>, caller: Caller) -> Result<HttpResponse, WebError> {
    let db = app.store.read();
    let frame = leave::frame(&request, &app, &caller, Room::Home).await?;
    let mut mine = Vec::new();
    let mut open = Vec::new();
    for row in store::incident::in_states(db, &State::WAITING).await? {
        let scene = Scene::of(&app, db, row).await?;
        mine.extend(waiting(&app, &scene, &caller, &frame));
        open.push(incident_line(&app, &scene, &[], &frame));
    }
    for row in store::incident::open(db).await? {
        let scene = Scene::of(&app, db, row).await?;
        let rows = store::recipient::of_incident(db, scene.id(), None, facts::ALL).await?;
        mine.extend(closing(&scene, &caller, &frame));
        mine.extend(decisions(&app, &scene, &rows, &caller, &frame).await?);
        mine.extend(chairs(&scene, &caller, &frame));
        let tasks = store::task::of_incident(db, scene.id()).await?;
        let reports = store::report::of_incident(db, scene.id()).await?;
        let desk = Desk { scene: &scene, frame: &frame, caller: &caller };
        mine.extend(desk.mine(&tasks, &reports, &title_of(&scene, &frame)));
        open.push(incident_line(&app, &scene, &rows, &frame));
    }
    for row in store::incident::reviews_due(db, frame.when.now).await? {
        if caller.actor.role.is_some_and(|role| may(role, Action::Close, false)) {
            mine.push(review(&row, &frame));
        }
    }
    if caller.actor.role.is_some_and(|role| may(role, Action::Cover, false))
        && let Some(directory) = api::roster::in_force(&app).await?
    {
        mine.extend(roster::gap_lines(&directory, &frame));
    }
    // What is real stands before what is practised.
    open.sort_by_key(|line| line.mode.is_some_and(Mode::is_drill));
    let playbooks = playbooks(&app, &frame).await?;
    let troubles = facts::troubles(&app, &frame).await?;
    let mail = app.transports.get("mail").is_some();
    let well = troubles.is_empty() && mail;
    let clock = frame.clock();
    let health = match troubles.into_iter().next() {
        Some(trouble) => trouble,
        None if !mail => frame.words.get("status-relay-none"),
        None => frame.words.with("status-healthy", &[("clock", clock.into())]),
    };
    Ok(leave::html(&request, &HomePage { frame, mine, open, playbooks, well, health }))
}

/// `GET /incidents`.
pub async fn incidents(
    request: HttpRequest,
    app: Data<App>,
    caller: Caller,
) -> Result<HttpResponse, WebError> {
    let db = app.store.read();
    let frame = leave::frame(&request, &app, &caller, Room::Incidents).await?;
    let (mut open, mut over) = (Vec::new(), Vec::new());
    for row in store::incident::list(db, None, 200).await? {
        let rows = store::recipient::of_incident(db, IncidentId::new(row.id), None, facts::ALL).await?;
        let scene = Scene::of(&app, db, row).await?;
        let line = incident_line(&app, &scene, &rows, &frame);
        if scene.state().is_over() { over.push(line) } else { open.push(line) }
    }
    open.sort_by_key(|line| line.mode.is_some_and(Mode::is_drill));
    Ok(leave::html(&request, &IncidentsPage { frame, open, over }))
}

/// Decisions that are due and that this person may take.
async fn decisions(
    app: &App,
    scene: &Scene,
    rows: &[recipient::Model],
    caller: &Caller,
    frame: &Frame,
) -> Result<Vec<Line>, WebError> {
    let language = frame.words.0;
    let mut lines = Vec::new();
    for row in rows.iter().filter(|row| row.state == "to_decide") {
        let rule =
            store::alert::rule(&store::alert::get(app.store.read(), AlertId::new(row.alert_id)).await?)?;
        let raised = row.decider.as_ref().and_then(|json| serde_json::from_value(json.clone()).ok());
        let Some(party) = raised.as_ref().or(rule.decider()) else { continue };
        let theirs = scene.is_theirs(party, &caller.actor, frame.when.now);
        if !caller.actor.role.is_some_and(|role| may(role, Action::Decide, theirs)) {
            continue;
        }
        let since = row.decide_since_ms.map(|at| frame.when.since(Timestamp(at))).unwrap_or_default();
        lines.push(Line {
            mark: Some(Mark::Decide),
            href: format!("/incidents/{}/recipients/{}#decide", scene.id(), RecipientId::new(row.id)),
            words: frame
                .words
                .with("home-decide", &[("name", text(&row.name).get(language).to_owned().into())]),
            detail: format!("{}　{}", title_of(scene, frame), scene.party_name(party).get(language)),
            end: frame.words.with("wait-elapsed", &[("span", since.into())]),
            mode: None,
        });
    }
    Ok(lines)
}

/// What a trigger has opened, for those who decide about it.
fn waiting(app: &App, scene: &Scene, caller: &Caller, frame: &Frame) -> Option<Line> {
    let parties = hold::duty(&scene.playbook, scene.incident.trigger_key.as_deref());
    let people = parties.iter().flat_map(|party| scene.people(party, frame.when.now));
    let named = people.into_iter().any(|person| caller.actor.is_person(&person));
    caller.actor.role.filter(|role| may(*role, Action::Start, named))?;
    let line = incident_line(app, scene, &[], frame);
    Some(Line {
        mark: Some(Mark::Decide),
        words: frame.named("hold-waits", &title_of(scene, frame)),
        mode: None,
        ..line
    })
}

/// Closing is proposed, for whoever approves it.
fn closing(scene: &Scene, caller: &Caller, frame: &Frame) -> Option<Line> {
    let detail = facts::proposal(scene, frame)?;
    let approver = scene.playbook.close.approve.as_ref();
    let named = approver.is_some_and(|role| scene.holds(role, &caller.actor, frame.when.now));
    caller.actor.role.filter(|role| may(*role, Action::Close, named))?;
    Some(Line {
        mark: Some(Mark::Decide),
        href: format!("/incidents/{}/close", scene.id()),
        words: frame.named("home-closing", &title_of(scene, frame)),
        detail,
        ..Line::default()
    })
}

/// A look back that is due.
fn review(row: &incident::Model, frame: &Frame) -> Line {
    let day = row.review_due_ms.map(|at| frame.when.day(Timestamp(at))).unwrap_or_default();
    Line {
        mark: Some(Mark::Late),
        href: format!("/incidents/{}#review", IncidentId::new(row.id)),
        words: frame.named("home-review", &title(row, frame)),
        detail: frame.words.with("home-review-due", &[("day", day.into())]),
        ..Line::default()
    }
}

/// Roles that are offered to this person, and empty ones that they may fill.
fn chairs(scene: &Scene, caller: &Caller, frame: &Frame) -> Vec<Line> {
    let words = frame.words;
    let mut lines = Vec::new();
    for row in &scene.roles {
        let role = text(&row.title).get(words.0).to_owned();
        let line = |mark, key: &str, detail: String, end: &str| Line {
            mark: Some(mark),
            href: format!("/incidents/{}/roles/{}", scene.id(), row.key),
            words: words.with(key, &[("role", role.clone().into())]),
            detail,
            end: words.get(end),
            mode: None,
        };
        let incident = title_of(scene, frame);
        if row.offered_to.as_deref().is_some_and(|person| caller.actor.is_person(person)) {
            let until = row.offer_until_own_ms.map(Timestamp).and_then(|at| scene.timeline.real_time_of(at));
            let clock = until.map(|at| frame.when.short(at)).unwrap_or_default();
            let detail =
                words.with("home-offer-until", &[("title", incident.into()), ("clock", clock.into())]);
            lines.push(line(Mark::Wait, "home-offer", detail, "home-offer-go"));
        } else if row.state == "vacant" {
            let named = role::may_seat(scene, &row.key, &caller.actor, frame.when.now);
            if caller.actor.role.is_some_and(|role| may(role, Action::Seat, named)) {
                lines.push(line(Mark::Silent, "home-vacant", incident, "home-vacant-go"));
            }
        }
    }
    lines
}

/// 事案12 青葉県沖地震
fn title(row: &incident::Model, frame: &Frame) -> String {
    titled(row, &row.title, frame)
}

/// The title in the reader's language, with its number.
fn title_of(scene: &Scene, frame: &Frame) -> String {
    titled(&scene.incident, scene.title(frame.words.0), frame)
}

fn titled(row: &incident::Model, title: &str, frame: &Frame) -> String {
    let plain = title.replace(DRILL_MARK, "");
    let number = frame.count("head-number", usize::try_from(row.number).unwrap_or_default());
    let mark = if row.mode == "drill" { frame.words.get("drill-mark") } else { String::new() };
    format!("{mark}{number} {plain}")
}

/// How long it waits still, or that it waits for a person.
fn waits(row: &incident::Model, frame: &Frame) -> String {
    match (row.state.as_str(), row.on_hold_timeout.as_deref(), row.hold_until_ms) {
        ("held", Some("send"), Some(until)) => {
            let away = frame.when.moment(Timestamp(until)).away;
            frame.words.with("home-held", &[("span", away.into())])
        }
        ("held", ..) => frame.words.get("home-held-suggest"),
        _ => frame.words.get("home-proposed"),
    }
}

fn incident_line(app: &App, scene: &Scene, recipients: &[recipient::Model], frame: &Frame) -> Line {
    let (row, words) = (&scene.incident, frame.words);
    let drill = row.mode == "drill";
    let opened = Timestamp(row.opened_at_ms);
    let count =
        |states: &[&str]| recipients.iter().filter(|row| states.contains(&row.state.as_str())).count();
    let asked = recipients.len() - count(&["informed"]);
    let answered =
        recipients.iter().filter(|row| row.state == "answered" || row.acked_at_ms.is_some()).count();
    let waiting = State::from_key(&row.state).is_some_and(State::is_waiting);
    let opened = row.activated_at_ms.map_or(opened, Timestamp);
    let detail = match row.ended_at_ms {
        None if waiting => waits(row, frame),
        None => {
            let since = words.with(
                "home-since",
                &[("clock", frame.when.short(opened).into()), ("span", frame.when.since(opened).into())],
            );
            let tally = words.with("board-tally", &[("answered", answered.into()), ("asked", asked.into())]);
            let due = frame.count("home-deciding", count(&["to_decide"]));
            [since, tally, due].join(&words.get("list-join"))
        }
        Some(ended) => {
            let key = match row.state.as_str() {
                "cancelled" => "home-cancelled",
                "merged" => "home-merged",
                _ => "home-closed",
            };
            words.with(key, &[("clock", frame.when.short(Timestamp(ended)).into())])
        }
    };
    let detail = match scene.apart(words.0, app) {
        Some(value) => [value, detail].join(&words.get("list-join")),
        None => detail,
    };
    Line {
        mark: Some(if row.ended_at_ms.is_some() { Mark::Rest } else { Mark::Fire }),
        href: format!("/incidents/{}", IncidentId::new(row.id)),
        words: title_of(scene, frame),
        detail,
        end: String::new(),
        mode: Some(if drill { Mode::Drill } else { Mode::Live }),
    }
}

/// Those in force, the most urgent ones first: nobody looks for an earthquake behind the monthly check.
async fn playbooks(app: &App, frame: &Frame) -> Result<Vec<Line>, WebError> {
    let db = app.store.read();
    let directory = match store::directory::latest(db).await? {
        Some(row) => Some(app.library.directory(db, row.id).await?),
        None => None,
    };
    let mut lines = Vec::new();
    for row in store::playbook::all_latest(db).await? {
        let playbook = app.library.playbook(db, row.id).await?;
        let recipients: usize =
            directory.as_ref().map_or(0, |directory| start::recipients(&playbook, directory, frame.when.now));
        let line = Line {
            mark: Some(Mark::Hill),
            href: format!("/playbooks/{}/start", playbook.key),
            words: playbook.title.get(frame.words.0).to_owned(),
            detail: start::version(&playbook, frame),
            end: frame.count("home-recipients", recipients),
            mode: None,
        };
        lines.push((urgency(&playbook), line));
    }
    lines.sort_by_key(|(urgency, _)| *urgency);
    Ok(lines.into_iter().map(|(_, line)| line).collect())
}

/// How urgent the most urgent alert is that a playbook sends by itself; what only closing or cancelling sends says
/// nothing about the occasion.
fn urgency(playbook: &Playbook) -> Urgency {
    let sent = playbook.alerts.iter().filter(|alert| alert.send.is_some());
    sent.map(|alert| alert.severity).min().unwrap_or(Urgency::Normal)
}

#[cfg(test)]
mod tests {
    use noroshi_core::text::Language;

    use super::{
        super::sample::{frame, keep},
        *,
    };

    fn line(mark: Mark, words: &str, detail: &str, end: &str, mode: Option<Mode>) -> Line {
        Line {
            mark: Some(mark),
            href: "/incidents/inc_1".into(),
            words: words.into(),
            detail: detail.into(),
            end: end.into(),
            mode,
        }
    }

    #[test]
    fn home_shows_what_waits_what_is_open_and_what_can_start() {
        for language in [Language::Ja, Language::En] {
            let page = HomePage {
                frame: frame(language, Room::Home),
                mine: vec![
                    line(
                        Mark::Decide,
                        "岬医療センター DMAT　無応答のまま回答期限",
                        "青葉県沖地震、本部長として",
                        "3分経過",
                        None,
                    ),
                    line(Mark::Wait, "役割の打診: 本部長", "青葉県沖地震、03:57まで", "引き受ける", None),
                ],
                open: vec![
                    line(
                        Mark::Fire,
                        "青葉県沖地震（最大震度6強）",
                        "03:14から33分、回答 7/12、判断待ち 1",
                        "",
                        Some(Mode::Live),
                    ),
                    line(
                        Mark::Fire,
                        "【訓練】震度6強 初動訓練",
                        "09:00から12分、回答 2/5",
                        "",
                        Some(Mode::Drill),
                    ),
                ],
                playbooks: vec![
                    line(
                        Mark::Hill,
                        "震度6強以上 初動対応",
                        "版 3.2.0、見直し 2026年10月1日",
                        "12宛先",
                        None,
                    ),
                    line(
                        Mark::Hill,
                        "通信途絶時の連絡",
                        "版 1.0.0、見直し期限を12日過ぎています",
                        "12宛先",
                        None,
                    ),
                ],
                well: true,
                health: "正常　メール、時計、保存領域　03:47確認".into(),
            };
            let html = keep(&format!("home-{}", language.key()), page.render().unwrap());
            assert!(!html.contains("style="));
        }
    }

    #[test]
    fn an_empty_house_says_what_to_do_first() {
        let frame = frame(Language::Ja, Room::Home);
        let page = HomePage {
            frame,
            mine: vec![],
            open: vec![],
            playbooks: vec![],
            well: false,
            health: "x".into(),
        };
        let html = keep("home-empty-ja", page.render().unwrap());
        assert!(html.contains("noroshi playbook import"));
    }

    #[test]
    fn incidents_are_listed_open_ones_first() {
        let page = IncidentsPage {
            frame: frame(Language::Ja, Room::Incidents),
            open: vec![line(
                Mark::Fire,
                "青葉県沖地震（最大震度6強）",
                "03:14から33分",
                "",
                Some(Mode::Live),
            )],
            over: vec![line(Mark::Rest, "若葉市 断水対応", "11月20日(金) 終結", "", Some(Mode::Live))],
        };
        let html = keep("incidents-ja", page.render().unwrap());
        assert!(html.find("青葉県沖地震") < html.find("断水対応"));
    }
}
