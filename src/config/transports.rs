//! `[webhook]`, `[webhook_secrets]`, `[sms]` and `[sms_secrets]`: the ways out of the house besides mail.

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use noroshi_core::{text::Text, time::Span};
use regex::Regex;
use reqwest::{
    Method,
    header::{HeaderName, HeaderValue},
};

use super::{
    Config, hook_secrets,
    reader::{Raw, Read, Settings, list_of, number_of, one, text_of},
    secret, span,
};
use crate::transport::{
    blanks::{Place, filled, names},
    http::Limits,
    sms_gateway::{Format, NAMES, Receipts, Secret, SmsConfig, Spot},
    webhook::WebhookConfig,
};

/// The default of `sms.connections`.
pub const USUAL_SMS_CONNECTIONS: usize = 4;

pub(super) fn webhook(from: &mut Settings) -> WebhookConfig {
    WebhookConfig {
        ports: from.get("webhook", "ports", vec![443], ports),
        allow: from.get("webhook", "allow", Vec::new(), receivers),
        connections: from.get("webhook", "connections", 8, |raw| number_of(raw, 1..=256)),
        limits: limits(from, "webhook", Span::seconds(15)),
        secrets: from.take_section("webhook_secrets", hook_secrets),
    }
}

fn limits(from: &mut Settings, section: &'static str, whole: Span) -> Limits {
    let read = |most| move |raw: &Raw| span(&text_of(raw)?, Span::seconds(1), most);
    let connect = from.get(section, "connect_timeout", Span::seconds(5), read(Span::seconds(30)));
    let whole = from.get(section, "timeout", whole, read(Span::minutes(2)));
    let duration = |span: Span| Duration::from_millis(span.0.unsigned_abs());
    Limits { connect: duration(connect), whole: duration(whole) }
}

fn ports(raw: &Raw) -> Read<Vec<u16>> {
    let ports: Option<Vec<u16>> =
        list_of(raw)?.iter().map(|text| text.parse().ok().filter(|port| *port > 0)).collect();
    ports.map_or_else(
        || {
            one(
                "1 から 65535 までの番号を [443, 8443] のように書いてください。",
                "write numbers from 1 to 65535: [443, 8443]",
            )
        },
        Ok,
    )
}

fn receivers(raw: &Raw) -> Read<Vec<SocketAddr>> {
    let (mut receivers, mut problems) = (Vec::new(), Vec::new());
    for text in list_of(raw)? {
        match text.parse::<SocketAddr>() {
            Ok(address) => receivers.push(SocketAddr::new(address.ip().to_canonical(), address.port())),
            Err(_) => problems.push(Text::both(
                format!("「{text}」は IP アドレスとポートではありません。例: 10.1.2.3:8443、[fd00::5]:80"),
                format!("\"{text}\" is not an IP address with a port; write for example 10.1.2.3:8443 or [fd00::5]:80"),
            )),
        }
    }
    if problems.is_empty() { Ok(receivers) } else { Err(problems) }
}

