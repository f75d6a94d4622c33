//! What breaks from outside: links, power, rights, disks.

use super::clocks;
use super::coverage::Reached;
use super::driver::Sim;
use super::event::Event;
use super::host::{Hosts, ReplicaHost, view};
use super::laptop::Laptop;
use super::plan::{Fault, Planted};
use super::recovery;
use omni_model::{OwnerRule, RecordId, schema};
use omni_protocol::{Grants, ReplicaId};

/// One fault, and the next one later.
pub fn strike<H: Hosts>(sim: &mut Sim<H>) {
    if sim.healing {
        return;
    }
    let gap = 1 + sim.rng.below(sim.plan.fault_gap_ms * 2);
    sim.after(gap, Event::Fault);
    disks(sim);
    recovery::strike(sim);
    clocks::strike(sim);
    if sim.plan.newer_schema && sim.rng.chance(400) {
        sim.newer_version_writes();
    }
    let total: u64 = sim.plan.fault_weights.iter().sum();
    let mut n = sim.rng.below(total);
    for (fault, weight) in Fault::ALL.into_iter().zip(sim.plan.fault_weights) {
        if n < weight {
            return one(sim, fault);
        }
        n -= weight;
    }
}

fn one<H: Hosts>(sim: &mut Sim<H>, fault: Fault) {
    let c = sim.rng.below(sim.laptops.len() as u64) as usize;
    match fault {
        Fault::Cut => cut(sim, c, 1_000),
        Fault::HalfOpen => cut(sim, c, 300),
        Fault::Offline => {
            let ms = 5_000 + sim.rng.below(120_000);
            sim.laptops[c].offline_until = sim.now + ms;
            sim.coverage.hit(Reached::Offline);
            sim.note("offline", c as u64, ms, String::new);
            cut(sim, c, 700);
            if sim.plan.flood && sim.server.up {
                sim.flood();
            }
        }
        Fault::LaptopCrash if sim.laptops[c].up => sim.crash_laptop(c),
        Fault::CentralCrash if sim.server.up => sim.crash_central(),
        Fault::Grants => regrant(sim),
        Fault::WriteRight => write_right(sim),
        Fault::Device => revoke(sim),
        Fault::LaptopCrash | Fault::CentralCrash => {}
    }
}

/// The link breaks with frames in the air; each side notices with this probability, else its timer must.
fn cut<H: Hosts>(sim: &mut Sim<H>, c: usize, noticed: u64) {
    let Some(id) = sim.laptops[c].conn else { return };
    sim.note("cut", c as u64, id, String::new);
    let one_way = sim.rng.chance(250);
    let (up, down) = (sim.rng.chance(noticed), sim.rng.chance(noticed));
    let Some(conn) = sim.conns.get_mut(&id) else { return };
    conn.up.lost = true;
    conn.down.lost |= !one_way;
    sim.coverage.hit(if one_way { Reached::CutOneWay } else { Reached::LinkCut });
    let soon = sim.now + 10;
    if up {
        sim.at(soon, Event::UpClosed(id));
    }
    if down {
        sim.at(soon + 1, Event::DownClosed(id));
    }
}

fn regrant<H: Hosts>(sim: &mut Sim<H>) {
    let restricted: Vec<usize> = (0..sim.devices.len()).filter(|d| sim.devices[*d].restricted).collect();
    let Some(device) = sim.rng.pick(&restricted).copied() else { return };
    let grants = match sim.rng.chance(150) {
        true => Grants::everything(),
        false => sim.random_grants(),
    };
    sim.note("grants change", device as u64, grants.owners.len() as u64, String::new);
    let old = std::mem::replace(&mut sim.devices[device].grants, grants.clone());
    if exceeds(&grants, &old) {
        sim.coverage.hit(Reached::ReadingGranted);
    }
    if exceeds(&old, &grants) {
        sim.coverage.hit(Reached::ReadingRevoked);
    }
    tell(sim, device);
}

/// Whether `a` reads something `b` does not.
fn exceeds(a: &Grants, b: &Grants) -> bool {
    let owners = !b.all && (a.all || a.owners.iter().any(|o| !b.owners.contains(o)));
    owners || a.compartments.iter().any(|c| !b.compartments.contains(c))
}

/// The sessions of a device hear of its rights a little later.
fn tell<H: Hosts>(sim: &mut Sim<H>, device: usize) {
    let ms = sim.rng.below(400);
    sim.after(ms, Event::Regrant(device));
}

/// Judged when a change is applied, so nobody is told.
fn write_right<H: Hosts>(sim: &mut Sim<H>) {
    let device = sim.rng.below(sim.devices.len() as u64) as usize;
    let may_write = !sim.devices[device].may_write;
    sim.devices[device].may_write = may_write;
    sim.coverage.hit(if may_write { Reached::WritingGranted } else { Reached::WritingRevoked });
    sim.note("write right", device as u64, u64::from(may_write), String::new);
}

