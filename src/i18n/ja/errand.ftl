# How the matter of a letter to role holders stands now
errand-written = 以下は { $clock } の手紙です。
errand-sent = 発報済みです
errand-sent-at = { $clock }に発報しました。いまの様子は事案のボードにあります。
errand-done = この課題は完了しています
errand-not-needed = この課題は不要と判断されています
errand-settled-by = { $clock } { $name }
errand-report-out = この報告は発信済みです
errand-report-waits = この報告は提出され、承認を待っています
errand-report-waits-by = { $clock } { $name }
errand-put-off = いまは判断待ちではありません
errand-put-off-why = 延長されたか、報告が提出されました。
errand-chair-taken = この役割は埋まりました
errand-chair-taken-by = { $clock }から{ $name }さんが務めています。
errand-close = 終結する
errand-keep-open = 続ける（終結しない）
errand-kept-open = 終結は判断待ちではありません
errand-kept-open-why = 続行と判断されたか、提案が取り下げられました。対応は続いています。

# Rosters: somebody stands in
roster-covers = { $name }の代わり
roster-covers-because = { $name }の代わり（{ $because }）

# Start: who may
start-may-not = あなたの権限では発動できません。発動できるのは: { $who }
start-who-now = { $party }（いま: { $names }）
start-who-always = 本部長・管理者のアカウント

# Directory import
import-looked = 上の注意（新しいグループなど）を確かめた
