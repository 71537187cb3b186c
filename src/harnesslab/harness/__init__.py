"""What stands between a model and its tools: the agent loop, and layers around it.

The life of a trial:

1. `loop.run_trial` opens a `Run` (the trial's books: turns, tokens, events) and binds the layers to its five ports.
2. solve: system and user message open the conversation.
3. turn: the model is asked once (generate), and every call of its reply is executed in order (act).
4. Results and errors go back to the model; a text answer goes to the simulated user, or ends the trial.
5. Budgets and the context bound it all; the recorder has seen every reply, call, execution and intervention.

This room knows nothing of models, suites, oracles or grading: it meets them through the protocols in `types`.
"""
