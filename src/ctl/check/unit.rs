//! What the unit of a daemon says, and as whom its process runs.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::CString;
use std::fs::{self, Metadata};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use nix::unistd::{Gid, Group, User, getgrouplist};

use super::systemctl;
use crate::config::HostId;

/// To write into a directory: its owner's, group's and others' bits.
const WRITE: [u32; 3] = [0o300, 0o030, 0o003];

pub(super) const HIDDEN: &str = "the units hide it from the daemon";
pub(super) const READ_ONLY: &str = "the daemon can only read there";
/// How many units are asked for at a time: a command line has an end.
const MAX_ASKED: usize = 500;
const PROPERTIES: &str = "--property=Id,MainPID,User,Group,SupplementaryGroups,BindPaths,BindReadOnlyPaths,ReadWritePaths,\
     FragmentPath,DropInPaths";

/// What the unit of a daemon says.
pub(super) struct Unit {
    /// As whom its process runs, or would; none if that is nobody who is known.
    pub(super) ids: Option<Ids>,
    /// Its process; 0 if it does not run.
    pub(super) pid: u32,
    /// The unit's file and its drop-ins.
    pub(super) files: Vec<PathBuf>,
    /// Where it may write.
    open: Vec<PathBuf>,
    /// What it sees of what is hidden from it.
    pub(super) seen: Vec<PathBuf>,
}

impl Unit {
    /// Of the instance of each of `peers` what systemd knows of its unit.
    pub(super) fn of_each<'a>(peers: impl Iterator<Item = &'a HostId>) -> Vec<Option<Self>> {
        let names: Vec<_> = peers.map(|id| format!("lonc@{id}.service")).collect();
        let mut all = Vec::new();
        for names in names.chunks(MAX_ASKED) {
            let options = [PROPERTIES, "--"].map(str::to_owned);
            let arguments: Vec<_> = options.into_iter().chain(names.iter().cloned()).collect();
            let said = systemctl::ask("show", &arguments).unwrap_or_default();
            let mut known = Self::known(&said);
            all.extend(names.iter().map(|name| known.remove(name.as_str())));
        }
        all
    }

    /// By their names.
    fn known(said: &str) -> BTreeMap<&str, Self> {
        let unit = |text| Some((value(text, "Id")?, Self::read(text)?));
        said.split("\n\n").filter_map(unit).collect()
    }

    /// By the lines of `systemctl show`; `Key=-path`, and for what is bound `path:path:options`.
    pub(super) fn read(text: &str) -> Option<Self> {
        let (user, group) = (value(text, "User")?, value(text, "Group")?);
        let more = value(text, "SupplementaryGroups").unwrap_or_default();
        let path = |word: &str| word.trim_start_matches('-').split(':').next().map(PathBuf::from);
        let paths = |keys: [&str; 2]| {
            let words = keys.into_iter().filter_map(|key| value(text, key));
            words.flat_map(str::split_whitespace).filter_map(path).collect()
        };
        Some(Self {
            ids: Ids::named(user, group, more),
            pid: value(text, "MainPID")
                .and_then(|pid| pid.parse().ok())
                .unwrap_or_default(),
            files: paths(["FragmentPath", "DropInPaths"]),
            open: paths(["BindPaths", "ReadWritePaths"]),
            seen: paths(["BindPaths", "BindReadOnlyPaths"]),
        })
    }

    pub(super) fn fault(&self, directory: &Path) -> Option<String> {
        let metadata = match fs::metadata(directory) {
            Ok(metadata) => metadata,
            Err(fault) if fault.kind() == ErrorKind::NotFound => return Some("is not there".to_owned()),
            Err(_) => return None,
        };
        if !self.open.iter().any(|open| directory.starts_with(open)) {
            let why = if directory.starts_with("/home") {
                HIDDEN
            } else {
                READ_ONLY
            };
            return Some(why.to_owned());
        }
        self.ids.as_ref()?.fault(&metadata)
    }
}

fn value<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let mut pairs = text.lines().filter_map(|line| line.split_once('='));
    pairs.find_map(|(known, value)| (known == key).then_some(value))
}

fn group_of(word: &str) -> Option<Gid> {
    match word.parse::<u32>() {
        Ok(number) => Some(number.into()),
        Err(_) => Some(Group::from_name(word).ok()??.gid),
    }
}

/// As whom a process runs.
#[derive(Clone)]
pub(super) struct Ids {
    user: u32,
    groups: BTreeSet<u32>,
}

impl Ids {
    /// As systemd would start a process of which a unit says this: in the groups of which the user is a member, too
    /// (`systemd.exec(5)`). Users and groups are names or numbers.
    fn named(user: &str, group: &str, more: &str) -> Option<Self> {
        let is_root = user.is_empty();
        let (number, known) = if let Ok(number) = user.parse::<u32>() {
            (number, User::from_uid(number.into()).ok()?)
        } else {
            let name = if is_root { "root" } else { user };
            let known = User::from_name(name).ok()??;
            (known.uid.as_raw(), Some(known))
        };
        let group = if group.is_empty() {
            known.as_ref()?.gid
        } else {
            group_of(group)?
        };
        let mut groups = BTreeSet::from([group.as_raw()]);
        let member = known.filter(|_| !is_root && group.as_raw() != 0);
        if let Some(name) = member.and_then(|user| CString::new(user.name).ok()) {
            groups.extend(
                getgrouplist(&name, group)
                    .ok()?
                    .iter()
                    .map(|group| group.as_raw()),
            );
        }
        for name in more.split_whitespace() {
            groups.insert(group_of(name)?.as_raw());
        }
        Some(Self { user: number, groups })
    }

