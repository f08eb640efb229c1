//! Reads a directory file. References inside of it are resolved while reading, because every key is known from the
//! tree beforehand.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{NaiveDate, NaiveTime};
use chrono_tz::Tz;

use super::{
    Agency, Contact, Directory, Gap, Override, Person, RoleAccount, Roster, Rotation, SiteValue, Transport,
    Turn, check as rules,
};
use crate::{
    document::{self, Kind, Waiver},
    problem::Problem,
    text::{Language, Text},
    time::{Span, Timestamp},
    yaml::{
        Limits, Problems, Value,
        fields::{Fields, Located, Spot, did_you_mean},
    },
};

/// Where a rotation without `since` begins: a Monday long ago, so that a directory verified anew does not move turns.
const ROTATION_SINCE: NaiveDate = NaiveDate::from_ymd_opt(2024, 1, 1).expect("a date of the calendar");
/// When a rotation without `handover` passes on.
const HANDOVER: NaiveTime = NaiveTime::from_hms_opt(8, 30, 0).expect("a time of the day");

/// Reads a directory: the checked value where there is no error, and every problem in the order of the file.
pub fn read(source: &[u8]) -> (Option<Directory>, Vec<Problem>) {
    check(source, None)
}

/// Reads a directory as [`read`] does, and tells at `at` what should have been verified by then.
pub fn check(source: &[u8], at: Option<Timestamp>) -> (Option<Directory>, Vec<Problem>) {
    check_without(None, source, at)
}

/// Checks with one rule switched off.
pub(crate) fn check_without(
    rule: Option<&'static str>,
    source: &[u8],
    at: Option<Timestamp>,
) -> (Option<Directory>, Vec<Problem>) {
    let problems = Problems::without(rule);
    let directory = document::tree(source, Limits::DIRECTORY, &problems).and_then(|(_, root)| {
        let fields = document::head(&root, Kind::Directory, &problems)?;
        let whole = fields.spot.clone();
        let parts = read_directory(fields)?;
        rules::all(&parts, at, &whole, &problems);
        Some(parts.directory)
    });
    (directory.filter(|_| !problems.has_errors()), problems.into_sorted())
}

/// Reads every block without checking the whole.
#[cfg(test)]
pub(crate) fn read_only(fields: Fields<'_>) {
    read_directory(fields);
}

/// What was read, with the places that checks over the whole file need.
pub(super) struct Parts {
    /// The directory, perhaps with holes where there were errors.
    pub(super) directory: Directory,
    /// The warnings that the file waives.
    pub(super) waive: Vec<Located<Waiver>>,
    /// Each group's member list.
    pub(super) groups: BTreeMap<String, (crate::problem::Position, String)>,
}

/// The keys that references may name.
struct Known {
    transports: BTreeSet<String>,
    people: BTreeSet<String>,
    agencies: BTreeSet<String>,
    rosters: BTreeSet<String>,
    /// The kind of address by transport.
    addresses: BTreeMap<String, AddressKind>,
}

/// What an address of a transport has to look like.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum AddressKind {
    /// A mailbox.
    Mail,
    /// A telephone number.
    Telephone,
    /// The address of a program that takes signed calls.
    Hook,
    /// Whatever its transport takes.
    Other,
}

