//! The rules of the languages, by code: the one table that the checkers, the reports for code review tools, the
//! waivers and `playbooks/README.md` share.

use crate::problem::Severity;

use Needs::{Directory, File, Moment, Neighbours};
use Severity::{Error, Info, Warning};

/// One rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// `R01`, `A04` …
    pub code: &'static str,
    /// How bad its breach is, the worst first: some breaches of a rule are worse than others.
    pub severities: &'static [Severity],
    /// What it takes to see every breach.
    pub needs: Needs,
    /// What is refused, in Japanese.
    pub what_ja: &'static str,
    /// What is refused, in English.
    pub what_en: &'static str,
    /// Why, in Japanese.
    pub why_ja: &'static str,
    /// Why, in English.
    pub why_en: &'static str,
}

/// What a checker has to be given before it can see every breach of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// The file alone.
    File,
    /// A directory.
    Directory,
    /// A directory and a moment.
    Moment,
    /// The playbooks beside it, or its former version.
    Neighbours,
}

impl Rule {
    /// Whether a file can waive it with a reason: only warnings can be.
    pub fn can_be_waived(&self) -> bool {
        self.severities.contains(&Warning)
    }

    /// Whether it speaks of exercises.
    pub fn is_of_exercises(&self) -> bool {
        self.code.starts_with('X')
    }
}

/// The rule of a code.
pub fn find(code: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.code == code)
}

macro_rules! rules {
    ($($code:literal $severities:expr, $needs:expr;
        $what_ja:literal / $what_en:literal;
        $why_ja:literal / $why_en:literal)+) => {
        /// Every rule of playbooks and directories, in the order of their codes.
        pub const RULES: &[Rule] = &[$(Rule {
            code: $code,
            severities: &$severities,
            needs: $needs,
            what_ja: $what_ja,
            what_en: $what_en,
            why_ja: $why_ja,
            why_en: $why_en,
        }),+];
    };
}

