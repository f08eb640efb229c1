//! The fixtures' files, and the small changes that a test makes to them.

/// Three hospitals in a group (the southern one reads English), a fire service, three people on duty.
pub const DIRECTORY: &str = include_str!("../fixture/directory.yaml");

/// Key `quick`: a standby alert to the hospitals whose ladder climbs in eight seconds, a notice to the fire service
/// with a ladder of minutes, cancel and stand-down notices.
pub const QUICK: &str = include_str!("../fixture/quick.yaml");

/// The text with `from` replaced; panics where it does not stand, so that a changed fixture cannot empty a test.
#[track_caller]
pub fn with(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "the fixture no longer has {from:?}");
    text.replace(from, to)
}

/// [`QUICK`] with a ladder of minutes, for tests in which no step may come between.
pub fn patient() -> String {
    let mut text = QUICK.to_owned();
    for (from, to) in [
        ("at: 2s", "at: 5m"),
        ("at: 4s", "at: 10m"),
        ("at: 6s", "at: 15m"),
        ("at: 8s", "at: 30m"),
        ("read_by: 2s, ack_by: 4s, respond_by: 8s", "read_by: 5m, ack_by: 10m, respond_by: 30m"),
    ] {
        text = with(&text, from, to);
    }
    text
}

/// [`DIRECTORY`] with so many more hospitals in the alerted group, `hosp_<n>` at `@many.example`.
pub fn many(hospitals: usize) -> String {
    let keys: Vec<String> = (0..hospitals).map(|n| format!("hosp_{n}")).collect();
    let group = with(DIRECTORY, "hosp_south] }", &format!("hosp_south, {}] }}", keys.join(", ")));
    let rows: String = keys
        .iter()
        .map(|key| {
            format!(
                "  {key}: {{ title: {key}, outside: true, primary: {{ email: {key}@many.example }}, \
                 alternate: {{ email: {key}@yobi.example }} }}\n"
            )
        })
        .collect();
    group + &rows
}

/// [`many`] with a mail domain for each, `hosp_<n>` at `h<n>.many.example`: a domain that has not taken a letter yet is
/// written to by one connection.
pub fn apart(hospitals: usize) -> String {
    let mut text = many(hospitals);
    for n in 0..hospitals {
        text = with(&text, &format!("hosp_{n}@many.example"), &format!("hosp_{n}@h{n}.many.example"));
    }
    text
}

/// [`patient`] with tasks and situation reports, and a button that asks to be called back.
pub fn duties() -> String {
    let text = with(&patient(), "close: {", &format!("{}close: {{", include_str!("../fixture/duties.yaml")));
    with(
        &text,
        "meaning: accept, counts_as: ack }\nladders:",
        "meaning: accept, counts_as: ack }\n    - { key: call, label: { ja: 電話求む, en: Call us }, meaning: question, counts_as: ack, opens_task: call_back }\nladders:",
    )
}
