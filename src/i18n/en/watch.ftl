# The words of what watches over the service: loops that stand still, things that should have happened and did not.
watch-standing = The service's loop "{ $name }" has stood still for { $seconds } s or more. If it stays so, the service restarts by itself; if that repeats, check whether the database answers.
finding-timers_late = { $incident }: { $n } steps have been due since { $since } and are not taken. Check whether the database answers, and the log.
finding-letters_late = { $incident }: { $n } letters have waited to be sent since { $since }. Telephone where it is urgent.
finding-letters_in_hand = { $incident }: { $n } letters have been handed over since { $since } without a word of their outcome. Telephone where it is urgent.
next-held = Sent then: held, because its mail server lets us wait
next-to-pace = Sent in turn: its domain gets so many letters a second. The next one
next-away = Sent as soon as the relay is back
status-watch = Watch