rules! {
"R01" [Error], File;
"どこにもつながらない参照(機関・当番表・経路・役割・チャンネル・回答の選択肢・段階・通知・課題・様式、台帳では人も)" /
"a reference that leads nowhere: agency, roster, transport, role, channel, response set, ladder, alert, task, form; in a directory also person";
"名前の書き間違い1つで、だれかが抜け落ちる" /
"a slip in a name would leave somebody out"
"R02" [Error], File;
"YAML として読めない、空、大きすぎる、知らない・重複した・足りない項目、型の違い、知らない apiVersion や kind、真偽値と読まれる項目名、時間の長さの書き間違い、機関あての unit: person、teams のない count: teams、2行の件名、自分自身を含むグループ、引用符のない震度階級や数字だけの電話番号" /
"not YAML, empty, too large, unknown or duplicate or missing key, wrong type, unknown `apiVersion` or `kind`, boolean-like key, bad length of time, `unit: person` with an agency, `count: teams` without a field `teams`, a subject of two lines, a group that contains itself, an intensity or a telephone number of digits alone without quotes";
"読み違えられるファイルは動かない" /
"a file that can be misread does not run"
"R03" [Error], Directory;
"`requires` にあるものが台帳にない。または手順書が使うものが `requires` に書かれていない" /
"`requires` lists what the directory does not have, or the playbook names what `requires` does not list";
"よそから移した手順書は、動く前に必要なものを言わなければならない" /
"a playbook taken over from elsewhere must say what it needs before it runs"
"R04" [Error], File;
"宣言も組込みもされていない `{{ 変数 }}`、ほかの印、値がどこからも来ない必須の変数" /
"`{{ name }}` that is neither declared nor built in; any other tag; a required variable with no `from`, `ask` or `default`, or from a key that the site does not have";
"文面に穴があく" /
"an empty place in a letter"
"R05" [Error], File;
"互いの完了を待つ課題(`requires` でも、`due` の起点でも)。自分の `when` で隠れ得る課題を起点にした期限" /
"tasks that wait for each other in a circle, by `requires` or by the anchor of `due`; a due time that hangs on a task which its own `when` may hide";
"永久に終わらない" /
"it could never be done"
"R06" [Warning], File;
"どこでも使われない役割・回答の選択肢・段階・様式・変数、保留しない起動の `hold`、機関のないグループ、何も免除しない免除" /
"a role, response set, ladder, form or variable that nothing uses; `hold` where nothing is held; a group without agencies; a waiver that waives nothing";
"たいてい、別の場所の書き間違い" /
"mostly a slip elsewhere"
"R07" [Warning], Neighbours;
"内容が変わったのに `metadata.version` が同じ(取込みのとき)" /
"the content has changed and `metadata.version` has not (at import)";
"同じ名の版が2つあると、話が食い違う" /
"two versions of one name, and people talk past each other"
"A01" [Error], File;
"`ladder` も `ack: { mode: none, because: … }` もない通知" /
"an alert without `ladder` and without `ack: { mode: none, because: … }`";
"返事がなくてもだれも気づかない" /
"nobody would notice silence"
"A02" [Error], File;
"最後の段階が `final: true`・`do: decide` で人の務める役割か当番表へ、になっていない段階。途中の判断。終わらせる選択肢のない判断" /
"a ladder whose last step is not `final: true` and `do: decide` to a role or roster with a human; a decision before the last step; options of which none ends it";
"すべては人のところで終わる" /
"everything ends at a person"
"A03" [Error], Directory;
"最後に判断する役割を務める人が当番表に1人もいない、または前の段階で知らせた1人しかいない" /
"nobody on any roster can hold the role that decides, or only the one person whom an earlier step already told";
"最後の席が空になる" /
"the chair at the end would be empty"
"A04" [Error], File;
"`read_by`・`ack_by`・`respond_by` より前に `unread`・`unacked`・`unresponded` を調べる段階、またはその期限がない(同じ時刻はよい)" /
"a step tests `unread`, `unacked` or `unresponded` before `read_by`, `ack_by` or `respond_by`, or that deadline is missing; the same moment is right";
"約束した時間は待つ" /
"people must have had the time they were promised"
"A05" [Error, Warning], File;
"時刻の順に並んでいない段階(E)、60秒より近い段階(W)" /
"steps not ascending (E); closer than 60 s (W)";
"時刻表として読めること" /
"the timetable must read like one"
"A06" [Error], File;
"送信から判断までが30分(critical)・60分(high)を超える。台帳の `site.decide_within_critical`・`decide_within_high` で変えられる" /
"the decision comes later than 30 minutes (critical) or 60 minutes (high) after the sending; the directory's `site.decide_within_critical` and `decide_within_high` change that";
"遅い判断は役に立たない" /
"a late decision helps nobody"
"A07" [Warning], Directory;
"`via` のどの宛先もない相手には何も送らない段階。相手を並べて示す" /
"a step that sends nothing to some recipient, because it has no address for any `via`; lists them";
"相手は知らないまま次の段階を待つ" /
"they wait for the next step without knowing"
"A08" [Warning], Directory;
"1つの経路でしか届かない宛先。primary と alternate が同じ人・同じ電話番号・同じメールのドメイン(0 だけの番号は見本として数えない)" /
"a recipient reachable by one transport only; primary and alternate share a person, a telephone number or a mail domain (a number of zeros alone is a sample and does not count)";
"1つの故障で両方がふさがる" /
"one failure would close both ways"
"A09" [Error], Directory;
"通知の `via` の宛先が1つもない機関、alternate のない機関" /
"an agency with no address for any `via` of the alert, or with no alternate contact";
"まったく届かない" /
"it could not be reached at all"
"A10" [Warning], Directory;
"名指しの役割より先に、グループや当番の全員へ広げる段階" /
"a step that spreads to a group or to everybody of a roster before it has named one role";
"全員に言うことは、だれにも言わないこと" /
"told to everybody, it is told to nobody"
"A11" [Error], File;
"回答が要るのに `responses` がない。最初に選べて ack に数える選択肢がない。応援を求めるのに断れない。どこにもつながらない `after`。ack に数える `seen`" /
"no `responses` where an answer is wanted; a set without an option that acknowledges and can be chosen first; fields on an accept without any way to decline; `after` that leads nowhere; `seen` counted as ack";
"答えられること、断れること" /
"an answer must be possible, and a refusal too"
"A12" [Error], File;
"`via` に sms があるのに `sms` の文面がない(段階の sms も)。訓練の印と最も長い値を入れると `max_chars` を超える(リンクは70文字、max のない変数・一覧・名前は40文字)" /
"`via` (of the alert, or of a step that reaches somebody) has sms and there is no `sms` text; longer than the transport's `max_chars` with the drill mark and the longest values (the link counts 70; a text without `max`, a list and a name 40)";
"途中で切れたリンクには答えられない" /
"a cut link cannot be answered"
"A13" [Error], File;
"外部への通知があるのに、取消の通知の宛先か経路が足りない。外部とは、`outside: true` の機関(台帳がなければすべての機関)と `visibility: outside` のチャンネル" /
"an alert goes outside, and the alert of `cancel` lacks some of its recipients or transports, or is not there. Outside is an agency with `outside: true` (without a directory: every agency) and a channel with `visibility: outside`";
"知らせた相手には、取消も届くこと" /
"whoever was told must hear that it is over"
"A14" [Warning], Directory;
"`stop_on` が先に終わらせるため、調べる条件のとおりには来ない段階(読了・確認で止まるのに、その後の未回答を調べる)。宛先の数より多い `quorum`" /
"a step that never comes as it reads, because `stop_on` ends the ladder first: it stops at read or acked, and the step tests what comes after that; a `quorum` of more accepting answers than there are recipients";
"待っているものが来ない" /
"what is waited for does not come"
"A15" [Warning], File;
"決める本人へ戻す `raise`。段階のない通知での `refresh_every`" /
"`raise` to the very party that decides; `refresh_every` in an alert without a ladder";
"終わりに人のいない繰返しになる" /
"it would repeat without an end at a person"
"A16" [Warning], File;
"回答を求める文面に書き込まれた http(s) のアドレス。回答を求める SMS に `{{ alert.link }}` がない" /
"a literal http(s) address in an alert that asks for an answer; an SMS that asks for one without `{{ alert.link }}`";
"回答は `{{ alert.link }}` から来る" /
"answers come by `{{ alert.link }}`"
"A17" [Warning], File;
"外部への文面が使う、キーか `ask` に 患者・氏名・生年月日・カルテ・patient を含む変数、または `recipient.person.*`" /
"a text to the outside uses a variable whose key or `ask` contains 患者, 氏名, 生年月日, カルテ or patient, or `recipient.person.*`";
"個人情報はメールで外へ出さない" /
"personal data does not leave by mail"
"T01" [Error], File;
"`dedupe` のない自動の起動。`on_hold_timeout` のない `open_and_hold`" /
"`open_and_hold` or `open_and_send` without `dedupe`; `open_and_hold` without `on_hold_timeout`";
"1つの地震に1つの事案。終わらない保留はない" /
"one earthquake, one incident; and no hold without an end"
"T02" [Error], File;
"震度階級にない震度。台帳の `site` の一覧にない区域" /
"an intensity that is not of the JMA scale; `area_in` that is no list of the site, or names an area that is not in `site.areas`";
"永久に起動しない" /
"it would never fire"
"T03" [Warning], Moment;
"起動を許された当番表に、いまだれもいない。空の `allow`" /
"a manual trigger allowed to rosters with nobody on duty, or to nobody (`allow: []`)";
"ボタンを押す人がいない" /
"nobody could press the button"
"T04" [Warning], Neighbours;
"2つの手順書が同じ条件で起動し、宛先が重なる(自分で開くもの。`suggest` は人が選び、`webhook` と `manual` は条件を持たないので数えない)" /
"two playbooks fire on the same condition, and their recipients overlap (those that open by themselves: at `suggest` a person chooses, and `webhook` and `manual` have no condition)";
"同じ相手に2通の照会が行く" /
"the same people would be asked twice"
"T05" [Error], File;
"`accept_within` のない役割。30日以内に当番がだれもいなくなる役割や宛先の当番表" /
"a role without `accept_within`; a role, or a roster that is written to, with nobody on duty at some time of the next 30 days";
"申し出には終わりがあり、席は空かない" /
"an offer must end, and the chair must not be empty"
"T06" [Warning], File;
"報告の作成者と承認者を同じ人が務め得る" /
"one person can hold both the role that writes a report and the role that approves it";
"自分の報告を自分で承認する" /
"they would approve their own report"
"T07" [Warning], File;
"1つの役割に、同じ15分のうちに7件を超える必須の課題。台帳の `site.most_tasks_in_15m` で変えられる" /
"more than 7 required tasks due in the same 15 minutes for one role; the directory's `site.most_tasks_in_15m` changes that";
"1人ではできない" /
"one person cannot do them"
"T08" [Error], File;
"すき間や重なりのある報告の予定。`if_missed.decide` がない。宛先のチャンネルがない、または一斉の報告を受けない(`broadcasts: false`)" /
"a report schedule with gaps or overlaps; no `if_missed.decide`; an audience channel that does not exist or takes no broadcasts (`broadcasts: false`)";
"出なかった報告に気づくこと" /
"a missed report must be noticed"
"T09" [Error], File;
"知らない指標、または決して成り立たない終結の条件" /
"`propose_when` with an unknown metric, or one that can never be true (a required task that repeats, a bound below zero, two bounds that exclude each other)";
"終わりが提案されない" /
"the end would never be proposed"
"T10" [Error, Warning], File;
"`relay_to` のない、または `relay_to` をたどっても内部に届かない外部チャンネル(W)。外部チャンネルの内部の掲示(W)、連絡先一覧の掲示(E)" /
"an outside channel without `relay_to`, or whose `relay_to` never ends at an internal channel (W); an internal pin shown in one (W: `objectives`, `ack_board`, `latest_sitrep` of a report that is not for it; E: `contact_list`)";
"そこで言われたことは本部に届き、宛先は外へ出ない" /
"what is said there must be heard; addresses stay inside"
"T11" [Info], Moment;
"見直し・確認の期日を過ぎた手順書や台帳" /
"a playbook past its review, a directory past its verification";
"古い番号は夜中にわかる" /
"an old number is found out at night"
"X13" [Warning], File;
"評価者1人あたり3分に1件を超える状況付与" /
"more than one inject per evaluator in 3 minutes";
"だれも見ていない付与は評価できない" /
"what nobody watches cannot be judged"
"X15" [Warning], File;
"名前にも1頁目にも「訓練」のない添付" /
"an attachment without 訓練 in its name or on its first page";
"本物と取り違えられる" /
"it would be taken for real"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_differ_and_stand_in_order() {
        let order = |code: &str| ("RATX".find(&code[..1]), code.to_owned());
        assert!(RULES.windows(2).all(|pair| order(pair[0].code) < order(pair[1].code)));
    }

    /// One row of the table of `playbooks/README.md`.
    fn row(rule: &Rule) -> String {
        let letter = |severity: &Severity| match severity {
            Error => "E",
            Warning => "W",
            Info => "I",
        };
        let letters: Vec<_> = rule.severities.iter().map(letter).collect();
        let needs = match rule.needs {
            File => "",
            Directory => "†",
            Moment => "‡",
            Neighbours => "§",
        };
        format!("| {} | {}{needs} | {} | {} |", rule.code, letters.join("/"), rule.what_en, rule.why_en)
    }

    #[test]
    fn the_readers_table_says_what_the_rules_say() {
        let readme = include_str!("../../playbooks/README.md");
        let missing: Vec<_> = RULES
            .iter()
            .filter(|rule| !rule.is_of_exercises())
            .map(row)
            .filter(|row| !readme.contains(row.as_str()))
            .collect();
        assert!(missing.is_empty(), "playbooks/README.md lacks:\n{}", missing.join("\n"));
    }
}
