//! What the process says about itself: one line per event on stderr.
//!
//! `NOROSHI_LOG` (or `RUST_LOG`) chooses what is said, in the words of `tracing`: `info`, `debug`,
//! `noroshi::worker=debug,warn`. `NOROSHI_LOG_FORMAT=json` gives one JSON object per line. No addresses, no texts of
//! messages, no tokens: ids lead from a line to the rest.

use std::io::{IsTerminal, stderr};

use tracing_subscriber::EnvFilter;

/// What is said where nobody chose. The libraries speak only when something is wrong.
const DEFAULT_FILTER: &str = "warn,noroshi=info,noroshi_core=info";

/// Filter and format, as the environment gives them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Telemetry {
    /// In the words of `tracing`.
    pub filter: String,
    /// One JSON object per line instead of text.
    pub json: bool,
}

impl Telemetry {
    /// Reads `NOROSHI_LOG`, `RUST_LOG` and `NOROSHI_LOG_FORMAT` through `variable`.
    pub fn from_environment(variable: impl Fn(&str) -> Option<String>) -> Self {
        let filter = ["NOROSHI_LOG", "RUST_LOG"]
            .into_iter()
            .filter_map(&variable)
            .find(|filter| !filter.trim().is_empty())
            .unwrap_or_else(|| DEFAULT_FILTER.to_owned());
        Self { filter, json: variable("NOROSHI_LOG_FORMAT").as_deref() == Some("json") }
    }

    /// Begins to speak. A filter that cannot be read falls back to the default and says so. Later calls do nothing.
    pub fn start(&self) {
        let (filter, wrong) = match EnvFilter::try_new(&self.filter) {
            Ok(filter) => (filter, None),
            Err(cause) => (EnvFilter::new(DEFAULT_FILTER), Some(cause)),
        };
        let to_stderr =
            tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr).with_target(false);
        let started = if self.json {
            to_stderr.json().flatten_event(true).try_init()
        } else {
            to_stderr.with_ansi(stderr().is_terminal()).try_init()
        };
        if let (Ok(()), Some(cause)) = (started, wrong) {
            tracing::warn!(
                "NOROSHI_LOG is not a filter ({cause}); write for example info or noroshi=debug,warn"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_variable_goes_before_the_common_one() {
        let telemetry = Telemetry::from_environment(|name| match name {
            "NOROSHI_LOG" => Some("debug".to_owned()),
            "RUST_LOG" => Some("trace".to_owned()),
            _ => None,
        });
        assert_eq!(telemetry, Telemetry { filter: "debug".to_owned(), json: false });
    }

    #[test]
    fn without_variables_the_default_is_a_filter() {
        let telemetry = Telemetry::from_environment(|_| None);
        assert!(EnvFilter::try_new(telemetry.filter).is_ok());
    }
}
