//! What callers ask: whatever gets in each other's way.

use tenure::commands::{
    AcceptInvitation, AcceptOwnership, ChangeRole, ChangeTeamMembers, CreateTeam, Deactivate,
    EditProfile, Invite, OfferOwnership, Reactivate, RemoveMember, RevokeInvitation, SetSeatLimit,
    WorkOnReturn,
};
use tenure::domain::{DeactivatedBecause, MembershipId, OrganizationId};
use tenure::{Command, Principal, Profile};

use crate::part::{House, Part, stranger};

pub(crate) struct Act {
    pub(crate) organization: OrganizationId,
    pub(crate) who: Principal,
    pub(crate) command: Command,
}

/// Chance that is the same in every run (`SplitMix64`).
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0xD1B5_4A32_D192_ED03))
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut it = self.0;
        it = (it ^ (it >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        it = (it ^ (it >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((it ^ (it >> 31)) % end as u64).unwrap()
    }

    pub(crate) fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }
}

impl Part {
    pub(crate) async fn an_act(&self, chance: &mut Chance) -> Act {
        let link = self.letters.0.lock().unwrap().links.pop();
        if let Some(link) = link
            && let Ok(view) = self.directory.inspect(&link).await
            && view.is_open
        {
            if chance.one_in(4) {
                // And somebody else follows it, too.
                self.letters.0.lock().unwrap().links.push(link);
            }
            let (organization, who) = (view.organization, view.link.clone().into());
            return Act { organization, who, command: view.accept().into() };
        }
        let house = &self.stage.organizations[chance.below(self.stage.organizations.len())];
        let organization = house.id;
        let invited = {
            let invited = self.invited.lock().unwrap();
            (!invited.is_empty()).then(|| chance.of(&invited))
        };
        if let Some((organization, invitation, user)) = invited.filter(|_| chance.one_in(8)) {
            let command = if chance.one_in(4) {
                let scope = organization.into();
                return Act {
                    organization,
                    who: self.somebody(organization, 5, chance),
                    command: RevokeInvitation { scope, invitation }.into(),
                };
            } else {
                AcceptInvitation::new(organization, invitation).into()
            };
            return Act { organization, who: Principal::Person(user), command };
        }
        if chance.one_in(4) {
            let command = the_host_helps(house, chance);
            return Act { organization, who: Principal::System, command };
        }
        let who = self.somebody(organization, 6, chance);
        Act { organization, who, command: self.a_command(house, chance) }
    }

    /// One of the first so many, of whom most may do most things.
    fn somebody(
        &self,
        organization: OrganizationId,
        first: usize,
        chance: &mut Chance,
    ) -> Principal {
        let house = self.stage.organizations.iter().find(|it| it.id == organization).unwrap();
        Principal::Person(house.people[chance.below(first)].0)
    }

    fn a_command(&self, house: &House, chance: &mut Chance) -> Command {
        let (organization, scope) = (house.id, house.id.into());
        let membership = self.someone(house, chance);
        let role = |chance: &mut Chance| {
            chance.of(&["owner", "admin", "agent", "viewer", "customer"]).parse().unwrap()
        };
        match chance.below(36) {
            0..=4 => {
                let email = if chance.one_in(2) {
                    stranger(chance.below(self.stage.strangers.len()))
                } else {
                    format!("new{}-{}@new.example", self.number, chance.below(1 << 20))
                };
                let role = chance.of(&["agent", "agent", "admin", "customer"]).parse().unwrap();
                Invite::new(organization, email.parse().unwrap(), role).into()
            }
            5..=9 => ChangeRole { scope, membership, role: role(chance), handover: None }.into(),
            10..=12 => {
                let role = "owner".parse().unwrap();
                let then_become = chance.one_in(3).then(|| "admin".parse().unwrap());
                OfferOwnership { organization, membership, role, then_become }.into()
            }
            13..=14 => AcceptOwnership { organization }.into(),
            15..=17 => {
                let because = DeactivatedBecause::Leave;
                Deactivate { scope, membership, because, handover: None }.into()
            }
            18..=21 => Reactivate { scope, membership, work: WorkOnReturn::StaysWhereItIs }.into(),
            22 => {
                let came: Vec<MembershipId> = self.who_came(house);
                if came.is_empty() {
                    return the_host_helps(house, chance);
                }
                let membership = chance.of(&came);
                RemoveMember { scope, membership, handover: None }.into()
            }
            23..=24 => {
                let limit = u32::try_from(10 + chance.below(14)).unwrap();
                SetSeatLimit { organization, limit: Some(limit) }.into()
            }
            25..=26 => {
                let (team, other) = (chance.of(&house.teams), self.someone(house, chance));
                let (join, leave) = (vec![membership], vec![other]);
                ChangeTeamMembers { organization, team, join, leave, handover: None }.into()
            }
            27 => {
                let name = format!("Team {}", chance.below(400)).parse().unwrap();
                CreateTeam { organization, name, description: None, members: vec![membership] }
                    .into()
            }
            _ => {
                let name = format!("Somebody {}", chance.below(1 << 20));
                EditProfile { scope, membership, fields: Profile::named(&name).unwrap().0 }.into()
            }
        }
    }

    /// Somebody who is there, or was.
    fn someone(&self, house: &House, chance: &mut Chance) -> MembershipId {
        let came = self.who_came(house);
        if came.is_empty() || chance.one_in(2) {
            return house.people[chance.below(house.people.len())].1;
        }
        chance.of(&came)
    }

    fn who_came(&self, house: &House) -> Vec<MembershipId> {
        let came = self.came.lock().unwrap();
        came.iter().filter(|it| it.0 == house.id).map(|it| it.2).collect()
    }
}

/// Whoever was there from the beginning comes back, so that it goes on; and seldom do many keep the
/// organization.
fn the_host_helps(house: &House, chance: &mut Chance) -> Command {
    let (scope, n) = (house.id.into(), chance.below(house.people.len().min(6)));
    let membership = house.people[n].1;
    if chance.one_in(2) {
        return Reactivate { scope, membership, work: WorkOnReturn::StaysWhereItIs }.into();
    }
    let role = if chance.one_in(5) { "owner" } else { "admin" }.parse().unwrap();
    ChangeRole { scope, membership, role, handover: None }.into()
}
