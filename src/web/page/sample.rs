//! Rendered samples of every page, for the tests here and for looking at.
//!
//! With `NOROSHI_PAGE_SAMPLES=/some/folder cargo test page` every sample is written there as a file that a browser
//! opens without a service.

use std::{fs, path::PathBuf};

use noroshi_core::{
    playbook::{Ask, AskKind, CountsAs, Meaning, ResponseOption},
    text::{Language, Text},
    time::Timestamp,
};

use super::{asset, when::When};
use crate::i18n::Words;

/// Every language that a page can be read in.
pub const LANGUAGES: [Language; 3] = [Language::Ja, Language::EasyJa, Language::En];

/// 03:47 on the invented night.
pub fn when(language: Language) -> When {
    When { now: at("03:47:00"), zone: chrono_tz::Asia::Tokyo, words: Words(language) }
}

/// A moment of the invented night.
pub fn at(clock: &str) -> Timestamp {
    Timestamp::parse_rfc3339(&format!("2026-11-24T{clock}+09:00")).expect("samples name real clocks")
}

/// Keeps a rendered page for looking at, and gives it back.
pub fn keep(name: &str, html: String) -> String {
    if let Some(folder) = std::env::var_os("NOROSHI_PAGE_SAMPLES").map(PathBuf::from) {
        fs::create_dir_all(folder.join("static")).expect("the folder can be made");
        let mut html = html.clone();
        for name in ["noroshi.css", "app.js"] {
            let file = asset::asset(name).expect("a file of the table");
            fs::write(folder.join("static").join(name), file.bytes).expect("the folder can be written");
            html = html.replace(&file.address, &format!("static/{name}"));
        }
        fs::write(folder.join(format!("{name}.html")), html).expect("the folder can be written");
    }
    html
}

/// The response set of a dispatch question, larger than the shipped one.
pub fn deploy() -> Vec<ResponseOption> {
    let ask = |key: &str, ja: &str, en: &str, kind, required| Ask {
        key: key.into(),
        label: Text::both(ja, en),
        kind,
        required,
    };
    let teams = || ask("teams", "隊数", "Teams", AskKind::Int { min: 1, max: 9 }, true);
    let option = |key: &str, ja: &str, en: &str, meaning, ask| ResponseOption {
        key: key.into(),
        label: Text::both(ja, en),
        meaning,
        counts_as: if meaning == Meaning::Seen { CountsAs::Read } else { CountsAs::Ack },
        ask,
        after: None,
        refresh_every: None,
        opens_task: None,
    };
    let reasons = [
        ("自院被災", "Our hospital is hit"),
        ("人員不足", "Not enough staff"),
        ("車両不足", "No vehicle"),
        ("その他", "Other"),
    ];
    let reasons = AskKind::Choice { options: reasons.map(|(ja, en)| Text::both(ja, en)).into() };
    let mut eta = option(
        "eta",
        "到着予定",
        "Expected arrival",
        Meaning::Arrival,
        vec![ask("eta_at", "到着見込", "Arrival", AskKind::Time, true)],
    );
    eta.after = Some("available".into());
    vec![
        option(
            "available",
            "出動可",
            "Can go",
            Meaning::Accept,
            vec![
                teams(),
                ask("depart_at", "出発予定", "Departure", AskKind::Time, false),
                ask("contact", "現地の連絡先", "Telephone on site", AskKind::Phone, false),
            ],
        ),
        option(
            "conditional",
            "条件付きで出動可",
            "Can go if …",
            Meaning::Accept,
            vec![ask("condition", "条件", "Condition", AskKind::Text { max: 200 }, true), teams()],
        ),
        option(
            "unavailable",
            "出動不可",
            "Cannot go",
            Meaning::Decline,
            vec![
                ask("reason", "理由", "Reason", reasons, true),
                ask("power", "停電している", "Without power", AskKind::Bool, false),
            ],
        ),
        eta,
        option("later", "確認中（後で回答）", "Checking, will answer later", Meaning::Seen, vec![]),
    ]
}

/// What stands around the pages of the invented office.
pub fn frame(language: Language, room: super::frame::Room) -> super::frame::Frame {
    let mut frame = super::frame::Frame::new(
        when(language),
        "青葉県 保健医療福祉調整本部".into(),
        "佐藤 真由美".into(),
        "c5r1f".into(),
        room,
    );
    frame.demo = true;
    frame
}

/// The head of the invented incident.
pub fn head(language: Language, drill: bool, tab: super::incident::Tab) -> super::incident::Head {
    let title = if drill {
        "震度6強 初動訓練（図上・通信）"
    } else {
        "青葉県沖地震（最大震度6強）"
    };
    let mut head = super::incident::Head {
        id: "inc_019a0000000070008000000000000001".into(),
        drill,
        title: title.into(),
        facts: vec![("本部長".into(), "佐藤 真由美".into()), ("参集拠点".into(), "若葉総合運動公園".into())],
        more: vec![("手順書".into(), "震度6強以上 初動対応 3.2.0".into())],
        newer: None,
        tab,
        answered: (7, 12),
        tasks: (9, 2),
        has_duties: true,
        unread: 3,
        entries: 47,
        ..super::incident::Head::default()
    };
    head.opened_at(&frame(language, super::frame::Room::Incidents), at("03:14:00"), None);
    head
}