fn read_directory(fields: Fields<'_>) -> Option<Parts> {
    let names = |name: &str| -> BTreeSet<String> {
        fields
            .spot
            .node
            .get(name)
            .into_iter()
            .flat_map(|node| node.keys())
            .map(|key| key.name.clone())
            .collect()
    };
    let mut known = Known {
        transports: names("transports"),
        people: names("people"),
        agencies: names("agencies"),
        rosters: names("rosters"),
        addresses: BTreeMap::new(),
    };

    let metadata = fields.need("metadata").and_then(|spot| spot.fields()).map(read_metadata);
    let site = fields.get("site").map(|spot| read_site(&spot)).unwrap_or_default();
    let zone = site_zone(&fields);

    let mut transports = BTreeMap::new();
    if let Some(spot) = fields.need("transports") {
        for (key, spot) in spot.some_entries() {
            if let Some(transport) = read_transport(&spot) {
                known.addresses.insert(key.clone(), address_kind(&transport.driver));
                transports.insert(key, transport);
            }
        }
    }
    let known = known;
    let people = fields.need("people").map(|spot| {
        spot.entries()
            .into_iter()
            .filter_map(|(key, spot)| Some((key, read_person(&spot, &known)?)))
            .collect()
    });
    let mut groups = BTreeMap::new();
    let mut agencies = BTreeMap::new();
    if let Some(spot) = fields.need("agencies") {
        for (key, spot) in spot.entries() {
            if let Some(agency) = read_agency(&key, &spot, &known, &mut groups) {
                agencies.insert(key, agency);
            }
        }
    }
    let rosters = fields.get("rosters").map(|spot| {
        spot.entries()
            .into_iter()
            .filter_map(|(key, spot)| Some((key, read_roster(&spot, zone, &known)?)))
            .collect()
    });
    let role_accounts = fields.get("role_accounts").map(|spot| {
        spot.entries()
            .into_iter()
            .filter_map(|(key, spot)| Some((key, read_role_account(&spot, &known)?)))
            .collect()
    });
    let waive = document::waivers(&fields, Kind::Directory);
    fields.finish();

    let (key, title, verified_on, verify_every) = metadata??;
    let directory = Directory {
        key,
        title,
        verified_on,
        verify_every,
        site,
        transports,
        people: people?,
        agencies,
        rosters: rosters.unwrap_or_default(),
        role_accounts: role_accounts.unwrap_or_default(),
        covers: Vec::new(),
    };
    Some(Parts { directory, waive, groups })
}

type Metadata = (String, Text, NaiveDate, Option<Span>);

fn read_metadata(fields: Fields<'_>) -> Option<Metadata> {
    let key = fields.need("key").and_then(|spot| spot.key());
    let title = fields.need("title").and_then(|spot| spot.text());
    let verified_on = fields.need("verified_on").and_then(|spot| spot.date());
    let verify_every = fields.get("verify_every").and_then(|spot| spot.span());
    fields.finish();
    Some((key?, title?, verified_on?, verify_every))
}

fn read_site(spot: &Spot<'_>) -> BTreeMap<String, SiteValue> {
    let value = |spot: &Spot<'_>| match &spot.node.value {
        Value::List(_) => Some(SiteValue::List(spot.strings().into_iter().map(|word| word.value).collect())),
        _ => spot.string().map(|word| {
            // A telephone number; a whole number begins with neither.
            if word.starts_with(['0', '+']) && word.len() > 1 && is_a_number_to_others(word) {
                spot.in_quotes();
            }
            SiteValue::One(word.to_owned())
        }),
    };
    spot.entries().into_iter().filter_map(|(key, spot)| Some((key, value(&spot)?))).collect()
}

/// The wall time of rosters without their own: `site.zone`, else Japan's.
fn site_zone(fields: &Fields<'_>) -> Tz {
    let zone = fields.spot.node.get("site").and_then(|site| site.get("zone")).and_then(|zone| zone.as_str());
    zone.and_then(|zone| zone.parse().ok()).unwrap_or(Tz::Asia__Tokyo)
}

fn read_transport(spot: &Spot<'_>) -> Option<Transport> {
    let fields = spot.fields()?;
    let driver = fields.need("driver").and_then(|spot| spot.key());
    let evidence =
        ["accepted", "bounced", "delivered", "failed", "opened", "answered"].map(|word| (word, word));
    let proves = fields.get("proves").map(|spot| {
        spot.items().iter().filter_map(|spot| spot.one_of(&evidence)).map(str::to_owned).collect()
    });
    let max_chars = fields.get("max_chars").and_then(|spot| spot.count());
    fields.finish();
    Some(Transport { driver: driver?, proves: proves.unwrap_or_default(), max_chars })
}

pub(super) fn address_kind(driver: &str) -> AddressKind {
    match driver {
        "smtp" => AddressKind::Mail,
        "http_gateway" | "human_call" => AddressKind::Telephone,
        "webhook" => AddressKind::Hook,
        _ => AddressKind::Other,
    }
}

