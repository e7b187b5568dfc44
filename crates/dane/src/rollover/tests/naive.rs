//! The definition once more, slow and plain: one row for every round of the grid, and every question a walk over all rows.

use super::small::World;
use crate::rollover::{Evidence, Grade, Late, Missing, Part};

/// One round of the grid. Of one in which nobody looked, or the server showed nothing, both are `None`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Row {
    pub set: Option<u32>,
    pub ttl: u32,
    pub chain: Option<u32>,
}

/// Rows at 0, `interval`, 2 · `interval`, …: index of the row, old and new chain, and the grade of every change of certificates or keys.
pub fn grade(rows: &[Row], interval: u32, world: &World) -> Vec<(usize, u32, u32, Option<Grade>)> {
    let mut out = Vec::new();
    for t in 1..rows.len() {
        let Some(new) = rows[t].chain else { continue };
        let Some(old) = rows[..t].iter().rev().find_map(|row| row.chain) else { continue };
        let (before, after) = (&world.chains[old as usize], &world.chains[new as usize]);
        let lost_and_gained = |before: &std::collections::BTreeSet<u32>, after: &std::collections::BTreeSet<u32>| {
            before.iter().any(|x| !after.contains(x)) && after.iter().any(|x| !before.contains(x))
        };
        let certificate = before.leaf != after.leaf || lost_and_gained(&before.issuers, &after.issuers);
        let leaf = before.leaf_key != after.leaf_key;
        let issuers = lost_and_gained(&before.issuer_keys, &after.issuer_keys);
        if leaf || issuers {
            out.push((t, old, new, Some(key_change(rows, t, new, (leaf, issuers), interval, world))));
        } else if certificate {
            out.push((t, old, new, None));
        }
    }
    out
}

fn key_change(rows: &[Row], t: usize, new: u32, (leaf, issuers): (bool, bool), interval: u32, world: &World) -> Grade {
    let fits = |set: u32, chain: u32| world.matches(set, chain, Part::All);
    if !rows.iter().any(|row| row.set.zip(row.chain).is_some_and(|(set, chain)| fits(set, chain))) {
        return Grade::NeverMatched;
    }
    let Some(s_before) = rows[t - 1].set else { return Grade::NoData(Missing::Before) };
    let Some(s_now) = rows[t].set else { return Grade::NoData(Missing::At) };
    if 2 * rows[t].ttl < interval {
        return Grade::ShortTtl;
    }
    let Some(old) = rows[t - 1].chain else { return Grade::NoData(Missing::Before) };
    let usages: Vec<u8> = world.sets[s_before as usize].iter().map(|record| record.0).collect();
    let (ee, ta) = (usages.iter().any(|u| [1, 3].contains(u)), usages.iter().any(|u| [0, 2].contains(u)));
    if (leaf && !issuers && !ee) || (issuers && !leaf && !ta) {
        return Grade::NotARollover;
    }
    if !fits(s_before, old) {
        let had_matched = rows[..t].iter().any(|row| row.chain == Some(old) && row.set.is_some_and(|set| fits(set, old)));
        return if fits(s_before, new) && had_matched { Grade::EarlyRetirement } else { Grade::UnmatchedBefore };
    }
    if !fits(s_now, new) {
        let later = (t + 1..rows.len()).find(|x| rows[*x].set.is_some_and(|set| fits(set, new)));
        return later.map_or(Grade::NeverIntroduced, |x| Grade::Late(Late::After(x as i64 * i64::from(interval))));
    }
    if !fits(s_before, new) {
        return Grade::Late(Late::SameTime);
    }
    let other = if leaf { Part::Issuers } else { Part::Leaf };
    if leaf != issuers && world.matches(s_before, old, other) && world.matches(s_before, new, other) {
        return Grade::Correct;
    }
    let x = t as i64 * i64::from(interval) - 2 * i64::from(rows[t].ttl);
    let row = x.div_euclid(i64::from(interval));
    let at = usize::try_from(row).ok().and_then(|row| rows[row].set);
    match at {
        Some(set) if fits(set, new) => Grade::Correct,
        Some(_) => Grade::Late(Late::InBetween),
        None => {
            let before = (0..row.max(0) as usize).rev().find_map(|row| rows[row].set);
            if before.is_some_and(|set| fits(set, new)) { Grade::Correct } else { Grade::NoData(Missing::TwoTtlsBefore) }
        }
    }
}
