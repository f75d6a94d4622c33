//! The text engine against laptops that type, and against bare `loro`.

mod fuzz;
mod history;
mod invert;
mod kit;
mod typing;
mod unicode;
