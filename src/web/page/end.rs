//! `/incidents/{id}/close` and `/incidents/{id}/cancel`: the end of an incident, told to exactly those who were told of
//! it.

use askama::Template;

use super::{
    frame::{Frame, Room},
    incident::{Head, Stage, Tab},
};

/// Which end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The work is done.
    Close,
    /// It was a false alarm.
    Cancel,
}

/// What the page knows.
#[derive(Clone, Debug, Template)]
#[template(path = "page/end.html", config = "src/web/askama.toml")]
pub struct EndPage {
    /// What stands around it.
    pub frame: Frame,
    /// The incident.
    pub head: Head,
    /// Which end.
    pub end: End,
    /// What is still open, in sentences: 回答がない 2宛先, 判断待ち 1件.
    pub unfinished: Vec<String>,
    /// Who will be told: subject and how many.
    pub letters: Vec<(String, usize)>,
    /// Whether a reason must be given.
    pub needs_reason: bool,
    /// What was typed as the reason.
    pub reason: String,
    /// Whether the tick was set.
    pub ticked: bool,
    /// What is wrong.
    pub problem: Option<String>,
}

impl EndPage {
    /// Whether it is a cancelling.
    pub fn cancels(&self) -> bool {
        self.end == End::Cancel
    }

    /// The words of this end: `end-close-…` or `end-cancel-…`.
    pub fn say(&self, key: &str) -> String {
        let end = if self.cancels() { "cancel" } else { "close" };
        self.frame.words.get(&format!("end-{end}-{key}"))
    }
}

#[cfg(test)]
mod tests {
    use noroshi_core::text::Language;

    use super::{
        super::sample::{frame, head, keep},
        *,
    };

    #[test]
    fn both_ends_say_what_is_open_and_who_is_told() {
        for (name, end, drill) in [
            ("close", End::Close, false),
            ("cancel", End::Cancel, false),
            ("cancel-drill", End::Cancel, true),
        ] {
            let page = EndPage {
                frame: frame(Language::Ja, Room::Incidents),
                head: head(Language::Ja, drill, Tab::End),
                end,
                unfinished: vec!["回答がない宛先 2".into(), "判断待ち 1".into()],
                letters: vec![("待機解除・活動終了".into(), 12)],
                needs_reason: end == End::Cancel,
                reason: String::new(),
                ticked: false,
                problem: None,
            };
            let html = keep(name, page.render().unwrap());
            assert!(html.contains("判断待ち 1") && html.contains("待機解除・活動終了"));
        }
    }
}
