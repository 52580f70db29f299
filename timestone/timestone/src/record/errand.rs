//! What a queue of another shard is to be given, but for its payload.

use bytes::Bytes;

use super::RecordError;
use super::codec::{Reader, Writer};
use super::head::{put_details, take_details};
use crate::details::Details;
use crate::errand::Stored;
use crate::{Errand, NewMessage, Task};

const VERSION: u8 = 1;

pub(crate) fn encode(stored: &Stored) -> Bytes {
    let Errand { message, task } = &stored.errand;
    let error = match task {
        Task::Letter(error) => Some(&error[..]),
        Task::HandOn | Task::Return => None,
    };
    let details = Details::new(&message.metadata, message.reply_to.as_deref(), error);
    let mut writer = Writer::new(VERSION);
    writer.number(task_number(task));
    writer.text(&message.queue).text(&message.id);
    writer.signed(message.priority);
    writer.number(message.invisible_ms);
    writer.number(message.attempts.unwrap_or_default());
    put_details(&mut writer, &details);
    writer.number(stored.payload_bytes);
    writer.finish()
}

pub(crate) fn decode(value: &[u8]) -> Result<Stored, RecordError> {
    let (mut reader, _) = Reader::new("errand", VERSION, value)?;
    let task = reader.number()?;
    let mut message = NewMessage {
        queue: reader.text()?.to_owned(),
        id: reader.text()?.to_owned(),
        priority: reader.signed()?,
        invisible_ms: reader.number()?,
        ..NewMessage::default()
    };
    message.attempts = Some(reader.narrow()?).filter(|attempts| *attempts > 0);
    let details = take_details(&mut reader)?;
    message.metadata = details.to_map();
    message.reply_to = details.reply_to().map(str::to_owned);
    let task = match task {
        0 => Task::HandOn,
        1 => Task::Letter(details.error().unwrap_or_default()),
        2 => Task::Return,
        _ => return Err(reader.error("an unknown task")),
    };
    let payload_bytes = reader.narrow()?;
    reader.finish()?;
    Ok(Stored {
        errand: Errand { message, task },
        payload_bytes,
    })
}

fn task_number(task: &Task) -> u8 {
    match task {
        Task::HandOn => 0,
        Task::Letter(_) => 1,
        Task::Return => 2,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::collection::{btree_map, vec};
    use proptest::option;
    use proptest::prelude::*;

    use super::*;

    fn any_stored() -> impl Strategy<Value = Stored> {
        let task = prop_oneof![
            Just(Task::HandOn),
            vec(any::<u8>(), 0..9).prop_map(|error| Task::Letter(error.into())),
            Just(Task::Return),
        ];
        let texts = (".{0,9}", ".{0,40}", option::of(".{0,9}"));
        let numbers = (any::<(i64, u64, u32)>(), option::of(1..=u32::MAX));
        let metadata = btree_map(".{0,5}", ".{0,5}", 0..4);
        (texts, numbers, metadata, task).prop_map(|(texts, numbers, metadata, task)| Stored {
            errand: Errand {
                message: NewMessage {
                    queue: texts.0,
                    id: texts.1,
                    reply_to: texts.2,
                    priority: numbers.0.0,
                    invisible_ms: numbers.0.1,
                    attempts: numbers.1,
                    metadata,
                    ..NewMessage::default()
                },
                task,
            },
            payload_bytes: numbers.0.2,
        })
    }

    proptest! {
        #[test]
        fn an_errand_survives(stored in any_stored()) {
            prop_assert_eq!(decode(&encode(&stored)).unwrap(), stored);
        }

        #[test]
        fn any_bytes_are_an_errand_or_an_error(mut value: Vec<u8>) {
            if let Some(first) = value.first_mut() {
                *first = VERSION;
            }
            let _ = decode(&value);
        }
    }
}
