//! The form: options, their fields, what was typed.

use std::collections::BTreeMap;

use noroshi_core::playbook::{Ask, AskKind, Meaning, ResponseOption};

use super::super::mark::Mark;
use crate::i18n::Words;

/// The buttons and their fields.
#[derive(Clone, Debug, Default)]
pub struct AnswerForm {
    /// The buttons, in the playbook's order.
    pub choices: Vec<Choice>,
    /// Every field once.
    pub fields: Vec<Field>,
    /// What was typed as a note.
    pub note: String,
    /// What is wrong with the choice itself.
    pub problem: Option<String>,
}

/// One button.
#[derive(Clone, Debug)]
pub struct Choice {
    /// Sent as `option`.
    pub key: String,
    /// Words on it.
    pub label: String,
    /// Its shape and colour.
    pub mark: Mark,
    /// Whether it says only "seen": small, and told to be no answer.
    pub quiet: bool,
    /// What was chosen in a form that came back.
    pub checked: bool,
}

/// One question.
#[derive(Clone, Debug)]
pub struct Field {
    /// The bare key, or `option.key` where two options mean different things by one key.
    pub name: String,
    /// Words beside it.
    pub label: String,
    /// Whether the server insists.
    pub required: bool,
    /// For which buttons it is shown: `f0 f2`.
    pub classes: String,
    /// How it is asked.
    pub kind: FieldKind,
    /// What was typed.
    pub value: String,
    /// What is wrong with it.
    pub problem: Option<String>,
}

/// How a question is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldKind {
    /// A few values to tap.
    Chips(Vec<Chip>),
    /// Some usual times to tap, or one to type; what is typed stands.
    Time(Vec<Chip>),
    /// Something to type, with the keyboard of the phone that fits.
    Line {
        /// `inputmode`.
        keys: &'static str,
        /// Longest, in characters; 0 for no limit of its own.
        max: u32,
    },
    /// Several lines to type.
    Lines {
        /// Longest, in characters.
        max: u32,
    },
}

/// A value to tap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chip {
    /// What is sent.
    pub value: String,
    /// Words on it.
    pub label: String,
    /// Whether it was tapped in a form that came back.
    pub checked: bool,
}

/// Something to tell later: the option's key and its own form.
#[derive(Clone, Debug)]
pub struct FollowUp {
    /// Sent as `option`.
    pub key: String,
    /// Words above it.
    pub label: String,
    /// Its fields.
    pub fields: Vec<Field>,
}

/// What came in with a form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Typed {
    /// The chosen option's key; empty where nothing was chosen.
    pub option: String,
    /// Every other field by its name, the last one that is not empty.
    pub values: BTreeMap<String, String>,
    /// The note.
    pub note: String,
    /// What is wrong, by field key; `option` for the choice itself.
    pub problems: BTreeMap<String, String>,
}

impl Typed {
    /// Reads the pairs of a form. A field that stands twice (a tapped time and a typed one) counts with its last value
    /// that is not empty.
    pub fn read(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut typed = Self::default();
        for (name, value) in pairs {
            if value.trim().is_empty() {
                continue;
            }
            match name.as_str() {
                "option" => typed.option = value,
                "note" => typed.note = value,
                _ => drop(typed.values.insert(name, value)),
            }
        }
        typed
    }

    /// What stands under a field's key; `option.key` stands over `key`.
    pub fn value(&self, key: &str) -> Option<&str> {
        let named = self.values.get(&format!("{}.{key}", self.option));
        named.or_else(|| self.values.get(key)).map(String::as_str)
    }
}

impl AnswerForm {
    /// The form of a response set. Options that come only after another answer are not among the buttons.
    pub fn new(set: &[ResponseOption], words: Words, typed: &Typed) -> Self {
        let first: Vec<&ResponseOption> = set.iter().filter(|option| option.after.is_none()).collect();
        let choices = first
            .iter()
            .map(|option| Choice {
                key: option.key.clone(),
                label: option.label.get(words.0).to_owned(),
                mark: Mark::of_answer(option, set),
                quiet: option.meaning == Meaning::Seen,
                checked: option.key == typed.option,
            })
            .collect();
        Self {
            choices,
            fields: shared_fields(&first, words, typed),
            note: typed.note.clone(),
            problem: typed.problems.get("option").cloned(),
        }
    }
}

