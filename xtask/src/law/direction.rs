//! Which room may know of which.

use std::collections::BTreeSet;

use super::Breach;
use super::workspace::{Crate, Room, Workspace};

const ROOMS: &str = "every crate lives in a room: proto, base, video, timestone, stratum, plato, \
    optimus, clients, services, cosmos, tests, bench or xtask";
const DOWN: &str = "dependencies point down: proto < base, video < timestone < stratum < plato < \
    optimus < clients < services < cosmos < tests, bench, xtask";
const GROUND: &str = "proto lies below everything and uses no other crate of the house";
const PLATO: &str = "Plato knows Stratum by its proto alone";
const SERVICES: &str = "services never import each other; they meet through a queue and a proto, by the clients \
    that are generated from it";
const CLIENT: &str = "a client is made of its service's contract alone: it never uses a service, nor what serves one";
const PLATFORM: &str = "no platform room imports a service";
const FUNCTION: &str = "a function sees media and parameters, never timestone, plato or optimus, not even through \
    others; it shares its service's api crate, whose types it speaks, and no more of the service";

/// Every edge that points where it must not.
pub fn check(workspace: &Workspace) -> Vec<Breach> {
    let homeless = workspace.crates.iter().filter(|c| c.room().is_none());
    let mut found: Vec<_> = homeless.map(|c| Breach::new(&c.path, ROOMS)).collect();
    let edges = workspace
        .edges()
        .filter_map(|(from, to)| edge_law(from, to).map(|law| Breach::new(arrow(from, to), law)));
    found.extend(edges);
    found.extend(
        workspace
            .crates
            .iter()
            .filter(|c| c.is_function())
            .filter_map(|c| reach(workspace, c)),
    );
    found
}

fn edge_law(from: &Crate, to: &Crate) -> Option<&'static str> {
    let (above, below) = (from.room()?, to.room()?);
    if above == Room::Proto {
        return Some(GROUND);
    }
    if above == Room::Clients && is_closed_to_clients(to) {
        return Some(CLIENT);
    }
    if below == Room::Services && above < Room::Services {
        return Some(PLATFORM);
    }
    if below.floor() > above.floor() {
        return Some(DOWN);
    }
    if above == Room::Plato && below == Room::Stratum {
        return Some(PLATO);
    }
    let strangers = from
        .service()
        .zip(to.service())
        .is_some_and(|(a, b)| a != b);
    strangers.then_some(SERVICES)
}

/// A function is a program for a sandbox, so what it uses is followed to the
/// end; only its own service's contract is taken as it is.
fn reach(workspace: &Workspace, function: &Crate) -> Option<Breach> {
    let contract = format!("services/{}/api", function.service()?);
    let mut seen = BTreeSet::new();
    let mut waiting = vec![function];
    while let Some(at) = waiting.pop() {
        for next in workspace.below(at).filter(|next| next.path != contract) {
            if is_closed_to_functions(next) {
                let place = format!("{} (through {})", arrow(function, next), at.name);
                return Some(Breach::new(place, FUNCTION));
            }
            if seen.insert(&next.name) {
                waiting.push(next);
            }
        }
    }
    None
}

fn is_closed_to_clients(target: &Crate) -> bool {
    match target.room() {
        Some(Room::Services | Room::Clients | Room::Stratum) => true,
        Some(Room::Optimus) => target.path != "optimus/optimus-client",
        _ => false,
    }
}

fn is_closed_to_functions(target: &Crate) -> bool {
    match target.room() {
        Some(Room::Timestone | Room::Plato | Room::Optimus | Room::Clients) => true,
        Some(Room::Services) => !target.is_function(),
        _ => false,
    }
}

fn arrow(from: &Crate, to: &Crate) -> String {
    format!("{} → {}", from.name, to.name)
}

#[cfg(test)]
mod tests {
    use super::super::workspace::fabricate::{crate_at, house};
    use super::*;

    fn laws(crates: &[Crate]) -> Vec<String> {
        check(&house(crates))
            .into_iter()
            .map(|breach| breach.law)
            .collect()
    }

