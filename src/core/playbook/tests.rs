//! Every rule has a smallest file that breaks it. The mark « in a replacement shows where the problem must be told.

mod accounts;
mod advice;
mod rules;

use proptest::prelude::*;

use super::*;
use crate::{
    directory::Directory,
    problem::{Problem, Severity},
};

const PLAYBOOK: &str = include_str!("../../../playbooks/eq-6upper-initial.yaml");
const DIRECTORY: &str = include_str!("../../../playbooks/directory.example.yaml");

/// A small playbook without problems.
const SMALL: &str = r#"apiVersion: noroshi/v1
kind: Playbook
metadata: { key: small, version: 1.0.0, title: 小さな手順書 }
variables:
  place: { type: text, max: 20, ask: 場所 }
triggers:
  - { key: manual, source: manual, allow: [roster.duty] }
roles:
  chief: { title: 本部長, fill: { from: [roster.duty, roster.deputy], accept_within: 10m } }
channels:
  command: { title: 本部, members: ["role:*"] }
response_sets:
  deploy:
    - { key: available, label: 出動可, meaning: accept, counts_as: ack, ask: [{ key: teams, label: 隊数, type: int, min: 1, max: 9 }] }
    - { key: unavailable, label: 出動不可, meaning: decline, counts_as: ack }
    - { key: eta, label: 到着予定, meaning: arrival, counts_as: ack, after: available }
    - { key: later, label: 確認中, meaning: seen, counts_as: read }
ladders:
  climb:
    steps:
      - { at: 5m, if: unread, do: resend, to: same, via: [sms] }
      - { at: 10m, if: unacked, do: notify, to: alternate, via: [email, phone] }
      - { at: 30m, if: unresponded, do: decide, to: "role:chief", final: true }
    stop_on: [responded, superseded, incident_closed]
alerts:
  standby:
    send: { event: incident.activated }
    to: ["agency:hospitals"]
    via: [email, sms]
    severity: critical
    subject: "待機 {{ place }}"
    body: "待機してください {{ place }} {{ role.chief.name }}"
    sms: "待機 {{ alert.link }}"
    responses: deploy
    ack: { unit: agency, read_by: 5m, ack_by: 10m, respond_by: 30m }
    ladder: climb
  cancelled:
    to: ["agency:hospitals"]
    via: [email, sms]
    subject: 取消
    body: 取り消します
    sms: 取消 {{ alert.link }}
    responses: deploy
    ack: { read_by: 5m, ack_by: 10m, respond_by: 30m }
    ladder: climb
cancel: { allow: [chief], require: reason, alert: cancelled }
drills: { allowed: true }
"#;

const SMALL_DIRECTORY: &str = r#"apiVersion: noroshi/v1
kind: Directory
metadata: { key: small, title: 小さな台帳, verified_on: 2026-11-01 }
site: { eoc_phone: "0000", areas: [北部] }
transports:
  email: { driver: smtp, proves: [accepted, bounced] }
  sms: { driver: http_gateway, max_chars: 134 }
  phone: { driver: human_call, proves: [answered] }
people:
  sato: { name: 佐藤, human: true, reach: { email: sato@eoc.example } }
  tanaka: { name: 田中, human: true, reach: { email: tanaka@eoc.example } }
rosters:
  duty: { members: [sato], rotate: daily }
  deputy: { members: [tanaka] }
agencies:
  hospitals: { kind: group, outside: true, members: [hosp_a] }
  hosp_a: { title: A病院, outside: true, primary: { email: a@a.example, sms: "0000" }, alternate: { phone: "0000" } }
"#;

fn directory(text: &str) -> Directory {
    let (directory, problems) = crate::directory::read(text.as_bytes());
    directory.unwrap_or_else(|| panic!("{problems:#?}"))
}

