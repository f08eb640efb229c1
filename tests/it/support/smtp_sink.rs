//! A real SMTP listener on loopback whose behaviour changes while it runs.
//!
//! It speaks enough of RFC 5321 for any client (EHLO, MAIL, RCPT, DATA, RSET, NOOP, QUIT, pipelined or not) and keeps
//! every letter with the moments of its stages. A letter is *received* when its final dot has come and *accepted* when
//! the 250 was written: what happens between the two is where mail is lost or doubled.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use mail_parser::{MessageParser, MimeHeaders};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
};

use super::wait::{now_ms, until};

/// What the sink does with a letter to an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conduct {
    /// Takes it.
    Accept,
    /// 451 to RCPT: come again later.
    Defer,
    /// 550 to RCPT: no such mailbox.
    Refuse,
    /// Says nothing to RCPT, as long as this stands.
    Hang,
    /// Closes the line in the middle of the text.
    DropBeforeDot,
    /// Takes the whole letter, and closes the line instead of saying 250: the sender cannot know.
    DropAfterDot,
    /// Takes the whole letter, and says 250 only when this no longer stands.
    Withhold,
}

/// A letter whose final dot has come.
#[derive(Clone, Debug)]
pub struct Letter {
    /// When the final dot came, milliseconds since 1970.
    pub received_ms: i64,
    /// When the 250 was written; `None` where it never was.
    pub accepted_ms: Option<i64>,
    /// The addresses of RCPT.
    pub to: Vec<String>,
    /// Subject, decoded.
    pub subject: String,
    /// The text part, decoded.
    pub text: String,
    /// The HTML part, decoded; empty where there is none.
    pub html: String,
    /// Message-ID without angle brackets.
    pub message_id: String,
    /// The whole letter as it came over the line, dots unstuffed.
    pub raw: String,
}

impl Letter {
    /// The value of a header as it came, unfolded; `None` where it is absent.
    pub fn header(&self, name: &str) -> Option<String> {
        let head = self.raw.split_once("\r\n\r\n").map_or(self.raw.as_str(), |(head, _)| head);
        let unfolded = head.replace("\r\n ", " ").replace("\r\n\t", " ");
        unfolded.split("\r\n").find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        })
    }

    /// The answer link of the text part: the whole address that ends in `/a/{token}`.
    #[track_caller]
    pub fn link(&self) -> String {
        let found =
            self.text.split_whitespace().find(|word| word.contains("/a/") && word.starts_with("http"));
        found.unwrap_or_else(|| panic!("no answer link in the text part:\n{}", self.text)).to_owned()
    }

    /// The link of a letter to a role holder.
    #[track_caller]
    pub fn role_link(&self) -> String {
        let found =
            self.text.split_whitespace().find(|word| word.contains("/r/") && word.starts_with("http"));
        found
            .unwrap_or_else(|| panic!("no link for a role holder in the text part:\n{}", self.text))
            .to_owned()
    }

    /// The token of the answer link.
    #[track_caller]
    pub fn token(&self) -> String {
        let link = self.link();
        link.rsplit_once("/a/").expect("the link leads to /a/{token}").1.to_owned()
    }
}

/// One refused or deferred RCPT.
#[derive(Clone, Debug)]
pub struct Rejection {
    /// When, milliseconds since 1970.
    pub at_ms: i64,
    /// The address.
    pub to: String,
}

struct State {
    rules: Vec<(String, Conduct)>,
    letters: Vec<Letter>,
    rejections: Vec<Rejection>,
    conversations: usize,
}

/// The listener. Ends with its test.
pub struct Sink {
    state: Arc<Mutex<State>>,
    /// Bumped when the rules change: whoever hangs or withholds looks again.
    changed: watch::Sender<u64>,
    port: u16,
    listener: Mutex<Option<JoinSet<()>>>,
}

