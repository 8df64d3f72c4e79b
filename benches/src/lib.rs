//! Servers that the HTTP benchmark compares with.
