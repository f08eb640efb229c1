//! Faults, and what holds in spite of them.
//!
//! `tests/run` reads this table and says at its end how many of its rows were run. A row is run when every test that it
//! names has passed; one whose tool a machine lacks says so by its name and counts as skipped.
//!
//! | row | fault | tests |
//! |---|---|---|
//! | F01 | killed before the commit | `faults::points::a_death_at_any_named_place_loses_nobody_and_doubles_only_what_was_in_hand` `faults::kill::a_kill_before_the_commit_leaves_nothing_half_done` |
//! | F02 | killed between the commit and the reply | `faults::kill::a_kill_between_the_commit_and_the_reply_starts_nothing_twice` `crash::the_same_request_again_is_the_same_incident_even_after_a_kill` |
//! | F03 | killed during a fan-out | `faults::points::a_death_at_any_named_place_loses_nobody_and_doubles_only_what_was_in_hand` `faults::kill::random_kills_during_a_fan_out_lose_nobody` `faults::kill::a_healthy_fan_out_doubles_nothing` |
//! | F04 | killed between handing over and recording | `crash::a_kill_between_handing_over_and_recording_doubles_at_most_one_letter` |
//! | F05 | killed between record and timer | `faults::points::a_death_at_any_named_place_loses_nobody_and_doubles_only_what_was_in_hand` `faults::kill::kills_during_an_escalation_lead_to_the_same_end` |
//! | F06 | killed during escalation, answer, import, migration | `faults::points::a_death_at_any_named_place_loses_nobody_and_doubles_only_what_was_in_hand` `faults::kill::kills_during_an_escalation_lead_to_the_same_end` `faults::kill::kills_while_people_answer_lose_no_answer_that_was_said_to_be_stored` `faults::kill::a_killed_import_is_whole_or_not_there` `faults::kill::a_killed_first_start_starts_again` |
//! | F09 | database away | `faults::database::while_the_database_is_away_nothing_is_half_done_and_afterwards_nothing_is_missing` `faults::database::a_database_server_that_crashes_and_is_started_again_costs_nothing` `faults::database::lines_to_the_database_that_went_silent_for_ever_are_given_up_within_seconds` `faults::database::a_database_that_refuses_connections_is_told_at_once_and_the_pool_recovers` `faults::database::an_answer_whose_commit_broke_off_is_told_as_not_known` |
//! | F10 | database slow | `faults::database::a_slow_database_keeps_nobody_waiting_and_stores_each_answer_once` |
//! | F11 | relay says later (421, 450, 451), or is away | `faults::relay::a_relay_that_goes_away_in_the_middle_of_a_fan_out_gets_the_rest_when_it_is_back` `delivery::a_temporary_refusal_is_tried_again_with_the_same_message_id` `transport::tests::a_recipient_refused_for_now_may_be_tried_again_and_the_connection_stays` `transport::tests::the_next_relay_takes_over_when_the_first_is_dead_full_or_closing` |
//! | F12 | relay says never (550) | `delivery::a_permanent_refusal_takes_the_next_step_at_once` `delivery::when_every_address_is_refused_a_person_decides_at_once` `transport::tests::a_letter_refused_after_its_last_line_is_refused_or_tried_again_as_the_relay_says` |
//! | F13 | tar pit, silence after DATA | `watch::one_domain_of_twenty_that_is_a_tar_pit_costs_the_others_one_connection` `delivery::one_address_that_hangs_does_not_hold_up_the_others` `delivery::letters_to_a_domain_that_hangs_keep_nobody_waiting_who_was_not_claimed_yet` `transport::tests::a_relay_that_gives_one_byte_at_a_time_ends_with_the_whole_limit` `transport::tests::without_any_answer_after_the_last_line_the_outcome_is_unknown_and_nobody_else_is_asked` |
//! | F15 | STARTTLS stripped, certificate that does not hold or is past its end | `transport::tests::a_certificate_past_its_end_counts_for_no_more_than_none` `transport::tests::a_certificate_that_does_not_hold_means_clear_text_said_aloud_or_no_letter_at_all` `transport::tests::a_relay_without_tls_gets_no_letter_where_it_is_required_and_no_password_ever` `transport::tests::clear_text_slipped_in_behind_starttls_is_not_taken_for_an_encrypted_answer` |
//! | F16 | receiver of a webhook busy, gone, silent | `webhooks::trouble_is_tried_again_with_the_same_id_and_not_before_the_receiver_asks_for_it` `webhooks::a_receiver_that_is_gone_is_not_called_any_more_and_its_owner_hears_of_it` `webhooks::a_receiver_that_says_nothing_is_called_again_with_the_same_id_and_told_so` |
//! | F17 | redirects, receivers inside the house | `webhooks::a_redirect_is_refused_and_never_followed` `webhooks::a_receiver_inside_the_house_is_called_only_where_the_operator_names_it` |
//! | F18 | answer without end, one letter at a time, a gzip bomb | `webhooks::an_answer_without_end_is_cut_off` `webhooks::bodies_without_end_and_gzip_bombs_cost_next_to_no_memory` `webhooks::an_answer_that_comes_one_letter_at_a_time_ends_with_the_whole_limit` |
//! | F19 | lines that say nothing, headers without end | `faults::flood::lines_that_say_nothing_cost_real_users_nothing` |
//! | F20 | wall clock jumps an hour | `faults::wall_clock::a_jump_of_the_wall_clock_makes_nothing_early_nothing_twice_and_nothing_late` |
//! | F22 | disk full | `faults::disk::a_full_disk_is_told_and_nothing_is_half_written` `faults::disk::a_full_disk_of_the_database_server_is_told_and_nothing_is_half_written` |
//! | F24 | one of two nodes killed, or cut off | `faults::partition::a_node_that_is_cut_off_from_the_database_stops_sending_and_forgets_nobody` `faults::partition::a_node_whose_packets_to_the_database_vanish_sends_nothing_after_its_lease` `nodes::when_one_of_two_nodes_is_killed_the_other_goes_on_and_forgets_nobody` |
//! | F25 | node paused beyond its lease | `nodes::a_node_that_was_paused_beyond_its_lease_neither_writes_nor_sends_what_others_took_over` |
//! | F26 | older program, newer schema | `nodes::a_newer_schema_stops_an_old_node_in_order_and_lets_none_start` `nodes::a_timer_that_only_a_newer_program_knows_is_kept_for_it_and_keeps_no_other_back` |
//! | F27 | ten times the load | `faults::flood::a_flood_of_answers_boards_and_bulletins_loses_no_answer_and_ends` |
//! | F30 | triggers doubled, replayed, out of order | `faults::flood::the_same_bulletin_again_and_again_from_ten_senders_is_one_incident` `triggers::what_is_dismissed_never_left_the_house` `triggers::a_bulletin_for_training_opens_nothing_real_and_keeps_nothing_real_back` `triggers::a_signed_call_rings_and_one_that_is_not_ours_old_or_changed_does_not` |
//! | F31 | answer link replayed, late, another's | `answers::the_same_answer_again_changes_nothing_and_another_replaces_it` `answers::after_the_end_the_page_says_so_and_takes_no_more` `answers::an_unknown_link_gives_no_hint` `answers::the_first_answer_of_anybody_at_an_agency_counts_for_it` `faults::links::the_database_holds_no_token` |
//! | F32 | mail scanner that fetches and presses | `answers::a_scanner_that_fetches_every_link_changes_nothing` `faults::links::a_scanner_that_presses_every_button_is_told_apart_and_the_ladder_goes_on` `faults::links::a_headless_browser_that_presses_every_button_is_told_apart_and_the_ladder_goes_on` `faults::links::a_scanner_on_the_list_counts_for_nothing_and_the_telephone_does` |
//! | F33 | answers that cross | `faults::links::answers_that_cross_what_is_under_way_are_kept_and_end_the_ladder` `delivery::a_letter_that_is_in_hand_when_the_answer_comes_is_not_tried_again` `answers::a_late_answer_is_taken_and_marked_late` |
//! | F38 | a bug in a handler, in a worker; a loop that stands | `faults::points::a_bug_in_any_worker_loses_nobody_and_doubles_only_what_was_in_hand` `faults::points::a_bug_in_the_middle_of_a_start_leaves_nothing_half_done` `watch::a_bug_in_one_request_is_that_requests_alone` `watch::a_bug_in_a_worker_ends_the_process_so_that_it_is_started_again` `watch::a_loop_that_stands_is_told_and_then_ends_the_process_with_failure` |
//! | F39 | service away for long | `watch::after_an_absence_what_is_most_urgent_goes_first_and_is_marked_late` `watch::the_watcher_elsewhere_hears_from_us_and_its_address_is_never_told` |

