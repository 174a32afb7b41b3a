//! Which teams would be left without people, or without anybody who leads them.

use std::collections::{BTreeMap, BTreeSet};

use crate::access::{Item, Management, Standing};
use crate::domain::{
    Event, Key, MembershipId, Need, OrganizationId, Principal, Record, Scope, State, StatusGroup,
    TeamId, Timestamp,
};
use crate::ports::{Find, PeopleFilter, StoreError};

use super::super::Inner;

/// How many people of one team are looked at: a team with more is neither empty nor leaderless.
const LOOKED_AT: u32 = 200;

/// A team that would be left without somebody it had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TeamLeft {
    /// The team.
    pub team: TeamId,
    /// Without whom.
    pub without: TeamWithout,
}

/// Without whom a team would be left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TeamWithout {
    /// Nobody active would be in it.
    Anybody,
    /// Nobody in it could manage it (`teams.manage`), as somebody who goes can now.
    Leader,
}

impl Inner {
    pub(super) async fn teams_left(
        &self,
        organization: OrganizationId,
        events: &[Event],
        after: &State,
    ) -> Result<Vec<TeamLeft>, StoreError> {
        let mut gone: BTreeMap<TeamId, BTreeSet<MembershipId>> = BTreeMap::new();
        for event in events {
            if let Event::TeamLeft { team, membership } = event {
                gone.entry(*team).or_default().insert(*membership);
            } else if let Event::RoleChanged { membership, .. } = event {
                let it = after.membership(organization, *membership);
                for team in it.iter().flat_map(|it| &it.teams) {
                    gone.entry(*team).or_default();
                }
            } else if let Event::MembershipDeactivated { membership, .. }
            | Event::MembershipRemoved { membership, .. } = event
            {
                let it = after.membership(organization, *membership);
                for team in it.iter().flat_map(|it| &it.teams) {
                    gone.entry(*team).or_default().insert(*membership);
                }
            }
        }
        let mut left = Vec::new();
        for (team, gone) in gone {
            let filter = PeopleFilter {
                status: Some(StatusGroup::Active),
                team: Some(team),
                ..PeopleFilter::default()
            };
            let scope = organization.into();
            let question = Find::People { scope, filter, after: None, limit: LOOKED_AT };
            let found = self.store.find(&question).await?;
            if found.len() >= LOOKED_AT as usize {
                continue;
            }
            let members = found.into_iter().filter_map(|record| {
                if let Record::Membership(it) = record { Some(it.id) } else { None }
            });
            let members: Vec<_> = members.collect();
            let stay: Vec<_> = members.iter().copied().filter(|id| !gone.contains(id)).collect();
            if stay.is_empty() && !members.is_empty() {
                left.push(TeamLeft { team, without: TeamWithout::Anybody });
            } else if self.lead(State::default(), scope, team, &members).await?
                && !self.lead(after.clone(), scope, team, &stay).await?
            {
                left.push(TeamLeft { team, without: TeamWithout::Leader });
            }
        }
        Ok(left)
    }

    /// Whether one of these people can manage a team, in a state or else as things stand.
    async fn lead(
        &self,
        mut state: State,
        scope: Scope,
        team: TeamId,
        members: &[MembershipId],
    ) -> Result<bool, StoreError> {
        let mut needs = vec![Need::Record(Key::Organization(scope.organization))];
        needs.extend(members.iter().copied().map(Need::Person));
        state.load(self.store.load(&needs).await?);
        let now = self.clock.now();
        Ok(members.iter().any(|id| leads(&state, scope, team, *id, now)))
    }
}

fn leads(state: &State, scope: Scope, team: TeamId, id: MembershipId, now: Timestamp) -> bool {
    let user = state.membership(scope.organization, id).and_then(|it| it.user);
    let who = user.map(Principal::Person);
    let standing = who.and_then(|who| Standing::of(state, scope, &who, now));
    let item = Item { teams: BTreeSet::from([team]), ..Item::default() };
    standing.is_some_and(|standing| {
        let extent = standing.holds(&Management::ManageTeams.into()).extent;
        standing.reaches(&extent, &item)
    })
}
