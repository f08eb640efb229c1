//! `/`: what waits for me, what is open, what can be started, whether the service is well.

use askama::Template;

use super::{
    frame::{Frame, Room},
    line::{Line, Mode},
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

#[cfg(test)]
mod tests {
    use noroshi_core::text::Language;

    use super::{
        super::{
            mark::Mark,
            sample::{frame, keep},
        },
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
