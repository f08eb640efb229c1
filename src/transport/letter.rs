//! One letter: what a person reads, as plain data and as the two bodies of a mail.
//!
//! A [`Letter`] is made by the deliver worker from the store, with every text already filled in; it is read by a
//! transport. The drill mark is put on here and nowhere else: no field of a letter can take it off or double it.
//!
//! Deliberately absent: pictures, tracking, attachments, a second link. Showing a letter tells us nothing.

use askama::Template;
use noroshi_core::{
    id::{DeliveryId, IncidentId},
    playbook::Urgency,
    text::{DRILL_MARK, Language},
    time::Timestamp,
};

use crate::i18n::Words;

/// Columns that a subject may take (a full-width character takes two): what a telephone's list still shows.
const SUBJECT_COLUMNS: usize = 70;
/// The author's own words are never cut below this, however many marks stand around them.
const OWN_SUBJECT_COLUMNS: usize = 44;
/// Of those, what the author's words keep beside the deadline.
const SHORTEST_SUBJECT_COLUMNS: usize = 24;

/// One message to one address, everything known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// Names the delivery; becomes the Message-ID.
    pub delivery: DeliveryId,
    /// Names the incident; all its letters form one thread.
    pub incident: IncidentId,
    /// The address as it stands in the directory.
    pub to: String,
    /// The agency's or the person's name.
    pub to_name: String,
    /// The reader's language.
    pub language: Language,
    /// Whether the incident is a drill.
    pub drill: bool,
    /// What the playbook adds to the drill mark; read in a drill only.
    pub drill_words: DrillWords,
    /// Sent once more because the outcome of the first time is unknown.
    pub repeat: bool,
    /// How urgent.
    pub urgency: Urgency,
    /// Name of the head office that speaks.
    pub place: String,
    /// The incident's short number, by which people on the telephone tell two apart: 事案12. 0 is not said.
    pub incident_number: u32,
    /// Title of the incident.
    pub incident_title: String,
    /// Subject line of the playbook, filled in, without marks and numbers.
    pub subject: String,
    /// 第n報; 0 where letters are not counted (to role holders).
    pub number: u32,
    /// Body of the playbook, filled in.
    pub body: String,
    /// Its short text, filled in, where it has one.
    pub short: Option<String>,
    /// Longest short message that the transport takes, in characters.
    pub max_chars: Option<u32>,
    /// The whole link; `None` when there is nothing behind it for the reader.
    pub link: Option<String>,
    /// Whether an answer is asked for behind the link; otherwise it is only to be opened.
    pub asks: bool,
    /// Documents that the page behind the link offers, by their file names.
    pub documents: Vec<String>,
    /// The deadline as the reader writes it: `03:44`.
    pub respond_by: Option<String>,
    /// Whether the desk takes an answer by telephone too.
    pub desk_answers: bool,
    /// Labels of the answers, in order.
    pub options: Vec<String>,
    /// The desk's telephone number.
    pub phone: Option<String>,
    /// A sentence: until when, before whom is told next.
    pub next_step: Option<String>,
    /// When it was written, as the reader writes it: `11月24日(火) 3時14分`.
    pub sent_at: String,
    /// When it was to leave, where it is written late: `03:02`.
    pub planned_at: Option<String>,
    /// When it was written by the machine's clock, which whoever gets it compares with his own.
    pub date: Timestamp,
}

/// What a playbook adds to the service's drill mark, never instead of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DrillWords {
    /// After the mark in the subject.
    pub prefix: Option<String>,
    /// After the first line of the body.
    pub top: Option<String>,
    /// Before the last line of the body.
    pub bottom: Option<String>,
}

/// A letter in words, without headers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// One line, not encoded.
    pub subject: String,
    /// Lines end with `\n`; a link stands whole on a line of its own.
    pub text: String,
    /// A whole HTML document.
    pub html: String,
}

impl Letter {
    /// Whether it goes to a mail address, and not to a number or a program.
    pub fn is_mail(&self) -> bool {
        self.to.contains('@') && !self.to.contains("://")
    }

    /// Writes the letter out in the reader's language.
    pub fn render(&self) -> Rendered {
        let words = Words(self.language);
        let page = Page::of(self, &words);
        Rendered {
            subject: self.subject_line(&words),
            text: page.text(),
            html: page.render().expect("the letter's template writes to memory"),
        }
    }

