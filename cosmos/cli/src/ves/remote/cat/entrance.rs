//! Where in the video to begin: at the last unit at which decoding can start and that is not shown
//! after the wanted frame.

use ves_assembly::AccessUnit;

/// Keeps units out until one of them can be begun with.
#[derive(Debug)]
pub(super) struct Entrance {
    from: u64,
    /// Units since the last one that would do, while a later one may come.
    waiting: Vec<AccessUnit>,
    is_open: bool,
}

impl Entrance {
    pub(super) fn at(from: u64) -> Self {
        Self {
            from,
            waiting: Vec::new(),
            is_open: false,
        }
    }

    /// Those of a part that are to be played, in decoding order, with those of earlier parts that
    /// turned out to be. The chunk is the one that holds the wanted frame, or a later one.
    pub(super) fn let_in(&mut self, part: Vec<AccessUnit>, is_last: bool) -> Vec<AccessUnit> {
        if self.is_open {
            return part;
        }
        for unit in part {
            self.take(unit);
        }
        // No chunk after this one would do.
        self.is_open |= is_last;
        match self.is_open {
            true => std::mem::take(&mut self.waiting),
            false => Vec::new(),
        }
    }

    fn take(&mut self, unit: AccessUnit) {
        let begins = unit.random_access && !self.is_open;
        if begins && unit.frame <= self.from {
            self.waiting.clear();
        }
        self.is_open |= begins && unit.frame >= self.from;
        self.waiting.push(unit);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(frame: u64, random_access: bool) -> AccessUnit {
        AccessUnit {
            frame,
            offset: 0,
            size: 1,
            random_access,
            pts: 0,
            dts: 0,
            duration: 1,
            decode_duration: 1,
        }
    }

    /// Frames that are played of parts, each a list of frames, negative where decoding can start.
    fn played(from: u64, parts: &[&[i64]]) -> Vec<u64> {
        let mut entrance = Entrance::at(from);
        let parts = parts.iter().enumerate().flat_map(|(place, part)| {
            let units = part
                .iter()
                .map(|frame| unit(frame.unsigned_abs(), *frame < 0));
            let units = entrance.let_in(units.collect(), place == parts.len() - 1);
            units.into_iter().map(|unit| unit.frame)
        });
        parts.collect()
    }

    const CHUNK: [&[i64]; 3] = [&[-10, 12, 11, 13], &[-14, 15, -16], &[17, 18]];

    #[test]
    fn it_begins_at_the_last_place_that_is_no_later() {
        assert_eq!(played(14, &CHUNK), [14, 15, 16, 17, 18]);
        assert_eq!(played(15, &CHUNK), [14, 15, 16, 17, 18]);
        assert_eq!(played(17, &CHUNK), [16, 17, 18]);
        assert_eq!(played(13, &CHUNK), [10, 12, 11, 13, 14, 15, 16, 17, 18]);
        assert_eq!(played(11, &CHUNK[..1]), [10, 12, 11, 13]);
    }

    #[test]
    fn nothing_is_held_back_once_it_has_begun() {
        let mut entrance = Entrance::at(10);
        assert_eq!(entrance.let_in(vec![unit(10, true)], false).len(), 1);
        assert_eq!(entrance.let_in(vec![unit(11, false)], false).len(), 1);
    }
}
