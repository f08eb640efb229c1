//! Passwords: what is accepted, how it is kept, how it is compared.
//!
//! Kept as Argon2id strings of the PHC form, which carry their own parameters. Computing one takes 19 MiB and tens of
//! milliseconds on purpose, so [`Passwords`] lets only a few run at a time, away from the threads that serve answers:
//! a hundred sign-ins at once must not hold up one acknowledgement.

use std::{fmt, sync::Arc, time::Duration};

use argon2::{
    Algorithm, Argon2, Params, PasswordHash, PasswordHasher, PasswordVerifier, Version, password_hash::phc,
};
use noroshi_core::text::Text;
use tokio::sync::{Semaphore, SemaphorePermit};
use unicode_normalization::UnicodeNormalization;

use crate::chance::Chance;

/// OWASP's Password Storage Cheat Sheet, Argon2id: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// How many are computed at the same time: half of a small server's cores.
const AT_A_TIME: usize = 2;
/// How long somebody waits for a turn before hearing that too many sign in.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// The shortest password, in characters.
pub const SHORTEST: usize = 8;
/// The longest, in characters; beyond it somebody is trying something out.
pub const LONGEST: usize = 256;

/// Hashes and compares passwords, a few at a time. Made once by composition.
pub struct Passwords {
    turns: Semaphore,
    chance: Arc<Chance>,
    /// Compared with where there is no account, so that the answer takes as long as for a wrong password.
    nobody: String,
}

/// What comparing a password gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is the password.
    Right {
        /// Whether the stored string is of weaker parameters than today's: hash again and store.
        outdated: bool,
    },
    /// It is not, or there is no such account.
    Wrong,
}

/// Why a password was neither hashed nor compared.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// No turn within ten seconds.
    #[error("too many people sign in at the same time; try again in a moment")]
    Busy,
    /// Not computed: out of memory, or a bug.
    #[error("could not compute the password's hash")]
    NotComputed(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Passwords {
    /// Salts come from `chance`.
    pub fn new(chance: Arc<Chance>) -> Self {
        // Of today's parameters and of no password: nothing that anybody types has this hash.
        let nobody = phc::PasswordHash {
            algorithm: Algorithm::Argon2id.ident(),
            version: Some(Version::V0x13.into()),
            params: (&parameters()).try_into().expect("today's parameters have a text form"),
            salt: Some(phc::Salt::new(&chance.bytes::<16>()).expect("sixteen bytes are a salt")),
            hash: Some(phc::Output::new(&chance.bytes::<32>()).expect("thirty-two bytes are a hash")),
        };
        Self { turns: Semaphore::new(AT_A_TIME), chance, nobody: nobody.to_string() }
    }

    /// The string to store for a password that [`check`] has passed.
    pub async fn hash(&self, password: &str) -> Result<String, PasswordError> {
        let _turn = self.turn().await?;
        let (password, salt) = (typed(password), self.chance.bytes::<16>());
        let hashed =
            tokio::task::spawn_blocking(move || argon2().hash_password_with_salt(password.as_bytes(), &salt))
                .await;
        match hashed {
            Ok(Ok(hash)) => Ok(hash.to_string()),
            Ok(Err(cause)) => Err(PasswordError::NotComputed(Box::new(cause))),
            Err(cause) => Err(PasswordError::NotComputed(Box::new(cause))),
        }
    }

    /// Compares with the stored string of an account; `None` where there is no such account takes as long and is wrong.
    pub async fn verify(&self, password: &str, stored: Option<&str>) -> Result<Verdict, PasswordError> {
        let _turn = self.turn().await?;
        let password = typed(password);
        let known = stored.is_some();
        let stored = stored.unwrap_or(&self.nobody).to_owned();
        let compared = tokio::task::spawn_blocking(move || {
            let hash = PasswordHash::new(&stored)?;
            argon2().verify_password(password.as_bytes(), &hash).map(|()| is_outdated(&hash))
        })
        .await;
        match compared {
            Ok(Ok(outdated)) if known => Ok(Verdict::Right { outdated }),
            Ok(Ok(_) | Err(argon2::password_hash::Error::PasswordInvalid)) => Ok(Verdict::Wrong),
            Ok(Err(cause)) => Err(PasswordError::NotComputed(Box::new(cause))),
            Err(cause) => Err(PasswordError::NotComputed(Box::new(cause))),
        }
    }

    async fn turn(&self) -> Result<SemaphorePermit<'_>, PasswordError> {
        match tokio::time::timeout(LONGEST_WAIT, self.turns.acquire()).await {
            Ok(Ok(turn)) => Ok(turn),
            _ => Err(PasswordError::Busy),
        }
    }
}