    /// Subject and text, for whoever shows no HTML.
    pub fn subject_and_text(&self) -> (String, String) {
        let words = Words(self.language);
        (self.subject_line(&words), Page::of(self, &words).text())
    }

    /// `【訓練】（再送）…（03:44までに回答） 第1報`: what cannot be missed stands first, and a long subject is cut in
    /// the author's words, never in the marks.
    fn subject_line(&self, words: &Words) -> String {
        let mut head = String::new();
        if self.drill {
            head += DRILL_MARK;
            head += &words.get("letter-subject-drill");
            head += &self.drill_words.prefix.as_deref().map(without_mark).unwrap_or_default();
        }
        if self.repeat {
            head += &words.get("letter-subject-repeat");
        }
        let own = without_mark(&self.subject);
        let number = words.with("letter-subject-number", &[("number", self.number.to_string().into())]);
        let number =
            if self.number == 0 || says_already(&own, number.trim()) { String::new() } else { number };
        let number = format!("{}{number}", incident_words(self, words));

        let room = SUBJECT_COLUMNS.saturating_sub(columns(&head) + columns(&number)).max(OWN_SUBJECT_COLUMNS);
        let deadline = self
            .link
            .as_ref()
            .and(self.respond_by.as_deref())
            .map(one_line)
            .map(|time| words.with("letter-subject-deadline", &[("time", time.into())]));
        let deadline = deadline.unwrap_or_default();
        let own = cut(&own, room.saturating_sub(columns(&deadline)).max(SHORTEST_SUBJECT_COLUMNS));
        format!("{head}{own}{deadline}{number}").trim_end().to_owned()
    }
}

/// ` 事案12`, by which a reader tells two incidents apart.
fn incident_words(letter: &Letter, words: &Words) -> String {
    match letter.incident_number {
        0 => String::new(),
        number => words.with("letter-subject-incident", &[("number", number.to_string().into())]),
    }
}

/// The letter as its two bodies show it: every text clean, every optional sentence decided.
#[derive(Template)]
#[template(path = "letter.html", config = "src/web/askama.toml")]
struct Page {
    lang: &'static str,
    drill: bool,
    tag: String,
    drill_head: Option<String>,
    drill_tail: Option<String>,
    top: Vec<String>,
    bottom: Vec<String>,
    place: String,
    heading: String,
    dateline: String,
    greeting: String,
    repeat: Option<String>,
    late: Option<String>,
    deadline: Option<String>,
    /// The time within that sentence, printed large; empty where there is none.
    deadline_time: String,
    body: Vec<String>,
    link: Option<String>,
    /// The body brings the link itself, so that the text part does not say it twice.
    link_in_body: bool,
    answer: String,
    /// That opening is no answer; only where one is asked for.
    opening: Option<String>,
    choose: Option<String>,
    documents: Option<String>,
    phone: Option<String>,
    next_step: Option<String>,
    sender: String,
    private: Option<String>,
}

