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
            Self::No => "c-no",
            Self::Call | Self::Seen => "c-seen",
            Self::Wait => "c-wait",
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
