//! Heap profiles of other processes, taken from outside: nothing has to be installed in the service or its image.

pub mod go;
pub mod jvm;
