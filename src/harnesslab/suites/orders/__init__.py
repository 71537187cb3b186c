"""The order desk: customers, orders, payments, stock and a written policy; see docs/suites.md."""
