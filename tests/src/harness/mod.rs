//! Runs the binary and reads its datasets back.
