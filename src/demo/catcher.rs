//! The demo's post office: a real SMTP server on loopback that keeps what it gets and delivers nothing.
//!
//! 1. `demo` starts it and makes it the only relay there is ([`Catcher::start`]).
//! 2. The mail transport speaks SMTP with it as with any relay; each letter becomes a [`CaughtMail`].
//! 3. The inbox page reads [`Catcher::list`]; the simulated agencies wait on [`Catcher::newest`], read what is new by
//!    [`Catcher::after`] and open the link that stands in the text, as a person would.
//!
//! Deliberately absent: TLS, passwords, delivery, a file. What does not fit into memory any more is forgotten.

use std::{
    collections::VecDeque,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use mail_parser::{Address, MessageParser};
use noroshi_core::time::Timestamp;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// A letter may have so many bytes.
const LETTER_BYTES: usize = 5 * 1024 * 1024;
/// RFC 5321 section 4.5.3.1 asks for 512; some clients are longer.
const LINE_BYTES: u64 = 2000;
const RECIPIENTS: usize = 100;
/// Conversations at once.
const CONVERSATIONS: usize = 128;
/// A client that says nothing for so long is hung up on.
const SILENCE: Duration = Duration::from_secs(120);

/// One mail as it came in and as a mail program shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaughtMail {
    /// Counts from 1 in order of arrival.
    pub number: u64,
    /// Headers and body as received, dots unstuffed.
    pub raw: Vec<u8>,
    /// The envelope's recipients.
    pub recipients: Vec<String>,
    /// The sender.
    pub from: Party,
    /// The first addressee.
    pub to: Party,
    /// Decoded.
    pub subject: String,
    /// The text part, decoded, lines end with `\n`.
    pub text: String,
    /// The HTML part, decoded.
    pub html: Option<String>,
    /// The `Date` header.
    pub date: Option<Timestamp>,
    /// Without the angle brackets.
    pub message_id: Option<String>,
    /// The answer link, or that of a letter to a role holder, found in the text part, whole.
    pub link: Option<String>,
}

/// A name and an address out of a header.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Party {
    /// Empty where none was given.
    pub name: String,
    /// As it stands in the header.
    pub address: String,
}

/// The post office; clones share it.
#[derive(Clone, Debug)]
pub struct Catcher {
    shelf: Arc<Shelf>,
}

#[derive(Debug)]
struct Shelf {
    mails: Mutex<VecDeque<Arc<CaughtMail>>>,
    keep: usize,
    newest: watch::Sender<u64>,
}

impl Catcher {
    /// Opens the post office at `bind`, which must be on loopback (port 0 takes a free one), and gives its address.
    /// It keeps the latest `keep` mails, runs on `tracker` and ends with `stop`.
    pub async fn start(
        bind: SocketAddr,
        keep: usize,
        tracker: &TaskTracker,
        stop: CancellationToken,
    ) -> io::Result<(Self, SocketAddr)> {
        if !bind.ip().is_loopback() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "the mail catcher opens on loopback only",
            ));
        }
        let listener = TcpListener::bind(bind).await?;
        let address = listener.local_addr()?;
        let shelf = Shelf { mails: Mutex::default(), keep: keep.max(1), newest: watch::Sender::new(0) };
        let catcher = Self { shelf: Arc::new(shelf) };
        let (shelf, conversations) = (catcher.shelf.clone(), tracker.clone());
        tracker.spawn(async move {
            let free = Arc::new(Semaphore::new(CONVERSATIONS));
            loop {
                let mut stream = tokio::select! {
                    () = stop.cancelled() => break,
                    accepted = listener.accept() => match accepted {
                        Ok((stream, _)) => stream,
                        // Out of file handles, for example: give the others time to end.
                        Err(_) => {
                            tokio::time::sleep(Duration::from_millis(50)).await;
                            continue;
                        }
                    },
                };
                let (shelf, free, stop) = (shelf.clone(), free.clone(), stop.clone());
                conversations.spawn(async move {
                    let Ok(_place) = free.try_acquire() else {
                        let _ = stream.write_all(b"421 4.3.2 too many conversations\r\n").await;
                        return;
                    };
                    tokio::select! {
                        () = stop.cancelled() => {}
                        // A client that hangs up in the middle is no news for anybody.
                        _ = converse(stream, &shelf) => {}
                    }
                });
            }
        });
        Ok((catcher, address))
    }

    /// All mails that are kept, the newest first.
    pub fn list(&self) -> Vec<Arc<CaughtMail>> {
        self.shelf.mails().iter().rev().cloned().collect()
    }

    /// The mail of that number, while it is kept.
    pub fn get(&self, number: u64) -> Option<Arc<CaughtMail>> {
        self.shelf.mails().iter().find(|mail| mail.number == number).cloned()
    }

    /// The mails that came after `number`, the oldest first. With [`newest`](Self::newest) nobody misses one: wait
    /// for a change, then read on from the last number seen.
    pub fn after(&self, number: u64) -> Vec<Arc<CaughtMail>> {
        self.shelf.mails().iter().filter(|mail| mail.number > number).cloned().collect()
    }

    /// The number of the newest mail, 0 before the first; changes with each.
    pub fn newest(&self) -> watch::Receiver<u64> {
        self.shelf.newest.subscribe()
    }
}

