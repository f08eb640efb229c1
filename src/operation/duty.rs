//! What role holders are told about their tasks and reports: the words of reminders, and of the chronology.

use entity::{report, task};
use noroshi_core::{
    id::{ReportId, TaskId},
    playbook::{PartyRef, ReportPlan, Urgency},
    text::{Language, Text},
    time::{Span, Timestamp},
    variable::day_and_time,
};

use super::{
    errand::{Errand, Matter},
    scene::Scene,
    task::{role_name, title},
    telling,
};
use crate::{app::App, store::chronology::Line};

/// A moment of the incident's own time as people read it, in both languages.
fn clock(app: &App, scene: &Scene, own: i64) -> (String, String) {
    let at = scene.timeline.real_time_of(Timestamp(own)).unwrap_or(Timestamp(own));
    (day_and_time(at, Language::Ja, app.zone), day_and_time(at, Language::En, app.zone))
}

fn notice(severity: Urgency, matter: Matter, subject: Text, body: Text) -> Errand {
    Errand::Notice { subject, body, matter, options: Vec::new(), severity }
}

/// A task, as a notice speaks of it.
pub fn of_task(row: &task::Model) -> Matter {
    Matter::Task { id: TaskId::new(row.id) }
}

/// A report, as a notice speaks of it.
pub fn of_report(row: &report::Model) -> Matter {
    Matter::Report { id: ReportId::new(row.id), missed: false }
}

/// Whom to remind of a task, and with which words. `before` counts the reminders so far.
pub fn task_reminder(app: &App, scene: &Scene, row: &task::Model, before: u16) -> (PartyRef, Errand) {
    let name = title(row);
    let name_en = name.get(Language::En);
    let (due_ja, due_en) = row.due_own_ms.map(|due| clock(app, scene, due)).unwrap_or_default();
    let (subject, first) = if before == 0 {
        (
            Text::both(format!("課題の期限 {}", name.ja), format!("Task due: {name_en}")),
            Text::both(
                format!("「{}」の期限（{due_ja}）になりました。", name.ja),
                format!("\"{name_en}\" is due ({due_en})."),
            ),
        )
    } else {
        (
            Text::both(
                format!("課題が終わっていません {}（督促{before}回目）", name.ja),
                format!("Task still open: {name_en} (reminder {before})"),
            ),
            Text::both(
                format!("「{}」は期限（{due_ja}）を過ぎ、まだ完了の記録がありません。", name.ja),
                format!("\"{name_en}\" was due {due_en} and is not marked as done."),
            ),
        )
    };
    let body = Text::both(
        format!(
            "{}\n終わったら「完了」を、不要なら理由とともに「不要」を記録してください。どちらかが記録されるまで、お知らせを続けます。",
            first.ja
        ),
        format!(
            "{}\nMark it as done, or say why it is not needed. You will be reminded until one of them is recorded.",
            first.get(Language::En)
        ),
    );
    let severity = if row.required { Urgency::High } else { Urgency::Normal };
    (PartyRef::Role(row.role.clone()), notice(severity, of_task(row), subject, body))
}

/// The line of a deadline that has passed.
pub fn fell_due(scene: &Scene, row: &task::Model, late: Option<Span>, at: Timestamp) -> Line {
    let name = title(row);
    let late = late.map(|late| Span(late.0 / i64::from(scene.timeline.rate.max(1))));
    let (late_ja, late_en) = late
        .map(|late| (format!("（{late} 遅れて確認）"), format!(" (noticed {late} late)")))
        .unwrap_or_default();
    let told = Text::both(
        format!("課題「{}」の期限を過ぎた。担当へ通知{late_ja}", name.ja),
        format!("The task \"{}\" is past its deadline; its role is told{late_en}", name.get(Language::En)),
    );
    telling::line("task_due", role_name(scene, &row.role), told, at)
}