pub(super) fn sms(from: &mut Settings) -> Option<SmsConfig> {
    let secrets: BTreeMap<String, Secret> = from.take_section("sms_secrets", |raw| {
        let text = secret(&text_of(raw)?)?;
        match text.is_empty() {
            true => one("空です。", "the secret is empty"),
            false => Ok(Secret(text)),
        }
    });
    let known = |text: &str| known_names(text, &secrets);
    let url = from.get("sms", "url", None, |raw| {
        let text = text_of(raw)?;
        known(&text)?;
        Ok(Some(text))
    });
    let method = from.get("sms", "method", Method::POST, |raw| method(&text_of(raw)?));
    let headers = from.get("sms", "headers", Vec::new(), |raw| {
        list_of(raw)?
            .iter()
            .map(|text| {
                known(text)?;
                header(text)
            })
            .collect()
    });
    let format = from.get("sms", "format", Format::Form, |raw| match text_of(raw)?.as_str() {
        "form" => Ok(Format::Form),
        "json" => Ok(Format::Json),
        _ => one("form か json を書いてください。", "write form or json"),
    });
    let body = from.get("sms", "body", String::new(), |raw| {
        let text = text_of(raw)?;
        known(&text)?;
        let probe = filled(&text, Place::Json, |_| Some("0".to_owned()));
        if format == Format::Json
            && !text.is_empty()
            && let Err(error) = serde_json::from_str::<serde_json::Value>(&probe)
        {
            return one(
                format!("JSON として読めません ({error})。{{{{ text }}}} は \"…\" の中に書いてください。"),
                format!("not readable as JSON ({error}); write {{{{ text }}}} inside quotation marks"),
            );
        }
        Ok(text)
    });
    let words = |raw: &Raw| list_of(raw);
    let config = SmsConfig {
        url: url.clone().unwrap_or_default(),
        method,
        headers,
        body,
        format,
        from: from.get("sms", "from", String::new(), text_of),
        country_code: from.get("sms", "country_code", "81".to_owned(), |raw| {
            let text = number_of(raw, 1..=999_u32)?;
            Ok(text.to_string())
        }),
        success_at: from.get("sms", "success_at", None, |raw| spot(&text_of(raw)?).map(Some)),
        success_is: from.get("sms", "success_is", Vec::new(), words),
        again_is: from.get("sms", "again_is", Vec::new(), words),
        id_at: from.get("sms", "id_at", None, |raw| spot(&text_of(raw)?).map(Some)),
        receipts: receipts(from),
        connections: from.get("sms", "connections", USUAL_SMS_CONNECTIONS, |raw| number_of(raw, 1..=256)),
        limits: limits(from, "sms", Span::seconds(20)),
        secrets,
    };
    url?;
    whole(from, &config).then_some(config)
}

/// What can only be seen with everything together: number and text are sent, and the address is one.
fn whole(from: &mut Settings, config: &SmsConfig) -> bool {
    if config.filled_url("0", "0", "0", "0").is_none() {
        from.refuse(
            "sms.url".to_owned(),
            Text::both(
                "https:// で始まる URL を書いてください。",
                "write an address that begins with https://",
            ),
        );
        return false;
    }
    let used = |name: &str| {
        [&config.url, &config.body].iter().any(|text| names(text).is_ok_and(|names| names.contains(&name)))
    };
    let lacks = [(used("to") || used("to_e164"), "{{ to }}"), (used("text"), "{{ text }}")];
    for (_, name) in lacks.iter().filter(|(is_there, _)| !is_there) {
        from.refuse(
            "sms.body".to_owned(),
            Text::both(
                format!("{name} がどこにもありません。body か url に書いてください。"),
                format!("{name} stands nowhere; write it into body or url"),
            ),
        );
    }
    lacks.iter().all(|(is_there, _)| *is_there)
}

fn receipts(from: &mut Settings) -> Option<Receipts> {
    let key = from.get("sms", "receipt_key", None, |raw| {
        let key = secret(&text_of(raw)?)?;
        let fits =
            key.len() >= 24 && key.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
        match fits {
            true => Ok(Some(Secret(key))),
            false => one(
                "英数字と - _ で24文字以上を書いてください。",
                "write 24 letters, digits, - or _ at least",
            ),
        }
    });
    let place = |raw: &Raw| spot(&text_of(raw)?);
    let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let id_at = from.get("sms", "receipt_id_at", Spot::Pointer("/id".to_owned()), place);
    let state_at = from.get("sms", "receipt_state_at", Spot::Pointer("/status".to_owned()), place);
    let delivered = from.get("sms", "receipt_delivered", words("delivered DELIVRD"), list_of);
    let usual = "failed undelivered expired rejected UNDELIV EXPIRED REJECTD DELETED";
    let failed = from.get("sms", "receipt_failed", words(usual), list_of);
    Some(Receipts { key: key?, id_at, state_at, delivered, failed })
}

