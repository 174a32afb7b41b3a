//! No library at all: what a host would keep by hand if nothing ever changed. It takes part to show
//! where the floor is, as every answer by id has to find the id first.

use hashbrown::HashMap;
use uuid::Uuid;

use crate::peer::{Part, Peer};
use crate::world::{PermissionSet, Question, World};

/// The finished answers of everybody.
pub(crate) struct Finished(HashMap<Uuid, PermissionSet>);

impl Peer for Finished {
    const CRATE: &'static str = "hand";
    const CONFIGURATION: &'static str = "a hash map of finished answers, which nobody can change";
    const PART: Part = Part::Rest;

    fn set_up(world: &World) -> Self {
        let finished = world.members.iter().map(|member| {
            let keeps = world.roles[member.role].keeps;
            let given = world.given(member).and(member.raised);
            let held = if keeps { given } else { given.but(member.denied) };
            (member.id, if member.active { held } else { PermissionSet::default() })
        });
        Self(finished.collect())
    }

    #[inline]
    fn allows(&mut self, question: &Question) -> bool {
        let held = self.0.get(&question.user);
        held.is_some_and(|it| it.has(usize::from(question.permission)))
    }
}
