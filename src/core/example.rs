//! What a missing key could look like: the help for a file that lacks it, ready to be copied.

/// The value of a missing key as one would write it; `None` where every value is somebody's own.
///
/// - `kind`: what the file says it is, where the owner is the file itself.
/// - `owner`: the way to the map that lacks the key: `roles.chief.fill`; empty for the file itself.
pub(crate) fn of(kind: Option<&str>, owner: &str, name: &str) -> Option<&'static str> {
    let block = owner.split(['.', '[']).next().unwrap_or("");
    Some(match (block, name) {
        ("", name) => return of_the_file(kind, name),
        ("metadata", "key") => "water-failure",
        ("metadata", "version") => "1.0.0",
        ("metadata", "title") => "断水 医療機関への確認",
        ("metadata", "verified_on") => "2026-11-01",
        ("variables", "options") => "[交通事故, 列車事故, その他]",
        ("triggers", "key") => "manual",
        ("triggers", "source") => "manual",
        ("triggers", "dedupe") => "{ by: trigger.event_id, window: 12h, then: attach }",
        ("triggers", "by") => "trigger.event_id",
        ("triggers", "window") => "12h",
        ("triggers", "then") => "attach",
        ("triggers", "on_hold_timeout") => "send",
        ("triggers", "schedule") => {
            "{ rrule: \"FREQ=MONTHLY;BYDAY=2TU;BYHOUR=10;BYMINUTE=0\", zone: Asia/Tokyo }"
        }
        ("triggers", "rrule") => "\"FREQ=MONTHLY;BYDAY=2TU;BYHOUR=10;BYMINUTE=0\"",
        ("triggers", "webhook") => "{ secret: BUILDING_MONITOR, map: { event_id: /alarm/id } }",
        ("triggers", "secret") => "BUILDING_MONITOR",
        ("roles", "fill") => "{ from: [roster.eoc_duty, roster.eoc_deputy], accept_within: 10m }",
        ("roles", "from") => "[roster.eoc_duty, roster.eoc_deputy]",
        ("roles", "accept_within") => "10m",
        ("response_sets", "key") => "available",
        ("response_sets", "label") => "出動可",
        ("response_sets", "meaning") => "accept",
        ("response_sets", "counts_as") => "ack",
        ("response_sets" | "forms", "type") => "text",
        ("response_sets" | "forms", "options") => "[良好, 不良]",
        ("ladders", "steps") => {
            "[{ at: 10m, if: unacked, do: notify, to: alternate, via: [email, phone] }, { at: 20m, if: unacked, do: decide, to: \"role:leader\", final: true }]"
        }
        ("ladders", "at") => "10m",
        ("ladders", "if") => "unacked",
        ("ladders", "do") => "notify",
        ("ladders", "to") => "\"role:leader\"",
        ("ladders", "by") => "15m",
        ("ladders", "label") => "期限を15分延ばす",
        ("alerts", "event") => "incident.activated",
        ("alerts", "to") => "[\"agency:fire_hq\"]",
        ("alerts", "via") => "[email]",
        ("alerts", "subject") => "断水 支障の有無",
        ("alerts", "body") => "断水しています。支障の有無を回答してください。",
        ("alerts", "because") => "周知のみ",
        ("alerts", "accept") => "3",
        ("tasks", "items") => "[{ key: count, title: 被害を数える, role: leader }]",
        ("tasks", "key") => "count",
        ("tasks", "title") => "被害を数える",
        ("tasks", "role") => "leader",
        ("tasks", "after") => "incident.activated",
        ("tasks", "within") => "30m",
        ("tasks", "type") => "number",
        ("reports", "form") => "ics209",
        ("reports", "author") => "leader",
        ("reports", "schedule") => "[{ from: 0h, every: 1h, first: 30m }]",
        ("reports", "from") => "0h",
        ("reports", "every") => "1h",
        ("reports", "if_missed") => "{ remind: [5m], decide: { at: 10m, to: \"role:leader\" } }",
        ("reports", "decide") => "{ at: 10m, to: \"role:leader\" }",
        ("reports", "at") => "10m",
        ("reports", "to") => "\"role:leader\"",
        ("close", "alert") => "stand_down",
        ("close", "metric") => "alerts.unresolved",
        ("close", "eq") => "0",
        ("drills", "allowed") => "true",
        ("waive", "code") => "A07",
        ("waive", "because") => "10分後に予備へ電話する",
        ("transports", "driver") => "smtp",
        ("people", "name") => "佐藤 悠",
        ("rosters", "members") => "[p_sato, p_suzuki]",
        ("rosters", "every") => "12h",
        ("rosters", "from") => "2026-12-29T08:30",
        ("rosters", "to") => "2027-01-04T08:30",
        ("role_accounts", "title") => "当直師長",
        ("role_accounts", "roster") => "night_nurse",
        ("agencies", "title") => "A病院",
        ("agencies", "members") => "[hosp_a, hosp_b]",
        (_, "ja") => "日本語の文",
        _ => return None,
    })
}

