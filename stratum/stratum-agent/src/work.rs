//! What an agent does all the time: it leases as long as there is room, and places what it leased.

use std::mem;
use std::sync::{Arc, Mutex as StdMutex, PoisonError};
use std::time::Duration;

use futures::future::join_all;
use timestone::LeasedMessage;
use timestone_client::{DequeueRequest, TimestoneError};
use tokio::sync::{Mutex, OwnedSemaphorePermit, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::capacity::Capacity;
use crate::context::Context;
use crate::delivery::{self, Delivery};
use crate::heartbeat::Leases;
use crate::lane::{self, Lane};
use crate::settle;
use crate::stop::{self, Reason};

/// One wait for work.
const WAIT_MS: u64 = 20_000;
/// Pause after a queue that could not be reached.
const PAUSE: Duration = Duration::from_millis(500);

pub(crate) struct Work {
    context: Arc<Context>,
    leases: Arc<Leases>,
    stop: CancellationToken,
    free: watch::Sender<Capacity>,
    total: Capacity,
    /// Whose turn it is to get room: whoever waits longest, however much it wants.
    turn: Mutex<()>,
    deliveries: StdMutex<JoinSet<()>>,
    lanes: Vec<Lane>,
}

impl Work {
    pub(crate) fn new(context: Arc<Context>, stop: CancellationToken) -> Self {
        let total = Capacity {
            cpus: context.config.cpus,
            memory: context.config.memory,
        };
        Self {
            lanes: lane::all(&context.registry),
            context,
            leases: Arc::default(),
            stop,
            free: watch::Sender::new(total),
            total,
            turn: Mutex::default(),
            deliveries: StdMutex::default(),
        }
    }

    pub(crate) async fn run(self) {
        let stop = self.stop.clone();
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.work() => {}
            () = self.leases.beat(&self.context) => {}
        }
        self.leases.stop_all(Reason::Shutdown);
        let mut deliveries = mem::take(&mut *self.deliveries());
        while deliveries.join_next().await.is_some() {}
        self.context.versions.discard().await;
        tracing::info!(agent = self.context.config.name, "agent stops");
    }

    async fn work(&self) {
        join_all(self.lanes.iter().map(|lane| self.serve(lane))).await;
    }

    async fn serve(&self, lane: &Lane) {
        loop {
            // What has ended need not be kept.
            while self.deliveries().try_join_next().is_some() {}
            let slot = lane.slot().await;
            let free = self.wait_for(Capacity { cpus: 1, memory: 0 }).await;
            match self.lease(lane, free.cpus).await {
                Ok(messages) => self.accept(messages, slot).await,
                Err(error) => self.pause(&error).await,
            }
        }
    }

    /// Returns what is free when `wanted` is.
    async fn wait_for(&self, wanted: Capacity) -> Capacity {
        let mut free = self.free.subscribe();
        let fits = free.wait_for(|free| free.fits(wanted)).await;
        // The sender is ours: it cannot be gone.
        fits.map_or(self.total, |free| *free)
    }

    async fn lease(&self, lane: &Lane, room: u32) -> Result<Vec<LeasedMessage>, TimestoneError> {
        let request = DequeueRequest {
            queues: lane.queues.clone(),
            max: lane.at_once(room),
            wait_ms: WAIT_MS,
            lease_ms: self.context.config.lease_ms,
            session: self.context.session.clone(),
            request_id: uuid::Uuid::now_v7().to_string(),
        };
        self.context.timestone.dequeue(request).await
    }

    async fn pause(&self, error: &TimestoneError) {
        tracing::warn!(%error, "cannot lease work");
        let clock = &self.context.clock;
        clock.sleep(PAUSE).await;
    }

    /// Where there is a slot there is one message at most.
    async fn accept(&self, messages: Vec<LeasedMessage>, mut slot: Option<OwnedSemaphorePermit>) {
        // All are held from now on; some may wait for room.
        let messages = messages.into_iter().map(|message| {
            let (stopper, stop) = stop::channel();
            self.leases.hold(&message, stopper);
            (message, stop)
        });
        for (message, stop) in messages.collect::<Vec<_>>() {
            let token = message.token.clone();
            match Delivery::new(&self.context, message, stop).await {
                Ok(delivery) => self.place(delivery, slot.take()).await,
                Err(unreadable) => {
                    settle::unreadable(&self.context, token.clone(), &unreadable).await;
                    self.leases.forget(&token);
                }
            }
        }
    }

    async fn place(&self, delivery: Delivery, slot: Option<OwnedSemaphorePermit>) {
        let wanted = delivery
            .shape()
            .map_or(Capacity { cpus: 0, memory: 0 }, Capacity::of);
        if !self.total.fits(wanted) {
            settle::too_large(&self.context, &delivery).await;
            self.leases.forget(delivery.token());
            return;
        }
        self.take(wanted).await;
        let (context, leases, free) =
            (self.context.clone(), self.leases.clone(), self.free.clone());
        self.deliveries().spawn(async move {
            let token = delivery.token().clone();
            delivery::run(&context, delivery).await;
            leases.forget(&token);
            free.send_modify(|free| *free = free.plus(wanted));
            drop(slot);
        });
    }

    /// Takes what is wanted, as soon as there is room and nobody waits longer.
    async fn take(&self, wanted: Capacity) {
        let _turn = self.turn.lock().await;
        // If it is told to stop while it waits, it will find out when it runs.
        self.wait_for(wanted).await;
        self.free.send_modify(|free| *free = free.minus(wanted));
    }

    fn deliveries(&self) -> std::sync::MutexGuard<'_, JoinSet<()>> {
        self.deliveries
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
