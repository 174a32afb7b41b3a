use async_trait::async_trait;

use crate::domain::{EmailAddress, MailId, OrganizationName, RoleTitle, Timestamp, Token};

/// Sends mail.
///
/// # Contract
/// * It is asked only for what was committed.
/// * It may be asked for the same letter again, with the same [`Letter::id`], when the answer to an
///   earlier attempt was lost: send a letter whose id was sent already only if you cannot tell.
/// * `Ok` is an acknowledgement: the letter is never asked for again.
/// * An error means that it is tried again later, with back-off.
/// * A letter has exactly one recipient. Its link is a secret: it goes into the message, and
///   nowhere else.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait Mailer: Send + Sync {
    /// Sends one letter, or takes it over durably.
    async fn send(&self, letter: &Letter) -> Result<(), MailerError>;
}

/// One mail to one person, ready to be worded by the host.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Letter {
    /// The same at every attempt to send this letter.
    pub id: MailId,
    /// The only recipient.
    pub to: EmailAddress,
    /// What it says.
    pub kind: LetterKind,
}

impl Letter {
    /// The secret of the letter's link, if it has one.
    pub const fn token(&self) -> Option<&Token> {
        match &self.kind {
            LetterKind::Invitation { token, .. } | LetterKind::PasswordReset { token, .. } => {
                Some(token)
            }
            LetterKind::OwnershipOffer { .. } => None,
        }
    }
}

/// What a letter says.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LetterKind {
    /// You are invited.
    Invitation {
        /// Who invites.
        organization: OrganizationName,
        /// As what.
        role: RoleTitle,
        /// The name of the member who invites, if one does.
        inviter: Option<String>,
        /// The secret of the link: the host puts it behind its own configured address.
        token: Token,
        /// When the link runs out.
        expires_at: Timestamp,
    },
    /// You can choose a new password.
    PasswordReset {
        /// The secret of the link.
        token: Token,
        /// When the link runs out.
        expires_at: Timestamp,
    },
    /// You are offered a role that keeps the organization; sign in to answer.
    OwnershipOffer {
        /// Who offers.
        organization: OrganizationName,
        /// Which role.
        role: RoleTitle,
        /// When the offer runs out.
        expires_at: Timestamp,
    },
}

/// A letter could not be sent.
#[derive(Debug, thiserror::Error)]
#[error("the mailer could not send: {0}")]
pub struct MailerError(
    /// What the host's mailer says, without secrets: it is written to the log.
    pub String,
);
