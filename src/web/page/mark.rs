//! The marks: every state is a word, a shape and a colour, always all three.
//!
//! Solid: a person answered. Drawn: nobody has yet. Red: silence or failure. ◎ △ × are the marks that every Japanese
//! whiteboard already uses. The shape of an answer comes from its `meaning`, its word from the playbook.

use noroshi_core::playbook::{AskKind, Meaning, ResponseOption};

/// A shape with its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mark {
    /// ◎: yes.
    Yes,
    /// Solid triangle: yes, under a condition.
    Part,
    /// Solid square with a cross: no. An answer, not an alarm.
    No,
    /// Disc with a tick: seen and agreed.
    Ok,
    /// Speech bubble: asks to be called.
    Call,
    /// Drawn eye: opened, not answered.
    Seen,
    /// Drawn clock: not opened.
    Wait,
    /// Dashed ring: the result of sending is not known.
    Unknown,
    /// Solid box, arrow turning back: refused or given up.
    Fail,
    /// Solid diamond: silent past its deadline.
    Silent,
    /// Flag: a person's decision is due.
    Decide,
    /// Flag, slate: a person has decided.
    Decided,
    /// Drawn ring with a bar: nothing is asked any more.
    Rest,
    /// Disc with clock hands: late.
    Late,
    /// Hill with fire: an open incident.
    Fire,
    /// Hill with a ring: a playbook.
    Hill,
}

impl Mark {
    /// The mark of an answer: from its meaning, and from the set it stands in.
    ///
    /// A yes that must name something in free words is a yes under a condition. A yes in a set without a no is an
    /// agreement (了解), not a promise of teams.
    pub fn of_answer(option: &ResponseOption, set: &[ResponseOption]) -> Self {
        let condition = |option: &ResponseOption| {
            option.ask.iter().any(|ask| ask.required && matches!(ask.kind, AskKind::Text { .. }))
        };
        match option.meaning {
            Meaning::Accept if !set.iter().any(|other| other.meaning == Meaning::Decline) => Self::Ok,
            Meaning::Accept if condition(option) => Self::Part,
            Meaning::Accept => Self::Yes,
            Meaning::Arrival => Self::Yes,
            Meaning::Decline => Self::No,
            Meaning::Seen => Self::Seen,
            Meaning::Question => Self::Call,
        }
    }

    /// Every mark, for the sprite.
    pub const ALL: [Self; 16] = [
        Self::Yes,
        Self::Part,
        Self::No,
        Self::Ok,
        Self::Call,
        Self::Seen,
        Self::Wait,
        Self::Unknown,
        Self::Fail,
        Self::Silent,
        Self::Decide,
        Self::Decided,
        Self::Rest,
        Self::Late,
        Self::Fire,
        Self::Hill,
    ];