/// The file with some words replaced, and the place of the mark in it.
fn broken(file: &str, changes: &[(&str, &str)]) -> (String, Option<(u32, u32)>) {
    let mut text = file.to_owned();
    for (from, to) in changes {
        assert!(text.contains(from), "{from}");
        text = text.replacen(from, to, 1);
    }
    let place = text.find('«').map(|at| {
        let line = text[..at].matches('\n').count() + 1;
        let column = text[..at].rsplit('\n').next().unwrap_or("").chars().count() + 1;
        (u32::try_from(line).unwrap(), u32::try_from(column).unwrap())
    });
    (text.replace('«', ""), place)
}

fn told(problems: &[Problem]) -> Vec<(&str, Option<(u32, u32)>)> {
    problems.iter().map(|problem| (problem.code, Some((problem.at.line, problem.at.column)))).collect()
}

/// Asserts that the change gives this one problem at the mark and no other.
fn gives(code: &'static str, changes: &[(&str, &str)]) {
    let (text, place) = broken(SMALL, changes);
    let (playbook, problems) = read(text.as_bytes(), Some(&directory(SMALL_DIRECTORY)));
    assert_eq!(told(&problems), [(code, place)], "{changes:?}\n{problems:#?}");
    let has_error = problems.iter().any(|problem| problem.severity == Severity::Error);
    assert_eq!(playbook.is_none(), has_error);
    for problem in &problems {
        assert!(problem.detail.en.is_some() && problem.help.en.is_some());
    }
}

/// Asserts that the changed directory gives this one problem at the mark.
fn directory_gives(code: &'static str, changes: &[(&str, &str)]) {
    let (text, place) = broken(SMALL_DIRECTORY, changes);
    let (_, problems) = crate::directory::read(text.as_bytes());
    assert_eq!(told(&problems), [(code, place)], "{changes:?}\n{problems:#?}");
}

/// Asserts that the small playbook with the changed directory gives this one problem at the playbook's mark.
fn with_directory(code: &'static str, changes: &[(&str, &str)], playbook_changes: &[(&str, &str)]) {
    let (text, _) = broken(SMALL_DIRECTORY, changes);
    let (playbook, place) = broken(SMALL, playbook_changes);
    let (_, problems) = read(playbook.as_bytes(), Some(&directory(&text)));
    assert_eq!(told(&problems), [(code, place)], "{changes:?}\n{problems:#?}");
}

#[test]
fn the_shipped_files_have_no_problem() {
    let directory = directory(DIRECTORY);
    let (playbook, problems) = read(PLAYBOOK.as_bytes(), Some(&directory));
    let unwaived: Vec<_> = problems.iter().filter(|problem| problem.severity != Severity::Info).collect();
    assert!(unwaived.is_empty(), "{unwaived:#?}");
    assert_eq!(playbook.map(|playbook| playbook.alerts.len()), Some(7));
    assert_eq!(directory.expand("dmat_hospitals").len(), 5);
    let (alone, problems) = read(PLAYBOOK.as_bytes(), None);
    assert!(problems.iter().all(|problem| problem.severity == Severity::Info), "{problems:#?}");
    assert!(alone.is_some());
}

/// What a Japanese keyboard writes and a word processor makes of it: each is told with the sign itself.
#[test]
fn signs_of_the_wrong_width_are_named_wherever_they_stand() {
    let slips = [
        ("R01", "    via: [email, sms]\n    sev", "    via: [«email、sms]\n    sev", "「、」は全角"),
        ("R01", "    via: [email, sms]\n    sev", "    via: [«“email”, sms]\n    sev", "「“」は引用符"),
        ("R02", "to: [\"agency:hospitals\"]", "to: [«“agency:hospitals”]", "「“」は引用符"),
        ("R02", "to: [\"agency:hospitals\"]", "to: [«\"agency：hospitals\"]", "「：」は全角"),
        ("R02", "to: [\"agency:hospitals\"]", "to: «“agency:hospitals”", "「“」は引用符"),
        ("R02", "severity: critical", "severity: «‘critical’", "「‘」は引用符"),
        ("R02", "stop_on: [responded, ", "stop_on: [«responded、", "「、」は全角"),
        ("R02", "accept_within: 10m", "accept_within: «１０m", "「10m」"),
        ("R02", "counts_as: read", "«“counts_as”: read", "「“」は引用符"),
        ("R02", "key: small", "key: «“small”", "「“」は引用符"),
    ];
    for (code, right, slip, word) in slips {
        let (text, place) = broken(SMALL, &[(right, slip)]);
        let (_, problems) = read(text.as_bytes(), Some(&directory(SMALL_DIRECTORY)));
        let found = problems.iter().find(|it| it.code == code && Some((it.at.line, it.at.column)) == place);
        assert!(found.is_some_and(|it| it.help.ja.contains(word)), "{slip}: {problems:#?}");
    }
}

