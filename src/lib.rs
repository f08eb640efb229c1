//! Noroshi: carries an alert until a person has answered or decided.

pub mod i18n;
pub mod web;