impl fmt::Debug for Passwords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passwords")
    }
}

fn parameters() -> Params {
    Params::new(MEMORY_KIB, PASSES, LANES, None).expect("today's parameters are within Argon2's limits")
}

fn argon2() -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters())
}

fn is_outdated(hash: &PasswordHash) -> bool {
    let weaker = |params: Params| params.m_cost() < MEMORY_KIB || params.t_cost() < PASSES;
    hash.algorithm != Algorithm::Argon2id.ident() || Params::try_from(hash).map_or(true, weaker)
}

/// The password as it is compared: the same whether an input method gave half or full width (NIST SP 800-63B,
/// section 3.1.1.2: normalise before hashing).
fn typed(password: &str) -> String {
    password.nfkc().collect()
}

/// Why a new password is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Fewer than eight characters.
    TooShort,
    /// More than 256 characters.
    TooLong,
    /// Among the first that somebody would try.
    TooCommon,
    /// Made of the name of the service, of the site or of the person.
    Context,
}

impl Refusal {
    /// What the person reads: what is wrong, and what to do.
    pub fn text(self) -> Text {
        match self {
            Self::TooShort => Text::both(
                "パスワードは8文字以上にしてください。15文字以上を勧めます。",
                "Use at least 8 characters; 15 or more are better.",
            ),
            Self::TooLong => Text::both("パスワードは256文字までです。", "Use at most 256 characters."),
            Self::TooCommon => Text::both(
                "よく使われるパスワードで、すぐに推測されます。関係のない言葉をいくつか並べてください。",
                "Many people use this password, so it is guessed first. Put several unrelated words in a row.",
            ),
            Self::Context => Text::both(
                "名前や組織名からできたパスワードは推測されます。関係のない言葉をいくつか並べてください。",
                "A password made of a name is guessed. Put several unrelated words in a row.",
            ),
        }
    }
}

/// Whether a new password may be used. `context`: login name, person's name, site's title.
///
/// Any characters will do; no mixture is asked for. See quality, S16 (ASVS 6.2).
pub fn check(password: &str, context: &[&str]) -> Result<(), Refusal> {
    let password = typed(password);
    let length = password.chars().count();
    if length < SHORTEST {
        return Err(Refusal::TooShort);
    }
    if length > LONGEST {
        return Err(Refusal::TooLong);
    }
    let plain = plain(&password);
    if COMMON.contains(&plain.as_str()) || COMMON.contains(&core_of(&plain)) || is_pattern(&plain) {
        return Err(Refusal::TooCommon);
    }
    let mut names: Vec<String> = context
        .iter()
        .flat_map(|name| std::iter::once(*name).chain(name.split(|c: char| !c.is_alphanumeric())))
        .map(self::plain)
        .filter(|name| name.chars().count() >= 3)
        .collect();
    names.extend(OUR_WORDS.iter().map(|word| (*word).to_owned()));
    // What is left when every name is taken out has to be a password of its own, half as long at least.
    let rest = names.iter().fold(plain.clone(), |rest, name| rest.replace(name.as_str(), ""));
    if rest != plain && core_of(&rest).chars().count() < SHORTEST / 2 {
        return Err(Refusal::Context);
    }
    Ok(())
}

/// Small letters, with the usual disguises undone.
fn plain(text: &str) -> String {
    text.nfkc()
        .flat_map(char::to_lowercase)
        .map(|c| match c {
            '@' => 'a',
            '$' => 's',
            other => other,
        })
        .collect()
}

