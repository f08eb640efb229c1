//! One smallest file for every rule that breaks this rule and nothing else, and one that nearly does. The mark « shows
//! where the problem has to be told. Each case is checked a second time with its rule switched off: then the broken
//! file has no problem at all, so the case would fail without the rule, and no other rule tells the same fault.

use std::collections::BTreeSet;

use super::{SMALL, SMALL_DIRECTORY, broken, directory};
use crate::{
    directory::syntax::check_without as check_directory,
    playbook::{Neighbour, Site, syntax::check_without},
    problem::{Problem, Severity},
    rule::{Needs, RULES},
    time::Timestamp,
};

/// Words of a file and what stands in their place.
type Changes<'c> = &'c [(&'c str, &'c str)];

/// One way to break a rule.
#[derive(Clone, Copy)]
struct Case<'c> {
    code: &'static str,
    severity: Severity,
    /// What makes the small playbook break the rule.
    breaks: Changes<'c>,
    /// What makes it come close to that.
    nearly: Changes<'c>,
    /// What makes the directory part of it, in both.
    directory: Changes<'c>,
    /// What else the directory lacks where the rule is broken.
    only_broken: Changes<'c>,
    /// The playbooks beside it.
    neighbours: &'c [&'c str],
}

const EASY: Case<'static> = Case {
    code: "",
    severity: Severity::Error,
    breaks: &[],
    nearly: &[],
    directory: &[],
    only_broken: &[],
    neighbours: &[],
};

/// A Monday morning in the directory's first month.
const AT: &str = "2026-11-24T09:00:00+09:00";

fn error<'c>(code: &'static str, breaks: Changes<'c>, nearly: Changes<'c>) -> Case<'c> {
    Case { code, breaks, nearly, ..EASY }
}

fn warning<'c>(code: &'static str, breaks: Changes<'c>, nearly: Changes<'c>) -> Case<'c> {
    Case { severity: Severity::Warning, ..error(code, breaks, nearly) }
}

/// The fault lies in the directory; the mark stands in the playbook.
fn by_directory<'c>(case: Case<'c>, only_broken: Changes<'c>) -> Case<'c> {
    Case { only_broken, nearly: case.breaks, ..case }
}

impl Case<'_> {
    /// The problems of the file, and the place of its mark.
    fn problems(&self, is_broken: bool, off: Option<&'static str>) -> (Vec<Problem>, Option<(u32, u32)>) {
        let (text, place) = broken(SMALL, if is_broken { self.breaks } else { self.nearly });
        let (mut around, _) = broken(SMALL_DIRECTORY, self.directory);
        if is_broken {
            around = broken(&around, self.only_broken).0;
        }
        let neighbours: Vec<Neighbour> = self
            .neighbours
            .iter()
            .map(|file| Neighbour::read(file.as_bytes()).expect("a playbook"))
            .collect();
        let directory = directory(&around);
        let site = Site {
            directory: Some(&directory),
            at: Timestamp::parse_rfc3339(AT),
            neighbours: Some(&neighbours),
        };
        (check_without(off, text.as_bytes(), &site).1, place)
    }

    fn holds(&self) -> Result<(), String> {
        self.holds_with(None)
    }

    fn holds_with(&self, off: Option<&'static str>) -> Result<(), String> {
        let (problems, place) = self.problems(true, off);
        let told: Vec<_> =
            problems.iter().map(|p| (p.code, p.severity, Some((p.at.line, p.at.column)))).collect();
        if told != [(self.code, self.severity, place)] {
            return Err(format!("{} is not told at {place:?}: {problems:#?}", self.code));
        }
        let words = |text: &crate::text::Text| {
            !text.ja.is_empty() && text.en.as_ref().is_some_and(|en| *en != text.ja)
        };
        if !problems.iter().all(|p| words(&p.detail) && words(&p.help) && !p.path.contains(' ')) {
            return Err(format!("{} is not told in two languages: {problems:#?}", self.code));
        }
        let (problems, _) = self.problems(false, off);
        if !problems.is_empty() {
            return Err(format!("what nearly breaks {} is told: {problems:#?}", self.code));
        }
        Ok(())
    }
}

