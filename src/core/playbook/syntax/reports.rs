//! Reads the blocks `reports` and `forms`, and the built-in forms, which are written in the same words.

use std::sync::LazyLock;

use super::{Gathered, Thing, ladders::decide_options};
use crate::{
    document,
    form::Form,
    playbook::{DecideOption, IfMissed, ReportPlan, Stretch, Then},
    text::Text,
    time::Span,
    yaml::{Limits, Problems, fields::Spot},
};

/// How long 今すぐ作成 gives the author, where the file names no options of its own.
const WRITE_NOW: Span = Span::minutes(10);

pub(super) fn reports<'a>(spot: &Spot<'a>, gathered: &Gathered<'a>) -> Vec<ReportPlan> {
    spot.entries().into_iter().filter_map(|(key, spot)| report(key, &spot, gathered)).collect()
}

fn report<'a>(key: String, spot: &Spot<'a>, gathered: &Gathered<'a>) -> Option<ReportPlan> {
    let fields = spot.fields()?;
    let title = fields.get("title").and_then(|spot| spot.text()).unwrap_or_else(|| Text::plain(key.clone()));
    let form = fields.need("form").and_then(|spot| gathered.key_of(Thing::Form, &spot));
    let author = fields.need("author").and_then(|spot| gathered.key_of(Thing::Role, &spot));
    let approver = fields.get("approver").and_then(|spot| gathered.key_of(Thing::Role, &spot));
    let schedule = fields.need("schedule").map(|spot| schedule(&spot));
    let mut audience = Vec::new();
    for spot in fields.get("audience").map(|spot| spot.items()).unwrap_or_default() {
        if let Some(channel) = gathered.channel(&spot) {
            gathered.refer(Thing::Channel, channel.clone());
            audience.push(channel.value);
        }
    }
    let carry_forward = fields.get("carry_forward").and_then(|spot| spot.flag()).unwrap_or(false);
    let mut missed = None;
    match fields.get("if_missed") {
        Some(spot) => missed = if_missed(&spot, gathered),
        None if !fields.has("if_missed") => fields.missing("T08", "if_missed"),
        None => {}
    }
    fields.finish();
    Some(ReportPlan {
        key,
        title,
        form: form?.value,
        author: author?.value,
        approver: approver.map(|role| role.value),
        schedule: schedule?,
        audience,
        carry_forward,
        if_missed: missed?,
    })
}

/// What happens when a report does not come; a person's decision is its end.
fn if_missed<'a>(spot: &Spot<'a>, gathered: &Gathered<'a>) -> Option<IfMissed> {
    let fields = spot.fields()?;
    let mut remind: Vec<Span> = fields
        .get("remind")
        .map(|spot| spot.items().iter().filter_map(|spot| spot.span()).collect())
        .unwrap_or_default();
    remind.sort_unstable();
    remind.dedup();
    if !fields.has("decide") {
        fields.missing("T08", "decide");
    }
    let decide = fields.get("decide").and_then(|spot| spot.fields()).map(|fields| {
        let at = fields.need("at").and_then(|spot| spot.span());
        let to = fields.need("to").and_then(|spot| gathered.party(&spot, &[Thing::Role, Thing::Roster]));
        fields.get("final").map(|spot| spot.flag());
        let options = match fields.get("options") {
            Some(spot) => decide_options(&spot, gathered),
            None => by_default(),
        };
        fields.finish();
        (at, to, options)
    });
    fields.finish();
    let (at, to, options) = decide?;
    Some(IfMissed { remind, decide_at: at?, decide_to: to?, options })
}

/// What can be decided about a report that did not come.
fn by_default() -> Vec<DecideOption> {
    vec![
        DecideOption {
            label: Text::both("今すぐ作成させる", "Have it written now"),
            then: Then::Extend { by: WRITE_NOW },
        },
        DecideOption { label: Text::both("次回に回す", "Leave it to the next one"), then: Then::End },
    ]
}

/// The stretches of a report's rhythm follow each other without gap or overlap; only the last may be open.
fn schedule(spot: &Spot<'_>) -> Vec<Stretch> {
    let mut stretches = Vec::new();
    let mut end: Option<Span> = Some(Span::ZERO);
    for (index, spot) in spot.some_items().into_iter().enumerate() {
        let Some(fields) = spot.fields() else { return stretches };
        let from = fields.need("from").and_then(|spot| spot.span());
        let to = fields.get("to").map(|spot| spot.span());
        let every = fields.need("every").and_then(|spot| {
            let every = spot.span()?;
            if every < Span::minutes(1) {
                spot.not_a(
                    &every.to_string(),
                    "報告の間隔",
                    "a distance from one report to the next",
                    Text::both("1m 以上にしてください。", "Write 1m or more."),
                );
                return None;
            }
            Some(every)
        });
        let first = fields.get("first").and_then(|spot| spot.span());
        fields.finish();
        let (Some(from), Some(every)) = (from, every) else { return stretches };
        if end != Some(from) {
            spot.error(
                "T08",
                Text::both(
                    format!("報告の予定の {} 番目が、前の続きになっていません。", index + 1),
                    format!("Part {} of the schedule does not continue the one before it.", index + 1),
                ),
                Text::both(
                    "from を前の to と同じにしてください。最初は 0h です。",
                    "Make \"from\" the same as \"to\" of the part before; the first is 0h.",
                ),
            );
            return stretches;
        }
        end = match to {
            Some(Some(to)) => Some(to),
            Some(None) => return stretches,
            None => None,
        };
        stretches.push(Stretch { from, to: end, every, first });
    }
    stretches
}

pub(super) fn forms(spot: &Spot<'_>) -> Vec<Form> {
    spot.entries()
        .into_iter()
        .map(|(key, spot)| {
            spot.some_items();
            Form { key, fields: super::responses::asks(&spot) }
        })
        .collect()
}

/// The forms that every site has.
pub fn built_in_forms() -> &'static [Form] {
    static FORMS: LazyLock<Vec<Form>> = LazyLock::new(|| {
        let problems = Problems::default();
        let tree = document::tree(include_bytes!("../../form/built_in.yaml"), Limits::PLAYBOOK, &problems);
        let (_, root) = tree.expect("the file that is compiled in is YAML (form tests)");
        let forms = forms(&Spot::root(&root, &problems));
        let problems = problems.into_sorted();
        assert!(problems.is_empty(), "the built-in forms: {problems:?}");
        forms
    });
    &FORMS
}
