"""Conversations, and the SQLite file that has every word that came.

``store`` writes while answers stream, ``search`` reads, ``cache`` gives an answer again,
``conversation`` holds the history of a talk.  How the file is laid out stands in ``schema``.
"""