impl Page {
    fn of(letter: &Letter, words: &Words) -> Self {
        let name = one_line(&letter.to_name);
        let number = match letter.number {
            0 => String::new(),
            n => words.with("letter-subject-number", &[("number", n.to_string().into())]),
        };
        let heading = without_mark(&letter.subject);
        let with_number = if says_already(&heading, number.trim()) { "" } else { number.as_str() };
        let options = letter.options.iter().map(|option| one_line(option)).collect::<Vec<_>>();
        let link = letter.link.as_deref().map(one_line);
        let drill_head = letter.drill.then(|| format!("{DRILL_MARK}{}", words.get("letter-drill-head")));
        let drill_tail = letter.drill.then(|| format!("{DRILL_MARK}{}", words.get("letter-drill-tail")));
        // The author may have typed the service's own sentences: they stand there once.
        let said = [&drill_head, &drill_tail].map(|line| line.as_deref().map(without_mark));
        let unsaid = |text: &str| -> Vec<String> {
            let mut lines = lines(text);
            lines.retain(|line| !said.contains(&Some(without_mark(line))));
            trim_blank(lines)
        };
        let drill_words = |text: &Option<String>| match text {
            Some(text) if letter.drill => unsaid(text),
            _ => Vec::new(),
        };
        let body = unsaid(&letter.body);
        let asked = letter.asks && link.is_some();
        let this = words.get(if letter.is_mail() { "letter-this-mail" } else { "letter-this-message" });
        let of_this = |key: &str| words.with(key, &[("this", this.clone().into())]);
        Self {
            lang: if letter.language == Language::En { "en" } else { "ja" },
            drill: letter.drill,
            tag: words.get(if letter.drill { "letter-drill-tag" } else { "letter-live-tag" }),
            top: drill_words(&letter.drill_words.top),
            bottom: drill_words(&letter.drill_words.bottom),
            drill_head,
            drill_tail,
            place: one_line(&letter.place),
            dateline: [
                incident_words(letter, words).trim(),
                &one_line(&letter.incident_title),
                with_number.trim(),
                &one_line(&letter.sent_at),
            ]
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join("　"),
            heading,
            greeting: words.with("letter-greeting", &[("name", name.clone().into())]),
            repeat: letter.repeat.then(|| of_this("letter-repeat")),
            late: letter
                .planned_at
                .as_deref()
                .map(|time| words.with("letter-late", &[("time", one_line(time).into())])),
            deadline: asked.then(|| match &letter.respond_by {
                Some(time) => words.with("letter-deadline", &[("time", one_line(time).into())]),
                None => words.get("letter-please-answer"),
            }),
            deadline_time: letter.respond_by.as_deref().map(one_line).unwrap_or_default(),
            link_in_body: link
                .as_ref()
                .is_some_and(|link| body.iter().any(|line| line.contains(link.as_str()))),
            body,
            answer: words.get(if asked { "letter-answer" } else { "letter-open" }),
            opening: asked.then(|| of_this("letter-opening-is-no-answer")),
            choose: asked.then(|| match options.is_empty() {
                true => words.get("letter-choose"),
                false => words.with(
                    "letter-choose-from",
                    &[("options", options.join(&words.get("letter-separator")).into())],
                ),
            }),
            documents: (link.is_some() && !letter.documents.is_empty()).then(|| {
                let names: Vec<String> = letter.documents.iter().map(|name| one_line(name)).collect();
                let names = names.join(&words.get("letter-separator"));
                words.with("letter-documents", &[("names", names.into())])
            }),
            phone: letter.phone.as_deref().map(one_line).map(|phone| {
                let key = if asked && letter.desk_answers {
                    "letter-answer-by-phone"
                } else {
                    "letter-ask-by-phone"
                };
                words.with(key, &[("phone", phone.into())])
            }),
            next_step: letter.next_step.as_deref().map(one_line),
            sender: words.with("letter-sender", &[("place", one_line(&letter.place).into())]),
            private: link.is_some().then(|| {
                words.with("letter-private", &[("this", this.clone().into()), ("name", name.into())])
            }),
            link,
        }
    }

    /// The deadline's sentence in three parts: before the time, the time, after it.
    fn deadline_parts(&self) -> Option<(&str, &str, &str)> {
        let sentence = self.deadline.as_deref()?;
        let time = self.deadline_time.as_str();
        Some(match sentence.split_once(time) {
            Some((before, after)) if !time.is_empty() => (before, time, after),
            _ => (sentence, "", ""),
        })
    }

    /// The lines of the body with the label that a line may begin with (`参集拠点: …`), so that what is asked for
    /// stands out.
    fn body_parts(&self) -> impl Iterator<Item = (&str, &str)> {
        const LABEL_COLUMNS: usize = 20;
        self.body.iter().map(|line| {
            let colon = line.find([':', '：']).map(|at| line.split_at(at));
            let is_label = |label: &str| {
                columns(label) <= LABEL_COLUMNS && label.chars().all(|c| c.is_alphabetic() || c == ' ')
            };
            match colon {
                Some((label, rest)) if !label.is_empty() && is_label(label) && !rest.starts_with("://") => {
                    (label, rest)
                }
                _ => ("", line.as_str()),
            }
        })
    }

