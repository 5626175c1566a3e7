"""How much g4fsync costs, beside a bare socket loop and beside its peers.

``python -m tests.bench`` runs all rows, ``python -m tests.bench --quick`` the
whole of it in under two minutes, ``python -m tests.bench openai import`` the
rows of these names.  Nothing here is run by ``pytest``: the costs that can be
counted are in ``tests/test_costs.py``.

========== ==============================================================
rows       what is measured, with whom, and the goals
table      the rows as text and as JSON
child      one measurement in a process of its own
clients    g4fsync and its peers, each as its users call it
floor      the hand-written loops everything is compared with
server     compiles and starts ``loadserver.c``
========== ==============================================================
"""
