//! Slips of people who do not know YAML: full-width signs, a tab, a forgotten blank, bracket or quotation mark.
//!
//! The parser only says where it got lost, in its own words. What was most likely meant is looked up here, in the
//! lines around that place.

use super::fields::shortened;
use crate::{problem::Position, text::Text};

/// What is wrong, where, and what to write instead.
pub struct Slip {
    /// The sign that is wrong, or the line's first one.
    pub at: Position,
    /// What is wrong.
    pub detail: Text,
    /// What to write.
    pub help: Text,
}

/// The slip that most likely made the parser lose its way at `at`.
///
/// - `info`: the parser's own words, which choose the last resort.
pub fn around(source: &str, at: Position, info: &str) -> Slip {
    let lines: Vec<&str> = source.lines().collect();
    let here = usize::try_from(at.line).unwrap_or(1).saturating_sub(1).min(lines.len().saturating_sub(1));
    // The parser notices most slips only in the next line.
    let before = (0..here).rev().find(|index| is_of_use(lines[*index]));
    let near = [Some(here), before].into_iter().flatten();
    let is_in_brackets = info.contains("flow") || info.contains("':' indicator");
    let bracket = || is_in_brackets.then(|| open_bracket(&lines, here)).flatten();
    let found =
        bracket().or_else(|| near.filter_map(|index| Some((index, in_line(lines.get(index)?)?))).next());
    let found = found.or_else(|| open_quotation(&lines)).or_else(|| misaligned(&lines, here));
    match found {
        Some((index, Found { column, detail, help })) => {
            let line = u32::try_from(index + 1).unwrap_or(at.line);
            Slip { at: Position { line, column: u32::try_from(column).unwrap_or(1) }, detail, help }
        }
        None => {
            let (detail, help) = in_other_words(info);
            Slip { at, detail, help }
        }
    }
}

/// What to write where a word stands in the place of a list or a map; `None` where nothing is known.
pub fn in_word(word: &str, wanted: Wanted) -> Option<Text> {
    let full_width = |sign: char| word.contains(sign);
    if let Some(sign) = word.chars().find(|sign| QUOTES.contains(sign)) {
        return Some(half_width_quotes(sign));
    }
    if wanted == Wanted::List {
        if ['［', '］', '、', '，'].into_iter().any(full_width) {
            return Some(Text::both(
                "［ ］、は全角です。半角の [ ] と , で [a, b] のように書いてください。",
                "These are full-width signs: write half-width brackets and commas, like [a, b].",
            ));
        }
        return Some(Text::both(
            format!("1つだけのときも [\"{word}\"] のように [ ] で囲んでください。"),
            format!("Put it into brackets, even a single one: [\"{word}\"]."),
        ));
    }
    if full_width('：') {
        return Some(half_width_colon());
    }
    word.split_once(':').is_some_and(|(_, rest)| !rest.starts_with(' ')).then(blank_behind_colon)
}

/// What a word stands in the place of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// `[a, b]`
    List,
    /// `key: value`
    Map,
}

/// What to write instead of a key that begins with a blank that is none, or has another sign of the wrong kind.
pub fn in_key(key: &str) -> Option<Text> {
    if key.starts_with(['\u{3000}', '\u{a0}']) {
        return Some(half_width_indentation());
    }
    in_value(key)
}

/// What to write where a word, a key or a reference has a sign that only looks like the one that was meant. Not for
/// texts, where every sign is right.
pub fn in_value(words: &str) -> Option<Text> {
    if let Some(sign) = words.chars().find(|sign| QUOTES.contains(sign)) {
        return Some(half_width_quotes(sign));
    }
    let sign = words.chars().find(|sign| matches!(sign, '、' | '，' | '！'..='～' | '\u{3000}'))?;
    match sign {
        '、' | '，' => Some(Text::both(
            format!("「{sign}」は全角です。半角の「,」と空白で [a, b] のように区切ってください。"),
            format!("\"{sign}\" is a full-width comma: part them with \", \", like [a, b]."),
        )),
        sign => {
            let narrow = |c: char| match c {
                '！'..='～' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
                '\u{3000}' => ' ',
                c => c,
            };
            let meant: String = shortened(words).chars().map(narrow).collect();
            Some(Text::both(
                format!("「{sign}」は全角です。半角で「{meant}」のように書いてください。"),
                format!("\"{sign}\" is full-width: write it half-width, like \"{meant}\"."),
            ))
        }
    }
}

/// Quotation marks of texts, which YAML takes for letters.
const QUOTES: [char; 6] = ['“', '”', '‘', '’', '＂', '＇'];

struct Found {
    /// From 1, in characters.
    column: usize,
    detail: Text,
    help: Text,
}

fn is_of_use(line: &str) -> bool {
    let line = line.trim();
    !line.is_empty() && !line.starts_with('#')
}

