//! What a process costs, as the kernel tells it.

use std::time::Duration;

/// The kernel counts CPU time in these (`sysconf(_SC_CLK_TCK)` is 100 on every Linux that this runs on).
const TICKS_PER_SECOND: u64 = 100;

/// CPU time that a process has used so far, its ended threads included.
pub fn cpu(pid: u32) -> Duration {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("the process lives");
    // The name stands in brackets and may hold anything; 14 and 15 of the fields are user and system time.
    let (_, rest) = text.rsplit_once(')').expect("the name of the process stands in brackets");
    let ticks: u64 =
        rest.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 1_000 / TICKS_PER_SECOND)
}

/// The share of one core that a process uses over so long.
pub async fn cpu_share(pid: u32, over: Duration) -> f64 {
    let before = cpu(pid);
    tokio::time::sleep(over).await;
    (cpu(pid) - before).as_secs_f64() / over.as_secs_f64()
}

/// Bytes of memory of a process: resident, and its share of them (what others map too is counted in part).
pub fn memory(pid: u32) -> (u64, u64) {
    let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).expect("the process lives");
    let field = |name: &str| {
        let line = text.lines().find(|line| line.starts_with(name)).expect("a Linux kernel tells it");
        line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).expect("a number") * 1024
    };
    (field("Rss:"), field("Pss:"))
}

/// Mebibytes.
pub fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
