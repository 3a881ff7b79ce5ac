//! The memory profile of a Go program, read out of its memory: it need not run, answer, or know of it.
