//! Who asks, why, through which way in, and under which key.

use crate::domain::{IdempotencyKey, Principal, Reason, Source};

/// A principal with what else the audit shall know.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Request {
    /// Who asks.
    pub principal: Principal,
    /// Why, in their words; it goes to the erasable part of the audit.
    pub reason: Option<Reason>,
    /// Which way in, for commands that bring people in.
    pub source: Option<Source>,
    /// Asking again with the same key, for the same, does it once and answers the same.
    pub key: Option<IdempotencyKey>,
}

impl Request {
    /// Gives a reason.
    #[must_use]
    pub fn because(mut self, reason: Reason) -> Self {
        self.reason = Some(reason);
        self
    }

    /// Names the way in.
    #[must_use]
    pub fn through(mut self, source: Source) -> Self {
        self.source = Some(source);
        self
    }

    /// Makes asking twice do it once.
    #[must_use]
    pub fn with_key(mut self, key: IdempotencyKey) -> Self {
        self.key = Some(key);
        self
    }
}

impl Principal {
    /// A request by this principal.
    pub fn request(self) -> Request {
        Request { principal: self, reason: None, source: None, key: None }
    }
}

impl<P: Into<Principal>> From<P> for Request {
    fn from(principal: P) -> Self {
        principal.into().request()
    }
}

impl From<&Principal> for Request {
    fn from(principal: &Principal) -> Self {
        principal.clone().request()
    }
}
