//! The machine lives through years that pass in seconds, and loses no mail by a step of its own.

mod simulation;

use rollover::machine::Machine;
use simulation::chance::Chance;
use simulation::grades::{first_wrong, words};
use simulation::library::{Library, OWN};
use simulation::ours::{Kill, Ours};
use simulation::today::{Strategy, Today};
use simulation::world::{Climate, DAY, World, YEAR};

/// Years of one world.
const SPAN: i64 = 5;

struct Outcome {
    guilty: Vec<String>,
    failed_s: i64,
    rollovers: u64,
    looks: usize,
    wrong: Option<String>,
    judged: u64,
}

fn machine(chance: &mut Chance, library: &Library) -> Machine {
    let anchors = if chance.happens(250) { vec![library.anchor(OWN, 1), library.anchor(OWN, 0)] } else { vec![] };
    let digests = chance.pick(&[&[1][..], &[1], &[1, 2], &[2]]).to_vec();
    Machine { digests, anchors, keep_key_s: chance.pick(&[60, 200, 365]) * DAY, tickets_s: chance.pick(&[0, 2, 24]) * 3600 }
}

/// One world from a seed.
fn ours(seed: u64, library: &mut Library, change: impl Fn(&mut Climate, &mut Ours)) -> Outcome {
    let mut chance = Chance::new(seed);
    let (mut climate, machine) = (Climate::of(&mut chance), machine(&mut chance, library));
    let mut world = World::new(library, climate, chance.next());
    let mut keeper = Ours::new(machine, &mut world);
    change(&mut climate, &mut keeper);
    world.climate = climate;
    world.senders = simulation::senders::Senders::new(climate.lives, world.at);
    world.live(&mut keeper, SPAN * YEAR);
    let graded = world.history.grade(SPAN * YEAR, world.library);
    Outcome {
        guilty: world.guilty.clone(),
        failed_s: world.senders.failed_s,
        rollovers: world.rollovers,
        looks: keeper.looks,
        wrong: first_wrong(&graded),
        judged: words(&graded).2,
    }
}

fn years() -> u64 {
    if std::env::var_os("DANELAW_DEEP").is_some() { 10_000 } else { 200 }
}

#[test]
fn no_step_of_ours_ever_fails_a_delivery() {
    let mut library = Library::new(200);
    let (mut rollovers, mut looks, mut judged) = (0, 0, 0);
    let worlds = years() / SPAN as u64;
    for seed in 0..worlds {
        let outcome = ours(seed, &mut library, |_, _| {});
        assert!(outcome.guilty.is_empty(), "seed {seed}: {:#?}", outcome.guilty);
        assert_eq!(outcome.wrong, None, "seed {seed}");
        rollovers += outcome.rollovers;
        looks += outcome.looks;
        judged += outcome.judged;
    }
    println!("{worlds} worlds of {SPAN} years: {rollovers} rollovers, {judged} judged by P22, {looks} looks");
    assert!(rollovers > worlds, "too few rollovers to mean anything: {rollovers}");
}