    fn edge(from: &str, to: &str) -> Vec<String> {
        let below = crate_at(to, &[]);
        laws(&[crate_at(from, &[&below.name]), below])
    }

    #[test]
    fn lawful_edges_pass() {
        let lawful = [
            ("base/rpc", "proto"),
            ("video", "proto"),
            ("base/rpc", "base/errors"),
            ("timestone/timestone", "base/store"),
            ("stratum/stratum-agent", "timestone/timestone-client"),
            ("plato/plato-runtime", "timestone/timestone-client"),
            ("services/ves/workflow", "services/ves/api"),
            ("services/ves/workflow", "plato/plato"),
            ("services/ves/functions/avc", "stratum/stratum"),
            ("services/ves/functions/avc", "services/ves/api"),
            ("clients/vvs", "plato/plato"),
            ("clients/vvs", "timestone/timestone-client"),
            ("clients/vvs", "optimus/optimus-client"),
            ("services/ves/workflow", "clients/vvs"),
            ("services/vvs/api", "clients/vvs"),
            ("tests/e2e", "clients/vvs"),
            ("cosmos/daemon", "services/ves/workflow"),
            ("tests/e2e", "cosmos/daemon"),
            ("tests/e2e", "tests/corpus"),
        ];
        for (from, to) in lawful {
            assert_eq!(edge(from, to), [""; 0], "{from} → {to}");
        }
    }

    #[test]
    fn each_unlawful_edge_is_told_its_law() {
        let unlawful = [
            ("proto", "base/errors", GROUND),
            ("base/store", "timestone/timestone", DOWN),
            ("timestone/timestone", "stratum/stratum", DOWN),
            ("stratum/stratum-agent", "plato/plato", DOWN),
            ("plato/plato", "optimus/optimus", DOWN),
            ("services/ves/api", "cosmos/cli", DOWN),
            ("video", "tests/corpus", DOWN),
            ("cosmos/daemon", "xtask", DOWN),
            ("plato/plato-runtime", "stratum/stratum", PLATO),
            ("services/ves/workflow", "services/vvs/api", SERVICES),
            ("services/vvs/workflow", "services/ves/api", SERVICES),
            ("clients/vvs", "services/vvs/api", CLIENT),
            ("clients/vvs", "services/ves/api", CLIENT),
            ("clients/vvs", "clients/ves", CLIENT),
            ("clients/vvs", "optimus/optimus", CLIENT),
            ("clients/vvs", "stratum/stratum", CLIENT),
            ("optimus/optimus", "clients/vvs", DOWN),
            ("services/ves/functions/avc", "clients/vvs", FUNCTION),
            ("plato/plato", "services/ves/api", PLATFORM),
            ("base/blob", "services/vvs/api", PLATFORM),
            (
                "services/ves/functions/avc",
                "timestone/timestone-client",
                FUNCTION,
            ),
            ("services/ves/functions/avc", "plato/plato", FUNCTION),
            ("services/ves/functions/avc", "optimus/optimus", FUNCTION),
            (
                "services/ves/functions/avc",
                "services/ves/workflow",
                FUNCTION,
            ),
        ];
        for (from, to, law) in unlawful {
            assert_eq!(edge(from, to), [law], "{from} → {to}");
        }
    }

    #[test]
    fn a_function_may_not_reach_a_queue_through_another_crate() {
        let crates = [
            crate_at("timestone/timestone-client", &[]),
            crate_at("stratum/stratum-agent", &["timestone-client"]),
            crate_at("services/ves/functions/avc", &["stratum-agent"]),
        ];
        assert_eq!(laws(&crates), [FUNCTION]);
    }

    #[test]
    fn a_crate_outside_every_room_is_found() {
        assert_eq!(laws(&[crate_at("cellar/wine", &[])]), [ROOMS]);
    }

    #[test]
    fn tests_may_point_up() {
        let mut frames = crate_at("stratum/stratum-frames", &["corpus"]);
        frames.deps.iter_mut().for_each(|dep| dep.dev = true);
        assert_eq!(laws(&[frames, crate_at("tests/corpus", &[])]), [""; 0]);
    }
}
