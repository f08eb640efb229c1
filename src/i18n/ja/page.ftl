# ページのことば。事案はインシデントと書かない。送信と回答、既読と回答を混ぜない。
brand = 狼煙
drill-mark = 【訓練】
drill-first-line = 【訓練】これは訓練です。実際の災害ではありません。
drill-last-line = 【訓練】以上、訓練です。
mode-live = 実災害
mode-drill = 訓練
report-number = 第{ $n }報
when-now = いま
when-in = { $span }後
when-ago = { $span }前
when-left = あと{ $span }
when-over = 期限を過ぎました
when-seconds = { $n }秒
when-minutes = { $n }分
when-hours = { $n }時間
when-days = { $n }日
