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

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
const LASTS: i64 = 14 * DAY;

/// The first days fill the queue; what is counted begins here.
const COUNTED_FROM: i64 = 4 * DAY;

/// What the rules say, in seconds: a token lives an hour, is renewed five to ten minutes ahead, a use is noted when the
/// last noted one is so old, and a grant that nobody uses is refreshed after so long.
const LIFE: i64 = HOUR;
const LEAD: i64 = 5 * MINUTE;
const NOTED: i64 = HOUR;
const KEEP_ALIVE: i64 = 60 * DAY;

/// After so long somebody looks whether a refresh that a caller waited for came to an end.
const WORD: i64 = MINUTE;

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
const ZONES: [i64; 3] = [1, 8, 15];

/// Half of the people open the app so often a day, at any time; the others once, at their own hour and up to so much
/// later. A visit lasts so long, with a call of the API every so often.
const VISITS: i64 = 3;
const LATE: i64 = 30 * MINUTE;
const VISIT: i64 = 30 * MINUTE;
const CALL: i64 = 5 * MINUTE;

/// For how long after its last use a grant is kept fresh, by name.
const RULES: [(&str, i64); 6] = [
    ("not at all", 0),
    ("8 hours", 8 * HOUR),
    ("1 day", DAY),
    ("26 hours (the rule)", 26 * HOUR),
    ("3 days", 3 * DAY),
    ("14 days", 14 * DAY),
];

#[expect(clippy::print_stdout, reason = "the table is the result")]
fn main() {
    println!("{INSTALLATIONS:.0} installations, 30 % of them used in a week; a simulation of {SAMPLE} of them\n");
    println!(
        "| kept fresh after the last use | refreshes/s, mean | busiest minute | store writes/s, mean | busiest minute | \
         calls that wait for a refresh |"
    );
    println!("|---|--:|--:|--:|--:|--:|");
    for (name, kept) in RULES {
        let seen = simulate(kept);
        println!(
            "| {name} | {:.0} | {:.0} | {:.0} | {:.0} | {:.1} % |",
            mean(&seen.refreshes),
            busiest(&seen.refreshes),
            mean(&seen.writes),
            busiest(&seen.writes),
            100.0 * f64::from(seen.waits) / f64::from(seen.calls),
        );
    }
}

/// How many there are of something in each minute that counts.
type Minutes = Vec<u32>;

fn mean(minutes: &Minutes) -> f64 {
    let counts = u32::try_from(minutes.len()).expect("some thousand minutes");
    per_second(minutes.iter().copied().map(f64::from).sum::<f64>() / f64::from(counts))
}

fn busiest(minutes: &Minutes) -> f64 {
    per_second(f64::from(minutes.iter().copied().max().unwrap_or_default()))
}

/// What happens in a minute to the sample, in a second to the fleet.
fn per_second(in_a_minute: f64) -> f64 {
    in_a_minute * INSTALLATIONS / f64::from(SAMPLE) / 60.0
}

struct Seen {
    refreshes: Minutes,
    writes: Minutes,
    calls: u32,
    waits: u32,
}

impl Seen {
    fn count(minutes: &mut Minutes, now: i64, number: u32) {
        if let Some(count) = usize::try_from((now - COUNTED_FROM) / MINUTE).ok().and_then(|at| minutes.get_mut(at)) {
            *count += number;
        }
    }
}

#[derive(Clone, Copy)]
struct Grant {
    refreshed: i64,
    due: i64,
    used: i64,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    Call,
    /// An entry of the queue, for the tokens that were given then.
    Entry(i64),
}

struct Fleet {
    grants: Vec<Grant>,
    events: BinaryHeap<Reverse<(i64, What, u32)>>,
    dice: Dice,
    seen: Seen,
    kept_fresh: i64,
}

