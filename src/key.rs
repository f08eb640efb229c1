//! The key of this installation: answer links and sealed secrets hang on it.
//!
//! Thirty-two random bytes in `server.key_file`, made at the first start. Whoever holds them can answer for any
//! recipient, so the file is for its owner alone; the database knows only the [`Key::fingerprint`].

use std::{
    fmt, fs,
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use noroshi_core::id::{DeliveryId, RecipientId};
use sha2::{Digest, Sha256};

use crate::chance::Chance;

const KEY_BYTES: usize = 32;

/// The key of this installation. Made by composition, used to write and to recognise links.
#[derive(Clone)]
pub struct Key([u8; KEY_BYTES]);

/// Why there is no key, with the cure.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file is there and cannot be read.
    #[error("could not read the key file {}; let the account that runs noroshi own it", path.display())]
    Unreadable {
        /// `server.key_file`.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        cause: io::Error,
    },
    /// There was none and it could not be made.
    #[error(
        "could not make the key file {}; make its folder writable or name another place in server.key_file",
        path.display()
    )]
    NotMade {
        /// `server.key_file`.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        cause: io::Error,
    },
    /// Something else stands in the file.
    #[error(
        "the key file {} holds {length} bytes instead of 32; bring back the file from a backup, or name another \
         place in server.key_file",
        path.display()
    )]
    WrongLength {
        /// `server.key_file`.
        path: PathBuf,
        /// Bytes found, 33 standing for more than 32.
        length: usize,
    },
    /// Others on this machine can read or change the key.
    #[error(
        "other accounts of this machine may read or change the key file {}; run: chmod 600 {}",
        path.display(), path.display()
    )]
    Exposed {
        /// `server.key_file`.
        path: PathBuf,
    },
}

impl Key {
    /// A key from its bytes: for tests and for the demo, whose key lives as long as the process.
    pub const fn new(bytes: [u8; KEY_BYTES]) -> Self {
        Self(bytes)
    }

    /// Reads the key, or makes it at the first start. Two processes that start at once end with the same key.
    pub fn read_or_make(path: &Path, chance: &Chance) -> Result<Self, KeyError> {
        if let Some(key) = Self::read(path)? {
            return Ok(key);
        }
        let key = Self(chance.bytes());
        match key.write_new(path) {
            Ok(()) => Ok(key),
            // Somebody else was first: theirs is the key.
            Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => {
                Self::read(path)?.ok_or_else(|| KeyError::NotMade { path: path.to_owned(), cause })
            }
            Err(cause) => Err(KeyError::NotMade { path: path.to_owned(), cause }),
        }
    }

    /// Reads the key; `None` where there is no file yet.
    pub fn read(path: &Path) -> Result<Option<Self>, KeyError> {
        let unreadable = |cause| KeyError::Unreadable { path: path.to_owned(), cause };
        let file = match fs::File::open(path) {
            Ok(file) => file,
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(cause) => return Err(unreadable(cause)),
        };
        if is_exposed(&file.metadata().map_err(unreadable)?) {
            return Err(KeyError::Exposed { path: path.to_owned() });
        }
        let mut bytes = Vec::with_capacity(KEY_BYTES + 1);
        file.take(KEY_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(unreadable)?;
        let length = bytes.len();
        let bytes = bytes.try_into().map_err(|_| KeyError::WrongLength { path: path.to_owned(), length })?;
        Ok(Some(Self(bytes)))
    }

    /// Whole or not at all, and still there after a power cut: links that were sent depend on it.
    fn write_new(&self, path: &Path) -> io::Result<()> {
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        // `tempfile` gives mode 0600 from the beginning.
        let mut file = tempfile::Builder::new().prefix(".noroshi-key-").tempfile_in(folder)?;
        file.write_all(&self.0)?;
        file.as_file().sync_all()?;
        file.persist_noclobber(path).map_err(|failed| failed.error)?;
        fs::File::open(folder)?.sync_all()
    }

    /// What the database keeps to recognise the key: 32 hexadecimal digits that tell nothing about it.
    pub fn fingerprint(&self) -> String {
        hex(&self.mac("fingerprint", &[])[..16])
    }

    /// The token of an answer link: one for each contact point of a recipient, so that it is known who answered.
    ///
    /// `contact` is the address as it stands in the delivery; a higher `generation` gives another token and so
    /// revokes the earlier ones. 43 characters of `A–Z a–z 0–9 - _`. See architecture, section 7.
    pub fn answer_token(&self, recipient: RecipientId, contact: &str, generation: u32) -> String {
        let mac =
            self.mac("answer", &[recipient.raw().as_bytes(), contact.as_bytes(), &generation.to_be_bytes()]);
        BASE64_URL_SAFE_NO_PAD.encode(mac)
    }

    /// The token of a letter to a role holder: each letter has its own, so that it is known who accepts or decides.
    pub fn role_token(&self, delivery: DeliveryId) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(self.mac("role", &[delivery.raw().as_bytes()]))
    }