mod database;
mod disk;
mod flood;
mod kill;
mod links;
mod partition;
mod points;
mod relay;
mod wall_clock;

use std::{io::Write, path::Path};

/// Whether the long form of the fault tests is wanted (`NOROSHI_LONG=1`): an hour instead of minutes.
fn long() -> bool {
    std::env::var("NOROSHI_LONG").is_ok_and(|value| value == "1")
}

/// Says that this machine lacks what a row needs. The words go past the capture of a test's output, to `tests/run`.
fn skipped(row: &str, why: &str) {
    let told = writeln!(std::io::stderr(), "fault row skipped: {row}: {why}");
    told.expect("stderr of the test run");
}

/// A row without a test, or with a test that nobody runs, would look proved and would not be.
#[test]
fn every_row_names_tests_that_exist() {
    let table = include_str!("mod.rs").lines().filter(|line| line.starts_with("//! | F"));
    let mut rows = 0;
    for line in table {
        rows += 1;
        let tests: Vec<&str> = line.split('`').skip(1).step_by(2).collect();
        assert!(!tests.is_empty(), "a row without a test: {line}");
        for test in tests {
            let (module, name) = test.rsplit_once("::").expect("module::test");
            let folder = if module.starts_with("transport") { "src" } else { "tests/it" };
            let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder).join(module.replace("::", "/"));
            let text = std::fs::read_to_string(file.with_extension("rs"));
            let text = text.unwrap_or_else(|problem| panic!("{test}: {}: {problem}", file.display()));
            assert!(text.contains(&format!("fn {name}()")), "{test} does not exist");
        }
    }
    assert!(rows > 20);
}