/// Every question once, with the buttons that it belongs to.
fn shared_fields(options: &[&ResponseOption], words: Words, typed: &Typed) -> Vec<Field> {
    let mut asked: Vec<(&Ask, Vec<usize>)> = Vec::new();
    for (button, option) in options.iter().enumerate() {
        for ask in &option.ask {
            match asked.iter_mut().find(|(other, _)| same_question(other, ask)) {
                Some((_, buttons)) => buttons.push(button),
                None => asked.push((ask, vec![button])),
            }
        }
    }
    let mut fields = Vec::new();
    for (ask, buttons) in &asked {
        let clash = asked.iter().filter(|(other, _)| other.key == ask.key).count() > 1;
        let name = match clash {
            true => format!("{}.{}", options[buttons[0]].key, ask.key),
            false => ask.key.clone(),
        };
        let classes: Vec<String> = buttons.iter().map(|button| format!("f{button}")).collect();
        // What is wrong is told at the question of the option that was chosen.
        let chosen = buttons.iter().any(|button| options[*button].key == typed.option);
        let mut field = Field::new(ask, name, words, typed);
        field.classes = classes.join(" ");
        if !chosen {
            field.problem = None;
        }
        fields.extend(field.askable().then_some(field));
    }
    fields
}

/// Whether one field can stand for both: the same key, words and type. `required` may differ; the server knows.
fn same_question(a: &Ask, b: &Ask) -> bool {
    a.key == b.key && a.label == b.label && a.kind == b.kind
}

impl Field {
    /// A question, with what was typed under `name` and what is wrong under the question's own key.
    pub fn new(ask: &Ask, name: String, words: Words, typed: &Typed) -> Self {
        let value = typed.values.get(&name).cloned().unwrap_or_default();
        let chip = |chip: (String, String)| Chip { checked: chip.0 == value, value: chip.0, label: chip.1 };
        let line = |keys| FieldKind::Line { keys, max: 0 };
        let kind = match &ask.kind {
            AskKind::Int { min, max } if max - min < 10 => {
                FieldKind::Chips((*min..=*max).map(|n| chip((n.to_string(), n.to_string()))).collect())
            }
            AskKind::Int { .. } => line("numeric"),
            AskKind::Number => line("decimal"),
            AskKind::Phone => line("tel"),
            AskKind::Bool => FieldKind::Chips(
                [("true", "answer-yes"), ("false", "answer-no")]
                    .map(|(value, key)| chip((value.to_owned(), words.get(key))))
                    .into(),
            ),
            AskKind::Choice { options } => FieldKind::Chips(
                options.iter().map(|text| chip((text.ja.clone(), text.get(words.0).to_owned()))).collect(),
            ),
            AskKind::Time => FieldKind::Time(
                [(0, "answer-at-once"), (30, "answer-in-30"), (60, "answer-in-60"), (120, "answer-in-120")]
                    .map(|(minutes, key)| chip((format!("+{minutes}m"), words.get(key))))
                    .into(),
            ),
            AskKind::Text { max } if *max > 60 => FieldKind::Lines { max: *max },
            AskKind::Text { max } => FieldKind::Line { keys: "text", max: *max },
            // A photo is sent with a task, never with an answer.
            AskKind::Photo => FieldKind::Chips(Vec::new()),
        };
        Self {
            problem: typed.problems.get(&ask.key).cloned(),
            name,
            label: ask.label.get(words.0).to_owned(),
            required: ask.required,
            classes: String::new(),
            kind,
            value,
        }
    }

    /// Whether it can be asked in a form: a photo is sent by itself.
    pub fn askable(&self) -> bool {
        !matches!(&self.kind, FieldKind::Chips(chips) if chips.is_empty())
    }

    /// What came in and is none of the values to tap: it is shown again, so that nothing that was typed is lost.
    pub fn stray(&self) -> Option<&str> {
        let tapped = matches!(&self.kind, FieldKind::Chips(chips) if chips.iter().any(|chip| chip.checked));
        (!tapped && !self.value.is_empty()).then_some(&self.value)
    }

    /// What stands in the box: nothing where the value was tapped.
    pub fn typed(&self) -> &str {
        match &self.kind {
            FieldKind::Time(chips) if chips.iter().any(|chip| chip.checked) => "",
            _ => &self.value,
        }
    }
}

impl FollowUp {
    /// The options that come after the stored answer `answered`, with what was typed into the one that came back.
    pub fn all(set: &[ResponseOption], answered: &str, words: Words, typed: &Typed) -> Vec<Self> {
        set.iter()
            .filter(|option| option.after.as_deref() == Some(answered))
            .map(|option| {
                let nothing = Typed::default();
                let typed = if typed.option == option.key { typed } else { &nothing };
                let fields = option.ask.iter().map(|ask| Field::new(ask, ask.key.clone(), words, typed));
                Self {
                    key: option.key.clone(),
                    label: option.label.get(words.0).to_owned(),
                    fields: fields.filter(Field::askable).collect(),
                }
            })
            .collect()
    }
}