/// Without the digits and signs that people put before and after a word.
fn core_of(plain: &str) -> &str {
    plain.trim_matches(|c: char| !c.is_alphabetic())
}

/// One to three characters again and again, or a run along the alphabet, the digits or a row of keys.
fn is_pattern(plain: &str) -> bool {
    let letters: Vec<char> = plain.chars().collect();
    let repeats = (1..=3).any(|period| letters.iter().zip(letters.iter().skip(period)).all(|(a, b)| a == b));
    let backwards: String = letters.iter().rev().collect();
    let run = RUNS.iter().any(|run| run.contains(plain) || run.contains(&backwards));
    repeats || run
}

const RUNS: &[&str] = &[
    "0123456789012345678901234567890",
    "abcdefghijklmnopqrstuvwxyzabcdefg",
    "qwertyuiopasdfghjklzxcvbnm",
    "1234qwerasdfzxcv",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm",
    "1q2w3e4r5t6y7u8i9o0p",
    "q1w2e3r4t5y6u7i8o9p0",
    "zaq12wsxcde34rfv",
];

/// Words of this trade: the first that somebody tries who knows where the password is used.
const OUR_WORDS: &[&str] = &[
    "noroshi",
    "狼煙",
    "のろし",
    "saigai",
    "災害",
    "dmat",
    "emis",
    "bousai",
    "防災",
    "jishin",
    "地震",
    "taisaku",
    "対策",
    "honbu",
    "本部",
    "admin",
    "commander",
    "operator",
    "observer",
    "kenchou",
    "県庁",
];

