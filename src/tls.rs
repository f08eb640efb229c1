//! The service's own certificate: read from the files of `server.tls_certificate` and `server.tls_key`.

use std::path::{Path, PathBuf};

use chrono::NaiveDateTime;
use noroshi_core::time::Timestamp;
use rustls::ServerConfig;
use rustls_pki_types::{
    CertificateDer, PrivateKeyDer,
    pem::{self, PemObject},
};

use crate::config::Tls;

/// Why the service cannot speak TLS, with the cure.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file is not there, not readable, or no PEM.
    #[error("could not read {} as PEM; check the path, its rights and that it begins with -----BEGIN", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        cause: pem::Error,
    },
    /// The certificate's file holds none.
    #[error("there is no certificate in {}; put the certificate and its chain there", path.display())]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// Certificate and key do not go together, or are of a kind that is not known.
    #[error(
        "the certificate in {} does not go with the key in {}; put the key there that it was made for",
        certificate.display(), key.display()
    )]
    NotAPair {
        /// `server.tls_certificate`.
        certificate: PathBuf,
        /// `server.tls_key`.
        key: PathBuf,
        /// What rustls says.
        #[source]
        cause: rustls::Error,
    },
}

/// What the server needs to speak TLS 1.2 and 1.3 with this certificate.
pub fn server_config(tls: &Tls) -> Result<ServerConfig, TlsError> {
    let chain = chain(&tls.certificate)?;
    let unreadable = |cause| TlsError::Unreadable { path: tls.key.clone(), cause };
    let key = PrivateKeyDer::from_pem_file(&tls.key).map_err(unreadable)?;
    ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).map_err(|cause| {
        TlsError::NotAPair { certificate: tls.certificate.clone(), key: tls.key.clone(), cause }
    })
}

/// When the certificate ends; `None` where it does not say so in a known form.
pub fn valid_until(tls: &Tls) -> Result<Option<Timestamp>, TlsError> {
    Ok(chain(&tls.certificate)?.first().and_then(|certificate| end_of(certificate)))
}

fn chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let unreadable = |cause| TlsError::Unreadable { path: path.to_owned(), cause };
    let chain: Vec<_> = CertificateDer::pem_file_iter(path)
        .map_err(unreadable)?
        .collect::<Result<_, _>>()
        .map_err(unreadable)?;
    if chain.is_empty() {
        return Err(TlsError::NoCertificate { path: path.to_owned() });
    }
    Ok(chain)
}

const INTEGER: u8 = 0x02;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;

/// `notAfter`. See RFC 5280 section 4.1: Certificate ← TBSCertificate ← version, serial number, signature, issuer,
/// validity ← notBefore, notAfter.
fn end_of(certificate: &[u8]) -> Option<Timestamp> {
    let (_, certificate, _) = element(certificate)?;
    let (_, mut fields, _) = element(certificate)?;
    let mut validity = None;
    // Of the sequences before the public key the validity is the first that begins with a time.
    while let Some((tag, content, rest)) = element(fields) {
        match tag {
            VERSION | INTEGER => (),
            SEQUENCE if matches!(element(content)?.0, UTC_TIME | GENERALIZED_TIME) => {
                validity = Some(content);
                break;
            }
            SEQUENCE => (),
            _ => return None,
        }
        fields = rest;
    }
    let (_, _, rest) = element(validity?)?;
    let (tag, text, _) = element(rest)?;
    let text = std::str::from_utf8(text).ok()?;
    let century = match tag {
        GENERALIZED_TIME => "",
        // Two digits of the year: 50 and more belong to the last century.
        UTC_TIME if text.get(..2)? < "50" => "20",
        UTC_TIME => "19",
        _ => return None,
    };
    let end = NaiveDateTime::parse_from_str(&format!("{century}{text}"), "%Y%m%d%H%M%SZ").ok()?;
    Some(Timestamp(end.and_utc().timestamp_millis()))
}

/// Tag, content and what follows of the first element in DER.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (&first, mut rest) = rest.split_first()?;
    let mut length = usize::from(first);
    if first & 0x80 != 0 {
        let digits = rest.get(..usize::from(first & 0x7f))?;
        rest = &rest[digits.len()..];
        length = digits
            .iter()
            .try_fold(0usize, |sum, digit| sum.checked_mul(256)?.checked_add(usize::from(*digit)))?;
    }
    Some((tag, rest.get(..length)?, &rest[length..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(certificate: &str, key: &str) -> Tls {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/transport/test_tls");
        Tls { certificate: folder.join(certificate), key: folder.join(key) }
    }

    #[test]
    fn a_certificate_and_its_key_are_taken() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        assert!(server_config(&pair("relay.pem", "relay.key")).is_ok());
    }

    #[test]
    fn a_key_of_another_certificate_and_files_that_are_no_pem_are_refused() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        assert!(matches!(server_config(&pair("ca.pem", "relay.key")), Err(TlsError::NotAPair { .. })));
        assert!(matches!(server_config(&pair("nowhere.pem", "relay.key")), Err(TlsError::Unreadable { .. })));
        assert!(matches!(
            server_config(&pair("relay.key", "relay.key")),
            Err(TlsError::NoCertificate { .. })
        ));
    }

    #[test]
    fn the_end_of_a_certificate_is_read() {
        let end = valid_until(&pair("relay.pem", "relay.key")).unwrap().unwrap();
        assert_eq!(end.to_utc().to_rfc3339(), "2126-10-31T02:48:57+00:00");
    }

    #[test]
    fn hostile_lengths_give_nothing() {
        for der in [&b""[..], b"\x30", b"\x30\x84\xff\xff\xff\xff", b"\x30\x80", &[0x30, 0xff], &[0xff; 300]]
        {
            assert_eq!(end_of(der), None);
        }
    }
}
