//! Accounts, sessions, tokens and the one-time link of the first start.

use entity::{account, api_token, session, setup_link};
use noroshi_core::{
    id::{Account, AccountId, Id},
    rights::{Action, Role},
    text::Text,
    time::{Span, Timestamp},
};
use sea_orm::ConnectionTrait;

use super::{Actor, Invalid, OperationError, Work};
use crate::{
    app::App,
    key::token_hash,
    store::{self, StoreError},
};

/// How long a one-time link is good.
const SETUP_LINK: Span = Span::minutes(24 * 60);
/// A session ends after so long without use …
const IDLE: Span = Span::minutes(12 * 60);
/// … and after so long in any case.
const LONGEST_SESSION: Span = Span::minutes(7 * 24 * 60);

/// A new account.
#[derive(Clone, Debug)]
pub struct NewAccount {
    /// Login name.
    pub login: String,
    /// Name for people.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// Key of the person in the directory.
    pub person: Option<String>,
    /// The password, already hashed.
    pub password_hash: String,
}

/// Adds an account.
pub async fn add(work: Work<'_>, new: NewAccount) -> Result<AccountId, OperationError> {
    work.actor.must(Action::ManageAccounts, "add an account")?;
    let id = put(&work, new).await?;
    work.commit().await?;
    Ok(id)
}

async fn put(work: &Work<'_>, new: NewAccount) -> Result<AccountId, OperationError> {
    let mut invalid = Vec::new();
    let login = noroshi_core::answer::plain(&new.login).to_lowercase();
    let fits = (2..=60).contains(&login.chars().count())
        && login.chars().all(|c| c.is_ascii_alphanumeric() || "._-@".contains(c));
    if !fits {
        invalid.push(Invalid::new(
            "login",
            "ログイン名は英数字と . _ - @ で2文字から60文字までです",
            "a login name has 2 to 60 letters, digits, . _ - @",
        ));
    } else if store::account::by_login(&work.tx, &login).await?.is_some() {
        invalid.push(Invalid::new("login", "このログイン名は使われています", "this login name is taken"));
    }
    let name = noroshi_core::answer::clean(new.name.trim());
    if name.is_empty() || name.chars().count() > 60 {
        invalid.push(Invalid::new(
            "name",
            "名前を60文字までで入れてください",
            "a name has 1 to 60 characters",
        ));
    }
    if let Some(person) = &new.person {
        let in_force = work.app.library.in_force(&work.tx).await?;
        let known = in_force.is_some_and(|(_, directory)| directory.people.contains_key(person));
        if !known {
            invalid.push(Invalid::new(
                "person",
                format!("台帳に {person} という人はいません"),
                format!("the directory has no person {person}"),
            ));
        }
    }
    if !invalid.is_empty() {
        return Err(OperationError::Invalid(invalid));
    }
    let id: Id<Account> = work.app.chance.id(work.now);
    let row = account::Model {
        id: id.raw(),
        login,
        name,
        person: new.person,
        role: new.role.key().into(),
        password_hash: new.password_hash,
        created_at_ms: work.now.0,
        disabled_at_ms: None,
    };
    store::account::put(&work.tx, row).await?;
    Ok(id)
}

/// Makes a one-time link by which an administrator's account is made. Returns its token.
pub async fn make_setup_link(work: Work<'_>) -> Result<String, OperationError> {
    put_link(work, Role::Admin, None).await
}

/// Makes a one-time link that signs an account in. Returns its token.
pub async fn make_sign_in_link(work: Work<'_>, id: AccountId) -> Result<String, OperationError> {
    put_link(work, Role::Admin, Some(id)).await
}

async fn put_link(work: Work<'_>, role: Role, account: Option<AccountId>) -> Result<String, OperationError> {
    let token = work.app.chance.token();
    let row = setup_link::Model {
        token_hash: token_hash(&token),
        role: role.key().into(),
        account_id: account.map(AccountId::raw),
        created_at_ms: work.now.0,
        ends_at_ms: (work.now + SETUP_LINK).0,
        used_at_ms: None,
    };
    store::account::put_setup_link(&work.tx, row).await?;
    work.commit().await?;
    Ok(token)
}

/// What a one-time link is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GoodFor {
    /// Nothing: unknown, used or past its time.
    Nothing,
    /// An account is made.
    Account,
    /// An account that exists is signed in.
    SignIn,
}

/// What a one-time link is still good for. Asking uses nothing up.
pub async fn good_for(app: &App, token: &str) -> Result<GoodFor, OperationError> {
    let row = store::account::setup_link(app.store.read(), &token_hash(token)).await?;
    let row = row.filter(|row| row.used_at_ms.is_none() && row.ends_at_ms > app.clock.now().0);
    Ok(match row {
        None => GoodFor::Nothing,
        Some(row) if row.account_id.is_some() => GoodFor::SignIn,
        Some(_) => GoodFor::Account,
    })
}

/// Uses a one-time link: the account is made and signed in.
pub async fn set_up(work: Work<'_>, token: &str, mut new: NewAccount) -> Result<SignedIn, OperationError> {
    let row = use_up(&work, token).await?;
    new.role = Role::from_key(&row.role).ok_or_else(gone)?;
    let id = put(&work, new).await?;
    let signed_in = sign_in_as(&work, id).await?;
    work.commit().await?;
    Ok(signed_in)
}

/// Uses a one-time link that signs an account in.
pub async fn sign_in_by_link(work: Work<'_>, token: &str) -> Result<SignedIn, OperationError> {
    let account = use_up(&work, token).await?.account_id.ok_or_else(gone)?;
    let signed_in = sign_in_as(&work, AccountId::new(account)).await?;
    work.commit().await?;
    Ok(signed_in)
}

