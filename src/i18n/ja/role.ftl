# 役割の打診・承諾・引継ぎ、当番表
offer-subject = 役割の打診 { $role }
offer-body =
    { $role }を引き受けてください。{ $clock }までに返事がなければ、次の人に頼みます。
    引き受けると、判断と架電の依頼はあなたに届きます。
offer-accept = 引き受ける
offer-decline = 引き受けられない
errand-by = までに返事をしてください
errand-opening-is-none = この画面を開いただけでは返事になりません。
errand-over = この事案は終わっています
errand-over-when = { $clock }に終わりました。ここですることはもうありません。
errand-yours = あなたがこの役割を務めています
errand-yours-why = 判断と架電の依頼はあなたに届きます。ほかの人に替わるときは、サインインして引き継いでください。
errand-taken = この役割はほかの人が引き受けました
errand-taken-by = いまは{ $name }さんが務めています。返事は要りません。
errand-offer-over = この打診は終わりましたが、まだ引き受けられます
errand-asked-now = いまは{ $name }さんに頼んでいます。まだ誰も務めていません。
errand-nobody-asked = まだ誰も務めていません。
errand-settled = もう済んでいます
errand-settled-why = 回答か判断がありました。ここですることはもうありません。
errand-not-yours = この判断は、ほかの人が受け持っています
errand-not-yours-why = 役割が引き継がれたか、上の判断に上げられました。
errand-phones = 電話する
errand-sign-in = サインインして全体を見る
errand-desk = 問い合わせの電話
