//! What alerts say: a short text where SMS is used, and not too long (A12), no written-out addresses (A16), no personal
//! data to the outside (A17).

use super::{
    alerts::ladder_of,
    cancelling::goes_outside,
    contacts::agencies,
    templates::{Lines, tags},
};
use crate::{
    directory::Directory,
    playbook::{
        Target,
        syntax::{AlertDraft, Draft, StepAction},
    },
    text::{DRILL_MARK, Piece, Text, pieces},
    yaml::{
        Problems,
        fields::{Located, Spot},
    },
};

pub(super) fn all(draft: &Draft<'_>, directory: Option<&Directory>, source: &str, problems: &Problems) {
    let lines = Lines::of(source);
    for alert in &draft.alerts {
        short_text_is_there(draft, alert, directory, problems);
        short_text_fits(draft, alert, directory);
        literal_addresses(alert, &lines);
        short_text_has_the_link(alert);
        if goes_outside(alert, draft, directory) {
            personal_data(draft, alert, &lines);
        }
    }
}

const SHORT: &str = "sms";

fn short_text_is_there(
    draft: &Draft<'_>,
    alert: &AlertDraft<'_>,
    directory: Option<&Directory>,
    problems: &Problems,
) {
    if alert.has_sms {
        return;
    }
    let by_itself = alert.via.iter().find(|transport| transport.value == SHORT);
    let Some(via) = by_itself.or_else(|| by_a_step(draft, alert, directory)) else { return };
    let key = &alert.key.value;
    problems.error(
        "A12",
        via.at,
        &via.path,
        Text::both(
            format!("通知「{key}」は SMS でも送られますが、SMS の文面がありません。"),
            format!("The alert \"{key}\" goes by SMS too, and has no SMS text."),
        ),
        Text::both(
            format!("通知「{key}」に sms: \"短い文面→{{{{ alert.link }}}}\" のように書き足してください。"),
            format!("Add a short text to the alert \"{key}\": sms: \"… {{{{ alert.link }}}}\"."),
        ),
    );
}

/// The transport of a step that sends the alert by SMS to some agency which has a number.
fn by_a_step<'d>(
    draft: &'d Draft<'_>,
    alert: &AlertDraft<'_>,
    directory: Option<&Directory>,
) -> Option<&'d Located<String>> {
    let directory = directory?;
    let ladder = ladder_of(draft, alert).filter(|_| !alert.ack.is_none)?;
    ladder.steps.iter().find_map(|step| {
        if !matches!(step.action, Some(StepAction::Resend | StepAction::Notify)) {
            return None;
        }
        let via = step.via.iter().find(|transport| transport.value == SHORT)?;
        let to = &step.to.as_ref()?.value;
        let gets_it = agencies(alert, directory).into_iter().any(|(key, _)| {
            directory.agencies.get(key).is_some_and(|agency| {
                let contact = match to {
                    Target::Same => &agency.primary,
                    Target::Alternate => &agency.alternate,
                    Target::Party(_) => return false,
                };
                directory.reach(contact).contains_key(SHORT)
            })
        });
        gets_it.then_some(via)
    })
}

fn short_text_fits(draft: &Draft<'_>, alert: &AlertDraft<'_>, directory: Option<&Directory>) {
    let limit = directory.and_then(|directory| directory.transports.get(SHORT)?.max_chars);
    let Some(limit) = limit else { return };
    for variant in alert.short_texts.iter().flat_map(Spot::variants) {
        let Some(text) = variant.words() else { continue };
        let longest = super::templates::longest(draft, text.trim()) + DRILL_MARK.chars().count();
        if longest > usize::try_from(limit).unwrap_or(usize::MAX) {
            variant.error(
                "A12",
                Text::both(
                    format!("SMS が最長 {longest} 文字になり、上限の {limit} 文字を超えます(訓練の印と最も長い値を含み、リンクは70文字)。"),
                    format!("The SMS can become {longest} characters long (drill mark and longest values included, the link as 70); the limit is {limit}."),
                ),
                Text::both(
                    "文面を短くするか、変数の max を小さくしてください。",
                    "Shorten the text, or the \"max\" of its variables.",
                ),
            );
        }
    }
}

/// A mail gets the link from the service; whoever gets an SMS without it cannot answer.
fn short_text_has_the_link(alert: &AlertDraft<'_>) {
    if alert.ack.is_none {
        return;
    }
    for variant in alert.sms.iter().flat_map(Spot::variants) {
        let Some(words) = variant.words().filter(|words| !words.trim().is_empty()) else { continue };
        if pieces(words).iter().any(|(_, piece)| *piece == Piece::Name("alert.link")) {
            continue;
        }
        variant.warning(
            "A16",
            Text::both(
                "回答を求める通知の SMS に、回答のリンクがありません。受け取った人は回答できません。",
                "This SMS asks for an answer and has no link: whoever gets it cannot answer.",
            ),
            Text::both(
                "文面の終わりに {{ alert.link }} を書いてください。",
                "Write {{ alert.link }} at the end of the text.",
            ),
        );
    }
}

fn literal_addresses(alert: &AlertDraft<'_>, lines: &Lines<'_>) {
    if alert.ack.is_none {
        return;
    }
    for variant in alert.texts.iter().flat_map(Spot::variants) {
        let Some(words) = variant.words() else { continue };
        let literal =
            ["http://", "https://"].into_iter().filter_map(|scheme| Some((words.find(scheme)?, scheme)));
        if let Some((_, scheme)) = literal.min() {
            variant.warning_at(
                "A16",
                lines.place(variant.node, scheme, 0).unwrap_or(variant.node.at),
                Text::both(
                    "回答を求める文面に、書き込まれたアドレス(http…)があります。",
                    "A text that asks for an answer has a literal http(s) address.",
                ),
                Text::both("{{ alert.link }} を使ってください。", "Use {{ alert.link }}."),
            );
        }
    }
}

/// Words in the name or the question of a variable that holds what a mail must not carry outside.
const PERSONAL: [&str; 5] = ["患者", "氏名", "生年月日", "カルテ", "patient"];

fn personal_data(draft: &Draft<'_>, alert: &AlertDraft<'_>, lines: &Lines<'_>) {
    let speaks_of_people = |words: &str| PERSONAL.iter().any(|word| words.to_lowercase().contains(word));
    let is_personal = |name: &str| {
        name.starts_with("recipient.person.")
            || draft.variables.iter().map(|variable| &variable.value).any(|variable| {
                let mut asked = variable.ask.iter().flat_map(Text::variants);
                variable.key == name
                    && (speaks_of_people(name) || asked.any(|(_, words)| speaks_of_people(words)))
            })
    };
    let texts = alert.texts.iter().chain(&alert.stand_down_texts);
    for variant in texts.flat_map(Spot::variants) {
        for tag in tags(&variant, lines) {
            let Piece::Name(name) = tag.piece else { continue };
            if !is_personal(name) {
                continue;
            }
            variant.warning_at(
                "A17",
                (tag.at)(),
                Text::both(
                    format!("外部への文面が、個人情報の変数「{name}」を使っています。外へ出たメールや SMS は、転送も誤送信も取り戻せません。"),
                    format!("A text to the outside uses \"{name}\", which is personal data: a mail or SMS that has left cannot be called back."),
                ),
                Text::both(
                    "文面から外し、{{ alert.link }} の先か電話で伝えてください。",
                    "Leave it out, and tell it behind {{ alert.link }} or by telephone.",
                ),
            );
        }
    }
}
