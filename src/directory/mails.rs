//! The outbox: leased, made true at the moment of sending, acknowledged.

use std::collections::BTreeSet;

use crate::domain::{
    ChangeSet, EmailAddress, Generation, Key, Mail, MailAbout, MembershipId, Need, Organization,
    Purpose, Record, Rules, Span, State, Timestamp, Token, TokenClaims,
};
use crate::ports::{CommitError, Find, Letter, LetterKind};

use super::maintain::{Maintained, Maintenance};
use super::{Error, Inner, UserDirectory};

/// Whoever takes mail to deliver has this long before others try.
const LEASE: Span = Span::seconds(120);
/// Nobody begins to send later than this in a lease: what was sent is acknowledged within it.
const SENDING: Span = Span::seconds(60);
/// Mails leased and acknowledged together.
const TOGETHER: u32 = 50;

impl UserDirectory {
    pub(super) async fn deliver(
        &self,
        most: Maintenance,
        done: &mut Maintained,
    ) -> Result<(), Error> {
        let mut left = most.mails;
        while left > 0 {
            let limit = left.min(TOGETHER);
            let now = self.inner.clock.now();
            let found = self.inner.store.find(&Find::DueMail { now, limit }).await?;
            let mails: Vec<Mail> = found.into_iter().filter_map(mail).collect();
            if mails.is_empty() {
                return Ok(());
            }
            left = left.saturating_sub(u32::try_from(mails.len()).unwrap_or(limit));
            let leased = self.inner.lease(mails, now).await?;
            self.inner.send(leased, now.plus(SENDING), done).await?;
        }
        done.more = true;
        Ok(())
    }
}

impl Inner {
    /// Puts mails off for others; those that somebody else was faster to take are left to them.
    async fn lease(&self, mails: Vec<Mail>, now: Timestamp) -> Result<Vec<Mail>, Error> {
        if let Some(leased) = self.lease_together(&mails, now).await? {
            return Ok(leased);
        }
        let mut leased = Vec::new();
        for mail in &mails {
            leased.extend(
                self.lease_together(std::slice::from_ref(mail), now).await?.unwrap_or_default(),
            );
        }
        Ok(leased)
    }

    async fn lease_together(
        &self,
        mails: &[Mail],
        now: Timestamp,
    ) -> Result<Option<Vec<Mail>>, Error> {
        let records = mails.iter().map(|mail| Record::Mail(Box::new(mail.clone())));
        let mut state = State::new(records);
        for mail in mails {
            let mut mail = mail.clone();
            mail.due_at = now.plus(LEASE);
            mail.attempts = mail.attempts.saturating_add(1);
            state.put_mail(mail);
        }
        match self.store.commit(state.changes()).await {
            Ok(()) => {
                let leased = mails.iter().filter_map(|mail| state.mail(mail.id).cloned());
                Ok(Some(leased.collect()))
            }
            Err(CommitError::Conflict(_) | CommitError::Claimed(_)) => Ok(None),
            Err(CommitError::Failed(error)) => Err(error.into()),
            Err(CommitError::Host(error)) => Err(error.into()),
            // Perhaps leased by us: then it is tried again after the lease.
            Err(CommitError::Unknown(_)) => Ok(Some(Vec::new())),
        }
    }

    async fn send(
        &self,
        mails: Vec<Mail>,
        until: Timestamp,
        done: &mut Maintained,
    ) -> Result<(), Error> {
        let needs: BTreeSet<Need> = mails.iter().flat_map(about).collect();
        let needs: Vec<Need> = needs.into_iter().collect();
        let state = State::new(self.store.load(&needs).await?);
        let mut changes = Vec::new();
        for mail in mails {
            if self.clock.now() >= until {
                changes.push(due_again(&mail, self.clock.now()));
                continue;
            }
            let Some(letter) = self.letter(&state, &mail) else {
                // I9: what is no longer true is never sent.
                done.mails_dropped += 1;
                changes.push(finished(&mail));
                continue;
            };
            if self.mailer.send(&letter).await.is_ok() {
                done.mails_sent += 1;
                changes.push(finished(&mail));
            } else {
                // What the mailer says may name the recipient: the host's mailer has its own log.
                tracing::warn!(mail = %mail.id, attempts = mail.attempts, "mail failed");
                done.mails_failed += 1;
                changes.push(put_off(&mail, self.later(&mail)));
            }
        }
        self.settle_mails(changes).await
    }

