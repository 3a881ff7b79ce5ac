//! Boards with highwater on them, in emulation: a test here drives a board from outside, by its console and a line, and
//! takes its power away. `tests/run board NAME` runs them.

mod board;
mod clock;
mod disk;
mod other_inits;
mod pid1;
mod power;
mod pressure;