const OPEN_AND_SEND: &str = "triggers:\n  - { key: jma, source: jma.earthquake, when: { max_intensity: { gte: \"6+\" } }, mode: open_and_send, dedupe: { by: trigger.event_id, window: 1h, then: attach } }\n";
const WITH_HOLD: &str = "triggers:\n  - «{ key: jma, source: jma.earthquake, mode: open_and_hold, hold: 3m, dedupe: { by: trigger.event_id, window: 1h, then: attach } }\n";

/// Seven required tasks in a quarter of an hour, and one more that is due within `last`.
fn tasks(last: &str) -> String {
    let seven: String = (1..8)
        .map(|n| format!("      - {{ key: t{n}, title: t, role: chief, required: true, due: {{ after: incident.activated, within: {n}m }} }}\n"))
        .collect();
    format!(
        "tasks:\n  - items:\n{seven}      - {{ key: t8, title: t, role: chief, required: true, due: {{ after: incident.activated, within: {last} }} }}\ncancel:"
    )
}

fn report(rest: &str) -> String {
    format!(
        "reports:\n  sitrep: {{ form: ics209, author: chief, schedule: [{{ from: 0h, every: 1h }}], if_missed: {{ decide: {{ at: 5m, to: \"role:chief\" }} }}, {rest} }}\ncancel:"
    )
}

fn close(conditions: &str) -> String {
    format!("close: {{ propose_when: {{ all: [{conditions}] }} }}\ncancel:")
}

const CANCELLED_TO: &str = "    to: [\"agency:hospitals\"]\n    via: [email, sms]\n    subject: 取消";
const SCRIBE: &str =
    "roles:\n  scribe: { title: 記録, fill: { from: [roster.deputy], accept_within: 5m } }\n";
const GROUP_OF_TWO: Changes<'static> = &[(
    "members: [hosp_a] }",
    "members: [hosp_a] }\n  others: { kind: group, members: [hosp_b, hosp_c] }\n  hosp_b: { title: B, primary: { email: b@b.example, sms: \"0000\" }, alternate: { phone: \"0000\" } }\n  hosp_c: { title: C, primary: { email: c@c.example, sms: \"0000\" }, alternate: { phone: \"0000\" } }",
)];