/// Of the commonest passwords those that are long enough to be tried here, without digits around them.
const COMMON: &[&str] = &[
    "password",
    "passwort",
    "passw0rd",
    "p4ssword",
    "pa55word",
    "pa55w0rd",
    "password1password",
    "mypassword",
    "thepassword",
    "newpassword",
    "changeme",
    "changeit",
    "letmein",
    "letmeinnow",
    "iloveyou",
    "iloveyouforever",
    "trustno",
    "welcome",
    "welcomehome",
    "sunshine",
    "princess",
    "football",
    "baseball",
    "basketball",
    "superman",
    "superstar",
    "batman",
    "spiderman",
    "starwars",
    "whatever",
    "computer",
    "internet",
    "michelle",
    "jennifer",
    "alexander",
    "charlie",
    "michael",
    "jonathan",
    "elizabeth",
    "victoria",
    "samantha",
    "benjamin",
    "christian",
    "butterfly",
    "chocolate",
    "strawberry",
    "blueberry",
    "elephant",
    "dolphins",
    "swimming",
    "liverpool",
    "chelsea",
    "barcelona",
    "realmadrid",
    "manchester",
    "arsenal",
    "pokemon",
    "pikachu",
    "naruto",
    "doraemon",
    "totoro",
    "shadow",
    "master",
    "monkey",
    "dragon",
    "secret",
    "secretsecret",
    "default",
    "guest",
    "login",
    "access",
    "hello",
    "hellohello",
    "helloworld",
    "freedom",
    "mustang",
    "corvette",
    "mercedes",
    "porsche",
    "ferrari",
    "samsung",
    "google",
    "facebook",
    "linkedin",
    "microsoft",
    "windows",
    "qwerty",
    "qwertyuiop",
    "qwertyqwerty",
    "asdfghjkl",
    "asdfasdf",
    "zxcvbnm",
    "qazwsx",
    "qazwsxedc",
    "abcdef",
    "abcd",
    "abc",
    "aaaaaaaa",
    "test",
    "testtest",
    "testing",
    "demo",
    "sample",
    "temp",
    "temporary",
    "administrator",
    "root",
    "rootroot",
    "toor",
    "user",
    "username",
    "system",
    "server",
    "database",
    "oracle",
    "cisco",
    "summer",
    "winter",
    "spring",
    "autumn",
    "monday",
    "friday",
    "january",
    "december",
    "november",
    "september",
    "jesus",
    "jesuschrist",
    "blessed",
    "lovely",
    "loveyou",
    "lovelove",
    "babygirl",
    "sakura",
    "sakurasakura",
    "arigato",
    "arigatou",
    "konnichiwa",
    "ohayou",
    "sayonara",
    "aishiteru",
    "nippon",
    "nihon",
    "japan",
    "tokyo",
    "osaka",
    "kyoto",
    "hokkaido",
    "sapporo",
    "yokohama",
    "nagoya",
    "fukuoka",
    "himitsu",
    "pasuwado",
    "pasuwaado",
    "anpanman",
    "tanaka",
    "suzuki",
    "yamada",
    "takahashi",
    "watanabe",
    "sato",
    "satou",
    "correcthorsebatterystaple",
    "パスワード",
    "ひみつ",
    "さくら",
    "ありがとう",
    "にほん",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn passwords() -> Passwords {
        Passwords::new(Arc::new(Chance::seeded(1)))
    }

    #[tokio::test]
    async fn a_password_is_recognised_and_another_is_not() {
        let passwords = passwords();
        let stored = passwords.hash("雪まつり kitchen 七十七").await.unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        let verdict = passwords.verify("雪まつり kitchen 七十七", Some(&stored)).await.unwrap();
        assert_eq!(verdict, Verdict::Right { outdated: false });
        assert_eq!(passwords.verify("雪まつり kitchen 七十八", Some(&stored)).await.unwrap(), Verdict::Wrong);
    }

    #[tokio::test]
    async fn an_unknown_account_costs_a_real_comparison_and_is_wrong() {
        let passwords = passwords();
        assert_eq!(passwords.verify("雪まつり kitchen", None).await.unwrap(), Verdict::Wrong);
        let nobody = PasswordHash::new(&passwords.nobody).unwrap();
        assert!(!is_outdated(&nobody), "it is compared with today's parameters");
    }

    #[tokio::test]
    async fn full_width_letters_are_the_same_password() {
        let passwords = passwords();
        let stored = passwords.hash("ｋｉｔｃｈｅｎ－ｓｎｏｗ").await.unwrap();
        let verdict = passwords.verify("kitchen-snow", Some(&stored)).await.unwrap();
        assert_eq!(verdict, Verdict::Right { outdated: false });
    }

    #[tokio::test]
    async fn weaker_parameters_are_told() {
        let weak = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(8, 1, 1, None).unwrap());
        let stored = weak.hash_password_with_salt(b"kitchen-snow", b"0123456789abcdef").unwrap().to_string();
        let verdict = passwords().verify("kitchen-snow", Some(&stored)).await.unwrap();
        assert_eq!(verdict, Verdict::Right { outdated: true });
    }

    #[test]
    fn short_common_and_patterned_passwords_are_refused() {
        assert_eq!(check("abc4567", &[]), Err(Refusal::TooShort));
        assert_eq!(check(&"雪".repeat(257), &[]), Err(Refusal::TooLong));
        for common in [
            "password",
            "Password123!",
            "P@ssw0rd",
            "12345678",
            "87654321",
            "aaaaaaaa",
            "abababab",
            "qwertyui",
            "1qaz2wsx",
            "Sakura2026",
            "iloveyou!",
            "ｐａｓｓｗｏｒｄ",
        ] {
            assert_eq!(check(common, &[]), Err(Refusal::TooCommon), "{common}");
        }
    }

    #[test]
    fn passwords_made_of_names_are_refused() {
        for (password, context) in [
            ("noroshi2026", &[][..]),
            ("DMAT-saigai-1", &[][..]),
            ("tanabe-ichiro", &["tanabe.ichiro"][..]),
            ("北海県災害対策本部1", &["北海県"][..]),
        ] {
            assert_eq!(check(password, context), Err(Refusal::Context), "{password}");
        }
    }

    #[test]
    fn any_characters_and_long_sentences_are_welcome() {
        for good in [
            "雪まつりの朝に七輪",
            "kitchen snow violin",
            "x7#Kq!2v",
            "災害のときは青い傘を三本ひらく",
            &"ab-cd ".repeat(20),
        ] {
            assert_eq!(check(good, &["tanabe"]), Ok(()), "{good}");
        }
    }
}