impl Sink {
    /// Starts one on a free port that accepts everything.
    pub async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let port = listener.local_addr().expect("a bound listener has an address").port();
        let state =
            State { rules: Vec::new(), letters: Vec::new(), rejections: Vec::new(), conversations: 0 };
        let sink = Self {
            state: Arc::new(Mutex::new(state)),
            changed: watch::Sender::new(0),
            port,
            listener: Mutex::new(None),
        };
        sink.listen(listener);
        sink
    }

    /// The relay URL for `smtp.relays`.
    pub fn url(&self) -> String {
        format!("smtp://127.0.0.1:{}", self.port)
    }

    /// From now on: letters to addresses that contain `pattern` meet `conduct`. The newest matching rule holds; the
    /// empty pattern is everybody.
    pub fn conduct(&self, pattern: &str, conduct: Conduct) {
        self.state.lock().unwrap().rules.push((pattern.to_owned(), conduct));
        self.changed.send_modify(|n| *n += 1);
    }

    /// Closes the listener and every line: connecting is refused until [`Sink::open`].
    pub async fn close(&self) {
        let tasks = self.listener.lock().unwrap().take();
        if let Some(mut tasks) = tasks {
            tasks.shutdown().await;
        }
    }

    /// Listens again on the same port.
    pub async fn open(&self) {
        let listener = until("the sink's port is free again", super::wait::SOON, async || {
            TcpListener::bind(("127.0.0.1", self.port)).await.ok()
        })
        .await;
        self.listen(listener);
    }

    /// Every letter so far, in the order of their final dots.
    pub fn received(&self) -> Vec<Letter> {
        self.state.lock().unwrap().letters.clone()
    }

    /// Every letter so far to an address that contains `pattern`.
    pub fn received_by(&self, pattern: &str) -> Vec<Letter> {
        self.received().into_iter().filter(|letter| letter.to.iter().any(|to| to.contains(pattern))).collect()
    }

    /// How many letters to an address that contains `pattern` were accepted so far.
    pub fn accepted(&self, pattern: &str) -> usize {
        let state = self.state.lock().unwrap();
        let taken = state.letters.iter().filter(|letter| letter.accepted_ms.is_some());
        taken.filter(|letter| letter.to.iter().any(|to| to.contains(pattern))).count()
    }

    /// Every refused or deferred RCPT so far to an address that contains `pattern`.
    pub fn rejections_of(&self, pattern: &str) -> Vec<Rejection> {
        let state = self.state.lock().unwrap();
        state.rejections.iter().filter(|rejection| rejection.to.contains(pattern)).cloned().collect()
    }

    /// How many connections were opened so far.
    pub fn conversations(&self) -> usize {
        self.state.lock().unwrap().conversations
    }

    /// Waits until at least `count` letters have come, and gives all of them.
    pub async fn letters(&self, count: usize, deadline: Duration) -> Vec<Letter> {
        self.letters_to("", count, deadline).await
    }

    /// Waits until at least `count` letters to an address that contains `pattern` have come, and gives all of them.
    pub async fn letters_to(&self, pattern: &str, count: usize, deadline: Duration) -> Vec<Letter> {
        let what = format!("{count} letters to {pattern:?} have come");
        until(&what, deadline, async || Some(self.received_by(pattern)).filter(|found| found.len() >= count))
            .await
    }

    /// Waits for the newest letter to an address whose subject contains `words`.
    pub async fn letter_about(&self, pattern: &str, words: &str, deadline: Duration) -> Letter {
        let what = format!("a letter about {words:?} has come to {pattern:?}");
        until(&what, deadline, async || {
            self.received_by(pattern).into_iter().rev().find(|letter| letter.subject.contains(words))
        })
        .await
    }

    fn listen(&self, listener: TcpListener) {
        let (state, changed) = (Arc::clone(&self.state), self.changed.clone());
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            // The conversations belong to this task's set, so that closing the sink cuts them too.
            let mut conversations = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                while conversations.try_join_next().is_some() {}
                state.lock().unwrap().conversations += 1;
                let talk = Conversation { state: Arc::clone(&state), changed: changed.subscribe() };
                conversations.spawn(async move {
                    // The client may close the line at any moment; that is its right and no failure of the sink.
                    let _ = talk.run(stream).await;
                });
            }
        });
        *self.listener.lock().unwrap() = Some(tasks);
    }
}

struct Conversation {
    state: Arc<Mutex<State>>,
    changed: watch::Receiver<u64>,
}

