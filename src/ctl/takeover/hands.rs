//! Does a step, and looks whether it came out as it should.

use std::path::Path;
use std::time::Duration;

use super::drop_ins::DropIns;
use super::perl::Perl;
use super::processes;
use super::record::Record;
use super::sockets::{Sockets, Who};
use super::step::{Step, Unit};
use crate::config::{self, HostId, TakenOver};
use crate::ctl::outcome::Exit;
use crate::ctl::ping::Pong;
use crate::ctl::site::Site;
use crate::ctl::systemctl;

/// How long a lond may take to tell its name.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long the Perl lonc's children may take to listen again; each sleeps for some seconds before.
const OTHERS: Duration = Duration::from_secs(30);

/// What a step is done with.
pub(super) struct Hands<'a> {
    pub(super) site: &'a Site,
    pub(super) sockets: Sockets,
    pub(super) perl: Perl,
    pub(super) drop_ins: DropIns,
    record: Record,
    /// Whether a step has stopped or started the Perl lonc.
    is_perl_disturbed: bool,
}

impl<'a> Hands<'a> {
    pub(super) fn new(site: &'a Site, root: &Path, is_to_change: bool) -> Result<Self, String> {
        let pid_file = config::usr1_pid_file(&site.config).map_err(|fault| fault.to_string())?;
        let logs = pid_file.parent().unwrap_or(Path::new("/"));
        Ok(Self {
            site,
            sockets: Sockets::open(&site.peers.socket_dir)?,
            perl: Perl::find(&pid_file, root, &site.config)?,
            drop_ins: DropIns::new(root, &site.peers.socket_dir, logs),
            record: Record::open(&site.config, is_to_change)?,
            is_perl_disturbed: false,
        })
    }

    /// Does it; what else is to be told, or why it failed. To do again what is done already is no fault.
    pub(super) async fn act(&mut self, step: &Step) -> Result<Option<String>, String> {
        match step {
            Step::Stop(ids) => systemctl::order("stop", &units(ids))?,
            Step::Start(ids) => systemctl::order("start", &sockets(ids))?,
            Step::Begin(ids) => self.record.begin(ids).and_then(|()| reload())?,
            Step::End => self.record.end().and_then(|()| reload())?,
            Step::AddDropIns(names) => self.drop_ins.add(names).and_then(|()| read_table())?,
            Step::RemoveDropIns(names) => self.drop_ins.remove(names).and_then(|()| reload())?,
            Step::Up(unit) => up(unit)?,
            Step::Down(unit) => down(unit)?,
            Step::Place(program) => self.perl.place(*program)?,
            Step::Keep(names) => names.iter().try_for_each(|name| self.sockets.keep(name))?,
            Step::Unkeep(names) => names.iter().try_for_each(|name| self.sockets.unkeep(name))?,
            Step::Record(ids) => self.record.add(ids).and_then(|()| reload())?,
            Step::Unrecord(ids) => self.record.remove(ids).and_then(|()| reload())?,
            Step::Listen { id, names } => self.listen(id, names)?,
            Step::PutBack { id, names } => self.put_back(id, names).await?,
            Step::Serve { id, must_be_up } => return self.serve(id, *must_be_up).await,
            Step::RestartPerl => return self.restart_perl(),
            Step::StopPerl => {
                self.is_perl_disturbed = true;
                self.perl.stop()?;
            }
            Step::StartPerl => {
                self.is_perl_disturbed = true;
                self.perl.start()?;
            }
            Step::PerlAsBefore { was_running } => return self.perl_as_before(*was_running),
        }
        Ok(None)
    }

    fn listen(&self, id: &HostId, names: &[String]) -> Result<(), String> {
        let Some((first, others)) = names.split_first() else {
            return Ok(());
        };
        if self.sockets.who(first)? == Who::Ours {
            return Ok(());
        }
        names.iter().try_for_each(|name| self.sockets.keep(name))?;
        let unit = format!("lonc@{id}.socket");
        let path = self.sockets.path(first);
        let listens = systemctl::ask("show", &["--property=Listen".to_owned(), unit.clone()])?;
        if !listens.contains(&format!("={} (Stream)", path.display())) {
            return Err(format!(
                "{unit} is not to listen at {}: {}; systemctl cat {unit} shows by which drop-in",
                path.display(),
                listens.trim()
            ));
        }
        // It may listen at what has lost its name.
        systemctl::order("stop", &units(std::slice::from_ref(id)))?;
        let mut starting = systemctl::begin("start", &[unit])?;
        self.sockets.hand_over(first, &mut starting.process);
        starting.finish()?;
        if self.sockets.who(first)? != Who::Ours {
            return Err(format!(
                "{}: somebody else listens there all the same",
                path.display()
            ));
        }
        let theirs = others.iter().filter(|name| self.sockets.has_kept(name));
        theirs
            .into_iter()
            .try_for_each(|name| self.sockets.lead(name, first))
    }

