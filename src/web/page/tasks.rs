//! `/incidents/{id}/tasks`: the checklist. Mine first, then as the playbook groups them; what is late says so in words.

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Path},
};
use askama::Template;
use entity::task;
use noroshi_core::id::IncidentId;

use super::{
    duty::{Act, Desk, TaskLine},
    facts,
    frame::{Frame, Room},
    incident::{Head, Stage, Tab},
    leave::{frame_of, html, html_with, see},
    when::Moment,
};
use crate::{
    app::App,
    operation::{
        OperationError, Work,
        scene::Scene,
        task::{ByHand, create},
    },
    store,
    web::{
        body::{self, Posted},
        problem::WebError,
        session::Caller,
    },
};

/// What the page knows.
#[derive(Clone, Debug, Template)]
#[template(path = "page/tasks.html", config = "src/web/askama.toml")]
pub struct TasksPage {
    /// What stands around it.
    pub frame: Frame,
    /// The incident.
    pub head: Head,
    /// Mine, then the playbook's groups, then those by hand.
    pub groups: Vec<TaskGroupLines>,
    /// The form for another one; none for readers who may not.
    pub add: Option<AddForm>,
    /// The idempotency key of the forms.
    pub once: String,
}

/// A group of tasks.
#[derive(Clone, Debug)]
pub struct TaskGroupLines {
    /// The section's id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// `完了 2/5`.
    pub tally: String,
    /// Late ones first, settled ones last, otherwise in the playbook's order.
    pub lines: Vec<TaskLine>,
}

/// The form for another task.
#[derive(Clone, Debug, Default)]
pub struct AddForm {
    /// Tasks of the playbook that come on demand: key and title.
    pub kinds: Vec<(String, String)>,
    /// Roles: key and title.
    pub roles: Vec<(String, String)>,
    /// What was typed.
    pub typed: Typed,
    /// What is wrong, in sentences.
    pub problems: Vec<String>,
}

/// What was typed into it.
#[derive(Clone, Debug, Default)]
pub struct Typed {
    /// Key of the kind.
    pub kind: String,
    /// What is to be done.
    pub title: String,
    /// Key of the role.
    pub role: String,
    /// Until when.
    pub within: String,
    /// Whether it is required.
    pub required: bool,
}

impl TasksPage {
    /// `期限 03:29`.
    pub fn due(&self, due: &Moment) -> String {
        self.frame.words.with("tasks-due", &[("clock", due.clock.clone().into())])
    }

    /// `8分超過`.
    pub fn over(&self, late: &str) -> String {
        self.frame.words.with("tasks-elapsed", &[("span", late.to_owned().into())])
    }
}

/// `GET /incidents/{id}/tasks`.
pub async fn get(
    request: HttpRequest,
    app: Data<App>,
    caller: Caller,
    id: Path<String>,
) -> Result<HttpResponse, WebError> {
    Ok(html(&request, &page(&request, &app, &caller, &id, Typed::default()).await?))
}

/// `POST /incidents/{id}/tasks`: another task.
pub async fn add(
    request: HttpRequest,
    app: Data<App>,
    caller: Caller,
    id: Path<String>,
    form: Posted,
) -> Result<HttpResponse, WebError> {
    let incident: IncidentId = id.parse().map_err(|_| WebError::NotFound)?;
    let given = |name: &str| form.get(name).map(str::trim).unwrap_or_default().to_owned();
    let typed = Typed {
        kind: given("kind"),
        title: given("title"),
        role: given("role"),
        within: given("within"),
        required: form.get("required").is_some(),
    };
    let filled = |text: &String| (!text.is_empty()).then(|| text.clone());
    let wish = ByHand {
        task: filled(&typed.kind),
        title: typed.title.clone(),
        role: filled(&typed.role),
        within: filled(&typed.within),
        required: typed.required,
    };
    let work = Work::begin(&app, caller.actor.clone()).await?;
    let once = form.once(&caller);
    let done = create(work, incident, wish, once.as_ref(), async |_, _, _| Ok(String::new())).await.map(drop);
    match done {
        Ok(()) => Ok(see(&format!("/incidents/{incident}/tasks"))),
        Err(OperationError::Invalid(found)) => {
            let mut page = page(&request, &app, &caller, &id, typed).await?;
            let language = page.frame.words.0;
            if let Some(add) = &mut page.add {
                add.problems = found.iter().map(|invalid| invalid.detail.get(language).to_owned()).collect();
            }
            Ok(html_with(&request, StatusCode::UNPROCESSABLE_ENTITY, &page))
        }
        Err(error) => Err(error.into()),
    }
}

