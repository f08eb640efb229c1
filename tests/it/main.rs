//! Black-box tests: the real binary, driven over HTTP, SMTP, SQL and a browser (see `tests/README.md`).

mod support;

mod harness;
