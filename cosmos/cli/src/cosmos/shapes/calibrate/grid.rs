//! Which shapes are tried.

use errors::Error;
use stratum_calibration::{Size, limits};

use super::args::CalibrateArgs;
use super::machine::Machine;

/// Megabytes that are tried where none are named.
const MEMORY: [u64; 5] = [500, 1_000, 2_000, 4_000, 8_000];

/// Every shape, each once, from small to large; all problems at once.
pub(super) fn sizes(args: &CalibrateArgs, machine: Machine) -> Result<Vec<Size>, Vec<Error>> {
    let cpus = or(&args.cpus, powers_of_two(machine.cpus));
    let memory = or(
        &args.memory,
        MEMORY.into_iter().filter(|mb| *mb <= machine.memory_mb),
    );
    let mut problems: Vec<Error> = beyond(&cpus, &memory, machine).collect();
    let of = |cpus: &u32| {
        let cpus = *cpus;
        let sizes = memory.iter().map(move |memory_mb| Size {
            cpus,
            memory_mb: *memory_mb,
        });
        sizes.collect::<Vec<_>>()
    };
    let sizes: Vec<Size> = cpus.iter().flat_map(of).collect();
    if sizes.len() > limits::SIZES {
        let message = format!(
            "{} shapes; at most {} are tried",
            sizes.len(),
            limits::SIZES
        );
        problems.push(Error::user("TOO_MANY_SHAPES", message).at("--cpus, --memory"));
    }
    match problems.is_empty() {
        true => Ok(sizes),
        false => Err(problems),
    }
}

/// What was asked for, each once and in order; else the usual.
fn or<T: Copy + Ord>(asked: &[T], usual: impl Iterator<Item = T>) -> Vec<T> {
    let mut all: Vec<T> = match asked.is_empty() {
        true => usual.collect(),
        false => asked.to_vec(),
    };
    all.sort_unstable();
    all.dedup();
    all
}

fn powers_of_two(most: u32) -> impl Iterator<Item = u32> {
    (0..10).map(|power| 1 << power).filter(move |n| *n <= most)
}

/// What this machine cannot give, nobody can measure on it.
fn beyond(cpus: &[u32], memory: &[u64], machine: Machine) -> impl Iterator<Item = Error> {
    let Machine {
        cpus: has,
        memory_mb,
    } = machine;
    let cpus = cpus.iter().copied().filter(move |n| *n > has);
    let cpus = cpus.max().map(|n| {
        let message = format!("this machine has {has} processors, not {n}");
        Error::user("MACHINE_TOO_SMALL", message).at("--cpus")
    });
    let memory = memory.iter().copied().filter(move |mb| *mb > memory_mb);
    let memory = memory.max().map(|mb| {
        let message = format!("this machine has {memory_mb} MB of memory, not {mb}");
        Error::user("MACHINE_TOO_SMALL", message).at("--memory")
    });
    let hint = "measure larger shapes on a larger machine";
    cpus.into_iter()
        .chain(memory)
        .map(move |error| error.hint(hint))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        args: CalibrateArgs,
    }

    fn tried(words: &str) -> Result<String, String> {
        let line = Line::try_parse_from(
            ["calibrate", "f"]
                .into_iter()
                .chain(words.split_whitespace()),
        );
        let machine = Machine {
            cpus: 3,
            memory_mb: 2_100,
        };
        match sizes(&line.unwrap().args, machine) {
            Ok(sizes) => Ok(sizes.iter().map(|s| format!("{s} ")).collect()),
            Err(errors) => Err(errors.iter().map(|e| format!("{} ", e.message)).collect()),
        }
    }

    #[test]
    fn the_usual_is_what_the_machine_has() {
        let usual = "cpu1-500mb cpu1-1000mb cpu1-2000mb cpu2-500mb cpu2-1000mb cpu2-2000mb ";
        assert_eq!(tried("").unwrap(), usual);
        assert_eq!(
            tried("--memory 700,64,700 --cpus 3").unwrap(),
            "cpu3-64mb cpu3-700mb "
        );
    }

    #[test]
    fn what_the_machine_lacks_is_told_all_at_once() {
        let told = tried("--cpus 1,4,8 --memory 3000").unwrap_err();
        assert!(told.contains("3 processors, not 8"), "{told}");
        assert!(told.contains("2100 MB of memory, not 3000"), "{told}");
        let many: Vec<String> = (16..90).map(|mb| mb.to_string()).collect();
        assert!(tried(&format!("--memory {} --cpus 1", many.join(","))).is_err());
    }
}
