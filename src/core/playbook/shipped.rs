//! The shipped files, read as a site reads them.

use super::*;
use crate::{directory::Directory, text::Text, time::Timestamp};

const DIRECTORY: &[u8] = include_bytes!("../../../playbooks/directory.example.yaml");

const SHIPPED: [(&str, &str); 6] = [
    ("eq-6upper-initial", include_str!("../../../playbooks/eq-6upper-initial.yaml")),
    ("mci-local", include_str!("../../../playbooks/mci-local.yaml")),
    ("major-tsunami-warning", include_str!("../../../playbooks/major-tsunami-warning.yaml")),
    ("heavy-snow-notice", include_str!("../../../playbooks/heavy-snow-notice.yaml")),
    ("comcheck-monthly", include_str!("../../../playbooks/comcheck-monthly.yaml")),
    ("hospital-power-failure", include_str!("../../../playbooks/hospital-power-failure.yaml")),
];

fn directory() -> Directory {
    let (directory, problems) = crate::directory::read(DIRECTORY);
    assert_eq!(problems, []);
    directory.expect("the example directory")
}

fn playbooks() -> Vec<Playbook> {
    let directory = directory();
    let read = |(key, source): (&str, &str)| {
        let (playbook, problems) = read(source.as_bytes(), Some(&directory));
        assert_eq!(problems, [], "{key}");
        playbook.unwrap_or_else(|| panic!("{key} is read"))
    };
    SHIPPED.into_iter().map(read).collect()
}

#[test]
fn each_is_clean_with_the_example_directory_and_alone() {
    for (playbook, (key, source)) in playbooks().into_iter().zip(SHIPPED) {
        assert_eq!(playbook.key, key, "a file is named by its key");
        assert_eq!(read(source.as_bytes(), None).1, [], "{key}");
    }
}

#[test]
fn somebody_is_on_every_roster_at_every_hour_of_two_years() {
    let directory = directory();
    let start = Timestamp::parse_rfc3339("2026-11-25T00:00:00+09:00").expect("a moment");
    for hour in 0..2 * 366 * 24 {
        let at = start + Span::minutes(60 * hour);
        for roster in directory.rosters.keys() {
            assert!(!directory.on_duty(roster, at).is_empty(), "{roster} in hour {hour}");
        }
    }
}

#[test]
fn whoever_reads_japanese_or_english_reads_their_own_language() {
    let is_whole = |text: &Text| text.en.is_some() || text.ja.is_ascii();
    for playbook in playbooks() {
        let key = &playbook.key;
        assert!(is_whole(&playbook.title), "{key}");
        for alert in &playbook.alerts {
            let texts = [Some(&alert.subject), Some(&alert.body), alert.sms.as_ref()];
            assert!(texts.into_iter().flatten().all(is_whole), "{key}: {}", alert.key);
        }
        for option in playbook.response_sets.iter().flat_map(|set| &set.options) {
            assert!(is_whole(&option.label), "{key}: {}", option.key);
            assert!(option.ask.iter().all(|ask| is_whole(&ask.label)), "{key}: {}", option.key);
        }
    }
}

#[test]
fn nothing_is_typed_that_the_service_writes() {
    for playbook in playbooks() {
        for alert in &playbook.alerts {
            for text in [&alert.subject, &alert.body].into_iter().chain(&alert.sms) {
                for written in ["訓練", "様\n", "報）", "respond_by", "開いただけでは"] {
                    assert!(!text.ja.contains(written), "{} {}: {written}", playbook.key, alert.key);
                }
            }
        }
    }
}