/// The author's turn.
pub fn to_author(app: &App, scene: &Scene, kind: &ReportPlan, row: &report::Model, before: u16) -> Errand {
    let name = kind.name(row.number);
    let name_en = name.get(Language::En);
    let (due_ja, due_en) = clock(app, scene, row.due_own_ms);
    let (subject, body) = if before == 0 {
        (
            Text::both(format!("{} の作成時刻です", name.ja), format!("{name_en} is due")),
            Text::both(
                format!("{} を作成し、提出してください（予定 {due_ja}）。", name.ja),
                format!("Please write and hand in {name_en} (planned for {due_en})."),
            ),
        )
    } else {
        (
            Text::both(
                format!("{} がまだ提出されていません", name.ja),
                format!("{name_en} has not been handed in"),
            ),
            Text::both(
                format!("{} は {due_ja} の予定でした。いま作成し、提出してください。", name.ja),
                format!("{name_en} was due {due_en}. Please write it now."),
            ),
        )
    };
    notice(Urgency::High, of_report(row), subject, body)
}

/// The approver's turn. `told` is what the report says, with what has changed since the one before.
pub fn to_approver(
    scene: &Scene,
    kind: &ReportPlan,
    row: &report::Model,
    before: u16,
    told: &Text,
) -> Errand {
    let name = kind.name(row.number);
    let name_en = name.get(Language::En);
    let author = role_name(scene, &kind.author);
    let again = before > 0;
    let subject = Text::both(
        format!("{}承認依頼 {}", if again { "再度の" } else { "" }, name.ja),
        format!("{}{name_en} waits for your approval", if again { "Still: " } else { "" }),
    );
    let body = Text::both(
        format!(
            "{} が {} を提出しました。承認するか、理由を付けて差し戻してください。\n\n{}",
            author.ja, name.ja, told.ja
        ),
        format!(
            "{} has handed in {name_en}. Please approve it, or send it back with a reason.\n\n{}",
            author.get(Language::En),
            told.get(Language::En)
        ),
    );
    notice(Urgency::High, of_report(row), subject, body)
}

/// It came back to its author.
pub fn returned(kind: &ReportPlan, row: &report::Model) -> Errand {
    let name = kind.name(row.number);
    let name_en = name.get(Language::En);
    let reason = row.returned_because.as_deref().unwrap_or_default();
    let subject = Text::both(format!("差し戻し {}", name.ja), format!("{name_en} came back to you"));
    let body = Text::both(
        format!("{} が差し戻されました。直して、もう一度提出してください。\n理由: {reason}", name.ja),
        format!("{name_en} was sent back. Please correct it and hand it in again.\nReason: {reason}"),
    );
    notice(Urgency::High, of_report(row), subject, body)
}

/// Nobody has sent it out in time: a person decides.
pub fn to_decider(kind: &ReportPlan, row: &report::Model) -> Errand {
    let name = kind.name(row.number);
    let name_en = name.get(Language::En);
    Errand::Notice {
        subject: Text::both(
            format!("判断依頼 {} 未提出", name.ja),
            format!("Decision due: {name_en} is missing"),
        ),
        body: Text::both(
            format!("{} が予定の時刻までに出ていません。判断してください。", name.ja),
            format!("{name_en} has not gone out in time. Please decide."),
        ),
        matter: Matter::Report { id: ReportId::new(row.id), missed: true },
        options: kind.if_missed.options.iter().map(|option| option.label.clone()).collect(),
        severity: Urgency::High,
    }
}

/// The line of a report that did not come.
pub fn missed(scene: &Scene, kind: &ReportPlan, row: &report::Model, at: Timestamp) -> Line {
    let who = scene.party_name(&kind.if_missed.decide_to);
    let told = Text::both(
        format!("予定の時刻までに出ていない。{} の判断待ち", who.ja),
        format!("Has not gone out in time; waiting for the decision of {}", who.get(Language::En)),
    );
    telling::line("decision_due", kind.name(row.number), told, at)
}
