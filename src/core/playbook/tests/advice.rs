//! What the checker says is what helps: the fault itself and nothing beside it, and a cure that can be copied.

use super::{SMALL, SMALL_DIRECTORY, broken, directory, told};
use crate::{
    playbook::{Site, check, read},
    problem::{Problem, Severity},
    time::Timestamp,
};

/// The problems of the small playbook with these changes, in the small directory.
fn problems(changes: &[(&str, &str)]) -> Vec<Problem> {
    problems_in(SMALL_DIRECTORY, changes)
}

fn problems_in(around: &str, changes: &[(&str, &str)]) -> Vec<Problem> {
    let (text, _) = broken(SMALL, changes);
    read(text.as_bytes(), Some(&directory(around))).1
}

/// The one problem, told at the mark in two languages, whose cure has these words.
fn cures(code: &str, changes: &[(&str, &str)], words: [&str; 2]) {
    let (text, place) = broken(SMALL, changes);
    let problems = read(text.as_bytes(), Some(&directory(SMALL_DIRECTORY))).1;
    assert_eq!(told(&problems), [(code, place)], "{changes:?}\n{problems:#?}");
    let [ja, en] = words;
    assert!(problems[0].help.ja.contains(ja), "{problems:#?}");
    assert!(problems[0].help.en.as_ref().is_some_and(|help| help.contains(en)), "{problems:#?}");
}

fn tasks(items: &str) -> String {
    format!("tasks:\n  - items:\n{items}cancel:")
}

fn jma(rest: &str) -> String {
    format!("triggers:\n  - {{ key: jma, source: jma.earthquake, {rest} }}\n")
}

#[test]
fn an_intensity_is_of_the_scale_and_in_quotes_wherever_it_stands() {
    for (code, when) in [
        ("T02", "max_intensity: «\"9\""),
        ("T02", "max_intensity: { gte: «\"6強\" }"),
        ("T02", "max_intensity_in: [\"6+\", «\"8\"]"),
        ("T02", "max_intensity: [«\"8\"]"),
        ("T02", "max_intensity_in: «\"8\""),
        ("R02", "max_intensity: «7"),
        ("R02", "max_intensity: { gte: «6+ }"),
        ("R02", "max_intensity_in: [\"7\", «6+]"),
    ] {
        super::gives(code, &[("triggers:\n", &jma(&format!("when: {{ {when} }}")))]);
    }
    for when in
        ["max_intensity: \"7\"", "max_intensity_in: [\"6+\", \"7\"]", "max_intensity: { gte: \"5-\" }"]
    {
        assert_eq!(problems(&[("triggers:\n", &jma(&format!("when: {{ {when} }}")))]), [], "{when}");
    }
    let default = |word: &str| format!("variables:\n  i: {{ type: jma_intensity, default: {word} }}\n");
    let used = ("subject: 取消", "subject: \"取消 {{ i }}\"");
    super::gives("R02", &[("variables:\n", &default("«6+")), used]);
    assert_eq!(problems(&[("variables:\n", &default("\"6+\"")), used]), []);
}

#[test]
fn a_telephone_number_that_others_take_for_a_number_is_told() {
    for bare in ["phone: «0312345678", "phone: «+81312345678"] {
        super::directory_gives("R02", &[("phone: \"0000\"", bare)]);
    }
    for fine in ["phone: \"0312345678\"", "phone: 03-1234-5678", "phone: ０３１２３４５６７８"] {
        let (text, _) = broken(SMALL_DIRECTORY, &[("phone: \"0000\"", fine)]);
        assert_eq!(crate::directory::read(text.as_bytes()).1, [], "{fine}");
    }
}

#[test]
fn what_lives_in_the_directory_is_to_be_added_there() {
    cures(
        "R01",
        &[("[roster.duty]", "[«roster.ghost]")],
        ["台帳(Directory)の rosters", "rosters of the directory"],
    );
    cures(
        "R01",
        &[("via: [sms]", "via: [«ghost]")],
        ["台帳(Directory)の transports", "transports of the directory"],
    );
    cures(
        "R01",
        &[("    ladder: climb", "    ladder: «ghost")],
        ["ladders に「ghost」を定義", "under ladders"],
    );
}

