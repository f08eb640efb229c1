//! The front of the house: pages for people and the API for programs.

pub mod page;