fn simulate(kept_fresh: i64) -> Seen {
    let minutes = usize::try_from((LASTS - COUNTED_FROM) / MINUTE).unwrap_or(0);
    let seen = Seen { refreshes: vec![0; minutes], writes: vec![0; minutes], calls: 0, waits: 0 };
    let (mut events, mut dice) = (BinaryHeap::new(), Dice(0x5eed));
    let grants = (0..SAMPLE).map(|id| {
        events.extend(calls(&mut dice).into_iter().map(|at| Reverse((at, What::Call, id))));
        // Before it begins, nobody has used anything for long.
        let refreshed = -dice.below(KEEP_ALIVE);
        events.push(Reverse((refreshed + KEEP_ALIVE, What::Entry(refreshed), id)));
        Grant { refreshed, due: refreshed, used: -KEEP_ALIVE }
    });
    let grants = grants.collect();
    let mut fleet = Fleet { grants, events, dice, seen, kept_fresh };
    while let Some(Reverse((now, what, id))) = fleet.events.pop() {
        if now >= LASTS {
            break;
        }
        match what {
            What::Call => fleet.call(now, id),
            What::Entry(refreshed) => fleet.look(now, id, refreshed),
        }
    }
    fleet.seen
}

impl Fleet {
    fn call(&mut self, now: i64, id: u32) {
        let grant = &mut self.grants[id as usize];
        let expired = grant.refreshed + LIFE <= now;
        if now >= COUNTED_FROM {
            self.seen.calls += 1;
            self.seen.waits += u32::from(expired);
        }
        if expired || grant.due <= now {
            grant.used = now;
            // A word for the case that the process dies, which is looked at and goes.
            self.write(now, 1);
            self.refresh(now, id);
            let refreshed = self.grants[id as usize].refreshed;
            self.events.push(Reverse((now + WORD, What::Entry(refreshed - 1), id)));
        } else if now - grant.used >= NOTED {
            let was_in_use = now - grant.used < self.kept_fresh;
            grant.used = now;
            let (due, refreshed) = (grant.due, grant.refreshed);
            self.write(now, 1);
            if !was_in_use && self.kept_fresh > 0 {
                self.enqueue(now, due, id, refreshed);
            }
        }
    }

    /// Looks at an entry of the queue, which goes in any case.
    fn look(&mut self, now: i64, id: u32, refreshed: i64) {
        let grant = self.grants[id as usize];
        self.write(now, 1);
        if grant.refreshed != refreshed {
            return;
        }
        if now - grant.used < self.kept_fresh || now - grant.refreshed >= KEEP_ALIVE {
            self.refresh(now, id);
        } else {
            self.enqueue(now, refreshed + KEEP_ALIVE, id, refreshed);
        }
    }

    /// Three durable writes: the intent, the tokens, the next place in the queue.
    fn refresh(&mut self, now: i64, id: u32) {
        Seen::count(&mut self.seen.refreshes, now, 1);
        self.write(now, 2);
        let due = now + LIFE - LEAD - self.dice.below(LEAD);
        let grant = &mut self.grants[id as usize];
        (grant.refreshed, grant.due) = (now, due);
        let in_use = now - grant.used < self.kept_fresh;
        self.enqueue(now, if in_use { due } else { now + KEEP_ALIVE }, id, now);
    }

    fn enqueue(&mut self, now: i64, at: i64, id: u32, refreshed: i64) {
        self.write(now, 1);
        self.events.push(Reverse((at, What::Entry(refreshed), id)));
    }

    fn write(&mut self, now: i64, writes: u32) {
        Seen::count(&mut self.seen.writes, now, writes);
    }
}

/// When one installation calls the API, over all the days.
fn calls(dice: &mut Dice) -> Vec<i64> {
    let mut left = dice.unit();
    let habit = HABITS.iter().find(|habit| {
        left -= habit.share;
        left < 0.0
    });
    let opens = habit.map_or(0.0, |habit| habit.opens);
    let zone = ZONES[usize::try_from(dice.below(3)).unwrap_or(0)];
    let own_hour = (dice.below(2) == 0).then(|| dice.below(8 * HOUR));
    let mut calls = Vec::new();
    for day in (0..LASTS / DAY).filter(|day| day % 7 < 5) {
        if dice.unit() >= opens {
            continue;
        }
        for _ in 0..own_hour.map_or(VISITS, |_| 1) {
            let at = match own_hour {
                Some(hour) => hour + dice.below(LATE),
                None => dice.below(9 * HOUR),
            };
            let begins = day * DAY + zone * HOUR + at;
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

    fn below(&mut self, limit: i64) -> i64 {
        i64::try_from(self.next() % limit.unsigned_abs()).unwrap_or(0)
    }

    fn unit(&mut self) -> f64 {
        f64::from(u32::try_from(self.next() >> 32).expect("half the bits")) / f64::from(u32::MAX)
    }
}