    /// The text part: blocks with an empty line between them; what it is about, then the deadline and the link, then
    /// the details.
    fn text(&self) -> String {
        let mut blocks: Vec<Vec<String>> = Vec::new();
        blocks.push(self.drill_head.iter().chain(&self.top).cloned().collect());
        blocks.push(vec![self.greeting.clone()]);
        // What it is about, and what to do at once, stands before what is to be answered.
        blocks.push([self.heading.clone()].into_iter().chain(self.late.clone()).collect());
        blocks.push(self.deadline.iter().map(|sentence| format!("■ {sentence}")).collect());
        if let Some(link) = self.link.as_ref().filter(|_| !self.link_in_body) {
            blocks.push(vec![self.answer.clone(), link.clone()]);
        }
        blocks.push(self.opening.iter().map(|sentence| format!("※ {sentence}")).collect());
        blocks.push(self.body_with_link_apart());
        blocks.push(self.documents.iter().chain(&self.choose).cloned().collect());
        blocks.push(self.phone.iter().chain(&self.next_step).chain(&self.repeat).cloned().collect());
        // Not the signature mark "-- ": some programs hide what follows it, and the drill mark must be seen.
        let foot = ["――――――――".to_owned(), self.sender.clone(), self.dateline.clone()];
        blocks.push(foot.into_iter().chain(self.private.clone()).collect());
        blocks.push(self.bottom.iter().chain(&self.drill_tail).cloned().collect());
        blocks.retain(|block| !block.is_empty());
        let mut text = blocks.iter().map(|block| block.join("\n")).collect::<Vec<_>>().join("\n\n");
        text.push('\n');
        text
    }

    /// Breaks the line around a link that the author has put into a sentence: programs that make links of text stop
    /// at the wrong character when Japanese follows at once.
    fn body_with_link_apart(&self) -> Vec<String> {
        let Some(link) = self.link.as_ref().filter(|_| self.link_in_body) else { return self.body.clone() };
        let broken = self.body.join("\n").replace(link.as_str(), &format!("\n{link}\n"));
        let mut lines: Vec<String> = Vec::new();
        for line in broken.lines().map(str::trim_end) {
            if !(line.is_empty() && lines.last().is_none_or(|last| last.is_empty() || last == link)) {
                lines.push(line.to_owned());
            }
        }
        lines
    }
}

/// The lines of a text without the characters that would change how its neighbours are read.
fn lines(text: &str) -> Vec<String> {
    let text = text.replace("\r\n", "\n");
    let lines = text.split(['\n', '\r', '\u{0b}', '\u{0c}', '\u{85}', '\u{2028}', '\u{2029}']);
    lines
        .map(|line| {
            line.chars().filter(|c| *c == '\t' || is_plain(*c)).collect::<String>().trim_end().to_owned()
        })
        .collect()
}

/// A text on one line: what separates lines or hides characters becomes one blank.
pub(super) fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for word in text.split(|c| c == ' ' || !is_plain(c)).filter(|word| !word.is_empty()) {
        if !line.is_empty() {
            line.push(' ');
        }
        line += word;
    }
    line
}

/// Neither a control character, nor a separator of lines, nor one that turns the direction of reading.
fn is_plain(c: char) -> bool {
    !(c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}'))
}

/// The mark belongs to the service: typed by an author it would stand there twice, or in a live letter.
pub(super) fn without_mark(text: &str) -> String {
    one_line(&text.replace(DRILL_MARK, " "))
}

fn trim_blank(mut lines: Vec<String>) -> Vec<String> {
    while lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    let blank = lines.iter().take_while(|line| line.is_empty()).count();
    lines.split_off(blank)
}

/// Whether `words` already stands in `text`, and not as the beginning of a larger number ("Report 1" of "Report 11").
fn says_already(text: &str, words: &str) -> bool {
    !words.is_empty() && text.split(words).skip(1).any(|rest| !rest.starts_with(|c: char| c.is_ascii_digit()))
}

/// Width on a screen: a full-width character takes two columns.
fn columns(text: &str) -> usize {
    text.chars().map(|c| if c.is_ascii() { 1 } else { 2 }).sum()
}

