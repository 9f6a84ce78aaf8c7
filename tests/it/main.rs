//! The one integration binary; modules are named by situation.