#[test]
fn the_small_files_have_no_problem() {
    let (playbook, problems) = read(SMALL.as_bytes(), Some(&directory(SMALL_DIRECTORY)));
    assert_eq!(problems, []);
    assert!(playbook.is_some());
}

#[test]
fn shape() {
    gives("R02", &[("noroshi/v1", "«noroshi/v2")]);
    gives("R02", &[("kind: Playbook", "kind: «Playbok")]);
    gives("R02", &[("severity: critical", "«sevrity: critical")]);
    gives("R02", &[("severity: critical", "severity: «urgent")]);
    gives("R02", &[("severity: critical", "severity: critical\n    «severity: high")]);
    gives("R02", &[("severity: critical", "«on: critical")]);
    gives("R02", &[("at: 10m", "at: «10")]);
    gives("R02", &[("at: 10m", "at: «10min")]);
    gives("R02", &[("title: 本部長", "«title: ")]);
    gives("R02", &[("title: 本部長", "title: «[本部長]")]);
    gives("R02", &[("title: 本部長", "title: «{ en: Chief }")]);
    gives("R02", &[("allowed: true", "allowed: «yes")]);
    gives("R02", &[("metadata: { key: small, ", "metadata: «{ ")]);
    gives("R02", &[("drills: { allowed: true }\n", ""), ("apiVersion", "«apiVersion")]);
    gives("R02", &[("    send: { event: incident.activated }\n    to", "    «to")]);
    // A misspelt key is one fault: what it was meant to be is not missing as well.
    gives("R02", &[("    ladder: climb", "    «laddr: climb")]);
    gives("R02", &[("    responses: deploy", "    «response: deploy")]);
    gives("R02", &[("ack_by: 10m", "«ackby: 10m")]);
    gives("R02", &[("    ack: { unit", "    «akc: { unit")]);
    gives("R02", &[("final: true", "«finel: true")]);
    gives("R02", &[("accept_within: 10m", "«accept_witin: 10m")]);
    gives("R02", &[("if: unread, ", ""), ("- { at: 5m", "- «{ at: 5m")]);
    gives("R02", &[("to: [\"agency:hospitals\"]", "to: «[]")]);
    gives("R02", &[("to: [\"agency:hospitals\"]", "to: [«hospitals]")]);
    gives("R02", &[("unit: agency", "unit: «person")]);
    gives("R02", &[("key: unavailable", "key: «available")]);
    gives("R02", &[("{ place }", "{ place }"), ("key: small", "key: «\"a b\"")]);
    gives("R02", &[("subject: 取消", "subject: «\"取消\\nBcc: x@y.example\"")]);
    gives(
        "R02",
        &[("drills: { allowed: true }", "drills: { allowed: true }\nwaive: [{ code: «A01, because: x }]")],
    );
}