impl Conversation {
    async fn run(mut self, stream: TcpStream) -> std::io::Result<()> {
        stream.set_nodelay(true)?;
        let (read, mut write) = stream.into_split();
        let mut read = BufReader::new(read);
        let mut to: Vec<String> = Vec::new();
        write.write_all(b"220 sink.example ESMTP\r\n").await?;
        loop {
            let mut line = Vec::new();
            if read.read_until(b'\n', &mut line).await? == 0 {
                return Ok(());
            }
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            let verb = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
            let reply: &str = match verb.as_str() {
                "EHLO" => {
                    "250-sink.example\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 SIZE 10485760"
                }
                "HELO" | "NOOP" => "250 OK",
                "MAIL" | "RSET" => {
                    to.clear();
                    "250 OK"
                }
                "RCPT" => {
                    let address = address_of(&line);
                    match self.rcpt(&address).await {
                        Conduct::Defer => "451 4.3.0 mailbox busy, come again later",
                        Conduct::Refuse => "550 5.1.1 no such mailbox",
                        _ => {
                            to.push(address);
                            "250 OK"
                        }
                    }
                }
                "DATA" if to.is_empty() => "554 5.5.1 no valid recipients",
                "DATA" => {
                    write.write_all(b"354 go on\r\n").await?;
                    if self.any(&to, Conduct::DropBeforeDot) {
                        // The first bytes of the text are awaited, so that the line breaks in the middle of it.
                        read.read_until(b'\n', &mut Vec::new()).await?;
                        return Ok(());
                    }
                    let Some(raw) = read_text(&mut read).await? else { return Ok(()) };
                    // Asked before the letter shows: a test that has seen it may change the rules at once.
                    let drops = self.any(&to, Conduct::DropAfterDot);
                    let number = self.keep(&to, raw);
                    if drops {
                        return Ok(());
                    }
                    while self.any(&to, Conduct::Withhold) {
                        if self.changed.changed().await.is_err() {
                            return Ok(());
                        }
                    }
                    write.write_all(b"250 2.0.0 taken\r\n").await?;
                    self.state.lock().unwrap().letters[number].accepted_ms = Some(now_ms());
                    to.clear();
                    continue;
                }
                "QUIT" => {
                    write.write_all(b"221 bye\r\n").await?;
                    return Ok(());
                }
                _ => "500 5.5.2 unknown command",
            };
            write.write_all(format!("{reply}\r\n").as_bytes()).await?;
        }
    }

    /// Decides about one RCPT, after a hang where one is wanted.
    async fn rcpt(&mut self, address: &str) -> Conduct {
        while self.conduct_of(address) == Conduct::Hang {
            if self.changed.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
        let conduct = self.conduct_of(address);
        if matches!(conduct, Conduct::Defer | Conduct::Refuse) {
            let rejection = Rejection { at_ms: now_ms(), to: address.to_owned() };
            self.state.lock().unwrap().rejections.push(rejection);
        }
        conduct
    }

    fn conduct_of(&self, address: &str) -> Conduct {
        let state = self.state.lock().unwrap();
        let rule = state.rules.iter().rev().find(|(pattern, _)| address.contains(pattern.as_str()));
        rule.map_or(Conduct::Accept, |(_, conduct)| *conduct)
    }

    fn any(&self, to: &[String], conduct: Conduct) -> bool {
        to.iter().any(|address| self.conduct_of(address) == conduct)
    }

    fn keep(&self, to: &[String], raw: Vec<u8>) -> usize {
        let letter = read_letter(to.to_vec(), &raw);
        let mut state = self.state.lock().unwrap();
        state.letters.push(letter);
        state.letters.len() - 1
    }
}

/// Reads the text of a letter up to its final dot, unstuffed; `None` where the line ended before it.
async fn read_text(read: &mut (impl AsyncBufReadExt + Unpin)) -> std::io::Result<Option<Vec<u8>>> {
    let mut text = Vec::new();
    loop {
        let mut line = Vec::new();
        if read.read_until(b'\n', &mut line).await? == 0 {
            return Ok(None);
        }
        match line.as_slice() {
            b".\r\n" => return Ok(Some(text)),
            [b'.', rest @ ..] => text.extend_from_slice(rest),
            whole => text.extend_from_slice(whole),
        }
    }
}

fn address_of(line: &str) -> String {
    line.split_once('<')
        .and_then(|(_, rest)| rest.split_once('>'))
        .map_or_else(String::new, |(it, _)| it.to_owned())
}

fn read_letter(to: Vec<String>, raw: &[u8]) -> Letter {
    let message = MessageParser::default().parse(raw).expect("what the service sends is a mail");
    // The parser makes an HTML view of a text part by itself; only a part that is HTML counts.
    let html = message.parts.iter().find(|part| {
        part.content_type().is_some_and(|kind| kind.ctype() == "text" && kind.subtype() == Some("html"))
    });
    Letter {
        received_ms: now_ms(),
        accepted_ms: None,
        subject: message.subject().unwrap_or_default().to_owned(),
        text: message.body_text(0).unwrap_or_default().into_owned(),
        html: html.and_then(|part| part.text_contents()).unwrap_or_default().to_owned(),
        message_id: message.message_id().unwrap_or_default().to_owned(),
        raw: String::from_utf8_lossy(raw).into_owned(),
        to,
    }
}

/// All different Message-IDs of these letters.
pub fn message_ids(letters: &[Letter]) -> BTreeSet<&str> {
    letters.iter().map(|letter| letter.message_id.as_str()).collect()
}
