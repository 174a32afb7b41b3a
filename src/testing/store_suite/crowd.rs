//! Random people, with names that are easily sorted, folded and matched wrongly.

use super::samples::{self, at, email, membership, removed, role_name};
use crate::domain::{
    DeactivatedBecause, Membership, MembershipId, MembershipStatus, PendingBecause, Profile, Scope,
    UserId,
};

/// A die that falls the same way in every run (xorshift64).
pub(super) struct Die(pub(super) u64);

impl Die {
    pub(super) fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % sides
    }

    pub(super) fn pick<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.roll(of.len())].clone()
    }
}

/// Names that sort, fold and match in ways that are easily got wrong: wildcards of patterns,
/// quotes, other scripts, letters outside the first plane beside the private ones in it.
const NAMES: [&str; 24] = [
    "Ada Lovelace",
    "ada lovelace",
    "ADA Byron",
    "Bob",
    "bob bobson",
    "Émile Zola",
    "E\u{301}mile",
    "Straße Weiß",
    "STRASSE weiss",
    "Άλφα Βήτα",
    "Иван Петров",
    "北風 太郎",
    "Ünal",
    "ﬁona ﬂynn",
    "100% real",
    "100 real",
    "under_score",
    "underscore",
    "back\\slash",
    "o'neil \"x\"",
    "\u{e000} private",
    "😀 smile",
    "z\u{10ffff}a",
    "zz top of the long list",
];

pub(super) const ROLES: [&str; 3] = ["admin", "agent", "customer"];

pub(super) const TEAMS: [u128; 3] = [801, 802, 803];

/// The first of forty users.
pub(super) const USERS: u128 = 900;

/// A random state of a membership in a scope.
pub(super) fn random_person(die: &mut Die, id: MembershipId, scope: Scope) -> Membership {
    let since = at(0);
    let status = die.pick(&[
        MembershipStatus::Active { since },
        MembershipStatus::Active { since },
        MembershipStatus::Pending { because: PendingBecause::Invitation, since },
        MembershipStatus::Pending { because: PendingBecause::LapsedInvitation, since },
        MembershipStatus::Pending { because: PendingBecause::Provisioned, since },
        MembershipStatus::Deactivated { because: DeactivatedBecause::Leave, since },
        removed(),
    ]);
    let profile = match die.roll(6) {
        0 => Profile::default(),
        _ => Profile::named(die.pick(&NAMES)).unwrap(),
    };
    let number = die.roll(40);
    let domain = die.pick(&["example.com", "example.org", "bücher.example"]);
    let address = die.pick(&["ada", "Bob.Smith", "x_y", "ünal"]);
    Membership {
        email: (die.roll(5) > 0).then(|| email(&format!("{address}{number}@{domain}"))),
        status,
        profile,
        role: role_name(die.pick(&ROLES)),
        // All teams are of the first organization.
        teams: TEAMS
            .into_iter()
            .filter(|_| die.roll(3) == 0 && scope.organization == samples::id(1))
            .map(samples::id)
            .collect(),
        user: (die.roll(2) == 0).then(|| samples::id::<UserId>(USERS + number as u128)),
        former_number: (die.roll(4) == 0).then_some(number as u64),
        ..membership(id, scope)
    }
}
