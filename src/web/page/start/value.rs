//! A variable's value: what was typed, what stands there without, and how it is asked.

use std::collections::BTreeMap;

use noroshi_core::{
    directory::Directory,
    playbook::{Variable, VariableKind},
    variable,
};
use serde_json::Value as Json;

use super::super::when::When;

/// One value that the playbook asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Value {
    /// The variable's key; the form field is `v-` and this.
    pub key: String,
    /// The question.
    pub label: String,
    /// Where the value in the box comes from: 台帳, 手順書.
    pub from: String,
    /// What stands in the box.
    pub value: String,
    /// What a reader sees for it in the second step: 6強 for `6+`.
    pub shown: String,
    /// Choices, value and words; empty for a free box.
    pub choices: Vec<(String, String)>,
    /// `inputmode`.
    pub keys: &'static str,
    /// How to write it.
    pub hint: String,
    /// Whether a start without it is refused.
    pub required: bool,
    /// What is wrong with it.
    pub problem: Option<String>,
}

/// One value for the form.
///
/// - `typed`: what stood in its box.
/// - `known`: the values as they are understood.
pub(in crate::web::page) fn value(
    variable: &Variable,
    directory: &Directory,
    typed: Option<&str>,
    known: &BTreeMap<String, Json>,
    problems: &[variable::VariableProblem],
    when: &When,
) -> Value {
    let (words, language) = (when.words, when.words.0);
    let preset = variable::preset(variable, directory);
    let from_site = variable.from.as_deref().is_some_and(|from| from.starts_with("site."));
    let written = |value: &Json| match value {
        Json::String(text) => text.clone(),
        Json::Array(items) => items.iter().filter_map(Json::as_str).collect::<Vec<_>>().join("、"),
        other => other.to_string(),
    };
    // Free words stand in the reader's language; everything else as it is typed.
    let offered = |value: &Json| match variable.kind {
        VariableKind::Text => variable::told(variable, value, language, when.zone).into_owned(),
        _ => written(value),
    };
    let from = match (&preset, typed) {
        (Some(preset), typed)
            if typed.is_none_or(|typed| typed == written(preset) || typed == offered(preset)) =>
        {
            words.get(if from_site { "start-from-directory" } else { "start-from-playbook" })
        }
        _ => String::new(),
    };
    let choices = match &variable.kind {
        VariableKind::Enum(options) => {
            let told = |option: &String| {
                let kept = Json::from(option.clone());
                variable::told(variable, &kept, language, when.zone).into_owned()
            };
            options.iter().map(|option| (option.clone(), told(option))).collect()
        }
        VariableKind::JmaIntensity => variable::JMA_INTENSITIES
            .iter()
            .map(|level| {
                let shown = variable::told(variable, &Json::from(*level), language, when.zone).into_owned();
                ((*level).to_owned(), shown)
            })
            .collect(),
        _ => Vec::new(),
    };
    let shown = known
        .get(&variable.key)
        .map(|value| variable::told(variable, value, language, when.zone).into_owned());
    Value {
        label: variable::label(variable).get(language).to_owned(),
        from,
        value: typed.map(str::to_owned).or_else(|| preset.as_ref().map(offered)).unwrap_or_default(),
        shown: shown.unwrap_or_default(),
        choices,
        keys: match variable.kind {
            VariableKind::Int => "numeric",
            VariableKind::Phone => "tel",
            _ => "text",
        },
        hint: match variable.kind {
            VariableKind::Datetime => words.get("start-hint-time"),
            VariableKind::List => words.get("start-hint-list"),
            _ => String::new(),
        },
        required: variable.required,
        problem: problems
            .iter()
            .find(|problem| problem.key == variable.key)
            .map(|problem| problem.detail.get(language).to_owned()),
        key: variable.key.clone(),
    }
}
