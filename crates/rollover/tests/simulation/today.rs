//! What is done today: strategies of tools and recipes in the field, each as its documentation has it.

use super::world::{Author, Cause, DAY, HOUR, Keeper, Wake, World};
use dane::rollover::ChainId;
use rollover::rrset::RrSet;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// A hook after deployment replaces the record.
    ReplaceAfterwards,
    /// Record and chain change in the same minute.
    AtOnce,
    /// The new record is published beside the old, and after so many seconds the chain follows; then the old record goes.
    FixedWait(i64),
    /// The same key for ever, named by `3 1 1`.
    ReuseKey,
    /// The same key for ever, named by its certificate: `3 0 1`, replaced after each renewal.
    ReuseKeyPinCertificate,
    /// The public issuer's key, `2 1 1`; somebody notices within days when it changes.
    PinIssuer,
}

pub struct Today {
    strategy: Strategy,
    key: usize,
    issuer: usize,
    edition: usize,
    coming: Option<ChainId>,
}

impl Today {
    pub fn new(strategy: Strategy) -> Self {
        Self { strategy, key: 0, issuer: 0, edition: 0, coming: None }
    }

    fn record(&self, chain: ChainId, world: &World<'_>) -> RrSet {
        let record = match self.strategy {
            Strategy::ReuseKeyPinCertificate => world.library.leaf_record(chain, 0),
            Strategy::PinIssuer => world.library.anchor(self.issuer, 1),
            _ => world.library.leaf_record(chain, 1),
        };
        [record].into_iter().collect()
    }

    fn publish(&self, set: &RrSet, world: &mut World<'_>) {
        world.write(set, world.climate.ttl, Author::Keeper, Cause::Keeper { seen: world.at });
    }

    fn deploy(&self, chain: ChainId, world: &mut World<'_>) {
        for address in 0..world.addresses.len() {
            world.install(address, chain, world.at);
        }
    }

    fn renew(&mut self, world: &mut World<'_>) {
        self.edition += 1;
        if world.chance.happens(world.climate.other_issuer) {
            self.issuer = 1 - self.issuer;
        }
        if !matches!(self.strategy, Strategy::ReuseKey | Strategy::ReuseKeyPinCertificate) {
            self.key = world.library.new_key();
        }
        let chain = world.library.chain(self.key, self.issuer, self.edition);
        self.coming = Some(chain);
        match self.strategy {
            Strategy::ReplaceAfterwards | Strategy::ReuseKeyPinCertificate => {
                self.deploy(chain, world);
                // The hook runs when all is installed.
                world.wake_in(120, Wake::Step(0));
            }
            Strategy::AtOnce => {
                let set = self.record(chain, world);
                self.publish(&set, world);
                self.deploy(chain, world);
            }
            Strategy::FixedWait(seconds) => {
                let both = world.library.records(world.primary.set).union(&self.record(chain, world));
                self.publish(&both, world);
                world.wake_in(seconds, Wake::Step(1));
            }
            Strategy::ReuseKey => self.deploy(chain, world),
            Strategy::PinIssuer => {
                self.deploy(chain, world);
                let notices = world.chance.between(HOUR, 3 * DAY);
                world.wake_in(notices, Wake::Step(0));
            }
        }
    }
}

impl Keeper for Today {
    fn begin(&mut self, world: &mut World<'_>) -> (ChainId, RrSet) {
        self.key = world.library.new_key();
        let chain = world.library.chain(self.key, 0, 0);
        (chain, self.record(chain, world))
    }

    fn wake(&mut self, world: &mut World<'_>, wake: Wake) {
        let Some(chain) = self.coming.or((wake == Wake::Renewal).then_some(0)) else { return };
        match wake {
            Wake::Look => {}
            Wake::Renewal => self.renew(world),
            Wake::Step(1) => {
                self.deploy(chain, world);
                world.wake_in(120, Wake::Step(0));
            }
            Wake::Step(_) => {
                let set = self.record(chain, world);
                if *world.library.records(world.primary.set) != set {
                    self.publish(&set, world);
                }
            }
        }
    }
}
