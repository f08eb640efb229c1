//! Hostile and slipped files: no reader and no rule panics, whatever stands in a file, and what is told can be shown.
//!
//! Mutations of the shipped files and random bytes, the same for the same seed. `FUZZ_CASES` sets how many, `FUZZ_SEED`
//! where they begin; a case that fails prints its seed.

use crate::{
    dice::Dice,
    directory, document_kind, exercise,
    playbook::{self, Neighbour, Site},
    problem::{Problem, Severity},
    time::Timestamp,
};

const FILES: [&str; 3] = [
    include_str!("../../playbooks/eq-6upper-initial.yaml"),
    include_str!("../../playbooks/directory.example.yaml"),
    include_str!("exercise/example.yaml"),
];

/// What readers stumble over.
const WORDS: [&str; 36] = [
    "{",
    "}",
    "[",
    "]",
    ":",
    ": ",
    ",",
    "- ",
    "\"",
    "'",
    "\n",
    "  ",
    "#",
    "&a ",
    "*a",
    "!!str ",
    "|\n",
    ">\n",
    "~",
    "---\n",
    "...\n",
    "{{ ",
    " }}",
    "{% x %}",
    "role:",
    "agency:",
    "roster.",
    "99999999999999999999d",
    "-1",
    "0s",
    "\u{0}",
    "\u{feff}",
    "🚑",
    "\u{202e}",
    "か\u{3099}",
    "<<: *a\n",
];

fn case(dice: &mut Dice) -> Vec<u8> {
    if dice.below(20) == 0 {
        return (0..dice.below(400)).map(|_| dice.roll().to_le_bytes()[0]).collect();
    }
    let mut bytes = FILES[dice.below(FILES.len())].as_bytes().to_vec();
    for _ in 0..=dice.below(8) {
        mutate(&mut bytes, dice);
    }
    bytes
}

fn mutate(bytes: &mut Vec<u8>, dice: &mut Dice) {
    let at = dice.below(bytes.len());
    let line = |bytes: &[u8], at: usize| {
        let start = bytes[..at].iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
        let end = bytes[at..]
            .iter()
            .position(|byte| *byte == b'\n')
            .map_or(bytes.len(), |newline| at + newline + 1);
        start..end.max(start)
    };
    match dice.below(9) {
        0 if !bytes.is_empty() => bytes[at] = dice.roll().to_le_bytes()[0],
        1 => drop(bytes.drain(at..(at + dice.below(6)).min(bytes.len()))),
        2 | 3 => drop(bytes.splice(at..at, WORDS[dice.below(WORDS.len())].bytes())),
        4 => drop(bytes.drain(line(bytes, at))),
        5 => {
            let copy = bytes[line(bytes, at)].to_vec();
            let to = line(bytes, dice.below(bytes.len())).start;
            bytes.splice(to..to, copy);
        }
        // A word takes the place of another one.
        6 => {
            let file = FILES[dice.below(FILES.len())];
            let words: Vec<&str> = file.split_whitespace().collect();
            let word = words[dice.below(words.len())];
            let end = bytes[at..]
                .iter()
                .position(|byte| b" \n,}]".contains(byte))
                .map_or(bytes.len(), |end| at + end);
            bytes.splice(at..end, word.bytes());
        }
        // A line moves in or out.
        7 => {
            let start = line(bytes, at).start;
            if dice.below(2) == 0 {
                bytes.splice(start..start, *b"  ");
            } else if bytes[start..].starts_with(b"  ") {
                bytes.drain(start..start + 2);
            }
        }
        _ if dice.below(4) == 0 => bytes.truncate(at),
        _ => {}
    }
}

fn is_told_well(problems: &[Problem], is_read: bool) -> bool {
    let refused = problems.iter().any(|problem| problem.severity == Severity::Error);
    let placed = problems.iter().all(|problem| problem.at.line > 0 && problem.at.column > 0);
    let in_order = problems.windows(2).all(|pair| pair[0].at <= pair[1].at);
    refused != is_read && placed && in_order
}

