//! Text that people and hosts give us, parsed once into types that cannot hold anything else.
//!
//! | type | at most | may hold |
//! | --- | --- | --- |
//! | [`OrganizationName`], [`WorkspaceName`], [`TeamName`], [`RoleTitle`] | 120 characters | one line |
//! | [`Description`], [`Reason`] | 1,000 characters | one line |
//! | [`FieldValue`] | 2,000 characters | several lines, may be empty |
//! | [`FieldName`], [`FenceName`], [`RoleName`], [`PermissionName`], [`KindName`] | 64 characters | `a`–`z`, `0`–`9`, `_`, `-`, `.` |
//! | [`ResourceId`], [`ItemId`], [`ExternalId`], [`IdempotencyKey`], [`IssuerName`], [`SubjectName`] | 255 characters | one line |
//! | [`PasswordHash`] | 512 characters | a PHC string, printable ASCII |
//!
//! One line means: no control character, no line or paragraph separator, none of the marks that turn
//! the direction of the text around them, and none that nobody sees (they make one name look like
//! another). Joiners and variation selectors are let through: scripts and emoji need them.

use icu_normalizer::ComposingNormalizerBorrowed;
use serde::{Deserialize, Serialize};

/// Something given to us that cannot be what it should be; it says what to change.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}{}: {problem}", quoted(input))]
#[non_exhaustive]
pub struct Invalid {
    /// What it should have been, for example `email address`.
    pub what: &'static str,
    /// The beginning of what was given, at most 64 characters; empty for secrets.
    pub input: String,
    /// What is wrong with it.
    pub problem: Problem,
}

impl Invalid {
    pub(crate) fn new(what: &'static str, input: &str, problem: Problem) -> Self {
        Self { what, input: excerpt(input), problem }
    }
}

/// What was given as it stands in the message; nothing for secrets, and where nothing was given.
fn quoted(input: &str) -> String {
    if input.is_empty() { String::new() } else { format!(" `{input}`") }
}

/// The beginning of hostile input as it may stand in a message: at most 64 characters.
pub(crate) fn excerpt(input: &str) -> String {
    input.trim().chars().take(64).map(printable).collect()
}

/// A character of hostile input as it may stand in a message.
fn printable(c: char) -> char {
    if c.is_control() || misleads(c) { '\u{fffd}' } else { c }
}

/// What is wrong with a text, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// There is nothing in it.
    #[error("it is empty; give at least one character")]
    Empty,
    /// It is longer than the limit.
    #[error("it is too long; give at most {max} characters")]
    TooLong {
        /// The limit, in characters.
        max: usize,
    },
    /// It has a character that the type does not allow.
    #[error("it may not hold {0:?}; remove it")]
    Character(char),
    /// It looks like plain letters and is not (U+212A for `K`, fullwidth letters, dotless i, …).
    #[error("{0:?} looks like another character; write the plain one")]
    LookAlike(char),
    /// Its form is wrong.
    #[error("{0}")]
    Form(&'static str),
}

