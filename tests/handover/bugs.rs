//! Bugs that are planted in the ports, for the property to find.

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bug {
    /// Asked again under the same name, the host does it again.
    HostDoesTwice,
    /// An empty batch does not close its name.
    HostForgetsNothing,
    /// It moves what lies elsewhere, too.
    HostIgnoresPlaces,
    /// It goes by its own idea of what was touched: nothing ever is.
    TouchedIsNothing,
    /// It closes what it moves.
    HostCloses,
    /// Its survey forgets an inbox.
    SurveyForgets,
    /// What it looks for it does not find.
    LookFindsNobody,
    /// The store drops receipts.
    ReceiptsDropped,
    /// The store keeps half of what a receipt says.
    ReceiptsHalved,
    /// The store drops the batch that is being asked for.
    AskedDropped,
    /// Whoever comes second knows the batch under another number.
    AnotherNumber,
    /// Every fourth checkpoint is acknowledged and not written.
    CheckpointsLost,
    /// Whoever writes a handover last wins.
    NoGuards,
    /// People are as they were at the beginning.
    PeopleStandStill,
    /// The store forgets handovers that are paused or over and still have a batch under way.
    OnlyRunningAreDue,
}

/// All of them.
pub(crate) const ALL: [Bug; 15] = [
    Bug::HostDoesTwice,
    Bug::HostForgetsNothing,
    Bug::HostIgnoresPlaces,
    Bug::TouchedIsNothing,
    Bug::HostCloses,
    Bug::SurveyForgets,
    Bug::LookFindsNobody,
    Bug::ReceiptsDropped,
    Bug::ReceiptsHalved,
    Bug::AskedDropped,
    Bug::AnotherNumber,
    Bug::CheckpointsLost,
    Bug::NoGuards,
    Bug::PeopleStandStill,
    Bug::OnlyRunningAreDue,
];
