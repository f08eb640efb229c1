# 見張り（止まった処理、起きるはずで起きなかったこと）の言葉
watch-standing = サービスの処理「{ $name }」が{ $seconds }秒以上止まっています。続けば自動で再起動します。繰り返すときはデータベースの応答を確かめてください。
finding-timers_late = { $incident }: 期限を過ぎても実施されていない手順が{ $n }件あります（{ $since }から）。データベースの応答とログを確かめてください。
finding-letters_late = { $incident }: 送信されずに待っている連絡が{ $n }通あります（{ $since }から）。急ぐものは電話で伝えてください。
finding-letters_in_hand = { $incident }: 送信の結果が分からないままの連絡が{ $n }通あります（{ $since }から）。急ぐものは電話で確かめてください。
next-held = 保留後に送信（宛先のメールサーバーが応じないため）
next-to-pace = 順番に送信（宛先ドメインごとの送信数の上限のため）。次の1通
next-away = 中継が戻りしだい送信
status-watch = 見張り