    async fn put_back(&self, id: &HostId, names: &[String]) -> Result<(), String> {
        let Some(first) = names.first() else {
            return Ok(());
        };
        let is_running = systemctl::ask("is-active", &[format!("lonc@{id}.service")])?.trim() == "active";
        let is_ours = self.sockets.who(first)? == Who::Ours;
        if is_ours {
            let hidden = self.sockets.hide(first)?;
            names.iter().try_for_each(|name| self.sockets.restore(name))?;
            if !self.sockets.has_kept(first) {
                self.sockets.remove(first)?;
            }
            if is_running {
                // Behind all who came before, so that none of them still waits to be let in.
                Pong::get(self.sockets.path(&hidden), PATIENCE).await;
            }
            self.sockets.remove(&hidden)?;
        }
        systemctl::order("stop", &units(std::slice::from_ref(id)))?;
        // systemd may have removed what has its socket's name by now.
        names.iter().try_for_each(|name| self.sockets.restore(name))?;
        names.iter().try_for_each(|name| self.sockets.unkeep(name))?;
        names
            .iter()
            .try_for_each(|name| self.sockets.mislead(name, first))
    }

    async fn serve(&self, id: &HostId, must_be_up: bool) -> Result<Option<String>, String> {
        systemctl::order("start", &[format!("lonc@{id}.service")])?;
        let pong = Pong::get(self.site.socket(id), PATIENCE).await;
        match (pong.exit(id), pong.complaint(id)) {
            (Exit::Fine | Exit::Amiss, complaint) => Ok(complaint),
            (_, complaint) => {
                let complaint = format!("{}; loncctl why {id} tells more", complaint.unwrap_or_default());
                if must_be_up {
                    Err(format!(
                        "{complaint}; to take it over all the same: --even-if-down"
                    ))
                } else {
                    Ok(Some(complaint))
                }
            }
        }
    }

    fn restart_perl(&mut self) -> Result<Option<String>, String> {
        let (taken_over, _) = TakenOver::read(&self.site.config);
        let all = self.site.peers.peers.iter().map(|peer| &peer.id);
        let listens = |id: &&HostId| self.sockets.who(id.as_ref()) == Ok(Who::Other);
        let mut others: Vec<_> = all.filter(|id| !taken_over.has(id)).filter(listens).collect();
        self.is_perl_disturbed = true;
        self.perl.restart()?;
        let is_back = processes::wait(OTHERS, || {
            others.retain(|id| !listens(id));
            others.is_empty().then_some(())
        });
        let missing: Vec<_> = others.iter().map(ToString::to_string).collect();
        Ok(is_back
            .is_none()
            .then(|| format!("it does not listen yet for {}", missing.join(" "))))
    }

    fn perl_as_before(&mut self, was_running: bool) -> Result<Option<String>, String> {
        if !self.is_perl_disturbed {
            return Ok(None);
        }
        match (was_running, self.perl.process().is_some()) {
            (true, true) => self.restart_perl(),
            (true, false) => self.perl.start().map(|()| None),
            (false, _) => self.perl.stop().map(|()| None),
        }
    }
}

fn reload() -> Result<(), String> {
    systemctl::order("daemon-reload", &[])
}

/// As its owner, who may be the only one to read it.
fn read_table() -> Result<(), String> {
    reload()?;
    systemctl::order("start", &["lonc-hosts.service".to_owned()])
}

fn up(unit: &Unit) -> Result<(), String> {
    let name = [unit.name.to_owned()];
    if unit.is_enabled {
        systemctl::order("enable", &name)?;
    }
    if unit.is_active {
        systemctl::order("start", &name)?;
    }
    Ok(())
}

fn down(unit: &Unit) -> Result<(), String> {
    let name = [unit.name.to_owned()];
    if unit.is_active {
        systemctl::order("stop", &name)?;
    }
    if unit.is_enabled {
        systemctl::order("disable", &name)?;
    }
    Ok(())
}

fn sockets(ids: &[HostId]) -> Vec<String> {
    ids.iter().map(|id| format!("lonc@{id}.socket")).collect()
}

fn units(ids: &[HostId]) -> Vec<String> {
    let services = ids.iter().map(|id| format!("lonc@{id}.service"));
    sockets(ids).into_iter().chain(services).collect()
}
