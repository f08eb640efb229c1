# Words of activity: a channel's activity log
activity-title = 活動記録
activity-period = 期間
activity-people = 参加者
activity-when = 時刻
activity-who = だれが
activity-what = 内容
activity-print = ブラウザーの印刷で、このまま紙に残せます。
