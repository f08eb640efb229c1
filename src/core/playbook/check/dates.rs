//! Dates by which somebody has to look again (T11).

use chrono::{Duration, NaiveDate};

use crate::{
    text::Text,
    time::{Span, Timestamp},
    yaml::fields::Spot,
};

/// A playbook past its review.
pub(super) fn review(at: Option<Timestamp>, root: &Spot<'_>) {
    if let Some(metadata) = root.child("metadata") {
        let words = ("見直し", "review", "reviewed_on");
        overdue(at, &metadata, "reviewed_on", "review_every", words);
    }
}

/// Tells, at the date `on`, that `every` has passed since. `words`: what was to be done, in Japanese and English, and
/// the key to write anew.
pub(crate) fn overdue(
    at: Option<Timestamp>,
    metadata: &Spot<'_>,
    on: &str,
    every: &str,
    (ja, en, key): (&str, &str, &str),
) {
    let (Some(at), Some(on)) = (at, metadata.child(on)) else { return };
    let date: Option<NaiveDate> = on.words().and_then(|words| words.parse().ok());
    let every: Option<Span> = metadata.child(every).and_then(|spot| spot.as_span());
    let Some((date, every)) = date.zip(every) else { return };
    let due = Duration::try_milliseconds(every.0).and_then(|every| date.checked_add_signed(every));
    let today = at.to_utc().with_timezone(&chrono_tz::Asia::Tokyo).date_naive();
    let Some(due) = due.filter(|due| today > *due) else { return };
    on.info(
        "T11",
        Text::both(format!("{ja}の期日({due})を過ぎています。"), format!("The {en} was due on {due}.")),
        Text::both(
            format!("内容を確かめ、{key} を今日の日付にしてください。"),
            format!("Look it through, and write today's date as \"{key}\"."),
        ),
    );
}
