//! What a command would do, without doing it.

mod teams;
mod work;

use crate::access::live::{Comparison, Update};
use crate::commands::Command;
use crate::domain::{Event, InvitationId, MailAbout, OrganizationId, State, Stream};

pub use teams::{TeamLeft, TeamWithout};
pub use work::{WorkMove, WorkPreview};

use super::people::sees_all;
use super::{Error, Request, UserDirectory};

/// What a command would do.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Preview {
    /// What would happen, in order.
    pub events: Vec<Event>,
    /// Seats before and after, for a command about an organization.
    pub seats: Option<SeatChange>,
    /// The mails that would go.
    pub mails: Vec<MailAbout>,
    /// What would become of the work of whoever goes, or comes back: counts by kind, who gets how
    /// much, what cannot move and why.
    pub work: Vec<WorkPreview>,
    /// The invitations that would be revoked.
    pub invitations: Vec<InvitationId>,
    /// The teams that would be left empty, or without anybody who leads them.
    pub teams: Vec<TeamLeft>,
    /// Who could do more or less after it, and what: the first thousand people in full. None where
    /// that cannot be said, because not everybody is in memory.
    pub access: Option<Comparison>,
}

/// Seats in use before and after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SeatChange {
    /// Before.
    pub before: u64,
    /// After.
    pub after: u64,
    /// The limit after; none means no limit.
    pub limit: Option<u32>,
}

impl UserDirectory {
    /// What [`execute`](Self::execute) would do now: decided by the same rules on the same records,
    /// and not committed. Work that would change hands is surveyed, so that people see the counts
    /// before they confirm.
    ///
    /// # Errors
    /// As `execute`: a refusal says why it would be refused.
    #[tracing::instrument(name = "tenure.preview", level = "debug", skip_all)]
    pub async fn preview(
        &self,
        request: impl Into<Request> + Send,
        command: impl Into<Command> + Send,
    ) -> Result<Preview, Error> {
        let (request, command) = (request.into(), command.into());
        let mut facts = self.inner.facts(&request);
        facts.seats_are_full = true;
        let stream = command.stream();
        let mut state = State::new(self.inner.store.load(&command.needs(&facts)).await?);
        let events = self.inner.foresee(&mut state, &command, &mut facts).await??;
        // Whoever leaves on their own is shown nothing of whose work they were due to get.
        let organization = command.organization();
        let standing =
            |id: OrganizationId| self.inner.standing(&state, id.into(), &facts.principal).ok();
        let sees_others = matches!(command, Command::ChooseReceivers(_))
            || organization
                .and_then(standing)
                .is_some_and(|standing| sees_all(&standing, &facts.principal));
        let status = |state: &State| Some(state.organization(command.organization()?)?.status);
        let (before, was) = (seats(&state, stream), status(&state));
        for event in &events {
            state.apply(stream, event);
        }
        let change = before.zip(seats(&state, stream));
        let seats = change.map(|((before, _), (after, limit))| SeatChange { before, after, limit });
        let mut work = Vec::new();
        if let Some(workload) = &self.inner.workload {
            for event in &events {
                let id = if let Event::HandoverPlanned { handover } = event {
                    handover.id
                } else if let Event::HandoverChosen { handover, .. } = event
                    && sees_others
                {
                    *handover
                } else {
                    continue;
                };
                if let Some(it) = state.handover(id).cloned() {
                    work.push(self.inner.foresee_work(workload.as_ref(), it, &state).await?);
                }
            }
        }
        let teams = match stream {
            Stream::Organization(id) => self.inner.teams_left(id, &events, &state).await?,
            Stream::User(_) => Vec::new(),
        };
        let revoked = events.iter().filter_map(|event| {
            if let Event::InvitationRevoked { invitation } = event {
                Some(*invitation)
            } else {
                None
            }
        });
        let invitations = revoked.collect();
        let mails = events.iter().filter_map(|event| {
            if let Event::MailDue { mail } = event { Some(mail.about) } else { None }
        });
        let mails = mails.collect();
        let stops = was != status(&state);
        let access = self.compare(&command, &state, stops).await?;
        Ok(Preview { events, seats, mails, work, invitations, teams, access })
    }

    /// Compares what people may do before and after a command.
    async fn compare(
        &self,
        command: &Command,
        after: &State,
        stops: bool,
    ) -> Result<Option<Comparison>, Error> {
        const IN_FULL: usize = 1_000;
        let (Some(scope), now) = (command.scope(), self.inner.clock.now()) else {
            return Ok(Some(Comparison::default()));
        };
        let update = Update::of_state(after, scope.organization);
        if !update.is_about_access() && !stops {
            return Ok(Some(Comparison::default()));
        }
        match self.access_with(scope, &update.users()).await {
            Ok(access) => Ok(access.guard().compare(&update, now, IN_FULL)),
            // What is only about to be has nobody in it whose access could change.
            Err(Error::Refused(_)) => Ok(Some(Comparison::default())),
            Err(error) => Err(error),
        }
    }
}

fn seats(state: &State, stream: Stream) -> Option<(u64, Option<u32>)> {
    let Stream::Organization(id) = stream else { return None };
    let limit = state.organization(id).and_then(|it| it.seat_limit);
    Some((state.seats_used(id), limit))
}
