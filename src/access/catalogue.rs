//! The permissions there are: the host's enum and ours.

use std::any::TypeId;
use std::collections::BTreeMap;

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
    /// Each name, with its numbers: more than one if two enums declare it.
    names: BTreeMap<PermissionName, Vec<usize>>,
    /// Each enum, with the number of its first permission.
    types: Vec<(TypeId, usize)>,
    /// The name of each number.
    numbered: Vec<PermissionName>,
}

impl Catalogue {
    /// The management permissions alone.
    pub fn new() -> Self {
        Self { names: BTreeMap::new(), types: Vec::new(), numbered: Vec::new() }
            .with::<Management>()
    }

    /// The catalogue with a host's permissions.
    #[must_use]
    pub fn with<P: Permission>(mut self) -> Self {
        if !self.has::<P>() {
            self.types.push((TypeId::of::<P>(), self.numbered.len()));
            for permission in P::ALL {
                let name: PermissionName = (*permission).into();
                self.names.entry(name.clone()).or_default().push(self.numbered.len());
                self.numbered.push(name);
            }
        }
        self
    }

    /// Whether a permission of this name may be given.
    pub fn knows(&self, name: &PermissionName) -> bool {
        self.names.contains_key(name)
    }

    /// Whether this enum was declared to it.
    pub fn has<P: Permission>(&self) -> bool {
        self.first_of::<P>().is_some()
    }

    /// Every name, in order.
    pub fn names(&self) -> impl Iterator<Item = &PermissionName> {
        self.names.keys()
    }

    /// The number of an enum's first permission; the others follow it.
    pub(crate) fn first_of<P: Permission>(&self) -> Option<usize> {
        let (_, first) = self.types.iter().find(|(id, _)| *id == TypeId::of::<P>())?;
        Some(*first)
    }

    /// The host's first enum, with the number of its first permission: most questions are about it.
    pub(crate) fn host(&self) -> (TypeId, usize) {
        // INVARIANT: the management permissions are always there, and come first.
        self.types.get(1).or(self.types.first()).copied().unwrap_or((TypeId::of::<()>(), 0))
    }

    /// The name of a number.
    pub(crate) fn name(&self, number: usize) -> Option<&PermissionName> {
        self.numbered.get(number)
    }

    /// The numbers of a name.
    pub(crate) fn numbers(&self, name: &PermissionName) -> &[usize] {
        self.names.get(name).map_or(&[], Vec::as_slice)
    }
}

impl Default for Catalogue {
    fn default() -> Self {
        Self::new()
    }
}
