//! Links: authenticated, bound to a purpose, a subject, an address and a generation; never stored.
//!
//! A token is base64url over `version, key, purpose, subject, generation, expiry` and an
//! HMAC-SHA-256 (RFC 2104) of these and of the canonical address. Nothing at rest can be turned
//! into one without the host's [`KeyRing`] (I6).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac as _};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use uuid::Uuid;

use super::{CanonicalEmail, Digest, Generation, Invalid, OrganizationId, Problem, Timestamp};

/// What a link is for; it opens nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// Answering an invitation; the subject is the invitation.
    Invitation,
    /// Choosing a new password; the subject is the user.
    PasswordReset,
}

impl Purpose {
    const fn code(self) -> u8 {
        match self {
            Self::Invitation => 1,
            Self::PasswordReset => 2,
        }
    }

    const fn from_code(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::Invitation),
            2 => Some(Self::PasswordReset),
            _ => None,
        }
    }
}

/// A link's secret part. It is given to the mailer and comes back from the person; `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// What came back from the person, as it came.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The secret, to be put into a link.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Token {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(…)")
    }
}

/// The host's keys. New tokens are made under the last one; all of them are accepted.
#[derive(Clone)]
pub struct KeyRing(Vec<(u8, [u8; 32])>);

impl KeyRing {
    /// A ring of one key: 32 random bytes that the host keeps secret.
    pub fn new(key: [u8; 32]) -> Self {
        Self(vec![(0, key)])
    }

    /// A ring with a newer key; from now on it makes the tokens.
    ///
    /// Keep older keys until the longest link lifetime has passed, and as long as a block of an
    /// erased person shall hold. At most 256 keys; more replace none and are ignored.
    #[must_use]
    pub fn with_newer(mut self, key: [u8; 32]) -> Self {
        if let Ok(number) = u8::try_from(self.0.len()) {
            self.0.push((number, key));
        }
        self
    }

    fn key(&self, number: u8) -> Option<&[u8; 32]> {
        self.0.iter().find(|(n, _)| *n == number).map(|(_, key)| key)
    }

    /// A digest that only the holder of the keys can compute, under each key.
    pub(crate) fn digests(&self, domain: &[u8], parts: &[&[u8]]) -> Vec<Digest> {
        self.0
            .iter()
            .filter_map(|(_, key)| {
                let mut mac = hmac(key)?;
                mac.update(Digest::of(&[domain]).bytes());
                mac.update(Digest::of(parts).bytes());
                Some(Digest::from_bytes(mac.finalize().into_bytes().into()))
            })
            .collect()
    }

    /// Makes a token.
    pub(crate) fn issue(&self, claims: &TokenClaims, address: &CanonicalEmail) -> Option<Token> {
        let (number, key) = self.0.last()?;
        let mut bytes = claims.bytes(*number).to_vec();
        let mut mac = hmac(key)?;
        mac.update(&bytes);
        mac.update(address.as_str().as_bytes());
        bytes.extend_from_slice(&mac.finalize().into_bytes());
        Some(Token(URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// Reads a token's claims without believing them yet: they say which address to check against.
    pub(crate) fn read(token: &Token) -> Result<SealedToken, Invalid> {
        let wrong = Self::damaged;
        if token.0.len() > 128 {
            return Err(wrong());
        }
        let bytes = URL_SAFE_NO_PAD.decode(&token.0).map_err(|_| wrong())?;
        let (head, mac) = bytes.split_at_checked(HEAD).ok_or_else(wrong)?;
        let (claims, key) = TokenClaims::from_bytes(head).ok_or_else(wrong)?;
        Ok(SealedToken { claims, key, head: head.to_vec(), mac: mac.to_vec() })
    }

    /// What every link that is not genuine gets as an answer.
    pub(crate) fn damaged() -> Invalid {
        Invalid::new("link", "", Problem::Form("it is damaged; open it again from the mail"))
    }

    /// Believes a token's claims if it was made under one of the keys for this address.
    ///
    /// The comparison takes the same time wherever the first difference is.
    pub(crate) fn open(&self, sealed: &SealedToken, address: &CanonicalEmail) -> bool {
        let Some(mut mac) = self.key(sealed.key).and_then(hmac) else {
            return false;
        };
        mac.update(&sealed.head);
        mac.update(address.as_str().as_bytes());
        mac.verify_slice(&sealed.mac).is_ok()
    }
}

impl std::fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "KeyRing({} keys)", self.0.len())
    }
}

/// HMAC takes keys of any length; `None` never happens for 32 bytes.
fn hmac(key: &[u8; 32]) -> Option<Hmac<Sha256>> {
    Hmac::<Sha256>::new_from_slice(key).ok()
}

const VERSION: u8 = 1;
const HEAD: usize = 3 + 16 + 4 + 8;

/// What a token says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TokenClaims {
    pub(crate) purpose: Purpose,
    pub(crate) subject: Uuid,
    pub(crate) generation: Generation,
    pub(crate) expires_at: Timestamp,
}

impl TokenClaims {
    fn bytes(&self, key: u8) -> [u8; HEAD] {
        let mut bytes = [0; HEAD];
        let parts = [VERSION, key, self.purpose.code()]
            .into_iter()
            .chain(*self.subject.as_bytes())
            .chain(self.generation.get().to_be_bytes())
            .chain(self.expires_at.micros().to_be_bytes());
        for (slot, byte) in bytes.iter_mut().zip(parts) {
            *slot = byte;
        }
        bytes
    }

    fn from_bytes(head: &[u8]) -> Option<(Self, u8)> {
        let [version, key, purpose, rest @ ..] = head else {
            return None;
        };
        let (subject, rest) = rest.split_first_chunk::<16>()?;
        let (generation, rest) = rest.split_first_chunk::<4>()?;
        let (expiry, rest) = rest.split_first_chunk::<8>()?;
        let claims = Self {
            purpose: Purpose::from_code(*purpose)?,
            subject: Uuid::from_bytes(*subject),
            generation: Generation::new(u32::from_be_bytes(*generation)),
            expires_at: Timestamp::from_micros(i64::from_be_bytes(*expiry)),
        };
        (*version == VERSION && rest.is_empty()).then_some((claims, *key))
    }
}

/// A token's claims, not to be believed yet.
pub(crate) struct SealedToken {
    pub(crate) claims: TokenClaims,
    key: u8,
    head: Vec<u8>,
    mac: Vec<u8>,
}

/// Proof that a genuine link came back: made only by
/// [`UserDirectory::verify`](crate::UserDirectory::verify).
///
/// Being genuine is not being valid: the command that uses it checks purpose, subject, generation
/// and expiry again, at the moment it is used.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct VerifiedToken {
    /// What the link is for.
    pub purpose: Purpose,
    /// The organization it is about, for an invitation.
    pub organization: Option<OrganizationId>,
    /// The invitation or the user it names.
    pub subject: Uuid,
    /// Only the newest generation works.
    pub generation: Generation,
    /// The first instant at which it no longer works.
    pub expires_at: Timestamp,
    /// The mailbox it was sent to.
    pub address: CanonicalEmail,
}

impl VerifiedToken {
    pub(crate) const fn new(
        claims: TokenClaims,
        organization: Option<OrganizationId>,
        address: CanonicalEmail,
    ) -> Self {
        Self {
            purpose: claims.purpose,
            organization,
            subject: claims.subject,
            generation: claims.generation,
            expires_at: claims.expires_at,
            address,
        }
    }
}
