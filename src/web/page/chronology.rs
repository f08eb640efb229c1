//! `/incidents/{id}/chronology`: what happened, with both clocks. It writes itself; what was on paper is typed in with
//! its true time; nothing is ever erased, a correction is a new entry.

use std::collections::BTreeMap;

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Path},
};
use askama::Template;
use entity::{account, chronology};
use noroshi_core::{
    answer::plain,
    id::{AccountId, IncidentId},
    rights::{Action, may},
    time::Timestamp,
    variable,
};

use super::{
    facts,
    frame::{Frame, Room},
    incident::{Head, Stage, Tab},
    leave::{asked, frame_of, html, html_with, see, when},
    when::Moment,
};
use crate::{
    app::App,
    operation::{
        OperationError, Work,
        chronology::{Entry, write},
        scene::{Scene, text},
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
#[template(path = "page/chronology.html", config = "src/web/askama.toml")]
pub struct ChronologyPage {
    /// What stands around it.
    pub frame: Frame,
    /// The incident.
    pub head: Head,
    /// The form; none for those who may only read.
    pub form: Option<EntryForm>,
    /// Newest first.
    pub entries: Vec<EntryLine>,
    /// How many there are in all.
    pub total: usize,
    /// Where the older ones are.
    pub older: Option<String>,
}

/// The form for what was on paper, radio or telephone.
#[derive(Clone, Debug, Default)]
pub struct EntryForm {
    /// When it happened, as typed; the clock of the page at first.
    pub occurred: String,
    /// 発信元
    pub from: String,
    /// 受信先
    pub to: String,
    /// What happened.
    pub text: String,
    /// The number of the entry that this one corrects, as typed.
    pub corrects: String,
    /// What is wrong, by field: `occurred`, `text`, `corrects`.
    pub problems: Vec<(String, String)>,
    /// The idempotency key.
    pub once: String,
}

impl EntryForm {
    /// What is wrong with one field.
    pub fn problem(&self, field: &str) -> Option<&str> {
        self.problems.iter().find(|(name, _)| name == field).map(|(_, words)| words.as_str())
    }
}

/// One entry.
#[derive(Clone, Debug)]
pub struct EntryLine {
    /// Its number.
    pub seq: i64,
    /// When it happened.
    pub occurred: Moment,
    /// When it was written down.
    pub recorded: Moment,
    /// 12分後に記録, where that is a minute or more.
    pub lag: Option<String>,
    /// 発信元 → 受信先.
    pub parties: String,
    /// What happened.
    pub text: String,
    /// Who wrote it; the service where nobody did.
    pub actor: String,
    /// Whether a person typed it.
    pub typed: bool,
    /// The number of the entry that corrects this one.
    pub corrected_by: Option<i64>,
    /// The number of the entry that this one corrects.
    pub corrects: Option<i64>,
}

impl EntryLine {
    /// The class of the row.
    pub fn class(&self) -> &'static str {
        match (self.corrects, self.typed) {
            (Some(_), _) => "fix",
            (None, true) => "typed",
            (None, false) => "",
        }
    }
}

impl ChronologyPage {
    /// `№41の訂正`.
    pub fn correction_of(&self, seq: &i64) -> String {
        self.frame.words.with("chronology-correction-of", &[("n", (*seq).into())])
    }

    /// `訂正 №44`.
    pub fn corrected_by(&self, seq: &i64) -> String {
        self.frame.words.with("chronology-corrected-by", &[("n", (*seq).into())])
    }

    /// `47件中 12件を表示`.
    pub fn shown(&self) -> String {
        let values = [("total", self.total.into()), ("shown", self.entries.len().into())];
        self.frame.words.with("chronology-shown", &values)
    }
}

/// How many entries one page shows.
const SHOWN: u64 = 300;

/// `GET /incidents/{id}/chronology`.
pub async fn get(
    request: HttpRequest,
    app: Data<App>,
    caller: Caller,
    id: Path<String>,
) -> Result<HttpResponse, WebError> {
    let form = EntryForm {
        occurred: when(&request, &app).clock(app.clock.now()),
        once: app.chance.token(),
        ..EntryForm::default()
    };
    Ok(html(&request, &page(&request, &app, &caller, &id, form).await?))
}

/// `POST /incidents/{id}/chronology`.
pub async fn post(
    request: HttpRequest,
    app: Data<App>,
    caller: Caller,
    id: Path<String>,
    form: Posted,
) -> Result<HttpResponse, WebError> {
    let incident: IncidentId = id.parse().map_err(|_| WebError::NotFound)?;
    let typed = |name: &str| form.get(name).unwrap_or_default().to_owned();
    let mut back = EntryForm {
        occurred: typed("occurred"),
        from: typed("from"),
        to: typed("to"),
        text: typed("text"),
        corrects: typed("corrects"),
        problems: Vec::new(),
        once: app.chance.token(),
    };
    let words = when(&request, &app).words;
    let occurred_at = match back.occurred.trim() {
        "" => None,
        text => {
            let moment = variable::moment(&plain(text), app.clock.now(), app.zone);
            if moment.is_none() {
                back.problems.push(("occurred".to_owned(), words.get("chronology-problem-time")));
            }
            moment
        }
    };
    let corrects = match plain(&back.corrects).trim_start_matches(['№', '#']).trim_start_matches("No") {
        "" => None,
        text => {
            let seq = text.trim().parse().ok();
            if seq.is_none() {
                back.problems.push(("corrects".to_owned(), words.get("chronology-problem-corrects")));
            }
            seq
        }
    };
    if back.problems.is_empty() {
        let entry = Entry {
            occurred_at,
            from: back.from.clone(),
            to: back.to.clone(),
            text: back.text.clone(),
            corrects,
        };
        let once = form.once(&caller);
        let work = Work::begin(&app, caller.actor.clone()).await?;
        match write(work, incident, entry, once.as_ref(), |_| String::new()).await {
            Ok(_) => return Ok(see(&format!("/incidents/{incident}/chronology"))),
            Err(OperationError::Invalid(found)) => {
                back.problems = found
                    .into_iter()
                    .map(|invalid| {
                        let field = if invalid.path == "occurred_at" { "occurred" } else { &invalid.path };
                        (field.to_owned(), invalid.detail.get(words.0).to_owned())
                    })
                    .collect();
            }
            Err(error) => return Err(error.into()),
        }
    }
    let page = page(&request, &app, &caller, &id, back).await?;
    Ok(html_with(&request, StatusCode::UNPROCESSABLE_ENTITY, &page))
}

async fn page(
    request: &HttpRequest,
    app: &App,
    caller: &Caller,
    id: &str,
    form: EntryForm,
) -> Result<ChronologyPage, WebError> {
    let id: IncidentId = id.parse().map_err(|_| WebError::NotFound)?;
    let db = app.store.read();
    let scene = Scene::load(app, db, id).await?;
    let language = body::language(request);
    let frame =
        frame_of(request, app, caller, Room::Incidents, scene.directory.office().get(language).to_owned());
    let before = asked(request, "before").and_then(|seq| seq.parse().ok());
    let rows = store::chronology::newest(db, id, before, SHOWN).await?;
    let accounts = store::account::all(db).await?;
    let corrected: BTreeMap<i32, i32> =
        rows.iter().filter_map(|row| Some((row.corrects?, row.seq))).collect();
    let entries: Vec<EntryLine> = rows.iter().map(|row| line(row, &corrected, &accounts, &frame)).collect();
    let older = rows.last().filter(|row| row.seq > 1).map(|row| format!("?before={}", row.seq));
    let may_write = caller.actor.role.is_some_and(|role| may(role, Action::Talk, false));
    Ok(ChronologyPage {
        head: facts::head(app, &scene, caller, &frame, Tab::Chronology).await?,
        form: may_write.then_some(form),
        total: store::chronology::length(db, id).await?,
        entries,
        older,
        frame,
    })
}

fn line(
    row: &chronology::Model,
    corrected: &BTreeMap<i32, i32>,
    accounts: &[account::Model],
    frame: &Frame,
) -> EntryLine {
    let (words, language, when) = (frame.words, frame.words.0, frame.when);
    let (occurred, recorded) = (Timestamp(row.occurred_at_ms), Timestamp(row.recorded_at_ms));
    let lag = recorded - occurred;
    let parties = [text(&row.from_party), text(&row.to_party)];
    let parties: Vec<&str> =
        parties.iter().map(|party| party.get(language)).filter(|name| !name.is_empty()).collect();
    let typed = matches!(row.kind.as_str(), "entry" | "correction");
    let account = row
        .actor
        .strip_prefix("account:")
        .and_then(|id| accounts.iter().find(|account| AccountId::new(account.id).to_string() == id));
    EntryLine {
        seq: row.seq.into(),
        occurred: when.moment(occurred),
        recorded: when.moment(recorded),
        lag: (lag.0 >= 60_000).then(|| words.with("chronology-lag", &[("span", when.length(lag).into())])),
        parties: parties.join(" → "),
        text: text(&row.text).get(language).to_owned(),
        actor: account.map_or_else(|| words.get("chronology-automatic"), |account| account.name.clone()),
        typed,
        corrected_by: corrected.get(&row.seq).map(|seq| i64::from(*seq)),
        corrects: row.corrects.map(i64::from),
    }
}

#[cfg(test)]
mod tests {
    use noroshi_core::text::Language;

    use super::{
        super::sample::{at, frame, head, keep},
        *,
    };

    #[test]
    fn a_correction_strikes_the_original_and_stands_as_its_own_entry() {
        for (language, drill) in [(Language::Ja, false), (Language::En, true)] {
            let frame = frame(language, Room::Incidents);
            let entry =
                |seq, occurred: &str, recorded: &str, parties: &str, text: &str, actor: &str| EntryLine {
                    seq,
                    occurred: frame.when.moment(at(occurred)),
                    recorded: frame.when.moment(at(recorded)),
                    lag: None,
                    parties: parties.into(),
                    text: text.into(),
                    actor: actor.into(),
                    typed: false,
                    corrected_by: None,
                    corrects: None,
                };
            let mut late = entry(
                45,
                "03:31:00",
                "03:43:00",
                "岬医療センター代表 → DMAT調整",
                "電話3回、話し中のち不在",
                "記録係 木村",
            );
            late.lag = Some("12分後に記録".into());
            late.typed = true;
            let mut fix = entry(
                44,
                "03:41:00",
                "03:42:00",
                "本部長 → 記録係",
                "救護班 1班、06:00着（2班は誤り）",
                "記録係 木村",
            );
            fix.corrects = Some(41);
            let mut wrong = entry(
                41,
                "03:35:00",
                "03:35:00",
                "赤十字 青葉県支部 → 調整本部",
                "救護班 2班、06:00着",
                "自動",
            );
            wrong.corrected_by = Some(44);
            let page = ChronologyPage {
                head: head(language, drill, Tab::Chronology),
                form: Some(EntryForm { occurred: "03:47".into(), ..EntryForm::default() }),
                entries: vec![
                    entry(
                        46,
                        "03:44:00",
                        "03:44:00",
                        "システム → 本部長",
                        "岬医療センター DMAT 無応答のまま回答期限",
                        "自動",
                    ),
                    late,
                    fix,
                    wrong,
                ],
                total: 47,
                older: Some("?before=41".into()),
                frame,
            };
            let html = keep(&format!("chronology-{}", language.key()), page.render().unwrap());
            assert!(html.contains("<del>救護班 2班、06:00着</del>"));
            assert!(!html.contains("style="));
        }
    }
}
