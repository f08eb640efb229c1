//! How long the readers and rules of the languages take, beside a limit that is measured in the same run: the bare
//! event loop of the YAML parser over the same bytes. A ratio says more than milliseconds: it is the same on a slow
//! machine.
//!
//! `cargo bench -p noroshi-core --bench language` (add `--profile dev` for what the tests run).

#![expect(clippy::disallowed_methods, reason = "a measurement asks the machine's clock")]

use std::{
    fmt::Write as _,
    hint::black_box,
    time::{Duration, Instant},
};

use noroshi_core::{directory, exercise, playbook};

const PLAYBOOK: &str = include_str!("../playbooks/eq-6upper-initial.yaml");
const DIRECTORY: &str = include_str!("../playbooks/directory.example.yaml");

/// The shipped playbook with more tasks until it has 2,000 lines.
fn long_playbook() -> String {
    let mut text = PLAYBOOK.to_owned();
    let mut more = String::from("tasks:\n  - items:\n");
    let lines = 2000_usize.saturating_sub(text.lines().count());
    for n in 0..lines {
        let _ = writeln!(
            more,
            "      - {{ key: more_{n}, title: 課題 {n}, role: planning, due: {{ after: incident.activated, within: {n}m }} }}"
        );
    }
    text = text.replacen("tasks:\n", &more, 1);
    text
}

fn large_directory(agencies: usize) -> String {
    let mut text = DIRECTORY.to_owned();
    for n in 0..agencies {
        let _ = writeln!(
            text,
            "  more_{n}: {{ title: 機関 {n}, outside: true, primary: {{ email: a{n}@a{n}.example, sms: \"090-0000-{n:04}\" }}, alternate: {{ phone: \"03-0000-{n:04}\" }} }}"
        );
    }
    text
}

fn laughs() -> String {
    let mut text =
        String::from("apiVersion: noroshi/v1\nkind: Playbook\na: &a [x, x, x, x, x, x, x, x, x]\n");
    for (name, before) in ["b", "c", "d", "e", "f", "g", "h"].iter().zip(["a", "b", "c", "d", "e", "f", "g"])
    {
        let _ = writeln!(text, "{name}: &{name} [{}]", vec![format!("*{before}"); 9].join(", "));
    }
    text
}

/// The fastest of several runs: what the machine can do when nobody disturbs it.
fn fastest(mut work: impl FnMut()) -> Duration {
    let run = |_| {
        let start = Instant::now();
        work();
        start.elapsed()
    };
    (0..7).map(run).min().unwrap_or_default()
}

fn events(text: &str) {
    let mut parser = saphyr_parser::Parser::new_from_str(text);
    while let Some(Ok(event)) = parser.next_event() {
        black_box(event);
    }
}

fn main() {
    let (directory, _) = directory::read(DIRECTORY.as_bytes());
    let head = "apiVersion: noroshi/v1\nkind: Playbook\n";
    let two_mib = |line: &str| head.to_owned() + &line.repeat((2 << 20) / line.len());
    let one_mib = |line: &str| head.to_owned() + &line.repeat((1 << 20) / line.len() - 10);
    let cases = [
        ("the shipped playbook", PLAYBOOK.to_owned(), 50),
        ("2,000 lines", long_playbook(), 50),
        ("a bomb of aliases", laughs(), 50),
        ("2 MiB", two_mib("# 長い\n"), 50),
        ("1 MiB of lists", "- a\n".repeat(1 << 18), 50),
        ("1 MiB of open brackets", "[".repeat(1 << 20), 50),
        ("1 MiB of unknown keys", (0..60_000).map(|n| format!("k{n}: v\n")).collect(), 50),
        ("1 MiB of one word", "x".repeat(1 << 20), 50),
        (
            "1 MiB of broken tags",
            format!("{head}alerts:\n  a:\n    body: \"{}\"\n", "{{ a b }}".repeat(100_000)),
            50,
        ),
        ("1 MiB of comments", one_mib("# a\n"), 50),
        ("1 MiB of quotes", format!("{head}a: \"{}", "\\\"".repeat(1 << 19)), 50),
    ];
    println!("{:<26} {:>9} {:>9} {:>7} {:>7}", "file", "checked", "parsed", "ratio", "limit");
    let show = |name: &str, ours: Duration, bare: Duration, limit: u64| {
        let ms = |time: Duration| time.as_secs_f64() * 1000.0;
        let over = if ms(ours) > limit as f64 { "  over" } else { "" };
        println!(
            "{name:<26} {:>7.2}ms {:>7.2}ms {:>6.1}x {limit:>5}ms{over}",
            ms(ours),
            ms(bare),
            ms(ours) / ms(bare).max(0.001)
        );
    };
    for (name, text, limit) in &cases {
        let ours = fastest(|| drop(black_box(playbook::read(text.as_bytes(), directory.as_ref()))));
        show(name, ours, fastest(|| events(text)), *limit);
        let as_exercise = fastest(|| drop(black_box(exercise::read(text.as_bytes()))));
        if as_exercise > Duration::from_millis(*limit) {
            show("… as an exercise", as_exercise, fastest(|| events(text)), *limit);
        }
    }
    let large = large_directory(10_000);
    let ours = fastest(|| drop(black_box(directory::read(large.as_bytes()))));
    show("10,000 agencies", ours, fastest(|| events(&large)), 2000);
}
