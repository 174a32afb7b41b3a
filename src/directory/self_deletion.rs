//! Deleting oneself, over all organizations: organizations first, the user last.

use crate::commands::{Command, DeleteUser, Leave};
use crate::domain::{
    HandoverPlan, Membership, MembershipId, Principal, Record, Refusal, RemovedBecause, UserId,
};
use crate::ports::Find;

use super::{Error, UserDirectory, WorkPreview};

/// The host's word that the person has just proved who they are, by password or better (S3 98).
#[derive(Clone, Copy, Debug)]
pub struct Reauthenticated(());

impl Reauthenticated {
    /// Say this only after checking the person's password or another factor.
    pub const fn just_now() -> Self {
        Self(())
    }
}

/// What deleting oneself did or would do.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct SelfDeletion {
    /// The memberships that end, or have ended.
    pub leaves: Vec<MembershipId>,
    /// The memberships that cannot end, and why: the user stays until these are solved.
    pub blockers: Vec<(Membership, Refusal)>,
    /// What would become of the person's work, in a preview.
    pub work: Vec<WorkPreview>,
    /// Whether the user is erased; never in a preview.
    pub is_erased: bool,
}

impl UserDirectory {
    /// What deleting oneself would do: which memberships end, and what stands in the way.
    pub async fn preview_self_deletion(
        &self,
        user: UserId,
        work: impl Fn(&Membership) -> Option<HandoverPlan> + Send,
    ) -> Result<SelfDeletion, Error> {
        let mut preview = SelfDeletion::default();
        for it in self.memberships_of(user).await? {
            let id = it.id;
            match self.preview(user, leave(&it, work(&it))).await {
                Ok(foreseen) => {
                    preview.leaves.push(id);
                    preview.work.extend(foreseen.work);
                }
                Err(Error::Refused(refusal)) => preview.blockers.push((it, refusal)),
                Err(other) => return Err(other),
            }
        }
        Ok(preview)
    }

    /// Leaves every organization and erases the user.
    ///
    /// Nothing is done while something stands in the way. Interrupted, it is resumed by asking
    /// again: what was left stays left. A membership that appears meanwhile keeps the user.
    pub async fn delete_oneself(
        &self,
        user: UserId,
        _: Reauthenticated,
        work: impl Fn(&Membership) -> Option<HandoverPlan> + Send,
    ) -> Result<SelfDeletion, Error> {
        let mut done = SelfDeletion::default();
        let all = self.memberships_of(user).await?;
        for it in &all {
            match self.preview(user, leave(it, work(it))).await {
                Ok(_) => {}
                Err(Error::Refused(refusal)) => done.blockers.push((it.clone(), refusal)),
                Err(other) => return Err(other),
            }
        }
        if !done.blockers.is_empty() {
            return Ok(done);
        }
        for it in all {
            match self.execute_command(user, leave(&it, work(&it))).await {
                Ok(_) => done.leaves.push(it.id),
                // Leaving an organization has left its workspaces already.
                Err(Error::Refused(Refusal::NotFound(_) | Refusal::NoTransition { .. })) => {}
                Err(Error::Refused(refusal)) => done.blockers.push((it, refusal)),
                Err(other) => return Err(other),
            }
        }
        if done.blockers.is_empty() {
            self.execute(Principal::Person(user), DeleteUser { user }).await?;
            done.is_erased = true;
        }
        Ok(done)
    }

    /// The live memberships of a user in all organizations: for the person and the host.
    pub async fn memberships_of(&self, user: UserId) -> Result<Vec<Membership>, Error> {
        const PAGE: u32 = 200;
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            let question = Find::MembershipsOf { user, after, limit: PAGE };
            let page = self.inner.store.find(&question).await?;
            let full = page.len() >= PAGE as usize;
            all.extend(page.into_iter().filter_map(|record| {
                if let Record::Membership(it) = record { Some(*it) } else { None }
            }));
            after = all.last().map(|last: &Membership| last.id);
            if !full {
                return Ok(all);
            }
        }
    }
}

fn leave(it: &Membership, handover: Option<HandoverPlan>) -> Command {
    let because = RemovedBecause::SelfDeleted;
    Leave { scope: it.scope, membership: it.id, because, handover }.into()
}
