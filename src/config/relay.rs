//! The address of a mail relay.

use std::fmt;

use noroshi_core::text::Text;
use reqwest::Url;

/// How TLS begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RelayScheme {
    /// In clear, then STARTTLS where offered.
    Smtp,
    /// TLS from the first byte.
    Smtps,
}

/// One of `smtp.relays`, parsed once. Consumed by `transport::mail`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RelayUrl {
    /// How TLS begins.
    pub scheme: RelayScheme,
    /// Name or address; an IPv6 address without brackets.
    pub host: String,
    /// Where not given: 25, with a user 587, for smtps 465.
    pub port: u16,
    /// Who logs in; `None`: nobody.
    pub user: Option<String>,
    /// The password, decoded.
    pub pass: Option<String>,
    /// Nothing goes on in clear.
    pub tls_required: bool,
}

impl RelayUrl {
    /// Reads `smtp://host:port`, `smtps://user:pass@host` and `?tls=required`.
    ///
    /// Where a user is named TLS is required: a password never goes in clear.
    pub fn parse(text: &str) -> Result<Self, Text> {
        let url = Url::parse(text).map_err(|_| {
            Text::both(
                "中継サーバーの URL を読めません。例: smtp://mail.example.jp:25、smtps://利用者:パスワード@mail.example.jp \
                 (記号は %XX)",
                "not a relay's address; write for example smtp://mail.example.jp:25 or \
                 smtps://USER:PASSWORD@mail.example.jp, special characters as %XX",
            )
        })?;
        let scheme = match url.scheme() {
            "smtp" => RelayScheme::Smtp,
            "smtps" => RelayScheme::Smtps,
            other => {
                return Err(Text::both(
                    format!("「{other}://」は使えません。smtp:// か smtps:// で書いてください。"),
                    format!("\"{other}://\" does not do; write smtp:// or smtps://"),
                ));
            }
        };
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        if host.is_empty() || !matches!(url.path(), "" | "/") || url.fragment().is_some() {
            return Err(Text::both(
                "ホスト名とポートだけを書いてください。例: smtp://mail.example.jp:25",
                "write a host and a port and no path, for example smtp://mail.example.jp:25",
            ));
        }
        let mut tls_required = scheme == RelayScheme::Smtps;
        for (name, value) in url.query_pairs() {
            if (name.as_ref(), value.as_ref()) != ("tls", "required") {
                return Err(Text::both(
                    format!("「?{name}=…」は使えません。使えるのは ?tls=required だけです。"),
                    format!("\"?{name}=…\" does not do; the only option is ?tls=required"),
                ));
            }
            tls_required = true;
        }
        let user = (!url.username().is_empty()).then(|| decode(url.username()));
        let pass = url.password().map(decode);
        if user.is_some() != pass.is_some() {
            return Err(Text::both(
                "利用者とパスワードは両方書いてください。例: smtps://利用者:パスワード@mail.example.jp",
                "a user needs a password and a password a user; write smtps://USER:PASSWORD@mail.example.jp",
            ));
        }
        let default_port = match scheme {
            RelayScheme::Smtp if user.is_some() => 587,
            RelayScheme::Smtp => 25,
            RelayScheme::Smtps => 465,
        };
        tls_required |= user.is_some();
        Ok(Self { scheme, host, port: url.port().unwrap_or(default_port), user, pass, tls_required })
    }
}

impl fmt::Display for RelayUrl {
    /// Scheme, host and port: for logs and `doctor`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.scheme {
            RelayScheme::Smtp => "smtp",
            RelayScheme::Smtps => "smtps",
        };
        match self.host.contains(':') {
            true => write!(f, "{scheme}://[{}]:{}", self.host, self.port),
            false => write!(f, "{scheme}://{}:{}", self.host, self.port),
        }
    }
}

impl fmt::Debug for RelayUrl {
    /// Without user and password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Undoes `%XX`; what is no such sequence stays as it is.
fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let byte = tail
            .get(..2)
            .filter(|_| first == b'%')
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(byte.unwrap_or(first));
        rest = if byte.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn relay(text: &str) -> RelayUrl {
        RelayUrl::parse(text).unwrap()
    }

    #[test]
    fn relays_are_read_with_their_usual_ports() {
        let plain = relay("smtp://mail.example.jp");
        assert_eq!((plain.host.as_str(), plain.port, plain.tls_required), ("mail.example.jp", 25, false));
        assert_eq!(relay("smtp://127.0.0.1:2525").port, 2525);
        assert_eq!(relay("smtp://[::1]:2525").host, "::1");
        assert_eq!(relay("smtps://mail.example.jp").port, 465);
        assert!(relay("smtps://mail.example.jp").tls_required);
        assert!(relay("smtp://mail.example.jp?tls=required").tls_required);
    }

    #[test]
    fn a_password_is_decoded_and_never_goes_in_clear() {
        let relay_with_user = relay("smtp://noroshi%40pref:a%2Cb%25@mail.example.jp:587");
        assert_eq!(relay_with_user.user.as_deref(), Some("noroshi@pref"));
        assert_eq!(relay_with_user.pass.as_deref(), Some("a,b%"));
        assert!(relay_with_user.tls_required);
        assert!(relay("smtp://u:p@127.0.0.1:2525").tls_required);
        assert_eq!(relay("smtp://u:p@mail.example.jp").port, 587);
    }

    #[test]
    fn what_is_no_relay_is_refused() {
        for text in [
            "",
            "mail.example.jp",
            "mail.example.jp:25",
            "http://mail.example.jp",
            "smtp://",
            "smtp://a/b",
            "smtp://a?tls=no",
            "smtp://a?x=y",
            "smtp://u@a",
            "smtp://a:99999",
        ] {
            assert!(RelayUrl::parse(text).is_err(), "{text}");
        }
    }
}
