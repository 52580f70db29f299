use std::io;

use super::adapter::{Adapter, Running};
use super::target::Target;
use crate::disk::{Disk, Model};
use crate::{Mount, Random};

/// The embedded store.
#[derive(Clone, Copy, Debug, Default)]
pub struct FjallAdapter;

struct Embedded(Target);

impl Adapter for FjallAdapter {
    fn blank(&self) -> io::Result<Disk> {
        Ok(Disk::new(Model::Strict))
    }

    fn models(&self) -> &[Model] {
        &[Model::Strict, Model::Ext4]
    }

    fn cut_after(&self, random: &mut Random) -> u64 {
        match random.one_in(4) {
            true => 1 + random.below(120),
            false => 100 + random.below(3_000),
        }
    }

    fn start(&self, mount: &Mount) -> io::Result<Box<dyn Running>> {
        Ok(Box::new(Embedded(Target::Fjall(mount.join("store")))))
    }
}

impl Running for Embedded {
    fn target(&self) -> Target {
        self.0.clone()
    }

    fn kill(&mut self) -> io::Result<()> {
        Ok(())
    }
}
