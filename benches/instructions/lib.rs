//! Nothing: this package is its bench, apart from the others since it needs valgrind and the program `gungraun-runner`.