/// A block of the file, or a line of its head.
fn of_the_file(kind: Option<&str>, name: &str) -> Option<&'static str> {
    Some(match (kind, name) {
        (_, "apiVersion") => "noroshi/v1",
        (_, "kind") => "Playbook",
        (Some("Directory"), "metadata") => "{ key: my-site, title: 連絡先台帳, verified_on: 2026-11-01 }",
        (Some("Directory"), "transports") => {
            "{ email: { driver: smtp, proves: [accepted, bounced] }, phone: { driver: human_call } }"
        }
        (Some("Directory"), "people") => {
            "{ p_sato: { name: 佐藤 悠, reach: { email: sato@eoc.example, phone: \"000-0000-1001\" } } }"
        }
        (Some("Directory"), "agencies") => {
            "{ hosp_a: { title: A病院, outside: true, primary: { email: a@hosp-a.example }, alternate: { phone: \"000-0000-2101\" } } }"
        }
        (Some("Exercise"), _) => return None,
        (_, "metadata") => "{ key: water-failure, version: 1.0.0, title: 断水 医療機関への確認 }",
        (_, "triggers") => "[{ key: manual, source: manual, allow: [roster.eoc_duty] }]",
        (_, "roles") => {
            "{ leader: { title: 責任者, fill: { from: [roster.eoc_duty], accept_within: 10m } } }"
        }
        (_, "channels") => "{ command: { title: 本部, members: [\"role:*\"] } }",
        (_, "alerts") => {
            "{ notice: { send: { event: incident.activated }, to: [\"agency:fire_hq\"], via: [email], subject: 件名, body: 本文, ack: { mode: none, because: 周知のみ } }, cancelled: { to: [\"agency:fire_hq\"], via: [email], subject: 取消, body: 取り消します, ack: { mode: none, because: 周知のみ } } }"
        }
        (_, "cancel") => "{ allow: [leader], require: reason, alert: cancelled }",
        (_, "drills") => "{ allowed: true }",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::of_the_file;
    use crate::problem::{Problem, Severity};

    /// A file that holds the examples of what it has to hold, and nothing else.
    fn made_of_examples(kind: &str, blocks: &[&str]) -> String {
        let mut file = format!("apiVersion: noroshi/v1\nkind: {kind}\n");
        for block in blocks {
            file.push_str(&format!("{block}: {}\n", of_the_file(Some(kind), block).expect("an example")));
        }
        file
    }

    fn errors(problems: Vec<Problem>) -> Vec<Problem> {
        problems.into_iter().filter(|problem| problem.severity == Severity::Error).collect()
    }

    #[test]
    fn a_file_made_of_the_examples_is_sound() {
        let playbook = made_of_examples(
            "Playbook",
            &["metadata", "triggers", "roles", "channels", "alerts", "cancel", "drills"],
        );
        assert_eq!(errors(crate::playbook::read(playbook.as_bytes(), None).1), []);
        let directory = made_of_examples("Directory", &["metadata", "transports", "people", "agencies"]);
        assert_eq!(errors(crate::directory::read(directory.as_bytes()).1), []);
    }

    #[test]
    fn an_empty_file_is_told_its_blocks_in_the_order_in_which_one_writes_them() {
        let (_, problems) = crate::playbook::read(b"apiVersion: noroshi/v1\nkind: Playbook\n", None);
        let paths: Vec<&str> = problems.iter().map(|problem| problem.path.as_str()).collect();
        assert_eq!(paths, ["metadata", "triggers", "roles", "channels", "alerts", "cancel", "drills"]);
        for problem in &problems {
            let example = of_the_file(Some("Playbook"), &problem.path).expect("an example");
            let help = [&problem.help.ja, problem.help.en.as_ref().expect("English")];
            assert!(help.iter().all(|help| help.contains(example)), "{problem:#?}");
        }
    }
}