    /// By the lines of `proc_pid_status(5)`; the second number of a line is the one in force.
    pub(super) fn of(pid: u32) -> Option<Self> {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let line = |name: &str| -> Option<Vec<u32>> {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            Some(line.split_whitespace().filter_map(|id| id.parse().ok()).collect())
        };
        let mut groups: BTreeSet<_> = line("Groups:")?.into_iter().collect();
        groups.extend(line("Gid:")?.get(1));
        Some(Self {
            user: *line("Uid:")?.get(1)?,
            groups,
        })
    }

    /// Why who has these may not write into the directory, if so.
    pub(super) fn fault(&self, directory: &Metadata) -> Option<String> {
        if !directory.is_dir() {
            return Some("is no directory".to_owned());
        }
        (!self.may(directory, WRITE)).then(|| self.denied("write there", directory))
    }

    /// Whether who has these may; by the bits of the owner, of the group and of others.
    pub(super) fn may(&self, file: &Metadata, [owner, group, others]: [u32; 3]) -> bool {
        let needed = if self.user == file.uid() {
            owner
        } else if self.groups.contains(&file.gid()) {
            group
        } else {
            others
        };
        file.mode() & needed == needed
    }

    /// That it may not, in words.
    pub(super) fn denied(&self, what: &str, file: &Metadata) -> String {
        format!(
            "user {} of the daemon may not {what}; it is user {}'s, mode {:04o}",
            self.user,
            file.uid(),
            file.mode() & 0o7777
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;
    use std::process;

    use nix::unistd::geteuid;
    use tempfile::tempdir;

    /// A user, its own group, and another of which it is a member; the first that there is.
    fn member() -> Option<(User, Group, Group)> {
        let table = fs::read_to_string("/etc/group").unwrap();
        table.lines().find_map(|line| {
            let mut words = line.split(':');
            let (name, members) = (words.next()?, words.nth(2)?);
            let user = User::from_name(members.split(',').next()?).ok()??;
            let own = Group::from_gid(user.gid).ok()??;
            let other = Group::from_name(name).ok()??;
            (own.gid != other.gid && own.gid.as_raw() != 0).then_some((user, own, other))
        })
    }

    #[test]
    fn a_unit_has_the_groups_of_its_user_and_those_that_it_names() {
        let ids = |user: &str, group: &str, more: &str| {
            let text = format!("User={user}\nGroup={group}\nSupplementaryGroups={more}\n");
            Unit::read(&text).unwrap().ids
        };
        let groups = |ids: Option<Ids>| ids.unwrap().groups;
        let named = |name: &str| Group::from_name(name).unwrap().unwrap().gid.as_raw();
        let all = groups(ids("daemon", "daemon", "adm 4711"));
        assert!(
            all.is_superset(&[named("daemon"), named("adm"), 4711].into()),
            "{all:?}"
        );
        // The user's own group is one of those only where the unit names no other.
        let user = User::from_name("daemon").unwrap().unwrap();
        assert!(!groups(ids("daemon", "adm", "")).contains(&user.gid.as_raw()));
        assert!(groups(ids("daemon", "", "")).contains(&user.gid.as_raw()));
        assert_eq!(ids("", "", "").unwrap().user, 0);
        // By numbers, whether or not anybody is known by them.
        let number = user.uid.to_string();
        assert_eq!(ids(&number, "", "").unwrap().user, user.uid.as_raw());
        assert_eq!(groups(ids("3999999", "3999998", "")), [3_999_998].into());
        assert!(ids("3999999", "", "").is_none() && ids("no-such-user", "adm", "").is_none());
        assert!(ids("daemon", "no-such-group", "").is_none() && ids("daemon", "", "no-such-group").is_none());
        let Some((user, own, other)) = member() else {
            eprintln!("SKIPPED: no user here is a member of another group");
            return;
        };
        assert!(groups(ids(&user.name, &own.name, "")).contains(&other.gid.as_raw()));
        assert!(groups(ids(&user.uid.to_string(), &own.gid.to_string(), "")).contains(&other.gid.as_raw()));
    }

    #[test]
    fn a_process_has_its_own_user() {
        let ids = Ids::of(process::id());
        assert_eq!(ids.map(|ids| ids.user), Some(geteuid().as_raw()));
    }

    #[test]
    fn many_units_are_told_apart_by_their_names() {
        let block = |id: &str, pid: u32| {
            format!(
                "Id={id}\nMainPID={pid}\nUser=root\nGroup=\nFragmentPath=/x/lonc@.service\nDropInPaths=/y/a.conf /y/b.conf\n"
            )
        };
        let text = [block("lonc@a.service", 0), block("lonc@b.service", 7)].join("\n");
        let mut known = Unit::known(&text);
        let unit = known.remove("lonc@b.service").unwrap();
        assert_eq!(unit.pid, 7);
        assert_eq!(
            unit.files,
            ["/x/lonc@.service", "/y/a.conf", "/y/b.conf"].map(PathBuf::from)
        );
        assert_eq!(known.remove("lonc@a.service").map(|unit| unit.pid), Some(0));
        assert!(Unit::known("").is_empty());
    }

    #[test]
    fn where_a_unit_lets_its_user_write() {
        let dir = tempdir().unwrap();
        let path = dir.path().join("spool");
        fs::create_dir(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o500)).unwrap();
        let unit = |user: &str, paths: &str| {
            let text = format!("User={user}\nGroup={user}\nBindPaths=/x:/x:rbind\nReadWritePaths={paths}\n");
            Unit::read(&text).unwrap().fault(&path)
        };
        let open = format!("-/y -{}", dir.path().display());
        assert_eq!(unit("root", "-/y").as_deref(), Some(READ_ONLY));
        assert!(unit("daemon", &open).is_some_and(|why| why.contains("may not write there")));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).unwrap();
        assert_eq!(unit("daemon", &open), None);
    }
}
