# 架電の一覧
call-title = 電話をかける相手
call-more = ほかに電話をかける相手 { $n }
call-why-silent = 「{ $what }」に回答がありません。
call-why-way = 「{ $what }」を電話で伝えます。
call-turn = 担当
call-turn-anybody = 本部で手の空いている人
call-no-number = 電話番号が台帳にありません
call-answer = 聞いた回答を入力
call-drill = 訓練では電話をかけません。番号は表示だけです。
call-primary = 主: { $desk }
call-alternate = 代替: { $desk }
