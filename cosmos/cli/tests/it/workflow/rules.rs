//! Workflows of rules: what they know, why they fire, and what is done to them.

use super::world::World;

const ENCODER: &str = "assert library Encoder codec=av1 release=1 --rules example.freshness";

impl World {
    fn tell(&self, words: &str) {
        let said = self.say(words);
        assert!(said.ends_with("exit 0\n"), "{words}: {said}");
    }

    /// A library with an encoder and a title that is encoded.
    fn library(&self) {
        self.tell(ENCODER);
        self.tell("assert library Title id=t1 source=a.mov");
        self.encoded(1);
    }

    /// Waits until so many firings have ended.
    fn encoded(&self, firings: u64) {
        self.until("library", |json| {
            json["rules"]["fired"] == firings && json["rules"]["running"] == 0
        });
    }
}

#[test]
fn a_fact_is_asserted_a_rule_fires_and_says_why() {
    let world = World::new();
    world.library();
    let facts = world.say("facts library --type Encode");
    assert!(
        facts.contains("codec \"av1\", release 1, state \"done in 7 s\", title \"t1\""),
        "{facts}"
    );
    let said = world.say("show library");
    for part in [
        "definition   example.freshness v1, of shop",
        "rules        3 facts, 1 fired",
    ] {
        assert!(said.contains(part), "no {part:?} in\n{said}");
    }
    // A better encoder is released.
    world.tell("assert library Encoder codec=av1 release=2");
    world.encoded(2);
    let said = world.say("explain library");
    for part in [
        "library is running",
        "firing 1: rule encode",
        "firing 2: rule encode\n  why now: encoder f1 was updated",
        "encoder  f1, version 5: Encoder(codec \"av1\", release 2)",
        "; done; its match holds no more\n",
        "rule encode has no match; the nearest one:\n  title    f2: Title(id \"t1\"",
        "state \"done in 7 s\", title \"t1\") is there, and must not be\n",
    ] {
        assert!(said.contains(part), "no {part:?} in\n{said}");
    }
    let json = world.json("explain library --firing 1").remove(0);
    assert_eq!(json["firings"][0]["firing"], 1);
    assert_eq!(json["firings"].as_array().unwrap().len(), 1);
    assert_eq!(json["rule_standings"][0]["pattern"], "encode");
}

#[test]
fn rules_are_listed_drawn_and_their_history_is_told() {
    let world = World::new();
    world.library();
    let listed = world.json("list --definition example.freshness");
    assert_eq!(listed[0]["workflow"], "library");
    assert_eq!(listed[0]["rules"]["facts"], 3);
    let said = world.say("list --state running");
    assert!(said.contains("3 facts, 1 fired"), "{said}");
    let said = world.say("graph library");
    assert!(
        said.contains("encode ") && said.contains("no Encode"),
        "{said}"
    );
    let svg = world.say("graph --definition example.freshness --svg");
    assert!(svg.starts_with("<svg xmlns="), "{svg}");
    let happened = world.json("history library");
    let fired = happened.iter().find(|event| event["event"] == "fired");
    assert_eq!(fired.unwrap()["node"], "encode");
    assert_eq!(happened.last().unwrap()["event"], "updated");
}

#[test]
fn paused_rules_wait_and_resumed_ones_fire() {
    let world = World::new();
    world.library();
    world.tell("pause library --reason look");
    world.tell("assert library Title id=t2 source=b.mov");
    let said = world.say("explain library");
    assert!(said.contains("library is running, paused: look"), "{said}");
    assert!(
        said.contains("encode  waits to fire for title f4, encoder f1"),
        "{said}"
    );
    world.tell("resume library");
    world.encoded(2);
    world.tell("retract library Title id=t2");
    let titles = world.json("facts library --type Title");
    assert_eq!(
        (titles.len(), &titles[0]["fields"]["id"]),
        (1, &"t1".into())
    );
    let said = world.say("retry library");
    assert!(
        said.contains("is one of rules") && said.ends_with("exit 2\n"),
        "{said}"
    );
    world.tell("cancel library --reason over");
    assert_eq!(world.json("show library")[0]["state"], "canceled");
    assert_eq!(
        world.json("list --state canceled")[0]["workflow"],
        "library"
    );
    let said = world.say("assert library Title id=t3 source=c.mov");
    assert!(
        said.contains("workflow library has ended [WORKFLOW_ENDED]"),
        "{said}"
    );
}

#[test]
fn facts_that_do_not_fit_are_refused_with_everything_that_is_wrong() {
    let world = World::new();
    world.tell(ENCODER);
    let said = world.say("assert library Encoder codec=av1 release=new pace=3");
    for part in [
        "release: `new` is no uint",
        "pace: there is no field `pace`",
        "exit 2\n",
    ] {
        assert!(said.contains(part), "no {part:?} in\n{said}");
    }
    let said = world.say("assert library Encoder codec=av1");
    assert!(said.contains("Encoder.release has no value"), "{said}");
    let said = world.say("assert library Film id=t1");
    assert!(
        said.contains("help: known: Concern, Encode, Encoder, Title"),
        "{said}"
    );
    let said = world.say("assert shelf Title id=t1 source=a --rules example.staleness");
    assert!(
        said.contains("there is no definition example.staleness"),
        "{said}"
    );
}

#[test]
fn a_workflow_is_started_from_the_command_line() {
    let world = World::new();
    let started = world.json("start example.encode --attribute title=heron");
    let id = started[0]["workflow"].as_str().unwrap().to_owned();
    let json = world.until(&id, |json| json["state"] == "succeeded");
    assert_eq!(json["output"], "{\"seconds\": 7}");
    assert_eq!(world.json("list --where title=heron").len(), 1);
    let said = world.say("start shop.refund");
    assert!(said.contains("shop.order v3"), "{said}");
    world.tell("start example.freshness --id library --attribute kind=library");
    assert_eq!(
        world.json("list --where kind=library")[0]["workflow"],
        "library"
    );
}