/// Every `{{ name }}` has to be one that is known.
fn known_names(template: &str, secrets: &BTreeMap<String, Secret>) -> Read<()> {
    let names = match names(template) {
        Ok(names) => names,
        Err(tag) => {
            return one(
                format!("「{tag}」は {{{{ 名前 }}}} の形ではありません。"),
                format!("\"{tag}\" is not of the form {{{{ name }}}}"),
            );
        }
    };
    let mut problems = Vec::new();
    for name in names {
        let is_known = match name.strip_prefix("secret.") {
            Some(secret) => secrets.contains_key(secret),
            None => NAMES.contains(&name),
        };
        if !is_known {
            problems.push(Text::both(
                format!("{{{{ {name} }}}} という値はありません。{}、または [sms_secrets] の secret.名前 を書いてください。", NAMES.join("、")),
                format!("there is no value {{{{ {name} }}}}; write one of {}, or secret.NAME of [sms_secrets]", NAMES.join(", ")),
            ));
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

fn method(text: &str) -> Read<Method> {
    match text {
        "POST" => Ok(Method::POST),
        "PUT" => Ok(Method::PUT),
        "GET" => Ok(Method::GET),
        _ => one("POST、PUT、GET のどれかを書いてください。", "write POST, PUT or GET"),
    }
}

fn header(text: &str) -> Read<(String, String)> {
    let (name, value) = text.split_once(':').map_or(("", ""), |(name, value)| (name.trim(), value.trim()));
    let probe = filled(value, Place::Plain, |_| Some("0".to_owned()));
    if name.parse::<HeaderName>().is_err() || HeaderValue::from_str(&probe).is_err() {
        // It may hold a password.
        return one("ヘッダーは \"名前: 値\" の形で書いてください。", "write each header as \"Name: value\"");
    }
    Ok((name.to_owned(), value.to_owned()))
}

fn spot(text: &str) -> Read<Spot> {
    if text.starts_with('/') {
        return Ok(Spot::Pointer(text.to_owned()));
    }
    match Regex::new(text) {
        Ok(pattern) if !text.is_empty() => Ok(Spot::Pattern(pattern)),
        _ => one(
            "JSON ポインター (/status など) か、正規表現を書いてください。",
            "write a JSON pointer (/status) or a regular expression",
        ),
    }
}

/// What is allowed and probably not meant.
pub(super) fn warnings(config: &Config) -> Vec<Text> {
    let mut warnings = Vec::new();
    let Some(sms) = &config.sms else { return warnings };
    if sms.url.starts_with("http://") {
        warnings.push(Text::both(
            "sms.url が http:// です。電話番号と文面が暗号化されずに流れます。https:// にしてください。",
            "sms.url is http://, so numbers and texts travel in clear; use https://",
        ));
    }
    match &sms.receipts {
        None => warnings.push(Text::both(
            "sms.receipt_key がありません。SMS が届いたかどうかは分からないままになります。",
            "without sms.receipt_key nobody learns whether an SMS arrived",
        )),
        Some(_) if sms.id_at.is_none() && names(&sms.body).is_ok_and(|names| !names.contains(&"id")) => {
            warnings.push(Text::both(
                "sms.id_at も {{ id }} もないため、配達通知がどの SMS のものか分かりません。どちらかを書いてください。",
                "with neither sms.id_at nor {{ id }} a receipt cannot be matched to its SMS; write one of them",
            ));
        }
        Some(_) => {}
    }
    warnings
}

#[cfg(test)]
mod tests {
    use noroshi_core::text::Language;

    use super::*;

    fn parse(text: &str) -> Result<Config, Vec<String>> {
        Config::parse(text, "noroshi.toml", []).map_err(|error| error.lines(Language::En))
    }

    const SMS: &str =
        "[sms]\nurl = \"https://sms.example.jp/send\"\nbody = \"to={{ to }}&text={{ text }}\"\n";

    #[test]
    fn a_gateway_is_described_and_its_secrets_never_show() {
        let text = format!(
            "{SMS}headers = [\"Authorization: Bearer {{{{ secret.token }}}}\"]\nreceipt_key = \"abcdefghijklmnopqrstuvwx\"\n\
             [sms_secrets]\nTOKEN = \"geheim-geheim\"\n[webhook_secrets]\nops = [\"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"]\n\
             [webhook]\nports = [443, 8443]\nallow = [\"10.0.0.5:80\"]\n"
        );
        let config = parse(&text).unwrap();
        let sms = config.sms.clone().unwrap();
        assert_eq!(sms.secrets["token"], Secret("geheim-geheim".into()));
        assert_eq!(config.webhook.ports, [443, 8443]);
        assert_eq!(config.webhook.allow, ["10.0.0.5:80".parse().unwrap()]);
        assert_eq!(config.webhook.secrets["ops"].len(), 1);
        let shown = format!("{config:?}");
        for secret in ["geheim", "MfKQ9r8", "abcdefghijkl"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }

    #[test]
    fn a_secret_may_stand_in_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ops.key");
        std::fs::write(&file, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n").unwrap();
        let read =
            |path: &std::path::Path| parse(&format!("[webhook_secrets]\nops = \"file:{}\"", path.display()));
        assert_eq!(read(&file).unwrap().webhook.secrets["ops"].len(), 1);
        let problems = read(&folder.path().join("missing")).unwrap_err();
        assert!(problems[0].contains("could not read the secret file"), "{problems:?}");
    }

    #[test]
    fn what_is_wrong_with_a_gateway_is_told_at_once() {
        for (text, says) in [
            ("[sms]\nurl = \"sms.example.jp\"", "sms.url: write an address"),
            ("[sms]\nurl = \"https://x.example\"\nbody = \"t={{ text }}\"", "{{ to }} stands nowhere"),
            ("[sms]\nurl = \"https://x.example/{{ tel }}\"", "there is no value {{ tel }}"),
            ("[sms]\nurl = \"https://x.example/?k={{ secret.key }}\"", "there is no value {{ secret.key }}"),
            ("[sms]\nformat = \"json\"\nbody = \"{\\\"to\\\": {{ to\"", "is not of the form"),
            ("[sms]\nformat = \"json\"\nbody = \"{\\\"text\\\": }\"", "not readable as JSON"),
            ("[sms]\nmethod = \"SEND\"", "write POST, PUT or GET"),
            ("[sms]\nheaders = [\"Bearer geheim\"]", "write each header as"),
            ("[sms]\nsuccess_at = \"(\"", "write a JSON pointer"),
            ("[sms]\nreceipt_key = \"short\"", "write 24 letters"),
            ("[webhook]\nallow = [\"intranet:80\"]", "is not an IP address with a port"),
            ("[webhook]\nports = [0]", "write numbers from 1 to 65535"),
            ("[webhook_secrets]\nx = \"geheim\"", "write whsec_"),
        ] {
            let problems = parse(text).unwrap_err().concat();
            assert!(problems.contains(says), "{text}: {problems}");
            assert!(!problems.contains("geheim"), "{problems}");
        }
    }

    #[test]
    fn a_gateway_whose_receipts_cannot_be_matched_is_warned_of() {
        let warned = |more: &str| {
            let found = parse(&format!("{SMS}{more}")).unwrap().warnings();
            found.iter().map(|text| text.get(Language::En).to_owned()).collect::<String>()
        };
        assert!(warned("").contains("nobody learns"));
        let key = "receipt_key = \"abcdefghijklmnopqrstuvwx\"\n";
        assert!(warned(key).contains("cannot be matched"));
        assert!(!warned(&format!("{key}id_at = \"/id\"")).contains("sms."));
    }
}