fn revoke<H: Hosts>(sim: &mut Sim<H>) {
    let device = sim.rng.below(sim.devices.len() as u64) as usize;
    let revoked = !sim.devices[device].revoked;
    (sim.devices[device].revoked, sim.devices[device].barred) = (revoked, revoked);
    sim.coverage.hit(if revoked { Reached::DeviceRevoked } else { Reached::DeviceApproved });
    sim.note("device revoked", device as u64, u64::from(revoked), String::new);
    tell(sim, device);
}

/// Backups, restores and clones of whole databases.
fn disks<H: Hosts>(sim: &mut Sim<H>) {
    let c = sim.rng.below(sim.laptops.len() as u64) as usize;
    let wanted = sim.plan.restore || sim.plan.clone;
    if !wanted || !sim.rng.chance(400) {
        return;
    }
    let taken = sim.laptops[c].image.take();
    let Some((order, image)) = taken else {
        let image = sim.laptops[c].host.image();
        let order = sim.ledger.next_order();
        if let Some(image) = sim.storage(image, "backup") {
            sim.note("backup", c as u64, order, String::new);
            sim.laptops[c].image = Some((order, image));
        }
        return;
    };
    if sim.plan.restore {
        sim.plan.restore = false;
        sim.coverage.hit(Reached::Restored);
        sim.note("restore", c as u64, order, String::new);
        sim.crash_laptop(c);
        let done = sim.laptops[c].host.restore(&image);
        sim.storage(done, "restore");
        sim.laptops[c].may_renew = true;
        sim.doubled(c, order, true);
        sim.check_copy(c);
    } else if sim.plan.clone && sim.plan.planted != Some(Planted::SealNotDurable) {
        sim.plan.clone = false;
        sim.coverage.hit(Reached::Cloned);
        clone(sim, c, order, &image);
    }
}

fn clone<H: Hosts>(sim: &mut Sim<H>, c: usize, order: u64, image: &<H::Replica as ReplicaHost>::Image) {
    sim.note("clone", c as u64, order, String::new);
    let host = sim.hosts.replica(sim.laptops.len(), ReplicaId(uuid::Uuid::nil()));
    let Some(mut host) = sim.storage(host, "clone") else { return };
    let done = host.restore(image);
    sim.storage(done, "clone");
    let device = sim.laptops[c].device;
    let mut twin = Laptop::new(host, device, &mut sim.rng);
    twin.lies = sim.laptops[c].lies;
    twin.boot_at = sim.now;
    twin.may_renew = true;
    sim.laptops[c].may_renew = true;
    sim.laptops.push(twin);
    let index = sim.laptops.len() - 1;
    // What waited in the queue at that time now waits twice: either twin may discard or send it.
    sim.doubled(c, order, false);
    sim.ledger.twins.insert(index, (c, order));
    let life = sim.laptops[index].life;
    sim.after(50, Event::Connect(index, life));
    sim.after(500, Event::Operate(index));
}

impl<H: Hosts> Sim<H> {
    /// A restored database has lost what was saved since; what waits in a restored or cloned queue may be discarded,
    /// sent again or answered on one side without the other.
    pub(super) fn doubled(&mut self, c: usize, order: u64, lost: bool) {
        if lost {
            self.ledger.exempt(c, order);
        }
        let all: Vec<_> = self.ledger.saved.keys().copied().collect();
        let device = self.laptops[c].device;
        for laptop in (0..self.laptops.len()).filter(|l| self.laptops[*l].device == device).collect::<Vec<_>>() {
            let queued = view(&mut self.laptops[laptop].host, |tx| {
                let mut queued = Vec::new();
                for id in &all {
                    queued.extend(tx.outbox_get(*id)?.map(|e| e.change.id));
                }
                Ok(queued)
            });
            for id in self.storage(queued, "outbox").unwrap_or_default() {
                if let Some(saved) = self.ledger.saved.get_mut(&id) {
                    saved.shared = true;
                }
            }
        }
    }

    /// At the end of faults some revoked devices are approved again, the others stay out for good.
    pub(super) fn settle_devices(&mut self) {
        for device in 0..self.devices.len() {
            if self.devices[device].revoked {
                self.devices[device].revoked = self.rng.chance(500);
                let stays = self.devices[device].revoked;
                self.devices[device].barred = stays;
                self.coverage.hit(if stays { Reached::RevokedToTheEnd } else { Reached::DeviceApproved });
            }
        }
    }

    /// Some owners, all or some compartments.
    pub(super) fn random_grants(&mut self) -> Grants {
        let mut owners: Vec<RecordId> = Vec::new();
        for collection in schema::COLLECTIONS.iter().filter(|c| c.owner == OwnerRule::Itself) {
            let all = self.known.get(&collection.id).cloned().unwrap_or_default();
            owners.extend(all.into_iter().filter(|_| self.rng.chance(550)));
        }
        let mut grants = Grants::owners(owners);
        if self.rng.chance(350) {
            grants.compartments = vec![0];
        }
        grants
    }
}