fn in_line(line: &&str) -> Option<Found> {
    let column_of = |sign: &str| line.find(sign).map_or(1, |at| line[..at].chars().count() + 1);
    let content = line.trim_start_matches([' ', '\t', '\u{3000}', '\u{a0}']);
    let indentation = &line[..line.len() - content.len()];
    let first = indentation.chars().count() + 1;
    if indentation.contains('\t') {
        return Some(Found {
            column: column_of("\t"),
            detail: Text::both("字下げにタブが使われています。", "This line is indented with a tab."),
            help: half_width_indentation(),
        });
    }
    if indentation.contains('\u{3000}') {
        return Some(Found {
            column: column_of("\u{3000}"),
            detail: Text::both(
                "字下げに全角の空白が使われています。",
                "This line is indented with a full-width space.",
            ),
            help: half_width_indentation(),
        });
    }
    if indentation.contains('\u{a0}') {
        return Some(Found {
            column: column_of("\u{a0}"),
            detail: Text::both(
                "字下げに、見た目の同じ別の空白(NBSP)が使われています。",
                "This line is indented with a no-break space, which only looks like a blank.",
            ),
            help: half_width_indentation(),
        });
    }
    if content
        .strip_prefix('-')
        .is_some_and(|rest| rest.starts_with(|c: char| !c.is_whitespace() && c != '-'))
    {
        return Some(Found {
            column: first,
            detail: Text::both("「-」の後に空白がありません。", "There is no blank behind \"-\"."),
            help: Text::both(
                "「- 」のように半角の空白を1つ入れてください。",
                "Write \"- \", with one blank.",
            ),
        });
    }
    if content.starts_with("{{") {
        return Some(Found {
            column: first,
            detail: Text::both(
                "「{{」で始まる行は、長い文の中にしか書けません。",
                "A line that begins with {{ can only stand in a long text.",
            ),
            help: Text::both(
                "「body: |」のように、上の行の「:」の後に空白と「|」を書いてください。",
                "Write a blank and \"|\" behind the colon of the line above, like \"body: |\".",
            ),
        });
    }
    let entry = content.strip_prefix("- ").unwrap_or(content);
    let word = entry.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-')).unwrap_or(entry.len());
    let (word, rest) = entry.split_at(word);
    if word.is_empty() {
        return None;
    }
    if rest.starts_with('：') {
        return Some(Found {
            column: column_of("："),
            detail: Text::both("「：」が全角です。", "This colon is full-width."),
            help: half_width_colon(),
        });
    }
    if let Some(blank) = rest.strip_prefix(':').and_then(|rest| rest.chars().next())
        && matches!(blank, '\u{3000}' | '\u{a0}')
    {
        return Some(Found {
            column: column_of(&blank.to_string()),
            detail: Text::both(
                "「:」の後の空白が半角ではありません。",
                "The blank behind \":\" is not a half-width one.",
            ),
            help: blank_behind_colon(),
        });
    }
    if rest.strip_prefix(':').is_some_and(|rest| rest.starts_with(|c: char| !c.is_whitespace())) {
        return Some(Found {
            column: column_of(":"),
            detail: Text::both("「:」の後に空白がありません。", "There is no blank behind \":\"."),
            help: blank_behind_colon(),
        });
    }
    if let Some(sign) = rest.strip_prefix(':').and_then(|rest| rest.trim_start().chars().next())
        && QUOTES.contains(&sign)
    {
        return Some(Found {
            column: column_of(&sign.to_string()),
            detail: Text::both(
                format!("引用符「{sign}」が半角ではありません。"),
                format!("\"{sign}\" is no quotation mark here."),
            ),
            help: half_width_quotes(sign),
        });
    }
    if rest.strip_prefix(':').is_some_and(|rest| rest.trim_start().starts_with("{{")) {
        return Some(Found {
            column: column_of("{{"),
            detail: Text::both(
                "「{{」で始まる値に引用符がありません。",
                "A value that begins with {{ needs quotation marks.",
            ),
            help: Text::both(
                "\"{{ 変数名 }} …\" のように、値の全体を \" で囲んでください。",
                "Put the whole value into quotation marks: \"{{ name }} …\".",
            ),
        });
    }
    let ends_here = !content.contains(':') && !content.starts_with(['-', '}', ']', '"', '\'']);
    ends_here.then(|| Found {
        column: first,
        detail: Text::both(
            "この行は「項目: 値」の形になっていません。",
            "This line has not the form \"key: value\".",
        ),
        help: Text::both(
            "長い文の続きなら、「|」の下の最初の行と字下げをそろえてください。",
            "If it continues a long text, indent it like the first line below \"|\".",
        ),
    })
}

