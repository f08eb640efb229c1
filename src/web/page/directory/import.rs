//! `/directory/import`: a file, what it would change, and only then the change.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web::Data};
use askama::Template;
use noroshi_core::{
    directory::difference::{Fate, Shown},
    problem::{Problem, Severity},
};

use super::super::{
    frame::{Frame, Room},
    leave,
};
use crate::{
    app::App,
    operation::{
        OperationError, Work,
        directory::{Plan, Shape, confirm_draft, drop_draft, keep_draft, plan},
    },
    store::StoreError,
    web::{body::Posted, problem::WebError, session::Caller, upload::Upload},
};

/// Changes of one kind that are shown; the rest is counted.
const MOST_SHOWN: usize = 200;

/// What the page knows.
#[derive(Clone, Debug, Template)]
#[template(path = "page/directory_import.html", config = "src/web/askama.toml")]
pub struct ImportPage {
    /// What stands around it.
    pub frame: Frame,
    /// Why nothing was done, in a sentence.
    pub problem: Option<String>,
    /// What has to be mended: place, what is wrong, what to write.
    pub bad: Vec<Told>,
    /// What would change; none before a file was chosen.
    pub preview: Option<Preview>,
}

/// A problem of a file.
#[derive(Clone, Debug)]
pub struct Told {
    /// 12行 メール.
    pub place: String,
    /// What is wrong.
    pub detail: String,
    /// What to write instead.
    pub help: String,
}

/// What a file would change.
#[derive(Clone, Debug, Default)]
pub struct Preview {
    /// The file's name.
    pub file: String,
    /// Names the draft, for the button.
    pub draft: String,
    /// Whether there is anything to change.
    pub is_new: bool,
    /// Whether something has to be looked at before it is confirmed.
    pub warns: bool,
    /// Whether it was made of a list.
    pub of_sheets: bool,
    /// Title, how many, those that are shown, how many are not.
    pub changes: Vec<(String, usize, Vec<Shown>, usize)>,
    /// Playbooks that would lack something, with what.
    pub breaks: Vec<(String, Vec<String>)>,
    /// What is to be looked at.
    pub noted: Vec<Told>,
}

/// `GET /directory/import`.
pub async fn get(request: HttpRequest, app: Data<App>, caller: Caller) -> Result<HttpResponse, WebError> {
    Ok(leave::html(&request, &blank(&request, &app, &caller).await?))
}

async fn blank(request: &HttpRequest, app: &App, caller: &Caller) -> Result<ImportPage, WebError> {
    let frame = leave::frame(request, app, caller, Room::Directory).await?;
    Ok(ImportPage { frame, problem: None, bad: Vec::new(), preview: None })
}

/// `POST /directory/import`: a file. Nothing changes yet.
pub async fn post(
    request: HttpRequest,
    app: Data<App>,
    caller: Caller,
    upload: Upload,
) -> Result<HttpResponse, WebError> {
    let mut page = blank(&request, &app, &caller).await?;
    let whole = upload.get("whole").is_some();
    if upload.bytes.is_empty() {
        page.problem = Some(page.frame.words.get("import-no-file"));
        return Ok(leave::html_with(&request, StatusCode::UNPROCESSABLE_ENTITY, &page));
    }
    let shape = Shape::of(&upload.bytes, &upload.name, &upload.media_type);
    match plan(&app, &caller.actor, upload.bytes, shape, whole).await {
        Ok(plan) => {
            let draft = match plan.is_new {
                true => keep_draft(Work::begin(&app, caller.actor).await?, &plan, &upload.name).await?,
                false => String::new(),
            };
            page.preview = Some(preview(&plan, upload.name, draft, shape, &page.frame));
            Ok(leave::html(&request, &page))
        }
        Err(OperationError::Problems(problems)) => {
            page.problem = Some(page.frame.words.get("import-refused"));
            page.bad = problems.iter().map(|problem| told(problem, shape, &page.frame)).collect();
            Ok(leave::html_with(&request, StatusCode::UNPROCESSABLE_ENTITY, &page))
        }
        Err(other) => Err(other.into()),
    }
}

