//! `cosmos queue put`.

use std::time::Duration;

use errors::Error;
use timestone::{DeadLetter, Fairness, QueueConfig, QueueKind, QueueView};

use super::args::{LetterArgs, OrderArgs, PutArgs, TimingArgs};
use super::{Desk, json, show};
use crate::explain::one_line;
use crate::stop::Stop;
use crate::units::Age;

pub(super) async fn put(desk: &Desk, args: &PutArgs) -> Result<(), Stop> {
    let known = desk.server.known_queue(&args.queue).await?;
    let before = known.as_ref().map(|view| &view.config);
    let config = wanted(args, before.cloned().unwrap_or_default())?;
    apply(desk, &args.queue, known, config, args.dry_run).await
}

/// Configures a queue, and says what is different then.
pub(super) async fn apply(
    desk: &Desk,
    queue: &str,
    known: Option<QueueView>,
    config: QueueConfig,
    dry_run: bool,
) -> Result<(), Stop> {
    let words = in_words(queue, known.as_ref(), &config, dry_run);
    if !dry_run {
        desk.server.put(queue, config.clone()).await?;
    }
    let after = QueueView {
        configured: true,
        config,
        ..known.unwrap_or_else(|| new(queue))
    };
    desk.output.result(&json::Queue::from(&after), || words);
    Ok(())
}

fn new(queue: &str) -> QueueView {
    QueueView {
        config: QueueConfig::default(),
        configured: false,
        deleting: false,
        count: timestone::QueueCount {
            queue: queue.to_owned(),
            ..Default::default()
        },
    }
}

fn in_words(queue: &str, known: Option<&QueueView>, config: &QueueConfig, dry_run: bool) -> String {
    let queue = one_line(queue);
    let lines: Vec<_> = match known {
        None => show::settings(config)
            .into_iter()
            .map(|(name, value)| format!("  {name:11}  {value}"))
            .collect(),
        Some(known) => changes(&known.config, config),
    };
    let done = match (known, lines.is_empty(), dry_run) {
        (None, _, true) => "would be created",
        (None, _, false) => "is created",
        (Some(_), true, _) => "is so already",
        (Some(_), false, true) => "would be changed",
        (Some(_), false, false) => "is changed",
    };
    let title = [format!("{queue} {done}")].into_iter();
    title.chain(lines).collect::<Vec<_>>().join("\n")
}

/// A line for each setting that differs.
fn changes(before: &QueueConfig, after: &QueueConfig) -> Vec<String> {
    let pairs = show::settings(before)
        .into_iter()
        .zip(show::settings(after));
    let changed = pairs.filter(|((_, before), (_, after))| before != after);
    changed
        .map(|((name, before), (_, after))| format!("  {name:11}  {before} -> {after}"))
        .collect()
}

fn wanted(args: &PutArgs, mut config: QueueConfig) -> Result<QueueConfig, Error> {
    timing(&args.timing, &mut config);
    order(&args.order, &mut config)?;
    letters(&args.letters, &mut config)?;
    Ok(config)
}

fn timing(args: &TimingArgs, config: &mut QueueConfig) {
    set(&mut config.lease_ms, args.lease.map(ms));
    set(&mut config.invisible_ms, args.delay.map(ms));
    set(&mut config.attempts, args.attempts);
    set(&mut config.retention_ms, args.retention.map(ms));
    set(&mut config.max_depth, args.depth);
}

fn set<T>(value: &mut T, wanted: Option<T>) {
    if let Some(wanted) = wanted {
        *value = wanted;
    }
}

/// What is longer than can be told is over every limit of the server.
fn ms(Age(time): Age) -> u64 {
    Duration::as_millis(&time).try_into().unwrap_or(u64::MAX)
}

fn order(args: &OrderArgs, config: &mut QueueConfig) -> Result<(), Error> {
    match (&args.exclusive, args.no_exclusive) {
        (Some(key), _) => config.kind = QueueKind::Exclusive { key: key.clone() },
        (None, true) => config.kind = QueueKind::Simple,
        (None, false) => {}
    }
    match (args.no_index, args.index.is_empty()) {
        (true, _) => config.indexed.clear(),
        (false, false) => config.indexed = args.index.iter().cloned().collect(),
        (false, true) => {}
    }
    set(&mut config.partitions, args.partitions);
    fairness(args, config)
}