impl Shelf {
    fn mails(&self) -> MutexGuard<'_, VecDeque<Arc<CaughtMail>>> {
        self.mails.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, recipients: Vec<String>, raw: Vec<u8>) -> u64 {
        let mut mail = read_mail(recipients, raw);
        let number = {
            let mut mails = self.mails();
            mail.number = mails.back().map_or(0, |last| last.number) + 1;
            let number = mail.number;
            mails.push_back(Arc::new(mail));
            while mails.len() > self.keep {
                mails.pop_front();
            }
            number
        };
        self.newest.send_modify(|newest| *newest = number.max(*newest));
        number
    }
}

/// What a mail program would show of `raw`; the number comes when it is put on the shelf.
fn read_mail(recipients: Vec<String>, raw: Vec<u8>) -> CaughtMail {
    let parsed = MessageParser::default().parse(&raw);
    let mail = parsed.as_ref();
    let text = mail.and_then(|mail| mail.body_text(0)).unwrap_or_default().replace("\r\n", "\n");
    CaughtMail {
        number: 0,
        recipients,
        from: party(mail.and_then(|mail| mail.from())),
        to: party(mail.and_then(|mail| mail.to())),
        subject: mail.and_then(|mail| mail.subject()).unwrap_or_default().to_owned(),
        html: mail.and_then(|mail| mail.body_html(0)).map(|html| html.replace("\r\n", "\n")),
        date: mail.and_then(|mail| mail.date()).map(|date| Timestamp(date.to_timestamp() * 1000)),
        message_id: mail.and_then(|mail| mail.message_id()).map(ToOwned::to_owned),
        link: answer_link(&text),
        text,
        raw,
    }
}

fn party(address: Option<&Address<'_>>) -> Party {
    let first = address.and_then(Address::first);
    Party {
        name: first.and_then(|first| first.name()).unwrap_or_default().to_owned(),
        address: first.and_then(|first| first.address()).unwrap_or_default().to_owned(),
    }
}

/// The first address with `/a/` or `/r/` and a token behind it, as a person's mail program would mark it.
fn answer_link(text: &str) -> Option<String> {
    text.match_indices("http").find_map(|(at, _)| {
        let rest = &text[at..];
        let end = rest.find(|c: char| c.is_whitespace() || !c.is_ascii()).unwrap_or(rest.len());
        let (way, (host, token)) =
            ["/a/", "/r/"].into_iter().find_map(|way| Some((way, rest[..end].split_once(way)?)))?;
        let token: String =
            token.chars().take_while(|c| c.is_ascii_alphanumeric() || "-_".contains(*c)).collect();
        let whole = host.starts_with("http://") || host.starts_with("https://");
        (whole && !token.is_empty()).then(|| format!("{host}{way}{token}"))
    })
}