/// `POST /directory/import/confirm`: the change that was looked at.
pub async fn confirm(
    request: HttpRequest,
    app: Data<App>,
    caller: Caller,
    form: Posted,
) -> Result<HttpResponse, WebError> {
    let work = Work::begin(&app, caller.actor.clone()).await?;
    let word = match confirm_draft(work, form.get("draft").unwrap_or_default()).await {
        Ok(()) => return Ok(leave::see("/directory?imported=1")),
        Err(OperationError::Store(StoreError::NotFound { .. })) => "import-gone",
        Err(OperationError::Store(StoreError::Conflict { .. })) => "import-moved-on",
        Err(other) => return Err(other.into()),
    };
    let mut page = blank(&request, &app, &caller).await?;
    page.problem = Some(page.frame.words.get(word));
    Ok(leave::html_with(&request, StatusCode::CONFLICT, &page))
}

/// `POST /directory/import/discard`.
pub async fn discard(app: Data<App>, caller: Caller, _form: Posted) -> Result<HttpResponse, WebError> {
    drop_draft(Work::begin(&app, caller.actor).await?).await?;
    Ok(leave::see("/directory"))
}

fn preview(plan: &Plan, file: String, draft: String, shape: Shape, frame: &Frame) -> Preview {
    let language = frame.words.0;
    let kinds =
        [(Fate::Removed, "import-removed"), (Fate::Changed, "import-changed"), (Fate::Added, "import-added")];
    let changes = kinds.into_iter().filter_map(|(fate, word)| {
        let of: Vec<_> = plan.changes.iter().filter(|change| change.fate == fate).collect();
        let shown = of.iter().take(MOST_SHOWN).map(|change| in_words(change.shown(language), frame));
        let shown: Vec<Shown> = shown.collect();
        (!of.is_empty())
            .then(|| (frame.words.get(word), of.len(), shown, of.len().saturating_sub(MOST_SHOWN)))
    });
    let breaks = plan.broken.iter().map(|broken| {
        let missing = broken.problems.iter().map(|problem| problem.detail.get(language).to_owned());
        (frame.named("import-playbook", &broken.key), missing.collect())
    });
    Preview {
        file,
        draft,
        is_new: plan.is_new,
        warns: plan.problems.iter().any(|problem| problem.severity == Severity::Warning),
        of_sheets: shape == Shape::Sheets,
        changes: changes.collect(),
        breaks: breaks.collect(),
        noted: plan.problems.iter().map(|problem| told(problem, shape, frame)).collect(),
    }
}

/// Yes and no, as a person says them.
fn in_words(mut change: Shown, frame: &Frame) -> Shown {
    for field in change.fields.iter_mut().filter(|it| matches!(it.field.as_str(), "outside" | "human")) {
        for value in [&mut field.old, &mut field.new].into_iter().flatten() {
            *value = frame.words.get(if value == "true" { "answer-yes" } else { "answer-no" });
        }
    }
    change
}

/// A problem with its place in the reader's terms: row and heading of a list, line and column of YAML.
fn told(problem: &Problem, shape: Shape, frame: &Frame) -> Told {
    let language = frame.words.0;
    let number = |n: u32| i64::from(n).into();
    let place = match shape {
        // What was passed over belongs to no row.
        Shape::Sheets if problem.severity == Severity::Info => String::new(),
        Shape::Sheets => {
            let row = frame.words.with("import-row", &[("row", number(problem.at.line))]);
            format!("{row} {}", problem.path).trim_end().to_owned()
        }
        Shape::Yaml => {
            let at = [("line", number(problem.at.line)), ("column", number(problem.at.column))];
            format!("{} {}", frame.words.with("import-line", &at), problem.path).trim_end().to_owned()
        }
    };
    Told {
        place,
        detail: problem.detail.get(language).to_owned(),
        help: problem.help.get(language).to_owned(),
    }
}