fn read_person(spot: &Spot<'_>, known: &Known) -> Option<Person> {
    let fields = spot.fields()?;
    let name = fields.need("name").and_then(|spot| spot.text());
    let kana = read_kana(&fields);
    let post = fields.get("post").and_then(|spot| spot.text());
    let human = fields.get("human").map_or(Some(true), |spot| spot.flag());
    let reach = fields.get("reach").map(|spot| {
        spot.entries()
            .into_iter()
            .filter_map(|(key, spot)| Some((key.clone(), address(&key, &spot, known)?)))
            .collect()
    });
    let language = read_language(&fields);
    let verified_on = fields.get("verified_on").and_then(|spot| spot.date());
    fields.finish();
    Some(Person {
        name: name?,
        kana,
        post,
        human: human?,
        reach: reach.unwrap_or_default(),
        language,
        verified_on,
    })
}

fn read_kana(fields: &Fields<'_>) -> Option<String> {
    fields.get("kana").and_then(|spot| spot.string()).map(str::to_owned)
}

fn read_language(fields: &Fields<'_>) -> Language {
    let languages = [Language::Ja, Language::EasyJa, Language::En].map(|language| (language.key(), language));
    fields.get("language").and_then(|spot| spot.one_of(&languages)).unwrap_or_default()
}

fn read_agency(
    key: &str,
    spot: &Spot<'_>,
    known: &Known,
    groups: &mut BTreeMap<String, (crate::problem::Position, String)>,
) -> Option<Agency> {
    let fields = spot.fields()?;
    let is_group = match fields.get("kind") {
        Some(spot) => spot.one_of(&[("group", true), ("agency", false)])?,
        None => false,
    };
    let kana = read_kana(&fields);
    let outside = fields.get("outside").map_or(Some(false), |spot| spot.flag());
    let language = read_language(&fields);
    let verified_on = fields.get("verified_on").and_then(|spot| spot.date());
    if is_group {
        let title = fields.get("title").and_then(|spot| spot.text()).unwrap_or_else(|| Text::plain(key));
        let members = fields.need("members").map(|spot| {
            groups.insert(key.to_owned(), (spot.node.at, spot.path.clone()));
            references(&spot, "agency", "機関", &known.agencies)
        });
        fields.finish();
        return Some(Agency {
            title,
            kana,
            outside: outside?,
            members: Some(members?),
            primary: Contact::default(),
            alternate: Contact::default(),
            language,
            verified_on,
        });
    }
    let title = fields.need("title").and_then(|spot| spot.text());
    let primary =
        fields.get("primary").map_or_else(|| Some(Contact::default()), |spot| read_contact(&spot, known));
    let alternate =
        fields.get("alternate").map_or_else(|| Some(Contact::default()), |spot| read_contact(&spot, known));
    fields.finish();
    Some(Agency {
        title: title?,
        kana,
        outside: outside?,
        members: None,
        primary: primary?,
        alternate: alternate?,
        language,
        verified_on,
    })
}

fn read_contact(spot: &Spot<'_>, known: &Known) -> Option<Contact> {
    let fields = spot.fields()?;
    let name = fields.get("name").and_then(|spot| spot.text());
    let person = fields.get("person").and_then(|spot| reference(&spot, "person", "人", &known.people));
    let reach = fields
        .others()
        .into_iter()
        .filter_map(|(key, spot)| Some((key.clone(), address(&key, &spot, known)?)))
        .collect();
    Some(Contact { name, person, reach })
}

