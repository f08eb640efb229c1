//! Named places on the way of an alert at which a test lets the process die, or meet a bug.
//!
//! They stand around the awaits of trigger, fan-out, claim, send, record, escalation and answer. The build that is
//! tested has them (debug assertions); in a release build [`reached`] is empty, and nobody reads the variable. The
//! table of `tests/it/faults/points.rs` names every one, and a test compares it with the source.

/// The process comes by this place.
#[cfg_attr(
    not(debug_assertions),
    expect(unused_variables, reason = "a release build cannot be told to fail")
)]
pub fn reached(name: &'static str) {
    #[cfg(debug_assertions)]
    armed::reached(name);
}

#[cfg(debug_assertions)]
mod armed {
    use std::sync::{
        LazyLock,
        atomic::{AtomicU32, Ordering},
    };

    /// `NAME:HIT:ACTION`: what happens when the process comes by NAME for the HIT-th time (from 1). ACTION is `abort`,
    /// the end on the spot as by a kill, or `panic`, a bug.
    const VARIABLE: &str = "NOROSHI_FAIL_POINT";

    struct Point {
        name: String,
        hit: u32,
        panics: bool,
        hits: AtomicU32,
    }

    static POINT: LazyLock<Option<Point>> = LazyLock::new(|| {
        let text = std::env::var(VARIABLE).ok()?;
        let point = read(&text);
        assert!(point.is_some(), "{VARIABLE} is NAME:HIT:abort or NAME:HIT:panic, not {text}");
        point
    });

    fn read(text: &str) -> Option<Point> {
        let mut parts = text.split(':');
        let (name, hit, action) = (parts.next()?, parts.next()?.parse().ok()?, parts.next()?);
        let panics = match action {
            "abort" => false,
            "panic" => true,
            _ => return None,
        };
        Some(Point { name: name.to_owned(), hit, panics, hits: AtomicU32::new(0) })
    }

    pub(super) fn reached(name: &str) {
        let Some(point) = POINT.as_ref().filter(|point| point.name == name) else { return };
        if point.hits.fetch_add(1, Ordering::Relaxed) + 1 == point.hit {
            assert!(!point.panics, "a bug at {name}, as a test wants it");
            std::process::abort();
        }
    }
}
