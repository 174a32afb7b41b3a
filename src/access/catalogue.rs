//! The permissions there are: the host's enum and ours.

use std::any::TypeId;
use std::collections::{BTreeSet, HashMap};

use foldhash::fast::RandomState;

use crate::domain::PermissionName;

/// A permission of an enum that [`permissions!`](crate::permissions) declares.
pub trait Permission: Copy + Into<PermissionName> + 'static {
    /// All of them, in the order of their declaration.
    const ALL: &'static [Self];

    /// The stored name.
    fn name(self) -> &'static str;

    /// Its place in [`ALL`](Self::ALL).
    fn index(self) -> usize;
}

/// Declares the host's permissions: an enum, and the name under which each is stored.
///
/// Names are checked at compile time (`a`–`z`, `0`–`9`, `_`, `-`, `.`; at most 64).
///
/// ```
/// tenure::permissions! {
///     /// What people may do in a help desk.
///     pub enum Desk {
///         /// See tickets.
///         ViewTickets = "tickets.view",
///         /// Delete tickets for good.
///         DeleteTickets = "tickets.delete",
///     }
/// }
/// assert_eq!(tenure::Permission::name(Desk::ViewTickets), "tickets.view");
/// ```
#[macro_export]
macro_rules! permissions {
    ($(#[$enum_doc:meta])* $vis:vis enum $name:ident {
        $($(#[$doc:meta])* $variant:ident = $stored:literal),+ $(,)?
    }) => {
        $(#[$enum_doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        $vis enum $name { $($(#[$doc])* $variant),+ }

        $(const _: () = assert!(
            $crate::domain::PermissionName::can_be($stored),
            "a permission's stored name has a-z, 0-9, _, -, . and at most 64 of them"
        );)+

        impl $crate::Permission for $name {
            const ALL: &'static [Self] = &[$(Self::$variant),+];

            fn name(self) -> &'static str {
                match self { $(Self::$variant => $stored),+ }
            }

            fn index(self) -> usize {
                self as usize
            }
        }

        impl From<$name> for $crate::domain::PermissionName {
            fn from(permission: $name) -> Self {
                Self::declared($crate::Permission::name(permission))
            }
        }
    };
}

permissions! {
    /// What administrators may do here; they stand in the same catalogue as the host's own.
    pub enum Management {
        /// See the people, invitations and teams.
        ViewPeople = "people.view",
        /// Invite people, send invitations again, take them back.
        Invite = "people.invite",
        /// Edit people's profiles.
        EditPeople = "people.edit",
        /// Change people's roles.
        ChangeRoles = "people.change_role",
        /// Raise, cap and deny permissions of single people, and list their resources.
        OverridePermissions = "people.permissions",
        /// Deactivate, block and reactivate people, and end their sessions.
        Deactivate = "people.deactivate",
        /// Remove people.
        Remove = "people.remove",
        /// Erase what is personal of removed people.
        Erase = "people.erase",
        /// Help people with their passwords.
        Passwords = "people.passwords",
        /// Make, change and delete roles.
        ManageRoles = "roles.manage",
        /// Make, change and delete teams, and choose who is in them.
        ManageTeams = "teams.manage",
        /// Pause, resume and give up handovers, and choose again who receives.
        HandOverWork = "work.hand_over",
        /// Open and close workspaces.
        ManageWorkspaces = "workspaces.manage",
        /// Rename the organization and choose its rules.
        ManageOrganization = "organization.manage",
        /// Close the organization, and resume it while it is closing.
        CloseOrganization = "organization.close",
        /// See and set the seat limit, and whatever else has to do with money (C8).
        Billing = "billing.manage",
        /// Let support in, and out.
        ManageSupport = "support.manage",
        /// Read the audit.
        ViewAudit = "audit.view",
        /// Offer a role that keeps the organization.
        OfferOwnership = "ownership.offer",
    }
}

/// Every permission that may be given: the host's and [`Management`].
#[derive(Clone, Debug)]
pub struct Catalogue {
    /// Each name, in order.
    names: BTreeSet<PermissionName>,
    /// The numbers of each name: more than one if two enums declare it.
    numbers: HashMap<PermissionName, Vec<usize>, RandomState>,
    /// Each of the host's enums, with the place of its first permission among the host's.
    types: Vec<(TypeId, usize)>,
    /// The host's permissions in the order of their places.
    host: Vec<PermissionName>,
}

/// Numbers below this are answered fastest, by a bit. The host's permissions have the first numbers,
/// ours the last of those, and whatever the host declares beyond that the numbers behind.
pub(crate) const FAST: usize = 128;

/// The number of the first management permission.
const OURS: usize = FAST - Management::ALL.len();

/// The number of the host's permission at a place.
#[inline]
pub(crate) const fn number_at(place: usize) -> usize {
    if place < OURS { place } else { place + (FAST - OURS) }
}

impl Catalogue {
    /// The management permissions alone.
    pub fn new() -> Self {
        let ours = || Management::ALL.iter().copied();
        Self {
            names: ours().map(Into::into).collect(),
            numbers: ours().map(|it| (it.into(), vec![OURS + it.index()])).collect(),
            types: Vec::new(),
            host: Vec::new(),
        }
    }

    /// The catalogue with a host's permissions.
    #[must_use]
    pub fn with<P: Permission>(mut self) -> Self {
        if !self.has::<P>() {
            self.types.push((TypeId::of::<P>(), self.host.len()));
            for permission in P::ALL {
                let name: PermissionName = (*permission).into();
                let number = number_at(self.host.len());
                self.names.insert(name.clone());
                self.numbers.entry(name.clone()).or_default().push(number);
                self.host.push(name);
            }
        }
        self
    }

    /// Whether a permission of this name may be given.
    pub fn knows(&self, name: &PermissionName) -> bool {
        self.numbers.contains_key(name)
    }

    /// Whether this enum was declared to it.
    pub fn has<P: Permission>(&self) -> bool {
        P::ALL.first().is_none_or(|first| self.number(*first).is_some())
    }

    /// Every name, in order.
    pub fn names(&self) -> impl Iterator<Item = &PermissionName> {
        self.names.iter()
    }

    /// The number of a permission; none if its enum was not declared.
    #[inline]
    pub(crate) fn number<P: Permission>(&self, permission: P) -> Option<usize> {
        // Most questions are about the host's first enum.
        let mut types = self.types.iter();
        if let Some((_, first)) = types.find(|(id, _)| *id == TypeId::of::<P>()) {
            return Some(number_at(first + permission.index()));
        }
        (TypeId::of::<P>() == TypeId::of::<Management>()).then(|| OURS + permission.index())
    }

    /// The host's first enum, with the place of its first permission.
    pub(crate) fn first_type(&self) -> (TypeId, usize) {
        self.types.first().copied().unwrap_or((TypeId::of::<()>(), 0))
    }

    /// The name of a number.
    pub(crate) fn name(&self, number: usize) -> Option<&PermissionName> {
        if let Some(ours) = number.checked_sub(OURS).and_then(|at| Management::ALL.get(at)) {
            return self.names.get(&(*ours).into());
        }
        let ours = if number < OURS { 0 } else { FAST - OURS };
        self.host.get(number - ours)
    }

    /// The numbers of a name.
    pub(crate) fn numbers(&self, name: &PermissionName) -> &[usize] {
        self.numbers.get(name).map_or(&[], Vec::as_slice)
    }
}

impl Default for Catalogue {
    fn default() -> Self {
        Self::new()
    }
}
