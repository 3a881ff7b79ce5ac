//! Keeps what incidents leave behind: safely, within bounds, and off the machine where asked.