#[test]
fn whatever_stands_in_a_file_it_is_read_or_refused_and_never_a_panic() {
    // Asked of the build: the core looks at no environment.
    let number =
        |given: Option<&str>, default: u64| given.map_or(default, |text| text.parse().expect("a number"));
    let first = number(option_env!("FUZZ_SEED"), 1);
    let cases = number(option_env!("FUZZ_CASES"), 3000);
    let (directory, _) = directory::read(FILES[1].as_bytes());
    let (shipped, _) = playbook::read(FILES[0].as_bytes(), None);
    let neighbours = [Neighbour::read(FILES[0].as_bytes()).expect("a playbook")];
    let site = Site {
        directory: directory.as_ref(),
        at: Timestamp::parse_rfc3339("2026-12-30T23:59:59+09:00"),
        neighbours: Some(&neighbours),
    };
    for seed in first..first + cases {
        let bytes = case(&mut Dice(seed));
        let check = || {
            document_kind(&bytes);
            Neighbour::read(&bytes);
            let (playbook, problems) = playbook::check(&bytes, &site);
            let mut well = is_told_well(&problems, playbook.is_some());
            let (directory, problems) = directory::check(&bytes, site.at);
            well &= is_told_well(&problems, directory.is_some());
            if let Some(directory) = &directory {
                let site = Site { directory: Some(directory), ..site };
                playbook::check(FILES[0].as_bytes(), &site);
            }
            let (exercise, problems) = exercise::check(&bytes, shipped.as_ref());
            well & is_told_well(&problems, exercise.is_some())
        };
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(check));
        assert!(matches!(outcome, Ok(true)), "FUZZ_SEED={seed} FUZZ_CASES=1");
    }
}

#[test]
fn the_example_of_an_exercise_has_no_problem() {
    let (exercise, problems) = exercise::read(FILES[2].as_bytes());
    assert_eq!(problems, []);
    assert_eq!(exercise.map(|exercise| exercise.expectations.len()), Some(6));
}

#[test]
fn exercises_are_told_of_their_slips_at_their_place() {
    // The mark « shows where the problem is told.
    let cases = [
        ("R02", "type: functional", "type: «functionl"),
        ("R02", "weight: 40", "«weigth: 40"),
        ("R02", "end_after: 240m", "end_after: «240"),
        ("R02", "start_at: 2026-12-05T09:00:00+09:00", "start_at: «2026-12-05"),
        ("R02", "after: 6m..9m", "after: «9m..6m"),
        ("R02", "p: 0.7", "p: «1.7"),
        ("R02", "mode: reject", "mode: «reject_all"),
        ("R02", "P: 90", "P: «190"),
        ("R01", "objective: o_esc, type: human_takeover", "objective: «o_esk, type: human_takeover"),
        ("R01", "while_fault: mail_down", "while_fault: «mail_up"),
        ("R01", "target: \"report:sitrep\"", "target: «\"report:sitrap\""),
        ("R01", "to: [\"channel:dmat\"]", "to: [«\"channel:dmut\"]"),
        ("R01", "do: { trigger: jma", "do: { trigger: «jmb"),
        ("R01", "to: [\"role:planning\"]", "to: [«\"role:planing\"]"),
    ];
    let (playbook, _) = playbook::read(FILES[0].as_bytes(), None);
    for (code, from, to) in cases {
        assert!(FILES[2].contains(from), "{from}");
        let marked = FILES[2].replacen(from, to, 1);
        let at = marked.find('«').expect("a mark");
        let (line, column) = (
            marked[..at].matches('\n').count() + 1,
            marked[..at].rsplit('\n').next().unwrap_or_default().chars().count() + 1,
        );
        let (exercise, problems) = exercise::check(marked.replace('«', "").as_bytes(), playbook.as_ref());
        let told: Vec<_> =
            problems.iter().map(|p| (p.code, p.at.line as usize, p.at.column as usize)).collect();
        assert_eq!(told, [(code, line, column)], "{to}: {problems:#?}");
        assert_eq!(exercise, None);
    }
}