/// The nearest bracket above that its own line does not close; quotation marks and comments hide brackets.
fn open_bracket(lines: &[&str], here: usize) -> Option<(usize, Found)> {
    let open_in = |line: &str| {
        let mut open = Vec::new();
        let (mut quote, mut before) = (None, ' ');
        for (column, sign) in line.chars().enumerate() {
            match (quote, sign) {
                (Some(mark), sign) if sign == mark => quote = None,
                (Some(_), _) => {}
                (None, '#') if before == ' ' => break,
                (None, '"' | '\'') if !before.is_alphanumeric() => quote = Some(sign),
                (None, '[' | '{') => open.push((column + 1, sign)),
                (None, ']' | '}') => {
                    open.pop();
                }
                _ => {}
            }
            before = sign;
        }
        open.pop()
    };
    let mut above = (0..=here).rev().filter(|index| is_of_use(lines[*index]));
    let (index, (column, sign)) = above.find_map(|index| Some((index, open_in(lines.get(index)?)?)))?;
    let close = if sign == '[' { ']' } else { '}' };
    Some((
        index,
        Found {
            column,
            detail: Text::both(
                format!("この「{sign}」を閉じる「{close}」か、中の「,」がありません。"),
                format!("The \"{close}\" that closes this \"{sign}\", or a \",\" inside of it, is missing."),
            ),
            help: Text::both(
                "[a, b] や { a: 1, b: 2 } のように書いてください。値の中の「: 」や「,」は \"…\" で囲みます。",
                "Write it like [a, b] or { a: 1, b: 2 }. A value with \": \" or \",\" needs quotation marks.",
            ),
        },
    ))
}

/// The first line in which a quotation mark is opened and not closed.
fn open_quotation(lines: &[&str]) -> Option<(usize, Found)> {
    let open = lines
        .iter()
        .position(|line| is_of_use(line) && line.replace("\\\"", "").matches('"').count() % 2 == 1)?;
    let column = lines[open].find('"').map_or(1, |at| lines[open][..at].chars().count() + 1);
    Some((
        open,
        Found {
            column,
            detail: Text::both("引用符「\"」が閉じていません。", "A quotation mark is not closed."),
            help: Text::both(
                "この行の値の終わりに \" を書いてください。",
                "Write \" at the end of the value in this line.",
            ),
        },
    ))
}

/// A line that stands neither with those above it nor below one of them.
fn misaligned(lines: &[&str], here: usize) -> Option<(usize, Found)> {
    let depth = |line: &str| line.len() - line.trim_start_matches(' ').len();
    let own = depth(lines.get(here)?);
    let above = lines[..here].iter().rev().filter(|line| is_of_use(line)).map(|line| depth(line));
    let mut wanted = None;
    for deep in above {
        if deep == own {
            return None;
        }
        if deep < own {
            break;
        }
        wanted = Some(deep);
    }
    let wanted = wanted?;
    Some((
        here,
        Found {
            column: own + 1,
            detail: Text::both(
                format!("字下げがそろっていません(空白 {own} 個)。"),
                format!("This line is indented by {own}, unlike those around it."),
            ),
            help: Text::both(
                format!("上の行の仲間なら空白を {wanted} 個にしてください。字下げは2つずつです。"),
                format!("If it belongs to the line above, indent it by {wanted}. Each level is two blanks."),
            ),
        },
    ))
}

fn in_other_words(info: &str) -> (Text, Text) {
    let known = [
        (
            "flow mapping",
            (
                "「{ }」の中の「,」か、閉じる「}」がありません。",
                "A \",\" or the closing \"}\" of { } is missing.",
            ),
            (
                "{ a: 1, b: 2 } のように書いてください。値の中の「: 」や「,」は \"…\" で囲みます。",
                "Write it like { a: 1, b: 2 }. A value with \": \" or \",\" needs quotation marks.",
            ),
        ),
        (
            "flow sequence",
            (
                "「[ ]」の中の「,」か、閉じる「]」がありません。",
                "A \",\" or the closing \"]\" of [ ] is missing.",
            ),
            ("[a, b] のように書いてください。", "Write it like [a, b]."),
        ),
        (
            "mapping values",
            (
                "ここに「項目: 値」は書けません。前の行に値があるか、値の中に「: 」があります。",
                "\"key: value\" cannot stand here: the line above has a value already, or there is \": \" in a value.",
            ),
            ("値の中の「: 」は \"…\" で囲んでください。", "Put a value with \": \" into quotation marks."),
        ),
        (
            "block collection",
            ("「-」の並びがそろっていません。", "The \"-\" of this list do not stand below each other."),
            ("どの「-」も同じ字下げにしてください。", "Indent every \"-\" alike."),
        ),
        (
            "anchor",
            (
                "「*」や「&」で始まる値に引用符がありません。",
                "A value that begins with * or & needs quotation marks.",
            ),
            ("\"…\" で囲んでください。", "Put it into quotation marks."),
        ),
    ];
    for (words, (ja, en), (help_ja, help_en)) in known {
        if info.contains(words) {
            return (Text::both(ja, en), Text::both(help_ja, help_en));
        }
    }
    (
        // The parser speaks English alone.
        Text::both("この行は YAML として読めません。", format!("This is not YAML ({info}).")),
        Text::both(
            "字下げ、「:」の後の空白、引用符の閉じ忘れを確かめてください。{{ や # を含む文字列は \"…\" で囲みます。",
            "Check the indentation, the blank after \":\" and open quotation marks. Texts with {{ or # need \"…\".",
        ),
    )
}

