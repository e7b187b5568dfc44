//! What many names have in common, found out once.

use dnssec::Name;
use foldhash::fast::RandomState;
use std::cell::RefCell;
use std::collections::HashMap;
use std::future::Future;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::sync::OnceCell;

/// Facts by name, each found out by the first who needs it while others wait. When there is no more room, those that were not of use for
/// longest go first.
pub struct Memory<T> {
    pages: RefCell<Pages<T>>,
    most: usize,
}

struct Pages<T> {
    young: Page<T>,
    old: Page<T>,
}

/// By name in wire form and lower case.
type Page<T> = HashMap<Box<[u8]>, Rc<Fact<T>>, RandomState>;
type Fact<T> = OnceCell<Known<T>>;

struct Known<T> {
    value: T,
    until: Instant,
}

impl<T: Clone> Memory<T> {
    /// For about so many facts.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self { pages: RefCell::new(Pages { young: Page::default(), old: Page::default() }), most: most.div_ceil(2).max(1) }
    }

    /// What is known of a name, or what `find` finds out, which also says how long it may be told to others.
    pub async fn of<F: Future<Output = (T, Duration)>>(&self, name: &Name, find: impl FnOnce() -> F) -> T {
        let fact = self.fact(name.as_slice()).unwrap_or_else(|| self.begin(name));
        let known = fact.get_or_init(|| async {
            let (value, lasts) = find().await;
            Known { value, until: Instant::now() + lasts }
        });
        known.await.value.clone()
    }

    /// What is known of a name in wire form already.
    pub fn known(&self, name: &[u8]) -> Option<T> {
        self.fact(name)?.get().map(|known| known.value.clone())
    }

    /// A fact that holds, or is being found out.
    fn fact(&self, name: &[u8]) -> Option<Rc<Fact<T>>> {
        let name = name.to_ascii_lowercase();
        let mut pages = self.pages.borrow_mut();
        let Pages { young, old } = &mut *pages;
        let fact = match young.get(&*name) {
            Some(fact) => fact.clone(),
            None => {
                let (name, fact) = old.remove_entry(&*name)?;
                young.insert(name, fact.clone());
                fact
            }
        };
        Some(fact).filter(|fact| fact.get().is_none_or(|known| known.until > Instant::now()))
    }

    fn begin(&self, name: &Name) -> Rc<Fact<T>> {
        let mut pages = self.pages.borrow_mut();
        if pages.young.len() >= self.most {
            pages.old = std::mem::take(&mut pages.young);
        }
        let fact = Rc::new(Fact::new());
        pages.young.insert(name.as_slice().to_ascii_lowercase().into(), fact.clone());
        fact
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    const LONG: Duration = Duration::from_secs(60);

    #[tokio::test]
    async fn found_once_whatever_the_case_and_again_when_it_is_too_old() {
        let (memory, found) = (Memory::new(10), Cell::new(0));
        let find = |lasts| {
            found.set(found.get() + 1);
            std::future::ready((found.get(), lasts))
        };
        let [a, b]: [Name; 2] = ["Ns.Example", "ns.eXample"].map(|name| name.parse().unwrap());
        assert_eq!((memory.of(&a, || find(LONG)).await, memory.of(&b, || find(LONG)).await), (1, 1));
        assert_eq!(memory.known(b"\x02nS\x07example\x00"), Some(1));
        let c: Name = "c".parse().unwrap();
        assert_eq!((memory.of(&c, || find(Duration::ZERO)).await, memory.of(&c, || find(LONG)).await), (2, 3));
    }

    #[tokio::test]
    async fn what_is_of_use_stays_and_there_is_a_bound() {
        let memory = Memory::new(10);
        let kept: Name = "kept".parse().unwrap();
        for i in 0..100 {
            let name: Name = format!("n{i}").parse().unwrap();
            assert_eq!(memory.of(&kept, || std::future::ready((if i == 0 { 0 } else { 1000 }, LONG))).await, 0, "{i}");
            memory.of(&name, || std::future::ready((i, LONG))).await;
        }
        let pages = memory.pages.borrow();
        assert!(pages.young.len() + pages.old.len() <= 12);
    }
}
