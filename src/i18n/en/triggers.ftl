# Words of triggers, holds, proposals to close, follow-ups, merging.
# --- hold
hold-title = Send or not
hold-then-send = Without a decision by { $name } it is sent by itself
hold-then-suggest = Without a decision by { $name } it stays a proposal
hold-proposed = Waiting for you
hold-proposed-what = It is not sent by itself. Please send or dismiss it
hold-nothing-left = Nothing has been sent to anybody outside yet.
hold-missing = These values are needed before it can be sent
hold-send = Send now
hold-send-drill = Start the drill now
hold-dismiss = Dismiss (false alarm)
hold-reason = Give a reason for dismissing
hold-not-yours = Your role does not allow this decision. Tell whoever is on duty or the incident commander.
hold-waits = Send or not: { $name }
head-held = On hold
head-proposed = Proposed
head-merged = Merged
head-reviewed = Reviewed
home-held = Sent by itself { $span }
home-held-suggest = Waits for a decision (held)
home-proposed = Waits for a decision (proposed)
# --- list of triggers
triggers-title = Triggers
triggers-what = What rang, and what was done about it or not.
triggers-next = Scheduled
triggers-rang = Record
triggers-none = Nothing has rung yet.
triggers-nobody = No playbook listens to it
triggers-late = { $span } late
triggers-suggest = Proposed
triggers-hold = Held
triggers-send = Sent
triggers-attach = Noted in an incident
triggers-ignore = Nothing (the same happening)
triggers-nothing = Nothing
triggers-refused = Could not be opened
# --- 番号
head-number = Incident { $n }
home-merged = merged { $clock }
