//! What a participant has to offer to be asked, and how it is asked.

use std::hint::black_box;
use std::time::Duration;

use cpu_time::ThreadTime;

use crate::world::{Question, World};

/// Which part of the rule the crate decides itself.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// All of it: it is told role, teams, overrides and activity of a member and what roles and
    /// teams give. Changing a role or a team is one change for the host.
    Whole,
    /// The host has prepared answers, at least what role, teams and raises give all in all, and has
    /// to prepare them anew for everybody concerned when something changes.
    Rest,
}

/// One crate in one configuration.
pub(crate) trait Peer: Sized {
    /// The crate.
    const CRATE: &'static str;
    /// How it is configured.
    const CONFIGURATION: &'static str;
    const PART: Part;

    /// Everything that is done once, and not for each question.
    fn set_up(world: &World) -> Self;

    fn allows(&mut self, question: &Question) -> bool;
}

/// A [`Peer`] that has been set up, whichever it is.
pub(crate) trait Participant {
    /// Answers all questions, and says how long this thread worked for that: whoever else is busy
    /// on the machine would interrupt those most who need longest.
    fn ask(&mut self, questions: &[Question], answers: &mut Vec<bool>) -> Duration;
}

impl<P: Peer> Participant for P {
    fn ask(&mut self, questions: &[Question], answers: &mut Vec<bool>) -> Duration {
        answers.clear();
        answers.reserve(questions.len());
        let started = ThreadTime::now();
        for question in questions {
            answers.push(self.allows(black_box(question)));
        }
        started.elapsed()
    }
}

/// A [`Peer`] that can be set up.
pub(crate) struct Entry {
    pub(crate) name: &'static str,
    pub(crate) configuration: &'static str,
    pub(crate) part: Part,
    pub(crate) set_up: fn(&World) -> Box<dyn Participant>,
}

impl Entry {
    pub(crate) const fn of<P: Peer + 'static>() -> Self {
        Self {
            name: P::CRATE,
            configuration: P::CONFIGURATION,
            part: P::PART,
            set_up: |world| Box::new(P::set_up(world)),
        }
    }
}