/// One address: its transport has to be known, and it has to look like an address of that transport.
fn address(transport: &str, spot: &Spot<'_>, known: &Known) -> Option<String> {
    if !known.transports.contains(transport) {
        unknown(spot, "transport", "経路", transport, &known.transports);
        return None;
    }
    let words = spot.string()?;
    let fits = match known.addresses.get(transport) {
        Some(AddressKind::Mail) => is_mail_address(words),
        Some(AddressKind::Telephone) => is_telephone_number(words),
        Some(AddressKind::Hook) => is_hook_address(words),
        Some(AddressKind::Other) | None => !words.chars().any(char::is_control),
    };
    if !fits {
        // The address itself is personal data and stays out of the message.
        spot.error(
            "R02",
            Text::both(
                format!("経路 {transport} の宛先として正しくありません。"),
                format!("This does not look like an address of the transport {transport}."),
            ),
            Text::both(
                "メールは name@example.jp、電話は数字・+・-・空白(2〜20桁)、webhook は https://ホスト/パス で書いてください。",
                "Write mail addresses like name@example.jp, telephone numbers with digits, +, - and blanks (2 to 20 digits), webhooks like https://host/path.",
            ),
        );
        return None;
    }
    if known.addresses.get(transport) == Some(&AddressKind::Telephone) && is_a_number_to_others(words) {
        spot.in_quotes();
    }
    Some(words.to_owned())
}

/// Old carrier addresses with `..` or a dot before `@` are real; only what could never be sent is refused.
pub(super) fn is_mail_address(words: &str) -> bool {
    let forbidden =
        |c: char| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | ',' | ';' | '"' | '(' | ')');
    match words.rsplit_once('@') {
        Some((local, domain)) => {
            !local.is_empty()
                && !local.contains('@')
                && !words.chars().any(forbidden)
                && words.len() <= 254
                && domain.split('.').all(|label| !label.is_empty())
        }
        None => false,
    }
}

/// `https://host/path#secret`, without user and password. `http://` is for receivers inside the house, which the
/// service's configuration names.
fn is_hook_address(words: &str) -> bool {
    let rest = words.strip_prefix("https://").or_else(|| words.strip_prefix("http://"));
    rest.is_some_and(|rest| {
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        !host.is_empty()
            && !host.contains('@')
            && words.len() <= 2000
            && !words.chars().any(|c| c.is_whitespace() || c.is_control())
    })
}

/// Kept as typed: digits of any width, `+`, `-`, blanks; 2 to 20 digits.
pub(crate) fn is_telephone_number(words: &str) -> bool {
    let digits = words.chars().filter(|c| c.is_ascii_digit() || ('０'..='９').contains(c)).count();
    let others = |c: char| {
        c.is_ascii_digit()
            || ('０'..='９').contains(&c)
            || matches!(c, '+' | '＋' | '-' | '‐' | '－' | '−' | 'ー' | '―' | ' ' | '　')
    };
    (2..=20).contains(&digits) && words.chars().all(others)
}

