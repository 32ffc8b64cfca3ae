//! The documentation against the program: every example of `README.md` and `docs/` is run against the fake
//! web or stands in a short list with the reason why not, every option that a page names exists, every
//! link leads somewhere, and every way in which a row can fail is explained. Never changes a page.
//!
//! Python examples are run by `python/tests/test_pages.py`, which has the package.

mod examples;
mod facts;
mod lists;
mod pages;
mod shell;
