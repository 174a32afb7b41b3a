//! Email addresses: one spelling to write to, one canonical form to compare.

use serde::{Deserialize, Serialize};

use super::text::{folded, misleads};
use super::{Invalid, Problem};

/// One mailbox, as its owner writes it: at most 254 characters, one address, no display name.
///
/// Two addresses are the same when their [`canonical`](Self::canonical) forms are: compatibility
/// form and case folded, the domain as UTS 46 has it. `+tag` and dots are never removed, because
/// only the provider knows what they mean. A character that merely looks like a plain letter
/// (Kelvin sign, fullwidth and mathematical letters, dotless i, …) is refused: mail for it would
/// reach a stranger.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EmailAddress {
    address: String,
    canonical: CanonicalEmail,
}

/// The form under which addresses are compared and claimed; never written to.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CanonicalEmail(String);

const WHAT: &str = "email address";
const MAX: usize = 254;

impl EmailAddress {
    /// Parses one address, or says what to change.
    pub fn new(text: impl AsRef<str>) -> Result<Self, Invalid> {
        let text = text.as_ref().trim();
        let wrong = |problem| Invalid::new(WHAT, text, problem);
        if text.is_empty() {
            return Err(wrong(Problem::Empty));
        }
        if text.len() > MAX {
            return Err(wrong(Problem::TooLong { max: MAX }));
        }
        for c in text.chars() {
            if c.is_control() || c.is_whitespace() || misleads(c) || "\"(),:;<>[]\\`".contains(c) {
                return Err(wrong(Problem::Character(c)));
            }
            if looks_plain(c) || vanishes(c) {
                return Err(wrong(Problem::LookAlike(c)));
            }
        }
        let (local, domain) = text
            .rsplit_once('@')
            .ok_or_else(|| wrong(Problem::Form("it has no `@`; write name@example.com")))?;
        let options = email_address::Options::default()
            .with_required_tld()
            .without_display_text()
            .without_domain_literal();
        email_address::EmailAddress::parse_with_options(text, options)
            .map_err(|_| wrong(Problem::Form("write one address, name@example.com")))?;
        let domain = idna::domain_to_ascii_strict(domain)
            .map_err(|_| wrong(Problem::Form("its domain cannot exist; check what follows `@`")))?;
        let canonical = CanonicalEmail(format!("{}@{domain}", folded(local)));
        Ok(Self { address: text.to_owned(), canonical })
    }

    /// The address as its owner writes it: the one to send to.
    pub fn as_str(&self) -> &str {
        &self.address
    }

    /// The form to compare.
    pub const fn canonical(&self) -> &CanonicalEmail {
        &self.canonical
    }
}

/// A character outside ASCII that some way of folding case or form turns into ASCII alone.
fn looks_plain(c: char) -> bool {
    !c.is_ascii()
        && (folded(c.encode_utf8(&mut [0; 4])).is_ascii()
            || c.to_lowercase().all(|l| l.is_ascii())
            || c.to_uppercase().all(|u| u.is_ascii()))
}

/// A character outside ASCII that the mapping of domain names (UTS 46) drops, or turns into ASCII.
fn vanishes(c: char) -> bool {
    !c.is_ascii()
        && idna::domain_to_ascii_strict(&format!("a{c}b.example"))
            .is_ok_and(|ascii| !ascii.contains("xn--"))
}

impl CanonicalEmail {
    /// No address: nothing is ever issued for it.
    pub(crate) const fn nobody() -> Self {
        Self(String::new())
    }

    /// The canonical text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What follows the `@`, in ASCII.
    pub fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, domain)| domain)
    }
}

impl std::fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.address)
    }
}

/// Personal data: logs that print with `{:?}` see only the domain.
impl std::fmt::Debug for EmailAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "EmailAddress(…@{})", self.canonical.domain())
    }
}

impl std::fmt::Debug for CanonicalEmail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CanonicalEmail(…@{})", self.domain())
    }
}

impl std::str::FromStr for EmailAddress {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::new(text)
    }
}

impl TryFrom<&str> for EmailAddress {
    type Error = Invalid;

    fn try_from(text: &str) -> Result<Self, Invalid> {
        Self::new(text)
    }
}

impl TryFrom<String> for EmailAddress {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        Self::new(text)
    }
}

impl From<EmailAddress> for String {
    fn from(email: EmailAddress) -> String {
        email.address
    }
}