    /// Writes what became of mails: together, or else each on its own, so that one that somebody
    /// else went on with leaves the others acknowledged (I9).
    async fn settle_mails(&self, each: Vec<ChangeSet>) -> Result<(), Error> {
        let mut together = ChangeSet::default();
        for one in each.iter().cloned() {
            together.guards.extend(one.guards);
            together.put.extend(one.put);
            together.delete.extend(one.delete);
        }
        match self.store.commit(together).await {
            Ok(()) => return Ok(()),
            Err(CommitError::Failed(error)) => return Err(error.into()),
            Err(CommitError::Host(error)) => return Err(error.into()),
            Err(CommitError::Conflict(_) | CommitError::Claimed(_) | CommitError::Unknown(_)) => {}
        }
        for one in each {
            match self.store.commit(one).await {
                // Done by the commit whose answer was lost, or the lease ran out.
                Ok(())
                | Err(
                    CommitError::Conflict(_) | CommitError::Claimed(_) | CommitError::Unknown(_),
                ) => {}
                Err(CommitError::Failed(error)) => return Err(error.into()),
                Err(CommitError::Host(error)) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Tried again after 1, 2, 4, … minutes, at most 6 hours.
    fn later(&self, mail: &Mail) -> Timestamp {
        let minutes = 1_u32 << mail.attempts.saturating_sub(1).min(9);
        self.clock.now().plus(Span::seconds(60 * minutes.min(360)))
    }

    /// The letter, if what it says is still true.
    fn letter(&self, state: &State, mail: &Mail) -> Option<Letter> {
        let organization = mail.organization.and_then(|id| state.organization(id));
        let (to, kind) = match mail.about {
            MailAbout::Invitation { invitation, generation } => {
                self.invitation(state, organization?, invitation, generation)?
            }
            MailAbout::PasswordReset { user, generation } => {
                let user = state.user(user).filter(|it| it.reset_generation == generation)?;
                let to = user.verified_email()?.clone();
                let asked_at = *user.resets_asked_at.last()?;
                let lifetime = organization.map_or_else(
                    || Rules::default().password_reset_lifetime,
                    |it| it.rules.password_reset_lifetime,
                );
                let expires_at = asked_at.plus(lifetime);
                if self.clock.now() >= expires_at {
                    return None;
                }
                let token = self.token(
                    Purpose::PasswordReset,
                    user.id.uuid(),
                    generation,
                    expires_at,
                    &to,
                )?;
                (to, LetterKind::PasswordReset { token, expires_at })
            }
            MailAbout::OwnershipOffer { membership } => {
                offer(state, organization?, membership, self.clock.now())?
            }
        };
        Some(Letter { id: mail.id, to, kind })
    }

    fn invitation(
        &self,
        state: &State,
        organization: &Organization,
        id: crate::domain::InvitationId,
        generation: Generation,
    ) -> Option<(EmailAddress, LetterKind)> {
        let it = state.invitation(organization.id, id)?;
        let true_still = it.is_open() && it.generation == generation;
        if !true_still || it.is_expired(self.clock.now()) {
            return None;
        }
        let to = it.email.clone()?;
        let membership =
            it.memberships.last().and_then(|m| state.membership(organization.id, *m))?;
        let role = state.role(organization.id, &membership.role)?.title.clone();
        let inviter = it.issuer.and_then(|m| state.membership(organization.id, m));
        let token = self.token(Purpose::Invitation, id.uuid(), generation, it.expires_at, &to)?;
        let kind = LetterKind::Invitation {
            organization: organization.name.clone(),
            role,
            inviter: inviter.map(crate::domain::Membership::display_name),
            token,
            expires_at: it.expires_at,
        };
        Some((to, kind))
    }

    fn token(
        &self,
        purpose: Purpose,
        subject: uuid::Uuid,
        generation: Generation,
        expires_at: Timestamp,
        to: &EmailAddress,
    ) -> Option<Token> {
        let claims = TokenClaims { purpose, subject, generation, expires_at };
        self.host.keys.issue(&claims, to.canonical())
    }
}

fn offer(
    state: &State,
    organization: &Organization,
    membership: MembershipId,
    now: Timestamp,
) -> Option<(EmailAddress, LetterKind)> {
    let it = state.membership(organization.id, membership).filter(|it| it.is_active())?;
    let offer = it.offer.as_ref().filter(|offer| now < offer.expires_at)?;
    let kind = LetterKind::OwnershipOffer {
        organization: organization.name.clone(),
        role: state.role(organization.id, &offer.role)?.title.clone(),
        expires_at: offer.expires_at,
    };
    Some((it.email.clone()?, kind))
}

/// It is acknowledged, or no longer true.
fn finished(mail: &Mail) -> ChangeSet {
    let mut changes = ChangeSet::default();
    changes.drop_mail(mail);
    changes
}

fn put_off(mail: &Mail, due_at: Timestamp) -> ChangeSet {
    let mut state = State::new([Record::Mail(Box::new(mail.clone()))]);
    state.put_mail(Mail { due_at, ..mail.clone() });
    state.changes()
}

/// It was not its turn: that was no attempt.
fn due_again(mail: &Mail, now: Timestamp) -> ChangeSet {
    let mut state = State::new([Record::Mail(Box::new(mail.clone()))]);
    let attempts = mail.attempts.saturating_sub(1);
    state.put_mail(Mail { due_at: now, attempts, ..mail.clone() });
    state.changes()
}

fn about(mail: &Mail) -> Vec<Need> {
    let mut needs: Vec<Need> =
        mail.organization.iter().map(|id| Need::Record(Key::Organization(*id))).collect();
    needs.push(Need::Record(match mail.about {
        MailAbout::Invitation { invitation, .. } => Key::Invitation(invitation),
        MailAbout::PasswordReset { user, .. } => Key::User(user),
        MailAbout::OwnershipOffer { membership } => Key::Membership(membership),
    }));
    needs
}

fn mail(record: Record) -> Option<Mail> {
    if let Record::Mail(it) = record { Some(*it) } else { None }
}