/// One conversation, RFC 5321 with PIPELINING: answers are held while further commands wait to be read.
async fn converse(stream: TcpStream, shelf: &Shelf) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut stream = BufReader::new(stream);
    let mut answers = String::from("220 catcher.localhost ESMTP Noroshi demo, delivers nothing\r\n");
    let mut sender = false;
    let mut recipients: Vec<String> = Vec::new();
    let mut line = Vec::new();
    loop {
        if stream.buffer().is_empty() {
            stream.write_all(answers.as_bytes()).await?;
            answers.clear();
        }
        line.clear();
        let mut limited = (&mut stream).take(LINE_BYTES);
        let read = timeout(SILENCE, limited.read_until(b'\n', &mut line)).await;
        let Ok(read) = read else { return stream.write_all(b"421 4.4.2 silent for too long\r\n").await };
        if read? == 0 {
            return Ok(());
        }
        if !line.ends_with(b"\n") {
            return stream.write_all(b"500 5.5.6 line too long\r\n").await;
        }
        let command = String::from_utf8_lossy(&line).trim_end().to_owned();
        let (verb, rest) = command.split_once(' ').unwrap_or((&command, ""));
        let answer = match verb.to_ascii_uppercase().as_str() {
            "EHLO" => {
                (sender, recipients) = (false, Vec::new());
                &format!(
                    "250-catcher.localhost\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 SIZE {LETTER_BYTES}"
                )
            }
            "HELO" | "RSET" => {
                (sender, recipients) = (false, Vec::new());
                "250 2.0.0 ok"
            }
            "MAIL" if sender => "503 5.5.1 there is a sender already",
            "MAIL" => match path(rest, "FROM:") {
                Some(_) if declared_size(rest) > LETTER_BYTES => "552 5.3.4 the letter is too large",
                Some(_) => {
                    sender = true;
                    "250 2.1.0 ok"
                }
                None => "501 5.5.4 write MAIL FROM:<address>",
            },
            "RCPT" if !sender => "503 5.5.1 MAIL comes first",
            "RCPT" if recipients.len() >= RECIPIENTS => "452 4.5.3 too many recipients",
            "RCPT" => match path(rest, "TO:").filter(|address| !address.is_empty()) {
                Some(address) => {
                    recipients.push(address.to_owned());
                    "250 2.1.5 ok"
                }
                None => "501 5.5.4 write RCPT TO:<address>",
            },
            "DATA" if recipients.is_empty() => "503 5.5.1 RCPT comes first",
            "DATA" => {
                answers += "354 go on, end with a lone dot\r\n";
                stream.write_all(answers.as_bytes()).await?;
                answers.clear();
                let letter = timeout(SILENCE, read_letter(&mut stream)).await;
                let Ok(letter) = letter else {
                    return stream.write_all(b"421 4.4.2 silent for too long\r\n").await;
                };
                let to = std::mem::take(&mut recipients);
                sender = false;
                match letter? {
                    Some(raw) => &format!("250 2.0.0 caught as {}", shelf.put(to, raw)),
                    None => "552 5.3.4 the letter is too large",
                }
            }
            "NOOP" => "250 2.0.0 ok",
            "VRFY" => "252 2.1.5 send and see",
            "QUIT" => {
                answers += "221 2.0.0 bye\r\n";
                return stream.write_all(answers.as_bytes()).await;
            }
            _ => "502 5.5.1 not known here",
        };
        answers += answer;
        answers += "\r\n";
    }
}

/// The address between the brackets of `FROM:<…>`; a blank after the colon is forgiven.
fn path<'a>(rest: &'a str, word: &str) -> Option<&'a str> {
    let given = rest.get(..word.len()).filter(|given| given.eq_ignore_ascii_case(word))?;
    let inner = rest[given.len()..].trim_start().strip_prefix('<')?;
    inner.split_once('>').map(|(address, _)| address)
}

fn declared_size(rest: &str) -> usize {
    let size = rest
        .split(' ')
        .find_map(|word| word.to_ascii_uppercase().strip_prefix("SIZE=").map(ToOwned::to_owned));
    size.and_then(|size| size.parse().ok()).unwrap_or(0)
}