/// Marks that change the direction of what surrounds them, or separate lines or nothing at all.
pub(crate) fn misleads(c: char) -> bool {
    matches!(c,
        '\u{00ad}' | '\u{034f}' | '\u{061c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
        | '\u{180e}' | '\u{3164}' | '\u{ffa0}' | '\u{e0000}'..='\u{e007f}' | '\u{200b}' | '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
}

/// Trimmed, in Unicode normalisation form C, and free of what [`misleads`].
fn line(what: &'static str, given: &str, max: usize) -> Result<String, Invalid> {
    // Names of items and the like come by the thousand.
    if (1..=max).contains(&given.len()) && given.bytes().all(|b| b.is_ascii_graphic()) {
        return Ok(given.to_owned());
    }
    let text = limited(what, given, max)?;
    match text.chars().find(|&c| c.is_control() || misleads(c)) {
        Some(c) => Err(Invalid::new(what, given, Problem::Character(c))),
        None if text.is_empty() => Err(Invalid::new(what, given, Problem::Empty)),
        None => Ok(text),
    }
}

fn block(what: &'static str, given: &str, max: usize) -> Result<String, Invalid> {
    let text = limited(what, given, max)?;
    match text.chars().find(|&c| (c.is_control() && c != '\n' && c != '\t') || misleads(c)) {
        Some(c) => Err(Invalid::new(what, given, Problem::Character(c))),
        None => Ok(text),
    }
}

fn slug(what: &'static str, given: &str, max: usize) -> Result<String, Invalid> {
    let plain = |c: &char| matches!(c, 'a'..='z' | '0'..='9' | '_' | '-' | '.');
    // What was stored is read again and again.
    if (1..=max).contains(&given.len()) && given.chars().all(|c| plain(&c)) {
        return Ok(given.to_owned());
    }
    let text = line(what, given, max)?;
    match text.chars().find(|c| !plain(c)) {
        Some(c) => Err(Invalid::new(what, given, Problem::Character(c))),
        None => Ok(text),
    }
}

/// A password hash is never echoed, not even its beginning.
fn phc(what: &'static str, given: &str, max: usize) -> Result<String, Invalid> {
    let problem = if given.is_empty() {
        Problem::Empty
    } else if given.len() > max {
        Problem::TooLong { max }
    } else if !given.starts_with('$') || !given.bytes().all(|b| b.is_ascii_graphic()) {
        Problem::Form("give a PHC string such as `$argon2id$…`, never the password itself")
    } else {
        return Ok(given.to_owned());
    };
    Err(Invalid::new(what, "", problem))
}

/// Refuses what is far too long before doing any work on it.
fn limited(what: &'static str, given: &str, max: usize) -> Result<String, Invalid> {
    let trimmed = given.trim();
    if trimmed.len() > max * 4 {
        return Err(Invalid::new(what, trimmed, Problem::TooLong { max }));
    }
    // ASCII has one form only.
    let text = if trimmed.is_ascii() {
        trimmed.to_owned()
    } else {
        ComposingNormalizerBorrowed::new_nfc().normalize(trimmed).into_owned()
    };
    if text.chars().count() > max {
        return Err(Invalid::new(what, trimmed, Problem::TooLong { max }));
    }
    Ok(text)
}

macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident = $parse:ident($what:literal, $max:literal);)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Parses it, or says what to change.
            pub fn new(text: impl AsRef<str>) -> Result<Self, Invalid> {
                $parse($what, text.as_ref(), $max).map(Self)
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = Invalid;

            fn from_str(text: &str) -> Result<Self, Invalid> {
                Self::new(text)
            }
        }

        impl TryFrom<&str> for $name {
            type Error = Invalid;

            fn try_from(text: &str) -> Result<Self, Invalid> {
                Self::new(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = Invalid;

            fn try_from(text: String) -> Result<Self, Invalid> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(text: $name) -> String {
                text.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    )+};
}

texts! {
    /// What an organization is called.
    OrganizationName = line("organization name", 120);
    /// What a workspace is called.
    WorkspaceName = line("workspace name", 120);
    /// What a team is called.
    TeamName = line("team name", 120);
    /// What people read for a role: `Senior agent`.
    RoleTitle = line("role title", 120);
    /// What a team is for.
    Description = line("description", 1_000);
    /// Why something was done, in the words of the person who did it.
    Reason = line("reason", 1_000);
    /// What a profile or settings field holds.
    FieldValue = block("field value", 2_000);
    /// Names a profile or settings field: `title`.
    FieldName = slug("field name", 64);
    /// Names a kind of listed resource: `inbox`.
    FenceName = slug("fence name", 64);
    /// Names a role within its organization: `agent`.
    RoleName = slug("role name", 64);
    /// The stored name of a permission: `tickets.delete`.
    PermissionName = slug("permission name", 64);
    /// The host's own name for one listed resource, such as one inbox.
    ResourceId = line("resource id", 255);
    /// Names a kind of the host's work: `tickets`.
    KindName = slug("kind of work", 64);
    /// The host's own name for one item of work, within its kind.
    ItemId = line("item id", 255);
    /// The host's own name for a person it brought along, kept as given.
    ExternalId = line("external id", 255);
    /// A host's own name for one request, so that asking twice does it once.
    IdempotencyKey = line("idempotency key", 255);
    /// Who vouches for an external identity (OpenID Connect `iss`, a SAML entity id).
    IssuerName = line("issuer", 255);
    /// Whom the issuer means (OpenID Connect `sub`, a SAML name id): compared exactly.
    SubjectName = line("subject", 255);
}

impl PermissionName {
    /// A name that [`permissions!`](crate::permissions) has checked at compile time.
    #[doc(hidden)]
    pub fn declared(name: &'static str) -> Self {
        Self(name.to_owned())
    }

    /// Whether a declared name is one: `a`–`z`, `0`–`9`, `_`, `-`, `.`, 1 to 64 of them.
    #[doc(hidden)]
    pub const fn can_be(name: &str) -> bool {
        let mut bytes = name.as_bytes();
        let fits = !bytes.is_empty() && bytes.len() <= 64;
        while let [first, rest @ ..] = bytes {
            if !matches!(first, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'.') {
                return false;
            }
            bytes = rest;
        }
        fits
    }
}

/// A password hash as a PHC string, made and checked by the host; never shown.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PasswordHash(String);

impl PasswordHash {
    /// Parses a PHC string (`$argon2id$…`), or says what to change without repeating it.
    pub fn new(text: impl AsRef<str>) -> Result<Self, Invalid> {
        phc("password hash", text.as_ref(), 512).map(Self)
    }

    /// The PHC string, for the host's own comparison.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

impl TryFrom<String> for PasswordHash {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        Self::new(text)
    }
}

impl From<PasswordHash> for String {
    fn from(hash: PasswordHash) -> String {
        hash.0
    }
}

/// Case folded and in compatibility form, so that spellings a person takes for the same compare equal.
pub(crate) fn folded(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let nfkc = ComposingNormalizerBorrowed::new_nfkc();
    let fold = icu_casemap::CaseMapper::new().fold_string(&nfkc.normalize(text)).into_owned();
    nfkc.normalize(&fold).into_owned()
}
