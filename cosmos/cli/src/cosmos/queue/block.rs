//! `cosmos queue block` and `cosmos queue unblock`.

use timestone::QueueConfig;

use super::args::BlockArgs;
use super::{Desk, put};
use crate::stop::Stop;

pub(super) async fn set(desk: &Desk, args: &BlockArgs, blocked: bool) -> Result<(), Stop> {
    let view = desk.server.queue(&args.queue).await?;
    let config = with(view.config.clone(), args, blocked);
    put::apply(desk, &args.queue, Some(view), config, args.dry_run).await
}

/// Both ways where none is named.
fn with(mut config: QueueConfig, args: &BlockArgs, blocked: bool) -> QueueConfig {
    let both = !args.enqueue && !args.dequeue;
    if args.enqueue || both {
        config.enqueue_blocked = blocked;
    }
    if args.dequeue || both {
        config.dequeue_blocked = blocked;
    }
    config
}
