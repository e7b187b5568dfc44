//! Grading is held against a second implementation that looks at one row a round, on histories that come from chance, and against single
//! cases whose grade follows from the definition.

mod both_ends;
mod cases;
mod catalogue;
mod naive;
mod random;
mod small;