fn half_width_indentation() -> Text {
    Text::both(
        "行の頭には半角の空白だけを、1段につき2つ入れてください。",
        "Indent with half-width blanks only, two for each level.",
    )
}

fn half_width_quotes(sign: char) -> Text {
    Text::both(
        format!("「{sign}」は引用符として読めません。半角の \" で囲むか、外してください。"),
        format!("\"{sign}\" is not read as a quotation mark: write half-width quotes (\"), or none."),
    )
}

fn half_width_colon() -> Text {
    Text::both(
        "半角の「:」と半角の空白1つで「title: 断水」のように書いてください。",
        "Write a half-width colon and one blank, like \"title: name\".",
    )
}

fn blank_behind_colon() -> Text {
    Text::both(
        "「title: 断水」のように、「:」の後に半角の空白を1つ入れてください。",
        "Put one blank behind the colon, like \"title: name\".",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_slip_is_told_where_it_stands() {
        let good = "roles:\n  leader:\n    title: 本部長\n    fill: { from: [a] }\n";
        // What was typed instead, and where the slip is: line, column, a word of what is told.
        let slips = [
            ("    title：本部長", 3, 10, "全角"),
            ("    title:本部長", 3, 10, "空白"),
            ("\ttitle: 本部長", 3, 1, "タブ"),
            ("　　title: 本部長", 3, 1, "全角"),
            ("    title: \"本部長", 3, 12, "閉じて"),
            ("    title: {{ name }} 本部長", 3, 12, "引用符"),
            ("    本部長", 3, 5, "形"),
            ("    title: “本部: 長”", 3, 12, "半角ではありません"),
            ("    title:　本部長", 3, 11, "半角ではありません"),
            ("    names: [甲, 乙", 3, 12, "この「[」を閉じる"),
            ("    names: { ja: 甲, en: \"a [b\"", 3, 12, "この「{」を閉じる"),
            ("     title: 本部長", 4, 5, "そろって"),
            ("    title:\n      {{ name }} 本部長", 4, 7, "長い文"),
            ("    title: 本部長: 代行", 3, 15, "値の中"),
            ("    title: { ja: 本部: 長 }", 3, 20, "閉じる"),
        ];
        for (typed, line, column, word) in slips {
            let file = good.replace("    title: 本部長", typed);
            let problems = crate::yaml::Problems::default();
            crate::yaml::parse(&file, crate::yaml::Limits::PLAYBOOK, &problems);
            let found = problems.into_sorted();
            let told = found.iter().find(|problem| problem.detail.ja.contains(word));
            let told = told.unwrap_or_else(|| panic!("{typed}: {found:#?}"));
            assert_eq!((told.at.line, told.at.column), (line, column), "{typed}: {told:#?}");
        }
    }

    #[test]
    fn signs_that_only_look_right_are_named() {
        let told = |words: &str| in_value(words).map(|text| text.ja).unwrap_or_default();
        for sign in QUOTES {
            assert!(told(&format!("{sign}agency:a")).contains(&format!("「{sign}」は引用符として")));
        }
        assert!(told("email、sms").contains("「、」は全角") && told("email，sms").contains("「，」は全角"));
        assert!(told("１５m").contains("「15m」") && told("role：chief").contains("「role:chief」"));
        assert!(in_key("　title").is_some_and(|text| text.ja.contains("行の頭")));
        for right in ["email", "当直師長", "3.2.0", "role:指揮"] {
            assert_eq!(in_value(right), None);
        }
    }

    #[test]
    fn words_in_the_place_of_lists_and_maps_say_what_was_meant() {
        let help = |word, wanted| in_word(word, wanted).map(|text| text.ja);
        assert!(help("agency:fire_hq", Wanted::List).is_some_and(|ja| ja.contains("[\"agency:fire_hq\"]")));
        assert!(help("［a、b］", Wanted::List).is_some_and(|ja| ja.contains("全角")));
        assert!(help("title：断水", Wanted::Map).is_some_and(|ja| ja.contains("半角")));
        assert!(help("title:断水", Wanted::Map).is_some_and(|ja| ja.contains("空白")));
        assert_eq!(help("断水", Wanted::Map), None);
    }
}
