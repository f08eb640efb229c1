# Words of the pages. Sent, read and answered are three things.
brand = Noroshi
drill-mark = 【訓練 EXERCISE】
drill-first-line = 【訓練 EXERCISE】 This is an exercise. There is no real disaster.
drill-last-line = 【訓練 EXERCISE】 End of the exercise message.
mode-live = REAL EVENT
mode-drill = EXERCISE
report-number = Report { $n }
when-now = now
when-in = in { $span }
when-ago = { $span } ago
when-left = { $span } left
when-over = The deadline has passed
when-seconds = { $n } s
when-minutes = { $n } min
when-hours = { $n } h
when-days = { $n } d