fn cut(text: &str, room: usize) -> String {
    if columns(text) <= room {
        return text.to_owned();
    }
    let mut used = columns("…");
    let kept = text.chars().take_while(|c| {
        used += if c.is_ascii() { 1 } else { 2 };
        used <= room
    });
    kept.collect::<String>().trim_end().to_owned() + "…"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::tests::letter;

    const HEAD: &str = "【訓練】これは訓練です。実際の災害ではありません。";
    const TAIL: &str = "【訓練】以上、訓練です。";

    fn drill() -> Letter {
        Letter { drill: true, ..letter() }
    }

    /// What a reader sees of a document, in order, one line for each piece.
    fn visible(html: &str) -> Vec<String> {
        let body = html.split("<body").nth(1).unwrap();
        let text =
            body.split('<').skip(1).filter_map(|piece| piece.split_once('>')).map(|(_, text)| text.trim());
        text.filter(|text| !text.is_empty()).map(ToOwned::to_owned).collect()
    }

    #[test]
    fn a_drill_says_so_in_its_subject_and_in_the_first_and_last_line_of_both_bodies() {
        let Rendered { subject, text, html } = drill().render();
        assert!(subject.starts_with("【訓練】【待機・出動照会】"), "{subject}");
        assert_eq!((text.lines().next(), text.lines().last()), (Some(HEAD), Some(TAIL)));
        let visible = visible(&html);
        assert!(visible[0].starts_with(HEAD) && visible[1] == HEAD, "{visible:?}");
        assert_eq!(visible.last().unwrap(), TAIL);
    }

    #[test]
    fn an_english_drill_carries_the_same_mark() {
        let Rendered { subject, text, .. } = Letter { language: Language::En, ..drill() }.render();
        assert!(subject.starts_with("【訓練】[DRILL] "), "{subject}");
        assert!(
            text.starts_with("【訓練】DRILL: ")
                && text.trim_end().lines().last().unwrap().starts_with("【訓練】")
        );
    }

    #[test]
    fn no_words_of_a_playbook_double_the_mark_or_take_its_place() {
        let words = |text: &str| Some(text.to_owned());
        let letter = Letter {
            drill_words: DrillWords {
                prefix: words("【訓練】"),
                top: words("これは訓練です。実際の災害ではありません。\n第三回 県総合防災訓練"),
                bottom: words("訓練の問合せ: 000\n【訓練】以上、訓練です。"),
            },
            subject: format!("【訓練】{}", letter().subject),
            body: format!("{HEAD}\n{}\n{TAIL}", letter().body),
            ..drill()
        };
        let Rendered { subject, text, html } = letter.render();
        assert_eq!(subject.matches(DRILL_MARK).count(), 1);
        assert_eq!((text.matches(HEAD).count(), text.matches(TAIL).count()), (1, 1));
        assert!(text.starts_with(&format!("{HEAD}\n第三回 県総合防災訓練\n")), "{text}");
        assert!(text.ends_with(&format!("訓練の問合せ: 000\n{TAIL}\n")), "{text}");
        assert_eq!(visible(&html).last().unwrap(), TAIL);
    }

    #[test]
    fn a_live_letter_has_no_drill_mark_even_if_somebody_typed_one_into_the_subject() {
        let letter = Letter {
            subject: format!("【訓練】{}", letter().subject),
            drill_words: DrillWords { prefix: Some("演習".to_owned()), ..DrillWords::default() },
            ..letter()
        };
        let Rendered { subject, text, html } = letter.render();
        assert!(!subject.contains("訓練") && !subject.contains("演習"), "{subject}");
        assert!(!text.contains(DRILL_MARK) && !html.contains(DRILL_MARK));
        assert!(html.contains(">実災害<"));
    }

    #[test]
    fn the_deadline_and_the_link_stand_before_the_details() {
        let text = letter().render().text;
        let at = |words: &str| text.find(words).unwrap_or_else(|| panic!("{words} in {text}"));
        assert!(at("■ 03:44 までに回答してください。") < at("https://"));
        assert!(at("https://") < at("このメールを開いただけでは回答になりません。"));
        assert!(at("このメールを開いただけでは回答になりません。") < at("参集拠点"));
        assert!(at("参集拠点") < at("000-0000-0000"));
    }

    #[test]
    fn what_goes_to_a_program_is_not_called_a_mail() {
        let call = Letter { to: "https://ops.example/alerts#east".to_owned(), repeat: true, ..letter() };
        let (_, ja) = call.subject_and_text();
        assert!(ja.contains("この通知は再送です") && !ja.contains("メール"), "{ja}");
        let (_, en) = Letter { language: Language::En, ..call }.subject_and_text();
        assert!(en.contains("Opening this message is not an answer.") && !en.contains("mail"), "{en}");
    }

    #[test]
    fn a_link_that_the_author_wrote_is_said_once_and_stands_alone() {
        let link = letter().link.unwrap();
        let letter = Letter { body: format!("回答はこちら→{link}です。\n以上"), ..letter() };
        let Rendered { text, html, .. } = letter.render();
        assert_eq!(text.matches(&link).count(), 1);
        assert!(text.contains(&format!("回答はこちら→\n{link}\nです。\n以上")), "{text}");
        assert_eq!(html.matches("<a ").count(), 1);
        assert!(text.contains("開いただけでは回答になりません"));
    }

    #[test]
    fn news_without_a_link_asks_for_nothing() {
        let Rendered { subject, text, html } = Letter { link: None, ..letter() }.render();
        for words in ["回答", "専用"] {
            assert!(
                !subject.replace("【待機・出動照会】", "").contains(words) && !text.contains(words),
                "{words}: {text}"
            );
        }
        assert!(!html.contains("<a ") && text.contains("問い合わせの電話　000-0000-0000"));
    }

    #[test]
    fn a_document_has_one_link_and_fetches_nothing() {
        let html = drill().render().html;
        assert_eq!(html.matches("href=").count(), 1);
        for word in ["<img", "src=", "url(", "@import", "<script", "<link", "http-equiv"] {
            assert!(!html.contains(word), "{word}");
        }
    }

    #[test]
    fn what_somebody_typed_is_text_and_not_markup() {
        let evil = "<script>x</script>\"><a href=\"https://evil.example\">";
        let letter = Letter {
            subject: evil.to_owned(),
            body: evil.to_owned(),
            to_name: evil.to_owned(),
            place: evil.to_owned(),
            ..letter()
        };
        let html = letter.render().html;
        assert!(!html.contains("<script") && html.matches("<a ").count() == 1);
    }

    #[test]
    fn a_long_subject_is_cut_in_the_authors_words_and_never_in_the_marks() {
        let letter = Letter { subject: "長い件名の".repeat(30), repeat: true, number: 12, ..drill() };
        let subject = letter.render().subject;
        assert!(
            subject.starts_with("【訓練】（再送）長い件名の")
                && subject.ends_with("…（03:44までに回答） 第12報"),
            "{subject}"
        );
        assert!(columns(&subject) <= SUBJECT_COLUMNS, "{}", columns(&subject));
    }

    #[test]
    fn a_letter_says_which_incident_it_is_about() {
        let ja = Letter { incident_number: 12, ..letter() }.render();
        assert!(ja.subject.ends_with(" 事案12 第1報"), "{}", ja.subject);
        assert!(ja.text.contains("事案12　青葉県沖の地震　第1報"), "{}", ja.text);
        let to_a_role = Letter {
            incident_number: 12,
            number: 0,
            link: None,
            subject: "架電依頼 A病院".into(),
            ..letter()
        };
        assert_eq!(to_a_role.render().subject, "架電依頼 A病院 事案12");
        let en =
            Letter { incident_number: 12, language: Language::En, subject: "Standby".into(), ..letter() };
        assert_eq!(en.render().subject, "Standby (answer by 03:44) Incident 12 Report 1");
    }

    #[test]
    fn a_number_that_the_author_typed_is_not_said_twice() {
        let subject = |subject: &str, number| {
            Letter { subject: subject.to_owned(), number, respond_by: None, ..letter() }.render().subject
        };
        assert_eq!(subject("派遣要請(第2報)", 2), "派遣要請(第2報)");
        assert_eq!(subject("第1報の訂正", 2), "第1報の訂正 第2報");
        assert_eq!(subject("役割の打診", 0), "役割の打診");
    }

    #[test]
    fn texts_lose_what_would_turn_or_hide_their_neighbours() {
        assert_eq!(one_line(" a\r\nb\0c\u{202e}d\u{2028} "), "a b c d");
        assert_eq!(lines("a\u{2028}b\r\nc\u{7}d\re"), ["a", "b", "cd", "e"]);
    }

    #[test]
    fn an_english_letter_has_no_japanese_words_of_ours() {
        let letter = Letter {
            language: Language::En,
            to_name: "Matsubara".to_owned(),
            place: "Head office".to_owned(),
            incident_title: "Earthquake".to_owned(),
            subject: "Standby".to_owned(),
            body: "Please report.".to_owned(),
            options: vec!["Yes".to_owned(), "No".to_owned()],
            next_step: None,
            asks: true,
            documents: Vec::new(),
            repeat: true,
            sent_at: "24 Nov 03:14".to_owned(),
            planned_at: Some("03:02".to_owned()),
            ..letter()
        };
        let Rendered { subject, text, .. } = letter.render();
        assert_eq!(subject, "(sent again) Standby (answer by 03:44) Report 1");
        let japanese = text.chars().filter(|c| ('\u{3041}'..='\u{9fff}').contains(c)).collect::<String>();
        assert_eq!(japanese, "");
    }
}