#[test]
fn a_name_of_the_services_own_is_not_to_be_declared() {
    let name = |name: &str| format!("body: \"取り消します «{{{{ {name} }}}}\"");
    for (wrong, words) in [
        ("role.ghost.name", ["roles: に ghost", "Define ghost under \"roles:\""]),
        ("role.chief.phone", ["{{ role.chief.name }}", "{{ role.chief.title }}"]),
        ("site.nothing", ["台帳の site: に nothing", "Add nothing to \"site:\" of the directory"]),
        ("incident.foo", ["incident.cancel_reason", "incident.cancel_reason"]),
        ("foo", ["variables: に foo", "Declare foo under \"variables:\""]),
    ] {
        cures("R04", &[("body: 取り消します", &name(wrong))], words);
    }
}

#[test]
fn an_alert_that_nothing_raises_is_told_once_cancel_and_close_lead_somewhere() {
    super::gives("R01", &[("alert: cancelled", "alert: «cancelledd")]);
    super::gives("A13", &[(", alert: cancelled", ""), ("cancel: {", "cancel: «{")]);
    super::gives("R02", &[(", alert: cancelled", ", «alrt: cancelled")]);
    let note = "alerts:\n  note:\n    «to: [\"agency:hospitals\"]\n    via: [email]\n    subject: x\n    body: y\n    ack: { mode: none, because: z }\n";
    cures(
        "R02",
        &[("alerts:\n", note)],
        ["send: { event: incident.activated }", "send: { event: incident.activated }"],
    );
}

#[test]
fn each_fault_is_told_once() {
    let codes = |changes: &[(&str, &str)]| -> Vec<&'static str> {
        problems(changes).iter().map(|problem| problem.code).collect()
    };
    assert_eq!(codes(&[("- { key: unavailable,", "- { no: unavailable,")]), ["R02"]);
    assert_eq!(codes(&[("    steps:\n", "    steps: []\n    stepz:\n")]), ["R02"]);
    assert_eq!(codes(&[("from: [roster.duty, roster.deputy]", "from: []")]), ["R02"]);
    let without_alternate = SMALL_DIRECTORY.replace(", alternate: { phone: \"0000\" }", "");
    let told = problems_in(&without_alternate, &[]);
    assert_eq!(told.iter().filter(|problem| problem.code == "A09").count(), 1, "{told:#?}");
    let requires =
        "requires: { agencies: [], rosters: [duty, deputy], transports: [email, sms, phone] }\nvariables:";
    assert_eq!(codes(&[("variables:", requires)]), ["R03"]);
}

#[test]
fn an_empty_hour_of_a_roster_that_is_written_to_is_not_to_be_mended_in_fill() {
    let at = Timestamp::parse_rfc3339("2026-11-24T09:00:00+09:00");
    let gap = "members: [tanaka], gaps: [{ from: 2026-12-01, to: 2026-12-02 }]";
    let around = directory(&SMALL_DIRECTORY.replace("members: [tanaka]", gap));
    let note = "alerts:\n  note: { send: { event: incident.activated }, to: [«roster.deputy], via: [email], subject: x, body: y, ack: { mode: none, because: z } }\n";
    let (text, place) = broken(SMALL, &[("alerts:\n", note)]);
    let found = check(text.as_bytes(), &Site { directory: Some(&around), at, neighbours: None }).1;
    let errors: Vec<_> = found.iter().filter(|problem| problem.severity == Severity::Error).collect();
    let [problem] = errors.as_slice() else { panic!("{found:#?}") };
    assert_eq!((problem.code, Some((problem.at.line, problem.at.column))), ("T05", place));
    assert!(!problem.help.ja.contains("fill"), "{problem:#?}");
}

#[test]
fn the_words_that_can_stand_there_are_listed_whole() {
    cures("R02", &[("to: alternate", "to: «alternat")], ["same, alternate", "Did you mean \"alternate\"?"]);
    cures("R02", &[("to: same", "to: «hospitals")], ["roster.…", "\"agency:…\""]);
    let due = |after: &str| {
        tasks(&format!(
            "      - {{ key: t, title: t, role: chief, due: {{ after: «{after}, within: 5m }} }}\n"
        ))
    };
    let all = "incident.stabilised、incident.closing、incident.closed、incident.cancelled、task.created";
    cures("R02", &[("cancel:", &due("incident.activate"))], [all, "Did you mean \"incident.activated\"?"]);
}

