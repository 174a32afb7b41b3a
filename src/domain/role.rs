//! Named sets of permissions, and how far each permission reaches.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{FenceName, Invalid, PermissionName, RoleName, RoleTitle};

/// Where a role stands above others; higher outranks lower.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Rank(pub u16);

/// What sort of person holds a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RoleKind {
    /// Works for the organization.
    Staff,
    /// Is served by it (S4 106).
    Customer,
}

/// Of whose things a permission reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Breadth {
    /// Those the person holds.
    Own,
    /// Those the person or one of their teams holds.
    Team,
    /// All of them.
    All,
}

/// How far a permission goes: a breadth, and perhaps only inside listed resources.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reach {
    /// Of whose things.
    pub breadth: Breadth,
    /// Only inside the resources listed under this name on the membership or its teams.
    #[serde(default)]
    pub within: Option<FenceName>,
}

impl Reach {
    /// Everything.
    pub const ALL: Self = Self { breadth: Breadth::All, within: None };
    /// What the person or one of their teams holds.
    pub const TEAM: Self = Self { breadth: Breadth::Team, within: None };
    /// What the person holds.
    pub const OWN: Self = Self { breadth: Breadth::Own, within: None };

    /// The same breadth, only inside the resources listed under a name.
    pub fn within(mut self, fence: &str) -> Result<Self, Invalid> {
        self.within = Some(FenceName::new(fence)?);
        Ok(self)
    }
}

/// The permissions that a role gives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RolePermissions {
    /// Every permission there is, now and later, with full reach, except these.
    AllBut(BTreeSet<PermissionName>),
    /// These, each with its reach.
    Only(BTreeMap<PermissionName, Reach>),
}

impl RolePermissions {
    /// The reach it gives a permission, if it gives it.
    pub fn reach(&self, permission: &PermissionName) -> Option<Reach> {
        match self {
            Self::AllBut(except) => (!except.contains(permission)).then_some(Reach::ALL),
            Self::Only(listed) => listed.get(permission).cloned(),
        }
    }
}

/// Which roles the holders of a role may give.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MayAssign {
    /// Every role that ranks no higher and holds no more than they do themselves.
    NoMoreThanOwn,
    /// These, as far as they rank no higher.
    Only(BTreeSet<RoleName>),
}

/// A named set of permissions with a rank.
#[expect(clippy::struct_excessive_bools, reason = "five independent properties of one record")]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Role {
    /// Its name within the organization.
    pub name: RoleName,
    /// What people read.
    pub title: RoleTitle,
    /// Where it stands.
    pub rank: Rank,
    /// What sort of person holds it.
    pub kind: RoleKind,
    /// What it gives.
    pub permissions: RolePermissions,
    /// What its holders may give.
    pub may_assign: MayAssign,
    /// Whether an Active holder keeps the organization (an owner, under any name): I1.
    pub keeps_organization: bool,
    /// Whether its holders use a seat (C10).
    pub takes_seat: bool,
    /// Whether people may be invited to it (C6).
    pub invitable: bool,
    /// Whether holding it in the organization counts in every workspace too.
    pub reaches_workspaces: bool,
    /// Made at run time, rather than chosen by the host.
    pub custom: bool,
}

impl Role {
    /// A staff role that gives nothing yet, takes a seat and is invitable.
    pub fn new(name: &str, rank: u16) -> Result<Self, Invalid> {
        Ok(Self {
            name: RoleName::new(name)?,
            title: RoleTitle::new(name)?,
            rank: Rank(rank),
            kind: RoleKind::Staff,
            permissions: RolePermissions::Only(BTreeMap::new()),
            may_assign: MayAssign::Only(BTreeSet::new()),
            keeps_organization: false,
            takes_seat: true,
            invitable: true,
            reaches_workspaces: false,
            custom: false,
        })
    }

    /// The role with another title.
    pub fn titled(mut self, title: &str) -> Result<Self, Invalid> {
        self.title = RoleTitle::new(title)?;
        Ok(self)
    }

    /// The role for customers: no seat.
    #[must_use]
    pub fn customer(mut self) -> Self {
        self.kind = RoleKind::Customer;
        self.takes_seat = false;
        self
    }

    /// The role as one whose Active holder keeps the organization; it reaches every workspace.
    #[must_use]
    pub fn keeper(mut self) -> Self {
        self.keeps_organization = true;
        self.reaches_workspaces = true;
        self
    }

    /// The role without a seat.
    #[must_use]
    pub fn free(mut self) -> Self {
        self.takes_seat = false;
        self
    }

    /// The role to which nobody is invited directly (C6).
    #[must_use]
    pub fn not_invitable(mut self) -> Self {
        self.invitable = false;
        self
    }

    /// The role counting in every workspace.
    #[must_use]
    pub fn everywhere(mut self) -> Self {
        self.reaches_workspaces = true;
        self
    }

    /// The role with every permission except these.
    #[must_use]
    pub fn all_but<P: Into<PermissionName>>(mut self, except: impl IntoIterator<Item = P>) -> Self {
        self.permissions = RolePermissions::AllBut(except.into_iter().map(Into::into).collect());
        self
    }

    /// The role with one more permission, to this reach.
    #[must_use]
    pub fn with(mut self, permission: impl Into<PermissionName>, reach: Reach) -> Self {
        let permission = permission.into();
        match &mut self.permissions {
            RolePermissions::AllBut(except) => {
                except.remove(&permission);
            }
            RolePermissions::Only(listed) => {
                listed.insert(permission, reach);
            }
        }
        self
    }

    /// The role whose holders may give these roles.
    pub fn assigns<'a>(
        mut self,
        roles: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, Invalid> {
        let roles = roles.into_iter().map(RoleName::new).collect::<Result<_, _>>()?;
        self.may_assign = MayAssign::Only(roles);
        Ok(self)
    }

    /// The role whose holders may give whatever ranks no higher and holds no more than they do.
    #[must_use]
    pub fn assigns_all(mut self) -> Self {
        self.may_assign = MayAssign::NoMoreThanOwn;
        self
    }
}
