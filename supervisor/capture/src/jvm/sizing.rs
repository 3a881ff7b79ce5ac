//! Whether a JVM fits its limit.
