//! Finding out what the people hold whom a command concerns, where duties are kept apart.

use crate::commands::{Command, Concern, Duties, Facts, Many, Weighed, weigh};
use crate::domain::{Event, Need, Record, Refusal, State, Timestamp};
use crate::ports::{Find, PeopleFilter, StoreError};

use super::decide::Ready;
use super::{Error, Inner};

/// So many people are looked at at once: memory holds a page, however many there are.
const PAGE: u32 = 500;

impl Inner {
    /// Looks at the people whom commands concern that could not be decided without; whether there
    /// were any, and the commands can be decided again.
    ///
    /// Each time one more of the commands is decided for good, so it ends.
    pub(super) async fn look_at_people(&self, jobs: &mut [Ready]) -> Result<bool, StoreError> {
        let most = 3 + jobs.iter().map(|job| job.asked.len()).sum::<usize>();
        let mut any = false;
        for asked in jobs.iter_mut().flat_map(|job| &mut job.asked) {
            let Some(concern) = asked.concern.take().filter(|_| asked.looks < most) else {
                continue;
            };
            asked.looks += 1;
            any = true;
            self.find_out(&mut asked.facts.duties, *concern, asked.facts.now).await?;
        }
        Ok(any)
    }

    /// Notes whom to look up, and goes through all others where that is needed, a page at a time.
    ///
    /// What is found is noted for the organization as far as it was when the command was to be
    /// decided. Whatever changes what anybody holds moves it on: then the note is of no use, and
    /// everybody is looked at again. What is decided on it is committed only if nothing did.
    async fn find_out(
        &self,
        duties: &mut Duties,
        concern: Concern,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        duties.people.extend(&concern.people);
        let team = match concern.many {
            None => return Ok(()),
            Some(Many::Everybody) => None,
            Some(Many::Team(team)) => Some(team),
        };
        let (scope, filter) =
            (concern.organization.into(), PeopleFilter { team, ..PeopleFilter::default() });
        let (mut after, mut found) = (None, None);
        loop {
            let limit = PAGE;
            let question = Find::People { scope, filter: filter.clone(), after, limit };
            let page = self.store.find(&question).await?;
            let mut people = Vec::new();
            after = None;
            for record in &page {
                if let Record::Membership(it) = record {
                    people.push(it.id);
                    after = filter.position(it);
                }
            }
            let needs: Vec<Need> = people.iter().map(|id| Need::Person(*id)).collect();
            let records = self.store.load(&needs).await?;
            found = found.or_else(|| concern.first_breach(&people, records, now));
            if found.is_some() || page.len() < PAGE as usize {
                break;
            }
        }
        duties.among_all = Some((concern.at, found));
        Ok(())
    }

    /// Decides a command that is not committed, on a state that may still lack people.
    pub(super) async fn foresee(
        &self,
        state: &mut State,
        command: &Command,
        facts: &mut Facts,
    ) -> Result<Result<Vec<Event>, Refusal>, Error> {
        const LOOKS: u32 = 4;
        for _ in 0..LOOKS {
            let concern = match weigh(state, command, facts) {
                Ok(Weighed::Follows(events)) => return Ok(Ok(events)),
                Ok(Weighed::Unknown(concern)) => concern,
                Err(refusal) => return Ok(Err(refusal)),
            };
            let people: Vec<Need> = concern.people.iter().map(|id| Need::Person(*id)).collect();
            state.load(self.store.load(&people).await?);
            self.find_out(&mut facts.duties, *concern, facts.now).await?;
        }
        Err(Error::Contended)
    }
}
