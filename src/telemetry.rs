//! What the process says about itself: one line per event on stderr.
//!
//! `NOROSHI_LOG` (or `RUST_LOG`) chooses what is said, in the words of `tracing`: `info`, `debug`,
//! `noroshi::worker=debug,warn`. `NOROSHI_LOG_FORMAT=json` gives one JSON object per line. No addresses, no texts of
//! messages, no tokens: ids lead from a line to the rest. What happens to incidents is said in `operation/news.rs`. A panic says where it happened; its words only where they are
//! fixed in the code, because words that were put together may hold a row with its people.

use std::{
    any::Any,
    backtrace::{Backtrace, BacktraceStatus},
    io::{IsTerminal, stderr},
    panic::{self, PanicHookInfo},
    thread,
};

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
        panic::set_hook(Box::new(tell_panic));
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

/// Tells of a bug. With `RUST_BACKTRACE=1` it says the way there too: names of functions, no values.
fn tell_panic(info: &PanicHookInfo<'_>) {
    let place = info.location().map(ToString::to_string).unwrap_or_default();
    let thread = thread::current();
    let name = thread.name().unwrap_or("without a name");
    let words = fixed_words(info.payload()).unwrap_or("(its words may hold data and are left out)");
    let way = Backtrace::capture();
    if way.status() == BacktraceStatus::Captured {
        tracing::error!("A bug: thread {name} panicked at {place}: {words}\n{way}");
    } else {
        tracing::error!("A bug: thread {name} panicked at {place}: {words}");
    }
}

/// The words of a panic where they stand in the code as they are. What `expect`, `assert_eq` and formats put together is
/// a `String`; the place leads to their words.
fn fixed_words(payload: &(dyn Any + Send)) -> Option<&'static str> {
    payload.downcast_ref::<&'static str>().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The words that are told of what happens in `bug`.
    fn told(bug: fn()) -> Option<&'static str> {
        let payload = panic::catch_unwind(bug).expect_err("it panics");
        fixed_words(&*payload)
    }

    #[test]
    fn a_panic_tells_the_words_of_the_code_and_no_data() {
        assert_eq!(told(|| panic!("a ladder has steps")), Some("a ladder has steps"));
        let row = || {
            _ = "佐藤 dmat@east.example".parse::<std::net::IpAddr>().map_err(|_| "佐藤").expect("reads back")
        };
        assert_eq!(told(row), None);
        assert_eq!(told(|| panic!("{} has no address", "dmat@east.example".to_owned())), None);
    }

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
