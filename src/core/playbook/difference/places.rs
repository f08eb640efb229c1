//! Where a change is, in words.

use crate::text::Text;

/// The way from a block of the file to a value in it.
#[derive(Clone, Debug)]
pub(super) struct Place(Vec<Segment>);

#[derive(Clone, Debug)]
enum Segment {
    /// A block at the head of the file: `ladders`.
    Block(String),
    /// A thing by its key: `climb`.
    Thing(String),
    /// A field: `at`.
    Field(String),
    /// An item of a list: its place from 0, and what names it.
    Item(usize, Option<String>),
    /// A language of a text.
    Language(&'static str),
}

impl Place {
    pub(super) fn block(name: &str) -> Self {
        Self(vec![Segment::Block(name.to_owned())])
    }

    fn with(&self, segment: Segment) -> Self {
        let mut way = self.0.clone();
        way.push(segment);
        Self(way)
    }

    pub(super) fn thing(&self, key: &str) -> Self {
        self.with(Segment::Thing(key.to_owned()))
    }

    pub(super) fn field(&self, name: &str) -> Self {
        self.with(Segment::Field(name.to_owned()))
    }

    pub(super) fn item(&self, at: usize, name: Option<String>) -> Self {
        self.with(Segment::Item(at, name))
    }

    pub(super) fn language(&self, key: &'static str) -> Self {
        self.with(Segment::Language(key))
    }

    /// Whether it is a block whose entries are things with keys of the author's own.
    pub(super) fn is_block_of_things(&self) -> bool {
        matches!(&self.0[..], [Segment::Block(name)] if THINGS.contains(&name.as_str()))
    }

    /// Whether it is told by its own name rather than by what it holds.
    pub(super) fn is_thing(&self) -> bool {
        match self.0.last() {
            Some(Segment::Thing(_) | Segment::Item(..)) => true,
            Some(Segment::Block(_)) => self.0.len() == 1,
            _ => false,
        }
    }

    /// Whether a scalar here is words for people: a number or a key is compared as a whole.
    pub(super) fn may_be_text(&self) -> bool {
        match self.0.last() {
            Some(Segment::Field(name)) => TEXTS.contains(&name.as_str()),
            _ => false,
        }
    }

    pub(super) fn block_name(&self) -> &str {
        match self.0.first() {
            Some(Segment::Block(name)) => name,
            _ => "",
        }
    }

    /// `ladders.climb.steps[2].at`, items counted from 1.
    pub(super) fn path(&self) -> String {
        let mut path = String::new();
        for segment in &self.0 {
            match segment {
                Segment::Block(name) => path.push_str(name),
                Segment::Thing(name) | Segment::Field(name) => path.extend([".", name]),
                Segment::Item(at, _) => path.push_str(&format!("[{}]", at + 1)),
                Segment::Language(key) => path.extend([".", key]),
            }
        }
        path
    }

    /// The way in words: はしご climb 第2段の時刻; ladder climb, step 2, at.
    pub(super) fn words(&self) -> Text {
        let (mut ja, mut en) = (Vec::new(), Vec::new());
        let mut list = "";
        for segment in &self.0 {
            match segment {
                Segment::Block(name) => {
                    let (a, b) = word(BLOCKS, name);
                    ja.push(a.to_owned());
                    en.push(b.to_owned());
                    list = name;
                }
                Segment::Thing(key) => {
                    if let (Some(ja), Some(en)) = (ja.last_mut(), en.last_mut()) {
                        ja.extend([" ", key]);
                        en.extend([" ", key]);
                    }
                }
                Segment::Field(name) => {
                    let (a, b) = word(FIELDS, name);
                    ja.push(a.to_owned());
                    en.push(b.to_owned());
                    list = name;
                }
                Segment::Item(at, name) => {
                    let (a, b) = item(list, *at, name.as_deref());
                    // The item says what the list is: 第2段 is enough without 段.
                    if list == "steps" {
                        ja.pop();
                        en.pop();
                    }
                    ja.push(a);
                    en.push(b);
                }
                Segment::Language(key) => {
                    let (a, b) = word(LANGUAGES, key);
                    ja.push(a.to_owned());
                    en.push(b.to_owned());
                }
            }
        }
        Text::both(ja.join("・"), en.join(", "))
    }
}

fn item(list: &str, at: usize, name: Option<&str>) -> (String, String) {
    match (list, name) {
        ("steps", _) => (format!("第{}段", at + 1), format!("step {}", at + 1)),
        (_, Some(name)) => (format!("「{name}」"), format!("\"{name}\"")),
        (_, None) => (format!("{}番目", at + 1), format!("no. {}", at + 1)),
    }
}

fn word<'w>(table: &[(&str, &'w str, &'w str)], name: &'w str) -> (&'w str, &'w str) {
    table.iter().find(|(key, ..)| *key == name).map_or((name, name), |(_, ja, en)| (ja, en))
}

/// Blocks whose entries have keys of the author's own.
const THINGS: [&str; 8] =
    ["variables", "roles", "channels", "response_sets", "ladders", "alerts", "reports", "forms"];

/// Fields that hold words for people.
const TEXTS: [&str; 11] = [
    "title",
    "label",
    "ask",
    "subject",
    "body",
    "sms",
    "because",
    "group",
    "subject_prefix",
    "body_top",
    "body_bottom",
];