#[test]
fn references() {
    gives("R01", &[("[roster.duty]", "[«roster.night]")]);
    gives("R01", &[("[\"agency:hospitals\"]", "[«\"agency:hospital\"]")]);
    gives("R01", &[("via: [sms]", "via: [«smss]")]);
    gives("R01", &[("to: \"role:chief\"", "to: «\"role:cheif\"")]);
    gives("R01", &[("    responses: deploy", "    responses: «deploi")]);
    gives("R01", &[("    ladder: climb", "    ladder: «clim")]);
    gives("R01", &[("severity: critical", "channel: «commando")]);
    gives("R01", &[("after: available }", "after: available, opens_task: «callback }")]);
    gives("R01", &[("alert: cancelled", "alert: «cancelledd")]);
    gives("R01", &[("title: 本部, ", "title: 本部, activity_log: «ics999, ")]);
    gives("R04", &[("\"待機 {{ place }}\"", "\"待機 «{{ plase }}{{ place }}\"")]);
    gives("R04", &[("待機してください {{ place }}", "待機してください {{ place }} «{% if x %}")]);
    gives("R04", &[("{{ role.chief.name }}", "«{{ role.boss.name }}")]);
    gives("R04", &[("{{ role.chief.name }}", "«{{ site.nowhere }}")]);
    gives("R04", &[("body: 取り消します", "body: |\n      取り消します\n      理由 «{{ incident.reason }}")]);
    gives(
        "R04",
        &[("place: { type: text, max: 20, ask: 場所 }", "place: «{ type: text, max: 20, required: true }")],
    );
    gives("R06", &[("variables:\n", "variables:\n  «spare: { ask: 予備 }\n")]);
    gives(
        "R06",
        &[(
            "roles:\n",
            "roles:\n  «scribe: { title: 記録, fill: { from: [roster.duty], accept_within: 5m } }\n",
        )],
    );
}

#[test]
fn the_contract_with_the_directory() {
    let requires = |list: &str| {
        format!(
            "requires: {{ agencies: [{list}], rosters: [duty, deputy], transports: [email, sms, phone] }}\nvariables:"
        )
    };
    gives("R03", &[("variables:", &requires("hospitals, «fire"))]);
    gives(
        "R03",
        &[
            ("variables:", &requires("hospitals")),
            ("deputy], t", "«deputies], t"),
            ("roster.deputy]", "roster.deputies]"),
        ],
    );
    let (text, _) = broken(SMALL, &[("variables:", &requires(""))]);
    let (_, problems) = read(text.as_bytes(), Some(&directory(SMALL_DIRECTORY)));
    assert!(problems.iter().all(|problem| problem.code == "R03") && problems.len() == 1, "{problems:#?}");
    let (_, problems) = read(text.as_bytes(), None);
    assert!(problems.iter().all(|problem| problem.code == "R01") && problems.len() == 2, "{problems:#?}");
}

#[test]
fn ladders() {
    gives("A01", &[("standby:\n    send", "standby:\n    «send"), ("    ladder: climb\n", "")]);
    gives("A02", &[(", final: true", ""), ("- { at: 30m", "- «{ at: 30m")]);
    gives("A02", &[("do: decide, to: \"role:chief\"", "do: decide, to: «\"agency:hospitals\"")]);
    gives("A02", &[("- { at: 5m", "- «{ at: 5m"), ("via: [sms] }", "via: [sms], final: true }")]);
    gives("A02", &[("final: true }", "final: true, options: «[{ label: 延ばす, then: extend, by: 5m }] }")]);
    gives("A04", &[("ack_by: 10m", "ack_by: «11m")]);
    gives("A04", &[("ack: { unit: agency, read_by: 5m, ", "ack: «{ unit: agency, ")]);
    gives("A05", &[("at: 10m, if: unacked", "at: «5m, if: unread")]);
    gives("A05", &[("at: 10m", "at: «5m30s"), ("ack_by: 10m", "ack_by: 5m"), ("ack_by: 10m", "ack_by: 5m")]);
    gives("A06", &[("at: 30m", "at: «31m")]);
    gives(
        "A11",
        &[
            ("- { key: unavailable, label: 出動不可, meaning: decline, counts_as: ack }\n    ", ""),
            ("deploy:\n    - {", "deploy:\n    «- {"),
        ],
    );
    gives("A11", &[("meaning: seen, counts_as: read", "meaning: seen, counts_as: «ack")]);
    gives("A11", &[("after: available }", "after: «nowhere }")]);
    gives("A11", &[("after: available }", "after: «eta }")]);
    gives("A11", &[("standby:\n    send", "standby:\n    «send"), ("    responses: deploy\n", "")]);
    gives(
        "A12",
        &[("    via: [email, sms]", "    via: [email, «sms]"), ("    sms: \"待機 {{ alert.link }}\"\n", "")],
    );
    gives(
        "A12",
        &[(
            "sms: 取消",
            "sms: «「{{ place }}」の件について、先の連絡は取り消しますので、ただちに待機を解いてください。ご迷惑をおかけします。詳しくは本部まで電話してください。回答はこちらから {{ alert.link }}",
        )],
    );
    gives("A13", &[(", alert: cancelled", ""), ("cancel: {", "cancel: «{")]);
    gives(
        "A13",
        &[(
            "    to: [\"agency:hospitals\"]\n    via: [email, sms]\n    subject: 取消",
            "    to: [\"agency:hospitals\"]\n    via: «[email]\n    subject: 取消",
        )],
    );
    gives("A16", &[("body: 取り消します", "body: «https://a.example を開いてください")]);
    gives(
        "R02",
        &[
            ("respond_by: 30m }", "respond_by: 30m, quorum: { accept: 3, count: «teams } }"),
            ("key: teams", "key: crews"),
        ],
    );
}