#[test]
fn every_rule_is_told_once_at_its_place_and_only_where_it_is_broken() {
    let mut checked = BTreeSet::new();
    let mut failures = Vec::new();
    let mut look = |case: Case<'_>| {
        checked.insert(case.code);
        failures.extend(case.holds().err());
        // Without its rule the very same case has to fail, and the broken file has nothing else to be told.
        if case.holds_with(Some(case.code)).is_ok() || !case.problems(true, Some(case.code)).0.is_empty() {
            failures.push(format!("{} is told by another rule too", case.code));
        }
    };

    look(error("R01", &[("[roster.duty]", "[«roster.night]")], &[("[roster.duty]", "[roster.deputy]")]));
    look(error(
        "R02",
        &[("severity: critical", "«sevrity: critical")],
        &[("severity: critical", "severity: high")],
    ));
    let requires = |agencies: &str| {
        format!(
            "requires: {{ agencies: [{agencies}], rosters: [duty, deputy], transports: [email, sms, phone] }}\nvariables:"
        )
    };
    look(error(
        "R03",
        &[("variables:", &requires("hospitals, «fire"))],
        &[("variables:", &requires("hospitals"))],
    ));
    look(error(
        "R04",
        &[("\"待機 {{ place }}\"", "\"待機 {{ place }} «{{ plase }}\"")],
        &[("\"待機 {{ place }}\"", "\"待機 {{ place }} {{place}} {{ recipient.name }} { plase }\"")],
    ));
    let two = |first: &str| {
        format!(
            "tasks:\n  - items:\n      - {{ key: a, title: a, role: chief{first} }}\n      - {{ key: b, title: b, role: chief, requires: [«a] }}\ncancel:"
        )
    };
    look(error("R05", &[("cancel:", &two(", requires: [b]"))], &[("cancel:", &two(""))]));
    let hidden = |when: &str| {
        format!(
            "tasks:\n  - items:\n      - {{ key: a, title: a, role: chief{when} }}\n      - {{ key: b, title: b, role: chief, due: {{ after: «task.a.done, within: 5m }} }}\ncancel:"
        )
    };
    look(error(
        "R05",
        &[("cancel:", &hidden(", when: { var: place, eq: 北部 }"))],
        &[("cancel:", &hidden(""))],
    ));
    look(warning(
        "R06",
        &[("variables:\n", "variables:\n  «spare: { ask: 予備 }\n")],
        &[
            ("variables:\n", "variables:\n  spare: { ask: 予備 }\n"),
            ("subject: 取消", "subject: \"取消 {{ spare }}\""),
        ],
    ));
    look(warning("R06", &[("drills:", "waive: [{ code: «A07, because: もうない }]\ndrills:")], &[]));
    let more = &[(
        CANCELLED_TO,
        "    to: [\"agency:hospitals\", «\"agency:others\"]\n    via: [email, sms]\n    subject: 取消",
    )];
    let empty = &[("members: [hosp_b, hosp_c]", "members: []")];
    look(Case { directory: GROUP_OF_TWO, ..by_directory(warning("R06", more, &[]), empty) });
    look(Case {
        neighbours: &[&SMALL.replace("小さな手順書", "前の手順書")],
        ..warning("R07", &[("version: 1.0.0", "version: «1.0.0")], &[("version: 1.0.0", "version: 1.0.1")])
    });

    look(error(
        "A01",
        &[("standby:\n    send", "standby:\n    «send"), ("    ladder: climb\n", "")],
        &[
            ("    ladder: climb\n", ""),
            (
                "    responses: deploy\n    ack: { unit: agency, read_by: 5m, ack_by: 10m, respond_by: 30m }",
                "    ack: { mode: none, because: 周知のみ }",
            ),
        ],
    ));
    look(error(
        "A02",
        &[("- { at: 30m", "- «{ at: 30m"), (", final: true", "")],
        &[("final: true }", "final: true, options: [終わる, { label: 延ばす, then: extend, by: 5m }] }")],
    ));
    look(by_directory(
        error("A02", &[("to: \"role:chief\"", "to: «\"role:chief\"")], &[]),
        &[("佐藤, human: true", "佐藤, human: false"), ("田中, human: true", "田中, human: false")],
    ));
    look(by_directory(
        error("A03", &[("to: \"role:chief\"", "to: «\"role:chief\""), (", allow: [roster.duty]", "")], &[]),
        &[("members: [sato], rotate: daily", "members: []"), ("members: [tanaka]", "members: []")],
    ));
    let call = "- { at: 30m, if: unresponded, do: decide, to: «\"role:chief\"";
    let call = format!("- {{ at: 20m, if: unacked, do: call, to: roster.deputy }}\n      {call}");
    look(error(
        "A03",
        &[
            ("- { at: 30m, if: unresponded, do: decide, to: \"role:chief\"", &call),
            ("[roster.duty, roster.deputy]", "[roster.deputy]"),
        ],
        &[("- { at: 30m, if: unresponded, do: decide, to: \"role:chief\"", &call)],
    ));
    look(error("A04", &[("ack_by: 10m", "ack_by: «11m")], &[("ack_by: 10m", "ack_by: 9m")]));
    look(error(
        "A04",
        &[("ack: { unit: agency, read_by: 5m, ", "ack: «{ unit: agency, ")],
        &[("ack: { unit: agency, read_by: 5m, ", "ack: { unit: agency, read_by: 4m, ")],
    ));
    look(error(
        "A05",
        &[("at: 10m, if: unacked", "at: «5m, if: unread")],
        &[("at: 10m, if: unacked", "at: 6m, if: unread")],
    ));
    look(warning(
        "A05",
        &[("at: 10m, if: unacked", "at: «5m59s, if: unread")],
        &[("at: 10m, if: unacked", "at: 6m, if: unread")],
    ));
    look(error(
        "A06",
        &[("at: 30m", "at: «31m")],
        &[("at: 30m", "at: 31m"), ("severity: critical", "severity: high")],
    ));
    look(Case {
        directory: &[("site: {", "site: { decide_within_critical: 20m, decide_within_high: 20m,")],
        ..error(
            "A06",
            &[
                ("at: 30m", "at: «21m"),
                ("respond_by: 30m", "respond_by: 20m"),
                ("respond_by: 30m", "respond_by: 20m"),
            ],
            &[
                ("at: 30m", "at: 20m"),
                ("respond_by: 30m", "respond_by: 20m"),
                ("respond_by: 30m", "respond_by: 20m"),
            ],
        )
    });
    look(by_directory(warning("A07", &[("via: [sms]", "via: «[sms]")], &[]), &[(", sms: \"0000\" }", " }")]));
    look(warning(
        "A07",
        &[("to: alternate, via: [email, phone]", "to: roster.duty, via: «[phone]")],
        &[("to: alternate, via: [email, phone]", "to: roster.duty, via: [email, phone]")],
    ));
    let once = &[(
        "    to: [\"agency:hospitals\"]\n    via: [email, sms]\n    sev",
        "    to: [«\"agency:hospitals\"]\n    via: [email, sms]\n    sev",
    )];
    look(by_directory(
        warning("A08", once, &[]),
        &[("alternate: { phone: \"0000\" }", "alternate: { email: b@A.example }")],
    ));
    look(Case {
        directory: &[("sms: \"0000\" }", "sms: \"000-0000-0001\" }")],
        ..by_directory(
            warning("A08", once, &[]),
            &[("alternate: { phone: \"0000\" }", "alternate: { phone: ０００ー００００ー０００１ }")],
        )
    });
    look(by_directory(
        warning("A08", once, &[]),
        &[("alternate: {", "alternate: { person: sato,"), ("primary: {", "primary: { person: sato,")],
    ));
    let note = &[(
        "alerts:\n",
        "alerts:\n  note: { send: { event: incident.activated }, to: [«roster.duty], via: [email], subject: x, body: y, ack: { mode: none, because: z } }\n",
    )];
    look(Case {
        directory: &[("{ email: sato@eoc.example }", "{ email: sato@eoc.example, phone: \"0000\" }")],
        ..by_directory(
            warning("A08", note, &[]),
            &[("sato@eoc.example, phone: \"0000\" }", "sato@eoc.example }")],
        )
    });
    let alone = &[(
        "title: C, primary: { email: c@c.example, sms: \"0000\" }, alternate: { phone: \"0000\" }",
        "title: C, primary: { email: c@c.example, sms: \"0000\" }",
    )];
    look(Case { directory: GROUP_OF_TWO, ..by_directory(error("A09", more, &[]), alone) });
    let elsewhere = &[
        (
            "title: C, primary: { email: c@c.example, sms: \"0000\" }",
            "title: C, primary: { phone: \"0000\" }",
        ),
        (
            "title: C, primary: { phone: \"0000\" }, alternate: { phone",
            "title: C, primary: { phone: \"0000\" }, alternate: { email: c@c.example, phone",
        ),
    ];
    look(Case { directory: GROUP_OF_TWO, ..by_directory(error("A09", more, &[]), elsewhere) });
    look(Case {
        directory: GROUP_OF_TWO,
        ..warning(
            "A10",
            &[("to: alternate, via: [email, phone]", "to: «\"agency:others\", via: [email]")],
            &[("to: alternate, via: [email, phone]", "to: \"agency:hosp_b\", via: [email]")],
        )
    });
    look(error(
        "A11",
        &[("meaning: seen, counts_as: read", "meaning: seen, counts_as: «ack")],
        &[("meaning: seen", "meaning: question")],
    ));
    look(error(
        "A11",
        &[("after: available }", "after: «nowhere }")],
        &[("after: available }", "after: unavailable }")],
    ));
    look(error(
        "A11",
        &[
            ("- { key: unavailable, label: 出動不可, meaning: decline, counts_as: ack }\n    ", ""),
            ("deploy:\n    - {", "deploy:\n    «- {"),
        ],
        &[
            ("- { key: unavailable, label: 出動不可, meaning: decline, counts_as: ack }\n    ", ""),
            (", ask: [{ key: teams, label: 隊数, type: int, min: 1, max: 9 }]", ""),
        ],
    ));
    let long = |n: usize| format!("sms: «「{{{{ place }}}}」{}{{{{ alert.link }}}}", "の".repeat(n));
    // The mark takes 4, the place 20 and its brackets 2, the link 70: 38 are left of 134.
    look(error(
        "A12",
        &[("sms: 取消 {{ alert.link }}", &long(39))],
        &[("sms: 取消 {{ alert.link }}", &long(38))],
    ));
    look(error(
        "A12",
        &[("    via: [email, sms]", "    via: [email, «sms]"), ("    sms: \"待機 {{ alert.link }}\"\n", "")],
        &[
            ("    via: [email, sms]", "    via: [email]"),
            ("    sms: \"待機 {{ alert.link }}\"\n", ""),
            ("via: [sms]", "via: [email]"),
        ],
    ));
    look(error(
        "A12",
        &[
            ("    via: [email, sms]", "    via: [email]"),
            ("    sms: \"待機 {{ alert.link }}\"\n", ""),
            ("via: [sms]", "via: [«sms]"),
        ],
        &[("    via: [email, sms]", "    via: [email]"), ("via: [sms]", "via: [sms]")],
    ));
    look(error(
        "A13",
        &[(CANCELLED_TO, "    to: [\"agency:hospitals\"]\n    via: «[email]\n    subject: 取消")],
        &[("    via: [email, sms]\n    sev", "    via: [email]\n    sev")],
    ));
    let told = ("    to: [\"agency:hospitals\"]", "    to: [\"agency:hospitals\", \"agency:others\"]");
    look(Case {
        directory: GROUP_OF_TWO,
        ..error(
            "A13",
            &[
                told,
                (CANCELLED_TO, "    to: «[\"agency:hospitals\"]\n    via: [email, sms]\n    subject: 取消"),
            ],
            &[
                told,
                (
                    CANCELLED_TO,
                    "    to: [\"agency:hosp_a\", \"agency:hosp_b\", \"agency:hosp_c\"]\n    via: [email, sms]\n    subject: 取消",
                ),
            ],
        )
    });
    look(warning(
        "A14",
        &[("if: unresponded", "if: «unresponded"), ("[responded, superseded", "[acked, superseded")],
        &[("if: unresponded", "if: unacked"), ("[responded, superseded", "[acked, superseded")],
    ));
    let raise =
        |to: &str| format!("final: true, options: [終わる, {{ label: 上げる, then: raise, to: {to} }}] }}");
    look(warning(
        "A15",
        &[("final: true }", &raise("«\"role:chief\""))],
        &[("final: true }", &raise("roster.duty"))],
    ));
    let refresh = |ack: &str| format!("    {ack}\n    ladder: climb\n  cancelled:");
    let ack = "ack: { unit: agency, read_by: 5m, ack_by: 10m, respond_by: 30m }";
    let plain = format!("    {ack}\n    ladder: climb\n  cancelled:");
    look(warning(
        "A15",
        &[
            ("after: available }", "after: available, refresh_every: «60m }"),
            (&plain, &refresh("ack: { mode: none, because: 周知のみ }")),
        ],
        &[("after: available }", "after: available, refresh_every: 60m }")],
    ));
    look(warning(
        "A16",
        &[("body: 取り消します", "body: «https://a.example を開いてください")],
        &[("body: 取り消します", "body: \"{{ alert.link }} を開いてください\"")],
    ));
    look(warning(
        "A17",
        &[
            ("body: 取り消します", "body: 取り消します «{{ whose }}"),
            ("variables:\n", "variables:\n  whose: { ask: 患者の名前 }\n"),
        ],
        &[
            ("body: 取り消します", "body: 取り消します {{ whose }}"),
            ("variables:\n", "variables:\n  whose: { ask: 担当者の名前 }\n"),
        ],
    ));
    look(warning(
        "A17",
        &[("body: 取り消します", "body: 取り消します «{{ recipient.person.name }}")],
        &[("body: 取り消します", "body: 取り消します {{ recipient.name }}")],
    ));

    look(error(
        "T01",
        &[("triggers:\n", WITH_HOLD)],
        &[("triggers:\n", &WITH_HOLD.replace("hold: 3m", "hold: 3m, on_hold_timeout: send"))],
    ));
    look(error(
        "T01",
        &[(
            "triggers:\n",
            &OPEN_AND_SEND
                .replace("- {", "- «{")
                .replace(", dedupe: { by: trigger.event_id, window: 1h, then: attach }", ""),
        )],
        &[("triggers:\n", OPEN_AND_SEND)],
    ));
    look(error(
        "T02",
        &[("triggers:\n", &OPEN_AND_SEND.replace("\"6+\"", "«\"8\""))],
        &[("triggers:\n", &OPEN_AND_SEND.replace("\"6+\"", "\"7\""))],
    ));
    let areas =
        |of: &str| OPEN_AND_SEND.replace("{ gte: \"6+\" }", &format!("{{ gte: \"6+\" }}, area_in: {of}"));
    look(error("T02", &[("triggers:\n", &areas("[北部, «南部]"))], &[("triggers:\n", &areas("[北部]"))]));
    look(error("T02", &[("triggers:\n", &areas("«site.regions"))], &[("triggers:\n", &areas("site.areas"))]));
    let now = |from: &str| format!("members: [sato], gaps: [{{ from: {from}, to: 2026-11-25 }}]");
    look(by_directory(
        warning("T03", &[("[roster.duty]", "«[roster.duty]")], &[]),
        &[("members: [sato]", &now("2026-11-24"))],
    ));
    let other = SMALL.replace("key: small", "key: other").replace("triggers:\n", OPEN_AND_SEND);
    look(Case {
        neighbours: &[&other],
        ..warning(
            "T04",
            &[(
                "triggers:\n",
                &OPEN_AND_SEND.replace("when: {", "when: «{").replace("gte: \"6+\"", "gte: \"5-\""),
            )],
            &[("triggers:\n", &OPEN_AND_SEND.replace("gte: \"6+\"", "lt: \"6+\""))],
        )
    });
    look(error("T05", &[(", accept_within: 10m", ""), ("fill: {", "fill: «{")], &[]));
    let soon = "members: [sato], gaps: [{ from: 2026-12-23, to: 2026-12-24 }]";
    look(Case {
        directory: &[(
            "members: [tanaka]",
            "members: [tanaka], gaps: [{ from: 2026-12-20, to: 2027-01-10 }]",
        )],
        ..by_directory(error("T05", &[("from: [", "from: «[")], &[]), &[("members: [sato]", soon)])
    });
    // Thirty-one days ahead.
    look(Case {
        directory: &[(
            "members: [tanaka]",
            "members: [tanaka], gaps: [{ from: 2026-12-25, to: 2027-01-10 }]",
        )],
        nearly: &[("[roster.duty, roster.deputy]", "[roster.deputy]")],
        ..by_directory(
            error("T05", &[("[roster.duty, roster.deputy]", "«[roster.deputy]")], &[]),
            &[("from: 2026-12-25", "from: 2026-12-24")],
        )
    });
    look(warning(
        "T06",
        &[("roles:\n", SCRIBE), ("cancel:", &report("approver: «scribe"))],
        &[
            ("roles:\n", SCRIBE),
            ("cancel:", &report("approver: scribe")),
            ("[roster.duty, roster.deputy]", "[roster.duty]"),
        ],
    ));
    look(warning("T07", &[("cancel:", &tasks("«15m"))], &[("cancel:", &tasks("16m"))]));
    look(error(
        "T08",
        &[("cancel:", &report("audience: [«\"channel:press\"]"))],
        &[("cancel:", &report("audience: [\"channel:command\"]"))],
    ));
    look(error(
        "T08",
        &[
            ("cancel:", &report("audience: [«\"channel:command\"]")),
            ("title: 本部, ", "title: 本部, broadcasts: false, "),
        ],
        &[
            ("cancel:", &report("audience: [\"channel:command\"]")),
            ("title: 本部, ", "title: 本部, broadcasts: true, "),
        ],
    ));
    let rhythm = |from: &str| {
        report("")
            .replace(
                "schedule: [{ from: 0h, every: 1h }]",
                &format!("schedule: [{{ from: 0h, to: 1h, every: 1h }}, «{{ from: {from}, every: 1h }}]"),
            )
            .replace("}, }", "} }")
    };
    look(error("T08", &[("cancel:", &rhythm("2h"))], &[("cancel:", &rhythm("1h"))]));
    look(error(
        "T09",
        &[("cancel:", &close("{ metric: «alerts.open, eq: 0 }"))],
        &[("cancel:", &close("{ metric: alerts.unresolved, eq: 0 }"))],
    ));
    look(error(
        "T09",
        &[("cancel:", &close("{ metric: teams.active, eq: 0 }, { metric: teams.active, gt: «0 }"))],
        &[("cancel:", &close("{ metric: teams.active, gte: 0 }, { metric: teams.active, lt: 1 }"))],
    ));
    let outside = |rest: &str| format!("channels:\n  out: «{{ visibility: outside{rest} }}\n");
    look(warning(
        "T10",
        &[("channels:\n", &outside(""))],
        &[("channels:\n", &outside(", relay_to: command"))],
    ));
    let pinned = |pin: &str| outside(&format!(", relay_to: command, pins: [{pin}]")).replacen('«', "", 1);
    look(warning(
        "T10",
        &[("channels:\n", &pinned("«ack_board"))],
        &[("channels:\n", &outside(", relay_to: command, pins: []"))],
    ));
    look(error(
        "T10",
        &[("channels:\n", &pinned("«contact_list"))],
        &[("channels:\n", &outside(", relay_to: command, pins: []"))],
    ));
    let reviewed =
        |every: &str| format!("title: 小さな手順書, reviewed_on: «2026-10-01, review_every: {every} }}");
    look(Case {
        severity: Severity::Info,
        ..error(
            "T11",
            &[("title: 小さな手順書 }", &reviewed("53d"))],
            &[("title: 小さな手順書 }", &reviewed("54d"))],
        )
    });

    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
    let unchecked: Vec<_> = RULES
        .iter()
        .filter(|rule| !rule.is_of_exercises() && !checked.contains(rule.code))
        .map(|rule| rule.code)
        .collect();
    assert_eq!(unchecked, [""; 0], "rules without a case");
}