/// Reads up to `CRLF . CRLF` and nothing looser (a bare line feed ends no letter), and takes the stuffed dots off.
/// `None` is a letter that was too large; it has been read to its end.
async fn read_letter(stream: &mut BufReader<TcpStream>) -> io::Result<Option<Vec<u8>>> {
    let mut letter = Vec::new();
    let mut line = Vec::new();
    let mut at_line_start = true;
    let mut too_large = false;
    loop {
        line.clear();
        let mut limited = (&mut *stream).take(64 * 1024);
        if limited.read_until(b'\n', &mut line).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if at_line_start && line == b".\r\n" {
            return Ok((!too_large).then_some(letter));
        }
        let stuffed = usize::from(at_line_start && line.starts_with(b"."));
        at_line_start = line.ends_with(b"\r\n");
        too_large |= letter.len() + line.len() > LETTER_BYTES;
        if !too_large {
            letter.extend_from_slice(&line[stuffed..]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::{
        Outcome,
        mail::{MailConfig, Mailer},
        relay::Roots,
        tests::{NOW, config, letter},
    };

    async fn catcher(keep: usize) -> (Catcher, SocketAddr, CancellationToken, TaskTracker) {
        let (tracker, stop) = (TaskTracker::new(), CancellationToken::new());
        let (catcher, address) =
            Catcher::start(([127, 0, 0, 1], 0).into(), keep, &tracker, stop.clone()).await.unwrap();
        (catcher, address, stop, tracker)
    }

    fn mailer(address: SocketAddr) -> Mailer {
        let relays = vec![format!("smtp://{address}").parse().unwrap()];
        Mailer::new(MailConfig { connections: 1, ..config(relays) }, &Roots::default())
    }

    /// Says everything at once and gives what comes back until the catcher hangs up.
    async fn say(address: SocketAddr, words: &str) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(words.as_bytes()).await.unwrap();
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer).await;
        answer
    }

    #[tokio::test]
    async fn a_letter_is_caught_and_shown_as_a_person_sees_it() {
        let (catcher, address, ..) = catcher(10).await;
        let mut newest = catcher.newest();
        let outcome = mailer(address).send(&letter(), NOW).await;
        assert!(matches!(outcome, Outcome::Accepted { reply, .. } if reply == "250 2.0.0 caught as 1"));
        newest.changed().await.unwrap();
        let mail = &catcher.after(0)[0];
        let rendered = letter().render();
        assert_eq!((&mail.subject, mail.text.trim_end()), (&rendered.subject, rendered.text.trim_end()));
        assert_eq!(mail.html.as_deref().map(str::trim_end), Some(rendered.html.trim_end()));
        assert_eq!(
            (mail.from.name.as_str(), mail.to.name.as_str()),
            ("青葉県 保健医療福祉調整本部", "松原大学病院DMAT")
        );
        assert_eq!(mail.recipients, ["dmat@matsubara-univ.example"]);
        assert_eq!((mail.date, &mail.link), (Some(NOW), &letter().link));
        assert!(mail.message_id.as_deref().unwrap().starts_with("dlv_"));
    }

    #[tokio::test]
    async fn only_the_latest_mails_are_kept_and_numbers_go_on() {
        let (catcher, address, ..) = catcher(3).await;
        let mailer = mailer(address);
        for _ in 0..5 {
            mailer.send(&letter(), NOW).await;
        }
        let numbers = |mails: Vec<Arc<CaughtMail>>| mails.iter().map(|mail| mail.number).collect::<Vec<_>>();
        assert_eq!(numbers(catcher.list()), [5, 4, 3]);
        assert_eq!(numbers(catcher.after(4)), [5]);
        assert!(catcher.get(2).is_none() && catcher.get(3).is_some());
        assert_eq!(*catcher.newest().borrow(), 5);
    }

    #[tokio::test]
    async fn dots_are_unstuffed_and_only_a_lone_dot_between_full_line_ends_ends_a_letter() {
        let (catcher, address, ..) = catcher(10).await;
        let answer = say(
            address,
            "EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<a@b.example>\r\nDATA\r\nSubject: s\r\n\r\n..one\r\n...\r\nx\n.\r\ny\r\n.\nz\r\n.\r\nQUIT\r\n",
        )
        .await;
        assert!(
            answer.contains("250 2.0.0 caught as 1") && answer.ends_with("221 2.0.0 bye\r\n"),
            "{answer}"
        );
        assert_eq!(catcher.list()[0].raw, b"Subject: s\r\n\r\n.one\r\n..\r\nx\n.\r\ny\r\n\nz\r\n");
    }

    #[tokio::test]
    async fn a_conversation_out_of_order_is_told_so() {
        let (catcher, address, ..) = catcher(10).await;
        let words = "RCPT TO:<a@b>\r\nDATA\r\nMAIL from\r\nMAIL FROM:<a@b> SIZE=99999999\r\nMAIL FROM:<a@b>\r\nMAIL FROM:<a@b>\r\nDATA\r\nRSET\r\nDATA\r\nNOOP\r\nFOO\r\nQUIT\r\n";
        let answer = say(address, words).await;
        let codes: Vec<&str> = answer.lines().map(|line| &line[..3]).collect();
        assert_eq!(
            codes,
            ["220", "503", "503", "501", "552", "250", "503", "503", "250", "503", "250", "502", "221"]
        );
        assert!(catcher.list().is_empty());
    }

    #[tokio::test]
    async fn endless_lines_and_too_large_letters_are_refused_and_not_kept() {
        let (catcher, address, ..) = catcher(10).await;
        assert!(say(address, &"x".repeat(5000)).await.contains("500"));
        let large = format!("{}\r\n", "y".repeat(998)).repeat(6000);
        let words =
            format!("EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<a@b.example>\r\nDATA\r\n{large}.\r\nQUIT\r\n");
        assert!(say(address, &words).await.contains("552"));
        assert!(catcher.list().is_empty());
    }

    #[tokio::test]
    async fn it_opens_on_loopback_only_and_ends_when_told() {
        let (tracker, stop) = (TaskTracker::new(), CancellationToken::new());
        assert!(Catcher::start(([0, 0, 0, 0], 0).into(), 1, &tracker, stop).await.is_err());
        let (_catcher, address, stop, tracker) = catcher(1).await;
        let _open = TcpStream::connect(address).await.unwrap();
        stop.cancel();
        tracker.close();
        timeout(Duration::from_secs(5), tracker.wait()).await.expect("every task ends");
    }

    #[test]
    fn the_answer_link_is_found_where_a_person_would_see_it() {
        let link = |text: &str| answer_link(text);
        assert_eq!(
            link("回答→http://127.0.0.1:8080/a/Ab-_9です").as_deref(),
            Some("http://127.0.0.1:8080/a/Ab-_9")
        );
        assert_eq!(
            link("x https://h.example/b\nhttps://h.example/a/t.\n").as_deref(),
            Some("https://h.example/a/t")
        );
        assert_eq!(link("see http://h.example/about"), None);
    }
}
