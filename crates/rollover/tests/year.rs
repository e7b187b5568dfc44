//! The machine lives through years that pass in seconds, and loses no mail by a step of its own.

mod simulation;

use rollover::machine::Machine;
use rollover::phase::Phase;
use simulation::chance::Chance;
use simulation::grades::{first_wrong, words};
use simulation::library::{Library, OWN};
use simulation::ours::{Kill, Ours};
use simulation::world::{Climate, DAY, HOUR, World, YEAR};

/// Years of one world.
const SPAN: i64 = 5;

struct Outcome {
    guilty: Vec<String>,
    rollovers: u64,
    looks: usize,
    wrong: Option<String>,
    judged: u64,
}

fn machine(chance: &mut Chance, library: &Library) -> Machine {
    let anchors = if chance.happens(80) { vec![library.anchor(OWN, 1), library.anchor(OWN, 0)] } else { vec![] };
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
        rollovers: world.rollovers,
        looks: keeper.looks,
        wrong: first_wrong(&graded),
        judged: words(&graded).2,
    }
}

fn years() -> u64 {
    if std::env::var_os("DANELAW_DEEP").is_some() { 10_000 } else { 60 }
}

// R-091 rfc7672#4, R-092 rfc7671#8.1, R-093 rfc7672#4, R-090 rfc7671#8: at every moment, every set in any cache and every chain.
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

#[test]
fn not_even_where_hands_meddle() {
    let mut library = Library::new(200);
    for seed in 0..years() / SPAN as u64 / 2 {
        let outcome = ours(seed, &mut library, |climate, _| climate.hands = 60);
        assert!(outcome.guilty.is_empty(), "seed {seed}: {:#?}", outcome.guilty);
    }
}

/// A calm world, but for what `change` makes of it; and whoever kept it.
fn calm(seconds: i64, library: &mut Library, change: impl FnOnce(&mut Climate, &mut Ours)) -> (Ours, Vec<String>, i64, u64, u64) {
    let mut climate = Climate::CALM;
    let mut world = World::new(library, climate, 7);
    let machine = Machine { keep_key_s: 30 * DAY, ..Machine::default() };
    let mut keeper = Ours::new(machine, &mut world);
    change(&mut climate, &mut keeper);
    world.climate = climate;
    world.live(&mut keeper, seconds);
    let (failed, edits, rollovers) = (world.senders.failed_s, world.edits, world.rollovers);
    (keeper, world.guilty, failed, edits, rollovers)
}

#[test]
fn an_edit_by_hand_is_mended_by_the_next_look() {
    let mut library = Library::new(100);
    let (_, guilty, failed_s, edits, rollovers) = calm(5 * YEAR, &mut library, |climate, _| (climate.hands, climate.servers) = (20, 3));
    assert!(guilty.is_empty(), "{guilty:#?}");
    assert!(edits > 50 && rollovers > 10 && failed_s > 0, "{edits} {rollovers} {failed_s}");
    // The longest look to look, the slowest secondary, and what is cached then.
    let most = DAY + 2 * HOUR + 3600;
    assert!(failed_s < edits as i64 * most, "{failed_s} seconds by {edits} edits");
    println!("{edits} edits: {} minutes of outage each", failed_s / 60 / edits as i64);
}

/// A test that bites: where waits are half of what they should be, caches that ask caches are caught out.
#[test]
fn a_wait_of_half_the_length_is_found() {
    let mut library = Library::new(200);
    let hasty = |haste: u32| {
        move |climate: &mut Climate, keeper: &mut Ours| {
            (climate.ttl, climate.lives, climate.aliases_ttl, climate.hands) = (86_400, 2, 0, 0);
            (keeper.machine.keep_key_s, keeper.haste) = (DAY, haste);
        }
    };
    const SEEDS: u64 = 3;
    let guilty =
        |haste: u32, library: &mut Library| (0..SEEDS).filter(|seed| !ours(*seed, library, hasty(haste)).guilty.is_empty()).count();
    assert_eq!(guilty(1, &mut library), 0);
    assert!(guilty(2, &mut library) > 0, "{SEEDS} seeds do not notice that waits are halved");
}

// killed before, between and after its actions, with the state written and not.
#[test]
fn killed_at_every_step_it_resumes() {
    let mut library = Library::new(100);
    let span = 100 * DAY;
    let (keeper, guilty, failed_s, _, rollovers) = calm(span, &mut library, |_, keeper| keeper.twice = true);
    assert_eq!((guilty.len(), failed_s), (0, 0));
    assert!(keeper.acted.len() > 8 && rollovers >= 2, "{} {rollovers}", keeper.acted.len());
    for look in keeper.acted {
        for (after, written) in [(0, false), (0, true), (1, false), (1, true), (2, false)] {
            let kill = Kill { look, after, written };
            let (keeper, guilty, failed_s, _, again) = calm(span, &mut library, |_, keeper| keeper.kill = Some(kill));
            assert!(guilty.is_empty() && failed_s == 0, "{kill:?}: {guilty:#?}");
            assert!(again + 1 >= rollovers, "{kill:?}: it got stuck in {:?}", keeper.phase());
            assert!(matches!(keeper.phase(), Phase::Ready(_) | Phase::Settling(_) | Phase::Retiring(_)), "{kill:?}: {:?}", keeper.phase());
        }
    }
}

#[test]
fn what_is_done_today_loses_mail_in_the_same_world() {
    let rows = simulation::strategies::rows();
    let fails =
        |name: &str| rows.iter().find(|row| row.name.contains(name)).map(|row| (row.failed_minutes_a_year > 0.0, row.wrong > 0)).unwrap();
    for name in ["after deploying", "at once", "five minutes", "one hour", "`3 0 1`", "`2 1 1`"] {
        assert!(fails(name).0, "{name}");
    }
    // It changes no key, and so breaks nothing.
    assert_eq!(fails("`3 1 1`"), (false, false));
    let ours = rows.last().unwrap();
    assert_eq!((ours.failed_minutes_a_year, ours.wrong, ours.verdict), (0.0, 0, "correct"));
    assert!(ours.rollovers > 20 && ours.judged > 20);
    println!("{}", simulation::strategies::table());
}
