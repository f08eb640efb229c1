//! The address of a webhook as it stands in a directory: where a call goes, and which secret signs it.

use std::{fmt, str::FromStr};

use reqwest::Url;

/// The secret that signs where an address names none.
pub const DEFAULT_SECRET: &str = "default";

/// `https://ops.example.jp/hook#ops`: the part after `#` names the secret and is never sent.
#[derive(Clone, PartialEq, Eq)]
pub struct HookUrl {
    url: Url,
    secret: String,
}

/// The text is not the address of a webhook.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[error("not the address of a webhook: write https:// with a host, without user and password")]
pub struct NotAHook;

impl HookUrl {
    /// Where the call goes.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Name of the secret in `[webhook_secrets]`, in lower case.
    pub fn secret(&self) -> &str {
        &self.secret
    }

    /// The host, an IPv6 address without its brackets.
    pub fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default().trim_matches(['[', ']'])
    }

    /// The port, 443 or 80 where none is written.
    pub fn port(&self) -> u16 {
        self.url.port_or_known_default().unwrap_or(443)
    }

    /// Whether the way there is encrypted.
    pub fn is_encrypted(&self) -> bool {
        self.url.scheme() == "https"
    }
}

impl FromStr for HookUrl {
    type Err = NotAHook;

    fn from_str(text: &str) -> Result<Self, NotAHook> {
        let mut url = Url::parse(text.trim()).map_err(|_| NotAHook)?;
        let fits = matches!(url.scheme(), "http" | "https")
            && url.host_str().is_some_and(|host| !host.is_empty())
            && url.username().is_empty()
            && url.password().is_none();
        if !fits {
            return Err(NotAHook);
        }
        let secret = url.fragment().filter(|name| !name.is_empty()).unwrap_or(DEFAULT_SECRET).to_lowercase();
        url.set_fragment(None);
        Ok(Self { url, secret })
    }
}

/// The path may be as good as a password, so only the machine is printed.
impl fmt::Display for HookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.url.host_str().unwrap_or_default(), self.port())
    }
}

impl fmt::Debug for HookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HookUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_its_machine_and_its_secret() {
        for (text, printed, secret) in [
            ("https://ops.example.jp/hook/T0/k3y", "ops.example.jp:443", "default"),
            ("https://ops.example.jp:8443/hook#Ops", "ops.example.jp:8443", "ops"),
            ("http://10.0.0.5/x#", "10.0.0.5:80", "default"),
            ("https://[2001:db8::1]/x", "[2001:db8::1]:443", "default"),
        ] {
            let hook: HookUrl = text.parse().unwrap();
            assert_eq!((hook.to_string().as_str(), hook.secret()), (printed, secret));
            assert!(!hook.url().as_str().contains('#') && !format!("{hook:?}").contains("k3y"));
        }
        for text in
            ["", "ops.example.jp", "ftp://x/", "https://", "https://u:p@x/", "https://u@x/", "mailto:a@b"]
        {
            assert_eq!(text.parse::<HookUrl>(), Err(NotAHook), "{text}");
        }
    }
}
