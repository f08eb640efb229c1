//! Noroshi: carries an alert until a person has answered or decided.

pub mod chance;
pub mod clock;
pub mod i18n;
pub mod key;
pub mod store;
