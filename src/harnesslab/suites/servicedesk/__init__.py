"""Service desks: an agent, a written policy, linked tables, and a customer who talks; see docs/suites.md.

persona        who calls                          listening      what an agent's message means to a customer
topics         what one may ask for               scripted_user  the customer who answers by what was asked
brief          the customer in words, for models  dialogue       agents without a model that talk
draft, goal, task, suite                          retail, airline: tables, policy, tools, advice, templates per tier
"""
