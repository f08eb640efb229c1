//! How many have answered, wait, are stopped, are ended.

use super::{
    super::{frame::Frame, mark::Mark},
    row::{Row, RowKind},
};

/// One line of counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CountLine {
    /// 回答した
    pub words: String,
    /// The sum.
    pub sum: usize,
    /// The kinds: shape, words, how many, and the first row of that kind.
    pub kinds: Vec<(Mark, String, usize, String)>,
}

/// 回答した, 待っている, 止まった, and what a decision has ended.
pub(super) fn counts(rows: &[&Row], frame: &Frame) -> Vec<CountLine> {
    let line = |key: &str, wanted: &dyn Fn(&Row) -> bool| {
        let mut kinds: Vec<(Mark, String, usize, String)> = Vec::new();
        let mut sum = 0;
        for row in rows.iter().filter(|row| wanted(row)) {
            sum += 1;
            match kinds.iter_mut().find(|(mark, word, ..)| *mark == row.mark && *word == row.word) {
                Some((_, _, count, _)) => *count += 1,
                None => kinds.push((row.mark, row.word.clone(), 1, row.id.clone())),
            }
        }
        kinds.sort_by_key(|(mark, ..)| *mark);
        CountLine { words: frame.words.get(key), sum, kinds }
    };
    let ended = |row: &Row| matches!(row.mark, Mark::Decided | Mark::Rest);
    let stopped = |row: &Row| matches!(row.kind, RowKind::Decide | RowKind::Alarm);
    let mut lines = vec![
        line("count-answered", &|row| row.kind == RowKind::Settled && !ended(row)),
        line("count-waiting", &|row| row.kind == RowKind::Open),
        line("count-stopped", &stopped),
        line("count-ended", &ended),
    ];
    if lines[3].sum == 0 {
        lines.pop();
    }
    lines
}
