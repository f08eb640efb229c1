//! `/incidents/{id}/letters`: what a drill would have sent, as the recipient would see it. `/inbox`: the mails that the
//! demo's catcher took.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header,
    web::{Data, Path},
};
use askama::Template;
use noroshi_core::{
    id::{DeliveryId, IncidentId},
    time::Timestamp,
};

use super::{
    facts,
    frame::{Frame, Room},
    incident::{Head, Stage, Tab},
    leave::{self, frame_of, html},
    line::{Line, Mode},
    when::Moment,
};
use crate::{
    app::App,
    demo::catcher::{Catcher, Party},
    operation::{letter::write_all, scene::Scene},
    store,
    web::{body, problem::WebError, session::Caller},
};

/// `Content-Security-Policy` of a mail's HTML part under its own address: a sheet of paper, nothing that acts. Links
/// open beside it.
pub const MAIL_POLICY: &str = "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; \
                               style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'";

/// The letters of a drill.
#[derive(Clone, Debug, Template)]
#[template(path = "page/letters.html", config = "src/web/askama.toml")]
pub struct LettersPage {
    /// What stands around it.
    pub frame: Frame,
    /// The drill.
    pub head: Head,
    /// Newest first.
    pub letters: Vec<Letter>,
}

/// One letter.
#[derive(Clone, Debug)]
pub struct Letter {
    /// `dlv_…`.
    pub id: String,
    /// When it was written.
    pub at: Moment,
    /// To whom.
    pub to: String,
    /// How it would have gone.
    pub transport: String,
    /// Its subject.
    pub subject: String,
    /// Its text.
    pub text: String,
    /// Its answer page, by path.
    pub link: Option<String>,
}

/// The demo's inbox.
#[derive(Clone, Debug, Template)]
#[template(path = "page/inbox.html", config = "src/web/askama.toml")]
pub struct InboxPage {
    /// What stands around it.
    pub frame: Frame,
    /// Newest first.
    pub mails: Vec<Line>,
}

/// One caught mail.
#[derive(Clone, Debug, Template)]
#[template(path = "page/mail.html", config = "src/web/askama.toml")]
pub struct MailPage {
    /// What stands around it.
    pub frame: Frame,
    /// Sender.
    pub from: String,
    /// Recipient.
    pub to: String,
    /// Subject.
    pub subject: String,
    /// When it was caught.
    pub at: Moment,
    /// The text part.
    pub text: String,
    /// Where the HTML part is, by path.
    pub html: Option<String>,
    /// The answer page that it leads to, by path.
    pub link: Option<String>,
}

/// `GET /incidents/{id}/letters`: only of a drill; what a real incident sent stands at each recipient.
pub async fn get(
    request: HttpRequest,
    app: Data<App>,
    caller: Caller,
    id: Path<String>,
) -> Result<HttpResponse, WebError> {
    let id: IncidentId = id.parse().map_err(|_| WebError::NotFound)?;
    let db = app.store.read();
    let scene = Scene::load(&app, db, id).await?;
    if !scene.is_drill() {
        return Err(WebError::NotFound);
    }
    let language = body::language(&request);
    let office = scene.directory.office().get(language).to_owned();
    let frame = frame_of(&request, &app, &caller, Room::Incidents, office);
    let mut deliveries = store::delivery::of_incident(db, id).await?;
    deliveries.retain(|delivery| delivery.handed_at_ms.is_some());
    deliveries.reverse();
    deliveries.truncate(200);
    let written = write_all(&app, deliveries.clone()).await?;
    let letters = deliveries
        .iter()
        .zip(written)
        .map(|(delivery, mut letter)| {
            // It is written again for whoever looks now, and may have left in time.
            letter.planned_at = None;
            let link = letter.link.as_deref().map(path_of);
            let (to, rendered) = (letter.to_name.clone(), letter.render());
            Letter {
                id: DeliveryId::new(delivery.id).to_string(),
                at: frame.when.moment(Timestamp(delivery.handed_at_ms.unwrap_or(delivery.created_at_ms))),
                to,
                transport: facts::transport(&delivery.via, &frame.when),
                subject: rendered.subject,
                text: rendered.text,
                link,
            }
        })
        .collect();
    let head = facts::head(&app, &scene, &caller, &frame, Tab::Letters).await?;
    Ok(html(&request, &LettersPage { frame, head, letters }))
}

/// An address of ours by its path: pages link by path only.
fn path_of(address: &str) -> String {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    rest.find('/').map_or_else(|| "/".to_owned(), |at| rest[at..].to_owned())
}

fn catcher(app: &App) -> Result<&Catcher, WebError> {
    app.inbox.as_ref().ok_or(WebError::NotFound)
}

