//! A fleet of installations over two weeks: how often their grants are refreshed, and what that costs the store.
//! `cargo bench -p stagedoor-benches --bench fleet`.
//!
//! A simulation, not a measurement: people open the app in the working hours of their time zone, and the rules of
//! `stagedoor_flows::grant` decide what happens to their grants. It counts for a sample of the fleet and multiplies. The
//! same seed gives the same table. `docs/scaling.md` quotes it.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// The fleet that the table speaks of.
const INSTALLATIONS: f64 = 10_000_000.0;

/// How many of them are simulated.
const SAMPLE: u32 = 100_000;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
const LASTS: u64 = 14 * DAY;

/// The first days fill the queue; what is counted begins here.
const COUNTED_FROM: u64 = 4 * DAY;

/// What the rules say, in seconds: a token lives an hour, is renewed five to ten minutes ahead, and a use is noted when
/// the last noted one is so old.
const LIFE: u64 = HOUR;
const LEAD: u64 = 5 * MINUTE;

/// How people use an app: a share of the installations, and the chance that one of them opens it on a working day.
struct Habit {
    share: f64,
    opens: f64,
}

const HABITS: [Habit; 4] = [
    Habit { share: 0.10, opens: 0.9 },
    Habit { share: 0.20, opens: 0.25 },
    Habit { share: 0.30, opens: 0.04 },
    Habit { share: 0.40, opens: 0.002 },
];

/// How the working day lies for thirds of the people, in hours after midnight UTC.
const ZONES: [u64; 3] = [1, 8, 15];

/// Who opens the app does so so often that day, for so long, and calls the API every so often.
const VISITS: u64 = 3;
const VISIT: u64 = 30 * MINUTE;
const CALL: u64 = 5 * MINUTE;

#[expect(clippy::print_stdout, reason = "the table is the result")]
fn main() {
    println!("{INSTALLATIONS:.0} installations, 30 % of them used in a week; a simulation of {SAMPLE} of them\n");
    println!(
        "| kept fresh after the last use | refreshes/s, mean | busiest minute | store writes/s, busiest | calls that wait for a refresh |"
    );
    println!("|---|--:|--:|--:|--:|");
    for (name, kept) in
        [("not at all", 0), ("1 hour", HOUR), ("8 hours", 8 * HOUR), ("1 day", DAY), ("14 days", 14 * DAY)]
    {
        let seen = simulate(kept);
        let scale = INSTALLATIONS / f64::from(SAMPLE);
        let seconds = (LASTS - COUNTED_FROM) as f64;
        let busiest = f64::from(seen.per_minute.iter().copied().max().unwrap_or_default()) / 60.0;
        let waits = 100.0 * seen.waits as f64 / seen.calls as f64;
        println!(
            "| {name} | {:.0} | {:.0} | {:.0} | {waits:.1} % |",
            seen.refreshes as f64 / seconds * scale,
            busiest * scale,
            busiest * scale * WRITES,
        );
    }
}

/// Durable writes of one refresh: lease, intent, tokens, the place in the queue, its old place, the end of the lease.
const WRITES: f64 = 6.0;

#[derive(Default)]
struct Seen {
    refreshes: u64,
    per_minute: Vec<u32>,
    calls: u64,
    waits: u64,
}

#[derive(Clone, Copy, Default)]
struct Grant {
    expires: u64,
    used: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    Call,
    Due,
}

fn simulate(kept_fresh: u64) -> Seen {
    let mut dice = Dice(0x5eed);
    let mut events = BinaryHeap::new();
    for grant in 0..SAMPLE {
        for at in calls(&mut dice) {
            events.push(Reverse((at, What::Call, grant)));
        }
    }
    let mut grants = vec![Grant::default(); SAMPLE as usize];
    let mut seen = Seen { per_minute: vec![0; usize::try_from(LASTS / MINUTE).unwrap_or(0) + 1], ..Seen::default() };
    while let Some(Reverse((now, what, id))) = events.pop() {
        if now >= LASTS {
            break;
        }
        let grant = &mut grants[id as usize];
        let counts = now >= COUNTED_FROM;
        let refresh = match what {
            What::Call => {
                grant.used = now;
                let expired = grant.expires <= now;
                seen.calls += u64::from(counts);
                seen.waits += u64::from(counts && expired);
                expired || due(grant.expires, &mut dice) <= now
            }
            // An entry of the queue that a later refresh has overtaken moves on.
            What::Due => grant.expires <= now + 2 * LEAD && now - grant.used < kept_fresh,
        };
        if refresh {
            seen.refreshes += u64::from(counts);
            seen.per_minute[usize::try_from(now / MINUTE).unwrap_or(0)] += u32::from(counts);
            grant.expires = now + LIFE;
            events.push(Reverse((due(grant.expires, &mut dice), What::Due, id)));
        }
    }
    seen
}

fn due(expires: u64, dice: &mut Dice) -> u64 {
    expires.saturating_sub(LEAD + dice.below(LEAD))
}

/// When one installation calls the API, over all the days.
fn calls(dice: &mut Dice) -> Vec<u64> {
    let mut left = dice.unit();
    let habit = HABITS.iter().find(|habit| {
        left -= habit.share;
        left < 0.0
    });
    let opens = habit.map_or(0.0, |habit| habit.opens);
    let zone = ZONES[usize::try_from(dice.below(3)).unwrap_or(0)];
    let mut calls = Vec::new();
    for day in (0..LASTS / DAY).filter(|day| day % 7 < 5) {
        if dice.unit() >= opens {
            continue;
        }
        for _ in 0..VISITS {
            let begins = day * DAY + zone * HOUR + dice.below(9 * HOUR);
            calls.extend((0..VISIT / CALL).map(|call| begins + call * CALL));
        }
    }
    calls
}

/// `SplitMix64`: a simulation has to give the same table every time.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }
}