#[test]
fn starts_roles_tasks_reports_and_the_end() {
    let jma = |rest: &str| format!("triggers:\n  - «{{ key: jma, source: jma.earthquake, {rest} }}\n");
    gives("T01", &[("triggers:\n", &jma("mode: open_and_send"))]);
    gives(
        "T01",
        &[(
            "triggers:\n",
            &jma("mode: open_and_hold, dedupe: { by: trigger.event_id, window: 1h, then: attach }"),
        )],
    );
    gives("T02", &[("triggers:\n", &jma("when: { max_intensity: { gte: «\"8\" } }").replacen('«', "", 1))]);
    gives("T02", &[("triggers:\n", &jma("when: { area_in: «site.regions }").replacen('«', "", 1))]);
    gives("T05", &[(", accept_within: 10m", ""), ("fill: {", "fill: «{")]);
    gives("T10", &[("channels:\n", "channels:\n  out: «{ visibility: outside }\n")]);
    gives(
        "T10",
        &[(
            "channels:\n",
            "channels:\n  out: { visibility: outside, relay_to: command, pins: [«contact_list] }\n",
        )],
    );
    let close = |metric: &str| {
        format!("close: {{ propose_when: {{ all: [{{ metric: {metric}, eq: 0 }}] }} }}\ncancel:")
    };
    gives("T09", &[("cancel:", &close("«alerts.open"))]);
    let tasks = |items: &str| format!("tasks:\n  - items:\n{items}cancel:");
    let endless = "      - { key: t, title: t, role: chief, required: true, repeat_every: «2h }\n";
    gives("T09", &[("cancel:", &tasks(endless)), ("cancel:", &close("tasks.required_open"))]);
    let circle = "      - { key: a, title: a, role: chief, requires: [«b] }\n      - { key: b, title: b, role: chief, due: { after: task.a.done, within: 5m } }\n";
    gives(
        "R01",
        &[(
            "cancel:",
            &tasks(&circle.replace("task.a", "task.c").replace('«', "").replace("after: ", "after: «")),
        )],
    );
    gives("R05", &[("cancel:", &tasks(&circle.replace("«b", "«a")))]);
    let two = "      - { key: a, title: a, role: chief, requires: [b] }\n      - { key: b, title: b, role: chief, requires: [«a] }\n";
    gives("R05", &[("cancel:", &tasks(two))]);
    let hidden = "      - { key: a, title: a, role: chief, when: { var: place, eq: 北部 } }\n      - { key: b, title: b, role: chief, due: { after: «task.a.done, within: 5m } }\n";
    gives("R05", &[("cancel:", &tasks(hidden))]);
    let report = |rest: &str| format!("reports:\n  sitrep: {rest}\ncancel:");
    gives(
        "T08",
        &[("cancel:", &report("«{ form: ics209, author: chief, schedule: [{ from: 0h, every: 1h }] }"))],
    );
    gives(
        "T08",
        &[(
            "cancel:",
            &report(
                "{ form: ics209, author: chief, if_missed: { decide: { at: 5m, to: \"role:chief\" } }, schedule: [{ from: 0h, to: 1h, every: 1h }, «{ from: 2h, every: 1h }] }",
            ),
        )],
    );
}

