//! Black-box tests: the real binary, driven over HTTP, SMTP, SQL and a browser (see `tests/README.md`).

// Deadlines need a clock, and the rooms of the clock are rooms of the product.
#![expect(
    clippy::disallowed_methods,
    reason = "a test waits with deadlines and compares with the wall clock"
)]

mod support;
mod triggers;

mod answers;
mod api;
mod bad_input;
mod channels;
mod commands;
mod crash;
mod delivery;
mod demo;
mod directory;
mod documents;
mod drill;
mod duty_pages;
mod events;
mod faults;
mod foresight;
mod harness;
mod ladder;
mod letters;
mod lifecycle;
mod nodes;
mod pages;
mod reports;
mod roles;
mod shape;
mod shipped;
mod sms;
mod tasks;
mod upgrade;
mod versions;
mod watch;
mod webhooks;
