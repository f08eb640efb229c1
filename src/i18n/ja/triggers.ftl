# トリガー、保留、終結の提案、続報、統合のことば。
# --- 保留
hold-title = 発報の判断
hold-then-send = { $name } まで操作がなければ、自動で発報します
hold-then-suggest = { $name } まで操作がなければ、提案として残します
hold-proposed = 判断待ち
hold-proposed-what = 自動では発報しません。発報するか、取り消すかを決めてください
hold-nothing-left = 外へはまだ何も送っていません。
hold-missing = 発報するには、次の値が必要です
hold-send = 今すぐ発報する
hold-send-drill = 訓練として今すぐ始める
hold-dismiss = 取消（誤報）
hold-reason = 取り消す理由を書く
hold-not-yours = あなたの権限では判断できません。当番か本部長に知らせてください。
hold-waits = 発報の判断: { $name }
head-held = 保留中
head-proposed = 提案
head-merged = 統合
head-reviewed = 振り返り済み
home-held = { $span } で自動発報
home-held-suggest = 判断待ち（保留中）
home-proposed = 判断待ち（提案）
# --- トリガーの一覧
triggers-title = トリガー
triggers-what = 信号が届いた記録と、それで何をしたか、しなかったか。
triggers-next = 予定
triggers-rang = 記録
triggers-none = まだ信号は届いていません。
triggers-nobody = 聞いている手順書がない
triggers-late = { $span } 遅れて実施
triggers-suggest = 提案
triggers-hold = 保留
triggers-send = 発報
triggers-attach = 既存の事案に追記
triggers-ignore = 何もしない（同じ事象）
triggers-nothing = 何もしない
triggers-refused = 開けなかった
# --- 番号
head-number = 事案{ $n }
home-merged = { $clock } 統合