#[test]
fn directories() {
    directory_gives("R01", &[("members: [sato]", "members: [«satoh]")]);
    directory_gives("R01", &[("members: [hosp_a]", "members: [«hosp_b]")]);
    directory_gives("R01", &[("{ email: a@a.example, sms", "{ mail: «a@a.example, sms")]);
    directory_gives("R02", &[("email: a@a.example", "email: «a.example")]);
    directory_gives("R02", &[("{ phone: \"0000\"", "{ phone: «none")]);
    directory_gives("R02", &[("members: [hosp_a]", "members: «[hospitals, hosp_a]")]);
    directory_gives("R02", &[("rotate: daily", "rotate: «dayly")]);
    directory_gives("R02", &[("rotate: daily", "rotate: daily, handover: «8:30")]);
    directory_gives(
        "R02",
        &[("rotate: daily", "rotate: daily, gaps: [{ from: 2026-12-31, to: «2026-12-30 }]")],
    );
    directory_gives("R02", &[("verified_on: 2026-11-01", "verified_on: «2026-13-01")]);
    directory_gives("R02", &[("title: A病院, ", ""), ("hosp_a: {", "hosp_a: «{")]);
    directory_gives("R06", &[("members: [hosp_a]", "members: «[]")]);
    let to = [
        ("to: [\"agency:hospitals\"]", "to: [«\"agency:hospitals\"]"),
        ("via: [email, sms]\n    subject: 取消", "via: [email, sms]\n    subject: 取消"),
    ];
    let (text, _) = broken(SMALL_DIRECTORY, &[(", alternate: { phone: \"0000\" }", "")]);
    let (playbook, place) = broken(SMALL, &to);
    let (_, problems) = read(playbook.as_bytes(), Some(&directory(&text)));
    assert!(told(&problems).contains(&("A09", place)), "{problems:#?}");
    with_directory("A07", &[(", sms: \"0000\" }", " }")], &[("via: [sms]", "via: «[sms]")]);
    with_directory(
        "A03",
        &[("members: [sato], rotate: daily", "members: []"), ("members: [tanaka]", "members: []")],
        &[("to: \"role:chief\"", "to: «\"role:chief\""), (", allow: [roster.duty]", "")],
    );
    with_directory(
        "T03",
        &[("members: [sato], rotate: daily", "members: []")],
        &[("allow: [roster.duty]", "allow: «[roster.duty]")],
    );
}

#[test]
fn all_problems_are_told_at_once_in_the_order_of_the_file() {
    let (text, _) = broken(
        SMALL,
        &[
            ("source: manual", "source: manuel"),
            ("meaning: decline", "meaning: refuse"),
            ("at: 10m", "at: soon"),
            (", final: true", ""),
            ("{{ place }}\"", "{{ plase }}\""),
            ("ack_by: 10m", "ack_by: ten"),
            ("severity: critical", "sevrity: critical"),
        ],
    );
    let (playbook, problems) = read(text.as_bytes(), Some(&directory(SMALL_DIRECTORY)));
    assert_eq!(playbook, None);
    let codes: Vec<_> = problems.iter().map(|problem| (problem.at.line, problem.code)).collect();
    assert_eq!(
        codes,
        [(7, "R02"), (15, "R02"), (22, "R02"), (23, "A02"), (30, "R02"), (31, "R04"), (35, "R02")],
        "{problems:#?}"
    );
}