const LANGUAGES: &[(&str, &str, &str)] = &[
    ("ja", "日本語", "Japanese"),
    ("easy_ja", "やさしい日本語", "easy Japanese"),
    ("en", "英語", "English"),
];

const BLOCKS: &[(&str, &str, &str)] = &[
    ("metadata", "手順書", "playbook"),
    ("requires", "台帳に求めるもの", "requirements"),
    ("variables", "変数", "variable"),
    ("triggers", "起動のきっかけ", "trigger"),
    ("roles", "役割", "role"),
    ("channels", "チャンネル", "channel"),
    ("response_sets", "回答の選択肢", "response set"),
    ("ladders", "はしご", "ladder"),
    ("alerts", "連絡", "alert"),
    ("tasks", "タスク", "tasks"),
    ("reports", "状況報告", "report"),
    ("close", "終結", "closing"),
    ("cancel", "取り消し", "cancelling"),
    ("drills", "訓練", "drills"),
    ("forms", "様式", "form"),
    ("waive", "注意の免除", "waiver"),
];

const FIELDS: &[(&str, &str, &str)] = &[
    ("version", "版の名前", "version"),
    ("title", "表題", "title"),
    ("owner", "持ち主", "owner"),
    ("reviewed_on", "見直した日", "reviewed on"),
    ("review_every", "見直しの間隔", "review every"),
    ("basis", "根拠", "basis"),
    ("agencies", "機関", "agencies"),
    ("rosters", "当番表", "rosters"),
    ("transports", "経路", "transports"),
    ("type", "型", "type"),
    ("required", "必須", "required"),
    ("default", "既定の値", "default"),
    ("ask", "問い", "ask"),
    ("max", "長さの上限", "longest"),
    ("source", "元", "source"),
    ("when", "条件", "condition"),
    ("mode", "起動のしかた", "mode"),
    ("hold", "待つ時間", "hold"),
    ("on_hold_timeout", "待ち終わったとき", "after the hold"),
    ("dedupe", "重複の扱い", "dedupe"),
    ("allow", "できる人", "who may"),
    ("confirm", "確認", "confirmation"),
    ("fill", "当て方", "fill"),
    ("from", "順番", "order"),
    ("accept_within", "引き受けの期限", "accept within"),
    ("visibility", "公開の範囲", "visibility"),
    ("members", "メンバー", "members"),
    ("relay_to", "中継先", "relays to"),
    ("pins", "固定表示", "pins"),
    ("activity_log", "活動記録", "activity log"),
    ("label", "表示", "label"),
    ("meaning", "意味", "meaning"),
    ("counts_as", "扱い", "counts as"),
    ("after", "起点", "after"),
    ("refresh_every", "更新の間隔", "refresh every"),
    ("opens_task", "開くタスク", "opens task"),
    ("steps", "段", "steps"),
    ("at", "時刻", "at"),
    ("if", "条件", "if"),
    ("do", "すること", "do"),
    ("to", "宛先", "recipients"),
    ("via", "経路", "via"),
    ("options", "選べる判断", "options"),
    ("final", "最後の段", "final"),
    ("stop_on", "止まる条件", "stops on"),
    ("send", "送るとき", "sending"),
    ("event", "きっかけ", "event"),
    ("delay", "遅らせる時間", "delay"),
    ("channel", "チャンネル", "channel"),
    ("severity", "緊急度", "severity"),
    ("subject", "件名", "subject"),
    ("body", "本文", "body"),
    ("sms", "SMS文", "SMS text"),
    ("attach", "添付", "attachments"),
    ("responses", "回答の選択肢", "responses"),
    ("ack", "求める回答", "answer"),
    ("unit", "数え方", "unit"),
    ("read_by", "既読の期限", "read by"),
    ("ack_by", "確認の期限", "acknowledge by"),
    ("respond_by", "回答の期限", "answer by"),
    ("quorum", "必要な数", "quorum"),
    ("ladder", "はしご", "ladder"),
    ("stand_down", "不要になったときの文面", "stand-down text"),
    ("group", "群", "group"),
    ("items", "項目", "items"),
    ("role", "担当", "role"),
    ("due", "期限", "due"),
    ("within", "期間", "within"),
    ("requires", "先に済ませるもの", "requires"),
    ("evidence", "証拠", "evidence"),
    ("repeat_every", "繰り返し", "repeat every"),
    ("form", "様式", "form"),
    ("on_demand", "必要なとき", "on demand"),
    ("author", "作成", "author"),
    ("approver", "承認", "approver"),
    ("schedule", "周期", "schedule"),
    ("every", "間隔", "every"),
    ("first", "最初", "first"),
    ("audience", "配る先", "audience"),
    ("carry_forward", "引き継ぐ欄", "carried forward"),
    ("if_missed", "遅れたとき", "if missed"),
    ("remind", "催促", "remind"),
    ("decide", "判断", "decide"),
    ("propose_when", "提案の条件", "proposed when"),
    ("approve", "承認する役割", "approved by"),
    ("then", "そのあと", "then"),
    ("require", "求めるもの", "requires"),
    ("alert", "連絡", "alert"),
    ("allowed", "使えるか", "allowed"),
    ("mark", "目印", "mark"),
    ("subject_prefix", "件名の頭", "subject prefix"),
    ("body_top", "本文の頭", "first words"),
    ("body_bottom", "本文の末尾", "last words"),
    ("because", "理由", "because"),
];