#[test]
fn a_missing_key_comes_with_what_to_write() {
    cures(
        "T05",
        &[(", accept_within: 10m", ""), ("fill: {", "fill: «{")],
        ["accept_within: 10m", "accept_within: 10m"],
    );
    let hold = "mode: open_and_hold, dedupe: { by: trigger.event_id, window: 1h, then: attach }";
    let marked = |rest: &str| jma(rest).replace("- {", "- «{");
    cures("T01", &[("triggers:\n", &marked(hold))], ["on_hold_timeout: send", "on_hold_timeout: send"]);
    let dedupe = "dedupe: { by: trigger.event_id, window: 12h, then: attach }";
    cures("T01", &[("triggers:\n", &marked("mode: open_and_send"))], [dedupe, dedupe]);
    let webhook = "triggers:\n  - «{ key: hook, source: webhook }\n";
    cures("R02", &[("triggers:\n", webhook)], ["webhook: { secret:", "webhook: { secret:"]);
    let report = |rest: &str| {
        format!(
            "reports:\n  sitrep: «{{ form: ics209, author: chief, schedule: [{{ from: 0h, every: 1h }}]{rest} }}\ncancel:"
        )
    };
    let decide = "decide: { at: 10m, to: \"role:leader\" }";
    cures("T08", &[("cancel:", &report(""))], [decide, decide]);
    let inside = report(", if_missed: «{ remind: [5m] }").replacen('«', "", 1);
    cures("T08", &[("cancel:", &inside)], [decide, decide]);
}

#[test]
fn nobody_is_no_list_of_who_may_start_it() {
    super::gives("T03", &[("[roster.duty]", "«[]")]);
    assert_eq!(problems(&[(", allow: [roster.duty]", "")]), []);
}

#[test]
fn what_is_said_outside_has_to_come_in() {
    let channels = |one: &str, two: &str| {
        format!(
            "channels:\n  fire: {{ visibility: outside, relay_to: {one} }}\n  police: {{ visibility: outside, relay_to: {two} }}\n"
        )
    };
    super::gives("T10", &[("channels:\n", &channels("«police", "fire"))]);
    super::gives("T10", &[("channels:\n", &channels("«fire", "command"))]);
    assert_eq!(problems(&[("channels:\n", &channels("police", "command"))]), []);
}

#[test]
fn tasks_that_wait_for_each_other_by_their_due_times_are_a_circle() {
    let due = |key: &str, after: &str| {
        format!("      - {{ key: {key}, title: t, role: chief, due: {{ after: {after}, within: 5m }} }}\n")
    };
    let two = due("a", "task.b.done") + &due("b", "«task.a.done");
    super::gives("R05", &[("cancel:", &tasks(&two))]);
    let alone = "      - { key: a, title: a, role: chief, requires: [«a] }\n";
    let (text, place) = broken(SMALL, &[("cancel:", &tasks(alone))]);
    let found = read(text.as_bytes(), None).1;
    assert_eq!(told(&found), [("R05", place)]);
    assert!(found[0].detail.ja.contains("自分自身"), "{found:#?}");
    let both = "      - { key: a, title: a, role: chief }\n      - { key: b, title: b, role: chief, requires: [a], due: { after: task.a.done, within: 5m } }\n";
    assert_eq!(problems(&[("cancel:", &tasks(both))]), []);
}

#[test]
fn a_written_out_address_in_a_long_text_is_told_where_it_stands() {
    super::gives(
        "A16",
        &[("body: 取り消します", "body: |\n      取り消します\n      詳しくは «https://a.example を")],
    );
}

#[test]
fn whoever_is_asked_by_sms_can_answer() {
    super::gives("A16", &[("sms: \"待機 {{ alert.link }}\"", "sms: «待機")]);
    super::gives(
        "A16",
        &[("sms: \"待機 {{ alert.link }}\"", "sms: { ja: \"待機 {{ alert.link }}\", en: «standby }")],
    );
}

#[test]
fn a_hold_needs_a_mode_that_holds() {
    super::gives("R06", &[("triggers:\n", &jma("mode: suggest, hold: «3m"))]);
    super::gives("R06", &[("triggers:\n", &jma("on_hold_timeout: «send"))]);
}

#[test]
fn a_quorum_is_no_larger_than_its_recipients() {
    let quorum =
        |quorum: &str| format!("respond_by: 30m, quorum: {quorum} }}\n    ladder: climb\n  cancelled:");
    let rest = "respond_by: 30m }\n    ladder: climb\n  cancelled:";
    super::gives("A14", &[(rest, &quorum("{ accept: «2 }"))]);
    super::gives("A14", &[(rest, &quorum("«9"))]);
    for fine in ["1", "{ accept: 1 }", "all", "{ accept: 9, count: teams }"] {
        assert_eq!(problems(&[(rest, &quorum(fine))]), [], "{fine}");
    }
}
