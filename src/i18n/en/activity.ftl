# Words of activity: a channel's activity log
activity-title = Activity log
activity-period = Period
activity-people = Who took part
activity-when = Time
activity-who = Who
activity-what = What
activity-print = Print this page to keep it on paper.