/// Whether other readers of YAML take these words, without quotes, for a number, and drop its first 0 or its `+`.
pub(crate) fn is_a_number_to_others(words: &str) -> bool {
    let digits = words.strip_prefix('+').unwrap_or(words);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

fn read_roster(spot: &Spot<'_>, site_zone: Tz, known: &Known) -> Option<Roster> {
    let fields = spot.fields()?;
    let title = fields.get("title").and_then(|spot| spot.text());
    let members = fields.need("members").map(|spot| references(&spot, "person", "人", &known.people));
    let every = fields.get("rotate").map(|spot| read_turn(&spot));
    let since = fields.get("since").and_then(|spot| spot.date());
    let handover = fields.get("handover").and_then(|spot| spot.time_of_day());
    let zone = match fields.get("zone") {
        Some(spot) => read_zone(&spot),
        None => Some(site_zone),
    };
    let overrides = fields
        .get("overrides")
        .map(|spot| spot.items().iter().filter_map(|spot| read_override(spot, known)).collect());
    let gaps = fields.get("gaps").map(|spot| spot.items().iter().filter_map(read_gap).collect());
    fields.finish();
    let rotate = match every {
        Some(every) => Some(Rotation {
            every: every?,
            since: since.unwrap_or(ROTATION_SINCE),
            handover: handover.unwrap_or(HANDOVER),
        }),
        None => None,
    };
    Some(Roster {
        title,
        members: members?,
        rotate,
        zone: zone?,
        overrides: overrides.unwrap_or_default(),
        gaps: gaps.unwrap_or_default(),
    })
}

fn read_turn(spot: &Spot<'_>) -> Option<Turn> {
    if !matches!(spot.node.value, Value::Map(_)) {
        return spot.one_of(&[("daily", Turn::Daily), ("weekly", Turn::Weekly)]);
    }
    let fields = spot.fields()?;
    let turn = fields.need("every").and_then(|spot| {
        let every = spot.span()?;
        // Shorter turns than this are a slip (`12s`), and would make looking up a day's turns slow.
        if every < Span::minutes(10) {
            spot.error(
                "R02",
                Text::both("交代の間隔が短すぎます。", "The turns are too short."),
                Text::both("10m 以上にしてください。", "Write 10m or more."),
            );
            return None;
        }
        Some(Turn::Every(every))
    });
    fields.finish();
    turn
}

fn read_zone(spot: &Spot<'_>) -> Option<Tz> {
    let words = spot.string()?;
    let zone = words.parse().ok();
    if zone.is_none() {
        spot.not_a(
            words,
            "時間帯",
            "a time zone",
            Text::both("Asia/Tokyo のように書いてください。", "Write it like Asia/Tokyo."),
        );
    }
    zone
}

fn read_override(spot: &Spot<'_>, known: &Known) -> Option<Override> {
    let fields = spot.fields()?;
    let (from, to) = read_period(&fields);
    let members = fields.need("members").map(|spot| references(&spot, "person", "人", &known.people));
    let because = fields.get("because").and_then(|spot| spot.text());
    fields.finish();
    Some(Override { from: from?, to: to?, members: members?, because })
}

fn read_gap(spot: &Spot<'_>) -> Option<Gap> {
    let fields = spot.fields()?;
    let (from, to) = read_period(&fields);
    let because = fields.get("because").and_then(|spot| spot.text());
    fields.finish();
    Some(Gap { from: from?, to: to?, because })
}

fn read_period(fields: &Fields<'_>) -> (Option<chrono::NaiveDateTime>, Option<chrono::NaiveDateTime>) {
    let from = fields.need("from").and_then(|spot| spot.wall_time());
    let to = fields.need("to").and_then(|spot| {
        let to = spot.wall_time()?;
        if from.is_some_and(|from| from >= to) {
            spot.error(
                "R02",
                Text::both("終わりが始まりより後になっていません。", "The end is not after the beginning."),
                Text::both("to を from より後にしてください。", "Make \"to\" later than \"from\"."),
            );
            return None;
        }
        Some(to)
    });
    (from, to)
}

fn read_role_account(spot: &Spot<'_>, known: &Known) -> Option<RoleAccount> {
    let fields = spot.fields()?;
    let title = fields.need("title").and_then(|spot| spot.text());
    let roster = fields.need("roster").and_then(|spot| reference(&spot, "roster", "当番表", &known.rosters));
    fields.finish();
    Some(RoleAccount { title: title?, roster: roster? })
}

fn references(spot: &Spot<'_>, kind: &str, kind_ja: &str, known: &BTreeSet<String>) -> Vec<String> {
    spot.items().iter().filter_map(|spot| reference(spot, kind, kind_ja, known)).collect()
}

fn reference(spot: &Spot<'_>, kind: &str, kind_ja: &str, known: &BTreeSet<String>) -> Option<String> {
    let name = spot.string()?;
    if !known.contains(name) {
        unknown(spot, kind, kind_ja, name, known);
        return None;
    }
    Some(name.to_owned())
}

fn unknown(spot: &Spot<'_>, kind: &str, kind_ja: &str, name: &str, known: &BTreeSet<String>) {
    let (hint_ja, hint_en) = did_you_mean(name, known.iter().map(String::as_str));
    spot.error(
        "R01",
        Text::both(
            format!("{kind_ja}「{name}」はこの台帳にありません。{hint_ja}"),
            format!("There is no {kind} \"{name}\" in this directory.{hint_en}"),
        ),
        Text::both(
            format!("「{name}」を定義するか、名前を直してください。"),
            format!("Define \"{name}\", or correct the name."),
        ),
    );
}