#[test]
fn a_waived_warning_is_information_with_its_reason() {
    let spare = ("variables:\n", "variables:\n  spare: { ask: 予備 }\n");
    let waive = ("drills:", "waive: [{ code: R06, because: 来期に使う }]\ndrills:");
    let (text, _) = broken(SMALL, &[spare, waive]);
    let (_, problems) = read(text.as_bytes(), None);
    assert_eq!(problems.len(), 1);
    assert_eq!(problems[0].severity, Severity::Info);
    assert!(problems[0].help.ja.contains("来期に使う"));
}

/// Files that a slip of the hand makes out of the shipped ones.
fn damaged(file: &'static str) -> impl Strategy<Value = Vec<u8>> {
    let edits = prop::collection::vec((any::<prop::sample::Index>(), 0_u8..6, any::<u8>()), 1..8);
    edits.prop_map(move |edits| {
        let mut bytes = file.as_bytes().to_vec();
        for (index, kind, byte) in edits {
            if bytes.is_empty() {
                break;
            }
            let at = index.index(bytes.len());
            let line = || {
                let start = bytes[..at].iter().rposition(|b| *b == b'\n').map_or(0, |newline| newline + 1);
                let end = bytes[at..]
                    .iter()
                    .position(|b| *b == b'\n')
                    .map_or(bytes.len(), |newline| at + newline + 1);
                start..end.max(start)
            };
            match kind {
                0 => bytes[at] = byte,
                1 => drop(bytes.remove(at)),
                2 => bytes.insert(at, b"{}[]:,-\"' \n#&*!|>"[usize::from(byte) % 17]),
                3 => drop(bytes.drain(line())),
                4 => {
                    let copy: Vec<u8> = bytes[line()].to_vec();
                    bytes.splice(at..at, copy);
                }
                _ => bytes.truncate(at.max(1)),
            }
        }
        bytes
    })
}

fn is_told_well(problems: &[Problem]) -> bool {
    problems.iter().all(|problem| problem.at.line > 0 && problem.at.column > 0)
        && problems.windows(2).all(|pair| pair[0].at <= pair[1].at)
}

/// Whether each recipient of each alert that wants an answer comes to a decision when nobody answers.
fn everybody_ends_at_a_person(playbook: &Playbook, directory: &Directory) -> bool {
    let timetable = preflight::preflight(&preflight::Plan {
        playbook,
        directory,
        values: &std::collections::BTreeMap::new(),
        at: crate::time::Timestamp(1_795_457_940_000),
        zone: chrono_tz::Asia::Tokyo,
        answers: preflight::Answers::None,
        drill: false,
        serves: &|_| true,
        relays: None,
        paces: &[],
        health: None,
        admins: &[],
        commanders: &[],
        starter: None,
    });
    timetable.alerts.iter().all(|alert| {
        let decisions = timetable.entries.iter().filter(|entry| {
            entry.alert.as_ref() == Some(&alert.key) && entry.what == preflight::What::Decide
        });
        let wants_none =
            playbook.alert(&alert.key).is_some_and(|plan| matches!(plan.ack, AckRule::None { .. }));
        decisions.count() == if wants_none { 0 } else { alert.recipients }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_damaged_playbook_is_read_or_refused_and_never_a_panic(bytes in damaged(PLAYBOOK)) {
        let (directory, _) = crate::directory::read(DIRECTORY.as_bytes());
        let (playbook, problems) = read(&bytes, directory.as_ref());
        let refused = problems.iter().any(|problem| problem.severity == Severity::Error);
        prop_assert_eq!(playbook.is_none(), refused);
        prop_assert!(is_told_well(&problems));
        crate::document_kind(&bytes);
        if let Some((playbook, directory)) = playbook.zip(directory) {
            prop_assert!(everybody_ends_at_a_person(&playbook, &directory));
        }
    }

    #[test]
    fn a_damaged_directory_is_read_or_refused_and_never_a_panic(bytes in damaged(DIRECTORY)) {
        let (directory, problems) = crate::directory::read(&bytes);
        let refused = problems.iter().any(|problem| problem.severity == Severity::Error);
        prop_assert_eq!(directory.is_none(), refused);
        prop_assert!(is_told_well(&problems));
    }
}
