//! Pools: who has a right to how much.

use std::cmp::Ordering;

use crate::resources::DIMENSIONS;
use crate::{Invalid, Resources, limits};

/// A pool by its place among the [`Pools`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PoolId(pub(crate) usize);

/// A share of the cluster. Pools form a tree; tasks belong to its leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pool {
    pub name: String,
    /// Name of the pool above, which stands before this one; `None` = the cluster itself.
    pub parent: Option<String>,
    /// What is always there for it. While it is idle others borrow it, and are preempted when it
    /// is wanted back. A dimension of 0 is not part of the guarantee.
    pub reserved: Resources,
    /// Its part, beside its siblings, of what nobody has reserved or what is idle.
    pub weight: u32,
    /// The most that it may use; a dimension of 0 has no bound.
    pub limit: Resources,
}

/// The tree of pools with what each uses.
#[derive(Clone, Debug)]
pub(crate) struct Pools(Vec<Node>);

#[derive(Clone, Debug)]
struct Node {
    pool: Pool,
    /// The way from the top down to it, itself last.
    way: Vec<usize>,
    is_leaf: bool,
    used: Resources,
    /// What it uses beyond its reserve, as a share of the cluster by weight.
    share: u64,
}

impl Pool {
    /// A pool without guarantee or bound, directly below the cluster.
    pub fn named(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            parent: None,
            reserved: Resources::default(),
            weight: 1,
            limit: Resources::default(),
        }
    }
}

impl Pools {
    pub(crate) fn new(pools: Vec<Pool>) -> Result<Self, Invalid> {
        if pools.is_empty() || pools.len() > limits::POOLS {
            return Err(Invalid::Pools(pools.len()));
        }
        let mut tree = Self(Vec::with_capacity(pools.len()));
        for pool in pools {
            tree.add(pool)?;
        }
        tree.check_reserves()?;
        Ok(tree)
    }

    fn add(&mut self, pool: Pool) -> Result<(), Invalid> {
        let wrong = |rule| Invalid::Pool {
            pool: pool.name.clone(),
            rule,
        };
        if self.find(&pool.name).is_some() {
            return Err(wrong("its name is taken"));
        }
        if pool.weight == 0 || pool.weight > limits::WEIGHT {
            return Err(wrong("its weight must be 1 to 1000000"));
        }
        if pool.reserved.max(pool.limit).largest_amount() > limits::AMOUNT {
            return Err(wrong("it names more than 2^40 of something"));
        }
        let unknown = || wrong("the pool above it must stand before it");
        let mut way = match &pool.parent {
            Some(name) => {
                let parent = self.find(name).ok_or_else(unknown)?.0;
                self.0[parent].is_leaf = false;
                self.0[parent].way.clone()
            }
            None => Vec::new(),
        };
        way.push(self.0.len());
        if way.len() > limits::POOL_DEPTH {
            return Err(wrong("it is too deep in the tree"));
        }
        self.0.push(Node {
            pool,
            way,
            is_leaf: true,
            used: Resources::default(),
            share: 0,
        });
        Ok(())
    }

    /// What is promised below a pool must be promised to it.
    fn check_reserves(&self) -> Result<(), Invalid> {
        for node in &self.0 {
            let promised = self.promised_below(Some(&node.pool.name));
            if !node.is_leaf && !node.pool.reserved.is_none() && !promised.fits(node.pool.reserved)
            {
                return Err(Invalid::Pool {
                    pool: node.pool.name.clone(),
                    rule: "the pools below it reserve more than it does",
                });
            }
        }
        Ok(())
    }

    pub(crate) fn find(&self, name: &str) -> Option<PoolId> {
        let found = self.0.iter().position(|node| node.pool.name == name);
        found.map(PoolId)
    }

    pub(crate) fn is_leaf(&self, pool: PoolId) -> bool {
        self.0.get(pool.0).is_some_and(|node| node.is_leaf)
    }

    pub(crate) fn name(&self, pool: PoolId) -> &str {
        &self.0[pool.0].pool.name
    }

    pub(crate) fn used(&self, pool: PoolId) -> Resources {
        self.0[pool.0].used
    }

