use std::fmt;

use stratum::Shape;

/// How many kinds of resources there are.
pub(crate) const DIMENSIONS: usize = 4;
/// A whole, where shares are compared.
pub(crate) const WHOLE: u64 = 1 << 20;

/// Amounts of what a host has to give, as shapes name it: processors, megabytes (10^6 bytes) of
/// memory, megabits per second of network, megabytes of disk. Whole numbers, so that what is
/// given back is exactly what was taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Resources {
    pub cpus: u64,
    pub memory_mb: u64,
    pub network_mbps: u64,
    pub disk_mb: u64,
}

impl Resources {
    /// The four amounts.
    pub const fn new(cpus: u64, memory_mb: u64, network_mbps: u64, disk_mb: u64) -> Self {
        Self {
            cpus,
            memory_mb,
            network_mbps,
            disk_mb,
        }
    }

    /// In the order of the fields.
    pub const fn amounts(self) -> [u64; DIMENSIONS] {
        [self.cpus, self.memory_mb, self.network_mbps, self.disk_mb]
    }

    const fn of([cpus, memory_mb, network_mbps, disk_mb]: [u64; DIMENSIONS]) -> Self {
        Self::new(cpus, memory_mb, network_mbps, disk_mb)
    }

    fn each(self, other: Self, join: impl Fn(u64, u64) -> u64) -> Self {
        let (a, b) = (self.amounts(), other.amounts());
        Self::of(std::array::from_fn(|d| join(a[d], b[d])))
    }

    /// Whether all of it fits into `room`, in every dimension.
    pub fn fits(self, room: Self) -> bool {
        let (wanted, room) = (self.amounts(), room.amounts());
        wanted
            .iter()
            .zip(room)
            .all(|(wanted, room)| *wanted <= room)
    }

    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        self.each(other, u64::saturating_add)
    }

    /// What is left without `other`; nothing where that is more.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        self.each(other, u64::saturating_sub)
    }

    /// The larger of both in every dimension.
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        self.each(other, u64::max)
    }

    /// So many times.
    #[must_use]
    pub fn times(self, count: u64) -> Self {
        Self::of(self.amounts().map(|amount| amount.saturating_mul(count)))
    }

    /// Whether there is none of anything.
    pub fn is_none(self) -> bool {
        self == Self::default()
    }

    pub(crate) fn largest_amount(self) -> u64 {
        self.amounts().into_iter().max().unwrap_or(0)
    }

    /// Each as a share of `whole`, where [`WHOLE`] is all of it.
    pub(crate) fn shares(self, whole: Self) -> [u64; DIMENSIONS] {
        let (mine, whole) = (self.amounts(), whole.amounts());
        std::array::from_fn(|d| share(mine[d], whole[d]))
    }

    /// The largest of the shares of `whole`.
    pub(crate) fn dominant_share(self, whole: Self) -> u64 {
        self.shares(whole).into_iter().max().unwrap_or(0)
    }
}

fn share(amount: u64, whole: u64) -> u64 {
    let scaled = u128::from(amount) * u128::from(WHOLE);
    let share = scaled.checked_div(u128::from(whole)).unwrap_or(0);
    u64::try_from(share).unwrap_or(u64::MAX)
}

impl From<&Shape> for Resources {
    fn from(shape: &Shape) -> Self {
        Self::new(
            shape.cpus.into(),
            shape.memory_mb,
            shape.network_mbps,
            shape.disk_mb,
        )
    }
}

/// "2 CPUs, 4000 MB, 750 Mbit/s, 12000 MB of disk"; what there is none of is left out.
impl fmt::Display for Resources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = ["CPUs", "MB", "Mbit/s", "MB of disk"];
        let named = self.amounts().into_iter().zip(units);
        let there = named.filter(|(amount, _)| *amount > 0);
        let words: Vec<String> = there
            .map(|(amount, unit)| match (amount, unit) {
                (1, "CPUs") => "1 CPU".to_owned(),
                _ => format!("{amount} {unit}"),
            })
            .collect();
        f.write_str(if words.is_empty() { "nothing" } else { "" })?;
        f.write_str(&words.join(", "))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_dimension_must_fit() {
        let room = Resources::new(2, 4_000, 750, 12_000);
        assert!(room.fits(room));
        for more in [
            Resources::new(3, 0, 0, 0),
            Resources::new(0, 4_001, 0, 0),
            Resources::new(0, 0, 751, 0),
            Resources::new(0, 0, 0, 12_001),
        ] {
            assert!(!more.fits(room), "{more}");
        }
    }

    #[test]
    fn a_shape_is_what_it_takes() {
        let yaml = "group: a\nnumCpus: 2\nmemoryInMB: 4000\nnetworkInMbp: 750\ndiskSizeInMB: 12000";
        let taken = Resources::from(&Shape::from_yaml(yaml).unwrap());
        assert_eq!(taken, Resources::new(2, 4_000, 750, 12_000));
        assert_eq!(
            taken.to_string(),
            "2 CPUs, 4000 MB, 750 Mbit/s, 12000 MB of disk"
        );
        assert_eq!(Resources::new(1, 16, 0, 0).to_string(), "1 CPU, 16 MB");
        assert_eq!(Resources::default().to_string(), "nothing");
    }

    #[test]
    fn the_dominant_share_is_the_scarcest() {
        let host = Resources::new(8, 32_000, 0, 0);
        assert_eq!(
            Resources::new(1, 16_000, 0, 0).dominant_share(host),
            WHOLE / 2
        );
        assert_eq!(Resources::new(0, 0, 9, 0).dominant_share(host), 0);
    }
}
