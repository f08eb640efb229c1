//! What the benches share: the peers that this machine has, figures, what a process costs, rows in great number.
//!
//! The machines are shared and noisy. So every figure of ours stands beside one that was measured in the same run, and
//! what is repeated is told by its median with the smallest and the largest.

pub mod fit;
pub mod process;
pub mod receiver;
pub mod replay;
pub mod rows;
pub mod smtp;
pub mod statements;

use std::path::PathBuf;

/// Where a peer's program lies, by its name; `None` (and a line that says how to get it) where it is not installed.
pub fn peer(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/usr/local/sbin".into()])
        .map(|folder| folder.join(program))
        .find(|file| file.is_file());
    if found.is_none() {
        println!("peer missing: {program} (`tests/run --peers` installs what we are compared with)");
    }
    found
}

/// Tells one goal: what it is, our figure, what is wanted, and whether it holds.
pub fn goal(what: &str, figure: impl std::fmt::Display, wanted: &str, holds: bool) {
    let verdict = if holds { "met" } else { "MISSED" };
    println!("{what:<58} {figure:>24}   wanted {wanted}: {verdict}");
}

/// Tells one figure that others are compared with.
pub fn beside(what: &str, figure: impl std::fmt::Display) {
    println!("{what:<58} {figure:>24}");
}

/// Figures of the same thing, measured several times.
#[derive(Clone, Debug, Default)]
pub struct Runs(Vec<f64>);

impl FromIterator<f64> for Runs {
    fn from_iter<T: IntoIterator<Item = f64>>(figures: T) -> Self {
        let mut figures: Vec<f64> = figures.into_iter().collect();
        figures.sort_by(f64::total_cmp);
        Self(figures)
    }
}

impl Runs {
    /// Adds one.
    pub fn add(&mut self, figure: f64) {
        self.0.push(figure);
        self.0.sort_by(f64::total_cmp);
    }

    /// The share-th of them, by size: 0.5 is the median.
    pub fn at(&self, share: f64) -> f64 {
        self.0[((self.0.len() - 1) as f64 * share).round() as usize]
    }

    /// `median (smallest … largest)`, with so many decimals.
    pub fn told(&self, decimals: usize) -> String {
        let (low, middle, high) = (self.at(0.0), self.at(0.5), self.at(1.0));
        format!("{middle:.decimals$} ({low:.decimals$} … {high:.decimals$})")
    }
}