/// `GET /inbox`: only of the demo.
pub async fn inbox(request: HttpRequest, app: Data<App>, caller: Caller) -> Result<HttpResponse, WebError> {
    let catcher = catcher(&app)?;
    let frame = leave::frame(&request, &app, &caller, Room::Inbox).await?;
    let mails = catcher
        .list()
        .iter()
        .take(500)
        .map(|mail| Line {
            mark: None,
            href: format!("/inbox/{}", mail.number),
            words: mail.subject.clone(),
            detail: party(&mail.to),
            end: mail.date.map(|at| frame.when.short(at)).unwrap_or_default(),
            mode: None,
        })
        .collect();
    Ok(html(&request, &InboxPage { frame, mails }))
}

/// `GET /inbox/{n}`.
pub async fn mail(
    request: HttpRequest,
    app: Data<App>,
    caller: Caller,
    number: Path<u64>,
) -> Result<HttpResponse, WebError> {
    let mail = catcher(&app)?.get(*number).ok_or(WebError::NotFound)?;
    let frame = leave::frame(&request, &app, &caller, Room::Inbox).await?;
    let page = MailPage {
        from: party(&mail.from),
        to: party(&mail.to),
        subject: mail.subject.clone(),
        at: mail.date.map(|at| frame.when.moment(at)).unwrap_or_default(),
        text: mail.text.clone(),
        html: mail.html.as_ref().map(|_| format!("/inbox/{number}/html")),
        link: mail.link.as_deref().map(path_of),
        frame,
    };
    Ok(html(&request, &page))
}

/// `GET /inbox/{n}/html`: the HTML part under a policy that lets nothing act.
pub async fn part(app: Data<App>, number: Path<u64>) -> Result<HttpResponse, WebError> {
    let mail = catcher(&app)?.get(*number).ok_or(WebError::NotFound)?;
    // The page itself stays in its frame; what a reader follows opens beside it.
    let part =
        mail.html.as_ref().ok_or(WebError::NotFound)?.replacen("<head>", "<head><base target=\"_blank\">", 1);
    Ok(HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header((header::CONTENT_SECURITY_POLICY, MAIL_POLICY))
        .insert_header((header::X_FRAME_OPTIONS, "SAMEORIGIN"))
        .body(part))
}

fn party(party: &Party) -> String {
    match party.name.is_empty() {
        true => party.address.clone(),
        false => format!("{} <{}>", party.name, party.address),
    }
}

#[cfg(test)]
mod tests {
    use noroshi_core::text::Language;

    use super::{
        super::{
            mark::Mark,
            sample::{at, frame, head, keep},
        },
        *,
    };

    const TEXT: &str = "【訓練】これは訓練です。実際の災害ではありません。\n\n03:44までに回答してください。\nhttp://127.0.0.1:8080/a/k7Q2mX9dTz\n\n\
                        【訓練】以上、訓練です。";

    #[test]
    fn the_letters_of_a_drill_can_be_read_and_opened() {
        let frame = frame(Language::Ja, Room::Incidents);
        let page = LettersPage {
            head: head(Language::Ja, true, Tab::Letters),
            letters: vec![Letter {
                id: "dlv_1".into(),
                at: frame.when.moment(at("03:14:00")),
                to: "松原大学病院DMAT".into(),
                transport: "メール".into(),
                subject: "【訓練】待機・出動照会 第1報".into(),
                text: TEXT.into(),
                link: Some("/a/k7Q2mX9dTz".into()),
            }],
            frame,
        };
        assert!(keep("letters-ja", page.render().unwrap()).contains("href=\"/a/k7Q2mX9dTz\""));
    }

    #[test]
    fn the_inbox_shows_mails_as_a_person_sees_them() {
        let inbox = frame(Language::Ja, Room::Inbox);
        let line = Line {
            mark: Some(Mark::Wait),
            href: "/inbox/3".into(),
            words: "【訓練】待機・出動照会 第1報".into(),
            detail: "松原大学病院DMAT <dmat@matsubara.example>".into(),
            end: "03:14".into(),
            mode: None,
        };
        keep(
            "inbox-ja",
            InboxPage { frame: inbox.clone(), mails: vec![line.clone(), line] }.render().unwrap(),
        );
        let mail = MailPage {
            from: "Noroshi <noroshi@localhost>".into(),
            to: "dmat@matsubara.example".into(),
            subject: "【訓練】待機・出動照会 第1報".into(),
            at: inbox.when.moment(at("03:14:00")),
            text: TEXT.into(),
            html: None,
            link: Some("/a/k7Q2mX9dTz".into()),
            frame: inbox,
        };
        assert!(keep("mail-ja", mail.render().unwrap()).contains("dmat@matsubara.example"));
    }
}