async fn page(
    request: &HttpRequest,
    app: &App,
    caller: &Caller,
    id: &str,
    typed: Typed,
) -> Result<TasksPage, WebError> {
    let id: IncidentId = id.parse().map_err(|_| WebError::NotFound)?;
    let db = app.store.read();
    let scene = Scene::load(app, db, id).await?;
    let language = body::language(request);
    let office = scene.directory.office().get(language).to_owned();
    let frame = frame_of(request, app, caller, Room::Incidents, office);
    let rows = store::task::of_incident(db, id).await?;
    let desk = Desk { scene: &scene, frame: &frame, caller };
    let groups = groups(&desk, &rows);
    let titled =
        |(key, title): (&String, &noroshi_core::text::Text)| (key.clone(), title.get(language).to_owned());
    let add = (scene.is_open() && desk.may_write()).then(|| AddForm {
        kinds: scene
            .playbook
            .task_plans()
            .filter(|plan| plan.on_demand)
            .map(|plan| titled((&plan.key, &plan.title)))
            .collect(),
        roles: scene.playbook.roles.iter().map(|role| titled((&role.key, &role.title))).collect(),
        typed,
        problems: Vec::new(),
    });
    Ok(TasksPage {
        head: facts::head(app, &scene, caller, &frame, Tab::Tasks).await?,
        groups,
        add,
        once: app.chance.token(),
        frame,
    })
}

fn groups(desk: &Desk<'_>, rows: &[task::Model]) -> Vec<TaskGroupLines> {
    let words = desk.frame.words;
    let language = words.0;
    let place = |row: &task::Model| {
        let key = row.key.as_ref()?;
        desk.scene.playbook.tasks.iter().position(|group| group.items.iter().any(|item| item.key == *key))
    };
    let (mine, others): (Vec<_>, Vec<_>) =
        rows.iter().map(|row| (place(row), desk.task(rows, row))).partition(|(_, line)| line.mine);
    let group = |id: String, title: String, mut lines: Vec<TaskLine>| {
        let rank = |line: &TaskLine| match line.class {
            "late" => 0,
            "settled" => 2,
            _ => 1,
        };
        let done = lines.iter().filter(|line| line.class == "settled").count();
        let counts = [("done", done.into()), ("all", lines.len().into())];
        lines.sort_by_key(rank);
        (!lines.is_empty()).then(|| TaskGroupLines {
            id,
            title,
            tally: words.with("tasks-tally", &counts),
            lines,
        })
    };
    let lines_of = |wanted: Option<usize>| {
        let of = others.iter().filter(|(place, _)| *place == wanted);
        of.map(|(_, line)| line.clone()).collect::<Vec<_>>()
    };
    let mut groups = vec![group(
        "g-mine".into(),
        words.get("tasks-mine"),
        mine.into_iter().map(|(_, line)| line).collect(),
    )];
    for (place, plan) in desk.scene.playbook.tasks.iter().enumerate() {
        let title = plan.title.as_ref().map(|title| title.get(language).to_owned());
        let title = title.unwrap_or_else(|| words.get("tasks-no-group"));
        groups.push(group(format!("g-{place}"), title, lines_of(Some(place))));
    }
    groups.push(group("g-own".into(), words.get("tasks-others"), lines_of(None)));
    groups.into_iter().flatten().collect()
}
