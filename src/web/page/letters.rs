//! `/incidents/{id}/letters`: what a drill would have sent, as the recipient would see it. `/inbox`: the mails that the
//! demo's catcher took.

use askama::Template;

use super::{
    frame::{Frame, Room},
    incident::{Head, Stage, Tab},
    line::{Line, Mode},
    when::Moment,
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
