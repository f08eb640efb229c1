//! What keeps the service from starting, in one sentence with the cure, in both languages.

use std::{
    fmt,
    fs::File,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
};

use anyhow::Context;
use noroshi_core::text::{Language, Text};

use crate::config::DatabaseUrl;

/// Why the service does not start. The command line prints it in the reader's language, its causes behind it.
#[derive(Debug)]
pub struct Hindrance(Text);

impl Hindrance {
    fn new(ja: String, en: String) -> Self {
        Self(Text::both(ja, en))
    }

    /// The sentence, without causes.
    pub fn says(&self, language: Language) -> &str {
        self.0.get(language)
    }
}

impl fmt::Display for Hindrance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.says(Language::En))
    }
}

impl std::error::Error for Hindrance {}

/// Binds the address of the pages.
pub fn listen(bind: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(bind).with_context(|| {
        Hindrance::new(
            format!("{bind} で待ち受けられません。そのポートを使っているものを止めるか、server.bind で別のポートにしてください"),
            format!(
                "could not listen on {bind}; stop what uses that port, or choose another one with server.bind"
            ),
        )
    })
}

/// The embedded database belongs to one serving process; commands may use it beside.
pub(super) fn serve_alone(path: &Path) -> anyhow::Result<File> {
    let lock = PathBuf::from(format!("{}.lock", path.display()));
    let file = File::options().create(true).truncate(false).write(true).open(&lock).with_context(|| {
        let lock = lock.display();
        Hindrance::new(
            format!("{lock} を作れません。データベースのフォルダーを作り、書き込めるようにしてください"),
            format!("could not make {lock}; the folder of the database has to exist and be writable"),
        )
    })?;
    file.try_lock().map_err(|_| {
        let path = path.display();
        Hindrance::new(
            format!("{path} は別の noroshi が使っています。先にそれを止めるか、複数で動かすなら PostgreSQL にしてください"),
            format!("another noroshi serves {path} already; stop it first, or use PostgreSQL for several nodes"),
        )
    })?;
    Ok(file)
}

/// The database does not answer.
pub(super) fn no_database(url: &DatabaseUrl) -> Hindrance {
    Hindrance::new(
        format!(
            "データベース {url} を使えません。database.url と、データベースのサーバーが動いているかを確かめてください"
        ),
        format!("the database {url} cannot be used; check database.url and that its server runs"),
    )
}