    /// The shape as SVG in a box of 20 by 20. `k` is knocked out of a solid mark, `l` is a drawn line.
    pub const fn drawing(self) -> &'static str {
        match self {
            Self::Yes => r#"<circle cx="10" cy="10" r="10"/><circle class="k" cx="10" cy="10" r="4.6"/>"#,
            Self::Ok => r#"<circle cx="10" cy="10" r="10"/><path class="k" d="M5.5 10.4l3 3 6-6.4"/>"#,
            Self::Part => r#"<path d="M10 .2 20.5 18.8H-.5z"/>"#,
            Self::No => r#"<path d="M.5.5h19v19H.5z"/><path class="k" d="M5.8 5.8l8.4 8.4m0-8.4-8.4 8.4"/>"#,
            Self::Call => {
                r#"<path d="M1 1h18v13h-8l-5 5v-5H1z"/><path class="k" d="M5 7.5h.1m4.9 0h.1m4.9 0h.1"/>"#
            }
            Self::Seen => {
                r#"<path class="l" d="M1 10c4.6-7.2 13.4-7.2 18 0-4.6 7.2-13.4 7.2-18 0z"/><circle cx="10" cy="10" r="3"/>"#
            }
            Self::Wait => {
                r#"<circle class="l" cx="10" cy="10" r="9"/><path class="l" d="M10 4.5V10l3.8 2.4"/>"#
            }
            Self::Unknown => {
                r#"<circle class="l" cx="10" cy="10" r="9" stroke-dasharray="3.5 2.15"/><path class="l" d="M7.3 7.8c.3-3.6 5.6-3.3 5.3-.2-.2 1.7-2.6 1.9-2.6 3.9m0 1.6v2"/>"#
            }
            Self::Fail => {
                r#"<path d="M.5 2.5h19v15H.5z"/><path class="k" d="M14.5 12.8V9.6H6.3m2.7-3-3 3 3 3"/>"#
            }
            Self::Silent => {
                r#"<path d="M10-.8 20.8 10 10 20.8-.8 10z"/><path class="k" d="M10 5v5.6m0 3.6v.1"/>"#
            }
            Self::Rest => r#"<circle class="l" cx="10" cy="10" r="9"/><path class="l" d="M5.5 10h9"/>"#,
            Self::Decide | Self::Decided => r#"<path d="M3 0h2.4v20H3zM7 1h13l-3.6 5.5L20 12H7z"/>"#,
            Self::Late => r#"<circle cx="10" cy="10" r="10"/><path class="k" d="M10 4.8V10l3.6 2.3"/>"#,
            Self::Fire => r#"<path d="M0 20 10 8l10 12z"/><circle class="fire" cx="10" cy="3.2" r="3.2"/>"#,
            Self::Hill => {
                r#"<path class="l" d="M1.8 19 10 9l8.2 10z"/><circle class="l" cx="10" cy="3.8" r="2.5"/>"#
            }
        }
    }

    /// The symbol's name in `part/sprite.html`.
    pub const fn symbol(self) -> &'static str {
        match self {
            Self::Yes => "m-yes",
            Self::Part => "m-part",
            Self::No => "m-no",
            Self::Ok => "m-ok",
            Self::Call => "m-call",
            Self::Seen => "m-seen",
            Self::Wait => "m-wait",
            Self::Unknown => "m-unknown",
            Self::Fail => "m-fail",
            Self::Silent => "m-silent",
            Self::Decide => "m-decide",
            Self::Decided => "m-decided",
            Self::Rest => "m-rest",
            Self::Late => "m-late",
            Self::Fire => "m-fire",
            Self::Hill => "m-hill",
        }
    }

    /// The class of its colour.
    pub const fn colour(self) -> &'static str {
        match self {
            Self::Yes | Self::Ok => "c-yes",
            Self::Part => "c-part",
            Self::No | Self::Decided => "c-no",
            Self::Call | Self::Seen => "c-seen",
            Self::Wait | Self::Rest => "c-wait",
            Self::Unknown => "c-unknown",
            Self::Fail | Self::Silent | Self::Late => "c-alarm",
            Self::Decide => "c-ember",
            Self::Fire | Self::Hill => "",
        }
    }
}

#[cfg(test)]
mod tests {
    use noroshi_core::{
        playbook::{Ask, CountsAs},
        text::Text,
    };

    use super::*;

    fn option(meaning: Meaning, ask: &[(AskKind, bool)]) -> ResponseOption {
        let ask = ask
            .iter()
            .map(|(kind, required)| Ask {
                key: "x".into(),
                label: Text::plain("x"),
                kind: kind.clone(),
                required: *required,
            })
            .collect();
        ResponseOption {
            key: "x".into(),
            label: Text::plain("x"),
            meaning,
            counts_as: CountsAs::Ack,
            ask,
            after: None,
            refresh_every: None,
            opens_task: None,
        }
    }

    #[test]
    fn a_yes_with_a_condition_is_a_triangle_and_an_agreement_is_a_tick() {
        let yes = option(Meaning::Accept, &[(AskKind::Int { min: 1, max: 9 }, true)]);
        let conditional = option(Meaning::Accept, &[(AskKind::Text { max: 200 }, true)]);
        let no = option(Meaning::Decline, &[]);
        let question = option(Meaning::Question, &[]);
        let deploy = [yes.clone(), conditional.clone(), no];
        assert_eq!(Mark::of_answer(&yes, &deploy), Mark::Yes);
        assert_eq!(Mark::of_answer(&conditional, &deploy), Mark::Part);
        assert_eq!(Mark::of_answer(&yes, &[yes.clone(), question]), Mark::Ok);
    }
}