    fn promised_below(&self, parent: Option<&str>) -> Resources {
        let below = self.0.iter().map(|node| &node.pool);
        below
            .filter(|pool| pool.parent.as_deref() == parent)
            .fold(Resources::default(), |sum, pool| sum.plus(pool.reserved))
    }

    fn way(&self, pool: PoolId) -> &[usize] {
        &self.0[pool.0].way
    }

    pub(crate) fn charge(&mut self, pool: PoolId, demand: Resources, cluster: Resources) {
        self.change(pool, cluster, |used| used.plus(demand));
    }

    pub(crate) fn return_to(&mut self, pool: PoolId, demand: Resources, cluster: Resources) {
        self.change(pool, cluster, |used| used.minus(demand));
    }

    fn change(&mut self, pool: PoolId, cluster: Resources, to: impl Fn(Resources) -> Resources) {
        for n in self.way(pool).to_vec() {
            let Node {
                pool, used, share, ..
            } = &mut self.0[n];
            *used = to(*used);
            let borrowed = used.minus(pool.reserved).dominant_share(cluster);
            *share = borrowed.saturating_mul(1_000) / u64::from(pool.weight);
        }
    }

    /// Who uses less beyond its reserve goes first, where the ways to both part.
    pub(crate) fn compare_shares(&self, a: PoolId, b: PoolId) -> Ordering {
        let mut ways = self.way(a).iter().zip(self.way(b));
        let apart = ways.find(|(a, b)| a != b);
        apart.map_or(Ordering::Equal, |(a, b)| {
            self.0[*a].share.cmp(&self.0[*b].share)
        })
    }

    /// Whether `demand` is within what is reserved for the pool.
    pub(crate) fn is_within_reserve(&self, pool: PoolId, demand: Resources) -> bool {
        self.node_within_reserve(pool.0, demand)
    }

    fn node_within_reserve(&self, n: usize, demand: Resources) -> bool {
        let Node { pool, used, .. } = &self.0[n];
        within(pool.reserved, used.plus(demand))
    }

    /// The pool, or one above it, that may not use so much more.
    pub(crate) fn full(&self, pool: PoolId, demand: Resources) -> Option<PoolId> {
        let is_full = |n: &usize| {
            let Node { pool, used, .. } = &self.0[*n];
            !pool.limit.is_none() && !within(pool.limit, used.plus(demand))
        };
        self.way(pool)
            .iter()
            .copied()
            .rev()
            .find(is_full)
            .map(PoolId)
    }

    /// Whether a task of `from` runs on what a task of `pool` has a right to: some pool on the way
    /// up from `pool` is within its reserve, and every one on the way up from `from`, as far as
    /// they are apart, uses more than its own.
    pub(crate) fn may_reclaim(&self, pool: PoolId, demand: Resources, from: PoolId) -> bool {
        let entitled = |n: &usize| self.node_within_reserve(*n, demand);
        let (mine, theirs) = self.apart(pool, from);
        mine.iter().any(entitled) && self.all_borrow(theirs)
    }

    /// Whether a task of `from` is not protected from one of `pool` by a reserve.
    pub(crate) fn is_borrowing(&self, pool: PoolId, from: PoolId) -> bool {
        self.all_borrow(self.apart(pool, from).1)
    }

    fn all_borrow(&self, nodes: &[usize]) -> bool {
        let borrows = |n: &usize| !within(self.0[*n].pool.reserved, self.0[*n].used);
        nodes.iter().all(borrows)
    }

    /// The ways down to both, from where they part.
    fn apart(&self, a: PoolId, b: PoolId) -> (&[usize], &[usize]) {
        let (a, b) = (self.way(a), self.way(b));
        let common = a.iter().zip(b).take_while(|(a, b)| a == b).count();
        (&a[common..], &b[common..])
    }
}

/// Whether `used` is within a guarantee or bound. One that names nothing guarantees nothing.
fn within(bound: Resources, used: Resources) -> bool {
    let (bounds, used) = (bound.amounts(), used.amounts());
    !bound.is_none() && (0..DIMENSIONS).all(|d| bounds[d] == 0 || used[d] <= bounds[d])
}