#[test]
fn directories_are_told_of_empty_groups_and_past_verification() {
    let at = Timestamp::parse_rfc3339(AT);
    let cases = [
        ("R06", "members: [hosp_a]", "members: «[]", "members: [hosp_a]"),
        (
            "T11",
            "verified_on: 2026-11-01",
            "verified_on: «2026-11-01, verify_every: 22d",
            "verified_on: 2026-11-01, verify_every: 23d",
        ),
    ];
    for (code, from, breaks, nearly) in cases {
        let (text, place) = broken(SMALL_DIRECTORY, &[(from, breaks)]);
        let told = |off| -> Vec<_> {
            let problems = check_directory(off, text.as_bytes(), at).1;
            problems.iter().map(|p| (p.code, Some((p.at.line, p.at.column)))).collect()
        };
        assert_eq!(told(None), [(code, place)]);
        assert_eq!(told(Some(code)), []);
        let (text, _) = broken(SMALL_DIRECTORY, &[(from, nearly)]);
        assert_eq!(check_directory(None, text.as_bytes(), at).1, []);
    }
}

#[test]
fn what_needs_a_directory_or_a_moment_is_silent_without_it() {
    let needs = |code: &str| crate::rule::find(code).map(|rule| rule.needs);
    assert_eq!(needs("A08"), Some(Needs::Directory));
    // A waiver of such a rule may waive something: it is not told where nobody could look.
    let (text, _) = broken(SMALL, &[("drills:", "waive: [{ code: A07, because: 台帳による }]\ndrills:")]);
    assert_eq!(super::read(text.as_bytes(), None).1, []);
}
