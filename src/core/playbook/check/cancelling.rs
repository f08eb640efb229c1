//! Whoever was told hears when it is taken back (A13), and every alert is raised by something.

use std::{borrow::Cow, collections::BTreeSet};

use crate::{
    directory::Directory,
    playbook::{
        PartyRef,
        syntax::{AlertDraft, Draft},
    },
    text::Text,
    yaml::Problems,
};

/// Whether an alert leaves the house: by an agency outside, or by a channel that outside agencies see. Without a
/// directory every agency is outside.
pub(super) fn goes_outside(alert: &AlertDraft<'_>, draft: &Draft<'_>, directory: Option<&Directory>) -> bool {
    let is_outside = |key: &str| {
        directory.is_none_or(|directory| {
            directory
                .members(key)
                .chain([key])
                .any(|key| directory.agencies.get(key).is_some_and(|agency| agency.outside))
        })
    };
    let to_agencies = alert.to.iter().any(|to| matches!(&to.value, PartyRef::Agency(key) if is_outside(key)));
    let in_channel = alert.channel.as_ref().is_some_and(|key| {
        draft.channels.iter().any(|channel| channel.value.key == *key && channel.value.outside)
    });
    to_agencies || in_channel
}

/// An alert that nothing raises. While what `cancel` and `close` name leads nowhere, it may be the very one that they
/// mean.
pub(super) fn every_alert_is_raised(draft: &Draft<'_>, problems: &Problems) {
    if ["cancel", "close"].iter().any(|block| problems.has_error_under(block)) || problems.is_torn() {
        return;
    }
    for alert in draft.alerts.iter().filter(|alert| alert.is_unsent) {
        let key = &alert.key.value;
        problems.error(
            "R02",
            alert.at(),
            format!("{}.send", alert.key.path),
            Text::both(
                format!("通知「{key}」をいつ送るか(send)がありません。"),
                format!("Nothing says when the alert \"{key}\" is sent: \"send\" is missing."),
            ),
            Text::both(
                "send: { event: incident.activated } のように書き足すか、cancel か close に書いてください。",
                "Add it, like send: { event: incident.activated }, or name the alert in cancel or close.",
            ),
        );
    }
}

/// What kind of name it is, as it is written before it, and the name.
type Named<'d> = (&'static str, Cow<'d, str>);

/// Whoever was told something outside is told when it is taken back, and by the same transports.
pub(super) fn reaches_everybody<'d>(
    draft: &Draft<'_>,
    directory: Option<&'d Directory>,
    problems: &Problems,
) {
    let Some(cancel) = &draft.cancel else { return };
    let outside_alerts: Vec<&AlertDraft<'_>> = draft
        .alerts
        .iter()
        .filter(|alert| Some(&alert.key.value) != cancel.value.alert.as_ref())
        .filter(|alert| goes_outside(alert, draft, directory))
        .collect();
    let Some(first) = outside_alerts.first() else { return };
    let Some(key) = &cancel.value.alert else {
        // A slip in `cancel` may be the very alert.
        if problems.has_error_under(&cancel.path) {
            return;
        }
        problems.error(
            "A13",
            cancel.at,
            format!("{}.alert", cancel.path),
            Text::both(
                format!("外部への通知「{}」がありますが、取消の通知がありません。", first.key.value),
                format!("The alert \"{}\" goes outside, and cancelling tells nobody.", first.key.value),
            ),
            Text::both(
                "同じ宛先・同じ経路の通知を作り、cancel.alert に書いてください。",
                "Write an alert to the same recipients by the same transports, and name it in cancel.alert.",
            ),
        );
        return;
    };
    let Some(notice) = draft.alerts.iter().find(|alert| alert.key.value == *key) else { return };
    if problems.has_error_under(&format!("alerts.{key}.to"))
        || problems.has_error_under(&format!("alerts.{key}.via"))
    {
        return;
    }
    let missing = |of: &dyn Fn(&AlertDraft<'_>) -> BTreeSet<Named<'d>>| -> Vec<String> {
        let told = of(notice);
        let wanted: BTreeSet<Named<'d>> = outside_alerts.iter().flat_map(|alert| of(alert)).collect();
        wanted.difference(&told).map(|(kind, key)| format!("{kind}{key}")).collect()
    };
    let recipients = |alert: &AlertDraft<'_>| -> BTreeSet<Named<'d>> {
        let parties = alert.to.iter().flat_map(|to| match (&to.value, directory) {
            (PartyRef::Agency(key), Some(directory)) => {
                directory.members(key).map(|member| ("agency:", Cow::Borrowed(member))).collect()
            }
            (party, _) => vec![("", Cow::Owned(party.to_string()))],
        });
        parties.collect()
    };
    let transports = |alert: &AlertDraft<'_>| -> BTreeSet<Named<'d>> {
        alert.via.iter().map(|transport| ("", Cow::Owned(transport.value.clone()))).collect()
    };
    let faults = [
        (missing(&recipients), &notice.to_at, "to", "宛先", "recipients"),
        (missing(&transports), &notice.via_at, "via", "経路", "transports"),
    ];
    for (missing, place, name, what_ja, what_en) in faults {
        let Some(place) = place.as_ref().filter(|_| !missing.is_empty()) else { continue };
        problems.error(
            "A13",
            place.at,
            &place.path,
            Text::both(
                format!("取消の通知に、外部へ送った{what_ja}が足りません: {}", missing.join("、")),
                format!(
                    "The cancelling alert lacks {what_en} of alerts to the outside: {}.",
                    missing.join(", ")
                ),
            ),
            Text::both(
                format!(
                    "この行の {name}: [ ] の中に「\"{}\"」を書き足してください。",
                    missing.join("\", \"")
                ),
                format!("Add \"{}\" to this \"{name}: [ ]\".", missing.join("\", \"")),
            ),
        );
    }
}