fn fairness(args: &OrderArgs, config: &mut QueueConfig) -> Result<(), Error> {
    if args.no_fair {
        config.fairness = None;
        return Ok(());
    }
    if let Some(key) = &args.fair {
        let weights = config.fairness.take();
        // Weights are of values, and another key has others.
        let weights = weights.filter(|fairness| fairness.key == *key);
        config.fairness = Some(Fairness {
            key: key.clone(),
            weights: weights.map(|fairness| fairness.weights).unwrap_or_default(),
        });
    }
    match &mut config.fairness {
        None if !args.weights.is_empty() => Err(missing("--weight", "whose turns?", "--fair KEY")),
        None => Ok(()),
        Some(fairness) => {
            weigh(fairness, &args.weights);
            Ok(())
        }
    }
}

fn weigh(fairness: &mut Fairness, weights: &[(String, u32)]) {
    for (value, turns) in weights {
        match turns {
            1 => fairness.weights.remove(value),
            turns => fairness.weights.insert(value.clone(), *turns),
        };
    }
}

fn letters(args: &LetterArgs, config: &mut QueueConfig) -> Result<(), Error> {
    if args.no_dead_letter {
        config.dead_letter = None;
    }
    if let Some(queue) = &args.dead_letter {
        config.dead_letter = Some(DeadLetter {
            queue: queue.clone(),
            copy: args.dead_letter_copy,
        });
    }
    match &mut config.dead_letter {
        Some(letters) => {
            letters.copy |= args.dead_letter_copy;
            Ok(())
        }
        None if args.dead_letter_copy => Err(missing(
            "--dead-letter-copy",
            "copies to which queue?",
            "--dead-letter QUEUE",
        )),
        None => Ok(()),
    }
}

fn missing(argument: &str, question: &str, wanted: &str) -> Error {
    Error::user("INVALID_ARGUMENT", question)
        .at(argument)
        .hint(format!("name it with {wanted}"))
}

#[cfg(test)]
mod tests {
    use clap::{Args, Command, FromArgMatches};

    use super::*;

    /// What `put` with these words makes of a configuration.
    fn put(words: &str, before: QueueConfig) -> Result<QueueConfig, Error> {
        let command = PutArgs::augment_args(Command::new("put"));
        let words = ["put", "jobs"].into_iter().chain(words.split_whitespace());
        let matches = command.try_get_matches_from(words).expect("words");
        wanted(&PutArgs::from_arg_matches(&matches).expect("args"), before)
    }

    #[test]
    fn what_is_not_named_stays() {
        let before = put(
            "--lease 500ms --fair tenant --weight a=3 --weight b=2 --dead-letter dead --index x,y",
            QueueConfig::default(),
        )
        .expect("a configuration");
        assert_eq!(before.lease_ms, 500);
        assert_eq!(put("", before.clone()), Ok(before.clone()));

        let after = put(
            "--attempts 3 --weight a=1 --no-index --dead-letter-copy --partitions 4",
            before.clone(),
        );
        let after = after.expect("a configuration");
        let fairness = after.fairness.expect("turns");
        assert_eq!(fairness.key, "tenant");
        assert_eq!(fairness.weights, [("b".to_owned(), 2)].into());
        assert_eq!((after.attempts, after.lease_ms), (3, 500));
        assert_eq!(after.partitions, 4);
        assert!(after.indexed.is_empty());
        let letters = after.dead_letter.expect("letters");
        assert_eq!((&*letters.queue, letters.copy), ("dead", true));

        let other = put("--fair kind --no-dead-letter", before).expect("a configuration");
        assert_eq!(other.fairness.expect("turns").weights, [].into());
        assert_eq!(other.dead_letter, None);
    }

    #[test]
    fn half_a_wish_is_asked_about() {
        for (words, argument) in [
            ("--weight a=3", "--weight"),
            ("--dead-letter-copy", "--dead-letter-copy"),
        ] {
            let error = put(words, QueueConfig::default()).expect_err(words);
            assert_eq!(error.field.as_deref(), Some(argument));
            assert!(error.hint.is_some());
        }
    }

    #[test]
    fn what_is_different_is_said() {
        let before = QueueConfig::default();
        let after = put("--lease 1m --exclusive doc", before.clone()).expect("a configuration");
        let view = QueueView {
            config: before,
            ..new("jobs")
        };
        assert_eq!(
            in_words("jobs", Some(&view), &after, true),
            "\
jobs would be changed
  lease        30 s -> 1 m
  exclusive    no -> doc"
        );
        assert_eq!(
            in_words("jobs", Some(&view), &view.config, false),
            "jobs is so already"
        );
        assert!(in_words("jobs", None, &after, false).starts_with("jobs is created\n"));
    }
}
