//! Integration tests live in it/, sim/, compat/ and e2e/.
