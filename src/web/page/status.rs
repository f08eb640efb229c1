//! `/status`: the service's health in sentences, each with what to do.

use askama::Template;
use noroshi_core::problem::Severity;

use super::frame::{Frame, Room};

/// What the page knows.
#[derive(Clone, Debug, Template)]
#[template(path = "page/status.html", config = "src/web/askama.toml")]
pub struct StatusPage {
    /// What stands around it.
    pub frame: Frame,
    /// Database, relays, workers …
    pub parts: Vec<Part>,
    /// What is wrong in playbook and directory files.
    pub problems: Vec<FileProblem>,
    /// The playbooks in force: title, key with version, what beside.
    pub playbooks: Vec<(String, String, String)>,
    /// The binary's version.
    pub version: String,
}

/// One part of the service.
#[derive(Clone, Debug)]
pub struct Part {
    /// Whether it is well.
    pub well: bool,
    /// Its name.
    pub name: String,
    /// How it is, in a sentence.
    pub sentence: String,
    /// What to do, where something is to do.
    pub cure: String,
}

/// One problem of a file.
#[derive(Clone, Debug)]
pub struct FileProblem {
    /// `playbooks/eq.yaml:12:5`.
    pub place: String,
    /// `R02`.
    pub code: String,
    /// How bad.
    pub severity: Severity,
    /// What is wrong.
    pub detail: String,
    /// What to write instead.
    pub help: String,
}

impl StatusPage {
    /// Whether everything is well.
    pub fn well(&self) -> bool {
        self.parts.iter().all(|part| part.well)
            && !self.problems.iter().any(|problem| problem.severity == Severity::Error)
    }
}

#[cfg(test)]
mod tests {
    use noroshi_core::text::Language;

    use super::{
        super::sample::{frame, keep},
        *,
    };

    #[test]
    fn every_fault_is_told_with_its_cure() {
        let part = |well, name: &str, sentence: &str, cure: &str| Part {
            well,
            name: name.into(),
            sentence: sentence.into(),
            cure: cure.into(),
        };
        let page = StatusPage {
            frame: frame(Language::Ja, Room::Status),
            parts: vec![
                part(true, "データベース", "SQLite noroshi.db に読み書きできます。", ""),
                part(
                    false,
                    "メールの中継",
                    "mail.aoba.example:587 に03:40から届きません。届き次第、送り直します。",
                    "中継の機械とネットワークを確かめてください。急ぐときは設定 smtp.relays に別の中継を加えます。",
                ),
            ],
            problems: vec![FileProblem {
                place: "playbooks/eq-6upper-initial.yaml:41:7".into(),
                code: "R02".into(),
                severity: Severity::Error,
                detail: "「lader」というキーはありません。".into(),
                help: "「ladder」と書いてください。".into(),
            }],
            playbooks: vec![(
                "震度6強以上 初動対応".into(),
                "eq-6upper-initial 3.2.0".into(),
                "11月20日(金) 10:02から有効".into(),
            )],
            version: "0.1.0".into(),
        };
        let html = keep("status-ja", page.render().unwrap());
        assert!(!page.well() && html.contains("eq-6upper-initial.yaml:41:7"));
    }
}
