//! The attach protocol of the `HotSpot` JVM, spoken without a JDK.
