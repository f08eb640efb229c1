# How the matter of a letter to role holders stands now
errand-written = Below is the letter of { $clock }.
errand-sent = It has been sent
errand-sent-at = Sent at { $clock }. How things stand now is on the incident's board.
errand-done = This task is done
errand-not-needed = This task was decided to be not needed
errand-settled-by = { $clock }, { $name }
errand-report-out = This report has gone out
errand-report-waits = This report is handed in and waits for its approval
errand-report-waits-by = { $clock }, { $name }
errand-put-off = No decision is due now
errand-put-off-why = It was put off, or the report was handed in.
errand-chair-taken = This role is taken
errand-chair-taken-by = { $name } holds it since { $clock }.
errand-close = Close the incident
errand-keep-open = Keep it open
errand-kept-open = No decision about closing is due
errand-kept-open-why = It was decided to go on, or the proposal was taken back. The response goes on.

# Rosters: somebody stands in
roster-covers = in for { $name }
roster-covers-because = in for { $name } ({ $because })

# Start: who may
start-may-not = You may not start this. These may: { $who }
start-who-now = { $party } (now: { $names })
start-who-always = accounts of commanders and administrators

# Directory import
import-looked = I have looked at the notes above (new groups and the like)