async fn use_up(work: &Work<'_>, token: &str) -> Result<setup_link::Model, OperationError> {
    let hash = token_hash(token);
    let row = store::account::setup_link(&work.tx, &hash).await?.ok_or_else(gone)?;
    if row.ends_at_ms <= work.now.0 || !store::account::use_setup_link(&work.tx, &hash, work.now).await? {
        return Err(gone().into());
    }
    Ok(row)
}

fn gone() -> StoreError {
    StoreError::NotFound { what: "one-time link", id: String::new() }
}

/// A new session.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// What the cookie holds.
    pub token: String,
    /// When it ends in any case.
    pub ends_at: Timestamp,
}

/// Starts a session for an account whose password was checked.
pub async fn sign_in(work: Work<'_>, id: AccountId) -> Result<SignedIn, OperationError> {
    let signed_in = sign_in_as(&work, id).await?;
    work.commit().await?;
    Ok(signed_in)
}

async fn sign_in_as(work: &Work<'_>, id: AccountId) -> Result<SignedIn, OperationError> {
    let token = work.app.chance.token();
    let ends_at = work.now + LONGEST_SESSION;
    let row = session::Model {
        token_hash: token_hash(&token),
        account_id: id.raw(),
        csrf: work.app.chance.token(),
        acting: None,
        created_at_ms: work.now.0,
        seen_at_ms: work.now.0,
        ends_at_ms: ends_at.0,
    };
    store::account::put_session(&work.tx, row).await?;
    Ok(SignedIn { token, ends_at })
}

/// Ends a session.
pub async fn sign_out(work: Work<'_>, token: &str) -> Result<(), OperationError> {
    store::account::end_session(&work.tx, &token_hash(token)).await?;
    work.commit().await
}

/// Who holds this session cookie, and the CSRF token that goes with it.
pub async fn by_session(app: &App, token: &str) -> Result<Option<(Actor, String)>, OperationError> {
    let now = app.clock.now();
    let hash = token_hash(token);
    let Some((session, account)) = store::account::session(app.store.read(), &hash).await? else {
        return Ok(None);
    };
    let ended = session.ends_at_ms <= now.0 || now.0 - session.seen_at_ms > IDLE.0;
    if ended || account.disabled_at_ms.is_some() {
        return Ok(None);
    }
    // Noted at most once a minute: a board that refreshes itself must not write each time.
    if now.0 - session.seen_at_ms > 60_000 {
        let work = Work::begin(app, Actor::system()).await?;
        store::account::touch_session(&work.tx, &hash, now).await?;
        work.commit().await?;
    }
    let mut actor = Actor {
        id: format!("account:{}", AccountId::new(account.id)),
        name: account.name,
        role: Role::from_key(&account.role),
        person: account.person,
        acting: None,
    };
    if let (Some(role), Some(person)) = (&session.acting, &actor.person)
        && let Some(title) = acts_as(app, app.store.read(), role, person).await?
    {
        actor.name = format!("{title}（{}）", actor.name);
        actor.acting = Some(role.clone());
    }
    Ok(Some((actor, session.csrf)))
}

/// The title of a role account, while this person is on duty for it.
async fn acts_as(
    app: &App,
    db: &impl ConnectionTrait,
    role: &str,
    person: &str,
) -> Result<Option<String>, OperationError> {
    let Some((_, directory)) = app.library.in_force(db).await? else { return Ok(None) };
    let account = directory.role_accounts.get(role);
    let account =
        account.filter(|account| directory.on_duty(&account.roster, app.clock.now()).contains(&person));
    Ok(account.map(|account| account.title.ja.clone()))
}

/// The person of a session acts as a role account from now on (当直師長（佐藤）), or as themselves with `None`. It ends
/// by itself when somebody else is on duty.
pub async fn act_as(work: Work<'_>, token: &str, role: Option<&str>) -> Result<(), OperationError> {
    if let Some(role) = role {
        let title = match &work.actor.person {
            Some(person) => acts_as(work.app, &work.tx, role, person).await?,
            None => None,
        };
        if title.is_none() {
            return Err(OperationError::Closed(Text::both(
                "いまの当番の人だけが、この役割として動けます",
                "only whoever is on duty now can act as this role",
            )));
        }
    }
    store::account::set_acting(&work.tx, &token_hash(token), role).await?;
    work.commit().await
}

/// Makes a token for programs. Returns it; it is never shown again.
pub async fn make_token(work: Work<'_>, name: &str, role: Role) -> Result<String, OperationError> {
    work.actor.must(Action::ManageAccounts, "make a token")?;
    let token = work.app.chance.token();
    let row = api_token::Model {
        token_hash: token_hash(&token),
        id: work.app.chance.uuid(work.now),
        name: noroshi_core::answer::clean(name.trim()),
        role: role.key().into(),
        created_at_ms: work.now.0,
        used_at_ms: None,
        revoked_at_ms: None,
    };
    store::account::put_token(&work.tx, row).await?;
    work.commit().await?;
    Ok(token)
}

/// Who holds this token.
pub async fn by_token(app: &App, token: &str) -> Result<Option<Actor>, OperationError> {
    let hash = token_hash(token);
    let Some(row) = store::account::token(app.store.read(), &hash).await? else { return Ok(None) };
    if row.revoked_at_ms.is_some() {
        return Ok(None);
    }
    let now = app.clock.now();
    if row.used_at_ms.is_none_or(|used| now.0 - used > 60_000) {
        let work = Work::begin(app, Actor::system()).await?;
        store::account::touch_token(&work.tx, &hash, now).await?;
        work.commit().await?;
    }
    Ok(Some(Actor {
        id: format!("token:{}", row.id),
        name: row.name,
        role: Role::from_key(&row.role),
        person: None,
        acting: None,
    }))
}
