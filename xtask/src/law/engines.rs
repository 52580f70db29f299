//! Each engine is touched by one adapter crate, so that it can be replaced.

use super::Breach;
use super::workspace::{Crate, Workspace};

/// Libraries that together drive one engine, and the crates that may use them.
struct Engine {
    libraries: &'static [&'static str],
    homes: &'static [&'static str],
}

const ENGINES: [Engine; 8] = [
    Engine {
        libraries: &["fjall"],
        homes: &["store-fjall"],
    },
    // A table of it is a peer of our queue.
    Engine {
        libraries: &["tokio-postgres", "deadpool-postgres"],
        homes: &["store-postgres", "bench"],
    },
    Engine {
        libraries: &["bollard"],
        homes: &["stratum-docker"],
    },
    // The crash suite is itself a file system.
    Engine {
        libraries: &["fuser"],
        homes: &["stratum-mount", "powercut"],
    },
    Engine {
        libraries: &["tokio-rustls", "rustls-native-certs"],
        homes: &["sources"],
    },
    Engine {
        libraries: &["landlock", "seccompiler"],
        homes: &["stratum-init"],
    },
    Engine {
        libraries: &["kube", "k8s-openapi"],
        homes: &["stratum-kubernetes"],
    },
    Engine {
        libraries: &["object_store"],
        homes: &["blob"],
    },
];

/// Every use of an engine outside its home, tests included.
pub fn check(workspace: &Workspace) -> Vec<Breach> {
    workspace.crates.iter().flat_map(strays).collect()
}

fn strays(user: &Crate) -> impl Iterator<Item = Breach> {
    user.deps.iter().filter_map(move |dep| {
        let engine = ENGINES
            .iter()
            .find(|e| e.libraries.contains(&dep.name.as_str()))?;
        let at_home = engine.homes.contains(&user.name.as_str());
        (!at_home).then(|| Breach::new(format!("{} → {}", user.name, dep.name), law(engine)))
    })
}

fn law(engine: &Engine) -> String {
    let libraries = engine.libraries.join(" and ");
    format!(
        "each engine has one adapter: {libraries} belongs to {} alone",
        engine.homes.join(" and ")
    )
}

#[cfg(test)]
mod tests {
    use super::super::workspace::fabricate::{crate_using, house};
    use super::*;

    #[test]
    fn engines_at_home_pass() {
        for engine in &ENGINES {
            for home in engine.homes {
                for library in engine.libraries {
                    let user = crate_using(&format!("base/{home}"), library);
                    assert_eq!(check(&house(&[user])), []);
                }
            }
        }
    }

    #[test]
    fn an_engine_abroad_is_found_in_code_and_in_tests() {
        for library in ENGINES.iter().flat_map(|engine| engine.libraries) {
            for dev in [false, true] {
                let mut user = crate_using("plato/plato-runtime", library);
                user.deps.iter_mut().for_each(|dep| dep.dev = dev);
                let found = check(&house(&[user]));
                assert_eq!(found.len(), 1, "{library}");
                assert_eq!(found[0].place, format!("plato-runtime → {library}"));
            }
        }
    }
}
