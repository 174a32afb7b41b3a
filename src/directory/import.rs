//! Lists of people: what would come of them, and inviting them.

use std::collections::BTreeSet;

use crate::access::Management;
use crate::commands::{Command, Facts, ImportProblem, Review, Row, RowProblem};
use crate::domain::{
    BatchRoles, Event, OrganizationId, Principal, Refusal, Scope, Source, State, excerpt,
};

use super::many::Batching;
use super::{Done, Error, Inner, Request, UserDirectory};

/// What a list of people would come to, here and now.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Reviewed {
    /// The rows that would be invited, and what stands in the way of the others.
    pub review: Review,
    /// The seats that everybody on the list would use.
    pub seats: SeatsNeeded,
}

/// Seats that a list of people would use, against those that are free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SeatsNeeded {
    /// Seats in use once everybody on the list is in, beyond those in use now; rows that find no
    /// free seat are counted too.
    pub needed: u64,
    /// Seats that are free now; none means no limit.
    pub free: Option<u64>,
}

impl SeatsNeeded {
    /// How many seats are missing.
    pub fn missing(&self) -> u64 {
        self.free.map_or(0, |free| self.needed.saturating_sub(free))
    }
}

impl UserDirectory {
    /// What [`import`](Self::import) would say of each row now: decided by the same rules, on the
    /// same records, one row after the other; and not committed.
    ///
    /// Rows that would be refused (the person is here already, is blocked, the role may not be
    /// given, no seat is free, …) move to the problems.
    ///
    /// # Errors
    /// Whoever may invite nobody is refused, and so is a list that mixes roles where the rules say
    /// one role for all (C3).
    #[tracing::instrument(name = "tenure.review", level = "debug", skip_all, fields(rows = review.invites.len()))]
    pub async fn review(
        &self,
        who: &Principal,
        scope: impl Into<Scope>,
        mut review: Review,
    ) -> Result<Reviewed, Error> {
        let scope = scope.into();
        let mut state = self.inner.load(scope, who, Vec::new()).await?;
        let standing = self.inner.standing(&state, scope, who)?;
        Inner::may_ask(&standing, who, Management::Invite)?;
        drop(standing);
        if review.mixes_roles() {
            one_role(&state, scope.organization)?;
        }
        let used = state.seats_used(scope.organization);
        let limit = state.organization(scope.organization).and_then(|it| it.seat_limit);
        let request = who.clone().request().through(Source::Import);

        let mut needed = 0;
        let mut rows = std::mem::take(&mut review.invites).into_iter().peekable();
        while rows.peek().is_some() {
            let part: Vec<Row> = rows.by_ref().take(Batching::TOGETHER).collect();
            for (row, command, mut facts) in self.load_part(&mut state, part, &request).await? {
                let here = row.invite.scope == scope;
                let other = || Err(Refusal::TooMany { what: "scopes", max: 1 });
                let decided = if here {
                    self.inner.foresee(&mut state, &command, &mut facts).await?
                } else {
                    other()
                };
                needed += seats(&state, &row, &decided);
                match decided {
                    Ok(events) => {
                        for event in &events {
                            state.apply(command.stream(), event);
                        }
                        review.invites.push(row);
                    }
                    Err(refusal) => review.problems.push(refused(&row, refusal)),
                }
            }
        }
        review.problems.sort_by_key(|it| it.line);
        let free = limit.map(|limit| u64::from(limit).saturating_sub(used));
        Ok(Reviewed { review, seats: SeatsNeeded { needed, free } })
    }

    /// What the next rows have to know, in one load. What earlier rows would have changed stays as
    /// they would have left it.
    async fn load_part(
        &self,
        state: &mut State,
        part: Vec<Row>,
        request: &Request,
    ) -> Result<Vec<(Row, Command, Facts)>, Error> {
        let mut needs = BTreeSet::new();
        let asked = part.into_iter().map(|row| {
            let mut facts = self.inner.facts(request);
            facts.seats_are_full = true;
            let command: Command = row.invite.clone().into();
            needs.extend(command.needs(&facts));
            (row, command, facts)
        });
        let asked = asked.collect();
        let needs: Vec<_> = needs.into_iter().collect();
        state.load(self.inner.store.load(&needs).await?);
        Ok(asked)
    }

    /// Invites everybody on a list, in few commits; the audit says that they came by import. The
    /// answers are in the order of [`Review::invites`].
    ///
    /// # Errors
    /// As [`execute_all`](Self::execute_all); and as [`review`](Self::review) for whoever may invite
    /// nobody, and for a list that mixes roles where the rules say one role for all (C3).
    pub async fn import(
        &self,
        request: impl Into<Request> + Send,
        review: &Review,
        how: Batching,
    ) -> Result<Vec<Result<Done<()>, Error>>, Error> {
        let request = request.into().through(Source::Import);
        let Some(scope) = review.invites.first().map(|row| row.invite.scope) else {
            return Ok(Vec::new());
        };
        let state = self.inner.load(scope, &request.principal, Vec::new()).await?;
        let standing = self.inner.standing(&state, scope, &request.principal)?;
        Inner::may_ask(&standing, &request.principal, Management::Invite)?;
        let commands = review.commands();
        self.execute_all(request, commands, how).await
    }
}

/// C3: one role for all, or one for each row.
pub(super) fn one_role(state: &State, organization: OrganizationId) -> Result<(), Refusal> {
    let rules = state.organization(organization).map(|it| &it.rules);
    if rules.is_some_and(|rules| rules.batch == BatchRoles::OneRole) {
        let because = "give everybody who is invited together the same role";
        return Err(Refusal::RuleForbids { rule: "C3", because });
    }
    Ok(())
}

/// The seats that one row would use once the person is in.
fn seats(state: &State, row: &Row, decided: &Result<Vec<Event>, Refusal>) -> u64 {
    let organization = row.invite.scope.organization;
    let takes_seat = |role| state.role(organization, role).is_some_and(|role| role.takes_seat);
    match decided {
        Ok(events) => events.iter().fold(0, |seats, event| {
            let takes = matches!(event, Event::MembershipBegun { membership, .. }
                if membership.scope.workspace.is_none() && takes_seat(&membership.role));
            seats + u64::from(takes)
        }),
        Err(refusal) => u64::from(matches!(refusal, Refusal::SeatsFull { .. })),
    }
}

fn refused(row: &Row, refusal: Refusal) -> RowProblem {
    let excerpt = excerpt(row.invite.email.as_str());
    RowProblem::new(row.line, excerpt, ImportProblem::Refused(refusal))
}
