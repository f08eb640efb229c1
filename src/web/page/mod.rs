//! Pages for people. A page is one file: what it knows, how it is asked for, what it takes.
//!
//! Every struct is plain data without a database handle, so that it can be rendered in a test. What differs between
//! languages is in `words`; what is decided (which row is red, what happens next) is decided before the template.

pub mod answer;
pub mod asset;
pub mod board;
pub mod frame;
pub mod home;
pub mod incident;
pub mod line;
pub mod mark;
pub mod relay;
#[cfg(test)]
pub mod sample;
pub mod start;
pub mod when;