    /// HMAC-SHA-256 of `fields` for one `purpose`. Every field stands behind its length, so that no two lists of
    /// fields give the same input, and no two purposes the same output.
    pub fn mac(&self, purpose: &str, fields: &[&[u8]]) -> [u8; 32] {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes a key of any length");
        for field in std::iter::once(purpose.as_bytes()).chain(fields.iter().copied()) {
            mac.update(&(field.len() as u64).to_be_bytes());
            mac.update(field);
        }
        mac.finalize().into_bytes().into()
    }
}

impl fmt::Debug for Key {
    /// By its fingerprint, never itself.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.fingerprint())
    }
}

/// Characters of a token in a link: 256 bits in base64.
pub const TOKEN_CHARS: usize = 43;

/// What the look-up row of a token keeps: its SHA-256, 64 hexadecimal digits. A stolen table opens no link.
pub fn token_hash(token: &str) -> String {
    hex(&Sha256::digest(token.as_bytes()))
}

/// The same of an answer link, of which there is one for every contact that was ever written to: the first 16 bytes.
/// They are as many as a link needs to be unguessable.
pub fn answer_token_hash(token: &str) -> Vec<u8> {
    Sha256::digest(token.as_bytes())[..16].to_vec()
}

fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes everything");
        text
    })
}

#[cfg(unix)]
fn is_exposed(metadata: &fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    metadata.permissions().mode() & 0o077 != 0
}

#[cfg(not(unix))]
fn is_exposed(_: &fs::Metadata) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use noroshi_core::id::Id;
    use uuid::Uuid;

    use super::*;

    fn recipient(n: u128) -> RecipientId {
        Id::new(Uuid::from_u128(n))
    }

    #[test]
    fn the_key_is_made_once_and_read_afterwards() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("noroshi.key");
        let made = Key::read_or_make(&path, &Chance::from_os()).unwrap();
        let read = Key::read_or_make(&path, &Chance::from_os()).unwrap();
        assert_eq!(made.fingerprint(), read.fingerprint());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file stays behind");
    }

    #[cfg(unix)]
    #[test]
    fn the_key_is_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("noroshi.key");
        Key::read_or_make(&path, &Chance::from_os()).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);

        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(Key::read_or_make(&path, &Chance::from_os()), Err(KeyError::Exposed { .. })));
    }

    #[test]
    fn a_file_of_another_length_is_refused_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("noroshi.key");
        Key::read_or_make(&path, &Chance::from_os()).unwrap();
        for length in [0, 31, 33] {
            fs::write(&path, vec![7; length]).unwrap();
            let refused = Key::read_or_make(&path, &Chance::from_os()).unwrap_err();
            assert!(matches!(refused, KeyError::WrongLength { length: found, .. } if found == length));
            assert_eq!(fs::read(&path).unwrap().len(), length);
        }
    }

    #[test]
    fn each_contact_point_and_generation_has_its_own_link() {
        let key = Key::new([7; 32]);
        let token = key.answer_token(recipient(1), "duty@example.jp", 0);
        assert_eq!(token, key.answer_token(recipient(1), "duty@example.jp", 0));
        let others = [
            key.answer_token(recipient(2), "duty@example.jp", 0),
            key.answer_token(recipient(1), "deputy@example.jp", 0),
            key.answer_token(recipient(1), "duty@example.jp", 1),
            Key::new([8; 32]).answer_token(recipient(1), "duty@example.jp", 0),
        ];
        assert!(!others.contains(&token));
        assert_eq!(token.len(), TOKEN_CHARS);
        assert!(token.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'));
    }

    #[test]
    fn fields_cannot_run_into_each_other() {
        let key = Key::new([7; 32]);
        assert_ne!(key.mac("a", &[b"bc"]), key.mac("ab", &[b"c"]));
        assert_ne!(key.mac("a", &[b"b", b"c"]), key.mac("a", &[b"bc", b""]));
    }

    #[test]
    fn the_hash_of_a_token_is_its_sha_256() {
        assert_eq!(token_hash("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }

    #[test]
    fn the_key_does_not_show_itself() {
        assert!(!format!("{:?}", Key::new([7; 32])).contains("7, 7"));
    }
}
